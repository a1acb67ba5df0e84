"""What a person may tell the show: commands, who may give them, and what became of one.

In:  methods marked with `@command`.   Out: a `Table` of commands by name.

A part of the brain adds commands by a class of its own: each method marked with `@command` is one,
its docstring's first line tells the operator what it does. `livehost.brain.desk.GROUPS` lists the
classes; each is made with the `Show`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

SECONDS = 15.0  # in which a command has to be carried out


class Role(StrEnum):
    """What a person may do: a viewer looks, an operator runs the show, an owner decides who may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"

    def may(self, needed: Role) -> bool:
        """Return whether this role is enough where `needed` is asked for."""
        roles = list(Role)
        return roles.index(self) >= roles.index(needed)


@dataclass(frozen=True, slots=True)
class Who:
    """Who gives a command.

    Attributes:
        name: of the user.
        address: where the request came from.
        session: names one tab or program of the user; the lease is held by it. Not a secret.
        login: names the login by a browser; "" for tokens. Not a secret.
    """

    name: str
    role: Role
    address: str = ""
    session: str = ""
    login: str = ""


LOCAL = Who("local", Role.OWNER, "127.0.0.1", "local")
"""Whoever sits at this machine, while the console asks for no password."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command.

    Attributes:
        ok: it was carried out.
        message: one line for the operator.
        data: JSON values that belong to the answer.
        code: why it was not carried out, in a word for programs; docs/protocol.md has them.
    """

    ok: bool
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    code: str = ""


class Args(BaseModel):
    """Arguments of a command: JSON values of exactly these types, nothing else beside them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Run = Callable[[Any, Who], "Outcome | Awaitable[Outcome]"]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        role: the least that may give it.
        args: what it takes.
        does: one line for the operator.
        secret: arguments that are neither logged nor told to anybody.
        quiet: it changes nothing, or is given all the time: not written into the audit log.
        urgent: carried out however many others are under way, and before those that wait.
        once: doing it twice is not doing it once, and part of it is not in the state file: it is
            not carried out again after a restart as long as nobody knows how far it came.
        fleeting: a restart undoes it, so that it is carried out again when it is asked for again.
        seconds: in which it has to be carried out.
        run: carries it out; takes the checked arguments and who gives the command.
    """

    name: str
    role: Role
    args: type[Args]
    does: str = ""
    secret: frozenset[str] = frozenset()
    quiet: bool = False
    urgent: bool = False
    once: bool = False
    fleeting: bool = False
    seconds: float = SECONDS
    run: Run | None = None

    async def give(self, args: Mapping[str, Any], who: Who) -> Outcome:
        """Check and carry out. Never raises on bad arguments."""
        if self.run is None or not who.role.may(self.role):
            return Outcome(False, f"{self.name} needs the role {self.role}", code="role")
        try:
            checked = self.args.model_validate(dict(args))
        except ValidationError as error:
            return Outcome(False, f"{self.name}: {told(error)}", code="args")
        outcome = self.run(checked, who)
        return outcome if isinstance(outcome, Outcome) else await outcome


def told(error: ValidationError) -> str:
    """Return what is wrong with arguments in one line that repeats nothing of what was given."""
    lines = []
    for item in error.errors(include_url=False, include_input=False, include_context=False)[:5]:
        key = ".".join(str(part)[:40] for part in item["loc"])
        said = {"missing": "is needed", "extra_forbidden": "is not an argument of it"}
        why = said.get(item["type"], item["msg"].removeprefix("Value error, "))
        lines.append(f"{key} {why}" if item["type"] in said else f"{key}: {why}" if key else why)
    return "; ".join(lines)


# --- declaring ------------------------------------------------------------------------------------

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__livehost_command__"


class Nothing(Args):
    """No arguments."""


def command(
    role: Role,
    args: type[Args] = Nothing,
    *,
    name: str = "",
    secret: Iterable[str] = (),
    quiet: bool = False,
    urgent: bool = False,
    once: bool = False,
    fleeting: bool = False,
    seconds: float = SECONDS,
) -> Callable[[F], F]:
    """Mark a method `(self, args, who) -> Outcome` (it may be async) as a command.

    Args:
        name: its own when not given.
    """

    def mark(method: F) -> F:
        does = (inspect.getdoc(method) or "").partition("\n")[0].rstrip(".")
        known = Command(
            name or method.__name__, role, args, does, frozenset(secret),
            quiet, urgent, once, fleeting, seconds,
        )  # fmt: skip
        setattr(method, _MARK, known)
        return method

    return mark


def declared(group: type) -> list[Command]:
    """Return the commands of a class, in the order they stand in it; they cannot be given."""
    marked = (getattr(value, _MARK, None) for value in vars(group).values())
    return [cast(Command, known) for known in marked if known is not None]


class Table(dict[str, Command]):
    """Commands by name. Raises ValueError when two have the same name."""

    def add(self, group: object) -> None:
        """Add the commands of an object."""
        for name, method in vars(type(group)).items():
            known: Command | None = getattr(method, _MARK, None)
            if known is None:
                continue
            if known.name in self:
                raise ValueError(f"two commands are called {known.name}")
            self[known.name] = replace(known, run=getattr(group, name))

    async def give(self, name: str, args: Mapping[str, Any], who: Who) -> Outcome:
        """Carry out a command by name. Never raises on a bad name or bad arguments."""
        known = self.get(name)
        if known is None:
            return Outcome(False, f"unknown command; there are {', '.join(self)}", code="unknown")
        return await known.give(args if isinstance(args, dict) else {}, who)
