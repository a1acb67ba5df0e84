"""The rundown: segments of lines, and the slots that are filled when a line is spoken.

In:  the keys of a rundown file; a line, the product on the card, the time.   Out: text to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, field_validator

from livehost.brain.emotion import Emotion
from livehost.brain.product import Id, Product, Promotion, Some, Text, yuan
from livehost.config import Model


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
        where: "file:line", for messages.
    """

    text: str
    emotion: str = ""
    promotion: str = ""
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """A few lines about one thing, spoken in order.

    Attributes:
        product: id of the product on the card meanwhile; None for none.
        kind: what it is for.
    """

    id: str
    product: str | None
    kind: Kind
    lines: tuple[Line, ...]


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
}
SLOTS = tuple(_SLOTS)


def fill(line: Line, product: Product | None, now: datetime) -> str | None:
    """Return the text of `line` with its slots filled from the card at `now`.

    Returns:
        None when the line cannot be said now: a slot has no value, or its promotion is not on.
    """
    if line.promotion and not (product and _offer(product, now, line.promotion)):
        return None
    names = _SLOT.findall(line.text)
    if not names:
        return line.text
    if product is None:
        return None
    values = {name: _SLOTS[name](product, now, line.promotion) for name in names}
    if None in values.values():
        return None
    return _SLOT.sub(lambda slot: values[slot[1]] or "", line.text)


# --- the file -----------------------------------------------------------------------------------


class LineText(Model):
    """A line in the file: a string, or a table with these keys."""

    text: Text
    emotion: Emotion | None = None
    """None takes the segment's."""
    promotion: Id | None = None

    @field_validator("text")
    @classmethod
    def _known_slots(cls, value: str) -> str:
        unknown = [name for name in _SLOT.findall(value) if name not in _SLOTS]
        if unknown:
            raise ValueError(f"unknown slot {{{unknown[0]}}}; there are {', '.join(SLOTS)}")
        if re.search(r"[{}]", _SLOT.sub("", value)):
            raise ValueError("lone { or }; a slot is written like {price}")
        return value


def _line(value: Any) -> Any:
    return {"text": value} if isinstance(value, str) else value


class SegmentText(Model):
    """[[segment]] of a rundown file."""

    id: Id
    kind: Kind
    product: Id | None = None
    emotion: Emotion | None = None
    """Of the lines that name none; None leaves it to their sentences."""
    lines: Some[Annotated[LineText, BeforeValidator(_line)]]


class Rundown(Model):
    """A rundown file."""

    forbidden: tuple[Text, ...] = ()
    """Claims that must never be made in this room."""
    segment: Some[SegmentText]
