"""The users file: names, roles, hashes of passwords and of tokens; never a secret itself.

In:  a TOML file outside the repository.   Out: users; a person behind a password or a token.

Passwords are hashed by argon2id. Tokens are 32 random bytes, so that a plain SHA-256 of them tells
nobody anything; they can be looked up at every request.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import Field, field_validator

from livehost.brain.atomic_file import write_atomically
from livehost.brain.command import Role
from livehost.errors import ConfigError
from livehost.table import Model, toml_string
from livehost.toml_file import load_toml

log = logging.getLogger(__name__)

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
MOST_TOKENS = 20  # of one user
PREFIX = "lh_"
RESERVED = frozenset({"local", "token", "nobody"})

# 32 MiB for an instant beside a live stream; about 60 ms of one core.
_HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
_NOBODY = (
    "$argon2id$v=19$m=32768,t=3,p=1$pHsZpw1PgntoizS4FoaTOw$"
    "pI7f3p0SK3ZdD3FwDVZ7Y4vW6UuPLFQ3E6SsVZ4+ywU"
)
"""Checked in place of an unknown user's, so that the answer takes as long."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]


class Token(Model):
    """[[user.token]]: one program's or device's key.

    Attributes:
        id: names it; not a secret.
        hash: SHA-256 of it, in hex.
        made: the day.
    """

    id: str
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    made: str = ""


class User(Model):
    """[[user]]: one person.

    Attributes:
        password: its argon2id hash; "" has none and cannot log in by one.
    """

    name: Name
    role: Role
    password: str = ""
    token: tuple[Token, ...] = ()

    @field_validator("name")
    @classmethod
    def _not_ours(cls, value: str) -> str:
        if value in RESERVED:
            raise ValueError("means something else here; choose another")
        return value


class UsersFile(Model):
    """The whole file."""

    user: tuple[User, ...] = ()


class Users:
    """The users of a file, read again when it changes.

    Attributes:
        problem: why the file on disk is not in force; "" when it is.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; none is there: no users. Raises ConfigError when it is wrong."""
        self.path = path
        self.problem = ""
        self._stamp: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self._tokens: dict[str, str] = {}
        self._take(_read(path))
        self._stamp = _stamp(path)

    def __len__(self) -> int:
        return len(self._users)

    def __iter__(self) -> Iterator[User]:
        return iter(list(self._users.values()))

    def get(self, name: str) -> User | None:
        """Return a user by name."""
        return self._users.get(name)

    def renew(self) -> bool:
        """Read the file again if it changed; return whether it did. A broken one is left aside."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._take(_read(self.path))
        except (ConfigError, OSError) as error:
            self.problem = str(error)
            log.warning(
                "users file is left aside; the one before holds", extra={"error": str(error)}
            )
            return False
        self.problem = ""
        return True

    def _take(self, users: tuple[User, ...]) -> None:
        self._users = {user.name: user for user in users}
        self._tokens = {token.hash: user.name for user in users for token in user.token}

    # --- who is it --------------------------------------------------------------------------------

    def by_password(self, name: str, password: str) -> User | None:
        """Return the user with this password; takes as long whether or not there is one."""
        user = self._users.get(name)
        known = user.password if user and user.password else _NOBODY
        try:
            _HASHER.verify(known, password[:LONGEST_PASSWORD])
        except (Argon2Error, InvalidHashError):
            return None
        return user if user and user.password else None

    def by_token(self, token: str) -> User | None:
        """Return the user of a token."""
        return self._users.get(self._tokens.get(digest(token), ""))

    # --- changing ---------------------------------------------------------------------------------

    def put(self, user: User) -> None:
        """Add or replace a user, and save."""
        self._take(tuple({**self._users, user.name: user}.values()))
        self._save()

    def remove(self, name: str) -> None:
        """Remove a user, and save. Raises ConfigError when that would leave no owner."""
        left = [user for user in self._users.values() if user.name != name]
        if left and not any(user.role is Role.OWNER for user in left):
            raise ConfigError(f"{name} is the only owner; make another one first")
        self._take(tuple(left))
        self._save()

    def _save(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self.path, _text(self._users.values()), 0o600)
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be written: {error.strerror}") from error
        self._stamp = _stamp(self.path)


def hashed(password: str) -> str:
    """Return the hash of a new password. Raises ConfigError when it is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ConfigError(
            f"the password has {len(password)} characters; use {SHORTEST_PASSWORD} to "
            f"{LONGEST_PASSWORD}"
        )
    return _HASHER.hash(password)


def new_token(user: User) -> tuple[str, User]:
    """Return a token, which is never seen again, and the user who has it now."""
    if len(user.token) >= MOST_TOKENS:
        raise ConfigError(f"{user.name} has {MOST_TOKENS} tokens; remove the user or use one")
    token = PREFIX + secrets.token_urlsafe(32)
    known = Token(
        id=secrets.token_hex(4), hash=digest(token), made=datetime.now(UTC).date().isoformat()
    )
    return token, user.model_copy(update={"token": (*user.token, known)})


def digest(secret: str) -> str:
    """Return what is kept of a random secret."""
    return hashlib.sha256(secret.encode("utf-8", errors="replace")).hexdigest()


def _read(path: Path) -> tuple[User, ...]:
    if not path.exists():
        return ()
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path}: others can read it; run: chmod 600 {path}")
    users = load_toml(path, UsersFile).user
    names = [user.name for user in users]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path}: user: {double[0]} stands twice; remove one")
    return users


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _text(users: Iterable[User]) -> str:
    lines = ["# The users of livehost; written by `livehost user`. No password stands here.", ""]
    for user in users:
        lines += ["[[user]]", f"name = {toml_string(user.name)}", f'role = "{user.role.value}"']
        lines += [f"password = {toml_string(user.password)}", ""]
        for token in user.token:
            lines += ["[[user.token]]", f"id = {toml_string(token.id)}"]
            lines += [f'hash = "{token.hash}"', f"made = {toml_string(token.made)}", ""]
    return "\n".join(lines)
