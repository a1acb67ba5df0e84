"""What the parent tells its two children: one JSON line on their standard input.

In:  a line of JSON.   Out: a frozen `Options`.

Stream URLs hold secrets, so they travel this way and never as arguments or in the environment.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from livehost.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Target:
    """One place the stream goes to."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Options:
    """One run of a room.

    Attributes:
        room: absolute path of the room file.
        socket: absolute path of the wire's unix socket.
        outputs: targets beside those in the room file.
        record: file to record into, or None.
        console: "host:port" in place of the room's, or None.
        seconds: end after this time; the parent sees to it.
    """

    room: str
    socket: str
    outputs: tuple[Target, ...] = ()
    record: str | None = None
    console: str | None = None
    seconds: float | None = None

    def line(self) -> bytes:
        """Return the JSON line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @property
    def path(self) -> Path:
        """The room file."""
        return Path(self.room)


def read(line: bytes | str) -> Options:
    """Return the options in a JSON line. Raises ConfigError."""
    try:
        values: dict[str, Any] = json.loads(line)
        targets = tuple(Target(**target) for target in values.pop("outputs", []))
        return Options(outputs=targets, **values)
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError("options: one JSON line was expected on standard input") from error
