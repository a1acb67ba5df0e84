"""A client of a running console: the command line's, the tests', yours.

In:  address and token.   Out: acks, the state as it changes, events; a `LivehostError` in one line.

    async with Client("127.0.0.1:8080", token) as show:
        await show.command("say", {"text": "欢迎新来的朋友"})
        async for event in show.events():
            print(event.kind, event.data)

It connects again by itself, and sends again what was not answered, under the same id.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Any

import aiohttp

from livehost.brain.console import protocol
from livehost.brain.console.patch import patched
from livehost.brain.console.protocol import Ack, Event, Pong, Snapshot, Update, Welcome
from livehost.channel import Channel
from livehost.errors import ConfigError, LivehostError, Transient

SECONDS = 20.0  # longer than any command may take on the other side
CONNECT_SECONDS = 5.0
GRACE_SECONDS = 1.0  # for an answer that says "too late" to arrive
RETRY_SECONDS = 0.5, 8.0  # first and longest pause before another try
MOST_EVENTS = 1000  # kept for a reader who is slow; then the oldest are lost
TAB = "X-Livehost-Tab"


async def say(address: str, token: str | None, text: str) -> str:
    """Have the host say `text` next; return what the show answers.

    Raises:
        ConfigError: the token is missing or wrong.
        Transient: nobody answers, or not in time.
        LivehostError: the show refused.
    """
    async with Client(address, token) as show:
        ack = await show.command("say", {"text": text})
    if not ack.ok:
        raise LivehostError(ack.message)
    return ack.message or "ok"


async def status(address: str, token: str | None) -> dict[str, Any]:
    """Return the state of the running room, as `GET /api/status` has it. Raises like `say`."""
    return await _get(address, token, "/api/status")


class Client:
    """One connection to a console, kept up.

    Args:
        address: "127.0.0.1:8080", or a URL.
        token: None where none is asked for.
        seconds: for connecting the first time, and for a command.

    Attributes:
        welcome: what the console said at the beginning; None before that.
        status: the state now, as in the last snapshot and all updates since.
        recent: the last chat and sentences, as in the last snapshot.
        connected: the connection is there.
        connections: how often it was made.
    """

    def __init__(self, address: str, token: str | None = None, seconds: float = SECONDS) -> None:
        self._address, self._token, self._seconds = address, token, seconds
        self._tab = secrets.token_hex(8)
        self._sent: dict[str, tuple[dict[str, Any], asyncio.Future[Ack]]] = {}
        self._events: Channel[Event] = Channel(MOST_EVENTS)
        self._changed = asyncio.Event()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._running: asyncio.Task[None] | None = None
        self._failed: LivehostError | None = None
        self._since: dict[str, Any] | None = None
        self._clock = 0.0  # the server's, less ours, in ms
        self.welcome: Welcome | None = None
        self.status: dict[str, Any] = {}
        self.recent: dict[str, Any] = {}
        self.connections = 0

    @property
    def connected(self) -> bool:
        """Whether the console can be talked to now."""
        return self._socket is not None

    async def __aenter__(self) -> Client:
        """Connect. Raises like `say`."""
        self._running = asyncio.ensure_future(self._run())
        try:
            await self.until(lambda: self.connected and self.connections > 0, self._seconds)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave."""
        await self._end()

    async def _end(self) -> None:
        if self._running:
            self._running.cancel()
            await asyncio.wait({self._running})

    # --- for the caller ---------------------------------------------------------------------------

    async def command(
        self, name: str, args: dict[str, Any] | None = None, seconds: float | None = None
    ) -> Ack:
        """Give a command; return what became of it, also when it was refused.

        Raises:
            Transient: no answer, not even "too late"; it may have been carried out.
        """
        within = self._seconds if seconds is None else seconds
        key = secrets.token_hex(8)
        message = {
            "type": "command",
            "id": key,
            "name": name,
            "args": args or {},
            "deadline_ms": max(1, min(int(within * 1000), protocol.MOST_DEADLINE_MS)),
            "at_ms": max(0.0, _now_ms() + self._clock),
        }
        answer: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._sent[key] = message, answer
        try:
            async with asyncio.timeout(within + GRACE_SECONDS):
                await self._send(message)
                return await answer
        except TimeoutError as error:
            raise Transient(f"{self._address} did not answer within {within:g} s") from error
        finally:
            del self._sent[key]

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, for ever; a reader who is slow loses the oldest."""
        while True:
            yield await self._events.get()

    async def until(self, condition: Any, seconds: float = SECONDS) -> None:
        """Wait until `condition()` is true; it is asked whenever something came.

        Raises:
            Transient: not in time.
            ConfigError, LivehostError: the console will not talk to us.
        """
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    if self._failed:
                        raise self._failed
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise Transient(f"{self._address} did not answer within {seconds:g} s") from error

    # --- the connection ---------------------------------------------------------------------------

    async def _run(self) -> None:
        pause, longest = RETRY_SECONDS
        while True:
            try:
                await self._once()
                pause = RETRY_SECONDS[0]
            except LivehostError as error:
                if self.connections == 0 or isinstance(error, ConfigError):
                    self._failed = error
                    self._changed.set()
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _once(self) -> None:
        """Talk until the connection ends. Raises LivehostError when there is none to be had."""
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(headers=_headers(self._token), timeout=limit) as session,
                asyncio.timeout(None) as patience,
            ):
                patience.reschedule(asyncio.get_running_loop().time() + self._seconds)
                async with session.ws_connect(
                    f"{_base(self._address)}/ws", max_msg_size=0
                ) as socket:
                    await self._greet(socket)
                    patience.reschedule(None)
                    await self._talk(socket)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _reason(self._address, error, self._seconds) from error
        finally:
            self._socket = None
            self._changed.set()

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        hello = {"type": "hello", "protocol": [protocol.VERSION], "tab": self._tab}
        await socket.send_json({**hello, "client": "livehost", "since": self._since})
        while not isinstance(message := await self._receive(socket), Snapshot | Update):
            self._take(message)
        self._take(message)
        self._socket = socket
        self.connections += 1
        self._changed.set()
        for sent, answer in list(self._sent.values()):
            if not answer.done():
                await socket.send_json(sent)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        seconds = self.welcome.ping_seconds if self.welcome else 10.0
        pinging = asyncio.ensure_future(self._ping(socket, seconds))
        try:
            while True:
                async with asyncio.timeout(3 * seconds):
                    message = await self._receive(socket)
                if self._missed(message):
                    await socket.send_json({"type": "resync"})
                else:
                    self._take(message)
                self._changed.set()
        finally:
            pinging.cancel()

    async def _ping(self, socket: aiohttp.ClientWebSocketResponse, seconds: float) -> None:
        with suppress(ConnectionError, aiohttp.ClientError):
            while True:
                await socket.send_json({"type": "ping", "t": _now_ms()})
                await asyncio.sleep(seconds)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> Any:
        frame = await socket.receive()
        if frame.type is not aiohttp.WSMsgType.TEXT:
            raise aiohttp.ClientConnectionError("closed")
        return protocol.from_server(frame.data)

    async def _send(self, message: dict[str, Any]) -> None:
        if self._socket is not None:
            with suppress(ConnectionError, aiohttp.ClientError):  # it is sent again, later
                await self._socket.send_json(message)

    # --- messages ---------------------------------------------------------------------------------

    def _missed(self, message: Any) -> bool:
        """Return whether an update came without the one before it."""
        if not isinstance(message, Update) or self._since is None:
            return False
        return bool(message.seq != self._since["seq"] + 1)

    def _take(self, message: Any) -> None:
        match message:
            case Welcome():
                self.welcome = message
                self._clock = message.time_ms - _now_ms()
            case Snapshot():
                self.status, self.recent = message.status, message.recent
                self._note(message.seq)
            case Update():
                self.status = patched(self.status, message.patch)
                self._note(message.seq)
                for event in message.events:
                    self._keep(event)
            case Ack() if message.id in self._sent:
                answer = self._sent[message.id][1]
                if not answer.done():
                    answer.set_result(message)
            case Pong() if message.t:
                now = _now_ms()
                self._clock = message.time_ms - (now + message.t) / 2

    def _note(self, seq: int) -> None:
        self._since = {"epoch": self.welcome.epoch if self.welcome else "", "seq": seq}

    def _keep(self, event: Event) -> None:
        if not self._events.offer(event):
            self._events.clear()
            self._events.offer(event)


def _now_ms() -> float:
    return asyncio.get_running_loop().time() * 1000


# --- HTTP -----------------------------------------------------------------------------------------


async def _get(address: str, token: str | None, path: str) -> dict[str, Any]:
    limit = aiohttp.ClientTimeout(total=SECONDS, sock_connect=CONNECT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(headers=_headers(token), timeout=limit) as session,
            session.get(_base(address) + path) as response,
        ):
            return _read(address, response.status, await response.read())
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _reason(address, error, SECONDS) from error


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _base(address: str) -> str:
    return (address if "//" in address else f"http://{address}").rstrip("/")


def _reason(address: str, error: Exception, seconds: float) -> LivehostError:
    """Return what to tell a person about a failed request."""
    match error:
        case TimeoutError():  # before OSError, which it is
            return Transient(f"{address} did not answer within {seconds:g} s")
        case aiohttp.WSServerHandshakeError(status=401):
            return _no_token(address)
        case aiohttp.WSServerHandshakeError(status=status):
            return LivehostError(f"{address} is not a livehost console (HTTP {status})")
        case aiohttp.InvalidURL():
            return ConfigError(f"{address}: is not an address; write it like 127.0.0.1:8080")
        case aiohttp.ClientConnectionError() | OSError():
            return Transient(f"nobody answers on {address}; is livehost run active?")
        case _:
            return LivehostError(f"{address} is not a livehost console")


def _no_token(address: str) -> ConfigError:
    return ConfigError(f"{address}: the token is missing or wrong; set LIVEHOST_TOKEN")


def _read(address: str, code: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise LivehostError(f"{address} is not a livehost console (HTTP {code})")
    if code == 401:
        raise _no_token(address)
    if code >= 400:
        raise LivehostError(str(answer.get("error", f"HTTP {code}")))
    return answer
