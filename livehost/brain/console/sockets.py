"""The websocket of one browser: hello, commands and their acks, and what the hub tells.

In:  requests for `/ws`.   Out: messages of `protocol`, both ways.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from aiohttp import WSMessage, WSMsgType, web

from livehost import __version__
from livehost.brain.command import Outcome, Who
from livehost.brain.console import protocol
from livehost.brain.console.answers import encoded, refusal
from livehost.brain.console.chatdoor import Bucket
from livehost.brain.console.desk import Desk
from livehost.brain.console.guard import WHO
from livehost.brain.console.hub import Box, Hub
from livehost.brain.console.orders import BUSY, Orders
from livehost.brain.console.protocol import Ack, Command, Hello, Message, Ping

log = logging.getLogger(__name__)

MOST_SOCKETS = 1000
MOST_WRONG = 10  # messages that are none, before the connection is closed
MOST_UNDER_WAY = 32  # commands of one browser
EACH_SECOND, AT_ONCE = 30.0, 60.0  # messages of one browser
HELLO_SECONDS = 10.0
PING_SECONDS = 10.0
WRITE_SECONDS = 10.0  # a browser that takes nothing for so long is let go

LEAVING = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
CLOSE = {
    "garbage": protocol.CLOSE_GARBAGE,
    "protocol": protocol.CLOSE_PROTOCOL,
    "silent": protocol.CLOSE_SILENT,
}


class Sockets:
    """All websockets of a console.

    Attributes:
        counts: what became of connections: opened, slow, silent, garbage, protocol, full.
    """

    def __init__(self, desk: Desk, hub: Hub, orders: Orders) -> None:
        self._desk = desk
        self._hub = hub
        self._orders = orders
        self._open: set[Socket] = set()
        self.counts: Counter[str] = Counter()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one browser until it leaves."""
        if len(self._open) >= MOST_SOCKETS:
            self.counts["full"] += 1
            return refusal(503, "too many browsers watch; try again later")
        answer = web.WebSocketResponse(
            compress=False, max_msg_size=protocol.MOST_FRAME, writer_limit=1, timeout=1.0
        )
        await answer.prepare(request)
        self.counts["opened"] += 1
        socket = Socket(answer, request, request[WHO], self._desk, self._hub, self._orders)
        self._open.add(socket)
        try:
            cause = await socket.run()
        finally:
            self._open.discard(socket)
        if cause:
            self.counts[cause] += 1
        return answer

    async def end(self, login: str | None = None) -> None:
        """Close the sockets of a login, or all of them because the console ends."""
        if login is None:
            await self._close(list(self._open), 1001)
        else:
            await self.end_those(lambda who: who.login == login)

    async def end_those(self, gone: Callable[[Who], bool]) -> None:
        """Close the sockets of everybody who may no longer be here."""
        await self._close([s for s in self._open if gone(s.who)], protocol.CLOSE_LEFT)

    async def _close(self, sockets: list[Socket], code: int) -> None:
        await asyncio.gather(*(socket.close(code, "") for socket in sockets))

    def metrics(self) -> dict[str, float]:
        """Return the sockets' numbers by Prometheus name."""
        name = "livehost_console_sockets_total"
        causes = ("opened", "slow", "silent", "garbage", "protocol", "full")
        return {
            "livehost_console_sockets": len(self._open),
            "livehost_console_updates_total": self._hub.seq,
            "livehost_console_resyncs_total": self._hub.lost,
            **{f'{name}{{result="{cause}"}}': self.counts[cause] for cause in causes},
        }


