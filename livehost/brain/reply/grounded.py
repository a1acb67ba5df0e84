"""Answer from the product card alone: rules, retrieval and wordings; nothing is made up.

In:  `Question`, the catalog in force.   Out: `Answer` with its intent; "not on the card" otherwise.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import replace
from datetime import datetime

from livehost.brain.catalog import Catalog
from livehost.brain.gate import Gate
from livehost.brain.gate.fold import fold
from livehost.brain.product import Product
from livehost.brain.reply.answer import Answer, Question
from livehost.brain.reply.facts import Slots, slots_of
from livehost.brain.reply.memory import Viewer, Viewers, merged
from livehost.brain.reply.retrieve import Facts, Retriever
from livehost.brain.reply.situation import (
    COMPLAINTS,
    PERSONAL,
    Meaning,
    detail,
    named_in,
    situation,
    without_names,
)
from livehost.brain.reply.together import NICK, Told, breath, naming
from livehost.brain.reply.understand import (
    Body,
    asks,
    body_of,
    is_english,
    is_measure,
    load_intents,
    names_no_link,
    product_of,
)
from livehost.brain.reply.which import which
from livehost.brain.reply.wording import Wording

SURE = 0.75
"""FAQ score from which it goes before every rule."""
RATHER = 0.55
"""FAQ score from which it goes before a detail that the question names."""
LIKELY = 0.42
"""FAQ score below which the card is said not to know."""
_FOREIGN = 0.2
"""Taken off the score of another product than the one being asked about, which must be sure then:
what is not named is asked about the product at hand."""
FEW = 4
"""Products whose prices are all said when nobody knows which one is asked about."""
SOME, MANY = 1, 3
"""Waiting questions from which answers are short, and from which nobody is called by name."""

_SILENT = frozenset({"abuse", "politics", "minors"})
"""Categories of the gate that are better left alone."""
_FORGOTTEN = frozenset({"abuse", "injection", "contact", "offtopic"})
"""Intents that leave no trace in what is remembered of a viewer."""
_FIRST = frozenset({"injection", "forget_me", "identity", "complaint"})
_KNOWN_BETTER = frozenset({"complaint", "abuse", "injection"})
"""Classes that are as the chat was read, whatever the words alone look like."""
_VAGUE = frozenset({"unknown", "offtopic", "intro", "greeting", "praise", "thanks"})
"""Intents that give way to the class of the chat."""
_OF_CLASS = {
    "greeting": "greeting",
    "praise": "praise",
    "price": "price",
    "delivery": "delivery",
    "stock": "stock",
    "offtopic": "offtopic",
}
UNREPEATED = PERSONAL | {"no_product", "offtopic", "contact", "size_ask", "size_half"}
UNREPEATED |= {key for key, _ in COMPLAINTS} | {"complaint"}
"""Situations of which nobody says "as I said"."""
_ASKED_BACK = frozenset({"no_product", "size_ask"})
"""Situations whose answer holds no fact, but a question."""
_NO_QUESTION = frozenset({"greeting", "praise"})
"""Classes that ask for nothing on the card."""
_CALLED = PERSONAL | {"no_product", "offtopic", "contact"}
"""Situations whose answer needs no other words to a viewer than a name before it."""
_EARLIER = re.compile(
    r"刚才|刚刚|之前|前面|上一?个|我(?:问|说)的那"
    r"|\b(?:earlier|before|i asked|the last one|that one)\b"
)


class GroundedReplier:
    """The engine that needs nothing but the catalog.

    Args:
        language: of the room; English questions are answered in English all the same.
        seed: of the order of wordings.
        now: the wall clock, timezone-aware.

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
    ) -> None:
        self._catalog = catalog
        self.language = language
        self._now = now
        self._gate = Gate()
        self._early, self._late = load_intents()
        self._wording = Wording(seed)
        self._faq: tuple[int, dict[str, Retriever]] = (0, {})
        self.viewers = Viewers()

    def reply(self, question: Question) -> Answer:
        """Return the answer; it has no sentences when the message is better left alone.

        What is asked together is answered in as few sentences; to be called in an event loop.
        """
        asked = [self.carried(one) for one in (question, *question.together)]
        told = [self._told(one, self.understand(one)) for one in asked]
        meaning = told[0].meaning
        told = [one for one in told if one.meaning.intent != "abuse"]
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
        before = self.viewers.open_of(question.user, self._now())
        if before is None or question.about:
            return question
        if not self.awaits(question.user, question.text):
            return question
        about = which(question.text, self._catalog.products.values(), question.product)
        return replace(question, text=before[0], of=before[1], about=about)

    def awaits(self, user: str, text: str) -> bool:
        """Return whether a message is what its viewer was asked back for."""
        products = self._catalog.products.values()
        any_product = next(iter(products), None)
        asked = self.viewers.open_of(user, self._now())
        return asked is not None and which(text, products, any_product) is not None

    def variants(self, question: Question, count: int) -> Iterator[list[str]]:
        """Yield the answers that come first to a question: `count` whole ones, as many short."""
        told = self._told(question, self.understand(question))
        for again in (False, True):
            for _ in range(count):
                yield self._worded(told, again, again)

    async def close(self) -> None:
        """Do nothing: the catalog is not ours."""

    def understand(self, question: Question) -> Meaning:
        """Return what a message means, without answering it."""
        text = fold(question.text[:500]).text
        body = body_of(text)
        product = self._about(question, text, body)
        intent, faq = self._intent(text, product, body, question.of)
        if intent == "unknown" and product and (fact := self._fact(text, product)):
            return self._remembered(question, Meaning("fact", product, body, fact))
        if intent == "faq" and faq is not None:
            return self._remembered(question, Meaning(intent, faq[0], body, faq[1]))
        if intent == "comparison":
            return self._compared(question, text, Meaning(intent, product, body))
        return self._remembered(question, Meaning(intent, product, body))

    def _about(self, question: Question, text: str, body: Body) -> Product | None:
        """Return the product that is named, was asked about earlier, or is on the card."""
        products = self._catalog.products
        if named := question.about or product_of(text, products.values()):
            return named
        viewer = self.viewers.of(question.user, self._now())
        if viewer and viewer.product in products and _EARLIER.search(text):
            return products[viewer.product]
        current = products.get(question.product.id) if question.product else None
        current = current or question.product
        if body and not (current and current.size) and is_measure(text, body):
            return self._sized(viewer) or current
        return current

    def _sized(self, viewer: Viewer | None) -> Product | None:
        """Return the product that measures are for: the only one with sizes, or one asked about."""
        sized = [product for product in self._catalog.products.values() if product.size]
        asked = [product for product in sized if viewer and product.id == viewer.product]
        return next(iter(asked or sized), None) if len(asked or sized) == 1 else None

    def _remembered(self, question: Question, meaning: Meaning) -> Meaning:
        """Remember who asked what; return the meaning with the measures that are known."""
        if meaning.intent == "forget_me":
            self.viewers.forget(question.user)
            return meaning
        if meaning.intent in _FORGOTTEN or not question.user:
            return meaning
        self.viewers.note(
            question.user,
            self._now(),
            body=meaning.body,
            product=meaning.product.id if meaning.product else "",
            asked=(question.text[:120], meaning.intent),
            message=question.message,
        )
        viewer = self.viewers.of(question.user, self._now())
        known = merged(meaning.body, viewer.body) if viewer else meaning.body
        return replace(meaning, body=known) if meaning.intent == "size" else meaning

    def _compared(self, question: Question, text: str, meaning: Meaning) -> Meaning:
        """Return a comparison with both products that the question names."""
        named = named_in(text, self._catalog.products.values())
        current = question.product
        if len(named) == 1 and current and current.id != named[0].id:
            named.insert(0, current)
        if len(named) < 2:
            return self._remembered(question, meaning)
        meaning = replace(meaning, product=named[0], other=named[1])
        return self._remembered(question, meaning)

    # --- what is meant --------------------------------------------------------------------------

    def _intent(
        self, text: str, product: Product | None, body: Body, of: str
    ) -> tuple[str, tuple[Product, str] | None]:
        """Return the intent, and the FAQ answer with its product for intent "faq"."""
        early = self._early.first(text)
        if early == "complaint" and of not in ("", "complaint"):
            early = self._early.first(text, but="complaint")
        if first := self._precaution(text, early, of):
            return first, None
        faq = self._best_faq(text, product)
        score = faq[2] if faq else 0.0
        detailed = product is not None and bool(detail(text, product))
        sized = of == "size" or (product is not None and bool(product.size))
        measured = is_measure(text, body) and sized
        choices: tuple[tuple[bool, str], ...] = (
            (score >= SURE, "faq"),
            (measured, "size"),
            (of == "comparison" and len(self._named(text)) > 1, "comparison"),
            (early is not None, early or ""),
            (score >= RATHER and of not in _NO_QUESTION, "faq"),
            (detailed, "quality"),
            (score >= LIKELY and of not in _NO_QUESTION, "faq"),
            (of == "comparison", "comparison"),
        )
        intent = next((name for holds, name in choices if holds), None)
        intent = intent or self._late.first(text) or ("unknown" if asks(text) else "offtopic")
        if intent in _VAGUE:
            intent = _OF_CLASS.get(of, intent)
        return intent, faq[:2] if faq and intent == "faq" else None

    def _named(self, text: str) -> list[Product]:
        return named_in(text, self._catalog.products.values())

    def _precaution(self, text: str, early: str | None, of: str) -> str | None:
        """Return an intent that goes before everything that the card could answer."""
        if category := self._gate.check_shown(text, most=500).category:
            return "abuse" if category in _SILENT else "contact"
        if of in _KNOWN_BETTER:
            return of
        if early in _FIRST:
            return early
        return "no_link" if names_no_link(text, self._catalog.products.values()) else None

    def _best_faq(self, text: str, product: Product | None) -> tuple[Product, str, float] | None:
        """Return the best entry of the product at hand, or a surely better one of another."""
        best: tuple[Product, str, float] | None = None
        for other in self._catalog.products.values():
            index = self._retriever(other)
            asked = (index.best(text), index.best(without_names(text, other)))
            found = max((f for f in asked if f), key=lambda f: f.score, default=None)
            if found is None:
                continue
            own = product is not None and other.id == product.id
            score = found.score if own else found.score - _FOREIGN
            if product is not None and not own and score < SURE:
                continue
            if best is None or score > best[2]:
                best = (other, other.faq[found.index].answer, score)
        return best

    def _fact(self, text: str, product: Product) -> str | None:
        """Return what the card says about the words of a question that no rule knows."""
        facts = [*product.selling_points, *(f"{n}是{v}" for n, v in product.details.items())]
        facts += [faq.answer for faq in product.faq]
        facts += [t for t in (product.usage, product.authenticity, product.warranty) if t]
        facts += [product.returns.text] if product.returns else []
        return Facts(facts).best(without_names(text, product))

    def _retriever(self, product: Product) -> Retriever:
        if self._faq[0] != self._catalog.version:
            self._faq = (self._catalog.version, {})
        found = self._faq[1].get(product.id)
        if found is None:
            found = self._faq[1][product.id] = Retriever([faq.ask for faq in product.faq])
        return found

    # --- what is said ---------------------------------------------------------------------------

    def _told(self, question: Question, meaning: Meaning) -> Told:
        """Return what is to be told, with the slots that the card fills now."""
        text = fold(question.text[:500]).text
        language = "en" if is_english(question.text) else self.language
        slots = slots_of(meaning.product, self._now(), language)
        slots["names"] = "、".join(p.name for p in self._catalog.products.values())
        if meaning.product is None:
            slots |= self._of_all(language)
        key = "faq"
        if meaning.intent not in ("faq", "fact"):
            key = situation(meaning, text, slots, language)
        if "short" not in slots and question.product:
            product = question.product
            slots["short"] = next(iter(product.aliases), product.name)
        return Told(question, meaning, key, slots, language)

    def _of_all(self, language: str) -> Slots:
        """Return prices and stocks of all products, when they are few enough to be said."""
        products = list(self._catalog.products.values())
        if len(products) > FEW:
            return {}
        cards = [slots_of(product, self._now(), language) for product in products]
        prices = [f"{card['short']}{card['price']}" for card in cards]
        stocks = [f"{card['short']}库存{card['stock']}" for card in cards if "stock" in card]
        return {"prices": "，".join(prices), "stocks": "，".join(stocks)}

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
        again = again and told.key not in UNREPEATED
        return self._addressed(told, self._worded(told, again, again or question.waiting >= SOME))

    def _worded(self, told: Told, again: bool, short: bool) -> list[str]:
        words = self._wording
        if told.key == "faq":
            return words.about(told.meaning.faq, "faq", told.language, again)
        sentences: list[str] = []
        if short:
            sentences = words.brief(told.key, told.slots, told.language, again)
        sentences = sentences or words.full(told.key, told.slots, told.language)
        return sentences or words.full("unknown", told.slots, told.language)

    def _addressed(self, told: Told, sentences: list[str]) -> list[str]:
        """Turn to the viewer by name, when it may be said and there is time for it."""
        question = told.question
        sentences = naming(sentences, question, told.meaning.product)
        nick = question.nickname
        if not (sentences and nick and len(nick) <= NICK and question.waiting < MANY):
            return sentences
        if told.key in _CALLED or question.waiting >= SOME:
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
