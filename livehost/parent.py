"""Start stage and brain, watch them, start them again, and end everything together.

In:  `Options`, signals.   Out: two live child processes and this process's exit code.

The parent does nothing that can block or crash: no model, no codec, no socket; only the standard
library.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from livehost import process
from livehost.options import Options
from livehost.supervise import backoff

log = logging.getLogger(__name__)

END_SECONDS = 10.0
"""Time a child has to end after SIGTERM before it is killed."""
STABLE_SECONDS = 30.0
"""A child that ran this long starts its back-off anew."""


class Child:
    """One child process, started again for as long as the show goes on.

    Args:
        name: "stage" or "brain"; its module is `livehost.<name>`.
        ask_end: called when the child asks for the end of the show.
    """

    def __init__(self, name: str, options: Options, ask_end: Callable[[], None]) -> None:
        self.name = name
        self._options = options
        self._ask_end = ask_end
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    async def run(self) -> int:
        """Keep the child running. Return its exit code once restarting cannot help."""
        now = asyncio.get_running_loop().time
        delays = _delays()
        while True:
            began = now()
            code = await self._once()
            if code == process.EXIT_CONFIG:
                return code
            if now() - began > STABLE_SECONDS:
                delays = _delays()
            delay = next(delays)
            log.warning(
                "process ended; starting it again",
                extra={"child": self.name, "code": code, "in_seconds": round(delay, 2)},
            )
            await asyncio.sleep(delay)

    def feed(self, line: bytes) -> None:
        """Write a line to the child's standard input; nobody reads it while the child is away."""
        child = self._process
        if child and child.stdin and not child.stdin.is_closing():
            child.stdin.write(line)

    async def end(self) -> None:
        """End the child cleanly, or kill it after `END_SECONDS`."""
        child = self._process
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(END_SECONDS):
                await child.wait()
        except TimeoutError:
            log.warning("process did not end; killing it", extra={"child": self.name})
            child.kill()
            await child.wait()

    async def _once(self) -> int:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"livehost.{self.name}",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which ends them in order
        )
        self._process = child
        self.starts += 1
        log.info("process started", extra={"child": self.name, "pid": child.pid})
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("child has no pipes")
        with contextlib.suppress(ConnectionError):
            child.stdin.write(self._options.line())
            await child.stdin.drain()
        await self._listen(child.stdout)
        return await child.wait()

    async def _listen(self, stdout: asyncio.StreamReader) -> None:
        """Read event lines until the child closes its output."""
        while line := await stdout.readline():
            if _event(line) == "stop":
                self._ask_end()
            elif _event(line) is None:
                print(line.decode(errors="replace"), end="", flush=True)


def run(options: Options, *, chat_on_stdin: bool = False) -> int:
    """Run a room until it is told to stop; return the exit code.

    Args:
        chat_on_stdin: hand this process's standard input on to the brain, line by line.
    """
    return asyncio.run(_run(options, chat_on_stdin))


async def _run(options: Options, chat_on_stdin: bool) -> int:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    children = [Child(name, options, ending.set) for name in ("stage", "brain")]
    running = [loop.create_task(child.run(), name=child.name) for child in children]
    if chat_on_stdin:
        forward = functools.partial(_forward, loop, children[1].feed)
        threading.Thread(target=forward, daemon=True, name="stdin").start()
    waiting = loop.create_task(_until(ending, options.seconds), name="ending")
    await asyncio.wait({*running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    log.info("ending")
    codes = [task.result() for task in running if task.done()]
    for task in (*running, waiting):
        task.cancel()
    # The brain first: its last words are saved while the stage still says what was heard.
    for child in reversed(children):
        await child.end()
    await asyncio.gather(*running, waiting, return_exceptions=True)
    return max(codes, default=0)


def _forward(loop: asyncio.AbstractEventLoop, feed: Callable[[bytes], None]) -> None:
    """Read standard input in a thread: it may be a pipe, a file or a terminal."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: the show is over
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(feed, line)


async def _until(ending: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ending.wait()


def _delays() -> Iterator[float]:
    return backoff(0.2, 2.0, 15.0)


def _event(line: bytes) -> str | None:
    try:
        event = json.loads(line)["event"]
    except (ValueError, TypeError, KeyError):
        return None
    return str(event)
