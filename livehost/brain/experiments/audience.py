"""How many watch, as the platform reports it, summed up over time.

In:  reports of the number of viewers.   Out: viewer-minutes between two moments.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

MOST = 5000  # reports
HOLDS = timedelta(minutes=10)  # a report says nothing of later
COVERED = 0.8  # share of the time that must be reported


class Audience:
    """The reports, oldest first."""

    def __init__(self) -> None:
        self._reports: deque[tuple[datetime, int]] = deque(maxlen=MOST)

    def report(self, at: datetime, viewers: int) -> None:
        """Take in a report; one that is older than the last is left out."""
        if not self._reports or at > self._reports[-1][0]:
            self._reports.append((at, viewers))

    def minutes(self, since: datetime, until: datetime) -> float | None:
        """Return the viewer-minutes from `since` to `until`; None where too little was reported."""
        total, covered = 0.0, timedelta()
        after = until
        for at, viewers in reversed(self._reports):
            begin, end = max(at, since), min(after, at + HOLDS, until)
            if end > begin:
                total += viewers * (end - begin).total_seconds() / 60
                covered += end - begin
            after = min(after, at)
            if at <= since:
                break
        if not covered or covered < COVERED * (until - since):
            return None
        return total * ((until - since) / covered)
