"""What can be said of a show and of each product: the values of the <slots> of the beats.

In:  cards, keywords, language.   Out: slots; what a card does not say is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from livehost.brain.product import Product
from livehost.studio.beats import kind_of
from livehost.studio.intake import words_of

Entry = Mapping[str, str]
_STOPS = "。！？.!?"
_QUOTED = ("usage", "warranty", "authenticity", "returns", "delivery")


@dataclass(frozen=True, slots=True)
class Material:
    """Slots of a show or of one product.

    Attributes:
        has: names of slots that are filled on air.
        one: slots with one value.
        many: lists of entries; an entry fills several slots at once.
    """

    has: frozenset[str] = frozenset()
    one: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)

    def fills(self, name: str) -> bool:
        """Return whether a slot has a value."""
        return name in self.has or bool(self.one.get(name)) or bool(self.many.get(name))


def of_show(products: list[Product], keywords: list[str], language: str) -> Material:
    """Return what can be said of a show as a whole."""
    names = ("、" if language == "zh" else ", ").join(product.name for product in products)
    one = {"only": names} if len(products) == 1 else {"all": names}
    return Material(one=one, many={"keyword": tuple({"keyword": k} for k in keywords)})


def of_product(product: Product, now: datetime, language: str) -> Material:
    """Return what can be said of one product."""
    kind = kind_of(product.name, words_of(product))
    many: dict[str, tuple[Entry, ...]] = {
        "point": tuple({"point": text} for text in product.selling_points),
        "detail": tuple(_details(product)),
        "ask": tuple(_asked(product, language)),
        "offer": tuple({"offer": o.id} for o in product.promotion if now < o.end),
    }
    if language == "zh":
        for key in ("hook", "scene", "chat"):
            many[key] = tuple({key: text} for text in getattr(kind, key))
    else:
        many["hook"] = tuple({"hook": text} for text in _ENGLISH_HOOKS)
    return Material(frozenset(_has(product, language)), _one(product, language), many)


_ENGLISH_HOOKS = (
    "When did you last buy something that you still use every day?",
    "Are you the kind who orders at once, or the kind who reads everything first?",
    "Here is a question for you: what do you look at first, the price or the details?",
)


def _has(product: Product, language: str) -> Iterator[str]:
    """Yield the slots that are filled on air, see `livehost.brain.script`."""
    yield "name"
    yield from (("compared", "basis", "saving") if product.compared else ("plain",))
    for key in ("warranty", "usage", "authenticity"):
        if getattr(product, key):
            yield key
    if product.returns:
        yield "returns"
    if product.delivery.said(language):
        yield "delivery"
    if product.values("colour"):
        yield "colours"
    if product.values("size"):
        yield "sizes"
    if product.pictures:
        yield "picture"
    if len(product.pictures) > 1:
        yield "picture2"


def _one(product: Product, language: str) -> dict[str, str]:
    others = [v for v in product.variant if v.kind == "other"]
    one = {
        "linked": f"{product.link}号链接，" if product.link else "",
        "basket": f"{product.link}号链接" if product.link else "屏幕上的商品卡",
        "usage": product.usage or "",
    }
    if others:
        comma = "、" if language == "zh" else ", "
        one |= {"specname": others[0].name, "specs": comma.join(others[0].values)}
    return one


def _details(product: Product) -> Iterator[Entry]:
    """Yield details that no selling point has said already."""
    said = "\n".join(product.selling_points)
    for name, value in product.details.items():
        if value not in said:
            yield {"detail": name, "value": value}


def _asked(product: Product, language: str) -> Iterator[Entry]:
    stop = "。" if language == "zh" else "."
    for faq in product.faq:
        answer = faq.answer if faq.answer[-1] in _STOPS else faq.answer + stop
        yield {"ask": faq.ask[0].strip().rstrip("?？。"), "answer": answer}
