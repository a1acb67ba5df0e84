"""From the keys of a rundown file to what the show works with, and all that is wrong in them.

In:  `Rundown`, where its keys stand, the products.   Out: `Plan`, problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from livehost.brain.product import Product, Promotion
from livehost.brain.programme import words
from livehost.brain.programme.asides import Aside
from livehost.brain.programme.file import (
    AnnouncementText,
    FillerText,
    FlashSaleText,
    LineText,
    Rundown,
    SegmentText,
    Timed,
)
from livehost.brain.programme.sales import FlashSale, spoken
from livehost.brain.script import ABOUT_A_PRODUCT, Kind, Line, Segment, slots
from livehost.brain.storyboard import lacks

Where = Callable[[str, str], str]
"""Returns "file:line" of a dotted key, or of the first line from there with some words."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A rundown, ready to be spoken."""

    segments: tuple[Segment, ...]
    announcements: tuple[Aside, ...] = ()
    fillers: tuple[Aside, ...] = ()
    sales: tuple[FlashSale, ...] = ()

    @property
    def beside(self) -> tuple[Segment, ...]:
        """What is said beside the script as segments, to be read and checked like them."""
        named = [(f"announcement {a.id}", a.product, a.lines) for a in self.announcements]
        named += [(a.id, a.product, a.lines) for a in self.fillers]
        named += [(f"end of flash sale {s.id}", s.product, s.ending) for s in self.sales]
        return tuple(Segment(name, of, Kind.TRANSITION, lines) for name, of, lines in named)

    def during(self, sale: FlashSale) -> Segment:
        """Return what is said while a flash sale is on, as a segment with some time left."""
        return Segment(f"flash sale {sale.id}", sale.product, Kind.PRICE, _sample(sale))


def _sample(sale: FlashSale) -> tuple[Line, ...]:
    """Return the lines of a sale with some time left in them."""
    left = spoken(300, "zh")
    return tuple(
        replace(
            line,
            text=line.text.replace("{left}", left),
            variants=tuple(text.replace("{left}", left) for text in line.variants),
        )
        for line in (*sale.opening, *sale.countdown)
    )


def plan(rundown: Rundown, where: Where, zone: tzinfo, language: str) -> Plan:
    """Return what the show works with; the rundown has no problems."""
    return Plan(
        tuple(segment(s, where, f"segment.{n}", zone) for n, s in enumerate(rundown.segment)),
        tuple(_announcement(a, where, n, zone) for n, a in enumerate(rundown.announcement)),
        tuple(_filler(f, where, n, zone) for n, f in enumerate(rundown.filler)),
        tuple(_sale(s, where, n, language) for n, s in enumerate(rundown.flash_sale)),
    )


def segment(text: SegmentText, where: Where, key: str, zone: tzinfo) -> Segment:
    """Return a segment of the file."""
    return Segment(
        text.id,
        text.product,
        text.kind,
        _lines(text.lines, where, f"{key}.lines", text.emotion or ""),
        60 * (text.minutes or 0.0),
        text.repeat,
        text.window(zone),
        text.interrupt or "",
    )


def _lines(
    lines: Sequence[LineText], where: Where, key: str, emotion: str = ""
) -> tuple[Line, ...]:
    return tuple(
        Line(
            said.text,
            said.emotion or emotion,
            said.promotion or "",
            said.variants,
            said.show or "",
            said.optional,
            said.id or "",
            where(key, said.text[:20]),
        )
        for said in lines
    )


def _announcement(text: AnnouncementText, where: Where, n: int, zone: tzinfo) -> Aside:
    return Aside(
        text.id,
        _lines(text.lines, where, f"announcement.{n}.lines"),
        text.product,
        text.window(zone),
        60 * (text.every_minutes or 0.0),
        text.at,
    )


def _filler(text: FillerText, where: Where, n: int, zone: tzinfo) -> Aside:
    lines = _lines(text.lines, where, f"filler.{n}.lines")
    return Aside(f"filler {n + 1}", lines, text.product, text.window(zone))


def _sale(text: FlashSaleText, where: Where, n: int, language: str) -> FlashSale:
    key = f"flash_sale.{n}"
    return FlashSale(
        text.id,
        text.product,
        text.promotion,
        text.start,
        text.end,
        text.at,
        60 * (text.minutes or 0.0),
        text.marks,
        _lines(text.opening, where, f"{key}.opening") or words.OPENING[language],
        _lines(text.countdown, where, f"{key}.countdown") or words.COUNTDOWN[language],
        _lines(text.ending, where, f"{key}.ending") or words.ENDING[language],
    )


# --- what is wrong ------------------------------------------------------------------------------


def problems(
    rundown: Rundown, where: Where, products: Mapping[str, Product] | None
) -> Iterator[str]:
    """Yield what is wrong between the tables; `products` None: unknown ids cannot be told."""
    for table, entries in (
        ("segment", rundown.segment),
        ("announcement", rundown.announcement),
        ("flash_sale", rundown.flash_sale),
    ):
        yield from _twice([entry.id for entry in entries], table, where)
    for n, text in enumerate(rundown.segment):
        yield from _segment_problems(text, f"segment.{n}", where, products)
    for n, each in enumerate(rundown.announcement):
        yield from _lines_problems(each.product, each.lines, f"announcement.{n}", where, products)
    for n, said in enumerate(rundown.filler):
        yield from _lines_problems(said.product, said.lines, f"filler.{n}", where, products)
    yield from _sale_problems(rundown, where, products)
    yield from _silence(rundown, where)


