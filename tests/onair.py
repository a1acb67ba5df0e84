"""Put a whole room on air as an operator does, and look at it from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
DEMO = REPOSITORY / "scripts" / "demo" / "room.toml"
_STARTED = re.compile(r"process started child=(\w+) pid=(\d+)")


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: Any, seconds: float, every: float = 0.1, why: str = "") -> Any:
    """Return the first true value of `what()`; fail after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := what():
            return value
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {why or what}")


class RoomOnAir:
    """`livehost run` as a child process, on a copy of the demo's scripts.

    Args:
        folder: the copy, state and logs go here.
        arguments: more of the command line, such as ["--to", url].
        room: text of the room file; None takes the demo's.
        cache: cache folder; shared between rooms so that speech is made once.
    """

    def __init__(
        self,
        folder: Path,
        arguments: list[str] | None = None,
        room: str | None = None,
        cache: Path | None = None,
    ) -> None:
        self.port = free_port()
        self.folder = folder
        shutil.copytree(DEMO.parent, folder / "scripts" / "demo", dirs_exist_ok=True)
        (folder / "avatars").symlink_to(REPOSITORY / "avatars")
        self.room = folder / "scripts" / "demo" / "room.toml"
        if room:
            self.room.write_text(room)
        self._arguments = arguments or []
        self.environment = {
            **os.environ,
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": str(cache or folder / "cache"),
            "LIVEHOST_LOG": "DEBUG",
        }
        self.log: list[str] = []
        self.pids: dict[str, int] = {}
        self.started = 0.0
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> RoomOnAir:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "livehost", "run", str(self.room),
                "--console", f"127.0.0.1:{self.port}", *self._arguments,
            ],
            env=self.environment, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._read_log, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process and self.process.poll() is None:
            self.end()

    def _read_log(self) -> None:
        assert self.process and self.process.stdout
        for line in self.process.stdout:
            self.log.append(line.rstrip())
            if found := _STARTED.search(line):
                self.pids[found[1]] = int(found[2])

    def end(self, number: int = signal.SIGINT, seconds: float = 25) -> int:
        """Send a signal and return the exit code."""
        assert self.process
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("livehost run did not end:\n" + self.tail()) from None

    def wait(self, seconds: float) -> int:
        """Wait for it to end by itself and return the exit code."""
        assert self.process
        return self.process.wait(seconds)

    def tail(self, lines: int = 60) -> str:
        """Return the end of the log."""
        return "\n".join(self.log[-lines:])

    # --- as an operator ---------------------------------------------------------------------------

    def ask(self, path: str, body: Any = None, seconds: float = 10) -> Any:
        """GET, or POST a JSON body; return the parsed answer."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            text = answer.read().decode()
        return json.loads(text) if text[:1] in "{[" else text

    def status(self) -> dict[str, Any] | None:
        """Return /api/status, or None while nobody answers."""
        try:
            return self.ask("/api/status", seconds=3)
        except (OSError, urllib.error.URLError):
            return None

    def command(self, name: str, **args: Any) -> Any:
        """Send an operator command."""
        return self.ask("/api/command", {"name": name, "args": args})

    def chat(self, text: str, nickname: str = "小明", **more: Any) -> Any:
        """Post a comment."""
        return self.ask(
            "/api/chat",
            {"kind": "comment", "user": nickname, "nickname": nickname, "text": text, **more},
        )

    def flood(self, lines: bytes) -> None:
        """POST JSON lines as fast as they go, in bodies of a thousand; refusals are the point."""
        split = lines.split(b"\n")
        for at in range(0, len(split), 1000):
            with contextlib.suppress(urllib.error.HTTPError):
                self.ask("/api/chat", b"\n".join(split[at : at + 1000]), 30)

    def wait_on_air(self, seconds: float = 90) -> dict[str, Any]:
        """Wait until the host speaks; return the status then."""

        def speaking() -> Any:
            if self.process and self.process.poll() is not None:
                raise AssertionError("it ended:\n" + self.tail())
            status = self.status()
            return status if status and status.get("now") else None

        try:
            return wait_until(speaking, seconds, 0.2)
        except AssertionError:
            raise AssertionError("not on air:\n" + self.tail()) from None
