"""The chain on disk: one file for each day (UTC), older ones compressed.

In:  events, in order.   Out: lines in `DAY.jsonl`, `DAY.jsonl.gz` once the day is over.

Called from one thread. A process that is killed in the middle of a line leaves half of one: it
is kept aside in `torn.txt` and told in the chain, which goes on after the last whole line.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from livehost.brain.audit.chain import BEGINNING, Entry, Kind, parsed, sealed
from livehost.lock import hold

Event = tuple[str, Kind, dict[str, Any]]
"""When (ISO 8601, UTC), what, and its body."""

_DAY = re.compile(r"(\d{4}-\d\d-\d\d)\.jsonl(\.gz)?")


class Book:
    """The folder of one room, open for writing.

    Args:
        folder: made when missing; only one process may write to it.

    Attributes:
        seq: number of the last entry.
        hash: its hash.

    Raises:
        OSError: it cannot be written.
        ValueError: its end is not a record.
        Transient: another process writes to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        taken = f"{folder}: this room is on air and writes its audit log"
        self._lock = hold(folder / "lock", taken)
        self.seq, self.hash = 0, BEGINNING
        torn = self._take_up()
        if torn:
            self.append([(_now(), Kind.GAP, {"reason": "killed while writing", "bytes": torn})])

    def close(self) -> None:
        """Let others write."""
        os.close(self._lock)

    def append(self, events: Sequence[Event]) -> None:
        """Write events to the end of the chain and wait until they are on disk. Raises OSError.

        After an error nothing of `events` is in the chain.
        """
        seq, before = self.seq, self.hash
        entries: list[Entry] = []
        for at, kind, body in events:
            entry = sealed(before, seq + 1, at, kind, body)
            seq, before = entry.seq, entry.hash
            entries.append(entry)
        self._write(entries)
        self.seq, self.hash = seq, before

    def _write(self, entries: Iterable[Entry]) -> None:
        path = self._folder / f"{datetime.now(UTC).date()}.jsonl"
        fresh = not path.exists()
        text = b"".join(encoded(entry) for entry in entries)
        with path.open("ab") as file:
            start = file.tell()
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(start)
                raise
        if fresh:
            compress_finished(self._folder)

    def _take_up(self) -> int:
        """Find the end of the chain; return the bytes of a torn last line."""
        files = [day for day in days(self._folder) if day.suffix == ".jsonl"]
        torn = _cut_torn(files[-1], self._folder / "torn.txt") if files else 0
        for path in reversed(days(self._folder)):
            if entry := _last(path):
                self.seq, self.hash = entry.seq, entry.hash
                break
        return torn


def encoded(entry: Entry) -> bytes:
    """Return the line of an entry; a lone surrogate becomes its JSON escape."""
    return entry.line().encode("utf-8", "backslashreplace") + b"\n"


def days(folder: Path) -> list[Path]:
    """Return the files of a folder, oldest first."""
    return sorted(path for path in folder.glob("*.jsonl*") if _DAY.fullmatch(path.name))


def day_of(path: Path) -> date:
    """Return the day of a file. Raises ValueError for another file."""
    found = _DAY.fullmatch(path.name)
    if not found:
        raise ValueError(f"{path.name} is not a day of the audit log")
    return date.fromisoformat(found[1])


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a day, without their ends. Raises OSError, EOFError."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            yield line.decode("utf-8", "backslashreplace").rstrip("\n")


def rewrite(path: Path, entries: Iterable[Entry]) -> None:
    """Replace a day's file, at once and only when all of it could be written."""
    partial = path.with_name(path.name + ".part")
    with gzip.open(partial, "wb") if path.suffix == ".gz" else partial.open("wb") as file:
        for entry in entries:
            file.write(encoded(entry))
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    partial.replace(path)


def compress_finished(folder: Path) -> None:
    """Compress every day but the newest."""
    for path in days(folder)[:-1]:
        if path.suffix == ".jsonl":
            whole = path.with_name(path.name + ".gz")
            partial = whole.with_name(whole.name + ".part")
            with gzip.open(partial, "wb") as file:
                file.write(path.read_bytes())
            partial.replace(whole)
            path.unlink()


def _cut_torn(path: Path, aside: Path) -> int:
    """Cut half a line from the end of a file and keep it aside; return its bytes."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    torn = content[end:]
    if torn:
        with aside.open("ab") as file:
            file.write(torn + b"\n")
        with path.open("r+b") as file:
            file.truncate(end)
    return len(torn)


def _last(path: Path) -> Entry | None:
    """Return the last entry of a file, None of an empty one. Raises ValueError."""
    found = ""
    for found in lines(path):  # noqa: B007
        pass
    return parsed(found) if found else None


def _now() -> str:
    return datetime.now(UTC).isoformat()
