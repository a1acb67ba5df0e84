"""Hours of the day and days on which something is on, in the room's time zone.

In:  "20:00", "22:30", dates, days of the week.   Out: whether it is on now, and since when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAY = 24 * 60  # minutes
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Window:
    """When something is on; without any limit it always is.

    Attributes:
        since, until: minutes of the day; since > until goes on over midnight.
        start, end: the first and the last moment, timezone-aware.
        weekdays: 0 is Monday; empty is every day. Over midnight, the day it began on counts.
        zone: of the minutes and days.
    """

    since: int = 0
    until: int = DAY
    start: datetime | None = None
    end: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    zone: tzinfo = UTC

    @property
    def always(self) -> bool:
        """Whether it is never closed."""
        daily = self.since == 0 and self.until == DAY and not self.weekdays
        return daily and self.start is None and self.end is None

    def open(self, now: datetime) -> bool:
        """Return whether it is on at `now` (timezone-aware)."""
        if (self.start and now < self.start) or (self.end and now >= self.end):
            return False
        here = now.astimezone(self.zone)
        minute = here.hour * 60 + here.minute
        if self.since < self.until:
            return self.since <= minute < self.until and self._on(here.weekday())
        if minute >= self.since:
            return self._on(here.weekday())
        return minute < self.until and self._on((here.weekday() - 1) % 7)

    def _on(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays

    def said(self) -> str:
        """Return it in words: "20:00-22:30 sat, sun", "" when it is always on."""
        parts = []
        if self.since or self.until != DAY:
            parts.append(f"{clock(self.since)}-{clock(self.until)}")
        if self.weekdays:
            parts.append(", ".join(WEEKDAYS[day] for day in sorted(self.weekdays)))
        if self.start:
            parts.append(f"from {self.start:%Y-%m-%d %H:%M}")
        if self.end:
            parts.append(f"until {self.end:%Y-%m-%d %H:%M}")
        return " ".join(parts)


ALWAYS = Window()


def clock(minute: int) -> str:
    """Return a minute of the day as "20:05"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def occurrences(at: Sequence[int], now: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Yield the moments of yesterday, today and tomorrow at which daily times fall, in order.

    Args:
        at: minutes of the day.
    """
    here = now.astimezone(zone)
    for days in (-1, 0, 1):
        day = (here + timedelta(days=days)).date()
        for minute in sorted(at):
            yield datetime.combine(day, time(minute // 60, minute % 60), zone)
