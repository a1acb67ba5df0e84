"""One WebSocket that we open: connect, ping, read, and know when nobody is there any more.

In:  an address.   Out: frames, one by one; Transient when it is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from socket import gaierror

import aiohttp

from livehost.brain.chat.feed import Feed
from livehost.brain.chat.message import Rejected
from livehost.errors import Transient

CONNECT_SECONDS = 10.0
MOST_FRAME = 1024 * 1024  # bytes
BREATH = 32  # frames between two turns of the event loop
CLOSE_SECONDS = 2.0

Frame = str | bytes


@dataclass(frozen=True)
class Connection:
    """Where to connect and how to know that it lives.

    Attributes:
        ping_seconds: between two pings; one not answered within half of it is a loss. None sends
            none.
        headers: sent with the request; may hold a secret and is never shown.
    """

    url: str
    ping_seconds: float | None
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@contextlib.asynccontextmanager
async def connected(
    connection: Connection,
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse, None]:
    """Open a socket. Raises Transient; leaving closes it."""
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        socket = await _open(session, connection)
        try:
            yield socket
        finally:
            await _close(socket)


async def _open(
    session: aiohttp.ClientSession, connection: Connection
) -> aiohttp.ClientWebSocketResponse:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await session.ws_connect(
                connection.url,
                headers=connection.headers,
                heartbeat=connection.ping_seconds,
                max_msg_size=MOST_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
    except TimeoutError as error:
        raise Transient(f"did not answer within {CONNECT_SECONDS:g} s") from error
    except aiohttp.WSServerHandshakeError as error:
        raise Transient(f"refused the connection with status {error.status}") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Transient(f"cannot be reached ({reason(error)})") from None


async def _close(socket: aiohttp.ClientWebSocketResponse) -> None:
    with contextlib.suppress(aiohttp.ClientError, OSError):  # it may be gone already
        await socket.close()


def reason(error: Exception) -> str:
    """Return what a network error is, without the address that it may quote."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the certificate is not trusted"
    if isinstance(error, aiohttp.ClientSSLError):
        return "TLS failed"
    of = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(of, gaierror):
        return "the name is not known"
    number = of.errno if isinstance(of, OSError) else None
    return os.strerror(number).lower() if number else type(error).__name__


async def frames(socket: aiohttp.ClientWebSocketResponse) -> AsyncGenerator[Frame, None]:
    """Yield text and binary frames. Raises Transient when the connection is over."""
    count = 0
    async for message in socket:
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            yield message.data
        count += 1
        if count % BREATH == 0:
            await asyncio.sleep(0)
    raise Transient(_ending(socket))


def _ending(socket: aiohttp.ClientWebSocketResponse) -> str:
    error = socket.exception()
    if isinstance(error, aiohttp.ServerTimeoutError | TimeoutError):
        return "did not answer a ping"
    if isinstance(error, aiohttp.WebSocketError):
        return f"broke the protocol (close code {error.code})"
    return f"closed the connection (code {socket.close_code})"


async def follow(connection: Connection, feed: Feed, take: Callable[[Frame], None]) -> None:
    """Connect and hand each frame to `take`; what it rejects is counted. Raises Transient."""
    async with connected(connection) as socket:
        feed.is_live()
        async for frame in frames(socket):
            try:
                take(frame)
            except Rejected as rejected:
                feed.garbled(rejected.reason)
