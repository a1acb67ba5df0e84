"""Chat from a file that another program appends JSON lines to.

In:  a path; the file may not be there yet, be cut short or be put in place anew.   Out: its lines.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from livehost.brain.chat.feed import Feed, State
from livehost.brain.chat.source import Raw, Submit, give
from livehost.config_chat import Lines
from livehost.errors import Transient

POLL_SECONDS = 0.25
CHUNK = 65_536  # bytes read at once
MOST_LINE = 1024 * 1024  # bytes; a longer one is counted and left out


class Tail:
    """The whole lines that were appended to one open file since it was last asked.

    Args:
        file: positioned where reading starts.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inode = os.fstat(file.fileno()).st_ino
        self._half = b""
        self._skipping = False
        self.position = file.tell()
        """Where the next line begins."""

    def replaced(self, path: Path) -> bool:
        """Say whether the file at `path` is another one, or was cut short."""
        try:
            there = path.stat()
        except OSError:
            return True
        return there.st_ino != self._inode or there.st_size < self._file.tell()

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield (a name for the line, the line); the rest of a half one comes later."""
        while chunk := self._file.read(CHUNK):
            *whole, self._half = (self._half + chunk).split(b"\n")
            for line in whole:
                name = f"{self._inode}:{self.position}"
                self.position += len(line) + 1
                if self._skipping:
                    self._skipping = False
                elif line.strip():
                    yield name, line
            if len(self._half) > MOST_LINE:
                if not self._skipping:
                    yield "", self._half[:CHUNK]
                self.position += len(self._half)
                self._half, self._skipping = b"", True


class LinesSource:
    """Follow one file."""

    def __init__(self, settings: Lines, path: Path, feed: Feed) -> None:
        self.name = settings.name
        self._path = path
        self._feed = feed
        self._from_start = settings.from_start

    async def run(self, submit: Submit) -> None:
        """Deliver what is appended. Raises Transient when the file cannot be read."""
        while True:
            await self._appears()
            await self._read(submit)

    async def _read(self, submit: Submit) -> None:
        """Deliver until another file is in its place."""
        try:
            with self._path.open("rb") as file:
                if not self._from_start:
                    file.seek(0, os.SEEK_END)
                self._from_start = True  # a file put in place anew is new from its start
                await self._follow(Tail(file), submit)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Transient(f"{self._path}: cannot be read: {error.strerror}") from error

    async def _appears(self) -> None:
        while not self._path.exists():
            self._from_start = True
            self._feed.is_not_live(State.LISTENING, f"{self._path} does not exist yet")
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self, tail: Tail, submit: Submit) -> None:
        self._feed.is_live()
        while True:
            for name, line in tail.lines():
                await give(submit, _named(name, line))
            if tail.replaced(self._path):
                return
            await asyncio.sleep(POLL_SECONDS)


def _named(name: str, line: bytes) -> Raw:
    """Return the line with an id, so that a line that is read twice is taken once.

    Its words are part of the id: a file that is cut short begins again at the same place, and a
    new file may get the number of one that is gone.
    """
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return line  # left to be rejected and counted
    if not isinstance(values, dict):
        return line
    if values.get("id") is not None:
        return values
    return {**values, "id": f"{name}:{hashlib.blake2s(line, digest_size=6).hexdigest()}"}
