"""What is being made to be said next: the best utterance, and the script as a bridge beside it.

In:  the director's intents.   Out: utterances, each with its speech under way.

While text or speech of an answer is slow, a line of the script is made beside it. What is no longer
true when its turn comes is not said: a time left, a price.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from livehost.brain.boundary import Boundary
from livehost.brain.director import Director
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.stage_link import StageLink
from livehost.brain.utterance import Speak, Utterance
from livehost.brain.utterance import Writer as TextWriter

HOLD = 0.3  # seconds before the end of a sentence up to which an answer nearly ready is awaited
PATIENCE = 0.6  # seconds of silence that an answer may cost, once


class Writer(TextWriter, Protocol):
    """See `livehost.brain.writer.ShowWriter`."""

    def holds(self, intent: Intent, text: str) -> bool:
        """Return whether a sentence that was judged before may still be said now."""
        ...


class Makings:
    """Two utterances at most in the making.

    Args:
        made: called when the beginning of one is there.

    Attributes:
        next: the one to be said next, None when there is nothing to say.
    """

    def __init__(
        self,
        director: Director,
        writer: Writer,
        speak: Speak,
        new_id: Callable[[], int],
        boundary: Boundary,
        made: Callable[[], None],
    ) -> None:
        self._director = director
        self._writer = writer
        self._speak = speak
        self._new_id = new_id
        self._boundary = boundary
        self._made = made
        self._group: asyncio.TaskGroup | None = None
        self._bridge: Utterance | None = None
        self.next: Utterance | None = None

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Make utterances in `group` from now on."""
        self._group = group

    def end(self) -> None:
        """Make nothing any more."""
        self._group = None
        self.withdraw_all()

    def plan(self) -> None:
        """Have the best intent made; call it whenever something better may be there."""
        if self._group is None:
            return
        now = _now()
        if self.next is None:
            intent = self._director.choose(now)
        elif intent := self._director.choose(now, better_than=self.next.intent):
            self._withdraw(self.next)
        if intent:
            self.next = self._make(intent, self._group)
        self._boundary.note()

    def take(self) -> Utterance | None:
        """Return the best utterance that is ready, None when none is."""
        ready = [u for u in (self.next, self._bridge) if u and u.ready]
        if not ready:
            return None
        if ready[0] is self.next:
            self.next = None
            if self._bridge:
                self._withdraw(self._bridge)
        self._bridge = None
        return ready[0]

    async def wait_for_answer(self, link: StageLink) -> None:
        """Give an answer that is nearly ready a moment, before the script speaks on for long.

        Raises:
            WireLost: the stage went away meanwhile.
        """
        answer = self.next
        if answer is None or not answer.intent.urgent or answer.ready or answer.waited_for:
            return
        answer.waited_for = True
        await link.until(HOLD)
        until = _now() + PATIENCE
        while answer is self.next and not answer.ready and (left := until - _now()) > 0:
            await self._boundary.change(left)

    def bridge_if_slow(self) -> None:
        """Make a script line beside an answer that is not ready."""
        slow = None if self._director.held else self.next
        if slow is None or self._group is None or self._bridge:
            return
        if slow.intent.kind is not IntentKind.SCRIPT and (intent := self._director.script()):
            self._bridge = self._make(intent, self._group)

    def drop_past(self) -> None:
        """Withdraw what comes next when it is no longer true."""
        past = self.next
        if past and not all(self._writer.holds(past.intent, said.text) for said in past.said):
            self._withdraw(past)
            self.next = None

    def drop_script(self) -> None:
        """Withdraw script lines: the script may go on elsewhere now."""
        if self.next and self.next.intent.kind is IntentKind.SCRIPT:
            self._withdraw(self.next)
            self.next = None
        if self._bridge:
            self._withdraw(self._bridge)
            self._bridge = None
        self._boundary.note()

    def withdraw_all(self) -> None:
        """Give everything back to the director."""
        for utterance in (self.next, self._bridge):
            if utterance:
                self._withdraw(utterance)
        self.next = self._bridge = None

    def _make(self, intent: Intent, group: asyncio.TaskGroup) -> Utterance:
        utterance = Utterance(self._new_id(), intent, self._made)
        work = utterance.make(self._writer, self._speak)
        utterance.task = group.create_task(work, name=f"make-{utterance.id}")
        return utterance

    def _withdraw(self, utterance: Utterance) -> None:
        if utterance.task:
            utterance.task.cancel()
        self._director.put_back(utterance.intent, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()
