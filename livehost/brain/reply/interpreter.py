"""Understand a message: what it asks for, about which product, with which measures.

In:  `Question`, the catalog in force, what was said before.   Out: `Meaning`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from livehost.brain.catalog import Catalog
from livehost.brain.gate import Gate
from livehost.brain.gate.fold import fold
from livehost.brain.product import Product
from livehost.brain.reply.answer import Question
from livehost.brain.reply.cards import LIKELY, RATHER, SURE, Cards, Stored
from livehost.brain.reply.memory import Viewer, Viewers, merged
from livehost.brain.reply.pieces import closed
from livehost.brain.reply.retrieve import Retriever, plain_of
from livehost.brain.reply.situation import (
    Meaning,
    detail,
    is_which,
    named_in,
    without_names,
)
from livehost.brain.reply.topics import Topic, topics_of, without_features
from livehost.brain.reply.understand import (
    TROUBLES,
    Body,
    asks,
    body_of,
    is_measure,
    load_intents,
    names_no_link,
    product_of,
)
from livehost.config import ShowFaq

_SILENT = frozenset({"abuse", "politics", "minors"})
"""Categories of the gate that are better left alone."""
_FORGOTTEN = frozenset({"abuse", "injection", "contact", "offtopic"})
"""Intents that leave no trace in what is remembered of a viewer."""
_FIRST = TROUBLES | {"injection", "forget_me", "name", "identity", "complaint"}
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
    "size": "size",
    "offtopic": "offtopic",
}
_ITSELF = 0.95
"""FAQ score from which a comment of several pieces is one question."""
_IDLE = frozenset({"greeting", "praise", "offtopic"})
"""Classes of messages that ask for nothing, unless they read like a question."""
_NO_QUESTION = frozenset({"greeting", "praise"})
"""Classes that ask for nothing on the card."""
_OTHER_MEASURES = re.compile("[胸腰臀领]围|肩宽|[衣袖裤裙]长|尺寸|chest|waist|shoulder|sleeve")
"""What a size table by height and weight does not tell."""
_GIVES_WAY = frozenset({"colours"})
"""Intents whose words also stand in other questions that the card knows: "白色透吗"."""
_ONLY = frozenset({"quality", "usage", "warranty", "authenticity", "intro", "unknown"})
"""Intents that the only product whose card knows the words answers, when none is named."""
_OF_THE_SHOW = frozenset({"", "other", "offtopic"})
"""Classes of which a question may be about the show where the words alone are not sure."""
_EARLIER = re.compile(
    r"刚才|刚刚|之前|前面|上一?个|我(?:问|说)的那"
    r"|\b(?:earlier|before|i asked|the last one|that one)\b"
)


_FIT = re.compile("能|可以|适合|合适|\\bcan\\b|\\bok\\b")


def _of_a_product(text: str, topics: Sequence[Topic]) -> bool:
    """Return whether a message asks about something that a card may tell: no girlfriend is that."""
    return any(not topic.who or _FIT.search(text) for topic in topics) and asks(text)


class Interpreter:
    """Understands messages and remembers who asked what.

    Args:
        now: the wall clock, timezone-aware.
        faq: questions about the show, with the room's answers.

    Attributes:
        viewers: what is remembered of those who asked.
    """

    def __init__(
        self, catalog: Catalog, now: Callable[[], datetime], faq: Sequence[ShowFaq] = ()
    ) -> None:
        self._catalog = catalog
        self._now = now
        self._gate = Gate()
        self._early, self._late = load_intents()
        self._cards = Cards(catalog)
        self._faq = faq
        self._show = Retriever([entry.ask for entry in faq])
        self.viewers = Viewers()

    def understand(self, question: Question) -> Meaning:
        """Return what a message means, without answering it."""
        return self._remembered(question, self.meaning(question))

    def meaning(self, question: Question) -> Meaning:
        """Return the same, remembering nothing."""
        text = closed(fold(question.text[:500]).text)
        body = body_of(text)
        product = self._about(question, text, body)
        topics = topics_of(without_names(text, product) if product else text)
        intent, stored = self._intent(text, product, body, question.of, topics)
        meaning = Meaning(intent, product, body, topic=topics[0] if topics else None)
        if intent in ("faq", "show_faq") and stored:
            about = product if intent == "show_faq" else stored.product
            meaning = Meaning(intent, about, body, stored.text, alone=stored.alone)
        elif intent == "comparison":
            meaning = self._compared(question, text, meaning)
        elif intent == "unknown" and product and not topics and self._cards.fact(text, product):
            meaning = Meaning("fact", product, body, self._cards.fact(text, product) or "")
        elif product is None:
            meaning = self._of_the_only_one(text, meaning, topics)
        elif intent == "unknown" and topics and all(topic.moves for topic in topics):
            found = self._cards.only_on(topics, text)
            if found:
                return Meaning("fact", found.product, body, found.text, alone=True)
        return meaning

    def sure(self, question: Question) -> bool:
        """Return whether the whole of a question stands in an FAQ as it is."""
        text = closed(fold(question.text[:500]).text)
        product = self._about(question, text, Body())
        faq = self._cards.stored(text, product)
        return faq is not None and faq.score >= _ITSELF

    def _of_the_only_one(self, text: str, meaning: Meaning, topics: Sequence[Topic]) -> Meaning:
        """Return the meaning with the product that it can only be about, when none is named."""
        if meaning.intent in ("size", "sizes"):
            return replace(meaning, product=self._sized(None))
        if meaning.intent == "discount":
            products = self._catalog.products.values()
            offered = [p for p in products if p.offers(self._now())]
            return (
                replace(meaning, product=offered[0], alone=True) if len(offered) == 1 else meaning
            )
        if meaning.intent not in _ONLY:
            return meaning
        if found := self._cards.only(text) or self._cards.only_on(topics, text):
            return Meaning("fact", found.product, meaning.body, found.text)
        return meaning

    def _about(self, question: Question, text: str, body: Body) -> Product | None:
        """Return the product that is named, was asked about earlier, or is on the card."""
        products = self._catalog.products
        if named := question.about or product_of(without_features(text), products.values()):
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
        if len(named) > 1:
            return replace(meaning, product=named[0], other=named[1])
        which = is_which(text) and not named
        if which and (found := self._cards.only(text)):
            return Meaning("fact", found.product, meaning.body, found.text, alone=True)
        return meaning

    # --- what is meant --------------------------------------------------------------------------

    def _intent(
        self,
        text: str,
        product: Product | None,
        body: Body,
        of: str,
        topics: Sequence[Topic],
    ) -> tuple[str, Stored | None]:
        """Return the intent, and the stored answer for the intents "faq" and "show_faq"."""
        early = self._early.first(text)
        if early == "complaint" and of not in ("", "complaint"):
            early = self._early.first(text, but="complaint")
        if first := self._precaution(text, early, of):
            return first, None
        if ahead := tuple(topic for topic in topics if topic.first):
            return self._before_the_rules(ahead, text, product)
        faq = self._cards.stored(text, product)
        score = faq.score if faq else 0.0
        vague = early is None and of in _OF_THE_SHOW
        if shown := self._of_the_show(text, max(score, LIKELY if vague else SURE)):
            return "show_faq", shown
        known = product if of not in _IDLE or _of_a_product(text, topics) else None
        named = self._cards.on_topic(topics, known, text) if topics and known else None
        if named and early in _GIVES_WAY:
            early = None
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
            (named is not None and of not in _NO_QUESTION, "topic"),
            (score >= LIKELY and of not in _NO_QUESTION and not topics, "faq"),
            (of == "comparison", "comparison"),
        )
        intent = next((name for holds, name in choices if holds), None)
        if intent == "topic":
            return "faq", named
        intent = intent or self._late.first(text)
        intent = intent or ("unknown" if asks(text) else "offtopic")
        if intent == "greeting" and of not in _IDLE | {""} and asks(text):
            intent = "unknown"  # "早上装的水中午还热吗"
        if intent in ("unknown", "offtopic") and _of_a_product(text, topics):
            return "unknown", None
        if intent in _VAGUE and not (of == "size" and _OTHER_MEASURES.search(text)):
            intent = _OF_CLASS.get(of, intent)
        return intent, faq if intent == "faq" else None

    def _before_the_rules(
        self, topics: Sequence[Topic], text: str, product: Product | None
    ) -> tuple[str, Stored | None]:
        """Return what the card or the room says of topics that only look like other questions."""
        if product and (found := self._cards.on_topic(topics, product, text)):
            return "faq", found
        if product is None and (found := self._cards.only_on(topics, text)):
            return "faq", found
        for entry in self._faq:
            if any(topics[0].known.search(plain_of(ask)) for ask in entry.ask):
                return "show_faq", Stored(None, entry.answer)
        return "unknown", None

    def _of_the_show(self, text: str, score: float) -> Stored | None:
        """Return the answer of the room file, when it fits at least as well as `score`."""
        found = self._show.best(text) if self._faq else None
        if found is None or found.score < score:
            return None
        return Stored(None, self._faq[found.index].answer, found.score)

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
