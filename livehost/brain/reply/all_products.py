"""What can be said when nobody knows which product is meant: what holds for all, or for one only.

In:  an intent, a folded text, the products in force.   Out: a situation of the wordings with slots.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from livehost.brain.product import Product, plain
from livehost.brain.reply.chosen import colour_asked
from livehost.brain.reply.facts import REGION, Slots, plain_point, said_in, short_of, slots_of
from livehost.brain.reply.situation import named_in, sends_to

FEW = 4
"""Products of which each is told something in one answer."""
ASK: tuple[str, Slots] = ("", {})
"""Nothing holds for all of them: ask which one is meant."""
Card = tuple[Product, Slots]


def of_all(
    intent: str, text: str, products: Sequence[Product], now: datetime, language: str
) -> tuple[str, Slots]:
    """Return the situation that answers for all products, with its slots; `ASK` when none does."""
    cards = [(product, slots_of(product, now, language)) for product in products]
    if not cards or len(cards) > FEW or not all("short" in slots for _, slots in cards):
        return ASK
    if intent == "discount":
        return _discount(cards, now, language)
    known = _BY_INTENT.get(intent)
    return known(cards, text, language) if known else ASK


def points(products: Sequence[Product], language: str) -> str:
    """Return a selling point of each product, "" when there are too many or one has none."""
    if len(products) > FEW:
        return ""
    said = [(short_of(p, language), plain_point(p, language)) for p in products]
    comma, stop = ("", "；") if language == "zh" else (": ", "; ")
    told = [f"{short}{comma}{point}" for short, point in said if short and point]
    return stop.join(told) if language == "zh" or len(told) == len(products) else ""


def choices(products: Sequence[Product], language: str) -> str:
    """Return which product is for what, "" when that does not tell them apart."""
    said = [(short_of(p, language), said_in(p.purpose or "", p, language)) for p in products]
    purposes = {purpose for _, purpose in said}
    if len(products) > FEW or len(purposes) < len(said) or not all(a and b for a, b in said):
        return ""
    if language == "zh":
        return "，".join(f"想{purpose}选{short}" for short, purpose in said)
    return ", ".join(f"for {purpose} take the {short}" for short, purpose in said)


def names(products: Sequence[Product], language: str) -> str:
    """Return the products as a list; "" when one has no name in the language."""
    said = [p.name if language == "zh" else short_of(p, language) for p in products]
    return ("、" if language == "zh" else ", ").join(said) if all(said) else ""


_EVERY = re.compile(
    r"[两二三四几][个款]都|全[买要拿部]|都[买要拿]|\ball (?:of them|three)|\bboth\b"
)
_BOTH = re.compile("一起|加起来|合起来|一共|打包|各[来拿要买]?一|together|" + _EVERY.pattern)


def bundle(
    text: str, products: Sequence[Product], now: datetime, language: str
) -> tuple[str, Slots]:
    """Return the situation that sums up products bought together; `ASK` when a text asks for none.

    Args:
        text: folded.
    """
    if not _BOTH.search(text):
        return ASK
    chosen = named_in(text, products)
    if len(chosen) < 2 and _EVERY.search(text) and len(products) <= FEW:
        chosen = list(products)
    cards = [(product, slots_of(product, now, language)) for product in chosen]
    if len(cards) < 2 or not all("short" in slots for _, slots in cards):
        return ASK
    total = plain(sum((product.price_at(now) for product in chosen), Decimal(0)))
    cheaper = re.search("便宜|优惠|减|打折|券|cheaper|discount", text)
    return "bundle_offer" if cheaper else "bundle", {
        "all": _all(cards, language),
        "each": _each(cards, "price", language),
        "total": f"{total}元" if language == "zh" else f"{total} yuan",
    }


# --- by intent ------------------------------------------------------------------------------------


def _discount(cards: list[Card], now: datetime, language: str) -> tuple[str, Slots]:
    offered = any(product.offers(now) for product, _ in cards)
    key = "prices" if offered else "no_discount_all"
    return key, {"prices": _each(cards, "price", language)}


def _delivery(cards: list[Card], text: str, language: str) -> tuple[str, Slots]:
    if region := REGION.search(text):
        return _region(cards, region[0], language)
    if language != "zh":
        days = {slots.get("delivery", "") for _, slots in cards}
        return ("delivery", cards[0][1]) if len(days) == 1 else ASK
    if re.search("哪|地方", text) and all(p.delivery.ship_from for p, _ in cards):
        sent = [(slots["short"], f"从{p.delivery.ship_from}发货") for p, slots in cards]
        return "each", {"each": _grouped(sent, language)}
    key = "days" if re.search("到|路上|收", text) else "ship"
    if not all(key in slots for _, slots in cards):
        return ASK
    return "each", {"each": _each(cards, key, language)}


def _region(cards: list[Card], region: str, language: str) -> tuple[str, Slots]:
    to, not_to = (
        [card for card in cards if sends_to(card[0], region) is sent] for sent in (True, False)
    )
    slots = {"region": region, "all": _all(cards, language)}
    if not not_to:
        return "region_yes_all", slots
    if not to:
        return "region_no_all", slots
    return "region_some", slots | {"to": _all(to, language), "not_to": _all(not_to, language)}


def _price(cards: list[Card], _text: str, language: str) -> tuple[str, Slots]:
    return "prices", {"prices": _each(cards, "price", language)}


def _returns(cards: list[Card], _text: str, language: str) -> tuple[str, Slots]:
    days = {slots.get("return_days", "") for _, slots in cards}
    if len(days) > 1 or "" in days:
        return ASK
    return "returns_all", {"all": _all(cards, language), "return_days": days.pop()}


def _order(_cards: list[Card], _text: str, _language: str) -> tuple[str, Slots]:
    return "order", {}


def _free(cards: list[Card], text: str, language: str) -> tuple[str, Slots]:
    if not all(product.delivery.free for product, _ in cards):
        return ASK
    region, every = REGION.search(text), _all(cards, language)
    if region and not all(sends_to(product, region[0]) for product, _ in cards):
        return _region(cards, region[0], language)
    return "free_all", {"all": every}


def _colours(cards: list[Card], text: str, language: str) -> tuple[str, Slots]:
    asked = colour_asked(text)
    some = [c for c in cards if not asked or asked in "".join(c[0].values("colour"))]
    if not some:
        return "colour_none", {"all": _all(cards, language)}
    has = "有" if language == "zh" else ": "
    said = [(s["short"], has + s["colours"]) for _, s in some if "colours" in s]
    return ("each", {"each": _grouped(said, language)}) if said else ASK


def _shared(intent: str, cards: list[Card], _text: str, language: str) -> tuple[str, Slots]:
    """Return what the texts of all products have in common."""
    if language != "zh":
        return intent, {}
    clauses = [re.split("[，；。]", slots.get(intent, "")) for _, slots in cards]
    common = [c for c in clauses[0] if c and all(c in other for other in clauses)]
    if not common:
        return ASK
    return "same_for_all", {"all": _all(cards, language), "common": "，".join(common)}


def _stocks(cards: list[Card], _text: str, language: str) -> tuple[str, Slots]:
    if language != "zh":
        return ASK
    stocks = [(s["short"], "库存" + s["stock"]) for _, s in cards if "stock" in s]
    return ("stocks", {"stocks": _grouped(stocks, language)}) if stocks else ASK


_BY_INTENT: dict[str, Callable[[list[Card], str, str], tuple[str, Slots]]] = {
    "price": _price,
    "compared": _price,
    "delivery": _delivery,
    "shipping_fee": _free,
    "colours": _colours,
    "authenticity": partial(_shared, "authenticity"),
    "warranty": partial(_shared, "warranty"),
    "returns": _returns,
    "stock": _stocks,
    "order": _order,
}


# --- lists ----------------------------------------------------------------------------------------


def _all(cards: Iterable[Card], language: str) -> str:
    return _list([slots["short"] for _, slots in cards], language)


def _list(shorts: Sequence[str], language: str) -> str:
    if language != "zh":
        shorts = [f"the {short}" for short in shorts]
    comma, last = ("、", "和") if language == "zh" else (", ", " and ")
    return last.join(filter(None, (comma.join(shorts[:-1]), shorts[-1])))


def _each(cards: Iterable[Card], key: str, language: str) -> str:
    space = "" if language == "zh" else " "
    return _grouped([(slots["short"], space + slots[key]) for _, slots in cards], language)


def _grouped(said: Iterable[tuple[str, str]], language: str) -> str:
    """Return what is said of each, those that are the same together."""
    groups: dict[str, list[str]] = {}
    for short, value in said:
        groups.setdefault(value, []).append(short)
    both = "都" if language == "zh" else ""
    told = (_list(s, language) + both * (len(s) > 1) + value for value, s in groups.items())
    return ("，" if language == "zh" else ", ").join(told)
