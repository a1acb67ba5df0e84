"""A show that exists only for the console's tests: scripted answers, everything asked is kept.

In:  what a test wants it to say.   Out: `FakeDesk`; a running console over it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from livehost.brain.command import LOCAL, Command, Outcome, Who
from livehost.brain.console import Console, Receipt
from livehost.brain.console.orders import Orders
from livehost.brain.desk import all_commands
from livehost.brain.news import News
from livehost.channel import Channel
from livehost.media import Packet, StreamHeader
from livehost.wire import Encoded, StreamInfo

TOKEN = "0123456789abcdef-token"


class FakeDesk:
    def __init__(self) -> None:
        self.table: dict[str, Command] = {known.name: known for known in all_commands()}
        self.news = News()
        self.notes: list[tuple[Who, str, bool, str]] = []
        self.chat: list[Any] = []
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.given: list[tuple[str, dict[str, Any], Who]] = []
        self.checks_roles = False
        self.remembered: list[tuple[str, str, str, Outcome | None]] = []
        self.outcome = Outcome(True, "done", {"n": 1})
        self.command_seconds = 0.0
        self.values: dict[str, Any] = {
            "room": "demo",
            "stage": {"connected": True},
            "outputs": [{"name": "douyin", "state": "live"}],
        }
        self.numbers: dict[str, float] = {"livehost_ticks_total": 7.0}
        self.plan: dict[str, Any] = {}
        self.lately: dict[str, Any] = {"chat": [], "utterances": []}
        self.taps: set[Channel[Any]] = set()
        self.stream_info: StreamInfo | None = None
        self._group: list[Packet] = []

    def status(self) -> dict[str, Any]:
        return self.values

    def rundown(self) -> dict[str, Any]:
        return self.plan

    def metrics(self) -> dict[str, float]:
        return self.numbers

    def submit_chat(self, raw: bytes | dict[str, Any]) -> Receipt:
        try:
            values = json.loads(raw.decode()) if isinstance(raw, bytes) else raw
            text = values["text"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            return Receipt(False, reason=f"not a chat message ({type(error).__name__})")
        self.chat.append(values)
        return Receipt(True, id=f"{len(self.chat)}", reason="" if text else "empty")

    async def command(self, name: str, args: dict[str, Any], who: Who = LOCAL) -> Outcome:
        if self.checks_roles and not who.role.may(self.table[name].role):
            return Outcome(False, "not for you", code="role")
        self.given.append((name, args, who))
        self.commands.append((name, args))
        await asyncio.sleep(self.command_seconds)
        return self.outcome

    async def keep(self, user: str, key: str, what: str, outcome: Outcome | None) -> None:
        self.remembered.append((user, key, what, outcome))

    def kept(self) -> list[tuple[str, str, str, Outcome | None]]:
        return list(self.remembered)

    def note(self, who: Who, what: str, ok: bool, message: str) -> None:
        self.notes.append((who, what, ok, message))

    def recent(self) -> dict[str, Any]:
        return self.lately

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[Channel[Any]]:
        channel: Channel[Any] = Channel(500)
        self.taps.add(channel)
        if self.stream_info:
            channel.offer(self.stream_info)
        for packet in self._group:  # where a real stage would make a keyframe
            channel.offer(Encoded(packet))
        try:
            yield channel
        finally:
            self.taps.discard(channel)

    def start_stream(self, header: StreamHeader) -> None:
        self.stream_info, self._group = StreamInfo(header), []
        for tap in self.taps:
            tap.offer(self.stream_info)

    def send(self, packet: Packet) -> None:
        if packet.kind == "video" and packet.keyframe:
            self._group = []
        self._group = [*self._group, packet][-200:]
        for tap in self.taps:
            tap.offer(Encoded(packet))

    async def play(self, packets: list[Packet], speed: float = 1.0) -> None:
        """Send `packets` at their times."""
        now = asyncio.get_running_loop().time
        began, first = now(), packets[0].dts
        for packet in packets:
            await asyncio.sleep(began + (packet.dts - first) / 48_000 / speed - now())
            self.send(packet)


@asynccontextmanager
async def serving(
    desk: FakeDesk, token: str | None = None, host: str = "127.0.0.1", **options: Any
) -> AsyncIterator[tuple[Console, aiohttp.ClientSession]]:
    """Run a console over `desk` on a free port, with a client that needs no address."""
    console = Console(desk, host, 0, token, **options)
    running = asyncio.ensure_future(console.run())
    ready = asyncio.ensure_future(console.ready.wait())
    await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
    port = console.address.rstrip("/").rpartition(":")[2]
    try:
        jar = aiohttp.CookieJar(unsafe=True)  # an address keeps cookies, too
        many = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", cookie_jar=jar, connector=many
        ) as session:
            yield console, session
    finally:
        ready.cancel()
        running.cancel()
        await asyncio.wait({running})


@asynccontextmanager
async def taking(desk):
    """Take orders for a desk until the block is left."""
    orders = Orders(desk)
    running = asyncio.ensure_future(orders.run())
    await asyncio.sleep(0)
    try:
        yield orders
    finally:
        running.cancel()
        await asyncio.wait({running})
