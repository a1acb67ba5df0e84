"""Run the stage for hours of virtual time and see whether anything drifts, leaks or is lost.

In:  hours.   Out: a report; `problems` is empty when all is well.

Clock, playout, cues, drive, mixer and counters are the real ones; pictures and codecs are left
out, since they take no part in time. A scripted brain speaks sentences of every length, cuts some
of them and starves others.
"""

from __future__ import annotations

import asyncio
import random
import resource
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE, InlineExecutor, Timeline, VirtualTimeLoop
from livehost.media import Packet, Phone, Yuv
from livehost.stage.playout import Playout
from livehost.stage.program import Program, Still
from livehost.stage.show import Drive, Show, Sound
from livehost.wire import Cue, CueKind, Heard, Speech, Started

WARM_SECONDS = 600
"""Memory is compared from here on."""
MOST_GROWTH_KIB_PER_HOUR = 512
MOST_GROWTH_KIB_ONCE = 2048  # the allocator's own, whenever it comes


@dataclass(slots=True)
class Report:
    """What a soak found.

    Attributes:
        hours: virtual time.
        ticks: pictures released.
        samples: samples of sound released.
        sentences: spoken to their end.
        cut: sentences cut.
        growth_kib: memory gained after warming up.
        problems: one line each.
    """

    hours: float
    ticks: int = 0
    samples: int = 0
    sentences: int = 0
    cut: int = 0
    growth_kib: int = 0
    problems: list[str] = field(default_factory=list)


class NullEncoder:
    """Packets without a codec; checks that time is contiguous."""

    def __init__(self, timeline: Timeline, report: Report) -> None:
        self._timeline = timeline
        self._report = report

    def video(self, tick: int, picture: Yuv | None, keyframe: bool = False) -> list[Packet]:
        if tick != self._report.ticks:
            self._report.problems.append(f"tick {tick} came after {self._report.ticks - 1}")
        self._report.ticks = tick + 1
        at = self._timeline.first_sample(tick)
        return [Packet("video", at, at, self._timeline.samples(tick), keyframe, b"")]

    def audio(self, first_sample: int, pcm: NDArray[np.int16]) -> list[Packet]:
        if first_sample != self._report.samples:
            self._report.problems.append(f"sound jumped to sample {first_sample}")
        self._report.samples = first_sample + len(pcm)
        return [Packet("audio", first_sample, first_sample, len(pcm), True, b"")]


class Speaker:
    """The scripted brain: keeps playout below 2 s, cuts every 50th sentence, starves every 70th."""

    def __init__(self, playout: Playout, show: Show, seed: int) -> None:
        self._playout = playout
        self._show = show
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed).integers(-3000, 3000, SAMPLE_RATE, np.int16)
        self.sent = 0

    async def run(self) -> None:
        """Speak until cancelled."""
        while True:
            await self._sentence(self.sent)
            self.sent += 1

    async def _sentence(self, number: int) -> None:
        length = self._random.randint(SAMPLE_RATE // 5, SAMPLE_RATE * 8)
        phones = tuple(
            Phone("a" if n % 2 else "m", at, at + 4800)
            for n, at in enumerate(range(0, length, 4800))
        )
        self._show.cues.add(Cue(CueKind.NOTICE, {"text": str(number)}, number, 0))
        left = length
        while left:
            while self._playout.queued > 2 * SAMPLE_RATE:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            size = min(9600, left)
            left -= size
            given = phones if left + size == length else ()
            self._playout.push(
                Speech(number, 0, self._noise[:size], not left, f"第{number}句", given)
            )
            if number % 70 == 69 and left:
                await asyncio.sleep(self._random.uniform(0, 3))
        if number % 50 == 49:
            self._playout.cut()
        await asyncio.sleep(self._random.uniform(0, 1))


def soak(hours: float, drive: Drive, sound: Sound, fps: Fraction = Fraction(25)) -> Report:
    """Run `hours` of virtual time and report."""
    report = Report(hours)
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(_run(report, Timeline(fps), drive, sound))
    return report


def soak_room(path: Path, hours: float) -> Report:
    """Soak with the drive and the mixer of a room. Raises ConfigError."""
    from livehost.avatar import load_avatar  # noqa: PLC0415
    from livehost.config import load_room  # noqa: PLC0415
    from livehost.stage import drive, sound  # noqa: PLC0415

    room = load_room(path)
    avatar = load_avatar(room.near(room.avatar.path), room.name)
    timeline = Timeline(room.video.rate)
    mixer = sound.Mixer(room.audio, room.scene, room.near)
    return soak(hours, drive.Drive(avatar, timeline), mixer, room.video.rate)


async def _run(report: Report, timeline: Timeline, drive: Drive, sound: Sound) -> None:
    plane = np.zeros((2, 2), np.uint8)
    playout, threads = Playout(), InlineExecutor()

    def heard(message: Started | Heard) -> None:
        if isinstance(message, Heard):
            report.cut += message.interrupted
            report.sentences += not message.interrupted

    show = Show(
        timeline,
        playout,
        drive,
        sound,
        Program([], Still(Yuv(plane, plane, plane))),
        NullEncoder(timeline, report),
        lambda packet: None,
        heard,
        threads,
        threads,
        threads,
    )
    speaker = Speaker(playout, show, seed=1)
    loop = asyncio.get_running_loop()
    speaking = loop.create_task(speaker.run(), name="speaker")
    last = int(report.hours * 3600 * timeline.fps) - 1
    warm = loop.create_task(_resident_after(WARM_SECONDS), name="memory")
    await show.run(last)
    speaking.cancel()
    _judge(report, show, timeline, speaker, await warm if warm.done() else None)
    warm.cancel()


async def _resident_after(seconds: float) -> int:
    await asyncio.sleep(seconds)
    return _resident_kib()


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def _judge(
    report: Report, show: Show, timeline: Timeline, speaker: Speaker, warm_kib: int | None
) -> None:
    counters = show.counters
    if timeline.first_sample(report.ticks) != report.samples:
        report.problems.append("sound and picture differ in length")
    if counters.late or counters.resets or counters.repeated or counters.skipped:
        report.problems.append(f"the clock slipped: {counters.snapshot()}")
    if speaker.sent - (report.sentences + report.cut) > 3:
        report.problems.append(f"{speaker.sent} sentences sent, {report.sentences} heard")
    if warm_kib is not None:
        report.growth_kib = _resident_kib() - warm_kib
        if report.growth_kib > MOST_GROWTH_KIB_ONCE + MOST_GROWTH_KIB_PER_HOUR * report.hours:
            report.problems.append(f"memory grew by {report.growth_kib} KiB")
