"""All feeds into one intake: one message of each in turn, so that none waits for a louder one.

In:  feeds with messages.   Out: the same messages, taken in; each feed told what became of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator
from typing import Any, Protocol

from livehost.brain.chat.feed import Arrival, Feed
from livehost.brain.chat.message import ChatMessage, Rejected
from livehost.brain.chat.source import Raw

BREATH = 32  # messages between two turns of the event loop


class Takes(Protocol):
    """What the feeds need of the intake."""

    def submit(self, raw: Raw, source: str, scope: str = "") -> ChatMessage:
        """Take one message in. Raises Rejected."""
        ...


class Feeds:
    """The feeds of a show, by name."""

    def __init__(self, intake: Takes) -> None:
        self._intake = intake
        self._feeds: dict[str, Feed] = {}
        self._news = asyncio.Event()

    def add(self, feed: Feed) -> Feed:
        """Take messages from `feed` from now on; one of the same name is replaced."""
        feed.news = self._news.set
        self._feeds[feed.name] = feed
        return feed

    def __getitem__(self, name: str) -> Feed:
        return self._feeds[name]

    def __iter__(self) -> Iterator[Feed]:
        return iter(self._feeds.values())

    async def run(self) -> None:
        """Take messages in until cancelled; cancelling loses none that waits."""
        count = 0
        while True:
            taken = self._round()
            count += taken
            if not taken:
                await self._rest()
            elif count >= BREATH:
                count = 0
                await asyncio.sleep(0)

    def direct(self, name: str, raw: Raw) -> ChatMessage:
        """Take one message in at once, for a sender who waits for the answer.

        Raises:
            Rejected: it is not accepted; counted.
        """
        feed = self._feeds[name]
        feed.arrived()
        feed.is_live()
        return self._submit(feed, Arrival(raw, asyncio.get_running_loop().time(), False))

    def written(self, message: ChatMessage, source: str, fresh: bool) -> None:
        """Note that a message is in the state file."""
        if feed := self._feeds.get(source):
            feed.was_written(message, fresh)

    def settled(self, message_id: str, outcome: str) -> None:
        """Note what became of a message in the show."""
        feed = self._feeds.get(message_id.partition(":")[0])
        if feed and feed.scope and message_id.startswith(feed.scope):
            feed.settled(message_id.removeprefix(feed.scope), outcome)

    def snapshot(self) -> list[dict[str, Any]]:
        """Return JSON values for the status, in the order of the room file."""
        return [feed.snapshot() for feed in self]

    def metrics(self) -> dict[str, float]:
        """Return every number by its Prometheus name."""
        return {name: number for feed in self for name, number in feed.metrics()}

    def _round(self) -> int:
        """Take one message from each feed that may give one; return how many."""
        now = asyncio.get_running_loop().time()
        ready = [feed for feed in self if feed.due(now) <= 0]
        for feed in ready:
            with contextlib.suppress(Rejected):  # counted
                self._submit(feed, feed.take(now))
        return len(ready)

    def _submit(self, feed: Feed, arrival: Arrival) -> ChatMessage:
        try:
            message = self._intake.submit(arrival.raw, feed.name, feed.scope)
        except Rejected as rejected:
            feed.was_rejected(rejected.reason)
            raise
        feed.was_taken(message.id, arrival)
        return message

    async def _rest(self) -> None:
        """Wait for a message, or until a feed that was too fast may go on."""
        now = asyncio.get_running_loop().time()
        soonest = min((feed.due(now) for feed in self), default=math.inf)
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(soonest) else soonest):
                await self._news.wait()
