"""From a meaning to what is told: the situation, its slots, and the language that has them all.

In:  a question understood, the catalog in force.   Out: `Told`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from livehost.brain.catalog import Catalog
from livehost.brain.gate.fold import fold
from livehost.brain.reply.all_products import bundle, choices, names, of_all, points
from livehost.brain.reply.answer import Question
from livehost.brain.reply.facts import Slots, said_in, short_of, slots_of
from livehost.brain.reply.situation import Meaning, situation
from livehost.brain.reply.together import Told
from livehost.brain.reply.understand import TROUBLES, is_english
from livehost.brain.reply.wording import fits

_STORED = {"faq": "faq", "fact": "faq", "show_faq": "show_faq"}
"""Intents whose answer stands on a card or in the room file."""
_WELL = {"zh": "我这边播出是正常的", "en": "all is well at this end"}


class Teller:
    """Decides what is told.

    Args:
        language: of the room; what English does not have is told in it.
        now: the wall clock, timezone-aware.
        host: her name by language; "" is not said.
        well: whether sound and picture leave this machine as they should.
    """

    def __init__(
        self,
        catalog: Catalog,
        language: str,
        now: Callable[[], datetime],
        host: Mapping[str, str],
        well: Callable[[], bool],
    ) -> None:
        self._catalog = catalog
        self._language = language
        self._now = now
        self._host = host
        self._well = well

    def told(self, asked: list[tuple[Question, Meaning]]) -> list[Told]:
        """Return what is to be told to all, in one language."""
        told = [self._told(question, meaning) for question, meaning in asked]
        if len({one.language for one in told}) < 2:
            return told
        return [self._in(self._language, question, meaning) for question, meaning in asked]

    def _told(self, question: Question, meaning: Meaning) -> Told:
        if self._language != "en" and is_english(question.text):
            told = self._in("en", question, meaning)
            if self._sayable(told):
                return told
        return self._in(self._language, question, meaning)

    def _in(self, language: str, question: Question, meaning: Meaning) -> Told:
        """Return what is told in a language, with the slots that the card fills now."""
        text, product = fold(question.text[:500]).text, meaning.product
        slots = slots_of(product, self._now(), language) | self._of_the_room(meaning, language)
        if meaning.intent in _STORED:
            said = said_in(meaning.faq, product, language) if product else meaning.faq
            return Told(question, meaning, _STORED[meaning.intent], slots, language, said)
        key = situation(meaning, text, slots, language)
        if meaning.intent in ("price", "discount"):
            products = list(self._catalog.products.values())
            together, more = bundle(text, products, self._now(), language)
            key, slots = together or key, slots | more
        if key == "no_product":
            products = list(self._catalog.products.values())
            found, more = of_all(meaning.intent, text, products, self._now(), language)
            key, slots = found or key, slots | more
        if "short" not in slots and question.product:
            slots["short"] = short_of(question.product, language)
        return Told(question, meaning, key, slots, language)

    def _of_the_room(self, meaning: Meaning, language: str) -> Slots:
        products = list(self._catalog.products.values())
        slots = {"names": names(products, language), "host": self._host.get(language, "")}
        if meaning.intent in TROUBLES and self._well():
            slots["well"] = _WELL[language]
        if meaning.intent == "comparison":
            two = [p for p in (meaning.product, meaning.other) if p and meaning.other]
            slots["points"] = points(products, language)
            slots["choices"] = choices(two or products, language)
        return slots

    def _sayable(self, told: Told) -> bool:
        """Return whether the language of what is told has everything that it needs."""
        product, shown = told.meaning.product, told.question.product
        foreign = product is not None and (shown is None or shown.id != product.id)
        if foreign and not told.slots.get("short"):
            return False
        if told.stored:
            return not re.search("[\u4e00-\u9fff]", told.stored)
        return not told.is_stored and fits(told.key, told.slots, told.language)
