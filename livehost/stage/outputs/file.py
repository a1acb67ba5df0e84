"""File link: one recording, written by a thread of its own.

In:  rebased packets.   Out: fragmented MP4 or FLV; a new name for every connection.

Packets go to the thread some at a time: each call of another thread costs more than the writing.
A crash costs the fragment being written. A full or hanging disk costs the recording, never the
stream: the loop tries again under the next free name.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Literal, TypeVar, cast

import av

from livehost import process
from livehost.errors import OutputLost
from livehost.media import Packet, StreamHeader
from livehost.stage.outputs.mux import Muxer

T = TypeVar("T")

KEEP_FREE = 100 * 1024 * 1024  # bytes left to the rest of the system, its state file first of all
BATCH = 10  # packets handed to the thread together; less when a keyframe ends a fragment
WRITE_AHEAD = 3  # batches
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
        self._pending: deque[asyncio.Future[None]] = deque()
        self._batch: list[Packet] = []
        self._packets = 0
        self.finished = False

    @property
    def sent_bytes(self) -> int:
        """Bytes written."""
        return self._file.written

    async def send(self, packet: Packet) -> None:
        """Hand over one packet; waits for a thread that is far behind. Raises OutputLost."""
        self._batch.append(packet)
        if len(self._batch) >= BATCH or (packet.kind == "video" and packet.keyframe):
            batch, self._batch = self._batch, []
            self._pending.append(self._thread.start(partial(self._write, batch)))
        while self._pending and (self._pending[0].done() or len(self._pending) > WRITE_AHEAD):
            await self._translated(self._pending.popleft())

    async def finish(self) -> None:
        """Write the trailer and close. Raises OutputLost."""
        while self._pending:
            await self._translated(self._pending.popleft())
        self.finished = True
        await self._translated(self._thread.start(self.close))

    def close(self) -> None:
        """Write the trailer and close, in the thread; a file that holds nothing is removed.

        Raises:
            OSError: the trailer cannot be written; all before it is.
        """
        worth_keeping = self._packets > 0 and self._file.written > self._file.head
        try:
            try:
                self._write(self._batch)
            finally:
                self._muxer.close()
            worth_keeping = self._packets > 0
        finally:
            self._file.close(worth_keeping)

    def _write(self, batch: list[Packet]) -> None:
        for p in batch:
            self._muxer.write(p.kind, p.pts, p.dts, p.duration, p.keyframe, p.data)
            self._packets += 1

    async def _translated(self, call: Awaitable[None]) -> None:
        try:
            await call
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
            thread.shutdown()

    async def _opened(self, thread: Worker) -> FileLink:
        try:
            file, muxer = await thread.start(self._create)
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
                await thread.start(link.close)
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


class Worker(Executor):
    """One thread for calls that may hang. It is a daemon: a dead disk must not keep us alive."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._ended: Future[None] = Future()
        threading.Thread(target=self._run, name="recorder", daemon=True).start()

    def start(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Run `call` after those before it. Cancelling does not stop one that has begun."""
        future = asyncio.get_running_loop().run_in_executor(self, call)
        future.add_done_callback(_noticed)
        return future

    async def idle(self) -> None:
        """Wait until the thread has ended, after `shutdown`."""
        await asyncio.shield(asyncio.wrap_future(self._ended))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Queue a call, as executors do."""
        future: Future[Any] = Future()
        self._calls.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = False) -> None:
        """Let the thread end when it has done what it was given; never waits."""
        self._calls.put(None)

    def _run(self) -> None:
        process.name_thread("recorder")
        while (job := self._calls.get()) is not None:
            _carry_out(*job)
        self._ended.set_result(None)


def _noticed(future: asyncio.Future[Any]) -> None:
    # When one write fails so do those behind it, and nobody will ask them.
    if not future.cancelled():
        future.exception()


def _carry_out(future: Future[Any], call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # handed to whoever awaits it, as executors do
        future.set_exception(error)