class Socket:
    """One browser."""

    def __init__(
        self,
        answer: web.WebSocketResponse,
        request: web.Request,
        who: Who,
        desk: Desk,
        hub: Hub,
        orders: Orders,
    ) -> None:
        self._answer = answer
        self._request = request
        self._desk, self._hub, self._orders = desk, hub, orders
        self._bucket = Bucket(EACH_SECOND, AT_ONCE)
        self._wrong = 0
        self._under_way = 0
        self._box = Box()
        self._greeted = False
        self.who = who

    async def run(self) -> str:
        """Serve until the browser leaves; return why it was let go, "" when it went itself."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in (self._write(), self._read())]
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                cause = done.pop().result()
                for task in tasks:
                    task.cancel()
        finally:
            self._hub.leave(self._box)
        if cause == "slow":
            self._drop()  # a farewell would wait behind what is not taken
        else:
            await self.close(CLOSE.get(cause, 1000), cause)
        return cause

    async def close(self, code: int, why: str) -> None:
        """Close the connection, however slow the other side is."""
        try:
            async with asyncio.timeout(1.0):
                await self._answer.close(code=code, message=why.encode())
        except (TimeoutError, ConnectionError):
            self._drop()

    def _drop(self) -> None:
        if transport := self._request.transport:
            transport.abort()

    # --- writing ----------------------------------------------------------------------------------

    async def _write(self) -> str:
        while True:
            message = await self._box.next(self._hub.snapshot)
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await self._answer.send_frame(message, WSMsgType.TEXT)
            except TimeoutError:
                return "slow"
            except ConnectionError:
                return ""

    def _answer_with(self, message: Message) -> None:
        self._box.answer(encoded(message.model_dump(mode="json")))

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self) -> str:
        """Take what the browser sends until it leaves; return why it must."""
        try:
            while self._wrong < MOST_WRONG:
                seconds = 3 * PING_SECONDS if self._greeted else HELLO_SECONDS
                frame = await self._answer.receive(timeout=seconds)
                if frame.type in LEAVING:
                    return ""
                if cause := self._take(frame):
                    return cause
        except TimeoutError:
            return "silent"
        except ConnectionError:
            return ""
        return "garbage"

    def _take(self, frame: WSMessage) -> str:
        """Take one frame; return why the browser has to go."""
        try:
            if frame.type is not WSMsgType.TEXT:
                raise ValueError("send text")
            message = protocol.from_client(frame.data)
        except ValueError as error:
            self._not_understood("message", str(error))
            return ""
        if isinstance(message, Hello):
            return self._greet(message)
        if not self._greeted:
            self._not_understood("order", "say hello first")
        elif isinstance(message, Command):
            self._begin(message)
        elif not self._bucket.take():
            pass  # what answers cost is bounded, whoever takes none of them
        elif isinstance(message, Ping):
            self._answer_with(protocol.Pong(t=message.t, time_ms=_time_ms()))
        else:
            self._box.resync()
        return ""

    def _not_understood(self, code: Literal["message", "order"], why: str) -> None:
        self._wrong += 1
        self._answer_with(protocol.Wrong(code=code, message=why))

    # --- hello ------------------------------------------------------------------------------------

    def _greet(self, hello: Hello) -> str:
        if self._greeted:
            self._not_understood("order", "hello is said once")
            return ""
        if protocol.VERSION not in hello.protocol:
            return "protocol"
        self._greeted = True
        tab = hello.tab or secrets.token_hex(8)
        self.who = replace(self.who, session=f"{self.who.name}:{tab}")
        self._answer_with(self._welcome(tab))
        self._hub.join(self._box, hello.since)
        return ""

    def _welcome(self, tab: str) -> protocol.Welcome:
        known = [
            protocol.Known(name=name, role=command.role, does=command.does)
            for name, command in self._desk.table.items()
            if self.who.role.may(command.role)
        ]
        return protocol.Welcome(
            server=f"livehost {__version__}",
            room=str(self._desk.status().get("room", "")),
            epoch=self._hub.epoch,
            user=self.who.name,
            role=self.who.role,
            tab=tab,
            commands=known,
            time_ms=_time_ms(),
            ping_seconds=PING_SECONDS,
        )

    # --- commands ---------------------------------------------------------------------------------

    def _begin(self, command: Command) -> None:
        allowed = self._under_way < MOST_UNDER_WAY and self._bucket.take()
        if not (allowed and self._orders.start(self._command(command))):
            self._answer_with(_ack(command.id, BUSY, False))

    async def _command(self, command: Command) -> None:
        self._under_way += 1
        try:
            outcome, repeated = await self._given(command)
        finally:
            self._under_way -= 1
        self._hub.touch()
        self._answer_with(_ack(command.id, outcome, repeated))

    async def _given(self, command: Command) -> tuple[Outcome, bool]:
        now = _time_ms()
        asked = now if command.at_ms is None else min(command.at_ms, now)
        until = (asked + command.deadline_ms) / 1000
        return await self._orders.give_once(command.id, command.name, command.args, self.who, until)


def _ack(key: str, outcome: Outcome, repeated: bool) -> Ack:
    code = "" if outcome.ok else outcome.code or "refused"
    return Ack(
        id=key,
        ok=outcome.ok,
        message=outcome.message,
        code=code,
        data=outcome.data,
        repeated=repeated,
    )


def _time_ms() -> float:
    """Return the server's clock: the monotonic one, which a new brain on this machine shares."""
    return round(asyncio.get_running_loop().time() * 1000, 1)
