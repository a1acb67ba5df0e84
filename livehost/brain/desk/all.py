"""The desk of a real show, put together: what is seen of it and every command.

In:  the parts of a show.   Out: `ShowDesk`, which the console asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from livehost.brain.chat.message import Rejected
from livehost.brain.command import (
    LOCAL,
    Command,
    Nothing,
    Outcome,
    Role,
    Table,
    Who,
    command,
    declared,
)
from livehost.brain.console.desk import Receipt, StreamTap
from livehost.brain.desk.machine import Machine
from livehost.brain.desk.numbers import Numbers
from livehost.brain.desk.scripts import ScriptCommands
from livehost.brain.desk.seeing import Seeing
from livehost.brain.desk.speech import SpeechCommands
from livehost.brain.desk.stage import StageCommands
from livehost.brain.desk.takeover import TakeOverCommands
from livehost.brain.desk.telling import tell
from livehost.brain.experiments.commands import ExperimentCommands
from livehost.brain.lease import Held, Why
from livehost.brain.news import News
from livehost.brain.programme.commands import ProgrammeCommands
from livehost.brain.programme.view import View

if TYPE_CHECKING:
    from livehost.brain.app import Show

GROUPS: tuple[type, ...] = (
    SpeechCommands,
    TakeOverCommands,
    StageCommands,
    ScriptCommands,
    ExperimentCommands,
    ProgrammeCommands,
)
"""Classes with commands, see `livehost.brain.command`: each is made with the `Show`."""


class Ending:
    """Ends the show."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    @command(Role.OPERATOR)
    def stop(self, _: Nothing, __: Who) -> Outcome:
        """End the show: trailers are written, the state is saved."""
        self._end()
        return Outcome(True, "the show ends")


class ShowDesk:
    """The `Desk` of a real show.

    Args:
        show: the parts.
        stop: asks for the end of the show.

    Attributes:
        table: everything that can be told to the show.
        news: what happens.
    """

    def __init__(self, show: Show, stop: Callable[[], None]) -> None:
        self._show = show
        self._stop = stop
        self._seeing = Seeing(show)
        self._rundown = View(show)
        self._numbers = Numbers(show)
        self.news = News()
        show.state.log.told = partial(tell, show, self.news)
        show.lease.listen(self._lease_changed)
        self.table = Table()
        for group in GROUPS:
            self.table.add(group(show))
        self.table.add(Ending(self._end))

    def _end(self) -> None:
        self._seeing.stopping = True
        self._stop()

    def _lease_changed(self, now: Held | None, before: Held | None, why: Why) -> None:
        told = [held.to_json() if held else None for held in (now, before)]
        self.news.tell("lease", holder=told[0], before=told[1], why=why)

    def status(self) -> dict[str, Any]:
        """Return the state of the show; keys are described in `console.desk`."""
        return self._seeing.status()

    def rundown(self) -> dict[str, Any]:
        """Return the rundown, where the show is in it, and what comes next."""
        return self._rundown.look()

    def recent(self) -> dict[str, Any]:
        """Return the last chat and the last sentences, oldest first."""
        return self._seeing.recent()

    def metrics(self) -> dict[str, float]:
        """Return every number by its Prometheus name."""
        return self._numbers.all()

    @property
    def machine(self) -> Machine:
        """Return the part of the console that watches the machine."""
        return self._seeing.machine

    def stream(self) -> StreamTap:
        """Return a tap on the encoded stream."""
        return self._show.link.preview.tap()

    def submit_chat(self, raw: bytes | dict[str, Any]) -> Receipt:
        """Take one chat message in. Never raises on bad input."""
        try:
            return Receipt(True, self._show.feeds.direct("http", raw).id)
        except Rejected as rejected:
            return Receipt(False, reason=f"{rejected.reason}: {rejected}")

    async def command(self, name: str, args: dict[str, Any], who: Who = LOCAL) -> Outcome:
        """Carry out a command and write down who gave it. Never raises on bad arguments."""
        outcome = await self.table.give(name, args, who)
        known = self.table.get(name)
        if known is not None and not (known.quiet and outcome.ok):
            said = {key: value for key, value in args.items() if key not in known.secret}
            self._write(who, name, said, outcome)
        return outcome

    async def keep(self, user: str, key: str, what: str, outcome: Outcome | None) -> None:
        """Keep what became of a command that was given under a key, over a restart.

        What the command itself wrote down in the same turn of the loop is kept with it or not at
        all.
        """
        told = (outcome.ok, outcome.message, outcome.data, outcome.code) if outcome else ()
        text = json.dumps(told, ensure_ascii=False, default=str)
        self._show.state.ack(user, key, what, text)
        await self._show.state.safe()

    def kept(self) -> Iterable[tuple[str, str, str, Outcome | None]]:
        """Return what an earlier process kept: (user, key, what, outcome), oldest first."""
        for user, key, what, outcome in self._show.state.memory.acks:
            told = json.loads(outcome)
            yield user, key, what, Outcome(*told) if told else None

    def note(self, who: Who, what: str, ok: bool, message: str) -> None:
        """Write into the audit log what somebody did to the console itself, such as log in."""
        self._write(who, what, {}, Outcome(ok, message))

    def _write(self, who: Who, name: str, args: dict[str, Any], outcome: Outcome) -> None:
        self._show.state.audit(
            "command", name=name, args=args, ok=outcome.ok, message=outcome.message,
            who=who.name, role=who.role.value, address=who.address,
        )  # fmt: skip


def all_commands() -> list[Command]:
    """Return every command that a desk knows, without a show; they cannot be given."""
    return [known for group in (*GROUPS, Ending) for known in declared(group)]
