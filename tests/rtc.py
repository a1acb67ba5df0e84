"""What WebRTC tests share: a stream encoded as the stage does it, a source of it, a player.

In:  nothing but the product's encoders and aiortc.   Out: packets at their times; a WHEP client.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from livehost import config
from livehost.brain.preview_tap import PreviewTap
from livehost.brain.webrtc.make import make_parts
from livehost.clock import Timeline
from livehost.config_webrtc import WebRtc
from livehost.media import Packet, StreamHeader, Yuv
from livehost.stage.encode import Encoder, open_encoder
from livehost.wire import Encoded, StreamInfo

from .console_desk import FakeDesk, serving

WIDTH, HEIGHT, FPS = 208, 176, 25
BITS = 16
"""A picture carries its tick as so many black or white stripes."""


class Live:
    """A stage in one object: encodes tick by tick, in real time, and answers wishes.

    Args:
        looped: encode two seconds of noise beforehand and show them again and again, so that
            encoding costs nothing later; no keyframe is made on demand then.

    Attributes:
        sent: bytes of picture and Opus given to who watches.
    """

    def __init__(
        self,
        tone: float = 440.0,
        width: int = WIDTH,
        height: int = HEIGHT,
        kbps: int = 600,
        looped: bool = False,
    ) -> None:
        video = config.Video(
            width=width, height=height, fps=str(FPS), encoder="libx264", bitrate_kbps=kbps,
            preset="ultrafast", keyframe_seconds=1 if looped else 4,
        )  # fmt: skip
        self.sent = 0
        self.encoder: Encoder = open_encoder(video, config.Audio())
        self.timeline = Timeline(video.rate)
        self.tap = PreviewTap(self._opus, self._watched)
        self.keyframes = 0
        self.origin = 0.0
        self._tone = tone
        self._wanted = False
        self._loop = self._encoded(2 * FPS, width, height) if looped else []

    # --- the source, as `StageLink` is one ---

    @property
    def header(self) -> StreamHeader | None:
        return self.tap.header

    def live(self) -> Any:
        return self.tap.tap(live=True)

    def want_keyframe(self) -> None:
        self.keyframes += 1
        self._wanted = True

    def _opus(self, on: bool) -> None:
        self.encoder.opus = on

    def _watched(self, on: bool) -> None:
        self._wanted |= on

    # --- the stage ---

    async def run(self, first: int = 0) -> None:
        """Be on air until cancelled."""
        now = asyncio.get_running_loop().time
        self.origin = now() - first / FPS
        self.tap.info(StreamInfo(self.encoder.header))
        tick = first
        while True:
            await asyncio.sleep(self.origin + tick / FPS - now())
            for packet in self._tick(tick):
                self.sent += len(packet.data) * (packet.kind != "audio")
                self.tap.packet(Encoded(packet))
            tick += 1

    def _tick(self, tick: int) -> list[Packet]:
        keyframe, self._wanted = self._wanted, False
        at = self.timeline.first_sample(tick)
        sound = self.encoder.audio(at, self._sound(at, self.timeline.samples(tick)))
        if self._loop:
            picture = self._loop[tick % len(self._loop)]
            return [*sound, replace(picture, pts=at, dts=at)]
        return sound + self.encoder.video(tick, striped(tick), keyframe)

    def _encoded(self, count: int, width: int, height: int) -> list[Packet]:
        rng = np.random.default_rng(0)
        grey = np.full((height // 2, width // 2), 128, np.uint8)
        noise = [rng.integers(96, 160, (height, width), np.uint8) for _ in range(5)]
        pictures = (Yuv(noise[n % 5], grey, grey) for n in range(count))
        return [p for n, y in enumerate(pictures) for p in self.encoder.video(n, y)]

    def _sound(self, at: int, samples: int) -> np.ndarray:
        """A tone that sounds in the first half of each second."""
        n = np.arange(at, at + samples)
        wave = 0.3 * np.sin(2 * np.pi * self._tone * n / 48_000) * (n % 48_000 < 24_000)
        return np.repeat(np.rint(wave * 32_767).astype(np.int16)[:, None], 2, axis=1)


def striped(tick: int) -> Yuv:
    """Return a picture that says its tick."""
    grey = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    bits = [(tick >> (BITS - 1 - n)) & 1 for n in range(BITS)]
    row = np.repeat(np.where(bits, 220, 30).astype(np.uint8), WIDTH // BITS)
    return Yuv(np.tile(row, (HEIGHT, 1)), grey, grey)


def read_tick(y: np.ndarray) -> int:
    """Return the tick that a picture (height, width) says."""
    width = y.shape[1] // BITS
    middle = y[y.shape[0] // 2, width // 2 :: width][:BITS]
    return functools.reduce(lambda value, level: value * 2 + int(level > 125), middle, 0)


class LiveDesk(FakeDesk):
    """The same stream by HTTP."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def stream(self) -> Any:
        return self._live.tap.tap()


@asynccontextmanager
async def showing(
    live: Live | None = None,
    token: str | None = None,
    first: int = 0,
    floor: Any = None,
    **settings: Any,
) -> AsyncIterator[tuple[Live, Any, aiohttp.ClientSession]]:
    """Run a console that serves a live stream by WHEP on loopback."""
    stage = live or Live()
    parts = make_parts(WebRtc(**settings), "127.0.0.1", stage, floor)
    on_air = asyncio.ensure_future(stage.run(first))
    try:
        async with serving(LiveDesk(stage), token, parts=parts) as (console, client):
            yield stage, console, client
    finally:
        on_air.cancel()


class Player:
    """A WHEP player made of aiortc.

    Attributes:
        pictures, sounds: (loop time, frame) as they came out of the decoders.
    """

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures: list[tuple[float, Any]] = []
        self.sounds: list[tuple[float, Any]] = []
        self.location = ""
        self.answer = ""
        self.headers: Any = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.peer.on("track", self._track)

    def _track(self, track: Any) -> None:
        into = self.pictures if track.kind == "video" else self.sounds
        task = asyncio.ensure_future(self._drain(track, into))
        self._tasks.add(task)

    async def _drain(self, track: Any, into: list[tuple[float, Any]]) -> None:
        now = asyncio.get_running_loop().time
        while True:
            frame = await track.recv()
            into.append((now(), frame))

    async def offer(self, *kinds: str) -> str:
        for kind in kinds or ("audio", "video"):
            self.peer.addTransceiver(kind, "recvonly")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    async def join(self, client: aiohttp.ClientSession, **headers: str) -> int:
        """Join; return the status."""
        body = await self.offer()
        sent = {"Content-Type": "application/sdp", **headers}
        async with client.post("/whep", data=body, headers=sent) as response:
            self.answer, self.headers = await response.text(), response.headers
            if response.status == 201:
                self.location = response.headers["Location"]
                await self.peer.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
            return response.status

    async def seen(self, count: int = 1, seconds: float = 15) -> None:
        """Wait until so many pictures and sounds came."""
        async with asyncio.timeout(seconds):
            while len(self.pictures) < count or len(self.sounds) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def close(self) -> None:
        await self.peer.close()
        for task in self._tasks:
            task.cancel()
