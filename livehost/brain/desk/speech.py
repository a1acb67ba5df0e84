"""Commands on what the host says: say, skip, pause, a product.

In:  an operator's words.   Out: what the director and the speaker do next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livehost.brain.chat.message import MOST_TEXT, clean
from livehost.brain.command import Args, Nothing, Outcome, Role, Who, command
from livehost.brain.desk.takeover import silence, taken
from livehost.brain.emotion import Emotion
from livehost.brain.intent import Intent, IntentKind

if TYPE_CHECKING:
    from livehost.brain.app import Show


class Say(Args):
    """A text for the host.

    Attributes:
        cut: break off what is being said.
        emotion: how it is said; left out: as its words suggest.
    """

    text: str
    cut: bool = False
    emotion: Emotion | None = None


class Which(Args):
    """A product by its id."""

    id: str = ""
    product: str = ""


class SpeechCommands:
    """Steers what is said."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._lease = show.lease
        self._catalog = show.catalog
        self._director = show.director
        self._speaker = show.speaker
        self._state = show.state
        self._writer = show.writer

    @command(Role.OPERATOR, Say)
    def say(self, args: Say, who: Who) -> Outcome:
        """The host says a text next; the gate may refuse it."""
        if not self._lease.free_for(who):
            return taken(self._show)
        if not (text := clean(args.text)):
            return Outcome(False, "say needs a text", code="args")
        if len(text) > MOST_TEXT:
            return Outcome(False, f"the text is longer than {MOST_TEXT} characters", code="args")
        said = self._writer.judged(text, self._intent_here(text))
        if said.rule:
            why = f"「{said.found}」 is stopped by rule {said.rule}; reword it"
            return Outcome(False, why, {"rule": said.rule, "found": said.found}, "gate")
        if not self._director.say(text, args.emotion or ""):
            return Outcome(False, "too many texts wait to be said; try again later", code="busy")
        self._speaker.on_air.save()
        if args.cut:
            self._speaker.cut(resume=self._lease.held is None)
        self._speaker.plan()
        return Outcome(True, "will be said next")

    def _intent_here(self, text: str) -> Intent:
        return Intent(IntentKind.SAY, "operator", product=self._director.product, texts=(text,))

    @command(Role.OPERATOR, once=True)
    def skip(self, _: Nothing, who: Who) -> Outcome:
        """End what is being said; in the script, go to the next segment."""
        if not self._lease.free_for(who):
            return taken(self._show)
        if self._speaker.says_something_else():
            self._speaker.cut(resume=False)
            return Outcome(True, "cut; the script goes on where it was")
        return self._jumped(self._director.skip())

    @command(Role.OPERATOR, Which)
    def product(self, args: Which, who: Who) -> Outcome:
        """Go to a product's segment."""
        if not self._lease.free_for(who):
            return taken(self._show)
        product = args.id or args.product
        if product not in self._catalog.products:
            known = ", ".join(self._catalog.products)
            return Outcome(False, f"no such product; there are {known}")
        segment = self._director.jump_to_product(product)
        if segment is None:
            return Outcome(False, f"{product} has no segment in the rundown")
        return self._jumped(segment)

    def _jumped(self, segment: str) -> Outcome:
        self._speaker.on_air.save()
        self._speaker.cut(resume=False)
        self._speaker.plan()
        return Outcome(True, f"now at segment {segment}", {"segment": segment})

    @command(Role.OPERATOR)
    def pause(self, _: Nothing, __: Who) -> Outcome:
        """Hold speech after the current sentence; the host stays alive on the picture."""
        self._speaker.pause(True)
        self._state.flag("paused", True)
        return Outcome(True, "pauses after this sentence")

    @command(Role.OPERATOR)
    def resume(self, _: Nothing, __: Who) -> Outcome:
        """Go on speaking, after a pause or muted."""
        silence(self._show, False, music=True)
        return Outcome(True, "goes on")
