"""The rundown: segments of lines, their wordings, and the slots filled when a line is spoken.

In:  a line, the product on the card, the time.   Out: text to say.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from livehost.brain.product import Product, Promotion, yuan
from livehost.brain.programme.clock import ALWAYS, Window


class Kind(StrEnum):
    """What a segment is for."""

    OPENING = "opening"
    SELLING_POINTS = "selling_points"
    DEMONSTRATION = "demonstration"
    FAQ = "faq"
    PRICE = "price"
    CALL_TO_ACTION = "call_to_action"
    TRANSITION = "transition"


ABOUT_A_PRODUCT = frozenset({Kind.SELLING_POINTS, Kind.DEMONSTRATION, Kind.FAQ, Kind.PRICE})


@dataclass(frozen=True, slots=True)
class Line:
    """One thing the host says; may hold slots such as {price}, see `fill`.

    Attributes:
        emotion: a preset of the avatar; "" leaves it to each sentence, see `brain.emotion`.
        promotion: spoken only while this promotion of the product holds; "" always.
        variants: other wordings of the text; see `wordings`.
        show: what is on the picture meanwhile, see `brain.storyboard`; "" is the product's card.
        optional: left out while the chat is busy.
        id: by which experiments name it; "" for none.
        where: "file:line", for messages.
    """

    text: str
    emotion: str = ""
    promotion: str = ""
    variants: tuple[str, ...] = ()
    show: str = ""
    optional: bool = False
    id: str = ""
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """A few lines about one thing, spoken in order.

    Attributes:
        product: id of the product on the card meanwhile; None for none.
        kind: what it is for.
        seconds: it goes on with its lines until that long has passed; 0: see `repeat`.
        repeat: times through the lines.
        window: when it may be on.
        interrupt: what answers to viewers may interrupt, see `Interrupt`; "" is the room's.
    """

    id: str
    product: str | None
    kind: Kind
    lines: tuple[Line, ...]
    seconds: float = 0.0
    repeat: int = 1
    window: Window = ALWAYS
    interrupt: str = ""


class Interrupt(StrEnum):
    """Where a segment lets answers to viewers in."""

    NOW = "now"
    """In a pause of the sentence on air."""
    SENTENCE = "sentence"
    """At the end of the sentence."""
    SEGMENT = "segment"
    """At the end of the segment."""


def wordings(line: Line, round_: int, key: str, chosen: int | None = None) -> Iterator[Line]:
    """Yield the wordings of a line, the one of this round first.

    Over as many rounds as a line has wordings each of them is first once, in an order of its own;
    none is first twice running. The same round has the same order in every process.

    Args:
        round_: how often the rundown was gone through before.
        key: of the line; lines with different keys have different orders.
        chosen: index of the one that comes first all the same; 0 is the line's own text.
    """
    texts = (line.text, *line.variants)
    cycle, turn = divmod(round_, len(texts))
    order = _order(len(texts), key, cycle)
    order = order[turn:] + order[:turn]
    if chosen is not None and chosen < len(texts):
        order = [chosen, *(index for index in order if index != chosen)]
    for index in order:
        yield line if index == 0 else replace(line, text=texts[index])


def _order(count: int, key: str, cycle: int) -> list[int]:
    if count < _SHUFFLED:
        return _shuffled(count, key, 0)
    order = _shuffled(count, key, cycle)
    if cycle and order[0] == _shuffled(count, key, cycle - 1)[-1]:
        order[0], order[1] = order[1], order[0]
    return order


def key_of(segment: str, line: Line) -> str:
    """Return the key of a line for `wordings`: other lines before it do not change it."""
    return f"{segment}.{line.id or line.text}"


_SHUFFLED = 3  # two take turns


def _shuffled(count: int, key: str, cycle: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{key}.{cycle}").shuffle(order)
    return order


# --- slots --------------------------------------------------------------------------------------

_SLOT = re.compile(r"\{(\w+)\}")


def _offer(product: Product, now: datetime, wanted: str) -> Promotion | None:
    offers = (o for o in product.offers(now) if wanted in ("", o.id))
    return min(offers, key=lambda offer: offer.end, default=None)


def spoken_end(offer: Promotion, now: datetime) -> str:
    """Return the end of a promotion as it is said, in the time zone it was written in."""
    end = offer.end
    year = f"{end.year}年" if end.year != now.year else ""
    minute = f"{end.minute}分" if end.minute else ""
    return f"{year}{end.month}月{end.day}日{end.hour}点{minute}"


def _saving(product: Product, now: datetime) -> str | None:
    return yuan(product.compared - product.price_at(now)) if product.compared else None


_SLOTS: dict[str, Callable[[Product, datetime, str], str | None]] = {
    "name": lambda p, now, w: p.name,
    "price": lambda p, now, w: yuan(p.price_at(now)),
    "compared": lambda p, now, w: yuan(p.compared) if p.compared else None,
    "basis": lambda p, now, w: p.basis if p.compared else None,
    "saving": lambda p, now, w: _saving(p, now),
    "stock": lambda p, now, w: f"{p.stock}{p.unit}" if p.stock else None,
    "colours": lambda p, now, w: "、".join(p.values("colour")) or None,
    "sizes": lambda p, now, w: "、".join(p.values("size")) or None,
    "promo": lambda p, now, w: o.text if (o := _offer(p, now, w)) else None,
    "promo_end": lambda p, now, w: spoken_end(o, now) if (o := _offer(p, now, w)) else None,
    "returns": lambda p, now, w: p.returns.text if p.returns else None,
    "warranty": lambda p, now, w: p.warranty,
    "usage": lambda p, now, w: p.usage,
    "authenticity": lambda p, now, w: p.authenticity,
    "delivery": lambda p, now, w: p.delivery.said("zh") or None,
    "link": lambda p, now, w: f"{p.link}号链接" if p.link else None,
}
SLOTS = tuple(_SLOTS)


def unknown_slot(text: str, more: Iterable[str] = ()) -> str:
    """Return what is wrong with the slots of a text, "" when nothing is.

    Args:
        more: names of slots that no card has.
    """
    known = (*SLOTS, *more)
    if unknown := [name for name in _SLOT.findall(text) if name not in known]:
        return f"unknown slot {{{unknown[0]}}}; there are {', '.join(known)}"
    if re.search(r"[{}]", _SLOT.sub("", text)):
        return "lone { or }; a slot is written like {price}"
    return ""


def slots(text: str) -> tuple[str, ...]:
    """Return the names of the slots in a text."""
    return tuple(_SLOT.findall(text))


def _english(said: str) -> str:
    return f"{said.removesuffix('元')} yuan" if said.endswith("元") else said.replace("、", ", ")


_ENGLISH_SLOTS: dict[str, Callable[[Product, datetime, str], str | None]] = _SLOTS | {
    "stock": lambda p, now, w: str(p.stock) if p.stock else None,
    "delivery": lambda p, now, w: p.delivery.said("en") or None,
    "link": lambda p, now, w: f"number {p.link}" if p.link else None,
}
_AMOUNTS = frozenset({"price", "compared", "saving", "colours", "sizes"})
_LATIN, _HAN = re.compile("[A-Za-z]"), re.compile("[\u4e00-\u9fff]")


def _in_english(text: str) -> bool:
    around = _SLOT.sub("", text)
    return bool(_LATIN.search(around)) and not _HAN.search(around)


_NOTHING: Mapping[str, str] = {}


def _value(name: str, line: Line, product: Product, now: datetime) -> str | None:
    if not _in_english(line.text):
        return _SLOTS[name](product, now, line.promotion)
    value = _ENGLISH_SLOTS[name](product, now, line.promotion)
    return _english(value) if value and name in _AMOUNTS else value


def fill(
    line: Line, product: Product | None, now: datetime, more: Mapping[str, str] = _NOTHING
) -> str | None:
    """Return the text of `line` with its slots filled from the card at `now`.

    In a line of Latin letters amounts and lists are written in English: "89 yuan".

    Args:
        more: values of slots that no card has.

    Returns:
        None when the line cannot be said now: a slot has no value, or its promotion is not on.
    """
    if line.promotion and not (product and _offer(product, now, line.promotion)):
        return None
    names = _SLOT.findall(line.text)
    if not names:
        return line.text
    if product is None and not set(names) <= set(more):
        return None
    values = {
        name: more[name] if name in more else product and _value(name, line, product, now)
        for name in names
    }
    if None in values.values():
        return None
    return _SLOT.sub(lambda slot: values[slot[1]] or "", line.text)
