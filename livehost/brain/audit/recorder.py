"""Take events of the show and have them written, in order, without holding up anything.

In:  events.   Out: the chain of `book`, in batches from one thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from livehost.brain.audit.book import Book, Event
from livehost.brain.audit.chain import Kind
from livehost.errors import Transient

log = logging.getLogger(__name__)

BATCH = 2000
GATHER_SECONDS = 0.2  # events of so long are written together
RETRY_SECONDS = 2.0
MOST_WAITING = 100_000  # events kept while the disk does not take them; later ones are counted


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events on their way: how many, how many lost ones are told with them, and when it is done."""

    count: int
    lost: int
    written: asyncio.Future[None]


class Recorder:
    """The audit log of a running room.

    Args:
        folder: of the chain.

    Attributes:
        lost: events that could not be kept while the disk did not take them.
        failing: why the last batch could not be written; "" when it could.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._book: Book | None = None
        self._waiting: deque[Event] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._news = asyncio.Event()
        self._batch: _Batch | None = None
        self._told_lost = 0
        self.lost = 0
        self.failing = ""
        self.told: Callable[[Kind, dict[str, Any]], None] = lambda _kind, _body: None
        """Told of every event as well, for those who watch."""

    @property
    def waiting(self) -> int:
        """Events not yet on disk."""
        return len(self._waiting)

    @property
    def written(self) -> int:
        """Number of the last record on disk, 0 before the first."""
        return self._book.seq if self._book else 0

    def note(self, kind: Kind, /, **body: Any) -> None:
        """Queue an event; `body` holds JSON values, others are written as text."""
        self.told(kind, body)
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append((datetime.now(UTC).isoformat(), kind, body))
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled; what waits then is written by `close`."""
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_SECONDS)
            while self._waiting and await self._write_batch():
                pass
            if self._waiting:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._news.clear()

    async def close(self, patience: float = 3.0) -> None:
        """Write what waits, within `patience` seconds."""
        try:
            async with asyncio.timeout(patience):
                while self._waiting and await self._write_batch():
                    pass
        except TimeoutError:
            pass
        if self._waiting:
            log.error("audit log was not saved in time", extra={"waiting": len(self._waiting)})
        if self._book and not self._batch:
            self._book.close()
        self._thread.shutdown(wait=False)

    async def _write_batch(self) -> bool:
        """Write what came first; return whether the disk took it.

        Cancelled while the thread writes, the next call waits for the same batch.
        """
        batch = self._batch = self._batch or self._next()
        try:
            await asyncio.shield(batch.written)
        except (OSError, ValueError, Transient) as error:
            self._batch = None
            self._note(str(error))
            return False
        self._batch = None
        self._note("")
        self._told_lost += batch.lost
        for _ in range(batch.count):
            self._waiting.popleft()
        return True

    def _next(self) -> _Batch:
        events = list(islice(self._waiting, BATCH))
        lost = self.lost - self._told_lost
        told: list[Event] = [(events[0][0], Kind.GAP, {"lost": lost})] if lost else []
        loop = asyncio.get_running_loop()
        written = loop.run_in_executor(self._thread, self._write, [*told, *events])
        return _Batch(len(events), lost, written)

    def _write(self, events: list[Event]) -> None:
        if self._book is None:
            self._book = Book(self._folder)
        self._book.append(events)

    def _note(self, failing: str) -> None:
        if failing and not self.failing:
            log.error("audit log cannot be written; trying again", extra={"error": failing})
        elif self.failing and not failing:
            log.warning("audit log is written again")
        self.failing = failing
