"""What one source has delivered: a bounded queue, its counters, and whether it is well.

In:  raw messages from a source, what became of them from the intake.   Out: the messages, one by
one; a snapshot for status and metrics.

Two sources share nothing but the intake: one that floods fills its own queue and is slowed down
to its own rate; the others do not notice.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from livehost.brain.chat.message import ChatMessage
from livehost.brain.chat.source import Raw
from livehost.config_chat import Common
from livehost.metrics import Quantiles

log = logging.getLogger(__name__)

MOST_QUEUED = 2000  # messages
EACH_SECOND = 1000.0  # messages
BURST_SECONDS = 1.0  # of the rate, taken at once
WINDOW = 500  # messages whose lag is remembered
MOST_REASONS = 40  # different ones counted by name; a peer could make up more


class State(StrEnum):
    """Where a source is."""

    CONNECTING = "connecting"
    LISTENING = "listening"  # its address is open; nobody has come yet
    LIVE = "live"
    WAITING = "waiting"  # lost; the next try comes after the back-off
    ENDED = "ended"  # it has no more messages
    FAILED = "failed"  # its settings are wrong; nothing is tried again


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that waits to be taken in.

    Attributes:
        since: the loop's time when it came.
        timed: it says itself when it was said.
    """

    raw: Raw
    since: float
    timed: bool


