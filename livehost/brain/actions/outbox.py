"""What one target has not got yet: in the state file first, then in line; bounded.

In:  events.   Out: the same, oldest first, until each is delivered or given up.

An event that the process was killed over is still in the state file and is sent by the next one.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from livehost.brain.store import Store

_NEWS = {"product.shown": "product", "segment.began": "segment"}
"""Kinds of which only the newest matters to who comes late."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        id: unique; the same for every target and every try.
        at: aware.
        body: JSON, as it is sent and signed.
    """

    id: str
    kind: str
    at: datetime
    body: bytes


class Outbox:
    """Events for one target.

    Args:
        most: events that wait; then one gives way.
        late: seconds after which an event with a newer one behind it is left out.
        keep: seconds after which an event is given up.
        left: what an earlier process did not deliver, oldest first.

    Attributes:
        counts: events by what became of them: delivered, superseded, full, expired, refused (by
            the target), lost (the state file did not take them).
    """

    def __init__(
        self,
        target: str,
        store: Store,
        *,
        most: int,
        late: float,
        keep: float,
        now: Callable[[], datetime],
        left: Iterable[Event] = (),
    ) -> None:
        self.target = target
        self._now = now
        self.counts: Counter[str] = Counter()
        self._store = store
        self._most, self._late, self._keep = most, late, keep
        self._line: deque[Event] = deque(left)
        self._writing = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._line) + self._writing

    @property
    def oldest(self) -> Event | None:
        """What is sent next, after what is not worth sending any more was taken out."""
        self._tidy()
        return self._line[0] if self._line else None

    @property
    def oldest_seconds(self) -> float:
        """Age of what has waited longest."""
        return (self._now() - self._line[0].at).total_seconds() if self._line else 0.0

    def add(self, event: Event) -> None:
        """Write an event down; it is in line as soon as that is done."""
        taken = self._store.put(
            "INSERT OR IGNORE INTO actions (target, id, kind, at, body) VALUES (?, ?, ?, ?, ?)",
            self.target, event.id, event.kind, event.at.isoformat(), event.body.decode(),
            done=partial(self._written, event),
        )  # fmt: skip
        if taken:
            self._writing += 1
        else:
            self.counts["lost"] += 1

    def _written(self, event: Event, fresh: bool) -> None:
        self._writing -= 1
        if fresh:
            self._line.append(event)
            if len(self._line) > self._most:
                self.done(self._least(), "full")
        self._changed.set()

    async def next(self) -> Event:
        """Wait for the oldest event that is still worth sending; it stays in line."""
        while (event := self.oldest) is None:
            self._changed.clear()
            await self._changed.wait()
        return event

    def done(self, event: Event, how: str) -> None:
        """Take an event out of line and of the state file."""
        try:
            self._line.remove(event)
        except ValueError:  # it gave way meanwhile
            return
        self.counts[how] += 1
        self._store.put("DELETE FROM actions WHERE target = ? AND id = ?", self.target, event.id)

    def _tidy(self) -> None:
        """Leave out what is too old, and what is late and has something newer behind it."""
        now, newest = self._now(), self._newest()
        for event in list(self._line):
            age = (now - event.at).total_seconds()
            if age > self._keep:
                self.done(event, "expired")
            elif age > self._late and event is not newest.get(_NEWS.get(event.kind, ""), event):
                self.done(event, "superseded")

    def _newest(self) -> dict[str, Event]:
        return {_NEWS[event.kind]: event for event in self._line if event.kind in _NEWS}

    def _least(self) -> Event:
        """Return what is missed least: the oldest with a newer one behind it, or the oldest."""
        newest = self._newest()
        idle = (e for e in self._line if e.kind in _NEWS and e is not newest[_NEWS[e.kind]])
        return next(idle, self._line[0])


def left(store: Store, targets: Iterable[str]) -> dict[str, list[Event]]:
    """Return what an earlier process did not deliver, by target; forget targets that are gone."""
    found: dict[str, list[Event]] = {target: [] for target in targets}
    gone: set[str] = set()
    for target, *row in store.rows("SELECT target, id, kind, at, body FROM actions ORDER BY seq"):
        if target in found:
            found[target].append(_event(*row))
        else:
            gone.add(target)
    for target in gone:
        store.now("DELETE FROM actions WHERE target = ?", target)
    return found


def _event(event_id: str, kind: str, at: str, body: str) -> Event:
    return Event(event_id, kind, datetime.fromisoformat(at), body.encode())
