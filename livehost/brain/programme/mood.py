"""How busy the chat is: quiet, usual or busy, without flickering between them.

In:  the times of comments.   Out: a `Mood`.
"""

from __future__ import annotations

import math
from enum import StrEnum

FADE = 60.0
"""Seconds in which a comment counts less and less: at a steady pace the count is per minute."""
CALM = 0.6
"""Share of the busy pace under which a busy chat is usual again."""


class Mood(StrEnum):
    """What the chat is like."""

    QUIET = "quiet"
    USUAL = "usual"
    BUSY = "busy"


class ChatRate:
    """Comments a minute, with a memory of a minute.

    Args:
        busy: comments a minute from which the chat is busy.
        quiet: seconds without a comment after which it is quiet.
        now: the loop's time at the start; silence counts from here.
    """

    def __init__(self, busy: float, quiet: float, now: float = 0.0) -> None:
        self._busy_from = busy
        self._quiet_after = quiet
        self._count, self._at = 0.0, now
        self._last = now
        self._busy = False

    def note(self, now: float) -> None:
        """Note a comment."""
        self._count = self.per_minute(now) + 1
        self._at = self._last = max(now, self._at)

    def per_minute(self, now: float) -> float:
        """Return about how many comments a minute come."""
        return self._count * math.exp(-max(0.0, now - self._at) / FADE)

    def mood(self, now: float) -> Mood:
        """Return what the chat is like now."""
        if now - self._last >= self._quiet_after:
            self._busy = False
            return Mood.QUIET
        limit = self._busy_from * (CALM if self._busy else 1.0)
        self._busy = self.per_minute(now) >= limit
        return Mood.BUSY if self._busy else Mood.USUAL