class Feed:
    """The way from one source to the intake. Calling it is `Submit`.

    Args:
        scope: put before the ids of messages and viewers, so that two platforms that count alike
            do not meet.
        most: messages that may wait.
        each_second: messages taken out on average.

    Attributes:
        state, reason: how the source is, and why it is not live.
        last_loss: why it was lost the last time.
        received: messages it delivered, whatever became of them.
        accepted: those that were new and are in the state file.
        rejected: those that were refused, by reason.
        ignored: what it sent that is no chat (counts of viewers, the end of the stream), by kind.
        reconnects: tries after the first.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        scope: str = "",
        most: int = MOST_QUEUED,
        each_second: float = EACH_SECOND,
    ) -> None:
        self.name, self.kind, self.scope = name, kind, scope
        self.state, self.reason, self.last_loss = State.CONNECTING, "", ""
        self.received = self.accepted = self.duplicates = self.reconnects = 0
        self.rejected: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.notes: dict[str, Any] = {}
        """Further values of a source, shown as they are."""
        self.news: Callable[[], None] = lambda: None
        """Called when a message has begun to wait."""
        self.written: Callable[[ChatMessage], None] = lambda _: None
        """Told of each message that is safe in the state file."""
        self.settled: Callable[[str, str], None] = lambda _id, _outcome: None
        """Told what became of each message later: (its own id, outcome)."""
        self._queue: deque[Arrival] = deque()
        self._most, self._gap = most, 1 / each_second
        self._next = -math.inf  # when the rate allows the next message, without the burst
        self._left = asyncio.Event()
        self._under_way: dict[str, Arrival] = {}
        self._lag, self._wait = Quantiles(WINDOW), Quantiles(WINDOW)
        self._last: float | None = None
        self._since: tuple[float, datetime] | None = None

    # --- the source's side ------------------------------------------------------------------------

    def __call__(self, raw: Raw) -> bool:
        """Queue one message; False (and counted) when too many wait already."""
        self.arrived()
        if len(self._queue) >= self._most:
            self.rejected["full"] += 1
            return False
        self._queue.append(Arrival(raw, _now(), _is_timed(raw)))
        self.news()
        return True

    async def room(self) -> None:
        """Wait until a message fits into the queue."""
        while len(self._queue) >= self._most:
            self._left.clear()
            await self._left.wait()

    def arrived(self) -> None:
        """Count one message from the source."""
        self.received += 1
        self._last = _now()

    def garbled(self, reason: str) -> None:
        """Count one message that cannot be read."""
        self.arrived()
        self.refuse(reason)

    def refuse(self, reason: str) -> None:
        """Count one refusal."""
        self.rejected[_named(reason, self.rejected)] += 1

    def ignore(self, kind: str) -> None:
        """Count one thing that is no chat."""
        self.ignored[_named(kind, self.ignored)] += 1

    def is_live(self) -> None:
        """Note that the source delivers."""
        if self.state is not State.LIVE:
            self.state, self.reason = State.LIVE, ""
            self._since = _now(), datetime.now(UTC)
            log.info("chat source is live", extra={"source": self.name})

    def is_over(self, trouble: str) -> None:
        """Note that a trouble is over that did not stop the source; a later one stays."""
        if trouble and self.reason == trouble:
            self.reason = ""

    def is_not_live(self, state: State, reason: str = "") -> None:
        """Note that the source does not deliver, and why."""
        self.state, self.reason, self._since = state, reason, None

    # --- the intake's side ------------------------------------------------------------------------

    def due(self, now: float) -> float:
        """Return the seconds until the next message may be taken; infinite when none waits."""
        if not self._queue:
            return math.inf
        return max(0.0, self._next - BURST_SECONDS - now)

    def take(self, now: float) -> Arrival:
        """Remove and return the oldest message. Raises IndexError when there is none."""
        arrival = self._queue.popleft()
        self._next = max(self._next, now) + self._gap
        self._left.set()
        return arrival

    def was_taken(self, message_id: str, arrival: Arrival) -> None:
        """Note that a message is on its way to the state file."""
        self._under_way[message_id] = arrival

    def was_rejected(self, reason: str) -> None:
        """Note that the intake refused a message."""
        if reason == "duplicate":
            self.duplicates += 1
        else:
            self.refuse(reason)

    def was_written(self, message: ChatMessage, fresh: bool) -> None:
        """Note that a message is in the state file, or was there before."""
        arrival = self._under_way.pop(message.id, None)
        if not fresh:
            self.duplicates += 1
            return
        self.accepted += 1
        if arrival is not None:
            self._wait.add(_now() - arrival.since)
            if arrival.timed:
                self._lag.add(max(0.0, (datetime.now(UTC) - message.at).total_seconds()))
        self.written(message)

    # --- what is shown ----------------------------------------------------------------------------

    @property
    def troubled(self) -> bool:
        """Whether the operator should know that the source does not deliver."""
        trying = (State.WAITING, State.FAILED, State.CONNECTING)  # again, after a loss
        return bool(self.reason) and self.state in trying

    def live_seconds(self) -> float:
        """Return for how long the source has been live; 0 when it is not."""
        return _now() - self._since[0] if self._since else 0.0

    def snapshot(self) -> dict[str, Any]:
        """Return JSON values for the status."""
        return {
            "name": self.name,
            "kind": self.kind,
            "state": self.state.value,
            "reason": self.reason,
            "connected_since": self._since[1].isoformat(timespec="seconds")
            if self._since
            else None,
            "last_message_seconds": None if self._last is None else round(_now() - self._last, 1),
            "lag_seconds": _p50_p95(self._lag),
            "wait_seconds": _p50_p95(self._wait),
            "received": self.received,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": dict(self.rejected),
            "ignored": dict(self.ignored),
            "reconnects": self.reconnects,
            "last_loss": self.last_loss,
            "queued": len(self._queue),
            **self.notes,
        }

    def metrics(self) -> Iterator[tuple[str, float]]:
        """Yield numbers by Prometheus name."""
        of, me = "livehost_chat_source", f'source="{self.name}"'
        yield f"{of}_live{{{me}}}", float(self.state is State.LIVE)
        for name in ("received", "accepted", "duplicates", "reconnects"):
            yield f"{of}_{name}_total{{{me}}}", float(getattr(self, name))
        for reason, count in self.rejected.items():
            yield f'{of}_rejected_total{{{me},reason="{reason}"}}', float(count)
        yield f"{of}_ignored_total{{{me}}}", float(self.ignored.total())
        yield f"{of}_queued{{{me}}}", float(len(self._queue))
        if self._last is not None:
            yield f"{of}_last_message_seconds{{{me}}}", _now() - self._last
        for name, values in (("lag", self._lag), ("wait", self._wait)):
            for quantile, seconds in (_p50_p95(values) or {}).items():
                yield f'{of}_{name}_seconds{{{me},quantile="{quantile}"}}', seconds


def feed_of(settings: Common) -> Feed:
    """Return the feed of one source of the room file."""
    return Feed(
        settings.name,
        str(getattr(settings, "kind", "")),
        scope=f"{settings.name}:",
        most=settings.queue,
        each_second=settings.each_second,
    )


def _p50_p95(values: Quantiles) -> dict[str, float] | None:
    """Return both, or None where no message had one."""
    taken = values.snapshot()
    return {name: round(taken[name], 3) for name in ("p50", "p95")} if taken["count"] else None


def _named(reason: str, counts: Counter[str]) -> str:
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in reason)[:40]
    return safe if safe in counts or len(counts) < MOST_REASONS else "other"


def _is_timed(raw: Raw) -> bool:
    if isinstance(raw, bytes):
        return b'"at"' in raw
    return '"at"' in raw if isinstance(raw, str) else raw.get("at") is not None


def _now() -> float:
    return asyncio.get_running_loop().time()
