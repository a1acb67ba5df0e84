"""Who is logged in: random keys in cookies, of which only hashes are kept.

In:  logins and the keys of requests.   Out: sessions, until they end or expire.

They are saved beside the state, so that a restart of the brain logs nobody out.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from livehost.brain.access.users import digest
from livehost.brain.atomic_file import write_atomically

log = logging.getLogger(__name__)

MOST_SESSIONS = 500
LONGEST = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=1)  # how exactly it is known when somebody was last here


@dataclass(slots=True)
class Session:
    """One login.

    Attributes:
        id: names it; not a secret.
        hash: of its key.
        user: whose it is.
        began, seen: ISO 8601, UTC.
        address, agent: of the browser that logged in.
    """

    id: str
    hash: str
    user: str
    began: str
    seen: str
    address: str = ""
    agent: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what an owner may see of it."""
        return {key: value for key, value in asdict(self).items() if key != "hash"}


class Sessions:
    """All logins of one console.

    Args:
        path: where they are kept; None keeps them in memory.
        idle: a login unused for so long is over.
    """

    def __init__(self, path: Path | None, idle: timedelta) -> None:
        self._path, self._idle = path, idle
        self._known: dict[str, Session] = {}
        for session in _load(path):
            self._known[session.hash] = session

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._known.values()))

    def begin(self, user: str, address: str, agent: str) -> tuple[str, Session]:
        """Log a user in; return the key for the cookie and the session."""
        key, now = secrets.token_urlsafe(32), datetime.now(UTC).isoformat(timespec="seconds")
        session = Session(
            secrets.token_hex(4), digest(key), user, now, now, address[:64], agent[:160]
        )
        self.expire()
        while len(self._known) >= MOST_SESSIONS:
            del self._known[min(self._known, key=lambda known: self._known[known].seen)]
        self._known[session.hash] = session
        self._save()
        return key, session

    def get(self, key: str) -> Session | None:
        """Return the login behind a cookie, and note that it was used."""
        session = self._known.get(digest(key)) if key else None
        if session is None:
            return None
        if self._over(session):
            self.end(session.id)
            return None
        now = datetime.now(UTC)
        if now - datetime.fromisoformat(session.seen) > SEEN_EVERY:
            session.seen = now.isoformat(timespec="seconds")
        return session

    def alive(self, session_id: str) -> bool:
        """Return whether a login goes on; one that is watched is in use."""
        found = next((s for s in self._known.values() if s.id == session_id), None)
        if found is None or datetime.now(UTC) - datetime.fromisoformat(found.began) > LONGEST:
            return False
        found.seen = datetime.now(UTC).isoformat(timespec="seconds")
        return True

    def end(self, session_id: str) -> Session | None:
        """End a login; return it if there was one."""
        for known, session in self._known.items():
            if session.id == session_id:
                del self._known[known]
                self._save()
                return session
        return None

    def end_of(self, users: set[str]) -> None:
        """End the logins of everybody who is not one of `users`."""
        for session in self:
            if session.user not in users:
                self.end(session.id)

    def expire(self) -> None:
        """End what was not used for long."""
        for session in self:
            if self._over(session):
                self.end(session.id)

    def save(self) -> None:
        """Keep when each was last used."""
        self._save()

    def _over(self, session: Session) -> bool:
        now = datetime.now(UTC)
        unused = now - datetime.fromisoformat(session.seen)
        return unused > self._idle or now - datetime.fromisoformat(session.began) > LONGEST

    def _save(self) -> None:
        if self._path is None:
            return
        text = json.dumps([asdict(session) for session in self._known.values()])
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, text, 0o600, sync=False)
        except OSError as error:
            log.warning("logins cannot be saved", extra={"error": str(error)})


def _load(path: Path | None) -> list[Session]:
    """Return what an earlier process kept; a file that is damaged logs everybody out."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        if path is not None:
            found = [Session(**values) for values in json.loads(path.read_text("utf-8"))]
            for session in found:
                datetime.fromisoformat(session.seen), datetime.fromisoformat(session.began)
            return found[-MOST_SESSIONS:]
    return []


def csrf(key: str) -> str:
    """Return the token that a page of this login sends with what it changes."""
    return hmac.new(key.encode(), b"livehost csrf", hashlib.sha256).hexdigest()
