"""Douyin open platform: the platform posts comments, gifts, likes and fans club events to us.

In:  POST with a JSON array and the `x-` headers.   Out: our own messages; 200 to the platform.

Source: the open platform's documentation of live data pushes. Ten answers that are not 2xx, or
come after two seconds, make the platform stop: whatever is signed rightly is answered with 200 at
once, however bad or many the messages in it are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from livehost.brain.chat.door import Signatures, body_of, gently
from livehost.brain.chat.douyin_api import DouyinDuties
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.fields import as_object, decoded, message, name, text, whole
from livehost.brain.chat.message import ChatMessage, Kind, Rejected
from livehost.brain.chat.source import Submit
from livehost.brain.chat.visitor import wait_for_visitors
from livehost.config_chat import Douyin, secret

SIGNED = ("x-msg-type", "x-nonce-str", "x-roomid", "x-timestamp")
SHOWN = frozenset({"answered", "asked_back", "digest"})
"""Outcomes of messages that viewers saw or heard."""

_KINDS = {
    "live_comment": Kind.COMMENT,
    "live_gift": Kind.GIFT,
    "live_like": Kind.LIKE,
    "live_fansclub": Kind.FOLLOW,
}


def signature(headers: Mapping[str, str], body: bytes, push_secret: str) -> str:
    """Return what `x-signature` must be: base64(md5(sorted headers + raw body + secret))."""
    joined = "&".join(f"{key}={headers.get(key, '')}" for key in SIGNED)
    digest = hashlib.md5(joined.encode() + body + push_secret.encode(), usedforsecurity=False)
    return base64.b64encode(digest.digest()).decode()


class DouyinSource:
    """What Douyin pushes; with the app's secret also starting, watching and acknowledging."""

    def __init__(self, settings: Douyin, feed: Feed) -> None:
        self.name = settings.name
        self._secret = secret(settings, "secret_env")
        self._room = settings.room_id
        self._window = settings.window_seconds
        self._signatures = Signatures(settings.secret_env)
        self._feed = feed
        self._duties = DouyinDuties(settings, feed) if settings.app_id else None
        if self._duties:
            feed.written = self._written
            feed.settled = self._settled

    async def run(self, submit: Submit) -> None:
        """Wait to be visited, and keep the pushes running."""
        if self._duties is None:
            await wait_for_visitors(self._feed)
        else:
            await self._duties.run()

    async def take(self, request: web.Request, feed: Feed) -> web.StreamResponse:
        """Take one push."""
        if request.method != hdrs.METH_POST:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])
        body = await body_of(request, feed)
        if refused := self._refused(request.headers, body):
            raise self._signatures.wrong(feed, refused)
        self._signatures.right(feed)
        room = request.headers["x-roomid"]
        if self._room and room != self._room:
            feed.ignore("other_room")
        else:
            feed.is_live()
            if self._duties:
                self._duties.room = room
            await self._deliver(request.headers["x-msg-type"], body, feed)
        return web.json_response({"err_no": 0, "err_msg": "ok"})

    def _refused(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return why a request is not taken; "" when it is."""
        if any(key not in headers for key in SIGNED):
            return "unsigned"
        given = headers.get("x-signature", "").encode(errors="replace")
        if not hmac.compare_digest(given, signature(headers, body, self._secret).encode()):
            return "signature"
        return "" if _is_near(headers["x-timestamp"], self._window) else "stale"

    async def _deliver(self, kind: str, body: bytes, feed: Feed) -> None:
        if kind not in _KINDS:
            feed.ignore(kind)
            return
        try:
            items = decoded(body)
            if not isinstance(items, list):
                raise Rejected("not_list", "the push is not a list")
        except Rejected as rejected:
            feed.garbled(rejected.reason)
            return
        async for item in gently(items):
            try:
                feed(read(kind, as_object(item, "item")))
            except Rejected as rejected:
                feed.garbled(rejected.reason)

    def _written(self, taken: ChatMessage) -> None:
        self._acknowledge(1, taken.id.removeprefix(self._feed.scope))

    def _settled(self, ident: str, outcome: str) -> None:
        if outcome in SHOWN:
            self._acknowledge(2, ident)

    def _acknowledge(self, step: int, ident: str) -> None:
        kind, _, msg_id = ident.partition(":")
        if self._duties and kind in _KINDS and msg_id:
            self._duties.acknowledge(step, kind, msg_id)


def _is_near(stamp: str, window: float) -> bool:
    """Say whether `stamp`, in milliseconds since 1970, is within `window` seconds of now."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 16:
        return False
    return abs(datetime.now(UTC).timestamp() - int(stamp) / 1000) <= window


def read(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return our own message for one item of a push. Raises Rejected."""
    msg_id = name(values, "msg_id")
    counts = {"live_gift": "gift_num", "live_like": "like_num"}
    return message(
        _KINDS[kind],
        msg_id and f"{kind}:{msg_id}",
        name(values, "sec_openid"),
        text(values, "nickname"),
        text(values, "content") if kind == "live_comment" else "",
        at=whole(values, "timestamp", 0),
        count=whole(values, counts[kind]) if kind in counts else 1,
        gift=name(values, "sec_gift_id"),
        value=whole(values, "gift_value", 0),
        test=values.get("test") is True,
        fans_club=whole(values, "fansclub_reason_type", 0),
    )
