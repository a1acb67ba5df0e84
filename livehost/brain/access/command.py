"""`livehost user`: add, change, list and remove the people who may use the console.

In:  the command line; a password from the terminal or from standard input.   Out: the users file.

A running console takes the file into use within seconds.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path

from livehost.brain.access.users import User, Users, hashed, new_token
from livehost.brain.command import Role
from livehost.config import default_users_file, load_room
from livehost.errors import ConfigError


def run(given: argparse.Namespace) -> int:
    """Carry out one action of the command line. Raises ConfigError when it cannot be done."""
    path = file_of(given.room, given.users)
    match given.action:
        case "add":
            return add(path, given.name, given.role)
        case "token":
            return token(path, given.name, given.role)
        case "remove":
            return remove(path, given.name)
        case _:
            return show(path)


def add(path: Path, name: str, role: str) -> int:
    """Add a user, or give one a new password and role; asks for the password."""
    users = Users(path)
    before = users.get(name)
    password = hashed(_asked(f"password of {name}: "))
    user = User(name=name, role=Role(role), password=password, token=before.token if before else ())
    _keep_an_owner(users, user)
    users.put(user)
    print(f"{name}: {role}{', changed' if before else ''}; {path}")
    return 0


def token(path: Path, name: str, role: str | None) -> int:
    """Give a user one more token and print it, this once; makes the user if there is none."""
    users = Users(path)
    user = users.get(name)
    if user is None and role is None:
        raise ConfigError(f"{path}: there is no user {name}; name a role to make one")
    known = user or User(name=name, role=Role(role or "viewer"))
    if role is not None:
        known = known.model_copy(update={"role": Role(role)})
    _keep_an_owner(users, known)
    made, known = new_token(known)
    users.put(known)
    print(made)
    print(f"{name}: {known.role}; the token is not shown again", file=sys.stderr)
    return 0


def remove(path: Path, name: str) -> int:
    """Remove a user with all tokens; logins end within seconds."""
    users = Users(path)
    if users.get(name) is None:
        raise ConfigError(f"{path}: there is no user {name}")
    users.remove(name)
    print(f"{name}: removed")
    return 0


def show(path: Path) -> int:
    """Print every user with role and how she comes in."""
    for user in Users(path):
        ways = ["password"] if user.password else []
        ways += [f"token {known.id} of {known.made}" for known in user.token]
        print(f"{user.name}\t{user.role}\t{', '.join(ways) or 'no way in'}")
    return 0


def file_of(room: Path | None, given: Path | None) -> Path:
    """Return which users file is meant."""
    if given is not None:
        return given
    if room is not None:
        return load_room(room).users_file
    return default_users_file()


def _keep_an_owner(users: Users, user: User) -> None:
    others = any(u.role is Role.OWNER for u in users if u.name != user.name)
    if not others and user.role is not Role.OWNER:
        raise ConfigError(f"{users.path}: there has to be an owner; add one first")


def _asked(prompt: str) -> str:
    """Return a password typed twice, or one line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(prompt)
    if getpass.getpass("again: ") != first:
        raise ConfigError("the passwords differ")
    return first
