"""A WebSocket that somebody opens to us: a few at a time, pinged, every frame judged by itself.

In:  an upgrade request that has shown its key.   Out: frames to a function.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMsgType, web

from livehost.brain.chat.feed import Feed, State
from livehost.brain.chat.message import Rejected

MOST_FRAME = 1024 * 1024  # bytes
MOST_VISITORS = 4  # sockets of one source
PING_SECONDS = 20.0
BREATH = 32  # frames between two turns of the event loop

Frame = str | bytes


class Visitors:
    """The open sockets of one source."""

    def __init__(self, ping_seconds: float = PING_SECONDS) -> None:
        self._ping = ping_seconds
        self._open: set[web.WebSocketResponse] = set()

    async def serve(
        self, request: web.Request, feed: Feed, take: Callable[[Frame], None]
    ) -> web.StreamResponse:
        """Read frames until the other end is gone; what `take` rejects is counted."""
        if len(self._open) >= MOST_VISITORS:
            feed.refuse("too_many_sockets")
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(
            heartbeat=self._ping, max_msg_size=MOST_FRAME, compress=False
        )
        await socket.prepare(request)
        self._open.add(socket)
        feed.is_live()
        try:
            await self._read(socket, feed, take)
        finally:
            self._open.discard(socket)
            if not self._open and feed.state is State.LIVE:
                feed.is_not_live(State.LISTENING, "the other end closed its connection")
        return socket

    async def _read(
        self, socket: web.WebSocketResponse, feed: Feed, take: Callable[[Frame], None]
    ) -> None:
        count = 0
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                try:
                    take(message.data)
                except Rejected as rejected:
                    feed.garbled(rejected.reason)
            count += 1
            if count % BREATH == 0:
                await asyncio.sleep(0)


async def wait_for_visitors(feed: Feed) -> None:
    """Be open, until cancelled: what a source does that is only ever visited."""
    feed.is_not_live(State.LISTENING)
    await asyncio.Event().wait()
