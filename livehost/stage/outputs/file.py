"""File link: one recording, written by a thread of its own.

In:  rebased packets.   Out: fragmented MP4 or FLV; a new name for every connection.

A crash costs the fragment being written. A full or hanging disk costs the recording, never the
stream: the loop tries again under the next free name.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Literal, cast

import av

from livehost.errors import OutputLost
from livehost.media import Packet, StreamHeader
from livehost.stage.outputs.mux import Muxer

KEEP_FREE = 100 * 1024 * 1024  # bytes left to the rest of the system, its state file first of all
_CHECK_BYTES = 1024 * 1024
_FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof+use_metadata_tags"
_CLOSE_SECONDS = 2.0
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Target:
    """A recording.

    Attributes:
        path: .mp4 or .flv; -2, -3, ... is added when it exists.
        tags: file metadata.
        keep_free: stop when the disk has fewer bytes left.
    """

    path: Path
    tags: Mapping[str, str] = field(default_factory=dict)
    keep_free: int = KEEP_FREE

    @property
    def container(self) -> Literal["mp4", "flv"]:
        """FFmpeg's name of the format."""
        return "flv" if self.path.suffix.lower() == ".flv" else "mp4"


class FileLink:
    """One file being written; made by `connect`."""

    def __init__(self, file: _File, muxer: Muxer, thread: Worker) -> None:
        self._file = file
        self._muxer = muxer
        self._thread = thread
        self._packets = 0
        self.finished = False

    @property
    def sent_bytes(self) -> int:
        """Bytes written."""
        return self._file.written

    async def send(self, packet: Packet) -> None:
        """Write one packet. Raises OutputLost."""
        p = packet
        await self._do(
            lambda: self._muxer.write(p.kind, p.pts, p.dts, p.duration, p.keyframe, p.data)
        )
        self._packets += 1

    async def finish(self) -> None:
        """Write the trailer and close. Raises OutputLost."""
        self.finished = True
        await self._do(self.close)

    def close(self) -> None:
        """Write the trailer and close, in the thread; a file that holds nothing is removed.

        Raises:
            OSError: the trailer cannot be written; all before it is.
        """
        worth_keeping = self._packets > 0 and self._file.written > self._file.head
        try:
            self._muxer.close()
            worth_keeping = self._packets > 0
        finally:
            self._file.close(worth_keeping)

    async def _do(self, call: Callable[[], None]) -> None:
        try:
            await self._thread.do(call)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise OutputLost(_plain(error)) from error


class Recorder:
    """Opens one file after the other for the same recording."""

    def __init__(self, target: Target, header: StreamHeader) -> None:
        self._target = target
        self._header = header
        self._last: Worker | None = None

    @asynccontextmanager
    async def connect(self) -> AsyncGenerator[FileLink, None]:
        """Create the next file.

        Waits while a disk that hangs still holds the last one: put a time-out around it.

        Raises:
            OutputLost: it cannot be created.
        """
        if self._last:
            await self._last.idle()
        thread = self._last = Worker()
        try:
            link = await self._opened(thread)
            try:
                yield link
            finally:
                if not link.finished:
                    await self._abandon(link, thread)
        finally:
            thread.end()

    async def _opened(self, thread: Worker) -> FileLink:
        try:
            file, muxer = cast(tuple[_File, Muxer], await thread.do(self._create))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise OutputLost(_plain(error)) from error
        return FileLink(file, muxer, thread)

    def _create(self) -> tuple[_File, Muxer]:
        target = self._target
        file = _File(target.path, target.keep_free)
        options = {"movflags": _FRAGMENTED} if target.container == "mp4" else {}
        try:
            stream = cast(BinaryIO, file)
            muxer = Muxer(stream, target.container, self._header, options, target.tags)
            muxer.start()
            file.head = file.written
        except BaseException:
            file.close(keep=False)
            raise
        return file, muxer

    async def _abandon(self, link: FileLink, thread: Worker) -> None:
        link.finished = True
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await thread.do(link.close)
        except (av.FFmpegError, OSError, ValueError, TimeoutError):
            pass  # why the link ended is already known; this is only its echo


class _File:
    """What PyAV needs of a file: whole writes, seeking, and errors that keep their errno."""

    def __init__(self, path: Path, keep_free: int) -> None:
        self.path, self._fd = _create_new(path)
        self._keep_free = keep_free
        self._checked = -_CHECK_BYTES
        self.written = 0
        self.head = 0  # bytes of the header

    def write(self, chunk: bytes) -> int:
        """Write all of `chunk`. Raises OSError."""
        if self.written - self._checked >= _CHECK_BYTES:
            self._check_room()
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        self.written += len(chunk)
        return len(chunk)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position, as files do."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def seekable(self) -> bool:
        """Return True: FLV fills in its duration at the end."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def close(self, keep: bool) -> None:
        """Close, and remove the file unless it is to be kept."""
        os.close(self._fd)
        if not keep:
            self.path.unlink(missing_ok=True)

    def _check_room(self) -> None:
        self._checked = self.written
        room = os.fstatvfs(self._fd)
        if room.f_bavail * room.f_frsize < self._keep_free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _create_new(path: Path) -> tuple[Path, int]:
    for candidate in _names(path):
        try:
            return candidate, os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        except FileExistsError:
            continue
    raise AssertionError("unreachable: names never end")


def _names(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_stem(f"{path.stem}-{number}")
        number += 1


def _plain(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number in _FULL:
        return "failed: disk full"
    return f"failed: {getattr(error, 'strerror', None) or error}"


class Worker:
    """One thread for calls that may hang. It is a daemon: a dead disk must not keep us alive."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None]
        self._calls = SimpleQueue()
        self._ended = asyncio.Event()
        threading.Thread(target=self._run, name="recorder", daemon=True).start()

    async def do(self, call: Callable[[], Any]) -> Any:
        """Run `call` after those before it. Cancelling does not stop it."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.put((call, future))
        return await future

    def end(self) -> None:
        """Let the thread end when it has done what it was given."""
        self._calls.put(None)

    async def idle(self) -> None:
        """Wait until the thread has ended."""
        await self._ended.wait()

    def _run(self) -> None:
        while (job := self._calls.get()) is not None:
            call, future = job
            try:
                self._tell(_settle, future, call(), None)
            except Exception as error:  # handed to whoever awaits it
                self._tell(_settle, future, None, error)
        self._tell(self._ended.set)

    def _tell(self, callback: Callable[..., object], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed; nobody waits
            self._loop.call_soon_threadsafe(callback, *args)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return  # given up
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
