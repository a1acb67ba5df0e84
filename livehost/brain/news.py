"""What just happened, told to whoever listens now; nothing is kept here and nobody is waited for.

In:  events of the show.   Out: calls of the listeners, on the brain's event loop.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

log = logging.getLogger(__name__)


class Item(NamedTuple):
    """One event.

    Attributes:
        at: when, ISO 8601 in UTC.
        kind: see docs/protocol.md.
        data: JSON values; no secret.
    """

    at: str
    kind: str
    data: dict[str, Any]

    @classmethod
    def now(cls, kind: str, data: dict[str, Any]) -> Item:
        """Return an event of this moment."""
        return cls(datetime.now(UTC).isoformat(timespec="milliseconds"), kind, data)


Listener = Callable[[Item], None]


class News:
    """Hands events on."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` told of everything from now on; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def tell(self, kind: str, /, **data: Any) -> None:
        """Tell everybody."""
        if not self._listeners:
            return
        item = Item.now(kind, data)
        for listener in tuple(self._listeners):
            listener(item)
