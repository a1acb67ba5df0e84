"""Something to send: a live source whose sync can be measured where it arrives.

In:  outputs.   Out: a moving picture and sound, encoded once, fed to all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable

import numpy as np

from livehost import config
from livehost.clock import Timeline
from livehost.media import Packet, Yuv
from livehost.stage.encode import open_encoder
from livehost.stage.outputs import Output, make_output
from tests.peers import until


class Broadcast:
    """A live source: a moving picture with a white flash and a beep at every whole second.

    Args:
        size: pixels, width and height.
    """

    def __init__(self, size: tuple[int, int] = (320, 240), bitrate_kbps: int = 500) -> None:
        video = config.Video(
            width=size[0], height=size[1], bitrate_kbps=bitrate_kbps, encoder="libx264"
        )
        self.encoder = open_encoder(video, config.Audio())
        self.timeline = Timeline(video.rate)
        self.outputs: list[Output] = []
        self.tick = 0
        self._size = size
        self._keyframe = False
        self._noise = np.random.default_rng(7)

    def want_keyframe(self) -> None:
        self._keyframe = True

    def add(self, name: str, url: str, **options: object) -> Output:
        """Make an output of this source; it is fed from now on."""
        output = make_output(name, url, self.encoder.header, self.want_keyframe, **options)
        self.outputs.append(output)
        return output

    def next(self) -> list[Packet]:
        """Encode one tick."""
        tick, self.tick = self.tick, self.tick + 1
        keyframe, self._keyframe = self._keyframe, False
        packets = self.encoder.video(tick, self._picture(tick), keyframe)
        return packets + self.encoder.audio(self.timeline.first_sample(tick), self._pcm(tick))

    async def play(self, seconds: float) -> None:
        """Wait until `seconds` of media more have been put into the outputs."""
        last = self.tick + seconds * 25
        await until(lambda: self.tick > last, 60 + seconds)

    async def run(self, speed: float = 1.0) -> None:
        """Feed the outputs until cancelled, `speed` times as fast as real time."""
        now = asyncio.get_running_loop().time
        due = now()
        while True:
            # On a machine that is too busy the source slows down instead of bursting.
            due = max(due + self.timeline.period / speed, now() - 0.1)
            await asyncio.sleep(max(0.0, due - now()))
            for packet in self.next():
                for output in self.outputs:
                    output.put(packet)

    @contextlib.asynccontextmanager
    async def on_air(self, speed: float = 1.0):
        """Run the source and all outputs inside; close the outputs with trailers at the end."""
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(output.run()) for output in self.outputs]
            source = group.create_task(self.run(speed))
            yield group
            await asyncio.gather(*(output.close() for output in self.outputs))
            source.cancel()
            for task in running:
                task.cancel()

    def _picture(self, tick: int) -> Yuv:
        width, height = self._size
        if tick % 25 < 3:
            y = np.full((height, width), 235, np.uint8)
        else:
            y = self._noise.integers(16, 90, (height, width), np.uint8)
            y[:, (tick * 7) % width :][:, :24] = 120
        grey = np.full((height // 2, width // 2), 128, np.uint8)
        return Yuv(y, grey, grey)

    def _pcm(self, tick: int) -> np.ndarray:
        n = np.arange(self.timeline.samples(tick))
        if tick % 25 < 3:
            tone = 0.5 * np.sin(2 * np.pi * 1000 * n / 48_000 + np.pi / 2)
        else:
            tone = np.zeros(len(n))
        return np.repeat((tone * 32767).astype(np.int16)[:, None], 2, axis=1)


def run_real(main: Awaitable[None]) -> None:
    """Run a test's coroutine on a real clock, with a limit of a minute."""

    async def limited() -> None:
        async with asyncio.timeout(60):
            await main

    asyncio.run(limited())
