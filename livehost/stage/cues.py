"""Cues that wait for the sentence they belong to.

In:  `Cue`s and the keys of sentences that start or end.   Out: the cues that are due now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from livehost.stage.playout import Key
from livehost.wire import Cue

_REMEMBERED = 256


class Cues:
    """Cues bound to a sentence fire with its first sample, or with its end if it is cut before.

    A cue whose sentence has already started fires at once. `most` bounds what may wait; beyond
    it the oldest fires at once, so nothing is ever lost.
    """

    def __init__(self, most: int = 256) -> None:
        self._due: deque[Cue] = deque()
        self._bound: deque[tuple[Key, Cue]] = deque()
        self._passed: deque[Key] = deque(maxlen=_REMEMBERED)
        self._most = most

    def add(self, cue: Cue) -> None:
        """Take one cue."""
        if cue.utterance is None:
            self._due.append(cue)
            return
        key = (cue.utterance, cue.sentence or 0)
        if key in self._passed:
            self._due.append(cue)
            return
        self._bound.append((key, cue))
        if len(self._bound) > self._most:
            self._due.append(self._bound.popleft()[1])

    def passed(self, keys: Iterable[Key]) -> None:
        """Note sentences that started, or that ended without starting."""
        for key in keys:
            if key in self._passed:
                continue
            self._passed.append(key)
            self._due.extend(cue for bound, cue in self._bound if bound == key)
            self._bound = deque(item for item in self._bound if item[0] != key)

    def take(self) -> tuple[Cue, ...]:
        """Remove and return the cues that are due, oldest first."""
        due = tuple(self._due)
        self._due.clear()
        return due
