"""A product card: everything that may be said about one product, and nothing else.

In:  the keys of a product file.   Out: a checked, frozen `Product`; what it costs at a given time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from livehost.config import Model

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Id = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Money = Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=2)]


T = TypeVar("T")


def _some(values: tuple[T, ...]) -> tuple[T, ...]:
    if not values:
        raise ValueError("needs at least one entry")
    return values


Some = Annotated[tuple[T, ...], AfterValidator(_some)]
"""At least one; unlike min_length it does not also complain when an entry is wrong."""


def _rising(pair: tuple[float, float]) -> tuple[float, float]:
    if not 0 < pair[0] <= pair[1]:
        raise ValueError("write [least, most], both above 0")
    return pair


Range = Annotated[tuple[float, float], AfterValidator(_rising)]


class Variant(Model):
    """[[variant]]: one thing that the buyer chooses."""

    name: Text
    """What is chosen: 颜色, 尺码, 容量, 口味."""
    values: Some[Text]
    kind: str = Field(default="other", pattern="^(colour|size|other)$")


class Size(Model):
    """[[size]]: one row of the size table."""

    name: Text
    height_cm: Range
    weight_jin: Range | None = None
    """1 jin (斤) is half a kilogram."""
    weight_kg: Range | None = None

    @model_validator(mode="after")
    def _one_weight(self) -> Self:
        if (self.weight_jin is None) == (self.weight_kg is None):
            raise ValueError("give either weight_jin or weight_kg")
        return self

    @property
    def jin(self) -> tuple[float, float]:
        """Least and most weight in jin."""
        if self.weight_jin:
            return self.weight_jin
        least, most = self.weight_kg or (0.0, 0.0)
        return least * 2, most * 2

    def fits(self, height_cm: float | None, weight_jin: float | None) -> bool:
        """Return whether a body is in this row; None leaves that measure out."""
        tall = height_cm is None or self.height_cm[0] <= height_cm <= self.height_cm[1]
        return tall and (weight_jin is None or self.jin[0] <= weight_jin <= self.jin[1])


class Faq(Model):
    """[[faq]]: one question in the ways people ask it, and its only answer."""

    ask: Some[Text]
    answer: Text


class Delivery(Model):
    """[delivery]: when and from where it is sent."""

    text: Text | None = None
    """Said as it stands instead of the sentence made from the other keys."""
    ship_hours: int | None = Field(default=None, gt=0, le=24 * 60)
    """Handed to the carrier within this many hours of payment."""
    days: tuple[int, int] | None = None
    """Least and most days on the road."""
    ship_from: Text | None = None
    free: bool | None = None
    """Whether delivery costs nothing; None says nothing about it."""
    fee: Money | None = None
    excluded: tuple[Text, ...] = ()
    """Regions that are not delivered to."""

    @model_validator(mode="after")
    def _one_fee(self) -> Self:
        if self.free and self.fee:
            raise ValueError("delivery cannot be free and have a fee; remove one of free and fee")
        if self.days and not 0 < self.days[0] <= self.days[1]:
            raise ValueError("days is [least, most], both above 0")
        return self

    def said(self, language: str) -> str:
        """Return it as one clause in "zh" or "en"; "" when there is nothing to say."""
        if language == "zh":
            return self.text or "，".join(self._chinese())
        return ", ".join(self._english())

    def _chinese(self) -> Iterator[str]:
        start = f"从{self.ship_from}发货" if self.ship_from else "发货"
        if self.ship_hours:
            yield f"付款后{self.ship_hours}小时内{start}"
        elif self.ship_from:
            yield start
        if self.days:
            yield f"一般路上{self.days[0]}到{self.days[1]}天"
        if self.free:
            yield "包邮"
        if self.excluded:
            yield f"{'、'.join(self.excluded)}暂时不发"

    def _english(self) -> Iterator[str]:
        if self.ship_hours:
            yield f"it ships within {self.ship_hours} hours"
        if self.days:
            yield f"usually {self.days[0]} to {self.days[1]} days on the road"
        if self.free:
            yield "shipping is free"


class Returns(Model):
    """[returns]: how it goes back."""

    text: Text
    days: int | None = Field(default=None, gt=0, le=365)


class Promotion(Model):
    """[[promotion]]: an offer with a start and an end; outside of them it is never spoken."""

    id: Id
    text: Text
    start: AwareDatetime
    end: AwareDatetime
    price: Money | None = None
    """What the product costs meanwhile; None leaves the price as it is."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be later than start")
        return self

    def active(self, now: datetime) -> bool:
        """Return whether the offer holds at `now` (timezone-aware)."""
        return self.start <= now < self.end