def _twice(names: list[str], table: str, where: Where) -> Iterator[str]:
    for n, name in enumerate(names):
        if name in names[:n]:
            key = f"{table}.{n}.id"
            yield f"{where(key, '')}: {key}: {name} stands twice; choose another"


def _segment_problems(
    text: SegmentText, key: str, where: Where, products: Mapping[str, Product] | None
) -> Iterator[str]:
    if text.product is None and text.kind in ABOUT_A_PRODUCT:
        yield f"{where(key, '')}: {key}.product: is required for {text.kind.value}"
    yield from _lines_problems(text.product, text.lines, key, where, products)


def _lines_problems(
    product: str | None,
    lines: Sequence[LineText],
    key: str,
    where: Where,
    products: Mapping[str, Product] | None,
) -> Iterator[str]:
    owner = key.split(".", maxsplit=1)[0]
    if product is None:
        if bare := [line for line in lines if _needs_a_product(line)]:
            at = where(f"{key}.lines", bare[0].text[:20])
            yield f"{at}: {key}.lines: has slots but the {owner} has no product; add product"
    elif products is not None:
        if product not in products:
            yield _unknown(product, key, where, products)
            return
        yield from _card_problems(products[product], lines, key, where)


def _needs_a_product(line: LineText) -> bool:
    named = any(slots(text) for text in (line.text, *line.variants))
    return named or bool(line.promotion) or bool(lacks(None, line.show or ""))


def _unknown(
    product: str, key: str, where: Where, products: Mapping[str, Product]
) -> str:  # fmt: skip
    known = ", ".join(products) or "none"
    at = where(f"{key}.product", "")
    return f"{at}: {key}.product: {product} is not a product; there are {known}"


def _card_problems(
    product: Product, lines: Sequence[LineText], key: str, where: Where
) -> Iterator[str]:
    offers = {offer.id for offer in product.promotion}
    for line in lines:
        if line.promotion and line.promotion not in offers:
            at = where(f"{key}.lines", line.text[:20])
            yield f"{at}: {key}.lines: {product.id} has no promotion {line.promotion}"
        if missing := lacks(product, line.show or ""):
            at = where(f"{key}.lines", line.text[:20])
            yield f"{at}: {key}.lines: show = {line.show!r} needs {missing}"


def _sale_problems(
    rundown: Rundown, where: Where, products: Mapping[str, Product] | None
) -> Iterator[str]:
    seen: dict[tuple[str, str], str] = {}
    for n, sale in enumerate(rundown.flash_sale):
        key = f"flash_sale.{n}"
        if first := seen.get((sale.product, sale.promotion)):
            at = where(f"{key}.promotion", "")
            yield f"{at}: {key}.promotion: {sale.promotion} is that of {first}; give it its own"
        seen[sale.product, sale.promotion] = sale.id
        if products is None:
            continue
        if sale.product not in products:
            yield _unknown(sale.product, key, where, products)
            continue
        card = products[sale.product]
        yield from _promotion_problems(sale, card, key, where)
        for part in ("opening", "countdown", "ending"):
            yield from (
                problem.replace(f"{key}.lines", f"{key}.{part}")
                for problem in _card_problems(card, getattr(sale, part), key, where)
            )


def _promotion_problems(
    sale: FlashSaleText, card: Product, key: str, where: Where
) -> Iterator[str]:
    at = where(f"{key}.promotion", "")
    offer = next((offer for offer in card.promotion if offer.id == sale.promotion), None)
    if offer is None:
        known = ", ".join(offer.id for offer in card.promotion) or "none"
        yield (
            f"{at}: {key}.promotion: {card.id} has no promotion {sale.promotion}; "
            f"there are {known}: write a [[promotion]] with its price into the product file"
        )
        return
    if offer.price is None or offer.price >= card.price:
        yield (
            f"{at}: {key}.promotion: {offer.id} of {card.id} needs a price below {card.price}; "
            "a flash sale takes its price from there"
        )
    end = sale.end
    if sale.start and sale.minutes:
        end = sale.start + timedelta(minutes=sale.minutes)
    if sale.start and end and not _within(sale.start, end, offer):
        yield (
            f"{where(f'{key}.start', '')}: {key}.start: the sale is not inside promotion "
            f"{offer.id} ({offer.start} to {offer.end})"
        )


def _within(start: datetime, end: datetime, offer: Promotion) -> bool:
    return offer.start <= start and end <= offer.end


def _silence(rundown: Rundown, where: Where) -> Iterator[str]:
    """Yield a problem when there are times at which nothing may be said."""
    if any(_always(text) for text in (*rundown.segment, *rundown.filler)):
        return
    yield (
        f"{where('segment.0', '')}: segment: none is on at all times, and no [[filler]] is; "
        "the room would fall silent: write a filler without from, until, start, end and weekdays"
    )


def _always(text: Timed) -> bool:
    limits = (text.since, text.until, text.start, text.end, *text.weekdays)
    return all(limit is None for limit in limits)
