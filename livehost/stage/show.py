"""One tick after another: speech and cues in, packets out, on time.

In:  `Playout`, `Cues`.   Out: encoded packets to `emit`, reports to `report`.

Each tick is planned `LEAD` ticks before it is due: its sound is mixed and its picture ordered from
the render thread. When it is due the sound goes to its encoder whatever happened, and the picture
to its own if it is ready; if not, one that came late since the last, or that repeats the last one.
Each encoder has a thread.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livehost import process
from livehost.clock import Timeline
from livehost.errors import BackendBroken
from livehost.media import Face, Packet, Quality, Yuv
from livehost.metrics import Quantiles, StageCounters
from livehost.stage.cues import Cues
from livehost.stage.pace import Ladder, pace
from livehost.stage.playout import Playout, Pulled, Spoken
from livehost.stage.program import Plan, Program
from livehost.wire import Cue, Heard, Started

LEAD = 2  # ticks
FINISH_SECONDS = 2.0
MOST_ORDERED = 3  # pictures in the render thread, the one being drawn included
MOST_ENCODING = 3  # ticks in the encode thread before pictures are repeated
SKIP_ENCODING = 50  # ticks in the encode thread before pictures are dropped
DEAR = 0.9  # of a frame period, from which a picture counts as too slow
MOST_SOUNDING = 250  # ticks in the sound thread before its encoder counts as stuck
MOST_STILL = 500  # ticks without a picture from a busy thread before that counts as stuck


class Drive(Protocol):
    """See `livehost.stage.drive`."""

    def face(self, tick: int, spoken: Spoken | None) -> Face: ...


class Sound(Protocol):
    """See `livehost.stage.sound.Mixer`."""

    def mix(self, samples: int, voice: NDArray[np.float32]) -> NDArray[np.int16]: ...


class Encoder(Protocol):
    """See `livehost.stage.encode`."""

    def video(self, tick: int, picture: Yuv | None, keyframe: bool = False) -> list[Packet]: ...
    def audio(self, first_sample: int, pcm: NDArray[np.int16]) -> list[Packet]: ...


@dataclass(slots=True)
class _Planned:
    """A tick on its way to the encoder."""

    index: int
    pcm: NDArray[np.int16]
    picture: asyncio.Future[Yuv] | None
    pulled: Pulled


@dataclass(slots=True)
class Timings:
    """How long things take, in milliseconds."""

    lag: Quantiles = field(default_factory=Quantiles)
    render: Quantiles = field(default_factory=Quantiles)
    encode: Quantiles = field(default_factory=Quantiles)
    step: Quantiles = field(default_factory=Quantiles)


class Show:
    """The media clock and all that hangs on it.

    Args:
        emit: called with each packet, in the event loop.
        report: called with `Started` and `Heard` when their samples go to the encoder.
        render_thread, encode_thread, sound_thread: executors of one thread each; None makes them.
        on_cues: called with the cues of a tick when it is planned.
    """

    def __init__(
        self,
        timeline: Timeline,
        playout: Playout,
        drive: Drive,
        sound: Sound,
        program: Program,
        encoder: Encoder,
        emit: Callable[[Packet], None],
        report: Callable[[Started | Heard], None],
        render_thread: Executor | None = None,
        encode_thread: Executor | None = None,
        sound_thread: Executor | None = None,
        on_cues: Callable[[tuple[Cue, ...]], None] = lambda _: None,
    ) -> None:
        self._timeline = timeline
        self._playout = playout
        self._drive = drive
        self._sound = sound
        self._program = program
        self._encoder = encoder
        self._emit = emit
        self._report = report
        self._on_cues = on_cues
        self._planned: deque[_Planned] = deque()
        self._render_thread = render_thread or _thread("render")
        self._encode_thread = encode_thread or _thread("encode")
        self._sound_thread = sound_thread or _thread("sound")
        self._ordered: set[asyncio.Future[Yuv]] = set()
        self._late: list[asyncio.Future[Yuv]] = []  # in the order of their ticks
        self._last_drawn = self._last_encoded = 0  # ticks
        # Written by the render thread: the level being drawn since when, and what the last took.
        self._drawing: tuple[Quality, float] | None = None
        self._cost = (Quality.FULL, 0.0)
        self._encoding: set[asyncio.Future[list[Packet]]] = set()
        self._sounding: set[asyncio.Future[list[Packet]]] = set()
        self._keyframe = False
        self._broken: BaseException | None = None
        self._caption: tuple[str, float, int] = ("", 0.0, -1)
        self.cues = Cues()
        self.ladder = Ladder(float(timeline.fps))
        self.counters = StageCounters()
        self.timings = Timings()

    async def run(self, last_tick: int | None = None) -> None:
        """Be on air until cancelled or past `last_tick`; then wait for the threads.

        Raises:
            BackendBroken: an encoder gave up; only a new process helps.
        """
        try:
            for index in range(LEAD):
                self._plan(index)
            await asyncio.sleep(LEAD * self._timeline.period)
            await pace(
                self._timeline, self._step, self.counters, self.timings.lag, last_tick=last_tick
            )
        finally:
            await self._finish()

    def want_keyframe(self) -> None:
        """Make the next encoded picture a keyframe."""
        self._keyframe = True

    def snapshot(self) -> dict[str, object]:
        """Return counters, timings and levels as JSON values."""
        timings = self.timings
        return {
            "counters": self.counters.snapshot(),
            "quality": self.ladder.level.name,
            "quality_level": int(self.ladder.level),
            "quality_changes": self.ladder.changes,
            "source": self._program.on_air,
            "source_failures": self._program.failures,
            "speech_queued_seconds": round(self._playout.queued / 48_000, 3),
            "speech_refused": self._playout.refused,
            "on_air": self._playout.on_air,
            "paused": self._playout.paused,
            "milliseconds": {
                "lag": timings.lag.snapshot(),
                "render": timings.render.snapshot(),
                "encode": timings.encode.snapshot(),
                "step": timings.step.snapshot(),
            },
        }

    def _step(self, index: int) -> None:
        if self._broken:
            raise self._broken
        now = asyncio.get_running_loop().time
        began = now()
        self._plan(index + LEAD)
        self._release(self._planned.popleft())
        self.timings.step.add((now() - began) * 1000)

    # --- planning: LEAD ticks before it is due ----------------------------------------------------

    def _plan(self, index: int) -> None:
        samples = self._timeline.samples(index)
        pulled = self._playout.pull(samples)
        self.counters.filler += pulled.starved
        self.cues.passed(pulled.started)
        self.cues.passed((heard.utterance, heard.sentence) for heard in pulled.heard)
        pcm = self._sound.mix(samples, pulled.pcm)
        face = self._drive.face(index, pulled.spoken)
        if pulled.sound:
            face = replace(face, sound=pulled.sound)
        self._planned.append(_Planned(index, pcm, self._order(index, face, pulled), pulled))

    def _order(self, index: int, face: Face, pulled: Pulled) -> asyncio.Future[Yuv] | None:
        """Have the picture of a tick drawn, unless the render thread is full."""
        if len(self._ordered) >= MOST_ORDERED:
            _not_stuck("the renderer", index - self._last_drawn)
            return None
        self._last_drawn = self._last_drawn if self._ordered else index
        caption, progress = self._captioned(index, pulled.spoken)
        cues = self.cues.take()
        if cues:
            self._on_cues(cues)
        plan = Plan(index, face, self.ladder.level, caption, progress, cues)
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._render_thread, self._draw, plan, loop.time)
        self._ordered.add(future)
        future.add_done_callback(functools.partial(self._drawn, index))
        return future

    def _drawn(self, index: int, future: asyncio.Future[Yuv]) -> None:
        self._ordered.discard(future)
        self._last_drawn = index

    def _draw(self, plan: Plan, now: Callable[[], float]) -> Yuv:
        began = now()
        self._drawing = plan.quality, began
        picture = self._program.picture(plan)
        took = now() - began
        self._drawing, self._cost = None, (plan.quality, took)
        self.timings.render.add(took * 1000)
        return picture

    def _captioned(self, index: int, spoken: Spoken | None) -> tuple[str, float]:
        """Return the caption and how much of it is said; it stays half a second after its end."""
        if spoken:
            total = spoken.phones[-1].end if spoken.phones else 11_000 * len(spoken.text)
            progress = min(1.0, max(0.0, spoken.start / max(total, 1)))
            self._caption = spoken.text, progress, index + int(self._timeline.fps / 2)
        text, progress, until = self._caption
        return (text, progress) if index <= until else ("", 0.0)

    # --- release: when it is due ------------------------------------------------------------------

    def _release(self, planned: _Planned) -> None:
        self._release_sound(planned)
        self._release_picture(planned)
        for utterance, sentence in planned.pulled.started:
            self._report(Started(utterance, sentence, planned.index))
        for heard in planned.pulled.heard:
            self._report(heard)

    def _release_sound(self, planned: _Planned) -> None:
        if len(self._sounding) >= MOST_SOUNDING:
            raise BackendBroken("the audio encoder is stuck")
        first_sample = self._timeline.first_sample(planned.index)
        self._await(
            self._sounding, self._sound_thread, self._encoder.audio, first_sample, planned.pcm
        )

    def _release_picture(self, planned: _Planned) -> None:
        picture = self._ready(planned.picture)
        if len(self._encoding) >= SKIP_ENCODING:
            _not_stuck("the video encoder", planned.index - self._last_encoded)
            self.counters.skipped += 1
            return
        self._last_encoded = planned.index
        if len(self._encoding) >= MOST_ENCODING:
            picture = None
        if picture is None:
            self.counters.repeated += 1
        keyframe, self._keyframe = self._keyframe, False
        now = asyncio.get_running_loop().time
        self._await(
            self._encoding, self._encode_thread, self._encode, planned.index, picture, keyframe, now
        )

    def _await(
        self,
        waiting: set[asyncio.Future[list[Packet]]],
        thread: Executor,
        encode: Callable[..., list[Packet]],
        *given: Any,
    ) -> None:
        """Have `encode` run in `thread`, and its packets emitted."""
        future = asyncio.get_running_loop().run_in_executor(thread, encode, *given)
        waiting.add(future)
        future.add_done_callback(functools.partial(self._encoded, waiting))

    def _ready(self, picture: asyncio.Future[Yuv] | None) -> Yuv | None:
        if picture is None or not picture.done():
            self.ladder.missed(self._dear())
            self._late += [picture] if picture else []
            return self._newest_late()
        self._late.clear()
        self.ladder.met(self.timings.render.last / 1000)
        return picture.result()

    def _dear(self) -> bool:
        """Whether pictures of the present level take too long, not only those of a dearer one."""
        known = [self._cost]
        if drawing := self._drawing:
            known.append((drawing[0], asyncio.get_running_loop().time() - drawing[1]))
        most = DEAR * self._timeline.period
        return any(level >= self.ladder.level and took > most for level, took in known)

    def _newest_late(self) -> Yuv | None:
        """Return the newest picture that was finished too late and not shown yet."""
        for at in reversed(range(len(self._late))):
            if self._late[at].done():
                late = self._late[at]
                del self._late[: at + 1]
                return late.result()
        return None

    def _encode(
        self, index: int, picture: Yuv | None, keyframe: bool, now: Callable[[], float]
    ) -> list[Packet]:
        began = now()
        packets = self._encoder.video(index, picture, keyframe)
        self.timings.encode.add((now() - began) * 1000)
        return packets

    def _encoded(
        self, waiting: set[asyncio.Future[list[Packet]]], future: asyncio.Future[list[Packet]]
    ) -> None:
        waiting.discard(future)
        if future.cancelled():
            return
        if error := future.exception():
            self._broken = error
            return
        for packet in future.result():
            self._emit(packet)

    async def _finish(self) -> None:
        pending: set[asyncio.Future[Any]] = {*self._ordered, *self._encoding, *self._sounding}
        if pending:
            await asyncio.wait(pending, timeout=FINISH_SECONDS)
        self._render_thread.shutdown(wait=False, cancel_futures=True)
        self._encode_thread.shutdown(wait=False, cancel_futures=True)
        self._sound_thread.shutdown(wait=False, cancel_futures=True)


def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, name, process.name_thread, (name,))


def _not_stuck(what: str, ticks: int) -> None:
    """Raise BackendBroken when a thread has made nothing for too long; a new process helps."""
    if ticks > MOST_STILL:
        raise BackendBroken(f"{what} is stuck")