class Product(Model):
    """One product file."""

    id: Id
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
    aliases: tuple[Text, ...] = ()
    """Other names that viewers and the script use."""
    link: int | None = Field(default=None, ge=1, le=99)
    """Number in the shopping basket: "2号链接"."""
    price: Money
    compared: Money | None = None
    """A higher price to compare with."""
    basis: Text | None = None
    """Where and when the compared price was asked; required with `compared`."""
    stock: int | None = Field(default=None, ge=0)
    """None: never mentioned."""
    unit: Annotated[str, StringConstraints(pattern=r"^\w{1,8}$")] = "件"
    """Counting word of the stock."""
    pictures: tuple[Path, ...] = ()
    tags: tuple[Text, ...] = ()
    """Short labels on the card."""
    selling_points: tuple[Text, ...] = ()
    details: dict[Text, Text] = Field(default={})
    """Facts by name: 面料, 容量, 配料, 保质期."""
    usage: Text | None = None
    """How to use and care for it."""
    authenticity: Text | None = None
    """Why it is genuine: authorisation, invoice, certificate."""
    warranty: Text | None = None
    purpose: Text | None = None
    """What it is for, to follow "for ..." or "想...": 防晒, 随身带水."""
    english: dict[Text, Text] = Field(default={})
    """[english]: what stands elsewhere on the card, and how it is said in English."""
    variant: tuple[Variant, ...] = ()
    size: tuple[Size, ...] = ()
    faq: tuple[Faq, ...] = ()
    delivery: Delivery = Delivery()
    returns: Returns | None = None
    promotion: tuple[Promotion, ...] = ()
    forbidden: tuple[Text, ...] = ()
    """Claims that must never be made about it."""

    @model_validator(mode="after")
    def _fair_comparison(self) -> Self:
        if self.compared is None:
            return self
        if self.basis is None:
            raise ValueError(
                "compared needs basis: say where and when that price was asked, "
                "or remove compared (直播电商监督管理办法 art. 32)"
            )
        if self.compared <= self.price:
            raise ValueError("compared must be higher than price")
        return self

    @model_validator(mode="after")
    def _english_of_the_card(self) -> Self:
        known = {self.name, *self.aliases, *self.selling_points, *self.details}
        known |= {*self.details.values(), *(v for kind in self.variant for v in kind.values)}
        known |= {faq.answer for faq in self.faq} | {self.purpose or self.name}
        for text in self.english:
            if text not in known:
                raise ValueError(
                    f"english: {text!r} is no name, choice, selling point, detail, purpose or "
                    "answer of this card; write it as it stands there"
                )
        return self

    def offers(self, now: datetime) -> tuple[Promotion, ...]:
        """Return the promotions that hold at `now`."""
        return tuple(offer for offer in self.promotion if offer.active(now))

    def price_at(self, now: datetime) -> Decimal:
        """Return the lowest price asked at `now`, in yuan."""
        return min([self.price, *(o.price for o in self.offers(now) if o.price is not None)])

    def card(self, now: datetime) -> dict[str, Any]:
        """Return the data of the product card on the picture (`CueKind.PRODUCT`)."""
        return {
            "name": self.name,
            "price": f"{self.price_at(now):.2f}",
            "compared": f"{self.compared:.2f}" if self.compared else None,
            "basis": self.basis if self.compared else None,
            "picture": str(self.pictures[0]) if self.pictures else None,
            "tags": list(self.tags),
            "stock": self.stock,
        }

    def names(self) -> tuple[str, ...]:
        """Return every name of the product, the longest first."""
        return tuple(sorted({self.name, *self.aliases}, key=len, reverse=True))

    def values(self, kind: str) -> tuple[str, ...]:
        """Return the choices of one kind of variant; the size table counts as sizes."""
        found = [value for v in self.variant if v.kind == kind for value in v.values]
        if kind == "size":
            found += [size.name for size in self.size]
        return tuple(dict.fromkeys(found))

    def facts(self, now: datetime) -> Iterator[str]:
        """Yield every text on the card that may be quoted at `now`, without price and stock."""
        yield from (self.name, *self.aliases, *self.tags, *self.selling_points)
        yield from (f"{name}{value}" for name, value in self.details.items())
        yield from (value for v in self.variant for value in v.values)
        yield from (faq.answer for faq in self.faq)
        yield from (offer.text for offer in self.offers(now))
        yield from self.english.values()
        optional = (self.basis, self.usage, self.authenticity, self.warranty)
        yield from (text for text in (*optional, self.purpose, self.delivery.text) if text)
        if self.returns:
            yield self.returns.text


def yuan(amount: Decimal) -> str:
    """Return an amount as it is said and shown, without idle zeros: "199.9元", "89元"."""
    return f"{plain(amount)}元"


def plain(amount: Decimal) -> str:
    """Return a number without idle zeros or exponent."""
    text = f"{amount:f}"
    return re.sub(r"\.?0+$", "", text) if "." in text else text
