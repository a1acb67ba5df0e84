"""Build the console of a show.

In:  the show, its options and the environment.   Out: a `Console` that is ready to run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from livehost.brain.console import Console
from livehost.brain.console.entry import make_entry
from livehost.brain.desk.all import ShowDesk
from livehost.brain.desk.listening import Listening
from livehost.brain.webrtc.make import make_webrtc
from livehost.config import Room
from livehost.errors import ConfigError

if TYPE_CHECKING:
    from livehost.brain.app import Show


def make_console(show: Show, stop: Callable[[], None]) -> Console:
    """Return the console of a show. Raises ConfigError when its address or users are wrong."""
    host, port = _address(show.room, show.options.console)
    token = os.environ.get(show.room.console.token_env) or None
    desk = ShowDesk(show, stop)
    parts = [*make_webrtc(show, host), Listening(show.heard), desk.machine]
    entry = make_entry(show.room, token)
    most = show.room.chat.most_bytes
    return Console(desk, host, port, token, most, parts, entry)


def _address(room: Room, given: str | None) -> tuple[str, int]:
    if given is None:
        return room.console.host, room.console.port
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"--console {given}: write it like 127.0.0.1:8080")
    return host.strip("[]"), int(port)
