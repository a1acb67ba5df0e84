"""What will be said in any case: the operator's texts, and the rest of what was interrupted.

In:  texts, interrupted intents, what the state file remembers.   Out: the next of them.

A text counts as owed until its first sentence is sent, so that a restart neither forgets it nor
has it said twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from livehost.brain.intent import Intent, IntentKind

MOST_SAYS = 20  # operator texts waiting
STALE = timedelta(minutes=5)
"""What waited longer when the brain comes back is not said any more."""


@dataclass(frozen=True, slots=True)
class _Due:
    """An intent that is owed since `since` (wall clock)."""

    intent: Intent
    since: datetime


class Owed:
    """Two queues: the operator's texts go first.

    Args:
        wall: returns the present.
        kept: what `to_json` gave.
    """

    def __init__(self, wall: Callable[[], datetime], kept: Iterable[dict[str, Any]] = ()) -> None:
        self._wall = wall
        self._says: deque[Intent] = deque()
        self._resumed: deque[Intent] = deque()
        self._due: list[_Due] = []
        for values in kept:
            since = datetime.fromisoformat(values["since"])
            if wall() - since < STALE:
                intent = Intent.from_json(values["intent"])
                self._add(_again(intent) if values["resumed"] else intent, since)

    def to_json(self) -> list[dict[str, Any]]:
        """Return JSON values: what was not sent yet, also what is being made."""
        return [
            {
                "since": due.since.isoformat(),
                "resumed": due.intent.resumed,
                "intent": due.intent.to_json(),
            }
            for due in self._due
        ]

    @property
    def intents(self) -> Sequence[Intent]:
        """All that is owed."""
        return [due.intent for due in self._due]

    def waiting(self) -> list[Intent]:
        """Return what waits and is not being made."""
        return [*self._says, *self._resumed]

    def say(self, text: str, emotion: str = "") -> bool:
        """Queue a text of the operator; False when too many wait."""
        if len(self._says) >= MOST_SAYS:
            return False
        says = Intent(IntentKind.SAY, "operator", texts=(text,), emotion=emotion, urgent=True)
        self._add(says, self._wall())
        return True

    def resume(self, intent: Intent) -> None:
        """Queue the rest of an interrupted utterance before the others."""
        rest = _again(intent)
        self._resumed.appendleft(rest)
        self._due.insert(0, _Due(rest, self._wall()))

    def take_say(self) -> Intent | None:
        """Return the next text of the operator."""
        return self._says.popleft() if self._says else None

    def take_resumed(self) -> Intent | None:
        """Return the next rest."""
        return self._resumed.popleft() if self._resumed else None

    def put_back(self, intent: Intent) -> None:
        """Return what was taken and is not said now; what is not owed is left out."""
        if intent.resumed:
            self._resumed.appendleft(intent)
        elif intent.kind is IntentKind.SAY:
            self._says.appendleft(intent)

    def settled(self, intent: Intent) -> None:
        """Note that an intent is on its way, or will not be said at all."""
        self._due = [due for due in self._due if due.intent is not intent]

    def _add(self, intent: Intent, since: datetime) -> None:
        (self._resumed if intent.resumed else self._says).append(intent)
        self._due.append(_Due(intent, since))


def _again(intent: Intent) -> Intent:
    breaks = intent.kind in (IntentKind.REPLY, IntentKind.SAY)
    return replace(intent, resumed=True, urgent=True, breaks=breaks, waiting=())
