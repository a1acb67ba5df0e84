"""How people come to the console: who they may be, what stands before it, how it is encrypted.

In:  the room's [console] table and the environment.   Out: an `Entry`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from livehost.brain.access.sessions import Sessions
from livehost.brain.access.tls import Tls
from livehost.brain.access.users import Users
from livehost.brain.console.access import Access
from livehost.brain.console.peer import Proxies
from livehost.config import Room

SESSIONS_FILE = "logins.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """The way in.

    Attributes:
        tls: None: plain HTTP.
    """

    access: Access
    proxies: Proxies = field(default_factory=Proxies)
    tls: Tls | None = None


def make_entry(room: Room, token: str | None) -> Entry:
    """Return the way into a room's console.

    Raises:
        ConfigError: the users file or the certificate is wrong.
    """
    settings = room.console
    idle = timedelta(hours=settings.session_hours)
    access = Access(
        token,
        Users(room.users_file),
        Sessions(room.state_dir / SESSIONS_FILE, idle),
        room.name,
        always=bool(settings.trusted_proxies),
    )
    tls = None
    if settings.tls_cert and settings.tls_key:
        tls = Tls(room.near(settings.tls_cert), room.near(settings.tls_key))
    return Entry(access, Proxies(settings.trusted_proxies, tls is not None), tls)
