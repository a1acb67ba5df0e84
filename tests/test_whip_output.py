"""Publishing by WHIP: a real child process to a media server made of aiortc."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import psutil
import pytest
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from livehost.errors import ConfigError
from livehost.media import StreamHeader
from livehost.rtc.servers import ice_servers
from livehost.stage.outputs import make_output, redact, whip
from livehost.stage.outputs.loop import Limits, Output

from .rtc import FPS, HEIGHT, Live, read_tick

TOKEN = "s3cret-of-the-server"
HEADER = StreamHeader(720, 1280, "25/1", b"\1\x64\0\x1f", b"")


class MediaServer:
    """Takes one stream at a time by WHIP, and decodes it."""

    def __init__(self) -> None:
        self.pictures: list[Any] = []
        self.sounds: list[Any] = []
        self.tokens: list[str] = []
        self.ended = 0
        self.status = 201
        self.peers: list[RTCPeerConnection] = []
        self.url = ""
        self.configuration = RTCConfiguration(iceServers=[])
        self._tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[MediaServer]:
        app = web.Application()
        self.routes(app)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"whip+http://{TOKEN}@127.0.0.1:{runner.addresses[0][1]}/live/show"
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            for peer in self.peers:
                await peer.close()
            await runner.cleanup()

    def routes(self, app: web.Application) -> None:
        app.router.add_post("/live/show", self._publish)
        app.router.add_delete("/live/show/1", self._end)

    def reachable(self, offer: str) -> str:
        """Return an offer with the addresses that this server can reach."""
        return offer

    async def _publish(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers.get("Authorization", ""))
        assert request.content_type == "application/sdp"
        if self.status != 201:
            return web.Response(status=self.status)
        peer = RTCPeerConnection(self.configuration)
        self.peers.append(peer)
        peer.on("track", self._track)
        await peer.setRemoteDescription(
            RTCSessionDescription(self.reachable(await request.text()), "offer")
        )
        await peer.setLocalDescription(await peer.createAnswer())
        return web.Response(
            status=201,
            text=peer.localDescription.sdp,
            content_type="application/sdp",
            headers={"Location": "show/1"},
        )

    async def _end(self, request: web.Request) -> web.Response:
        self.ended += 1
        return web.Response()

    def _track(self, track: Any) -> None:
        into = self.pictures if track.kind == "video" else self.sounds
        self._tasks.append(asyncio.ensure_future(self._drain(track, into)))

    async def _drain(self, track: Any, into: list[Any]) -> None:
        while True:
            into.append(await track.recv())

    async def ask_for_keyframe(self) -> None:
        for receiver in self.peers[-1].getReceivers():
            if receiver.track.kind == "video":
                await receiver._send_rtcp_pli(
                    next(iter(receiver._RTCRtpReceiver__active_ssrc))  # type: ignore[attr-defined]
                )


@asynccontextmanager
async def publishing(server: MediaServer, live: Live) -> AsyncIterator[Output]:
    """Run an output that gets what `live` encodes."""
    await asyncio.sleep(0)
    limits = Limits(first=0.3, most=0.5)
    output = make_output("m", server.url, live.encoder.header, live.want_keyframe, limits=limits)
    live.encoder.opus = output.sound == "opus"
    packet = live.tap.packet

    def put(message: Any) -> None:
        packet(message)
        output.put(message.packet)

    live.tap.packet = put
    on_air, running = asyncio.ensure_future(live.run()), asyncio.ensure_future(output.run())
    try:
        yield output
    finally:
        on_air.cancel()
        await output.close()
        await asyncio.wait({running})


async def until(condition: Any, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.real
def test_a_media_server_gets_every_picture_and_opus_and_is_told_the_end(caplog):
    caplog.set_level(logging.DEBUG)

    async def main():
        live, server = Live(), MediaServer()
        async with server.running(), publishing(server, live) as output:
            await until(lambda: len(server.pictures) > 40 and len(server.sounds) > 40)
            shown = [p.info["cmdline"] for p in psutil.process_iter(["cmdline"])]
            before = live.keyframes
            await server.ask_for_keyframe()
            await until(lambda: live.keyframes > before, 5)
            snapshot = output.snapshot()
            await output.close()
        return server, snapshot, shown

    server, snapshot, shown = asyncio.run(main())
    ticks = [read_tick(frame.to_ndarray()[:HEIGHT]) for frame in server.pictures[:40]]
    assert all(b - a == 1 for a, b in pairwise(ticks))
    assert server.sounds[0].sample_rate == 48_000
    assert [f.pts for f in server.pictures[:2]] == [0, 90_000 // FPS]
    assert server.tokens == [f"Bearer {TOKEN}"] and server.ended == 1
    assert snapshot["state"] == "live" and snapshot["losses"] == 0
    assert snapshot["url"].endswith("/live/***") and int(snapshot["sent_bytes"]) > 0
    assert TOKEN not in caplog.text and TOKEN not in str(snapshot)
    assert not any(TOKEN in word for line in shown for word in line or ())


@pytest.mark.real
def test_a_server_that_refuses_is_asked_again_and_one_that_dies_is_left():
    async def main():
        live, server = Live(), MediaServer()
        reasons = []
        async with server.running(), publishing(server, live) as output:
            server.status = 401
            await until(lambda: output.failures)
            reasons.append(output.reason)
            server.status = 409
            await until(lambda: "already" in output.reason)
            server.status = 201
            await until(lambda: len(server.pictures) > 5)
            await server.peers[-1].close()
            await until(lambda: output.losses)
            reasons.append(output.reason)
            count = len(server.pictures)
            await until(lambda: len(server.pictures) > count + 5)
            return reasons, output.snapshot()

    reasons, snapshot = asyncio.run(main())
    assert reasons == [
        "refused: the token is missing or wrong", "the server closed the connection",
    ]  # fmt: skip
    assert snapshot["state"] == "live" and snapshot["losses"] == 1


@pytest.mark.real
def test_where_nothing_listens_the_reason_says_so():
    async def main():
        output = make_output(
            "m", "whip+http://127.0.0.1:9/x", Live().encoder.header, limits=Limits(first=5)
        )
        running = asyncio.ensure_future(output.run())
        await until(lambda: output.failures)
        reason = output.reason
        await output.close()
        await running
        return reason

    assert asyncio.run(main()) == "connection refused: nothing listens there"


def test_servers_are_read_from_links_and_what_is_none_is_left_out():
    found = ice_servers(
        [
            '<stun:stun.example.com:3478>; rel="ice-server", '
            '<turn:t.example.com?transport=udp>; rel="ice-server"; username="a, b"; '
            'credential="p;w"; credential-type="password"',
            "<turns:t.example.com:5349?transport=tcp>;rel=ice-server;username=a;credential=b",
            '<https://example.com/next>; rel="next", <turn:>; rel="ice-server"',
            '<turn:other.example.com>; rel="preload"',
        ]
    )
    assert [(s.urls, s.username, s.credential) for s in found] == [
        ("stun:stun.example.com:3478", None, None),
        ("turn:t.example.com?transport=udp", "a, b", "p;w"),
        ("turns:t.example.com:5349?transport=tcp", "a", "b"),
    ]
    assert len(ice_servers(['<turn:x>; rel="ice-server"; username="' + "a" * 10_000] * 99)) < 9


def test_a_token_stands_in_the_url_and_nowhere_else():
    target = whip.target("whip+https://a%2Fb@media.example.com:8443/live/whip?x=1")
    assert target.endpoint == "https://media.example.com:8443/live/whip?x=1"
    assert target.token == "a/b" and "a/b" not in repr(target)
    assert whip.target("whip+https://:pw@h/x").token == "pw"
    assert redact("whip+https://tok@h/live/key") == "whip+https://h/live/***"


@pytest.mark.parametrize(
    "url", ["whip://h/x", "whip+ftp://h/x", "whip+https:///x", "whip+http://h:99999/"]
)
def test_what_is_no_whip_url_is_refused_without_its_secret(url):
    with pytest.raises(ConfigError, match="whip\\+https://TOKEN@host/path"):
        make_output("m", url.replace("//", "//tok@"), HEADER)
