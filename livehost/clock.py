"""Media time: one unit (the sample at 48 kHz) and one clock that everybody is given.

In:  tick numbers.   Out: exact sample ranges and due times.

`Timeline` is pure arithmetic. Whoever needs the present asks the running event loop
(`asyncio.get_running_loop().time()`), so that `VirtualTimeLoop` can run the same code as fast
as the machine allows.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

SAMPLE_RATE = 48_000  # Hz


@dataclass(frozen=True, slots=True)
class Timeline:
    """Map tick n (one video frame) to samples and seconds.

    Args:
        fps: video frames per second; any positive rational (25, 30, 30000/1001).
    """

    fps: Fraction

    def first_sample(self, tick: int) -> int:
        """Return the index of the first audio sample of `tick`; tick n + 1 starts where n ends."""
        return tick * SAMPLE_RATE * self.fps.denominator // self.fps.numerator

    def samples(self, tick: int) -> int:
        """Return the number of audio samples in `tick` (1920 at 25 fps; 1601 or 1602 at 29.97)."""
        return self.first_sample(tick + 1) - self.first_sample(tick)

    def seconds(self, tick: int) -> float:
        """Return the media time at which `tick` is due, in seconds after tick 0."""
        return tick * self.fps.denominator / self.fps.numerator

    @property
    def period(self) -> float:
        """Seconds between two ticks."""
        return float(1 / self.fps)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Event loop whose `time()` advances only while every task waits on a timer.

    Work in an executor counts as running: time stands still until it returns, so native code
    (ONNX, encoders) takes zero media time and results do not depend on how fast the machine is.
    Real sockets are polled but not waited for: keep network peers in-process.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._in_executor = 0
        super().__init__(_JumpSelector(self))

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the clock on, as if the running callback had taken `seconds`."""
        self._now += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = super().run_in_executor(executor, func, *args)
        self._in_executor += 1
        future.add_done_callback(self._executor_done)
        return future

    def _executor_done(self, _: asyncio.Future[Any]) -> None:
        self._in_executor -= 1


class InlineExecutor(Executor):
    """Executor that runs its work at once in the calling thread: a day of ticks in minutes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _JumpSelector(selectors.DefaultSelector):
    """Selector that, instead of sleeping `timeout` seconds, moves the loop's clock by it."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(1.0)
        if self._loop._in_executor:
            return super().select(min(timeout, 0.001))
        events = super().select(0)
        if not events and timeout > 0:
            self._loop.advance(timeout)
        return events
