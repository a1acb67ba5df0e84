"""Commands given once: bounded, in time, and the same answer for the same id.

In:  commands from HTTP and websockets.   Out: outcomes from the desk's table.

What a command changes in the state file and its answer are written together, and the answer is
told when both are on disk: after a restart it is known that it was done, or it is as if it had
never been given. Where that is not all that it changes (`Command.once`), it is written down first
that it is about to be done.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from livehost.brain.command import Outcome, Who
from livehost.brain.console.desk import Desk

log = logging.getLogger(__name__)

MOST_AT_ONCE = 16  # commands under way that take their time
MOST_KEPT = 2000  # answers kept for those who ask again

BUSY = Outcome(False, "too many commands at once; wait for the earlier ones", code="busy")
EXPIRED = Outcome(False, "came too late and was not done", code="expired")
UNSURE = Outcome(
    False, "may have been done before the host's brain was started again; look first", code="unsure"
)
FAILED = Outcome(False, "something broke; it is in the log", code="failed")
REUSED = Outcome(False, "this id was used for another command", code="id")


@dataclass(eq=False, slots=True)
class _Given:
    """A command that was given under an id.

    Attributes:
        what: a hash of it.
        outcome: what became of it; None: it is under way, see `task`.
    """

    what: str
    outcome: Outcome | None = None
    task: asyncio.Task[Outcome] | None = None


class Orders:
    """Gives commands to a desk.

    Attributes:
        counts: commands by result: "ok" or a code.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._given: OrderedDict[tuple[str, str], _Given] = OrderedDict(
            ((user, key), _Given(what, outcome or UNSURE))
            for user, key, what, outcome in desk.kept()
        )
        self._group: asyncio.TaskGroup | None = None
        self._turn = asyncio.Lock()
        self._under_way = 0
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Carry out what is given under an id, whoever gave it going away; until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def start(self, work: Coroutine[Any, Any, None]) -> bool:
        """Have `work` done, whoever asked for it going away; False while nothing is done."""
        if self._group is None:
            work.close()
            return False
        self._group.create_task(work)
        return True

    async def give(
        self, name: str, args: Mapping[str, Any], who: Who, until: float = float("inf")
    ) -> Outcome:
        """Carry out a command; it has to be done by `until` on the loop's clock."""
        known = self._desk.table.get(name)
        if asyncio.get_running_loop().time() >= until:
            return self._counted(EXPIRED)
        if known is not None and not known.urgent and self._under_way >= MOST_AT_ONCE:
            return self._counted(BUSY)
        seconds = known.seconds if known else 1.0
        self._under_way += 1
        try:
            async with asyncio.timeout_at(
                min(until, asyncio.get_running_loop().time() + seconds)
            ) as limit:
                return self._counted(await self._desk.command(name, dict(args), who))
        except TimeoutError:
            if not limit.expired():
                raise
            return self._counted(Outcome(False, f"{name} was not done in time", code="timeout"))
        except Exception:  # of one command; the console goes on for all others
            log.exception("command failed", extra={"command": name})
            return self._counted(FAILED)
        finally:
            self._under_way -= 1

    async def give_once(
        self, key: str, name: str, args: Mapping[str, Any], who: Who, until: float = float("inf")
    ) -> tuple[Outcome, bool]:
        """Carry out a command unless its user gave it under the same key before.

        Returns:
            What became of it, then or now; whether that was then.
        """
        what = _hash(name, args)
        before = self._given.get((who.name, key))
        if before is not None:
            if before.what != what:
                return REUSED, False
            return await self._answer(before), True
        if self._group is None:
            return BUSY, False
        given = self._given[who.name, key] = _Given(what)
        given.task = self._group.create_task(self._first(given, key, name, args, who, until))
        self._forget()
        return await asyncio.shield(given.task), False

    async def _answer(self, given: _Given) -> Outcome:
        if given.task is not None:
            return await asyncio.shield(given.task)
        return given.outcome or EXPIRED

    async def _first(
        self, given: _Given, key: str, name: str, args: Mapping[str, Any], who: Who, until: float
    ) -> Outcome:
        known = self._desk.table.get(name)
        kept = known is not None and not (known.quiet or known.fleeting)
        if known is None or not known.urgent:
            async with self._turn:  # they begin in the order in which they came
                if known is not None and known.once:
                    await self._desk.keep(who.name, key, given.what, None)
        given.outcome = outcome = await self.give(name, args, who, until)
        if kept:
            await self._desk.keep(who.name, key, given.what, outcome)
        given.task = None
        return outcome

    def _forget(self) -> None:
        """Let go of the oldest answers; what is under way stays."""
        for key in list(self._given)[: max(0, len(self._given) - MOST_KEPT)]:
            if self._given[key].outcome is not None:
                del self._given[key]

    def _counted(self, outcome: Outcome) -> Outcome:
        self.counts["ok" if outcome.ok else outcome.code or "refused"] += 1
        return outcome


def _hash(name: str, args: Mapping[str, Any]) -> str:
    """Return what tells two commands apart; arguments may be secret."""
    text = json.dumps([name, args], sort_keys=True)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
