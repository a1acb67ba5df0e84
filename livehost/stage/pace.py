"""The master clock and the quality ladder.

In:  `step(index)` and its timing.   Out: one call per frame period, for ever; a `Quality` level.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from livehost.clock import Timeline
from livehost.media import Quality
from livehost.metrics import Quantiles, StageCounters

log = logging.getLogger(__name__)


async def pace(
    timeline: Timeline,
    step: Callable[[int], None],
    counters: StageCounters,
    lag: Quantiles,
    *,
    reset_after: float = 2.0,
    last_tick: int | None = None,
) -> None:
    """Call `step(n)` when tick n is due. Never skips an index: late ticks go out back to back.

    Args:
        lag: gets how late each tick was, in milliseconds.
        reset_after: seconds behind after which catching up is given up (a suspended machine would
            otherwise burst for minutes) and the present moment becomes "on time"; timestamps stay
            contiguous, so viewers see a stall, never a jump.
        last_tick: stop after this index; None runs until cancelled.
    """
    now = asyncio.get_running_loop().time
    origin, index = now(), 0
    while last_tick is None or index <= last_tick:
        late = now() - (origin + timeline.seconds(index))
        if late < 0:
            await asyncio.sleep(-late)
            late = now() - (origin + timeline.seconds(index))
        elif late > reset_after:
            log.warning("clock reset", extra={"behind_seconds": round(late, 2)})
            origin += late
            counters.resets += 1
        elif late > timeline.period:
            counters.late += 1
            await asyncio.sleep(0)  # catching up must not starve the other tasks
        lag.add(max(0.0, late) * 1000)
        step(index)
        counters.ticks += 1
        index += 1


class Ladder:
    """What one tick may cost: down at once when pictures come late, up again with hysteresis.

    A miss is a picture that was not ready when its tick was due. A single one is forgiven (nobody
    sees one repeated picture); a second within a second is not. Pictures that only wait behind
    dearer ones, ordered before the last fall, do not bring the next fall. Each fall soon after a
    climb doubles the time before the next climb, so that a machine that is simply too slow settles
    on the level it can hold instead of swinging.

    Args:
        fps: ticks a second.
        calm_seconds: time without a miss, at a cost below `roomy`, before going up one level.
        roomy: share of the frame period that the render may use to count as calm.
        grace_seconds: time after the start in which misses do not count: models and caches are
            cold, and the brain is loading beside us.
    """

    LOWEST = Quality.HOLD  # the plate is for a broken renderer, not for a slow one

    def __init__(
        self,
        fps: float,
        calm_seconds: float = 2.0,
        roomy: float = 0.7,
        grace_seconds: float = 2.0,
    ) -> None:
        self._period = 1 / fps
        self._calm = round(calm_seconds * fps)
        self._most_calm = self._calm * 32
        self._needed = self._calm
        self._roomy = roomy
        self._grace = round(grace_seconds * fps)  # ticks left
        self._forgiving = round(fps)  # ticks
        self._quiet = 0  # ticks since the last miss or dear picture
        self._since_miss = self._forgiving
        self._in_a_row = 0  # misses
        self._since_climb: int | None = None  # None: the last climb has been judged
        self.level = Quality.FULL
        self.changes = 0

    def missed(self, dear: bool = True) -> None:
        """Note that a picture was not ready in time.

        Args:
            dear: pictures of the present level take too long; False when all that is known is
                that this one had to wait. Two seconds of nothing but misses count as dear.
        """
        self._grace = max(0, self._grace - 1)
        forgiven = self._grace > 0 or self._since_miss >= self._forgiving
        self._quiet = self._since_miss = 0
        self._in_a_row += 1
        if forgiven or not (dear or self._in_a_row % (2 * self._forgiving) == 0):
            return
        if self._since_climb is not None:
            self._needed = min(self._needed * 2, self._most_calm)
            self._since_climb = None
        if self.level < self.LOWEST:
            self._change(Quality(self.level + 1))

    def met(self, seconds: float) -> None:
        """Note a picture that was in time and took `seconds` to make."""
        self._judge_climb()
        self._in_a_row = 0
        self._grace = max(0, self._grace - 1)
        self._since_miss += 1
        self._quiet = self._quiet + 1 if seconds < self._roomy * self._period else 0
        if self._quiet >= self._needed and self.level > Quality.FULL:
            self._quiet = self._since_climb = 0
            self._change(Quality(self.level - 1))

    def _judge_climb(self) -> None:
        """Forget the climb once its level has held; a level that holds long clears the past."""
        if self._since_climb is None:
            return
        self._since_climb += 1
        if self._since_climb > self._most_calm:
            self._needed, self._since_climb = self._calm, None

    def _change(self, level: Quality) -> None:
        log.warning("quality level", extra={"from": self.level.name, "to": level.name})
        self.level = level
        self.changes += 1
