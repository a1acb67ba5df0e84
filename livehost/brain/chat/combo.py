"""How many gifts are new, where a platform counts a combo up instead of saying what was added.

In:  cumulative counts by viewer and gift.   Out: increments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

IDLE = 30.0  # seconds after which the same viewer and gift is a new combo
MOST = 5000  # combos, and messages, remembered


class Combos:
    """The combos that are going on."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()

    def added(self, ident: str, combo: Hashable, count: int, ended: bool, now: float) -> int:
        """Return how many gifts are new in `combo`, which stands at `count`; 0 for a repetition.

        A count below the last one is an old message that came late. A new combo of the same
        viewer and gift is one that starts after an end was seen, or after `IDLE` seconds.

        Args:
            ident: of the message; one that was seen before adds nothing.
        """
        if ident in self._seen:
            return 0
        if ident:
            self._seen[ident] = None
        last, at = self._counts.pop(combo, (0, now))
        if now - at > IDLE:
            last = 0
        if not ended:
            self._counts[combo] = max(count, last), now
        for remembered in (self._counts, self._seen):
            if len(remembered) > MOST:
                remembered.popitem(last=False)
        return max(0, count - last)
