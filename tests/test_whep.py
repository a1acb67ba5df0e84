"""Watching by WebRTC with a standard client over real sockets: what it gets, what is refused."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise

import pytest
from aiortc import RTCSessionDescription

from livehost.brain.webrtc.ice import Ice
from livehost.config_webrtc import IceServer, WebRtc
from livehost.errors import ConfigError

from .rtc import FPS, HEIGHT, Live, Player, read_tick, showing

pytestmark = pytest.mark.real
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


def whep(scenario, **options):
    """Run `scenario(live, client)` with a stream on air."""

    async def main():
        async with showing(**options) as (live, _, client):
            async with asyncio.timeout(10):
                while live.header is None:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            return await scenario(live, client)

    with asyncio.Runner() as runner:
        return runner.run(main())


async def numbers(client) -> dict[str, float]:
    async with client.get("/metrics") as answer:
        lines = [line.rsplit(" ", 1) for line in (await answer.text()).splitlines()]
    return {name: float(value) for name, value in lines if name.startswith("livehost_whep")}


def ticks(player: Player) -> list[int]:
    return [read_tick(frame.to_ndarray()[:HEIGHT]) for _, frame in player.pictures]


def test_a_player_sees_every_picture_from_a_keyframe_on_and_hears_opus():
    async def scenario(live, client):
        await asyncio.sleep(1.5)
        player = Player()
        assert await player.join(client) == 201
        await player.seen(40)
        seen = ticks(player)
        pcm = player.sounds[20][1].to_ndarray()
        await client.delete(player.location)
        await player.close()
        return seen, player, pcm, live.keyframes

    seen, player, pcm, keyframes = whep(scenario)
    assert all(b - a == 1 for a, b in pairwise(seen)), "each picture once, as the stage made it"
    assert seen[0] > FPS, "it began where the show was"
    assert keyframes >= 1
    assert player.sounds[0][1].sample_rate == 48_000 and pcm.shape[-1] == 960 * 2
    assert "a=msid:livehost" in player.answer and player.answer.count("m=") == 2
    assert player.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"


def test_timestamps_are_the_media_clock_s():
    async def scenario(live, client):
        player = Player()
        await player.join(client)
        await player.seen(50)
        await player.close()
        return ticks(player), [f.pts for _, f in player.pictures], [f.pts for _, f in player.sounds]

    seen, pictures, sounds = whep(scenario)
    assert [(b - a) / 3600 for a, b in pairwise(pictures)] == [b - a for a, b in pairwise(seen)]
    assert {b - a for a, b in pairwise(sounds)} == {960}


def test_a_player_that_lost_the_picture_gets_a_keyframe():
    async def scenario(live, client):
        player = Player()
        await player.join(client)
        await player.seen(5)
        before = live.keyframes
        for receiver in player.peer.getReceivers():
            if receiver.track.kind == "video":
                ssrc = next(iter(receiver._RTCRtpReceiver__active_ssrc))
                await receiver._send_rtcp_pli(ssrc)
        async with asyncio.timeout(5):
            while live.keyframes == before:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await player.close()
        return True

    assert whep(scenario)


def test_a_restarted_stage_goes_on_in_the_same_connection():
    async def scenario(live, client):
        player = Player()
        await player.join(client)
        await player.seen(20)
        again = Live()
        again.tap = live.tap  # the link is the same, the stage is new
        again.tap._on_live = again._opus
        again._opus(True)
        live._tick = lambda tick: []
        running = asyncio.ensure_future(again.run())
        count = len(player.pictures)
        await player.seen(count + 40)
        running.cancel()
        await player.close()
        return ticks(player)[count + 5 :], [f.pts for _, f in player.pictures]

    after, pts = whep(scenario, first=500)
    assert all(b > a for a, b in pairwise(pts))
    assert all(b - a == 1 for a, b in pairwise(after)) and after[0] < 500


def test_several_watch_and_one_too_many_is_told_to_take_http():
    async def scenario(live, client):
        players = [Player() for _ in range(3)]
        statuses = [await player.join(client) for player in players]
        for player in players[:2]:
            await player.seen(10)
        full = players[2].answer, players[2].headers.get("Retry-After")
        await client.delete(players[0].location)
        later = Player()
        freed = await later.join(client)
        await later.seen(5)
        counted = await numbers(client)
        for player in (*players, later):
            await player.close()
        return statuses, full, freed, counted

    statuses, (body, after), freed, counted = whep(scenario, viewers=2)
    assert statuses == [201, 201, 503] and "/live.mp4" in body and after
    assert freed == 201
    assert counted["livehost_whep_viewers"] == 2 and counted["livehost_whep_refused_total"] == 1
    assert counted['livehost_whep_left_total{why="closed"}'] == 1


def test_opus_is_made_only_while_somebody_watches():
    async def scenario(live, client):
        before = live.encoder.opus
        player = Player()
        await player.join(client)
        await player.seen(3)
        during = live.encoder.opus
        await player.close()  # without a word: the far end is gone
        async with asyncio.timeout(10):
            while live.encoder.opus:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return before, during, await numbers(client)

    before, during, counted = whep(scenario)
    assert (before, during) == (False, True)
    assert counted["livehost_whep_viewers"] == 0


def test_candidates_may_come_behind_the_offer():
    async def scenario(live, client):
        player = Player()
        offer = await player.offer()
        lines = offer.split("\r\n")
        found = [line for line in lines if line.startswith("a=candidate")]
        bare = "\r\n".join(line for line in lines if line not in (*found, "a=end-of-candidates"))
        async with client.post("/whep", data=bare, headers=SDP) as response:
            answer, where = await response.text(), response.headers["Location"]
            tag = response.headers["ETag"]
        ufrag = next(line for line in lines if line.startswith("a=ice-ufrag"))
        body = "\r\n".join([ufrag, "a=mid:0", *found[:2], "a=end-of-candidates", ""])
        statuses = []
        for given, headers in (
            (body, {"If-Match": tag}),
            (body, {"If-Match": '"other"'}),
            ("a=ice-ufrag:other\r\na=ice-pwd:x\r\n", {}),
            ("nothing", {}),
        ):
            async with client.patch(where, data=given, headers={**FRAGMENT, **headers}) as said:
                statuses.append(said.status)
        await player.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await player.seen(3)
        await player.close()
        return statuses

    assert whep(scenario) == [204, 412, 422, 400]


def test_bad_requests_are_refused_in_one_line_each():
    async def scenario(live, client):
        good = await Player().offer()
        statuses = {}
        for name, body, headers in (
            ("json", good, {"Content-Type": "application/json"}),
            ("junk", "hello", SDP),
            ("half", good[: len(good) // 3], SDP),
            ("cut", good.replace("a=fingerprint", "a=x"), SDP),
            ("long", "v=0" + "x" * 100_000, SDP),
            ("binary", b"\xff\xfe", SDP),
            ("vp8", good.replace("H264", "VP8X"), SDP),
            ("mute", "".join(good.partition("m=video")[:1]), SDP),
        ):
            async with client.post("/whep", data=body, headers=headers) as response:
                assert response.status >= 400, name
                said = await response.json()
                statuses[name] = response.status
                assert said["ok"] is False and "\n" not in said["error"], name
        for method, path in (("DELETE", "/whep/x"), ("PATCH", "/whep/x"), ("GET", "/whep")):
            async with client.request(method, path, headers=FRAGMENT) as response:
                statuses[f"{method} {path}"] = response.status
        return statuses, await numbers(client)

    statuses, counted = whep(scenario)
    assert statuses == {
        "json": 415, "junk": 400, "half": 400, "cut": 400, "long": 413, "binary": 400,
        "vp8": 400, "mute": 400, "DELETE /whep/x": 404, "PATCH /whep/x": 404, "GET /whep": 405,
    }  # fmt: skip
    assert counted["livehost_whep_viewers"] == 0


def test_only_who_has_the_token_may_watch():
    async def scenario(live, client):
        player = Player()
        refused = await player.join(client)
        other = await player.peer.close() or Player()
        foreign = await other.join(
            client, Authorization="Bearer 0123456789abcdef-token", Origin="https://evil.example"
        )
        last = await other.peer.close() or Player()
        taken = await last.join(client, Authorization="Bearer 0123456789abcdef-token")
        await last.close()
        return refused, foreign, taken

    assert whep(scenario, token="0123456789abcdef-token") == (401, 403, 201)


def test_before_the_stage_is_there_nobody_can_watch():
    class Dark(Live):
        async def run(self, first=0):
            await asyncio.Event().wait()

    async def main():
        async with showing(Dark()) as (_, _, client):
            player = Player()
            status = await player.join(client)
            await player.close()
            return status, player.headers.get("Retry-After")

    assert asyncio.run(main()) == (503, "1")


def test_addresses_and_ports_are_the_configured_ones():
    async def scenario(live, client):
        player = Player()
        await player.join(client)
        await player.seen(2)
        await player.close()
        return [x.split() for x in player.answer.splitlines() if x.startswith("a=candidate")]

    found = whep(scenario, ports=(42_000, 42_020), addresses=("127.0.0.1",))
    assert {f[4] for f in found} == {"127.0.0.1"}
    assert all(42_000 <= int(f[5]) <= 42_020 for f in found)


# --- relays ---------------------------------------------------------------------------------------


def test_viewers_get_passwords_that_expire_and_nobody_else_sees_them(monkeypatch, caplog):
    monkeypatch.setenv("TURN_SECRET", "north")
    caplog.set_level(logging.DEBUG)
    server = IceServer(urls=("turn:127.0.0.1:3999",), secret_env="TURN_SECRET")

    async def scenario(live, client):
        async with client.options("/whep") as response:
            return response.status, response.headers["Link"], response.headers["Accept-Post"]

    status, link, post = whep(scenario, ice_server=(server,))
    assert (status, post) == (204, "application/sdp")
    assert link.startswith('<turn:127.0.0.1:3999>; rel="ice-server"; username="')
    assert ":livehost" in link and "north" not in link
    password = link.partition('credential="')[2].partition('"')[0]
    assert len(password) == 28
    assert "north" not in caplog.text and password not in caplog.text


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (IceServer(urls=("http://x",)), "turn:HOST:PORT"),
        (IceServer(urls=("turn:x",), secret_env="NOT_THERE"), "NOT_THERE"),
        (IceServer(urls=("turn:x",), username="a", password_env="NOT_THERE"), "NOT_THERE"),
    ],
)
def test_a_relay_that_cannot_work_is_refused_at_the_start(server, said, monkeypatch):
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(ConfigError, match=said):
        Ice(WebRtc(ice_server=(server,)), "127.0.0.1")


def test_through_a_relay_alone_no_address_of_this_machine_is_told(monkeypatch):
    monkeypatch.setenv("TURN_SECRET", "north")
    server = IceServer(urls=("turn:127.0.0.1:9",), secret_env="TURN_SECRET")

    async def scenario(live, client):
        player = Player()
        status = await player.join(client)
        await player.close()
        return status, player.answer

    status, answer = whep(scenario, ice_server=(server,), relay_only=True)
    assert status == 201 and "a=candidate" not in answer and "127.0.0.1" not in answer
