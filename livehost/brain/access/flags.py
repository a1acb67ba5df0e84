"""The flags of `livehost user`; light, because every command reads them.

In:  an argument parser.   Out: the same, with actions and flags.
"""

from __future__ import annotations

from pathlib import Path

from livehost.flags import AddCommand

ROLES = ("viewer", "operator", "owner")


def add_actions(make: AddCommand) -> None:
    """Add add, token, list and remove.

    Args:
        make: makes the parser of (name, what it is for, example).
    """
    add = make(
        "add", "add a user, or change password and role; asks for the password",
        "livehost user add wang --role operator",
    )  # fmt: skip
    token = make(
        "token", "give a user a token for programs and print it, once",
        "livehost user token robot --role operator",
    )  # fmt: skip
    listed = make("list", "list users and roles", "livehost user list")
    remove = make("remove", "remove a user with all tokens", "livehost user remove wang")
    for command in (add, token, remove):
        command.add_argument("name")
    add.add_argument("--role", choices=ROLES, required=True)
    token.add_argument("--role", choices=ROLES, help="of a new user")
    for command in (add, token, listed, remove):
        where = command.add_mutually_exclusive_group()
        where.add_argument("--room", type=Path, metavar="ROOM.toml", help="whose users")
        where.add_argument("--users", type=Path, metavar="FILE", help="in place of the usual one")
