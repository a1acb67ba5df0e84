"""Messages in our own form over HTTP and WebSocket: programs that connect to us, servers we ask.

In:  one JSON object, or JSON lines, in a request body or a frame.   Out: raw messages, to be judged
one by one.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from livehost.brain.chat.client import Connection, follow
from livehost.brain.chat.door import body_of, gently, has_key
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.source import Submit
from livehost.brain.chat.visitor import Frame, Visitors, wait_for_visitors
from livehost.brain.signing import ID, wrong
from livehost.config_chat import Inbound, WebSocket, secret

MOST_LINES = 10_000  # in one body or frame
MOST_TAKEN = 5000  # ids of signed bodies that are remembered


def lines(body: Frame) -> list[bytes]:
    """Return the messages of a body or a frame, one a line; too many lines are one bad message."""
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    found = [line.strip() for line in raw.splitlines() if line.strip()]
    return found if len(found) <= MOST_LINES else [raw]


class WebSocketSource:
    """A server that sends our own messages on a socket; we connect."""

    def __init__(self, settings: WebSocket, feed: Feed) -> None:
        self.name = settings.name
        self._feed = feed
        token = secret(settings, "token_env") if settings.token_env else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = Connection(settings.url, settings.ping_seconds, headers)

    async def run(self, submit: Submit) -> None:
        """Deliver until the connection is lost. Raises Transient."""

        def take(frame: Frame) -> None:
            for line in lines(frame):
                submit(line)

        await follow(self._connection, self._feed, take)


class InboundSource:
    """Programs that send our own messages to us: by POST, or on a socket."""

    def __init__(self, settings: Inbound, feed: Feed) -> None:
        self.name = settings.name
        self._feed = feed
        self._key = secret(settings, "key_env")
        self._secret = secret(settings, "secret_env") if settings.secret_env else ""
        self._taken: OrderedDict[str, None] = OrderedDict()
        self._visitors = Visitors()

    async def run(self, submit: Submit) -> None:
        """Wait to be visited."""
        await wait_for_visitors(self._feed)

    async def take(self, request: web.Request, feed: Feed) -> web.StreamResponse:
        """Take a body, or open a socket."""
        if self._secret and request.method == hdrs.METH_POST:
            return await self._signed(request, feed)
        if not has_key(request, self._key):
            feed.refuse("key")
            raise web.HTTPUnauthorized
        if request.method == hdrs.METH_POST:
            return await self._post(await body_of(request, feed), feed)
        return await self._visitors.serve(request, feed, self._take)

    async def _signed(self, request: web.Request, feed: Feed) -> web.Response:
        """Take a signed body, each `webhook-id` once."""
        body, message_id = await body_of(request, feed), request.headers.get(ID, "")
        if why := wrong(self._secret, request.headers, body, datetime.now(UTC).timestamp()):
            feed.refuse(why)
            raise web.HTTPUnauthorized
        if message_id in self._taken:
            feed.refuse("replay")
            return web.json_response({"ok": True, "queued": 0})
        self._taken[message_id] = None  # before anything is awaited: it may come twice at once
        while len(self._taken) > MOST_TAKEN:
            self._taken.popitem(last=False)
        taken = False
        try:
            answer = await self._post(body, feed)
            taken = answer.status == web.HTTPOk.status_code
        finally:
            if not taken:
                self._taken.pop(message_id, None)
        return answer

    async def _post(self, body: bytes, feed: Feed) -> web.Response:
        given = lines(body)
        if not given:
            raise web.HTTPBadRequest(reason="the body is empty; send JSON objects, one a line")
        feed.is_live()
        queued = 0
        async for line in gently(given):
            queued += feed(line)
        said: dict[str, Any] = {"ok": queued == len(given), "queued": queued}
        return web.json_response(said, status=200 if said["ok"] else 429)

    def _take(self, frame: Frame) -> None:
        for line in lines(frame):
            self._feed(line)
