"""Spoken sentences on disk: one file each, bounded in size, oldest use dropped first.

In:  a key with the sentence's samples and phones.   Out: the same, or None.

A file is `MAGIC`, the length of a JSON header (u32), the header (phones), int16 samples, and the
CRC-32 of all of it. It appears under its name only when it is complete.
"""

from __future__ import annotations

import json
import logging
import os
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.media import Phone

log = logging.getLogger(__name__)

MAGIC = b"LHV1"
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence's speech.

    Attributes:
        pcm: (n,) int16, 48 kHz mono.
        phones: the whole sentence's.
    """

    pcm: NDArray[np.int16]
    phones: tuple[Phone, ...]


class Store:
    """The folder. Every call reads or writes the disk; one thread at a time."""

    def __init__(self, folder: Path, bound_bytes: int) -> None:
        """Take over what `folder` holds; it is made when the first sentence is kept."""
        self._folder = folder
        self._bound = bound_bytes
        self._unique = count()
        self._failing = False
        self._sizes = self._scan()  # key -> bytes, oldest use first
        self.bytes = sum(self._sizes.values())
        self.evicted = self.corrupt = self.failed = self.purged = 0

    def __contains__(self, key: str) -> bool:
        return key in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def held(self) -> list[str]:
        """Return every key, oldest use first."""
        return list(self._sizes)

    def read(self, key: str) -> Spoken | None:
        """Return what is kept under `key`; a damaged file is removed and counted."""
        if key not in self._sizes:
            return None
        path = self._path(key)
        try:
            spoken = _decode(path.read_bytes())
            os.utime(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            if not isinstance(error, FileNotFoundError):
                self.corrupt += 1
                log.warning("cached speech is damaged, making it again", extra={"key": key[:12]})
            self._drop(key)
            return None
        self._sizes[key] = self._sizes.pop(key)  # newest use last
        return spoken

    def write(self, key: str, spoken: Spoken) -> None:
        """Keep `spoken`. A full or read-only disk is counted and logged once, never raised."""
        content = _encode(spoken)
        path = self._path(key)
        partial = self._folder / f"{os.getpid()}-{next(self._unique)}.partial"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            self._unwritten(partial, error)
            return
        self._failing = False
        self.bytes += len(content) - self._sizes.pop(key, 0)
        self._sizes[key] = len(content)
        self._evict()

    def purge(self, begins: str) -> tuple[int, int]:
        """Delete all that is kept under keys that begin with `begins` (two characters or more).

        Returns (files deleted, files that cannot be deleted); neither is read again.
        """
        for key in [key for key in self._sizes if key.startswith(begins)]:
            self.bytes -= self._sizes.pop(key)
        left = deleted = 0
        for path in self._folder.glob(f"{begins[:2]}/{begins}*.speech"):
            try:
                path.unlink(missing_ok=True)
                deleted += 1
            except OSError:
                left += 1
        self.purged += deleted
        return deleted, left

    def _unwritten(self, partial: Path, error: OSError) -> None:
        self.failed += 1
        if not self._failing:
            why = error.strerror or type(error).__name__
            log.warning("cannot keep speech in the cache", extra={"why": why})
        self._failing = True
        with suppress(OSError):
            partial.unlink(missing_ok=True)

    def _evict(self) -> None:
        while self.bytes > self._bound and len(self._sizes) > 1:
            self._drop(next(iter(self._sizes)))
            self.evicted += 1

    def _drop(self, key: str) -> None:
        self.bytes -= self._sizes.pop(key, 0)
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.speech"

    def _scan(self) -> dict[str, int]:
        found: list[tuple[float, str, int]] = []
        for path in self._folder.glob("*/*.speech"):
            try:
                stat = path.stat()
            except OSError:
                continue
            found.append((stat.st_mtime, path.stem, stat.st_size))
        for left_over in self._folder.glob("*.partial"):
            left_over.unlink(missing_ok=True)
        return {key: size for _, key, size in sorted(found)}


def _encode(spoken: Spoken) -> bytes:
    phones = [[p.ipa, p.start, p.end, p.stress] for p in spoken.phones]
    header = json.dumps({"phones": phones}, ensure_ascii=False, separators=(",", ":")).encode()
    body = MAGIC + _LENGTH.pack(len(header)) + header + spoken.pcm.astype("<i2").tobytes()
    return body + _LENGTH.pack(zlib.crc32(body))


def _decode(content: bytes) -> Spoken:
    """Raises ValueError when the content is not what `_encode` made."""
    body, check = content[:-4], content[-4:]
    if body[:4] != MAGIC or len(check) < 4 or _LENGTH.unpack(check)[0] != zlib.crc32(body):
        raise ValueError("damaged")
    start = 8 + _LENGTH.unpack_from(body, 4)[0]
    phones = json.loads(body[8:start])["phones"]
    pcm = np.frombuffer(body, "<i2", offset=start).astype(np.int16)
    return Spoken(pcm, tuple(Phone(ipa, a, b, stress) for ipa, a, b, stress in phones))
