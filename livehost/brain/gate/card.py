"""The figures of a product card, each with what it is about.

In:  a product at a time.   Out: `Card`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import Quantity, quantities
from livehost.brain.gate.topics import CLAUSE, NONE, Topics, near, pairs, topics_of
from livehost.brain.product import Product

_IMPLIED = {
    "gram": frozenset({"weight"}),
    "jin": frozenset({"weight"}),
    "ml": frozenset({"capacity"}),
    "discount": frozenset({"discount"}),
}
_DEADLINE = frozenset({"deadline"})
_COUPON = re.compile("券|立减|满减|减")


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure of the card.

    Attributes:
        near: what the words that touch it say that it is about, where its clause has other figures.
        clause: what its clause says.
        words: pairs of characters of its line.
        any_topic: its unit says already what it is about, as with hours of delivery.
    """

    dim: str
    value: Decimal
    near: Topics = NONE
    clause: Topics = NONE
    words: frozenset[str] = frozenset()
    any_topic: bool = False

    def speaks_of(self, topics: Topics) -> bool:
        """Return whether the card says this figure of all of `topics`."""
        if self.any_topic or not topics:
            return True
        implied = _IMPLIED.get(self.dim, NONE)
        if not topics <= self.clause | implied:
            return False
        return not self.near or bool(topics & (self.near | implied))


@dataclass(frozen=True, slots=True)
class Card:
    """The figures of one product at one time.

    Attributes:
        price: what it costs now, in yuan.
        usual: what it costs without the offers of now; None when that is the same.
        compared: the price that may be compared with, together with its basis.
        coupons: what an offer takes off that is not in the price yet.
        claims: figures by unit and value.
        sizes: names of the sizes, folded.
        text: everything on the card, folded.
    """

    product: Product
    price: Decimal
    usual: Decimal | None
    compared: Decimal | None
    basis: frozenset[str]
    coupons: frozenset[Decimal]
    claims: dict[tuple[str, Decimal], tuple[Claim, ...]]
    sizes: frozenset[str]
    text: str
    words: frozenset[str] = field(default=frozenset())
    """Pairs of characters of the product's names."""

    def of(self, dim: str, value: Decimal) -> tuple[Claim, ...]:
        """Return what the card says with this figure."""
        return self.claims.get((dim, value), ())


def card_of(product: Product, now: datetime) -> Card:
    """Collect the figures that may be said about `product` at `now`."""
    lines = [fold(fact).text for fact in product.facts(now)]
    price = product.price_at(now)
    claims: dict[tuple[str, Decimal], tuple[Claim, ...]] = {}
    for claim in (*_text_claims(lines), *_field_claims(product, now)):
        key = claim.dim, claim.value
        claims[key] = (*claims.get(key, ()), claim)
    return Card(
        product,
        price,
        product.price if price != product.price else None,
        product.compared if product.basis else None,
        pairs(fold(product.basis or "").text),
        frozenset(_coupons(product, now)),
        claims,
        frozenset(fold(size).text for size in product.values("size")),
        "\n".join(lines),
        pairs("，".join(fold(name).text for name in product.names())),
    )


def _text_claims(lines: list[str]) -> Iterator[Claim]:
    for line in lines:
        figures, words = quantities(line), pairs(line)
        for n, figure in enumerate(figures):
            if figure.value is not None:
                said = clause(line, figure)
                alone = len(quantities(said)) == 1
                touching = NONE if alone else near(line, figures, n)
                yield Claim(context(line, figure), figure.value, touching, topics_of(said), words)


def _field_claims(product: Product, now: datetime) -> Iterator[Claim]:
    delivery = product.delivery
    if delivery.ship_hours:
        yield Claim("ship:hour", Decimal(delivery.ship_hours), any_topic=True)
    for days in delivery.days or ():
        yield Claim("road:hour", Decimal(days * 24), any_topic=True)
    if delivery.days:
        yield Claim("within:hour", Decimal(delivery.days[1] * 24), any_topic=True)
    if delivery.fee:
        yield Claim("fee", delivery.fee)
    if product.returns and product.returns.days:
        yield Claim("after:hour", Decimal(product.returns.days * 24), any_topic=True)
    for offer in product.offers(now):
        for at in (offer.start, offer.end):
            for dim, value in _moment(at):
                yield Claim(dim, value, _DEADLINE, _DEADLINE)


def _moment(at: datetime) -> Iterator[tuple[str, Decimal]]:
    hour = Decimal(at.hour) + Decimal(at.minute) / 60
    yield from (("year", Decimal(at.year)), ("month_of", Decimal(at.month)))
    yield from (("date", Decimal(at.month * 100 + at.day)), ("clock", hour), ("clock", hour % 12))


def _coupons(product: Product, now: datetime) -> Iterator[Decimal]:
    """What offers without a price of their own take off."""
    for offer in product.offers(now):
        text = fold(offer.text).text
        if offer.price is None and _COUPON.search(text):
            yield from (q.value for q in quantities(text) if q.dim == "money" and q.value)


# --- what a time is about -----------------------------------------------------------------------

_AFTER_SALES = re.compile(
    r"退|换(?!季)|无理由|质保|保修|联保|保价|售后|不喜欢|不合适|return|exchange|refund|warrant"
)
_MOVING = re.compile(
    r"(?P<ship>发货|发出|寄出?|\bship)|(?P<road>送达|送到|到货|收到|路上|物流|快递|配送|签收|deliver|\broad\b|arriv)"
)

_WITHIN = re.compile("[之以]?内|就|必")
"""At most so long; two to four days on the road are not "within two days"."""


def context(text: str, figure: Quantity) -> str:
    """Return the unit of a figure; times of delivery and after-sales are units of their own.

    "48 hours" until it ships says nothing about how long a cup keeps warm.
    """
    if figure.dim not in ("hour", "month"):
        return figure.dim
    about = clause(text, figure)
    if _AFTER_SALES.search(about):
        return f"after:{figure.dim}"
    behind = CLAUSE.split(text[figure.end :])[0]
    moving = _MOVING.search(behind) or _MOVING.search(about)
    if moving and moving.lastgroup == "road" and _WITHIN.match(behind):
        return f"within:{figure.dim}"
    return f"{moving.lastgroup}:{figure.dim}" if moving else figure.dim


def clause(text: str, figure: Quantity) -> str:
    """Return the clause that a figure stands in."""
    start = before(text, figure.start, CLAUSE)
    return start + text[figure.start : figure.end] + CLAUSE.split(text[figure.end :])[0]


def before(text: str, start: int, mark: re.Pattern[str], floor: int = 0) -> str:
    """Return what stands before `start`, from the last mark or `floor` on."""
    breaks = [m.end() for m in mark.finditer(text, floor, start)]
    return text[max([floor, *breaks]) : start]
