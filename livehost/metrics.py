"""Counters and quantiles that cost nothing to update and are read by snapshot.

In:  numbers.   Out: JSON-able dicts, merged into status and /metrics by the console.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


class Quantiles:
    """The last `size` values of one measure, e.g. milliseconds a tick took."""

    def __init__(self, size: int = 1500) -> None:
        self._values = np.zeros(size, np.float64)
        self._count = 0
        self.most = 0.0
        """Largest value ever added."""
        self.last = 0.0
        """Newest value."""

    def add(self, value: float) -> None:
        """Record one value."""
        self._values[self._count % len(self._values)] = value
        self._count += 1
        self.most = max(self.most, value)
        self.last = value

    def snapshot(self) -> dict[str, float]:
        """Return p50, p95, p99 of the window, the all-time max, and the count."""
        window = self._values[: min(self._count, len(self._values))]
        if not len(window):
            return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0, "count": 0}
        p50, p95, p99 = np.percentile(window, [50, 95, 99])
        return {
            "p50": float(p50),
            "p95": float(p95),
            "p99": float(p99),
            "max": self.most,
            "count": self._count,
        }


@dataclass(slots=True)
class StageCounters:
    """Causes kept apart: a viewer's stutter has one of these behind it.

    Attributes:
        ticks: emitted since start.
        late: emitted more than a frame period after they were due (render or machine too slow).
        repeated: went out with the previous picture because the new one was not ready.
        skipped: never encoded because the encoder was a second behind.
        filler: a sentence was on air but its speech had not arrived; silence went out.
        resets: the clock's origin was moved because ticks were over 2 s late.
    """

    ticks: int = 0
    late: int = 0
    repeated: int = 0
    skipped: int = 0
    filler: int = 0
    resets: int = 0

    def snapshot(self) -> dict[str, int]:
        """Return the counters by name."""
        return asdict(self)
