"""What is said beside the script: announcements at their time, fillers when the chat is quiet.

In:  the wall clock, what was said when.   Out: the one that is due.

Pure: the caller says what time it is. `taken` and `put_back` belong to one process; `said` is what
the state file remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from livehost.brain.programme.clock import ALWAYS, Window, occurrences
from livehost.brain.script import Line

LATE = timedelta(minutes=10)
"""A time of day that was missed by more is passed over."""
FILLER_SECONDS = 180.0
"""Between two fillers."""
ALONE_SECONDS = 12.0
"""Between two fillers while nothing else is on."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Something said beside the script.

    Attributes:
        every: seconds between two times; 0 for times of day, and for fillers.
        at: minutes of the day.
    """

    id: str
    lines: tuple[Line, ...]
    product: str | None = None
    window: Window = ALWAYS
    every: float = 0.0
    at: tuple[int, ...] = ()


@dataclass(slots=True)
class Memory:
    """When an aside was last said (wall clock), and how often."""

    last: datetime | None = None
    count: int = 0


@dataclass(slots=True)
class Book:
    """What was said, by id."""

    of: dict[str, Memory] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Memory:
        return self.of.setdefault(name, Memory())

    def said(self, name: str, now: datetime, again: bool = False) -> None:
        """Note that an aside is said; `again`: the rest of one that was broken off."""
        memory = self[name]
        memory.last, memory.count = now, memory.count + (not again)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {k: [m.last.isoformat(), m.count] for k, m in self.of.items() if m.last}

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Book:
        """Read what `to_json` wrote."""
        read = {k: Memory(datetime.fromisoformat(at), int(n)) for k, (at, n) in values.items()}
        return Book(read)


class Announcements:
    """Tells which announcement is due.

    Args:
        asides: those in force; a reload may change them.
        began: when this show began: nothing is due for the time before.
    """

    def __init__(
        self, asides: Callable[[], Sequence[Aside]], zone: tzinfo, began: datetime, book: Book
    ) -> None:
        self._asides = asides
        self._zone = zone
        self._began = began
        self.book = book
        self._taken: set[str] = set()

    def take(self, now: datetime) -> Aside | None:
        """Return the announcement that has waited longest; it is not returned again."""
        due = [(at, a) for a in self._asides() if (at := self.due(a, now)) and at <= now]
        due = [(at, a) for at, a in due if a.id not in self._taken]
        if not due:
            return None
        _, first = min(due, key=lambda pair: pair[0])
        self._taken.add(first.id)
        return first

    def put_back(self, name: str) -> None:
        """Return one that was taken and will not be said now."""
        self._taken.discard(name)

    def said(self, name: str, now: datetime, again: bool = False) -> None:
        """Note that one, or the rest of one, is on its way to the viewers."""
        self._taken.discard(name)
        self.book.said(name, now, again)

    def due(self, aside: Aside, now: datetime) -> datetime | None:
        """Return when an announcement is next due, in the past when it is late; None: not soon."""
        if not aside.at:
            last = self.book[aside.id].last or self._began
            at = last + timedelta(seconds=aside.every)
            return at if aside.window.open(max(at, now)) else None
        last = max(self.book[aside.id].last or self._began, now - LATE, self._began)
        moments = occurrences(aside.at, now, self._zone)
        return next((at for at in moments if at > last and aside.window.open(at)), None)


class Fillers:
    """Tells what to say in a silence.

    Args:
        asides: those in force; a reload may change them.
        seconds: between two of them.
    """

    def __init__(
        self, asides: Callable[[], Sequence[Aside]], book: Book, last: str = "",
        seconds: float = FILLER_SECONDS,
    ) -> None:  # fmt: skip
        self._asides = asides
        self.book = book
        self.last = last
        self._seconds = seconds
        self._taken = ""

    def take(self, now: datetime, alone: bool = False) -> Aside | None:
        """Return the filler not said for the longest time, never the last one while others exist.

        Args:
            alone: nothing else is on; they come close to each other.
        """
        if self._taken or self._since(now) < (ALONE_SECONDS if alone else self._seconds):
            return None
        chosen = next(iter(self.following(now)), None)
        self._taken = chosen.id if chosen else ""
        return chosen

    def following(self, now: datetime) -> list[Aside]:
        """Return those that may be said next, the first first; nothing is taken."""
        there = [a for a in self._asides() if a.window.open(now)]
        others = [a for a in there if a.id != self.last] or there
        long_ago = datetime.min.replace(tzinfo=UTC)
        return sorted(others, key=lambda a: self.book[a.id].last or long_ago)

    def put_back(self) -> None:
        """Return the one that was taken."""
        self._taken = ""

    def said(self, name: str, now: datetime, again: bool = False) -> None:
        """Note that one, or the rest of one, is on its way to the viewers."""
        self._taken, self.last = "", name
        self.book.said(name, now, again)

    def _since(self, now: datetime) -> float:
        last = [m.last for m in self.book.of.values() if m.last]
        return (now - max(last)).total_seconds() if last else float("inf")
