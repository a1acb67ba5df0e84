"""dycast: a page that shows a Douyin room; it connects to us and relays what it sees.

In:  JSON arrays of `{"id", "method": "Webcast...Message", "user", "content" | "gift" | "room"}`.
Out: our own messages.

Source: the dycast project. The first frame is an object that describes the room. Gift counts are
sums of the combo until `repeatEnd` is 1, likes stand in a sentence, an emoji message holds the
address of a picture. A page cannot send headers, so the key travels in the address.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiohttp import web

from livehost.brain.chat.combo import Combos
from livehost.brain.chat.door import has_key
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.fields import as_object, decoded, inner, message, name, text, whole
from livehost.brain.chat.message import Kind, Rejected
from livehost.brain.chat.source import Submit
from livehost.brain.chat.visitor import Frame, Visitors, wait_for_visitors
from livehost.config_chat import Dycast, secret

_KINDS = {
    "WebcastChatMessage": Kind.COMMENT,
    "WebcastEmojiChatMessage": Kind.COMMENT,
    "WebcastGiftMessage": Kind.GIFT,
    "WebcastLikeMessage": Kind.LIKE,
    "WebcastMemberMessage": Kind.ENTER,
    "WebcastSocialMessage": Kind.FOLLOW,
}
EMOJI = "[表情]"
MOST_ITEMS = 5000  # in a frame, which is read without a pause
COMBO = 1  # `gift.type` of gifts whose count grows; others are single
_LIKES = re.compile(r"\((\d{1,9})\)")


class DycastSource:
    """What dycast pages relay."""

    def __init__(self, settings: Dycast, feed: Feed) -> None:
        self.name = settings.name
        self._key = secret(settings, "key_env")
        self._feed = feed
        self._visitors = Visitors()
        self._combos = Combos()

    async def run(self, submit: Submit) -> None:
        """Wait to be visited."""
        await wait_for_visitors(self._feed)

    async def take(self, request: web.Request, feed: Feed) -> web.StreamResponse:
        """Serve one page."""
        if not has_key(request, self._key):
            feed.refuse("key")
            raise web.HTTPUnauthorized
        return await self._visitors.serve(request, feed, self._take)

    def _take(self, frame: Frame) -> None:
        values = decoded(frame)
        if isinstance(values, dict):
            self._feed.ignore("room")
            return
        if not isinstance(values, list):
            raise Rejected("not_list", "the frame is not a list")
        if len(values) > MOST_ITEMS:
            raise Rejected("too_many", f"the frame has more than {MOST_ITEMS} messages")
        for item in values:
            self._one(item)

    def _one(self, item: Any) -> None:
        try:
            found = self.read(as_object(item, "message"))
        except Rejected as rejected:
            self._feed.garbled(rejected.reason)
            return
        if found is not None:
            self._feed(found)

    def read(self, values: dict[str, Any]) -> dict[str, Any] | None:
        """Return our own message, or None for one that is no chat or adds nothing."""
        method = text(values, "method")
        if method not in _KINDS:
            self._feed.ignore(method.removeprefix("Webcast") or "unknown")
            return None
        kind = _KINDS[method]
        count = self._count(kind, values)
        if count == 0:
            self._feed.ignore("repeated_gift")
            return None
        user = inner(values, "user")
        return message(
            kind,
            name(values, "id"),
            name(user, "id"),
            text(user, "name"),
            _said(method, values),
            count=count,
            diamonds=whole(inner(values, "gift"), "price", 0),
        )

    def _count(self, kind: Kind, values: dict[str, Any]) -> int:
        if kind is Kind.LIKE:
            found = _LIKES.search(text(values, "content"))
            return int(found[1]) if found else 1
        return self._added(values) if kind is Kind.GIFT else 1

    def _added(self, values: dict[str, Any]) -> int:
        gift = inner(values, "gift")
        count = whole(gift, "count", 1)
        if whole(gift, "type", COMBO) != COMBO:
            return count
        combo = name(inner(values, "user"), "id"), name(gift, "id")
        ended = whole(gift, "repeatEnd", 0) == 1
        now = asyncio.get_running_loop().time()
        return self._combos.added(name(values, "id"), combo, count, ended, now)


def _said(method: str, values: dict[str, Any]) -> str:
    if method == "WebcastChatMessage":
        return text(values, "content")
    if method == "WebcastEmojiChatMessage":
        return EMOJI
    return text(inner(values, "gift"), "name")
