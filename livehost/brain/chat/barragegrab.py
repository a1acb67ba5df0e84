"""BarrageGrab: a program beside the browser that shows Douyin; we connect to its socket.

In:  `{"Type": 1..9, "ProcessName", "Data": "<JSON text>"}`.   Out: our own messages.

Source: the field names of the BarrageGrab project. `GiftCount` is what was added, `RepeatCount` the
sum so far; message ids exceed 2**53 and are unique within a type only.
"""

from __future__ import annotations

from typing import Any

from livehost.brain.chat.client import Connection, follow
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.fields import as_object, decoded, inner, message, name, text, whole
from livehost.brain.chat.message import Kind, Rejected
from livehost.brain.chat.source import Submit
from livehost.config_chat import BarrageGrab

_KINDS = {
    1: Kind.COMMENT,
    2: Kind.LIKE,
    3: Kind.ENTER,
    4: Kind.FOLLOW,
    5: Kind.GIFT,
    7: Kind.FOLLOW,  # joined the fans club
}
_OTHERS = {6: "stats", 8: "share", 9: "end"}


class BarrageGrabSource:
    """One connection to BarrageGrab."""

    def __init__(self, settings: BarrageGrab, feed: Feed) -> None:
        self.name = settings.name
        self._feed = feed
        self._connection = Connection(settings.url, settings.ping_seconds)

    async def run(self, submit: Submit) -> None:
        """Deliver until the connection is lost. Raises Transient."""
        await follow(self._connection, self._feed, lambda frame: self._take(frame, submit))

    def _take(self, frame: str | bytes, submit: Submit) -> None:
        values = as_object(decoded(frame), "frame")
        kind = whole(values, "Type")
        if kind not in _KINDS:
            self._feed.ignore(_OTHERS.get(kind, "unknown_type"))
            return
        found = read(kind, as_object(decoded(_inside(values)), "data"))
        if found["count"] > 0:
            submit(found)
        else:
            self._feed.ignore("combo_end")


def _inside(values: dict[str, Any]) -> str:
    found = values.get("Data")
    if not isinstance(found, str):
        raise Rejected("data", "Data is not JSON in a string")
    return found


def read(kind: int, values: dict[str, Any]) -> dict[str, Any]:
    """Return our own message for one of type `kind`. Raises Rejected."""
    user = inner(values, "User")
    ident = name(values, "MsgId")
    return message(
        _KINDS[kind],
        ident and f"{kind}:{ident}",
        name(user, "SecUid", "Id", "ShortId"),
        text(user, "Nickname"),
        _said(kind, values),
        count=_count(kind, values),
        room=name(values, "RoomId"),
        fans_club=kind == 7,
        diamonds=whole(values, "DiamondCount", 0) if kind == 5 else 0,
    )


def _said(kind: int, values: dict[str, Any]) -> str:
    if kind == 1:
        return text(values, "Content")
    return text(values, "GiftName") if kind == 5 else ""


def _count(kind: int, values: dict[str, Any]) -> int:
    if kind == 2:
        return whole(values, "Count", 1)
    return whole(values, "GiftCount") if kind == 5 else 1
