"""RTMP link: one killable child process per connection.

In:  rebased packets.   Out: wire frames to the child, which speaks RTMP (`link_child`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from livehost.errors import OutputLost
from livehost.media import Packet, StreamHeader
from livehost.stage.outputs.redaction import redact, scrub
from livehost.wire import Encoded, StreamInfo, encode

log = logging.getLogger(__name__)

STALL_SECONDS = 6.0
_WRITE_AHEAD = 64 * 1024  # bytes waiting for the child before `send` waits
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Target:
    """An RTMP destination.

    Attributes:
        url: with its key; never log it.
        tags: stream metadata.
        options: options of FFmpeg's FLV muxer.
    """

    url: str
    tags: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


class RtmpLink:
    """One connection; made by `connect`."""

    def __init__(self, child: _Child) -> None:
        self._child = child

    @property
    def sent_bytes(self) -> int:
        """Bytes that the server's machine has acknowledged, as of the last half second."""
        return self._child.acked

    async def send(self, packet: Packet) -> None:
        """Hand one packet to the child; waits while the server is slow. Raises OutputLost."""
        await self._child.write(encode(Encoded(packet)))

    async def finish(self) -> None:
        """Tell the server that the stream ends, and wait for the child's end."""
        self._child.end_input()
        await self._child.ended.wait()


@asynccontextmanager
async def connect(target: Target, header: StreamHeader) -> AsyncGenerator[RtmpLink, None]:
    """Connect and publish. Put a time-out around it: connecting itself has none.

    The child is dead when this returns, however it returns.

    Raises:
        OutputLost: the server cannot be reached, or refuses us.
    """
    job = {"tags": dict(target.tags), "options": dict(target.options)}
    async with child_link("link_child", target.url, job, header) as link:
        yield link


@asynccontextmanager
async def child_link(
    module: str,
    url: str,
    job: Mapping[str, Any],
    header: StreamHeader,
    on_keyframe_wanted: Callable[[], None] | None = None,
) -> AsyncGenerator[RtmpLink, None]:
    """Start a child that speaks a protocol, and wait until it is connected.

    The child is dead when this returns, however it returns.

    Args:
        module: beside this one.
        job: what it is told beside `url`.
        on_keyframe_wanted: called when the far end asks for a picture to start with.

    Raises:
        OutputLost: the server cannot be reached, or refuses us.
    """
    loop = asyncio.get_running_loop()
    transport, child = await loop.subprocess_exec(
        lambda: _Child(url, loop.time, on_keyframe_wanted),
        *(sys.executable, "-m", f"livehost.stage.outputs.{module}"),
        env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
    )
    try:
        await child.write(_opening({"url": url, "parent": os.getpid(), **job}, header))
        await child.live.wait()
        child.check()
        yield RtmpLink(child)
    finally:
        child.kill()
        await child.ended.wait()
        transport.close()


def _opening(job: Mapping[str, Any], header: StreamHeader) -> bytes:
    return json.dumps(job).encode() + b"\n" + encode(StreamInfo(header))


class Stall:
    """Notice that a far end takes nothing, although the socket still swallows what we write."""

    def __init__(self) -> None:
        self._acked = -1
        self._since = 0.0

    def seconds(self, now: float, acked: int, unacked: int) -> float:
        """Return for how long bytes have waited without any being acknowledged."""
        if acked != self._acked or not unacked:
            self._acked, self._since = acked, now
        return now - self._since


class _Child(asyncio.SubprocessProtocol):
    """What the child says, and whether it lives."""

    def __init__(
        self,
        url: str,
        now: Callable[[], float],
        on_keyframe_wanted: Callable[[], None] | None = None,
    ) -> None:
        self._url = url
        self._now = now
        self._on_keyframe_wanted = on_keyframe_wanted
        self._transport: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._lines = {1: b"", 2: b""}
        self._stall = Stall()
        self._writable = asyncio.Event()
        self._writable.set()
        self.live = asyncio.Event()
        self.ended = asyncio.Event()
        self.acked = 0
        self.reason = ""

    async def write(self, frames: bytes) -> None:
        """Write to the child's stdin, waiting while it is behind. Raises OutputLost."""
        self.check()
        if self._stdin:
            self._stdin.write(frames)
        await self._writable.wait()
        self.check()

    def check(self) -> None:
        """Raise OutputLost if the connection is over."""
        if self.reason or self.ended.is_set():
            raise OutputLost(self.reason or "the link process ended unexpectedly")

    def end_input(self) -> None:
        """Close the child's stdin: it writes the trailer and ends."""
        if self._stdin:
            self._stdin.close()

    def kill(self) -> None:
        """End the child at once."""
        if self._transport and self._transport.get_returncode() is None:
            self._transport.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        stdin = transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)
        stdin.set_write_buffer_limits(high=_WRITE_AHEAD)
        self._stdin = stdin

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        *whole, self._lines[fd] = (self._lines[fd] + data).split(b"\n")
        for line in whole:
            if fd == 1:
                self._reported(json.loads(line))
            else:
                self._complained(line.decode("utf-8", "replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()
        self.live.set()
        self._writable.set()

    def _reported(self, report: dict[str, Any]) -> None:
        if "live" in report:
            self.live.set()
        elif "keyframe" in report:
            if self._on_keyframe_wanted:
                self._on_keyframe_wanted()
        elif "error" in report:
            lines = [scrub(line, self._url) for line in report.get("log", ())]
            error = scrub(report["error"], self._url)
            said = error if report.get("plain") else plain(error, lines, self.live.is_set())
            self.reason = self.reason or said
            log.debug("link said", extra={"url": redact(self._url), "said": lines})
        else:
            self._watch(report["acked"], report["unacked"])

    def _watch(self, acked: int, unacked: int) -> None:
        self.acked = acked
        waited = self._stall.seconds(self._now(), acked, unacked)
        if waited >= STALL_SECONDS and not self.reason:
            self.reason = f"stalled: nothing was taken for {waited:.0f} s"
            self.kill()

    def _complained(self, line: str) -> None:
        said = scrub(line, self._url)
        log.debug("link process", extra={"url": redact(self._url), "said": said})


_PLAIN = (
    ("already publishing", "refused: the stream key is already in use"),
    ("badname", "refused: the stream key is wrong or already in use"),
    ("server error", "refused by the server"),
    ("connection refused", "connection refused: nothing listens there"),
    ("name or service not known", "unknown host name"),
    ("name resolution", "unknown host name"),
    ("no route to host", "no route to the host"),
    ("network is unreachable", "the network is unreachable"),
    ("broken pipe", "the server closed the connection"),
    ("connection reset", "the server reset the connection"),
)


def plain(error: str, lines: Sequence[str], live: bool) -> str:
    """Return in words for a person what FFmpeg reported.

    Args:
        error: text of the error that ended the connection.
        lines: what FFmpeg logged before, oldest first.
        live: the server had accepted the stream.
    """
    said = " | ".join([*lines, error])
    for sign, words in _PLAIN:
        if sign in said.lower():
            return f"{words} ({said})" if words.startswith("refused") else words
    if not live:
        # Many servers say nothing to a wrong key: they hang up.
        return f"refused: the server hung up; is the stream key right? ({said})"
    return f"the connection broke ({said})"
