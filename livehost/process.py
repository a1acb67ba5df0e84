"""Being a child process: options on standard input, a clean end on SIGTERM or when the parent dies.

In:  standard input, signals.   Out: `Options`, and an event that is set when it is time to end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from livehost import options
from livehost.errors import ConfigError, LivehostError

log = logging.getLogger(__name__)

EXIT_RUNTIME = 1
EXIT_CONFIG = 2
_PLAIN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


Main = Callable[[options.Options, asyncio.Event, asyncio.StreamReader], Awaitable[int]]


def run(main: Main) -> int:
    """Run `main(options, ending, lines)` as this process's work and return its exit code.

    `ending` is set when it is time to end; `lines` gives what follows the options on standard
    input.
    """
    try:
        return asyncio.run(_child(main))
    except (LivehostError, ExceptionGroup) as failure:
        error = _first(failure)
        if isinstance(error, ConfigError):
            print(*error.problems, sep="\n", file=sys.stderr, flush=True)
            return EXIT_CONFIG
        log.error("process failed", exc_info=failure, extra={"error": str(error)})
        return EXIT_RUNTIME
    except KeyboardInterrupt:
        return 0


def give_way(level: int) -> None:
    """Let processes with deadlines go first, by `level` of niceness, 1 to 19.

    On Linux each thread has a niceness of its own. A child has a session of its own, and Linux
    shares the processor between sessions first (autogroup): without the last step niceness would
    not be seen by the other processes.
    """
    os.nice(level)
    own, threads = os.getpriority(os.PRIO_PROCESS, 0), Path("/proc/self/task")
    for thread in threads.iterdir() if threads.is_dir() else ():
        with suppress(OSError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, int(thread.name), own)
    with suppress(OSError):  # not Linux, or no autogroups: niceness alone counts then
        Path("/proc/self/autogroup").write_text(str(level), "ascii")


def name_thread(name: str) -> None:
    """Give the calling thread a name that `top -H` shows; nothing happens without /proc."""
    with suppress(OSError):
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)


def _first(group: BaseException) -> BaseException:
    """Return the first error in a group of groups."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _child(main: Main) -> int:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    given = options.read(await reader.readline())
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    lines = asyncio.StreamReader()
    watch = loop.create_task(_watch(reader, lines, ending), name="parent-watch")
    try:
        return await main(given, ending, lines)
    finally:
        watch.cancel()


async def _watch(
    reader: asyncio.StreamReader, lines: asyncio.StreamReader, ending: asyncio.Event
) -> None:
    while data := await reader.read(4096):
        lines.feed_data(data)
    lines.feed_eof()
    ending.set()


def log_to_stderr(process: str, level: str | None = None) -> None:
    """Send logs to standard error, one line each, with their fields.

    Args:
        process: name shown on each line.
        level: logging level; None takes $LIVEHOST_LOG, else INFO.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Line(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel((level or os.environ.get("LIVEHOST_LOG") or "INFO").upper())
    for chatty in ("PIL", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.INFO)


class _Line(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = {k: v for k, v in record.__dict__.items() if k not in _PLAIN}
        shown = " ".join(f"{k}={_shown(v)}" for k, v in fields.items())
        line = f"{at} {record.levelname.lower():7} {self._process}: {record.getMessage()} {shown}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line.rstrip()


def _shown(value: Any) -> str:
    if isinstance(value, str) and value and not set(value) & set(' "='):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
