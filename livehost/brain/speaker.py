"""Say it: one utterance on air, one prepared, the script as a bridge.

In:  the director's intents, speech, the operator's cuts.   Out: pieces and cues to the stage, in
order and not too early.

The stage gets the next sentence only `LEAD` seconds before the last one ends, so that an answer
to a viewer can still go first. While text or speech of an answer is slow, the script goes on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

import numpy as np

from livehost.brain.director import Director
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.on_air import Aired, OnAir, Record
from livehost.brain.picture import Picture
from livehost.brain.stage_link import StageLink
from livehost.brain.utterance import Piece, Speak, Utterance
from livehost.brain.utterance import Writer as TextWriter
from livehost.errors import WireLost
from livehost.wire import Cue, CueKind, Heard, Hello, Speech, Started

log = logging.getLogger(__name__)

LEAD = 0.7  # seconds before the end of a sentence at which the next one is sent
HOLD = 0.3  # the same while an answer is nearly ready
PATIENCE = 0.6  # seconds of silence that an answer may cost, once
SETTLE = 0.6  # seconds in which the stage has to confirm a cut
BREAK_LEAST = 0.5  # seconds left of a script sentence that an answer waits for
HELD_WITHIN = 1.0  # seconds in which the host leaves the word to a person
GREETING = 0.2  # seconds in which a stage tells what happened before, or carries out a cut
LEFTOVER = 3.0  # most seconds of an earlier process's speech that are heard out
EMPTY_PAUSE = 0.2  # seconds after an utterance without a sentence
FAILED_PAUSE = 1.0  # seconds after one that could not be made


class Writer(TextWriter, Protocol):
    """See `livehost.brain.writer.ShowWriter`."""

    def question(self, intent: Intent) -> dict[str, Any]:
        """Return the data of the QUESTION cue."""
        ...

    def card(self, intent: Intent) -> dict[str, Any] | None:
        """Return the data of the PRODUCT cue; None keeps the card that is shown."""
        ...

    def understood(self, intent: Intent) -> str:
        """Return what the asked question was taken for, "" when there is none."""
        ...


class Speaker:
    """Carry out intents, one after the other.

    Args:
        gives_way: seconds in which a script sentence is broken off for what is urgent; 0: never.

    Attributes:
        on_air: what is on its way and what was heard.
        failures: utterances that could not be made.
    """

    def __init__(
        self,
        director: Director,
        writer: Writer,
        speak: Speak,
        link: StageLink,
        record: Record,
        picture: Picture,
        gives_way: float = 0.0,
    ) -> None:
        self._director = director
        self._writer = writer
        self._speak = speak
        self._link = link
        self._record = record
        self._picture = picture
        self._gives_way_within = gives_way
        self._group: asyncio.TaskGroup | None = None
        self._prepared: Utterance | None = None
        self._bridge: Utterance | None = None
        self._current: Utterance | None = None
        self._air: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._met = 0  # the link's session that was greeted
        self._settle_until = float("-inf")
        self.on_air = OnAir(director, record, picture)
        self.failures = 0
        link.listen(self)

    async def run(self) -> None:
        """Speak until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while True:
                    await self._turn(group)
            finally:
                self._group, self._met = None, 0
                self._withdraw_all()

    async def _turn(self, group: asyncio.TaskGroup) -> None:
        """Say one utterance, or find that there is no stage."""
        try:
            utterance = await self._next()
        except WireLost:
            return
        self._current = utterance
        self._air = group.create_task(self._say(utterance), name=f"air-{utterance.id}")
        await asyncio.wait({self._air})
        self._current = self._air = None
        if not utterance.said or utterance.error:
            await asyncio.sleep(FAILED_PAUSE if utterance.error else EMPTY_PAUSE)

    # --- what comes next --------------------------------------------------------------------------

    def plan(self) -> None:
        """Have the best intent prepared; call it whenever something better may be there."""
        if self._group is None:
            return
        now = _now()
        if self._prepared is None:
            intent = self._director.choose(now)
        elif intent := self._director.choose(now, better_than=self._prepared.intent):
            self._withdraw(self._prepared)
        if intent:
            self._prepared = self._make(intent, self._group)
        self._changed.set()

    async def _next(self) -> Utterance:
        """Wait for the moment to go on and return the best utterance ready then.

        Raises:
            WireLost: the stage went away meanwhile.
        """
        while True:
            await self._boundary()
            self.plan()
            await self._wait_for_answer()
            if not self._clear():
                continue
            ready = [u for u in (self._prepared, self._bridge) if u and u.ready]
            if ready:
                return self._taken(ready[0])
            self._bridge_if_slow()
            await self._change()

    async def _wait_for_answer(self) -> None:
        """Give an answer that is nearly ready a moment, before the script speaks on for long.

        Raises:
            WireLost: the stage went away meanwhile.
        """
        answer = self._prepared
        if answer is None or not answer.intent.urgent or answer.ready or answer.waited_for:
            return
        answer.waited_for = True
        await self._link.until(HOLD)
        until = _now() + PATIENCE
        while answer is self._prepared and not answer.ready and (left := until - _now()) > 0:
            await self._change(left)

    def _bridge_if_slow(self) -> None:
        """Prepare a script line beside an answer that is not ready."""
        slow = None if self._director.held else self._prepared
        if slow and self._group and not self._bridge and slow.intent.kind is not IntentKind.SCRIPT:
            self._bridge = self._make(self._director.script(), self._group)

    def _taken(self, utterance: Utterance) -> Utterance:
        if utterance is self._prepared:
            self._prepared = None
            if self._bridge:
                self._withdraw(self._bridge)
        self._bridge = None
        return utterance

    def _make(self, intent: Intent, group: asyncio.TaskGroup) -> Utterance:
        utterance = Utterance(self._record.new_id(), intent, self._made)
        work = utterance.make(self._writer, self._speak)
        utterance.task = group.create_task(work, name=f"make-{utterance.id}")
        return utterance

    def _made(self) -> None:
        """Note that the beginning of an utterance is there."""
        self._changed.set()
        self._break_off()

    def _break_off(self) -> None:
        """Have a script sentence give way to an urgent utterance that is ready."""
        urgent = self._prepared
        if not (urgent and urgent.ready and urgent.intent.urgent and not urgent.error):
            return
        if self._picture.paused or not (self._link.connected and self.on_air.breakable):
            return
        within = self._gives_way_within
        if within and self._link.remaining() > BREAK_LEAST:
            self._link.cue(Cue(CueKind.CUT, {"within": within}))
            self._drop(True, "yielded")
            self._settle_until = _now() + within + SETTLE

    def _withdraw(self, utterance: Utterance) -> None:
        if utterance.task:
            utterance.task.cancel()
        self._director.put_back(utterance.intent, _now())

    def _withdraw_all(self) -> None:
        for utterance in (self._prepared, self._bridge):
            if utterance:
                self._withdraw(utterance)
        self._prepared = self._bridge = None

    # --- when -------------------------------------------------------------------------------------

    async def _boundary(self) -> None:
        """Wait until the next sentence should be sent. Raises WireLost."""
        while True:
            while not self._link.connected or self._picture.paused:
                await self._change()
            if self._link.session != self._met:
                await self._greet()
            await self._settled()
            await self._link.until(LEAD)
            if self._clear():
                return

    def _clear(self) -> bool:
        """Whether nothing stands against sending now."""
        met = self._link.connected and self._link.session == self._met
        return met and not self._picture.paused and not self.on_air.unsettled

    async def _settled(self) -> None:
        """Wait until the stage has confirmed a cut, or should have."""
        if not self.on_air.unsettled:
            return
        while self.on_air.unsettled and (left := self._settle_until - _now()) > 0:
            await self._change(left)
        if self.on_air.unsettled:
            log.warning("stage did not confirm a cut")
            self.on_air.forget()
        self._drop_script()  # more may have been heard than was known when it was prepared

    async def _change(self, most: float | None = None) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(most):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _greet(self) -> None:
        """Bring a stage into a known state before speaking to it.

        Reports that it kept while there was no brain come first; what an earlier process had sent
        completely is heard out; the rest is cut and said again. Raises WireLost.
        """
        session, hello = self._link.session, self._link.hello
        if hello:
            self._record.audit(
                "show", event="stage", boot=hello.boot,
                width=hello.width, height=hello.height, fps=hello.fps,
            )  # fmt: skip
        self._picture.renew()
        await asyncio.sleep(GREETING)
        if session == 1 and hello and hello.on_air:
            try:
                async with asyncio.timeout(LEFTOVER):
                    await self._link.until(0.0)
            except TimeoutError:
                pass
            await asyncio.sleep(GREETING)
        self._link.cue(Cue(CueKind.CUT))
        await asyncio.sleep(GREETING)
        self.on_air.drop(resume=True, how="lost")
        self.on_air.forget()
        self._met = session

    # --- one utterance on air ---------------------------------------------------------------------

    async def _say(self, utterance: Utterance) -> None:
        """Send an utterance sentence by sentence, giving way to what is urgent in between."""
        aired = Aired(utterance.id, utterance.intent, utterance.said)
        self._begin(aired)
        try:
            self.on_air.finish(aired, await self._send_all(utterance, aired))
        except WireLost:
            pass  # `down` has noted what was lost
        finally:
            if utterance.task:
                utterance.task.cancel()

    async def _send_all(self, utterance: Utterance, aired: Aired) -> str:
        """Return how it ended: done, yielded or failed. Raises WireLost."""
        while piece := await utterance.pieces.get():
            if piece.first and piece.sentence and await self._gives_way(utterance):
                self._director.yielded(utterance.intent, piece.sentence)
                return "yielded"
            await self._send(utterance, aired, piece)
        aired.written = True
        if utterance.error is None:
            return "done"
        await self._fail(utterance, aired)
        return "failed"

    def _begin(self, aired: Aired) -> None:
        intent = aired.intent
        self.on_air.begin(aired, self._writer.understood(intent))
        if (card := self._writer.card(intent)) is not None:
            self._picture.product(card, aired.id)
        self._picture.question(self._writer.question(intent) if intent.asked else {}, aired.id)

    async def _gives_way(self, utterance: Utterance) -> bool:
        """Wait for the next sentence boundary; return whether something urgent goes first."""
        await self._boundary()
        self.plan()
        if utterance.intent.kind is IntentKind.SCRIPT:
            await self._wait_for_answer()
        urgent = self._prepared
        return (
            utterance.intent.kind is IntentKind.SCRIPT
            and urgent is not None
            and urgent.ready
            and urgent.intent.urgent
        )

    async def _send(self, utterance: Utterance, aired: Aired, piece: Piece) -> None:
        aired.written = utterance.written
        if piece.first:
            self.on_air.sending(aired, piece.sentence, piece.begun)
        await self._link.speak(
            Speech(
                utterance.id,
                piece.sentence,
                piece.pcm,
                piece.last,
                (piece.caption or aired.text(piece.sentence)) if piece.first else "",
                piece.phones,
                piece.feeling.emotion if piece.first else "neutral",
                piece.feeling.intensity if piece.first else 1.0,
            )
        )
        utterance.unended = None if piece.last else piece.sentence
        if piece.last:
            self.plan()

    async def _fail(self, utterance: Utterance, aired: Aired) -> None:
        """End the sentence whose speech broke off, so that the stage does not wait for its rest."""
        self.failures += 1
        log.error(
            "utterance failed",
            extra={"utterance": utterance.id, "error": repr(utterance.error)},
        )
        if utterance.unended is not None:
            nothing = np.zeros(0, np.int16)
            await self._link.speak(Speech(aired.id, utterance.unended, nothing, last=True))

    # --- cuts and losses --------------------------------------------------------------------------

    def cut(self, *, resume: bool) -> None:
        """Be silent at the next tick.

        Args:
            resume: what was interrupted besides the script is said later, from the sentence it
                was in; False drops it.
        """
        self._link.cue(Cue(CueKind.CUT))
        self._drop(resume, "cut")
        self._settle_until = _now() + SETTLE

    def says_something_else(self) -> bool:
        """Return whether something else than the script is on air."""
        saying = self.on_air.saying
        return saying is not None and saying[0].intent.kind is not IntentKind.SCRIPT

    def renew(self) -> None:
        """Take new texts and cards into use after a reload."""
        if (card := self._writer.card(self._director.script())) is not None:
            self._picture.product(card)
        self._drop_script()
        self.plan()

    def up(self, hello: Hello) -> None:
        """Note that a stage is there."""
        self._changed.set()

    def down(self) -> None:
        """Note that the stage is gone: what was not heard is said again to the next one."""
        self._drop(True, "lost")
        self.on_air.forget()

    def report(self, report: Started | Heard) -> None:
        """Take in what the stage says about a sentence."""
        self.on_air.report(report)
        self._changed.set()

    def pause(self, paused: bool) -> None:
        """Hold speech after the current sentence, or go on."""
        self._picture.pause(paused)
        self._changed.set()

    def mute(self, muted: bool) -> None:
        """Be silent at the next tick and stay so, or go on; what was cut off is said later."""
        self.pause(muted)
        self._picture.muted = muted
        if muted:
            self.cut(resume=True)

    def hold(self, held: bool) -> None:
        """Leave the word to the operator, in the next pause, or take it back.

        What was interrupted is said later; the script keeps its place.
        """
        self._director.held = held
        if held:
            self._withdraw_all()
            self._break_now()
        self.plan()

    def _break_now(self) -> None:
        """Break off what sounds in its next pause."""
        if self._link.connected and self.on_air.saying:
            self._link.cue(Cue(CueKind.CUT, {"within": HELD_WITHIN}))
            self._drop(True, "yielded")
            self._settle_until = _now() + HELD_WITHIN + SETTLE

    def _drop(self, resume: bool, how: str) -> None:
        self.on_air.drop(resume=resume, how=how)
        if self._air:
            self._air.cancel()
        self._drop_script()

    def _drop_script(self) -> None:
        """Withdraw script lines that were prepared: the script may go on elsewhere now."""
        if self._prepared and self._prepared.intent.kind is IntentKind.SCRIPT:
            self._withdraw(self._prepared)
            self._prepared = None
        if self._bridge:
            self._withdraw(self._bridge)
            self._bridge = None
        self._changed.set()


def _now() -> float:
    return asyncio.get_running_loop().time()
