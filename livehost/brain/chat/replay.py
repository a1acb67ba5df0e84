"""Chat from a file of JSON lines, each played at its `at` seconds.

In:  a path.   Out: the file's objects at their times, without `at`.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from livehost.brain.chat.source import Submit
from livehost.errors import Transient

BREATH = 50  # messages between two turns of the event loop


class ReplaySource:
    """Play a recorded chat once.

    Args:
        speed: seconds of the recording in one second.
        base: seconds of the recording already played by an earlier process.
        show: names this show, so that its messages differ from those of the last one.
    """

    name = "replay"

    def __init__(self, path: Path, speed: float = 1.0, base: float = 0.0, show: str = "") -> None:
        self._path = path
        self._speed = speed
        self._base = base
        self._show = show

    async def run(self, submit: Submit) -> None:
        """Submit each line at its time after now. Raises Transient when the file is unreadable."""
        loop = asyncio.get_running_loop()
        origin = loop.time()
        for number, (at, raw) in enumerate(self._lines()):
            wait = origin + (at - self._base) / self._speed - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            elif number % BREATH == 0:
                await asyncio.sleep(0)
            submit(raw)

    def _lines(self) -> Iterator[tuple[float, bytes | dict[str, Any]]]:
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file):
                    if line.strip():
                        yield _timed(line, f"{self._show}:{number}")
        except OSError as error:
            raise Transient(f"{self._path}: cannot be read: {error.strerror}") from error


def _timed(line: bytes, name: str) -> tuple[float, bytes | dict[str, Any]]:
    """Return (seconds, message); what is not a message is due at once and left to be rejected."""
    try:
        values = json.loads(line)
        at = float(values.pop("at", 0.0))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return 0.0, line
    if not math.isfinite(at):
        return 0.0, line
    values["id"] = f"{name}:{values.get('id', '')}"
    return at, values
