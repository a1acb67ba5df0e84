"""Titles and covers: which one the stream has on its platform, and since when.

In:  the room's [[title]] tables, the operator's word, the time.   Out: records in the audit log.

livehost cannot set them on a platform; it notes which one was on, so that the report can put their
results side by side.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from livehost.brain.audit import Kind as Audit
from livehost.brain.state import State
from livehost.config_actions import Title

TICK_SECONDS = 1.0


def wall() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class Titles:
    """The titles of a room."""

    def __init__(
        self, titles: tuple[Title, ...], state: State, now: Callable[[], datetime] = wall
    ) -> None:
        self._titles = {title.id: title for title in titles}
        self._state = state
        self._now = now
        self._told: str | None = None
        rows = state.store.rows("SELECT value FROM meta WHERE key = 'title'")
        said = json.loads(rows[0][0]) if rows else None
        self._said = (said["id"], datetime.fromisoformat(said["at"])) if said else None

    @property
    def current(self) -> Title | None:
        """What is on: what the operator said or what has begun since, whichever came last."""
        now = self._now()
        begun = [(t.since, t.id) for t in self._titles.values() if t.since and t.since <= now]
        if self._said and self._said[0] in self._titles:
            begun.append((self._said[1], self._said[0]))
        return self._titles[max(begun)[1]] if begun else None

    def put_on(self, title: str) -> None:
        """Note that a title is on the platform now. Raises KeyError when there is none such."""
        if title not in self._titles:
            raise KeyError(title)
        at = self._now()
        self._said = title, at
        value = json.dumps({"id": title, "at": at.isoformat()})
        self._state.store.put("INSERT OR REPLACE INTO meta VALUES ('title', ?)", value)
        self.note()

    def note(self) -> None:
        """Write down which title is on, when it is another one than was written last."""
        title = self.current
        if title and title.id != self._told:
            self._told = title.id
            self._state.log.note(
                Audit.SHOW, event="title", title=title.id, text=title.text, cover=title.cover
            )

    async def run(self) -> None:
        """Note every change until cancelled."""
        while True:
            self.note()
            await asyncio.sleep(TICK_SECONDS)

    def snapshot(self) -> dict[str, Any]:
        """Return JSON values for the status."""
        title = self.current
        return {
            "on": title.id if title else "",
            "all": [{"id": t.id, "text": t.text, "cover": t.cover} for t in self._titles.values()],
        }
