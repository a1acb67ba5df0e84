"""Words for intents: script lines with their slots filled, replies, texts; all of it judged.

In:  `Intent`, catalog, gate, replier.   Out: sentences that may be said, cards that may be shown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from livehost.brain.catalog import Catalog, Line, Product, Segment, fill
from livehost.brain.chat.classes import meant, read
from livehost.brain.chat.message import ChatMessage
from livehost.brain.chat.waiting import Waiting
from livehost.brain.emotion import Feeling, felt
from livehost.brain.gate import Gate
from livehost.brain.intent import Intent, IntentKind, Place
from livehost.brain.manners import History
from livehost.brain.reply import Question, Replier
from livehost.brain.script import key_of, wordings
from livehost.brain.sentences import split
from livehost.brain.storyboard import shown
from livehost.brain.utterance import Said

HEARD = 12  # sentences a replier is told of
MOST_ANSWERS = 20  # remembered with what was understood


def wall() -> datetime:
    """Return the present with the machine's time zone."""
    return datetime.now().astimezone()


@dataclass(frozen=True, slots=True)
class Understood:
    """What a replier made of a question."""

    intent: str = ""
    product: str | None = None
    asked_back: frozenset[str] = frozenset()


class ShowWriter:
    """The writer of a real show.

    Args:
        replier: gives who answers, once it is loaded.
        line: returns segment and line of a place in the script.
        turn: returns which wording of its line a place takes.
        pinned: returns the product that the operator wants on the card, None: the one talked about.
        sale: returns the end of the flash sale of a product that is on, None: none is.
    """

    def __init__(
        self,
        catalog: Catalog,
        gate: Gate,
        replier: Callable[[], Awaitable[Replier]],
        history: History,
        line: Callable[[Place], tuple[Segment, Line]],
        now: Callable[[], datetime] = wall,
        *,
        turn: Callable[[Place], int] = lambda place: place.round,
        pinned: Callable[[], str | None] = lambda: None,
        sale: Callable[[Product, datetime], datetime | None] = lambda _product, _now: None,
    ) -> None:
        self._catalog = catalog
        self._gate = gate
        self._replier = replier
        self._history = history
        self._line = line
        self._now = now
        self._turn = turn
        self._pinned = pinned
        self._sale = sale
        self.wording: Callable[[str, str, int], int | None] = lambda _segment, _line, _round: None
        """Returns which text of a line (ids of segment and line, round) an experiment wants."""
        self._understood: OrderedDict[str, Understood] = OrderedDict()
        self._about: tuple[int, dict[str, tuple[str, ...]]] = (0, {})

    async def sentences(self, intent: Intent) -> AsyncGenerator[str, None]:
        """Yield what to say. Raises what the replier raises."""
        if intent.texts:
            for text in intent.texts:
                for sentence in split(text):
                    yield sentence
        elif intent.lines:
            for sentence in self._lines(intent, self._now()):
                yield sentence
        elif intent.place:
            for sentence in self.script(intent.place)[intent.place.sentence :]:
                yield sentence
        elif intent.asked:
            async with aclosing(self._reply(intent)) as reply:
                async for sentence in reply:
                    yield sentence

    def script(self, place: Place) -> list[str]:
        """Return all sentences of a script line; none when it cannot be said now.

        Each round takes another of its wordings, see `script.wordings`.
        """
        segment, line = self._line(place)
        product, now = self.product(segment.product), self._now()
        turn = self._turn(place)
        chosen = self.wording(segment.id, line.id, place.round)
        for worded in wordings(line, turn, key_of(segment.id, line), chosen):
            if text := fill(worded, product, now):
                return split(text)
        return []

    def _lines(self, intent: Intent, now: datetime) -> Iterator[str]:
        """Yield the sentences of lines beside the script; nothing of one that cannot be said."""
        product = self.product(intent.product)
        more = {"left": intent.left} if intent.left else {}
        for n, line in enumerate(intent.lines):
            worded = wordings(line, intent.turn, f"{intent.of.partition('@')[0]}.{n}")
            texts = (fill(wording, product, now, more) for wording in worded)
            yield from split(next(filter(None, texts), ""))

    def holds(self, intent: Intent, text: str) -> bool:
        """Return whether a sentence that was judged before may still be said now.

        The time left of a flash sale runs out, prices change, an offer ends.
        """
        now = self._now()
        named = not intent.left or intent.left in text
        if named and intent.past(now):
            return False
        return self._gate.check(text, self.product(self._product_of(intent)), now).ok

    def judged(self, text: str, intent: Intent) -> Said:
        """Return what may be said in place of `text`."""
        product = self.product(self._product_of(intent))
        verdict = self._gate.check(text, product, self._now())
        if verdict.ok:
            return Said(verdict.text)
        return Said(verdict.text, verdict.rule, verdict.found, text)

    def ahead(self, place: Place) -> Iterator[tuple[str, Feeling]]:
        """Yield (text, feeling) of a script line as it will be spoken."""
        segment, line = self._line(place)
        intent = Intent(IntentKind.SCRIPT, "", segment.product, place, emotion=line.emotion)
        for sentence in self.script(place):
            said = self.judged(sentence, intent).text
            yield said, felt(intent, said)

    def beside(self, intent: Intent, at: datetime) -> Iterator[tuple[str, Feeling]]:
        """Yield (text, feeling) of lines beside the script as they will be spoken at `at`."""
        product = self.product(intent.product)
        for sentence in self._lines(intent, at):
            said = self._gate.check(sentence, product, at).text
            yield said, felt(intent, said)

    def sayable(self, nickname: str) -> bool:
        """Return whether a nickname may be read aloud; figures in names are never read."""
        if any(char.isdigit() for char in nickname):
            return False
        shown = self._gate.check_shown(nickname, most=32).ok
        return shown and self._gate.check(nickname, None, self._now()).ok

    def question(self, intent: Intent) -> dict[str, Any]:
        """Return the data of the QUESTION cue, masked where the gate asks for it."""
        if intent.asked is None:
            return {}
        nickname = self._gate.check_shown(intent.asked.nickname, most=24).text
        return {
            "nickname": nickname,
            "text": self._gate.check_shown(intent.asked.text, most=60).text,
        }

    def card(self, intent: Intent) -> dict[str, Any] | None:
        """Return the data of the PRODUCT cue; None keeps the card that is shown, {} hides it."""
        now, pinned = self._now(), self.product(self._pinned())
        show = self._line(intent.place)[1].show if intent.place else ""
        if pinned:
            return self._countdown(pinned, pinned.card(now), now)
        found = self.product(self._product_of(intent))
        card = shown(found, show, now)
        return self._countdown(found, card, now) if found and card else card

    def _countdown(self, product: Product, card: dict[str, Any], now: datetime) -> dict[str, Any]:
        """Return the card with the end of a flash sale that is on, and what is shown after it."""
        end = self._sale(product, now)
        if end is None:
            return card
        after = card | {"price": f"{product.price_at(end):.2f}"}
        return card | {"ends": end.isoformat(), "after": after}

    def card_product(self, intent: Intent) -> str | None:
        """Return the id of the product whose card is shown with an intent; None keeps the card."""
        return self._pinned() or self._product_of(intent)

    def understood(self, intent: Intent) -> str:
        """Return what the asked question was taken for, "" when there is none."""
        asked = intent.asked
        return self._understood.get(asked.id, Understood()).intent if asked else ""

    def asked_back(self, intent: Intent) -> frozenset[str]:
        """Return the messages that an answer asks back instead of answering them."""
        understood = self._understood.get(intent.asked.id) if intent.asked else None
        back = understood.asked_back if understood else frozenset()
        groups = [w for first in intent.waiting for w in (replace(first, also=()), *first.also)]
        return frozenset(i for w in groups if w.message.id in back for i in w.ids)

    def product(self, product: str | None) -> Product | None:
        """Return a product by id."""
        return self._catalog.products.get(product) if product else None

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return product ids with all names they go by."""
        if self._about[0] != self._catalog.version:
            names = {p.id: _names(p) for p in self._catalog.products.values()}
            self._about = (self._catalog.version, names)
        return self._about[1]

    async def _reply(self, intent: Intent) -> AsyncGenerator[str, None]:
        if intent.asked is None:
            return
        asked = intent.asked
        if intent.opening:
            yield intent.opening
        answer = (await self._replier()).reply(self._asked(intent, asked))
        self._note(asked.id, answer)
        async with aclosing(answer) as sentences:
            async for sentence in sentences:
                self._note(asked.id, answer)
                yield sentence

    def _asked(self, intent: Intent, asked: ChatMessage) -> Question:
        """Return what a replier is asked, with what the same breath should answer."""
        product, heard = self.product(intent.product), self._history.last(HEARD)
        waiting = intent.waiting[0] if intent.waiting else None
        first = self._question(asked, product, heard)
        if waiting is None:
            return first
        also = [
            _asked_by(other, self._question(other.message, product, heard))
            for other in waiting.also
        ]
        first = _asked_by(waiting, first)
        return replace(first, together=tuple(also), waiting=waiting.left)

    def _question(
        self, asked: ChatMessage, product: Product | None, heard: tuple[str, ...]
    ) -> Question:
        return Question(
            meant(asked.text),
            asked.nickname if self.sayable(asked.nickname) else "",
            asked.user,
            product,
            heard,
            asked.id,
            of=read(asked.text).of.value,
        )

    def _note(self, message: str, answer: Any) -> None:
        """Remember what was understood; a fallback may understand it anew."""
        product = getattr(answer, "product", None)
        intent = str(getattr(answer, "intent", ""))
        back = getattr(answer, "asked_back", frozenset[str]())
        self._understood[message] = Understood(intent, product.id if product else None, back)
        while len(self._understood) > MOST_ANSWERS:
            self._understood.popitem(last=False)

    def _product_of(self, intent: Intent) -> str | None:
        asked = intent.asked
        understood = self._understood.get(asked.id) if asked else None
        return (understood and understood.product) or intent.product


def _asked_by(waiting: Waiting, question: Question) -> Question:
    """Return a question of one viewer or of several, who are not called by the name of one."""
    count = len(waiting.people)
    return replace(question, nickname=question.nickname if count == 1 else "", viewers=count)


def _names(product: Product) -> tuple[str, ...]:
    link = (f"{product.link}号链接", f"{product.link}号") if product.link else ()
    return (*product.names(), *link)
