"""Keep one destination fed, whatever it does: connect, pump, wait, connect again, for ever.

In:  encoded packets; never blocks who puts them.   Out: a `Link`, opened anew after every loss.

The loop knows no protocol and a `Link` knows no retry.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from livehost.clock import SAMPLE_RATE
from livehost.errors import OutputLost
from livehost.media import Packet
from livehost.stage.outputs.queue import SPAN, PacketQueue
from livehost.supervise import backoff

log = logging.getLogger(__name__)


class Link(Protocol):
    """One connection. It lives for one `async with` and never reconnects itself."""

    @property
    def sent_bytes(self) -> int:
        """Bytes that the far end has taken."""

    async def send(self, packet: Packet) -> None:
        """Hand over one packet, waiting while the far end is slow. Raises OutputLost."""

    async def finish(self) -> None:
        """Write the trailer and end; nothing can be sent after it. Raises OutputLost."""


class State(StrEnum):
    """Where an output is."""

    CONNECTING = "connecting"
    LIVE = "live"
    WAITING = "waiting"  # lost; the next try comes after the back-off
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait for what; all in seconds.

    Attributes:
        connect: until the link is up.
        send: for the far end to take one packet.
        finish: for the rest of the queue and the trailer.
        stable: a connection that lived longer resets the back-off.
        first, most: shortest and longest pause between tries, before jitter.
        jitter: share by which a pause is spread, so that outputs that fail together do not retry
            together.
        span: media time queued before pictures are dropped, in samples.
    """

    connect: float = 10.0
    send: float = 5.0
    finish: float = 4.0
    stable: float = 60.0
    first: float = 1.0
    most: float = 30.0
    jitter: float = 0.2
    span: int = SPAN


class Rate:
    """Bits per second over the last few seconds of a growing byte count."""

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._points: deque[tuple[float, int]] = deque()

    def add(self, now: float, total: int) -> None:
        """Note that `total` bytes are through at `now`."""
        if self._points and now - self._points[-1][0] < self._window / 20:
            return
        self._points.append((now, total))
        while now - self._points[0][0] > self._window:
            self._points.popleft()

    def kbps(self, now: float, total: int) -> float:
        """Return kbit/s from the start of the window to now."""
        recent = [point for point in self._points if now - point[0] <= self._window]
        if not recent or now <= recent[0][0]:
            return 0.0
        return (total - recent[0][1]) * 8 / 1000 / (now - recent[0][0])


