"""The picture by WebRTC in a real browser: it is there at once, in step, and comes back."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from contextlib import contextmanager

import pytest
from aioice.ice import StunProtocol

from livehost.stage.wishes import Wishes

from .browser import chromium
from .rtc import Live, Player, showing

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed"),
]
EXPECTED = "Failed to load resource"  # what a browser logs by itself at a 4xx or 5xx
WATCH = """(async () => {
  const { LivePicture } = await import('/static/whep.js');
  Object.assign(window, { health: {}, joins: [], offsets: [], states: [], behind: [], peers: [] });
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(settings) {
      super(settings);
      peers.push(this);
    }
  };
  window.video = document.createElement('video');
  video.muted = true;
  document.body.append(video);
  video.addEventListener('health', ({ detail }) => {
    Object.assign(window.health, detail);
    if (detail.joinMs) joins.push(detail.joinMs);
    if (detail.avOffsetMs !== null) offsets.push(detail.avOffsetMs);
  });
  new LivePicture(video, (state, behind) => {
    if (states.at(-1) !== state) states.push(state);
    if (behind !== undefined) window.behind.push(behind);
  }).run();
})()"""

COUNTED = """(async () => {
  for (const report of (await peers.at(-1).getStats()).values()) {
    if (report.type === 'inbound-rtp' && report.kind === 'video') return report;
  }
})()"""


@pytest.fixture(scope="module")
def browser():
    with asyncio.Runner() as runner:
        context = chromium()
        page = runner.run(context.__aenter__())
        runner.run(page.look(1280, 800))
        yield runner, page
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
def watch(browser):
    """Run `scenario(page, live, client)` beside a picture of `whep.js`."""
    runner, page = browser

    def run(scenario, live=None, **settings):
        async def main():
            async with showing(live, **settings) as (stage, console, client):
                await page.goto("about:blank")
                page.console.clear()
                await page.goto(console.address + "healthz")  # a page without anything on it
                await page.run(WATCH)
                await scenario(page, stage, client)
                assert [x for x in page.console if not re.search(EXPECTED, x)] == []
                await page.goto("about:blank")

        runner.run(main())

    return run


async def decoded(page, more: int = 25, seconds: float = 20) -> None:
    """Wait until the browser decoded some pictures more by WebRTC."""
    frames = await page.run("window.health.frames ?? 0")
    await page.until(f"(window.health.frames ?? 0) > {frames + more}", seconds)


async def whep(client, name: str) -> float:
    async with client.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line for line in lines if line.startswith(name)).rsplit(" ", 1)[1])


def test_picture_and_sound_come_by_webrtc_and_are_in_step(watch):
    async def scenario(page, live, client):
        await decoded(page, 150)
        health = await page.run("window.health")
        assert health["frames"] > 100 and health["freezes"] == 0 and health["lost"] == 0
        assert health["heard"] > 48_000
        assert await page.run("video.srcObject.getTracks().length") == 2
        assert await page.run("states.at(-1) === 'playing' && !video.paused")
        assert await page.run("[video.videoWidth, video.videoHeight]") == [208, 176]
        assert await page.run("video.currentTime") > 3
        assert max((await page.run("behind"))[5:]) < 0.5
        offsets = await page.run("window.offsets")
        assert offsets and abs(sorted(offsets)[len(offsets) // 2]) <= 60
        assert await whep(client, "livehost_whep_viewers") == 1
        assert await whep(client, "livehost_preview_viewers") == 0

    watch(scenario)


def test_picture_comes_back_after_the_connection_ended(watch):
    async def scenario(page, live, client):
        await decoded(page)
        await page.run("window.was = video.srcObject")
        packet, live.tap.packet = live.tap.packet, lambda message: None
        await page.until("states.at(-1) === 'away'", 15)
        live.tap.packet = packet
        await page.until("states.at(-1) === 'playing' && video.srcObject !== window.was", 20)
        await decoded(page, 10)

    watch(scenario)


@contextmanager
def losing(share: float, jitter: float = 0.0, back: float = 0.0):
    """Lose so many of the datagrams to viewers, at random; what ICE sends gets through.

    Args:
        jitter: seconds that one may be late, so that they come in another order.
        back: share of the datagrams from viewers that are lost, ICE's as well.
    """
    dice, send, receive = random.Random(0), StunProtocol.send_data, StunProtocol.datagram_received
    loop = asyncio.get_running_loop()

    async def lossy(self, data, addr):
        if dice.random() < share:
            return
        if not jitter:
            await send(self, data, addr)
        elif not self.transport.is_closing():
            loop.call_later(dice.random() * jitter, self.transport.sendto, data, addr)

    def deaf(self, data, addr):
        if dice.random() >= back:
            receive(self, data, addr)

    StunProtocol.send_data, StunProtocol.datagram_received = lossy, deaf
    try:
        yield
    finally:
        StunProtocol.send_data, StunProtocol.datagram_received = send, receive


class Stage(Live):
    """A stage that makes keyframes as often as a real one does for those who ask.

    Attributes:
        made: keyframes in the stream.
    """

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self._wishes = Wishes(super().want_keyframe, self._opus)
        self.asked = 0

    def want_keyframe(self) -> None:
        self.asked += 1
        self._wishes.keyframe()

    def _tick(self, tick):
        packets = super()._tick(tick)
        for packet in packets:
            self.made += packet.kind == "video" and packet.keyframe
            self._wishes.made(packet)
        return packets


def test_lost_packets_are_sent_again_and_the_picture_goes_on(watch):
    async def scenario(page, live, client):
        await decoded(page)
        with losing(0.1):
            await decoded(page, 75, 10)
        assert await page.run("states.at(-1)") == "playing"
        assert await page.run("health.frozenMs") < 1500

    watch(scenario)


def test_on_a_rough_network_the_picture_stands_still_for_moments_only(watch):
    """5 % lost both ways, and datagrams up to 50 ms late, so that they overtake each other."""
    stage, seconds = Stage(), 15

    async def scenario(page, live, client):
        await decoded(page)
        encoder = live.encoder
        with losing(0.05, 0.05, 0.05):
            before, keys = await page.run(COUNTED), live.made
            await asyncio.sleep(seconds)
            after, keys = await page.run(COUNTED), live.made - keys
        gone = {k: after[k] - before.get(k, 0) for k in after if isinstance(after[k], int | float)}
        told = ("nackCount", "pliCount", "retransmittedPacketsReceived", "packetsLost",
                "framesDecoded", "freezeCount", "totalFreezesDuration")  # fmt: skip
        print({k: gone.get(k) for k in told}, "keyframes", keys, "asked", live.asked)
        assert gone["nackCount"] > 5 and gone["retransmittedPacketsReceived"] > 5
        assert gone["framesDecoded"] > 0.8 * 25 * seconds
        assert gone["totalFreezesDuration"] < 0.1 * seconds
        assert keys <= seconds + 1 and live.encoder is encoder
        assert await page.run("states.at(-1) === 'playing' && states.length < 4")

    watch(scenario, stage)


def test_many_who_lost_the_picture_get_one_keyframe_for_all(watch):
    stage, seconds = Stage(), 4

    async def scenario(page, live, client):
        players = [Player() for _ in range(3)]
        for player in players:
            assert await player.join(client) == 201
            await player.seen(5)
        await decoded(page)
        begun = await page.run(COUNTED)
        asked, made, encoder = live.asked, live.made, live.encoder
        for _ in range(seconds * 10):
            for player in players:
                await lose_picture(player)
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        asked, made = live.asked - asked, live.made - made
        health = await page.run(COUNTED)
        for player in players:
            await player.close()
        print("asked", asked, "made", made)
        assert asked > 60 and 2 <= made <= seconds + 2
        assert live.encoder is encoder and health["freezeCount"] == begun["freezeCount"]

    watch(scenario, stage)


async def lose_picture(player: Player) -> None:
    """Have a player say that it has lost the picture (PLI)."""
    for receiver in player.peer.getReceivers():
        if receiver.track.kind == "video":
            for ssrc in list(receiver._RTCRtpReceiver__active_ssrc):  # type: ignore[attr-defined]
                await receiver._send_rtcp_pli(ssrc)


def test_picture_comes_back_when_the_network_does(watch):
    async def scenario(page, live, client):
        await decoded(page)
        with losing(1.0):
            await page.until("states.at(-1) === 'away'", 15)
        await page.until("states.at(-1) === 'playing'", 20)
        await decoded(page, 10)

    watch(scenario)


def test_others_watch_at_the_same_time(watch):
    async def scenario(page, live, client):
        players = [Player() for _ in range(3)]
        for player in players:
            assert await player.join(client) == 201
        await decoded(page, 50)
        for player in players:
            assert len(player.pictures) > 20
            await player.close()
        assert await page.run("window.health.freezes") == 0

    watch(scenario)


def test_where_webrtc_is_off_or_full_the_picture_comes_by_http(watch):
    async def scenario(page, live, client):
        await page.until("video.getVideoPlaybackQuality().totalVideoFrames > 5", 20)
        assert await page.run("video.srcObject === null && video.src.startsWith('blob:')")

    watch(scenario, viewers=0)


def test_one_viewer_too_many_gets_the_picture_by_http_and_disturbs_nobody(watch):
    async def scenario(page, live, client):
        await decoded(page)
        async with page.another() as tab:
            await tab.goto(await page.run("location.href"))
            await tab.run(WATCH)
            await tab.until("video.getVideoPlaybackQuality().totalVideoFrames > 5", 20)
            assert await tab.run("video.srcObject === null && peers.length === 1")
        assert await whep(client, "livehost_whep_refused_total") == 1
        assert await whep(client, "livehost_whep_viewers") == 1
        await decoded(page, 10)

    watch(scenario, viewers=1)


def test_where_no_datagram_comes_through_the_picture_comes_by_http(watch):
    async def scenario(page, live, client):
        await page.until("video.getVideoPlaybackQuality().totalVideoFrames > 5", 40)
        assert await page.run("video.srcObject === null")
        assert await whep(client, "livehost_whep_viewers") == 0

    watch(scenario, Deaf())


class Deaf(Live):
    """Its packets go out by HTTP alone, as behind a firewall that stops UDP."""

    def live(self):
        async def never():
            await asyncio.Event().wait()

        class Nothing:
            async def __aenter__(self):
                await never()

            async def __aexit__(self, *_):
                pass

        return Nothing()
