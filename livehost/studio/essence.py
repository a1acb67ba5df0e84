"""What a sentence says, apart from how it says it: no other wording may change that.

In:  two wordings, the words of the product card.   Out: what differs, in words; "" for nothing.

Figures are read by the gate's own reader, so that a wording means to the gate what the first one
did. Negations are counted by character: a wording that needs another "不" is another statement.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import Quantity, quantities
from livehost.brain.gate.topics import topics_of
from livehost.brain.product import Product

_SLOT = re.compile(r"\{\w+\}")
_NO = re.compile(
    r"[不没无别未非勿莫]|\b(?:not?|never|none|nothing|without|cannot|can't|don't|won't|isn't|aren't"
    r"|doesn't|didn't|nor|neither|hardly|barely)\b"
)
_CONDITION = re.compile(
    "如果|要是|假如|只要|除非|只有|的话|检测|以内|之内|以上|以下|以后|之前|大约|左右|约|最多|至少|一般|可能|也许|建议|部分|仅|限"
    "|需要|必须|应该|全部|只"
    r"|\b(?:if|unless|until|about|around|approximately|up to|at least|at most|only|usually|may"
    r"|might|must|should|all|every|some|most|when|before|after|within)\b"
)
_SOFT = frozenset({"negations", "conditions"})
_IDLE_COUNT = 1
"""一下, 一句, 一个: no figure of the card."""


def differs(before: str, after: str, terms: Iterable[str] = (), firm: bool = False) -> str:
    """Return what two wordings do not have in common; "" when they say the same.

    Args:
        terms: words of the card (`terms_of`); both wordings must hold the same of them.
        firm: compare only what a free retelling keeps too: all but negations and conditions.
    """
    given = tuple(terms)
    parts: tuple[tuple[str, Callable[[str], Counter[str]]], ...] = (
        ("slots", lambda text: Counter(_SLOT.findall(text))),
        ("figures", _figures),
        ("negations", lambda text: Counter(m[0] for m in _NO.finditer(_folded(text)))),
        ("conditions", lambda text: Counter(m[0] for m in _CONDITION.finditer(_folded(text)))),
        ("names", lambda text: Counter(term for term in given if term in text)),
        ("claims", lambda text: Counter(dict.fromkeys(claims_in(text), 1))),
        ("topics", lambda text: Counter(dict.fromkeys(topics_of(_folded(text)), 1))),
    )
    for name, read in parts:
        if firm and name in _SOFT:
            continue
        one, other = read(before), read(after)
        if one != other:
            return f"{name}: {_list(one - other)} became {_list(other - one)}"
    return ""


def terms_of(products: Iterable[Product]) -> tuple[str, ...]:
    """Return the words of cards that must stay as they are: names, choices, short facts."""
    found: dict[str, None] = {}
    for product in products:
        facts = (*product.details.keys(), *product.details.values(), *product.tags)
        choices = (value for variant in product.variant for value in variant.values)
        places = (*product.delivery.excluded, product.delivery.ship_from or "")
        for term in (*product.names(), *choices, *facts, *places):
            if 1 < len(term) <= 16:
                found[term] = None
    return tuple(found)


def claims_in(text: str) -> list[str]:
    """Return the words of `text` that claim something about a product, in their order."""
    return list(dict.fromkeys(m[0] for m in _claims().finditer(_folded(text))))


def unbacked_claim(text: str, card: str) -> str:
    """Return the first claim of `text` that the texts of the card do not hold, "" for none."""
    known = _folded(card)
    return next((claim for claim in claims_in(text) if claim not in known), "")


def card_text(products: Iterable[Product]) -> str:
    """Return everything that cards say, for `unbacked_claim`; offers whether on or not."""
    return "\n".join(line for product in products for line in _lines(product))


def _lines(product: Product) -> Iterable[str]:
    moments = [offer.start for offer in product.promotion]
    if moments:
        for moment in moments:
            yield from product.facts(moment)
    else:
        yield from (product.name, *product.aliases, *product.tags, *product.selling_points)
        yield from (f"{name}{value}" for name, value in product.details.items())
        yield from (value for variant in product.variant for value in variant.values)
        yield from (faq.answer for faq in product.faq)
        yield from (text for text in (product.usage, product.authenticity) if text)
        yield from (text for text in (product.warranty, product.basis) if text)
    yield from (ask for faq in product.faq for ask in faq.ask)
    yield product.delivery.said("zh")
    yield product.delivery.said("en")
    yield product.returns.text if product.returns else ""


def _figures(text: str) -> Counter[str]:
    found = quantities(_folded(_SLOT.sub(" ", text)))
    return Counter(_figure(quantity) for quantity in found if not _idle(quantity))


def _figure(quantity: Quantity) -> str:
    exact = quantity.value is not None
    return f"{quantity.value.normalize():f} {quantity.dim}" if exact else quantity.text  # type: ignore[union-attr]


def _idle(quantity: Quantity) -> bool:
    counted = quantity.dim == "" or quantity.dim.startswith("count")
    return counted and quantity.value == _IDLE_COUNT and quantity.text[0] in "一1o"


def _folded(text: str) -> str:
    return fold(text).text


def _list(counted: Counter[str]) -> str:
    return ", ".join(sorted(counted.elements())) or "nothing"


@functools.cache
def _claims() -> re.Pattern[str]:
    words = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))["words"]
    longest = sorted(words, key=len, reverse=True)
    return re.compile(
        "|".join(rf"\b{re.escape(w)}\b" if w.isascii() else re.escape(w) for w in longest)
    )
