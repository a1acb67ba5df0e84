"""Bilibili open-live: start a session, connect to its socket, keep both alive, end it.

In:  access key, identity code; the platform's socket.   Out: our own messages.

Source: the open-live documentation. The session wants a heartbeat every 20 s and ends without one
after a minute; the socket wants its own every 30 s and answers it. A session that is not ended
keeps the room busy for a while.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from livehost.brain.chat.bilibili_api import BilibiliApi
from livehost.brain.chat.bilibili_wire import Operation, packet, packets
from livehost.brain.chat.calls import code
from livehost.brain.chat.client import Connection, Frame, connected, frames
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.fields import as_object, decoded, inner, message, name, text, whole
from livehost.brain.chat.keep import together
from livehost.brain.chat.message import Kind, Rejected
from livehost.brain.chat.source import Submit
from livehost.config_chat import Bilibili, secret
from livehost.errors import Transient

SESSION_SECONDS = 20.0  # between two heartbeats of the session
SOCKET_SECONDS = 30.0  # between two of the socket
MOST_MISSED = 2  # heartbeats in a row that may go wrong
AUTH_SECONDS = 10.0
END_SECONDS = 3.0
PREFIX = "LIVE_OPEN_PLATFORM_"

_KINDS = {
    "DM": Kind.COMMENT,
    "SUPER_CHAT": Kind.COMMENT,
    "SEND_GIFT": Kind.GIFT,
    "GUARD": Kind.GIFT,
    "LIKE": Kind.LIKE,
    "LIVE_ROOM_ENTER": Kind.ENTER,
}
_GUARDS = {1: "总督", 2: "提督", 3: "舰长"}
_COUNTS = {"SEND_GIFT": "gift_num", "GUARD": "guard_num", "LIKE": "like_count"}


@dataclass(frozen=True)
class Session:
    """What the platform gives at the start.

    Attributes:
        game: names the session; empty for apps that need no heartbeat.
        auth: sent on the socket; a secret.
        links: sockets, any of which will do.
    """

    game: str
    auth: str = field(repr=False)
    links: tuple[str, ...]


class BilibiliSource:
    """One room."""

    def __init__(self, settings: Bilibili, feed: Feed) -> None:
        self.name = settings.name
        self._settings = settings
        self._code = secret(settings, "code_env")
        self._api = BilibiliApi(settings)
        self._feed = feed
        self._tries = 0
        self._answered = True

    async def run(self, submit: Submit) -> None:
        """Deliver until the session or its socket is lost. Raises Transient."""
        async with (
            aiohttp.ClientSession() as http,
            self._session(http) as session,
            connected(Connection(self._link(session), None)) as socket,
        ):
            await self._authenticate(socket, session)
            self._feed.is_live()
            await together(
                self._read(socket, session, submit),
                self._keep_socket(socket),
                self._keep_session(http, session),
            )

    # --- session ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _session(self, http: aiohttp.ClientSession) -> AsyncGenerator[Session, None]:
        """Start a session, and end it however the block is left."""
        body = {"code": self._code, "app_id": self._settings.app_id}
        session = _session(await self._api.call(http, "/v2/app/start", body))
        try:
            yield session
        finally:
            await self._end(http, session)

    async def _end(self, http: aiohttp.ClientSession, session: Session) -> None:
        if not session.game:
            return
        body = {"app_id": self._settings.app_id, "game_id": session.game}
        with suppress(Transient, TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._api.call(http, "/v2/app/end", body)

    async def _keep_session(self, http: aiohttp.ClientSession, session: Session) -> None:
        missed = 0
        while session.game:
            await asyncio.sleep(SESSION_SECONDS)
            try:
                await self._api.call(http, "/v2/app/heartbeat", {"game_id": session.game})
                missed = 0
            except Transient:
                missed += 1
                if missed >= MOST_MISSED:
                    raise

    # --- socket -----------------------------------------------------------------------------------

    def _link(self, session: Session) -> str:
        """Return another of the session's sockets at each try."""
        self._tries += 1
        return session.links[(self._tries - 1) % len(session.links)]

    async def _authenticate(
        self, socket: aiohttp.ClientWebSocketResponse, session: Session
    ) -> None:
        await socket.send_bytes(packet(Operation.AUTH, session.auth.encode()))
        try:
            async with asyncio.timeout(AUTH_SECONDS), aclosing(frames(socket)) as answers:
                async for frame in answers:
                    for operation, body in _packets(frame):
                        if operation == Operation.AUTH_REPLY:
                            return _check_reply(body)
        except TimeoutError:
            raise Transient("bilibili: the socket did not answer the authentication") from None
        except Rejected as rejected:
            raise Transient(f"bilibili: the socket sent nonsense ({rejected.reason})") from None

    async def _keep_socket(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        missed = 0
        while missed < MOST_MISSED:
            self._answered = False
            with suppress(OSError, aiohttp.ClientError):  # the reader sees that it is closed
                await socket.send_bytes(packet(Operation.HEARTBEAT))
            await asyncio.sleep(SOCKET_SECONDS)
            missed = 0 if self._answered else missed + 1
        raise Transient("bilibili: the socket does not answer heartbeats")

    async def _read(
        self, socket: aiohttp.ClientWebSocketResponse, session: Session, submit: Submit
    ) -> None:
        async for frame in frames(socket):
            try:
                for operation, body in _packets(frame):
                    if operation == Operation.HEARTBEAT_REPLY:
                        self._answered = True
                    elif operation == Operation.MESSAGE:
                        self._take(body, session, submit)
            except Rejected as rejected:
                self._feed.garbled(rejected.reason)

    def _take(self, body: bytes, session: Session, submit: Submit) -> None:
        try:
            values = as_object(decoded(body), "command")
            command = text(values, "cmd").removeprefix(PREFIX)
            data = inner(values, "data")
            if command == "INTERACTION_END" and name(data, "game_id") == session.game:
                raise Transient("bilibili: the platform ended the session")
            if command not in _KINDS:
                self._feed.ignore(command or "unknown")
                return
            submit(read(command, data))
        except Rejected as rejected:  # this one of several in a frame
            self._feed.garbled(rejected.reason)


def _session(data: dict[str, Any]) -> Session:
    socket = inner(data, "websocket_info")
    links = socket.get("wss_link")
    session = Session(
        game=name(inner(data, "game_info"), "game_id"),
        auth=text(socket, "auth_body"),
        links=tuple(link for link in links if isinstance(link, str))
        if isinstance(links, list)
        else (),
    )
    if not session.auth or not session.links:
        raise Transient("bilibili: the session came without a socket")
    return session


def _packets(frame: Frame) -> list[tuple[int, bytes]]:
    if isinstance(frame, str):
        raise Rejected("frame", "a text frame")
    return list(packets(frame))


def _check_reply(body: bytes) -> None:
    try:
        found = json.loads(body or b"{}").get("code")
    except (ValueError, AttributeError, RecursionError):
        found = None
    if found != 0:
        raise Transient(f"bilibili: the socket refused the authentication (code {code(found)})")


def read(command: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return our own message for the data of one command. Raises Rejected."""
    user = inner(values, "user_info") if command == "GUARD" else values
    ident = name(values, "msg_id", "message_id")
    return message(
        _KINDS[command],
        ident and f"{command.lower()}:{ident}",
        name(user, "open_id", "uid"),
        text(user, "uname"),
        _said(command, values),
        at=whole(values, "timestamp", 0),
        count=whole(values, _COUNTS[command], 1) if command in _COUNTS else 1,
        super_chat=whole(values, "rmb", 0),
        value=whole(values, "price", 0),
        replies_to=text(values, "reply_uname"),
        emoji=values.get("dm_type") == 1,
    )


def _said(command: str, values: dict[str, Any]) -> str:
    if command == "GUARD":
        return _GUARDS.get(whole(values, "guard_level", 0), "大航海")
    keys = {"DM": "msg", "SUPER_CHAT": "message", "SEND_GIFT": "gift_name"}
    return text(values, keys[command]) if command in keys else ""
