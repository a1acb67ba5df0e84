"""A flood of chat through the real way in: how long a message takes, and that none is lost.

    python -m benchmarks --only chat

In:  1,000 messages a second for a minute, from a task beside the intake or from another process by
HTTP.   Out: seconds from the moment a message was due to be sent until it is in the state file and
read, the lag of the event loop, how many wait, and the account of every message.

The state file, its writer thread and the audit log are those of a show. An answer is taken every
few seconds, so nearly all messages are dropped with a reason, which costs a second write each.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import chat_lines
from livehost.brain.chat.door import Door
from livehost.brain.chat.feed import Feed
from livehost.brain.chat.feeds import Feeds
from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.intake import Intake
from livehost.brain.chat.kinds import Sort
from livehost.brain.chat.message import ChatMessage
from livehost.brain.chat.own import InboundSource
from livehost.brain.state import State
from livehost.brain.store import SWITCH_SECONDS
from livehost.config_chat import Inbound

SECONDS = 60
RATE = 1000
STEP = 0.005  # seconds between two sends
ANSWER_SECONDS = 4.0  # between two answers of the host
KEY, SECRET = "LIVEHOST_BENCH_KEY", "a-key-for-this-benchmark-alone"
SENDER = ("-m", "benchmarks.chat")
THANKED = (Sort.GIFT, Sort.FOLLOW, Sort.PRAISE, Sort.ENTER, Sort.LIKE)
QUEUE, FASTEST = 20_000, 5_000.0


def measure(seconds: int = SECONDS, rate: int = RATE) -> dict[str, Any]:
    """Measure both ways in."""
    sys.setswitchinterval(SWITCH_SECONDS)  # as in the brain
    ways = {"task": _by_task, "http": _by_http}
    return {name: asyncio.run(_flood(way, seconds, rate)) for name, way in ways.items()}


class Flood:
    """The parts of a show that chat comes through, and what was seen of them."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder / "state" / "show.sqlite3")
        self.inbox = Inbox(self.state.chat_is)
        self.intake = Intake(self.state, self.inbox, most_bytes=16_384)
        self.feeds = Feeds(self.intake)
        self.feed = self.feeds.add(Feed("bench", "inbound", "bench:", QUEUE, FASTEST))
        self.intake.told = self._told
        self.latency: list[float] = []
        self.lag: list[float] = []
        self.most_waiting = self.most_unwritten = 0

    def _told(self, message: ChatMessage, source: str, fresh: bool) -> None:
        due = float(message.id.rpartition("@")[2])
        self.latency.append(time.monotonic() - due)
        self.feeds.written(message, source, fresh)

    async def watch(self) -> None:
        """Measure the lag of the loop, and how much waits."""
        while True:
            asked = time.monotonic() + 0.01
            await asyncio.sleep(0.01)
            self.lag.append(time.monotonic() - asked)
            self.most_waiting = max(self.most_waiting, len(self.inbox))
            self.most_unwritten = max(self.most_unwritten, self.state.store.waiting)

    async def answer(self) -> None:
        """Take the best question every few seconds, and thanks."""
        while True:
            await asyncio.sleep(ANSWER_SECONDS)
            now = asyncio.get_running_loop().time()
            taken = [w for kind in THANKED for w in self.inbox.drain(kind, 50, now)]
            if best := self.inbox.take(now, None):
                taken.append(best)
            for waiting in taken:
                for message in waiting.ids:
                    self.state.chat_is(message, "answered", 1)


def messages(count: int, rate: int, start: float) -> Iterator[tuple[float, bytes]]:
    """Yield (when it is due, message); half of the comments were never seen before."""
    rng = random.Random(count)
    texts = [text for of in chat_lines.lines().values() for text in of]
    for number in range(count):
        due = start + number / rate
        text = rng.choice(texts) + (f" {rng.randrange(10**6)}" if rng.random() < 0.5 else "")
        user = f"u{rng.randrange(20_000)}"
        kind = rng.choices(("comment", "like", "enter", "gift"), (6, 2, 2, 1))[0]
        values = {"id": f"{number}@{due}", "kind": kind, "user": user, "nickname": user}
        yield due, json.dumps(values | {"text": text}, ensure_ascii=False).encode()


