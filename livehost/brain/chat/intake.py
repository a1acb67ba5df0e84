"""The way in: parsed, not seen before, written down, and only then waiting to be answered.

In:  raw messages from any source.   Out: messages in the inbox, each already in the state file.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from livehost.brain.chat.inbox import Inbox
from livehost.brain.chat.message import UNHEARD, ChatMessage, Rejected, parse

REMEMBERED = 20_000  # ids of messages already accepted
RECENT = 50  # messages shown on the console


class ChatLog(Protocol):
    """What the intake needs of the state file."""

    def chat(self, message: ChatMessage, source: str, done: Callable[[bool], None]) -> bool:
        """Write `message`; `done(fresh)` follows once it is safe. False: no room now."""
        ...

    def chat_is(self, message_id: str, outcome: str) -> None:
        """Note what became of a message."""
        ...

    def rejected(self, reason: str) -> None:
        """Count one rejection."""
        ...


class Intake:
    """Accept chat from all sources.

    Args:
        product: returns the product on air.
        news: called when a message has begun to wait.
        seen: ids accepted before (by a previous process).
    """

    def __init__(
        self,
        log: ChatLog,
        inbox: Inbox,
        *,
        most_bytes: int,
        product: Callable[[], str | None] = lambda: None,
        news: Callable[[], None] = lambda: None,
        seen: Iterable[str] = (),
    ) -> None:
        self._log = log
        self._inbox = inbox
        self._most_bytes = most_bytes
        self._product = product
        self._news = news
        self.told: Callable[[ChatMessage, str, bool], None] = lambda _m, _s, _f: None
        """Told (message, source, fresh) of each message that is safe in the state file; fresh is
        False when an earlier process had taken it already."""
        self._seen: OrderedDict[str, None] = OrderedDict.fromkeys(seen)
        self.recent: deque[ChatMessage] = deque(maxlen=RECENT)
        self.accepted: Counter[str] = Counter()
        """Messages written down, by kind."""
        self.rejections: Counter[str] = Counter()
        """Messages refused, by reason."""

    def submit(
        self, raw: bytes | str | dict[str, Any], source: str, scope: str = ""
    ) -> ChatMessage:
        """Take one message in; it waits for its answer once it is in the state file.

        Args:
            scope: put before its id and its viewer's.

        Raises:
            Rejected: it is malformed, a duplicate, or cannot be written down now.
        """
        try:
            message = _scoped(parse(raw, self._most_bytes), scope)
            if message.id in self._seen:
                raise Rejected("duplicate", "this message id was accepted before")
            since = asyncio.get_running_loop().time()
            done = partial(self._written, message, source, since)
            if not self._log.chat(message, source, done):
                raise Rejected("busy", "the state file cannot take more messages now")
        except Rejected as rejected:
            self.rejections[rejected.reason] += 1
            self._log.rejected(rejected.reason)
            raise
        self._remember(message.id)
        return message

    def _remember(self, message_id: str) -> None:
        self._seen[message_id] = None
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def _written(self, message: ChatMessage, source: str, since: float, fresh: bool) -> None:
        self.told(message, source, fresh)
        if not fresh:
            self.rejections["duplicate"] += 1
            self._log.rejected("duplicate")
            return
        self.accepted[message.kind.value] += 1
        if message.kind in UNHEARD:
            self._log.chat_is(message.id, "counted")
            return
        self.recent.append(message)
        if self._inbox.add(message, since, self._product(), source):
            self._news()


def _scoped(message: ChatMessage, scope: str) -> ChatMessage:
    if not scope:
        return message
    return replace(message, id=scope + message.id, user=scope + message.user)
