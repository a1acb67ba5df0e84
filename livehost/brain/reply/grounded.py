"""Answer from the product card alone: rules, retrieval and wordings; nothing is made up.

In:  `Question`, the catalog in force.   Out: `Answer` with its intent; "not on the card" otherwise.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from livehost.brain.catalog import Catalog
from livehost.brain.product import Product
from livehost.brain.reply.answer import Answer, Question
from livehost.brain.reply.interpreter import Interpreter
from livehost.brain.reply.pieces import goes_on, pieces, without_mentions
from livehost.brain.reply.situation import PERSONAL, Meaning
from livehost.brain.reply.size_chart import charted
from livehost.brain.reply.telling import Teller
from livehost.brain.reply.together import NICK, Told, breath, foreign, naming
from livehost.brain.reply.understand import Body, product_of
from livehost.brain.reply.which import which
from livehost.brain.reply.wording import Wording
from livehost.config import ShowFaq

SOME, MANY = 1, 3
"""Waiting questions from which answers are short, and from which nobody is called by name."""

REPEATED = frozenset(
    {
        *("price", "prices", "compared", "discount", "no_discount", "stock", "stocks", "sold_out"),
        *("size", "size_two", "size_split", "size_row", "sizes", "colours", "variants", "delivery"),
        *(
            "region_yes",
            "region_no",
            "region_open",
            "free",
            "fee",
            "returns",
            "warranty",
            "quality",
        ),
        *("usage", "authenticity", "faq", "show_faq"),
    }
)
"""Situations that tell a fact, of which "as I said" is true when it was told a moment ago."""
_ASKED_BACK = frozenset({"no_product", "size_ask"})
"""Situations whose answer holds no fact, but a question."""
_CALLED = PERSONAL | {"no_product", "offtopic", "contact"}
"""Situations whose answer needs no other words to a viewer than a name before it."""


_FIGURE = re.compile("[零一二三四五六七八九十]{2}")
_WHOLE = frozenset({"complaint", "abuse", "injection", "comparison", "offtopic", "praise"})
"""Classes of comments that are one matter, however many pieces they have."""
_APART = frozenset(
    {
        *("price", "discount", "stock", "colours", "sizes", "size", "delivery", "shipping_fee"),
        *("returns", "warranty", "usage", "authenticity", "quality", "order", "faq", "fact"),
    }
)
"""Intents of pieces that are questions by themselves."""


class GroundedReplier:
    """The engine that needs nothing but the catalog.

    Args:
        language: of the room; English questions are answered in English all the same.
        seed: of the order of wordings.
        now: the wall clock, timezone-aware.
        faq: questions about the show or the shop, with the room's answers.
        host: her name by language.
        well: whether sound and picture leave this machine as they should.

    Attributes:
        viewers: what is remembered of those who asked.
        language: of the room.
    """

    name = "grounded"

    def __init__(
        self,
        catalog: Catalog,
        language: str = "zh",
        seed: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        *,
        faq: Sequence[ShowFaq] = (),
        host: Mapping[str, str] | None = None,
        well: Callable[[], bool] = lambda: False,
    ) -> None:
        self._catalog = catalog
        self.language = language
        self._now = now
        self._wording = Wording(seed)
        self._interpreter = Interpreter(catalog, now, faq)
        self._host = host or {}
        self._teller = Teller(catalog, language, now, self._host, well)
        self.viewers = self._interpreter.viewers

    def reply(self, question: Question) -> Answer:
        """Return the answer; it has no sentences when the message is better left alone.

        What is asked together is answered in as few sentences; to be called in an event loop.
        """
        ours = filter(None, map(self._for_us, (question, *question.together)))
        asked = [piece for one in ours for piece in self._pieces(self.carried(one))]
        understood = [(one, self.understand(one)) for one in asked]
        meaning = understood[0][1] if understood else Meaning("aside", None, Body())
        told = self._teller.told([pair for pair in understood if pair[1].intent != "abuse"])
        told = charted(told, self._wording)
        if len(told) > 1:
            shown = next((one.meaning for one in told if _on_card(one)), meaning)
            answer = Answer(_each(breath(told, self._wording)), meaning.intent, shown.product)
        else:
            sentences = self._compose(told[0]) if told else []
            answer = Answer(_each(sentences), meaning.intent, meaning.product)
        answer.asked_back = self._asked_back(told)
        return answer

    def carried(self, question: Question) -> Question:
        """Return what the viewer asked before, when this only says which product that was about."""
        if question.about:
            return question
        before = self.viewers.open_of(question.user, self._now())
        if before is None:
            return self._gone_on(question)
        if not self.awaits(question.user, question.text):
            return question
        about = which(question.text, self._catalog.products.values(), question.product)
        return replace(question, text=before[0], of=before[1], about=about)

    def _for_us(self, question: Question) -> Question | None:
        """Return a question without "@name"; None when it is for another viewer."""
        if "@" not in question.text:
            return question
        text = without_mentions(question.text, self._host.values())
        return replace(question, text=text) if text else None

    def _gone_on(self, question: Question) -> Question:
        """Return the whole question, when this goes on from the viewer's last: "那L呢"."""
        before = self.viewers.last_of(question.user, self._now())
        products = self._catalog.products.values()
        text, named = goes_on(question.text, before, products)
        return replace(question, text=text, of="", about=named) if text else question

    def _pieces(self, question: Question) -> list[Question]:
        """Return the questions of one comment, each by itself: "多少钱 包邮不"."""
        parts = pieces(question.text)
        if len(parts) < 2 or question.of in _WHOLE:
            return [question]
        if self._interpreter.sure(question):
            return [question]
        about = question.about or product_of(question.text, self._catalog.products.values())
        found: dict[tuple[str, ...], list[str]] = {}
        loose: list[str] = []
        for part in parts:
            meaning = self._interpreter.meaning(self._piece(question, part, about))
            named = meaning.topic.id if meaning.topic else ""
            if meaning.intent not in _APART and not (meaning.intent == "unknown" and named):
                loose.append(part)
                continue
            of = meaning.product.id if meaning.product else ""
            key = meaning.intent, meaning.faq or named, of
            found.setdefault(key, []).extend([*loose, part])
            loose = []
        if len(found) < 2:
            return [question]
        next(reversed(found.values())).extend(loose)
        return [self._piece(question, " ".join(texts), about) for texts in found.values()]

    def _piece(self, question: Question, text: str, about: Product | None) -> Question:
        """Return a piece of a question, about what it names itself or else the whole does."""
        own = product_of(text, self._catalog.products.values())
        return replace(question, text=text, of="", about=own or about)

    def awaits(self, user: str, text: str) -> bool:
        """Return whether a message is what its viewer was asked back for."""
        products = self._catalog.products.values()
        any_product = next(iter(products), None)
        asked = self.viewers.open_of(user, self._now())
        return asked is not None and which(text, products, any_product) is not None

    def variants(self, question: Question, count: int) -> Iterator[list[str]]:
        """Yield the answers that come first to a question: `count` whole ones, as many short."""
        (told,) = self._teller.told([(question, self.understand(question))])
        for again in (False, True):
            for _ in range(count):
                yield self._worded(told, again, again)

    async def close(self) -> None:
        """Do nothing: the catalog is not ours."""

    def understand(self, question: Question) -> Meaning:
        """Return what a message means, without answering it."""
        return self._interpreter.understand(question)

    # --- what is said ---------------------------------------------------------------------------

    def _asked_back(self, told: list[Told]) -> frozenset[str]:
        """Return the messages that are asked back; remember those that a product will answer."""
        back = [one for one in told if one.key in _ASKED_BACK]
        for one in back:
            if one.key == "no_product":
                self.viewers.ask_back(one.question.user, one.question.text[:120], one.question.of)
        return frozenset(one.question.message for one in back)

    def _compose(self, told: Told) -> list[str]:
        """Return the sentences of one answer: short when it was just told, or many wait."""
        question, words = told.question, self._wording
        now = asyncio.get_running_loop().time()
        again = words.said_lately(told.fact, question.message, now)
        again = again and told.key in REPEATED
        return self._addressed(told, self._worded(told, again, again or question.waiting >= SOME))

    def _worded(self, told: Told, again: bool, short: bool) -> list[str]:
        words = self._wording
        if told.is_stored:
            return words.about(told.stored, told.lead(again), told.slots, told.language)
        sentences: list[str] = []
        if short:
            lead = ("_again_of" if foreign(told) else "_again") if again else ""
            sentences = words.brief(told.key, told.slots, told.language, lead)
        sentences = sentences or words.full(told.key, told.slots, told.language)
        return sentences or words.full("unknown", told.slots, told.language)

    def _addressed(self, told: Told, sentences: list[str]) -> list[str]:
        """Turn to the viewer by name, when it may be said and there is time for it."""
        question = told.question
        sentences = naming(sentences, told)
        nick = question.nickname
        if not (sentences and nick and len(nick) <= NICK and question.waiting < MANY):
            return sentences
        figure = _FIGURE.search(nick)  # 七七: turned to in words in which it is no price
        if not figure and (told.key in _CALLED or question.waiting >= SOME):
            comma = "，" if told.language == "zh" else ", "
            return [f"{nick}{comma}{sentences[0]}", *sentences[1:]]
        return [self._wording.named(nick, told.language), *sentences]


def _on_card(told: Told) -> bool:
    """Return whether an answer is about the product on the card."""
    product, shown = told.meaning.product, told.question.product
    return product is not None and shown is not None and product.id == shown.id


async def _each(sentences: list[str]) -> AsyncGenerator[str, None]:
    for sentence in sentences:
        yield sentence