async def _flood(way: Any, seconds: int, rate: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="livehost-bench-") as name:
        flood = Flood(Path(name))
        jobs = (flood.feeds.run, flood.watch, flood.answer, flood.state.log.run)
        tasks = [asyncio.ensure_future(job()) for job in jobs]
        began, used = time.monotonic(), time.process_time()
        await way(flood, seconds * rate, rate)
        took, used = time.monotonic() - began, time.process_time() - used
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await flood.state.close()
        return _account(flood, Path(name), seconds * rate) | {
            "seconds": round(took, 1),
            "cpu_share": round(used / took, 2),
        }


async def _by_task(flood: Flood, count: int, rate: int) -> None:
    for due, raw in messages(count, rate, time.monotonic() + 0.1):
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(max(wait, STEP))
        flood.feed(raw)
    await _all_in(flood, count)


async def _by_http(flood: Flood, count: int, rate: int) -> None:
    os.environ[KEY] = SECRET
    source = InboundSource(Inbound(kind="inbound", name="bench", key_env=KEY), flood.feed)
    door = Door("127.0.0.1", 0, {"bench": (source, flood.feed)})
    opened = asyncio.ensure_future(door.run())
    await door.ready.wait()
    command = (sys.executable, *SENDER, door.address + "bench", str(count), str(rate))
    run = partial(subprocess.run, command, check=True)
    await asyncio.get_running_loop().run_in_executor(None, run)
    await _all_in(flood, count)
    opened.cancel()


async def _all_in(flood: Flood, count: int, most: float = 30.0) -> None:
    """Wait until every message is in, or `most` seconds; what is missing is told by the account."""
    until = time.monotonic() + most
    while len(flood.latency) < count and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _account(flood: Flood, folder: Path, sent: int) -> dict[str, Any]:
    base = sqlite3.connect(folder / "state" / "show.sqlite3")
    rows = base.execute("SELECT outcome, count(*) FROM chat GROUP BY outcome").fetchall()
    classed = base.execute("SELECT count(*) FROM chat WHERE class != ''").fetchone()[0]
    base.close()
    outcomes = Counter({outcome or "waits": count for outcome, count in rows})
    return {
        "sent": sent,
        "in_the_log": outcomes.total(),
        "lost": sent - outcomes.total(),
        "without_outcome_and_not_waiting": outcomes["waits"] - len(flood.inbox),
        "outcomes": dict(outcomes),
        "comments_with_a_class": classed,
        "refused": dict(flood.intake.rejections),
        "ingest_ms": _milliseconds(flood.latency),
        "loop_lag_ms": _milliseconds(flood.lag),
        "most_waiting": flood.most_waiting,
        "most_unwritten": flood.most_unwritten,
        "audit_lost": flood.state.log.lost,
    }


def _milliseconds(values: list[float]) -> dict[str, float]:
    p50, p95, p99, most = np.percentile(values, [50, 95, 99, 100]) * 1000
    named = {"p50": p50, "p95": p95, "p99": p99, "max": most}
    return {name: round(float(value), 1) for name, value in named.items()}


def _send(url: str, count: int, rate: int) -> None:
    """Post messages, a few at a time as they become due; runs in a process of its own."""
    import http.client  # noqa: PLC0415  (only the sender needs it)
    from urllib.parse import urlsplit  # noqa: PLC0415

    where = urlsplit(url)
    line = http.client.HTTPConnection(where.netloc)
    headers = {"Authorization": f"Bearer {SECRET}"}
    batch: list[bytes] = []
    for due, raw in messages(count, rate, time.monotonic() + 0.2):
        if due > time.monotonic() and batch:
            line.request("POST", where.path, b"\n".join(batch), headers)
            line.getresponse().read()
            batch.clear()
            time.sleep(max(STEP, due - time.monotonic()))
        batch.append(raw)
    line.request("POST", where.path, b"\n".join(batch), headers)
    line.getresponse().read()


if __name__ == "__main__":
    _send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
