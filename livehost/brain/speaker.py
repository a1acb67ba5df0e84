"""Say it: one utterance on air, one prepared, the script as a bridge.

In:  the director's intents, speech, the operator's cuts.   Out: pieces and cues to the stage, in
order and not too early.

`brain.boundary` tells when a sentence may be sent. While text or speech of an answer is slow, the
script goes on. What is no longer true when its turn comes is not said: a time left, a price.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Protocol

import numpy as np

from livehost.brain.boundary import Boundary
from livehost.brain.director import Director
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.makings import Makings
from livehost.brain.on_air import Aired, OnAir, Record
from livehost.brain.picture import Picture
from livehost.brain.script import Interrupt
from livehost.brain.stage_link import StageLink
from livehost.brain.utterance import Piece, Speak, Utterance
from livehost.brain.utterance import Writer as TextWriter
from livehost.errors import WireLost
from livehost.wire import Heard, Hello, Speech, Started

log = logging.getLogger(__name__)

BREAK_LEAST = 0.5  # seconds left of a script sentence that an answer waits for
HELD_WITHIN = 1.0  # seconds in which the host leaves the word to a person
EMPTY_PAUSE = 0.2  # seconds after an utterance without a sentence
FAILED_PAUSE = 1.0  # seconds after one that could not be made
LOOK = 1.0  # seconds between two looks for something to say while there is nothing


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

    def asked_back(self, intent: Intent) -> frozenset[str]:
        """Return the messages that an answer asks back instead of answering them."""
        ...

    def holds(self, intent: Intent, text: str) -> bool:
        """Return whether a sentence that was judged before may still be said now."""
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
        self._link = link
        self._record = record
        self._picture = picture
        self._gives_way_within = gives_way
        self._air: asyncio.Task[None] | None = None
        self.on_air = OnAir(director, record, picture)
        self.on_air.asked_back = writer.asked_back
        self._boundary = Boundary(link, picture, self.on_air, record)
        self._makings = Makings(director, writer, speak, record.new_id, self._boundary, self._made)
        self.failures = 0
        link.listen(self)

    async def run(self) -> None:
        """Speak until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._makings.begin(group)
            try:
                while True:
                    await self._turn(group)
            finally:
                self._boundary.met = 0
                self._makings.end()

    async def _turn(self, group: asyncio.TaskGroup) -> None:
        """Say one utterance, or find that there is no stage."""
        try:
            utterance = await self._next()
        except WireLost:
            return
        # In the turn in which it was taken: else the same line of the script could be made again.
        aired = Aired(utterance.id, utterance.intent, utterance.said)
        self._begin(aired)
        self._air = group.create_task(self._say(utterance, aired), name=f"air-{utterance.id}")
        await asyncio.wait({self._air})
        self._air = None
        if utterance.task:
            utterance.task.cancel()
        if not utterance.said or utterance.error:
            await asyncio.sleep(FAILED_PAUSE if utterance.error else EMPTY_PAUSE)

    # --- what comes next --------------------------------------------------------------------------

    def plan(self) -> None:
        """Have the best intent prepared; call it whenever something better may be there."""
        self._makings.plan()

    async def _next(self) -> Utterance:
        """Wait for the moment to go on and return the best utterance ready then.

        Raises:
            WireLost: the stage went away meanwhile.
        """
        while True:
            await self._at_boundary()
            self._makings.drop_past()
            self.plan()
            await self._makings.wait_for_answer(self._link)
            if not self._boundary.clear:
                continue
            if ready := self._makings.take():
                return ready
            self._makings.bridge_if_slow()
            await self._boundary.change(None if self._makings.next else LOOK)

    def _made(self) -> None:
        """Note that the beginning of an utterance is there."""
        self._boundary.note()
        self._break_off()

    def _break_off(self) -> None:
        """Have a script sentence give way to an urgent utterance that is ready."""
        urgent = self._makings.next
        if not (urgent and urgent.ready and urgent.intent.breaks and not urgent.error):
            return
        if self._picture.paused or not (self._link.connected and self.on_air.breakable):
            return
        within = self._gives_way_within
        if within and self._link.remaining() > BREAK_LEAST:
            self._boundary.cut(within)
            self._drop(True, "yielded")

    # --- when -------------------------------------------------------------------------------------

    async def _at_boundary(self) -> None:
        """Wait until the next sentence should be sent. Raises WireLost."""
        while True:
            greeted = await self._boundary.there()
            if await self._boundary.settled() or greeted:
                self._makings.drop_script()
            if await self._boundary.near():
                return

    # --- one utterance on air ---------------------------------------------------------------------

    async def _say(self, utterance: Utterance, aired: Aired) -> None:
        """Send an utterance sentence by sentence, giving way to what is urgent in between."""
        with contextlib.suppress(WireLost):  # `down` has noted what was lost
            self.on_air.finish(aired, await self._send_all(utterance, aired))

    async def _send_all(self, utterance: Utterance, aired: Aired) -> str:
        """Return how it ended: done, yielded or failed. Raises WireLost."""
        while piece := await utterance.pieces.get():
            if piece.first and piece.sentence and await self._ends_before(utterance, piece):
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

    async def _ends_before(self, utterance: Utterance, piece: Piece) -> bool:
        """Wait for the next sentence boundary; return whether nothing more of this is said now.

        Something urgent goes first, or the next sentence is no longer true.
        """
        await self._at_boundary()
        self._makings.drop_past()
        self.plan()
        intent = utterance.intent
        if not self._writer.holds(intent, utterance.said[piece.sentence].text):
            return True
        if intent.kind is not IntentKind.SCRIPT:
            return False
        await self._makings.wait_for_answer(self._link)
        urgent = self._makings.next
        if urgent is None or not urgent.ready or not urgent.intent.urgent:
            return False
        return lets_in(intent, urgent.intent)

    async def _send(self, utterance: Utterance, aired: Aired, piece: Piece) -> None:
        aired.written = utterance.written
        if piece.first:
            self.on_air.sending(aired, piece.sentence, piece.begun)
            await self.on_air.sent(aired, piece.sentence)
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
        self._boundary.cut()
        self._drop(resume, "cut")

    def says_something_else(self) -> bool:
        """Return whether something else than the script is on air."""
        saying = self.on_air.saying
        return saying is not None and saying[0].intent.kind is not IntentKind.SCRIPT

    def renew(self) -> None:
        """Take new texts and cards into use after a reload."""
        script = self._director.script()
        if script and (card := self._writer.card(script)) is not None:
            self._picture.product(card)
        self._makings.drop_script()
        self.plan()

    def up(self, hello: Hello) -> None:
        """Note that a stage is there."""
        self._boundary.note()

    def down(self) -> None:
        """Note that the stage is gone: what was not heard is said again to the next one."""
        self._drop(True, "lost")
        self.on_air.forget()

    def report(self, report: Started | Heard) -> None:
        """Take in what the stage says about a sentence."""
        self.on_air.report(report)
        self._boundary.note()

    def pause(self, paused: bool) -> None:
        """Hold speech after the current sentence, or go on."""
        self._picture.pause(paused)
        self._boundary.note()

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
            self._makings.withdraw_all()
            self._break_now()
        self.plan()

    def _break_now(self) -> None:
        """Break off what sounds in its next pause."""
        if self._link.connected:
            self._boundary.cut(HELD_WITHIN)
            self._drop(True, "yielded")

    def _drop(self, resume: bool, how: str) -> None:
        self.on_air.drop(resume=resume, how=how)
        if self._air:
            self._air.cancel()
        self._makings.drop_script()


def lets_in(script: Intent, urgent: Intent) -> bool:
    """Return whether a line of the script lets something urgent in between its sentences."""
    closed = script.interrupt == Interrupt.SEGMENT and urgent.kind is IntentKind.REPLY
    return not closed or urgent.resumed


def _now() -> float:
    return asyncio.get_running_loop().time()
