"""Servers that misbehave on purpose, on 127.0.0.1.

In:  what to do wrong, and when.   Out: a TCP server in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.peers import listening, wait_until


class FaultServer:
    """A TCP proxy, or without a target a mute server, that can be told to misbehave.

    It runs in a thread of its own and reads through a small socket buffer, so that a stall is felt
    at once. Every method may be called from any thread.

    Attributes:
        accepted: connections taken.
        received: bytes read from clients.
        delay: seconds added on the way to the target.
        stall_after: stop reading when `received` gets there; None never does.
    """

    def __init__(self, target: int | None, buffer: int = 16_384) -> None:
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.accepted = self.received = 0
        self.delay = 0.0
        self.stall_after: int | None = None
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(lambda: listening(self.port), what="fault server listens")

    def url(self, key: str, app: str = "live") -> str:
        return f"rtmp://127.0.0.1:{self.port}/{app}/{key}"

    def stall(self) -> None:
        """Read nothing more, keep the connection."""
        self._call(self._flowing.clear)

    def resume(self) -> None:
        self.stall_after = None
        self._call(self._flowing.set)

    def reset(self) -> None:
        """End all connections with RST."""
        self._call(self._abort, True)

    def cut(self) -> None:
        """End all connections with FIN."""
        self._call(self._abort, False)

    def close(self) -> None:
        self._call(self._abort, True)
        self._call(self._loop.stop)
        self._thread.join(5)
        self._listener.close()

    def _call(self, callback: Callable[..., object], *args: object) -> None:
        self._loop.call_soon_threadsafe(callback, *args)

    def _run(self) -> None:
        start = asyncio.start_server(self._serve, sock=self._listener, limit=8192)
        self._loop.run_until_complete(start)
        self._loop.run_forever()
        self._loop.run_until_complete(self._end_tasks())
        self._loop.close()

    async def _end_tasks(self) -> None:
        pending = asyncio.all_tasks() - {asyncio.current_task()}
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        if self._target is None:
            await asyncio.Event().wait()
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(back)
            await asyncio.gather(self._up(reader, back), self._down(there, writer))

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await self._read(reader):
            self.received += len(chunk)
            if self.stall_after is not None and self.received >= self.stall_after:
                self._flowing.clear()
            if self.delay:
                self._loop.call_later(self.delay, writer.write, chunk)
            else:
                writer.write(chunk)
                await writer.drain()
        await asyncio.sleep(self.delay)
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        await self._flowing.wait()
        return await reader.read(4096)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(4096):
            await self._flowing.wait()
            writer.write(chunk)
        writer.close()

    def _abort(self, reset: bool) -> None:
        for writer in self._writers:
            here = writer.get_extra_info("socket")
            if reset and here is not None and here.fileno() >= 0:
                here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._writers.clear()


@contextmanager
def silent_server() -> Iterator[FaultServer]:
    """Accept connections and never read or write a byte."""
    server = FaultServer(None)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def fault_proxy(target: int) -> Iterator[FaultServer]:
    """Stand before a real server on port `target`."""
    server = FaultServer(target)
    try:
        yield server
    finally:
        server.close()
