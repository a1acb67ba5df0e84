"""Who speaks for the host: one person at a time, for as long as she is heard of.

In:  take-overs, heartbeats, the time.   Out: one holder, and calls when that changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from livehost.brain.command import Who

SECONDS = 10.0  # nothing heard of the holder for so long: the host is handed back

By = Literal["type", "microphone"]
Why = Literal["taken", "forced", "returned", "silent", "left"]


@dataclass(frozen=True, slots=True)
class Held:
    """One person's turn.

    Attributes:
        by: how she speaks.
        since: ISO 8601, UTC.
    """

    who: Who
    by: By
    since: str

    def to_json(self) -> dict[str, str]:
        """Return what everybody may know of it."""
        tab = self.who.session.partition(":")[2]
        return {"user": self.who.name, "tab": tab, "kind": self.by, "since": self.since}


Changed = Callable[["Held | None", "Held | None", Why], None]


class Lease:
    """Given to one session at a time.

    Attributes:
        held: whose turn it is; None: the host speaks for herself.
        changes: how often it was given or ended.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._listeners: list[Changed] = []
        self._timer: asyncio.TimerHandle | None = None
        self.held: Held | None = None
        self.changes = 0

    @property
    def holder(self) -> str | None:
        """The session that speaks for the host."""
        return self.held.who.session if self.held else None

    def may_speak(self, session: str) -> bool:
        """Return whether a session may speak by microphone now."""
        return self.held is not None and self.holder == session and self.held.by == "microphone"

    def free_for(self, who: Who) -> bool:
        """Return whether nobody else speaks for the host."""
        return self.held is None or self.holder == who.session

    def listen(self, changed: Changed) -> None:
        """Have `changed(now, before, why)` called after every change."""
        self._listeners.append(changed)

    def take(self, who: Who, by: By, force: bool = False) -> bool:
        """Give it to `who` if it is free, or by force; return whether it is hers now.

        She may take it again to speak another way.
        """
        if not force and not self.free_for(who):
            return False
        self._alive()
        if self.held and self.holder == who.session:
            self._set(replace(self.held, by=by), "taken")
        else:
            now = Held(who, by, datetime.now(UTC).isoformat(timespec="seconds"))
            self._set(now, "forced" if self.held else "taken")
        return True

    def keep(self, who: Who) -> bool:
        """Note that the holder is there; return whether it is she."""
        if self.held is None or self.holder != who.session:
            return False
        self._alive()
        return True

    def end(self, session: str, why: Why = "returned") -> bool:
        """Hand the host back if `session` holds it; return whether it did."""
        if self.held is None or self.holder != session:
            return False
        if self._timer:
            self._timer.cancel()
        self._set(None, why)
        return True

    def snapshot(self) -> dict[str, Any] | None:
        """Return who speaks for the host, for the status."""
        return self.held.to_json() if self.held else None

    def _alive(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._silent)

    def _silent(self) -> None:
        if self.held:
            self._set(None, "silent")

    def _set(self, held: Held | None, why: Why) -> None:
        before, self.held = self.held, held
        if held == before:
            return
        self.changes += 1
        for changed in tuple(self._listeners):
            changed(held, before, why)
