"""Answer from the product card alone: rules, retrieval and templates; nothing is made up.

In:  `Question`, the catalog in force.   Out: `Answer` with its intent; "not on the card" otherwise.
"""

from __future__ import annotations

import functools
import random
import re
import tomllib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from livehost.brain.catalog import Catalog
from livehost.brain.gate import Gate
from livehost.brain.gate.fold import fold
from livehost.brain.product import Product
from livehost.brain.reply.answer import Answer, Question
from livehost.brain.reply.facts import REGION, Slots, slots_of
from livehost.brain.reply.memory import Viewers, merged
from livehost.brain.reply.retrieve import Retriever
from livehost.brain.reply.understand import (
    Body,
    asks,
    body_of,
    is_english,
    load_intents,
    names_no_link,
    product_of,
)
from livehost.brain.sentences import split

SURE = 0.75
"""FAQ score from which it goes before every rule."""
LIKELY = 0.42
"""FAQ score below which the card is said not to know."""
_FOREIGN = 0.2
"""Taken off the score of another product than the one being asked about."""

_SILENT = frozenset({"abuse", "politics", "minors"})
"""Categories of the gate that are better left alone."""
_PERSONAL = frozenset(
    {"no_link", "identity", "complaint", "greeting", "praise", "thanks", "forget_me"}
)
_FORGOTTEN = frozenset({"abuse", "injection", "contact", "offtopic"})
"""Intents that leave no trace in what is remembered of a viewer."""
_EARLIER = re.compile(
    r"刚才|刚刚|之前|前面|上一?个|我(?:问|说)的那"
    r"|\b(?:earlier|before|i asked|the last one|that one)\b"
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A message understood.

    Attributes:
        intent: what it asks for.
        product: what it is about; None when nothing is on the card and none is named.
        faq: the stored answer, for intent "faq".
    """

    intent: str
    product: Product | None
    body: Body
    faq: str = ""


class Variants:
    """Choose among templates without repeating one before the others had their turn."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._left: dict[str, list[str]] = {}
        self._last: dict[str, str] = {}

    def pick(self, key: str, templates: list[str]) -> str:
        """Return one of `templates`; the same calls in the same order give the same answers."""
        left = [t for t in self._left.get(key, []) if t in templates]
        if not left:
            left = list(templates)
            self._random.shuffle(left)
            if left[-1] == self._last.get(key) and len(left) > 1:
                left[0], left[-1] = left[-1], left[0]
        self._last[key] = chosen = left.pop()
        self._left[key] = left
        return chosen


class GroundedReplier:
    """The engine that needs nothing but the catalog.

    Args:
        language: of the room; English questions are answered in English all the same.
        seed: of the choice among templates.
        now: the wall clock, timezone-aware.

    Attributes:
        viewers: what is remembered of those who asked.
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
        self._language = language
        self._now = now
        self._gate = Gate()
        self._early, self._late = load_intents()
        self._variants = Variants(seed)
        self._templates = _templates()
        self._faq: tuple[int, dict[str, Retriever]] = (0, {})
        self.viewers = Viewers()

    def reply(self, question: Question) -> Answer:
        """Return the answer; it has no sentences when the message is better left alone."""
        meaning = self.understand(question)
        sentences = [] if meaning.intent == "abuse" else self._compose(question, meaning)
        return Answer(_each(sentences), meaning.intent, meaning.product)

    async def close(self) -> None:
        """Do nothing: the catalog is not ours."""

    def understand(self, question: Question) -> Meaning:
        """Return what a message means, without answering it."""
        text = fold(question.text[:500]).text
        product, body = self._about(question, text), body_of(text)
        intent, faq = self._intent(text, product, body)
        if intent == "faq" and faq is not None:
            return self._remembered(question, Meaning(intent, faq[0], body, faq[1]))
        return self._remembered(question, Meaning(intent, product, body))

    def _about(self, question: Question, text: str) -> Product | None:
        """Return the product that is named, was asked about earlier, or is on the card."""
        products = self._catalog.products
        if named := product_of(text, products.values()):
            return named
        viewer = self.viewers.of(question.user, self._now())
        if viewer and viewer.product in products and _EARLIER.search(text):
            return products[viewer.product]
        current = products.get(question.product.id) if question.product else None
        return current or question.product

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

    # --- what is meant --------------------------------------------------------------------------

    def _intent(
        self, text: str, product: Product | None, body: Body
    ) -> tuple[str, tuple[Product, str] | None]:
        """Return the intent, and the FAQ answer with its product for intent "faq"."""
        early = self._early.first(text)
        if first := self._precaution(text, early):
            return first, None
        faq = self._best_faq(text, product)
        score = faq[2] if faq else 0.0
        detailed = product is not None and bool(_detail(text, product))
        choices: tuple[tuple[bool, str], ...] = (
            (score >= SURE, "faq"),
            (bool(body) and product is not None and bool(product.size), "size"),
            (early is not None, early or ""),
            (detailed, "quality"),
            (score >= LIKELY, "faq"),
        )
        intent = next((name for holds, name in choices if holds), None)
        intent = intent or self._late.first(text) or ("unknown" if asks(text) else "offtopic")
        return intent, faq[:2] if faq and intent == "faq" else None

    def _precaution(self, text: str, early: str | None) -> str | None:
        """Return an intent that goes before everything that the card could answer."""
        if category := self._gate.check_shown(text, most=500).category:
            return "abuse" if category in _SILENT else "contact"
        if early in ("injection", "forget_me", "identity", "complaint"):
            return early
        return "no_link" if names_no_link(text, self._catalog.products.values()) else None

    def _best_faq(self, text: str, product: Product | None) -> tuple[Product, str, float] | None:
        """Return the best entry of the product at hand, or a surely better one of another."""
        best: tuple[Product, str, float] | None = None
        for other in self._catalog.products.values():
            index = self._retriever(other)
            asked = (index.best(text), index.best(_without_names(text, other)))
            found = max((f for f in asked if f), key=lambda f: f.score, default=None)
            if found is None:
                continue
            own = product is not None and other.id == product.id
            score = found.score if own else found.score - _FOREIGN
            if best is None or score > best[2]:
                best = (other, other.faq[found.index].answer, score)
        return best

    def _retriever(self, product: Product) -> Retriever:
        if self._faq[0] != self._catalog.version:
            self._faq = (self._catalog.version, {})
        found = self._faq[1].get(product.id)
        if found is None:
            found = self._faq[1][product.id] = Retriever([faq.ask for faq in product.faq])
        return found

    # --- what is said ---------------------------------------------------------------------------

    def _compose(self, question: Question, meaning: Meaning) -> list[str]:
        product = meaning.product
        text = fold(question.text[:500]).text
        language = "en" if is_english(question.text) else self._language
        slots = slots_of(product, self._now(), language)
        slots["names"] = "、".join(p.name for p in self._catalog.products.values())
        if meaning.intent == "faq":
            return _naming(split(meaning.faq), question, product)
        key = _situation(meaning, text, slots, language)
        said = self._say(key, slots, language) or self._say("unknown", slots, language)
        return _naming(split(said), question, product)

    def _say(self, key: str, slots: Slots, language: str) -> str:
        fitting = [t for t in self._templates[language][key] if _filled(t, slots)]
        if not fitting:
            return ""
        return self._variants.pick(f"{language}.{key}", fitting).format_map(slots)


def _naming(sentences: list[str], question: Question, product: Product | None) -> list[str]:
    """Put the product's name before figures when another product is on the card.

    Otherwise viewers, and the gate, would take them for figures of the product they see.
    """
    shown = question.product
    if product is None or (shown and shown.id == product.id):
        return sentences
    short = next(iter(product.aliases), product.name)
    return [_named(s, short if n else product.name, product) for n, s in enumerate(sentences)]


def _named(sentence: str, name: str, product: Product) -> str:
    figure = re.search(r"\d", sentence.replace(product.name, "名" * len(product.name)))
    if not figure or any(0 <= sentence.find(n) < figure.start() for n in product.names()):
        return sentence
    return f"{name}，{sentence}"


def _situation(meaning: Meaning, text: str, slots: Slots, language: str) -> str:
    """Return the key of the templates for a meaning; may add slots that they need."""
    intent, product = meaning.intent, meaning.product
    if intent in ("injection", "offtopic"):
        return "offtopic"
    if intent in _PERSONAL or intent in ("contact", "unknown"):
        return intent
    if product is None:
        return "no_product"
    match intent:
        case "size":
            key = _size(product, meaning.body, slots, language)
        case "compared":
            key = "compared" if "compared" in slots else "no_compared"
        case "discount":
            key = "discount" if "promo" in slots else "no_discount"
        case "stock":
            key = "sold_out" if product.stock == 0 else "stock"
        case "shipping_fee":
            key = "free" if product.delivery.free else "fee"
        case "delivery":
            key = _region(product, text, slots)
        case "colours":
            key = _colour(product, text)
        case _:
            key = intent
    if intent == "quality":
        slots["detail"] = _detail(text, product) or slots.get("details", "")
    return key


def _size(product: Product, body: Body, slots: Slots, language: str) -> str:
    if not product.size:
        return "sizes" if product.values("size") else "size_no_table"
    if not body:
        return "size_ask"
    height, weight = body.height_cm, body.weight_jin
    slots["body"] = body.said(language)
    rows = [row.name for row in product.size if row.fits(height, weight)]
    if height is None or weight is None:
        slots["sizes"] = "码、".join(rows) if language == "zh" else " or ".join(rows)
        missing = ("身高", "体重") if language == "zh" else ("height", "weight")
        slots["missing"] = missing[0] if height is None else missing[1]
        return "size_half" if rows else "size_none"
    if rows:
        slots["size"], slots["other"] = rows[0], rows[-1]
        return "size" if len(rows) == 1 else "size_two"
    tall = [row.name for row in product.size if row.fits(height, None)]
    heavy = [row.name for row in product.size if row.fits(None, weight)]
    if not tall or not heavy:
        return "size_none"
    slots["size"], slots["other"] = tall[0], heavy[-1]
    return "size_split"


def _region(product: Product, text: str, slots: Slots) -> str:
    region = REGION.search(text)
    if region is None:
        return "delivery"
    slots["region"] = region[0]
    excluded = product.delivery.excluded
    if any(region[0] in name or name in region[0] for name in excluded):
        return "region_no"
    return "region_yes" if excluded else "region_open"


def _colour(product: Product, text: str) -> str:
    if not product.values("colour"):
        return "variants"
    asked = re.search("([红黑白蓝绿黄紫粉灰橙棕咖米])色", text)
    known = "".join(product.values("colour"))
    return "colour_missing" if asked and asked[1] not in known else "colours"


def _detail(text: str, product: Product) -> str:
    """Return the facts of the card that the question names, or asks for by their unit."""
    asked = _without_names(text, product)
    asked += "".join(f"，{name}" for words, name in _ASKED_BY_UNIT if re.search(words, asked))
    found = [(n, v) for n, v in product.details.items() if _shares(n, asked)]
    return "，".join(f"{name}是{value}" for name, value in found[:2])


_ASKED_BY_UNIT = (
    ("毫升|多大容量|装多少|能装|几升", "容量"),
    ("多重|几斤|多少克|重不重|沉不沉", "杯重重量净重"),
    ("多长|多高|多宽|几厘米|多大尺寸", "尺寸"),
    ("什么做的|啥做的|什么料", "材质"),
)


def _shares(name: str, text: str) -> bool:
    return any(name[n : n + 2] in text for n in range(len(name) - 1))


def _without_names(text: str, product: Product) -> str:
    for name in product.names():
        text = text.replace(fold(name).text, "")
    return text


_SLOT = re.compile(r"\{(\w+)\}")


def _filled(template: str, slots: Slots) -> bool:
    return all(slots.get(name) for name in _SLOT.findall(template))


@functools.cache
def _templates() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(Path(__file__).with_name("templates.toml").read_text("utf-8"))


async def _each(sentences: list[str]) -> AsyncGenerator[str, None]:
    for sentence in sentences:
        yield sentence
