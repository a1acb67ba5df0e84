"""One SQLite file, one writer thread, writes in batches; a bad file does not stop the show.

In:  SQL with values.   Out: rows on disk, a call back once they are safe.

WAL with synchronous=NORMAL: a killed process loses nothing committed, a power cut at most the
last moments, the file is consistent after both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from livehost.brain.schema import migrate
from livehost.errors import ConfigError, Transient
from livehost.lock import hold

log = logging.getLogger(__name__)

BATCH = 2000  # writes in one transaction
MOST_WAITING = 40_000  # writes kept while the disk does not take them
LOCK_SECONDS = 3.0
SWITCH_SECONDS = 0.0005
"""For `sys.setswitchinterval`. The writer thread gives the interpreter away for each row and waits
this long to have it back while the loop has work: at the usual 5 ms, a flood of chat waits for it.
"""
RETRY_SECONDS = 1.0
_FILES = ("", "-wal", "-shm")

Done = Callable[[bool], None]


@dataclass(frozen=True, slots=True)
class Write:
    """One statement; `done(True)` follows when it changed a row, `done(False)` when not."""

    sql: str
    values: Sequence[Any]
    done: Done | None = None


class Store:
    """The state file, open for one process.

    Args:
        path: of the file; its folder is made when missing.

    Attributes:
        moved: where a damaged file was moved to, or None.
        refused: writes not taken because too many waited.
        failing: why the last batch could not be written; "" when it could.

    Raises:
        ConfigError: the folder or the file cannot be used.
        Transient: another process holds the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.moved: Path | None = None
        self.refused = 0
        self.failing = ""
        self._lock = _lock(path)
        try:
            self._base = self._open()
        except BaseException:
            os.close(self._lock)
            raise
        self._waiting: deque[Write] = deque()
        self._batch: list[Write] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._queued = self._stored = 0  # writes since the start
        self._awaited: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return rows; none from a damaged file, which is moved aside.

        Only for the start, before anything is queued.
        """
        try:
            return self._base.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            raise _translated(self.path, error) from error
        except sqlite3.DatabaseError as error:
            self._start_over(str(error))
            return []

    def now(self, sql: str, *values: Any) -> None:
        """Write at once. Only for the start, before the loop has work."""
        try:
            self._base.execute(sql, values)
        except sqlite3.OperationalError as error:
            raise _translated(self.path, error) from error
        except sqlite3.DatabaseError as error:
            self._start_over(str(error))
            self._base.execute(sql, values)

    def put(self, sql: str, *values: Any, done: Done | None = None) -> bool:
        """Queue one write for the next batch; False when too many wait already.

        What is queued without giving the loop a turn in between is written together or not at all,
        as long as it fits into one batch.
        """
        if len(self._waiting) >= MOST_WAITING:
            self.refused += 1
            return False
        self._waiting.append(Write(sql, values, done))
        self._queued += 1
        if self._idle.is_set():
            self._idle.clear()
            asyncio.get_running_loop().call_soon(self._next_batch)
        return True

    async def flush(self) -> None:
        """Wait until everything queued before and meanwhile is on disk."""
        await self._idle.wait()

    async def safe(self, patience: float) -> None:
        """Wait until everything queued before is on disk, at most `patience` seconds.

        Not at all while the disk does not take anything: the show goes on.
        """
        if self._stored == self._queued or self.failing:
            return
        there = asyncio.get_running_loop().create_future()
        self._awaited.append((self._queued, there))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await there

    async def close(self, patience: float = 3.0) -> None:
        """Write what waits, within `patience` seconds, and close the file."""
        try:
            async with asyncio.timeout(patience):
                await self.flush()
        except TimeoutError:
            log.error("state was not saved in time", extra={"waiting": len(self._waiting)})
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._base.close)
        self._thread.shutdown()
        os.close(self._lock)

    @property
    def waiting(self) -> int:
        """Writes not yet on disk."""
        return len(self._waiting) + len(self._batch)

    # --- batches ----------------------------------------------------------------------------------

    def _next_batch(self) -> None:
        if not self._batch:
            size = min(BATCH, len(self._waiting))
            self._batch = [self._waiting.popleft() for _ in range(size)]
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, self._write, self._batch)
        future.add_done_callback(self._written)

    def _written(self, future: asyncio.Future[list[bool]]) -> None:
        if future.cancelled():
            return
        if error := future.exception():
            self._note(str(error))
            self._answer(self._queued)
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._next_batch)
            return
        self._note("")
        batch, self._batch = self._batch, []
        self._stored += len(batch)
        self._answer(self._stored)
        for write, fresh in zip(batch, future.result(), strict=True):
            if write.done:
                write.done(fresh)
        if self._waiting:
            self._next_batch()
        else:
            self._idle.set()

    def _answer(self, count: int) -> None:
        """Let go on whoever waits for the first `count` writes."""
        while self._awaited and self._awaited[0][0] <= count:
            _, there = self._awaited.popleft()
            if not there.done():
                there.set_result(None)

    def _note(self, failing: str) -> None:
        if failing and not self.failing:
            log.error("state cannot be written; trying again", extra={"error": failing})
        elif self.failing and not failing:
            log.warning("state is written again")
        self.failing = failing

    # --- in the writer thread ---------------------------------------------------------------------

    def _write(self, batch: list[Write]) -> list[bool]:
        """Commit a batch; return which writes changed a row. Raises OperationalError to retry."""
        try:
            return self._commit(batch)
        except sqlite3.OperationalError:  # locked or full: wait for better times
            raise
        except sqlite3.DatabaseError as error:
            self._start_over(str(error))
            return self._commit(batch)

    def _commit(self, batch: list[Write]) -> list[bool]:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            changed = [self._one(write) for write in batch]
            self._base.execute("COMMIT")
        except sqlite3.Error:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise
        return changed

    def _one(self, write: Write) -> bool:
        try:
            return self._base.execute(write.sql, write.values).rowcount > 0
        except (sqlite3.Error, ValueError, OverflowError) as error:
            if not _is_about_the_row(error):
                raise
            log.exception("a row was refused by the state file")  # it must not hold up the others
            return False

    # --- opening ----------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self.path)
        except sqlite3.OperationalError as error:
            raise _translated(self.path, error) from error
        except sqlite3.DatabaseError as error:
            return self._fresh(str(error))
        except ValueError as error:
            raise ConfigError(f"{self.path}: {error}; use that version or move it away") from error

    def _start_over(self, why: str) -> None:
        self._base.close()
        self._base = self._fresh(why)

    def _fresh(self, why: str) -> sqlite3.Connection:
        """Move the damaged file aside and start an empty one."""
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S-%f")
        self.moved = self.path.with_name(f"{self.path.name}.damaged-{stamp}")
        for end in _FILES:
            old = self.path.with_name(self.path.name + end)
            if old.exists():
                old.rename(self.moved.with_name(self.moved.name + end))
        log.warning(
            "state file was damaged and is moved aside; the show begins a new one",
            extra={"moved": str(self.moved), "error": why},
        )
        return _connect(self.path)


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(
        path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        migrate(base)
    except BaseException:
        base.close()
        raise
    return base


def _lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock")
        return hold(lock, f"{path}: another livehost runs this room")
    except OSError as error:
        raise ConfigError(
            f"{path.parent}: state cannot be kept here: {error.strerror}; set state.dir"
        ) from error


def _is_about_the_row(error: Exception) -> bool:
    """Return whether the statement is at fault and not the file."""
    refused = sqlite3.IntegrityError | sqlite3.DataError | sqlite3.ProgrammingError
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode == sqlite3.SQLITE_ERROR
    return isinstance(error, refused) or not isinstance(error, sqlite3.Error)


def _translated(path: Path, error: sqlite3.OperationalError) -> ConfigError | Transient:
    if "locked" in str(error) or "busy" in str(error):
        return Transient(f"{path}: another program holds the state file: {error}")
    return ConfigError(f"{path}: state file cannot be opened: {error}; set state.dir")
