"""Chat from a file of JSON lines, each played at its `at`.

In:  a path.   Out: the file's objects at their times, without `at`.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from livehost.brain.chat.source import Submit, give
from livehost.errors import Transient

BREATH = 50  # messages between two turns of the event loop
LONGEST = 1e8  # seconds of a recording; what is more is a time since 1970
IN_MILLISECONDS = 1e11


class ReplaySource:
    """Play a recorded chat once.

    `at` is in seconds after the start of the recording, or a time of day of the evening it was
    recorded (ISO 8601, or seconds or milliseconds since 1970), and then the first such line starts.

    Args:
        speed: seconds of the recording in one second.
        base: seconds of the recording already played by an earlier process.
        show: names this show, so that its messages differ from those of the last one.
    """

    def __init__(
        self,
        path: Path,
        speed: float = 1.0,
        base: float = 0.0,
        show: str = "",
        name: str = "replay",
    ) -> None:
        self.name = name
        self._path = path
        self._speed = speed
        self._base = base
        self._show = show
        self._start: float | None = None

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
            await give(submit, raw)

    def _lines(self) -> Iterator[tuple[float, bytes | dict[str, Any]]]:
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file):
                    if line.strip():
                        yield self._timed(line, f"{self._show}:{number}")
        except OSError as error:
            raise Transient(f"{self._path}: cannot be read: {error.strerror}") from error

    def _timed(self, line: bytes, name: str) -> tuple[float, bytes | dict[str, Any]]:
        """Return (seconds, message); what is not a message is due at once, to be rejected."""
        try:
            values = json.loads(line)
            at = self._seconds(values.pop("at", 0.0))
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
            return 0.0, line
        if not math.isfinite(at):
            return 0.0, line
        values["id"] = f"{name}:{values.get('id', '')}"
        return at, values

    def _seconds(self, at: Any) -> float:
        """Return the seconds into the recording."""
        if isinstance(at, str):
            stamp = _stamp(at)
        elif (given := float(at)) <= LONGEST:
            return given
        else:
            stamp = given / 1000 if given > IN_MILLISECONDS else given
        if self._start is None:
            self._start = stamp
        return stamp - self._start


def _stamp(at: str) -> float:
    when = datetime.fromisoformat(at)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
