"""Kuaishou open platform: the platform posts what happens in the room to us.

In:  POST with `kwaisign` = hex(md5(raw body + app secret)).   Out: our own messages;
`{"result": 1}` to the platform.

Source: field names of the live-room-watcher project. The names of events are not published, so the
shape of the payload says what an item is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from livehost.brain.chat.door import Signatures, body_of, gently
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.fields import as_object, decoded, inner, message, name, text, whole
from livehost.brain.chat.message import Kind, Rejected
from livehost.brain.chat.source import Submit
from livehost.brain.chat.visitor import wait_for_visitors
from livehost.config_chat import Kuaishou, secret


def signature(body: bytes, app_secret: str) -> str:
    """Return what `kwaisign` must be for a body."""
    return hashlib.md5(body + app_secret.encode(), usedforsecurity=False).hexdigest()


class KuaishouSource:
    """What Kuaishou pushes."""

    def __init__(self, settings: Kuaishou, feed: Feed) -> None:
        self.name = settings.name
        self._secret = secret(settings, "secret_env")
        self._window = settings.window_seconds
        self._signatures = Signatures(settings.secret_env)
        self._feed = feed

    async def run(self, submit: Submit) -> None:
        """Wait to be visited."""
        await wait_for_visitors(self._feed)

    async def take(self, request: web.Request, feed: Feed) -> web.StreamResponse:
        """Take one push. What is signed is answered with 200, so that it is not sent again."""
        if request.method != hdrs.METH_POST:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])
        body = await body_of(request, feed)
        given = request.headers.get("kwaisign", "").lower().encode(errors="replace")
        if not hmac.compare_digest(given, signature(body, self._secret).encode()):
            raise self._signatures.wrong(feed)
        try:
            push = as_object(decoded(body), "push")
            self._check_time(push)
        except Rejected as rejected:
            if rejected.reason == "stale":
                raise self._signatures.wrong(feed, "stale") from None
            feed.garbled(rejected.reason)
        else:
            self._signatures.right(feed)
            feed.is_live()
            await self._deliver(push, feed)
        return web.json_response({"result": 1})

    def _check_time(self, push: dict[str, Any]) -> None:
        stamp = whole(push, "timestamp", 0)
        age = datetime.now(UTC).timestamp() - stamp / 1000
        if stamp and abs(age) > self._window:
            raise Rejected("stale", "the push is too old, or from the future")

    async def _deliver(self, push: dict[str, Any], feed: Feed) -> None:
        async for found in gently(read(push)):
            if isinstance(found, Rejected):
                feed.garbled(found.reason)
            else:
                feed(found)


def read(push: dict[str, Any]) -> Iterator[dict[str, Any] | Rejected]:
    """Yield each item of a push as our own message, or why it is none."""
    values = inner(push, "data")
    payload = values.get("payload")
    if not isinstance(payload, list):
        yield Rejected("payload", "the payload is not a list")
        return
    ident = name(values, "unique_message_id") or name(push, "message_id")
    unique = ident and f"{text(values, 'push_type')}:{ident}"
    at = _at(values) or _at(push, "timestamp")
    for number, item in enumerate(payload):
        try:
            yield _item(as_object(item, "item"), unique and f"{unique}:{number}", at)
        except Rejected as rejected:
            yield rejected


def _at(values: dict[str, Any], key: str = "live_timestamp") -> int:
    try:
        return whole(values, key, 0)
    except Rejected:
        return 0


def _item(values: dict[str, Any], unique: str, at: int) -> dict[str, Any]:
    viewer = inner(values, "userInfo")
    user, nickname = name(viewer, "userId"), text(viewer, "userName")
    if "giftId" in values or "giftName" in values:
        number = name(values, "uniqueNo")
        return message(
            Kind.GIFT,
            f"gift:{number}" if number else unique,
            user,
            nickname,
            text(values, "giftName"),
            at=at,
            count=whole(values, "giftCount", 1),
            value=whole(values, "giftTotalPrice", 0),
        )
    if "content" in values:
        return message(Kind.COMMENT, unique, user, nickname, text(values, "content"), at=at)
    if "count" in values:
        return message(Kind.LIKE, unique, user, nickname, at=at, count=whole(values, "count"))
    raise Rejected("unknown_item", "the item is neither comment, gift nor like")