class Output:
    """One destination. Everything here belongs to one event loop.

    Args:
        name: how the operator calls it.
        url: shown in snapshots and logs; already redacted.
        connect: opens one link.
        on_keyframe_wanted: called when a link is up, to be on air at once instead of at the
            encoder's next keyframe.
        sound: kind of the packets of sound that it takes: "audio" or "opus".

    Attributes:
        state: where it is now.
        reason: why it is not live, in plain words; empty when live.
        losses: live connections that broke.
        failures: tries that did not get as far as live.
    """

    def __init__(
        self,
        name: str,
        url: str,
        connect: Callable[[], AbstractAsyncContextManager[Link]],
        on_keyframe_wanted: Callable[[], None] | None = None,
        *,
        sound: str = "audio",
        limits: Limits | None = None,
    ) -> None:
        self.name = name
        self.sound = sound
        self.url = url
        self.state = State.STOPPED
        self.reason = "not started"
        self.losses = 0
        self.failures = 0
        self._connect = connect
        self._on_keyframe_wanted = on_keyframe_wanted
        self._limits = limits or Limits()
        self._queue = PacketQueue(self._limits.span)
        self._rate = Rate()
        self._since: float | None = None
        self._link: Link | None = None
        self._sent_before = 0
        self._closing = False
        self._leave = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopped.set()
        self._deadline: asyncio.Timeout | None = None

    def put(self, packet: Packet) -> None:
        """Take one packet in constant time; dropped unless a link is up and keeps up."""
        if packet.kind in ("video", self.sound):
            self._queue.put(packet)

    async def run(self) -> None:
        """Feed the destination until `close`. Cancelling cuts the link without a trailer."""
        self._stopped.clear()
        try:
            await self._run()
        finally:
            self._enter(State.STOPPED, self.reason)
            self._stopped.set()

    async def close(self) -> None:
        """End with a trailer, within `Limits.finish` seconds, and for good; idempotent.

        Returns when the link is gone. Cancelling this does not take the order back.
        """
        self._closing = True
        self._end_link()
        await self._stopped.wait()

    def reconnect(self) -> None:
        """End the connection with a trailer and open a new one, or stop waiting for the next try.

        Timestamps start again at 0; no loss is counted.
        """
        self._end_link()

    def snapshot(self) -> dict[str, object]:
        """Return state and counters as JSON values."""
        now = asyncio.get_running_loop().time()
        return {
            "state": str(self.state),
            "reason": self.reason,
            "since_seconds": round(now - self._since, 3) if self._since is not None else 0.0,
            "losses": self.losses,
            "failures": self.failures,
            "dropped_frames": self._queue.dropped,
            "sent_bytes": self._sent_bytes(),
            "bitrate_kbps": round(self._rate.kbps(now, self._sent_bytes()), 1),
            "queue_seconds": round(self._queue.held / SAMPLE_RATE, 3),
            "url": self.url,
        }

    async def _run(self) -> None:
        pauses = self._pauses()
        while not self._closing:
            self._leave.clear()
            try:
                await self._one_connection()
                continue
            except (OutputLost, TimeoutError, OSError) as error:
                if self._closing:
                    return
                lived = self._account(error)
            if lived > self._limits.stable:
                pauses = self._pauses()
            await self._pause(next(pauses))

    def _pauses(self) -> Iterator[float]:
        limits = self._limits
        return backoff(limits.first, most=limits.most, jitter=limits.jitter)

    async def _one_connection(self) -> None:
        self._enter(State.CONNECTING, self.reason if self.state is State.WAITING else "")
        try:
            async with asyncio.timeout(self._limits.connect) as self._deadline:
                async with self._connect() as self._link:
                    self._deadline.reschedule(None)
                    await self._pump(self._link)
                    await self._link.finish()
        finally:
            self._deadline = None
            self._sent_before, self._link = self._sent_bytes(), None

    async def _pump(self, link: Link) -> None:
        now = asyncio.get_running_loop().time
        with self._queue.open():
            self._enter(State.LIVE, "")
            if self._on_keyframe_wanted:
                self._on_keyframe_wanted()
            while (packet := await self._queue.get()) is not None:
                async with asyncio.timeout(self._limits.send):
                    await link.send(packet)
                self._rate.add(now(), self._sent_bytes())

    async def _pause(self, seconds: float) -> None:
        extra = {"output": self.name, "url": self.url, "reason": self.reason, "retry_in": seconds}
        log.warning("output lost", extra=extra)
        self._enter(State.WAITING, self.reason)
        try:
            async with asyncio.timeout(seconds):
                await self._leave.wait()
        except TimeoutError:
            pass

    def _account(self, error: Exception) -> float:
        """Note why the connection ended; return the seconds it was live."""
        live = self.state is State.LIVE
        if isinstance(error, TimeoutError):
            self.reason = self._overdue(live)
        else:
            self.reason = str(error) or type(error).__name__
        self.losses += live
        self.failures += not live
        return self._elapsed() if live else 0.0

    def _overdue(self, live: bool) -> str:
        if live:
            return f"stalled: nothing was taken for {self._limits.send:g} s"
        return f"no answer within {self._limits.connect:g} s"

    def _end_link(self) -> None:
        self._leave.set()
        self._queue.end()
        if self._deadline is None:
            return
        if self.state is State.LIVE:
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(now + self._limits.finish)
        elif self._closing:
            self._deadline.reschedule(0)

    def _enter(self, state: State, reason: str) -> None:
        if state is State.LIVE:
            log.info("output live", extra={"output": self.name, "url": self.url})
        self.state, self.reason = state, reason
        self._since = asyncio.get_running_loop().time()

    def _elapsed(self) -> float:
        return asyncio.get_running_loop().time() - (self._since or 0.0)

    def _sent_bytes(self) -> int:
        return self._sent_before + (self._link.sent_bytes if self._link else 0)
