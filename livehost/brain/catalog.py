"""What is sold and what is said: product files and the rundown, loaded, checked, reloaded on save.

In:  the TOML files named by [show] of a room.
Out: a `Catalog`, or ConfigError with every problem found.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

from livehost.brain.product import Product, Promotion
from livehost.brain.programme import load as programme
from livehost.brain.programme.file import Rundown
from livehost.brain.programme.load import Plan
from livehost.brain.programme.sales import FlashSale
from livehost.brain.script import Kind, Line, Segment, fill, wordings
from livehost.brain.sentences import split
from livehost.config import Room, key_lines, load_toml, time_zone
from livehost.errors import ConfigError

__all__ = ["Catalog", "Kind", "Line", "Product", "Segment", "check", "fill", "load_catalog"]

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read, to say where something stands in it."""

    path: Path
    text: str
    lines: dict[str, int]

    def at(self, key: str, needle: str = "") -> str:
        """Return "file:line" of a dotted key, or of the first line from there with `needle`."""
        parts = key.split(".")
        known = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
        line = next((self.lines[name] for name in known if name in self.lines), 1)
        rows = self.text.splitlines()[line - 1 :]
        return f"{self.path}:{line + next((n for n, row in enumerate(rows) if needle in row), 0)}"


def read(path: Path, model: type[M]) -> tuple[M, Source]:
    """Read one file. Raises ConfigError for everything that can be wrong with it."""
    try:
        value = load_toml(path, model)
        text = path.read_text("utf-8")
        return value, Source(path, text, key_lines(text))
    except OSError as error:  # it went away between the two readings
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


Times = tuple[datetime, datetime]
"""Start and end."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """One consistent state of all the files."""

    products: dict[str, Product]
    plan: Plan
    forbidden: tuple[str, ...]
    sources: dict[str, Source]
    rundown: Source


class Catalog:
    """Products and segments in force; `reload()` swaps them all at once.

    Attributes:
        room: whose files these are.
        version: grows with every reload that took effect.
        problems: why the files on disk are not in force; empty when they are.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.version = 1
        self.problems: tuple[str, ...] = ()
        self._stamp, self._print = _stamp(room), _fingerprint(room)
        self._shelf = _load(room)
        self._on: Mapping[str, Times] = {}
        self._products = _on_sale(self._shelf, self._on)

    @property
    def products(self) -> dict[str, Product]:
        """Products by id, in the order of their basket numbers, then of their files.

        Promotions of flash sales hold only while these run, see `put_on`.
        """
        return self._products

    @property
    def cards(self) -> dict[str, Product]:
        """Products as their files have them, promotions of flash sales included."""
        return self._shelf.products

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The rundown, in order; never empty."""
        return self._shelf.plan.segments

    @property
    def plan(self) -> Plan:
        """The rundown with everything beside its segments."""
        return self._shelf.plan

    def put_on(self, sales: Mapping[str, Times]) -> bool:
        """Have promotions of flash sales hold in these times and no other.

        Args:
            sales: (start, end) by id of the sale; the others do not run.

        Returns:
            Whether that changes anything.
        """
        if self._on == sales:
            return False
        self._on = dict(sales)
        self._products = _on_sale(self._shelf, self._on)
        return True

    def offer(self, sale: FlashSale) -> Promotion | None:
        """Return the promotion of a flash sale as the product file has it; None: there is none."""
        product = self._shelf.products.get(sale.product)
        offers = product.promotion if product else ()
        return next((offer for offer in offers if offer.id == sale.promotion), None)

    @property
    def forbidden(self) -> tuple[str, ...]:
        """Claims that must never be made in this room."""
        return self._shelf.forbidden

    def where(self, product: str, key: str = "", needle: str = "") -> str:
        """Return "file:line" of a key in the file of a product ("" for the rundown)."""
        source = self._shelf.sources[product] if product else self._shelf.rundown
        return source.at(key, needle)

    def changed(self) -> bool:
        """Return whether the files differ from those last loaded or tried; cheap to ask often."""
        stamp = _stamp(self.room)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        return _fingerprint(self.room) != self._print

    def reload(self) -> tuple[str, ...]:
        """Put the files on disk in force, or keep everything as it was and return the problems."""
        self._stamp, self._print = _stamp(self.room), _fingerprint(self.room)
        try:
            self._shelf = _load(self.room)
        except ConfigError as error:
            self.problems = error.problems
            return self.problems
        self._products = _on_sale(self._shelf, self._on)
        self.version += 1
        self.problems = ()
        return ()


def load_catalog(room: Room) -> Catalog:
    """Load the products and the rundown of a room. Raises ConfigError with every problem."""
    return Catalog(room)


def _files(room: Room) -> list[Path]:
    return [*room.globbed(room.show.products), room.near(room.show.rundown)]


def _stamp(room: Room) -> tuple[tuple[str, int, int], ...]:
    found = []
    for path in _files(room):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _fingerprint(room: Room) -> str:
    digest = hashlib.sha256()
    for path in _files(room):
        digest.update(str(path).encode() + b"\0")
        try:
            digest.update(path.read_bytes())
        except OSError:
            continue
    return digest.hexdigest()


# --- loading ------------------------------------------------------------------------------------


def _load(room: Room) -> _Shelf:
    problems: list[str] = []
    files = room.globbed(room.show.products)
    if not files:
        problems.append(
            f"{room.file}: show.products: no file matches {', '.join(room.show.products)}; "
            "write a product file (docs/scripts.md)"
        )
    cards = [pair for path in files if (pair := _try(path, Product, problems))]
    products, sources = _shelved(room, cards, problems)
    rundown = _try(room.near(room.show.rundown), Rundown, problems)
    known = products if len(cards) == len(files) else None
    if rundown:
        problems += programme.problems(rundown[0], rundown[1].at, known)
    if problems or not rundown:
        raise ConfigError(*problems)
    text, source = rundown
    plan = programme.plan(text, source.at, time_zone(room.show.time_zone), room.language)
    return _Shelf(products, plan, text.forbidden, sources, source)


def _on_sale(shelf: _Shelf, on: Mapping[str, Times]) -> dict[str, Product]:
    """Return the products with promotions of flash sales that hold in the times `on`."""
    ids = {(sale.product, sale.promotion): sale.id for sale in shelf.plan.sales}

    def offers(product: Product) -> Iterator[Promotion]:
        for offer in product.promotion:
            sale = ids.get((product.id, offer.id))
            if sale is None:
                yield offer
            elif sale in on:
                start, end = on[sale]
                yield offer.model_copy(update={"start": start, "end": end})

    owners = {product for product, _ in ids}
    return {
        name: product.model_copy(update={"promotion": tuple(offers(product))})
        if name in owners
        else product
        for name, product in shelf.products.items()
    }


def _try(path: Path, model: type[M], problems: list[str]) -> tuple[M, Source] | None:
    try:
        return read(path, model)
    except ConfigError as error:
        problems.extend(error.problems)
        return None


def _shelved(
    room: Room, cards: list[tuple[Product, Source]], problems: list[str]
) -> tuple[dict[str, Product], dict[str, Source]]:
    products: dict[str, Product] = {}
    sources: dict[str, Source] = {}
    for card, source in sorted(cards, key=lambda pair: pair[0].link or 1000):
        if card.id in products:
            first = sources[card.id].path
            problems.append(f"{source.at('id')}: id: {card.id} is taken by {first}; choose another")
            continue
        problems.extend(_card_problems(room, card, source, products))
        pictures = tuple(Path(_near(room, picture)) for picture in card.pictures)
        products[card.id] = card.model_copy(update={"pictures": pictures})
        sources[card.id] = source
    return products, sources


def _card_problems(
    room: Room, card: Product, source: Source, others: dict[str, Product]
) -> Iterator[str]:
    for picture in card.pictures:
        if not os.path.isfile(_near(room, picture)):  # noqa: PTH113  (Path.is_file raises on NUL)
            yield (
                f"{source.at('pictures', str(picture))}: pictures: {picture} does not exist "
                "beside the room file; add the file or remove the entry"
            )
    offers = [offer.id for offer in card.promotion]
    for name in sorted({offer for offer in offers if offers.count(offer) > 1}):
        yield f"{source.at('promotion')}: promotion: id {name} stands twice; choose another"
    for other in others.values():
        if card.link is not None and card.link == other.link:
            yield f"{source.at('link')}: link: {card.link} is taken by {other.id}; choose another"
        for name in sorted(set(card.names()) & set(other.names())):
            yield (
                f"{source.at('aliases', name)}: aliases: {name} also names {other.id}; "
                "viewers could mean either, remove one"
            )


def _near(room: Room, picture: Path) -> str:
    return os.path.abspath(room.file.parent / picture)  # noqa: PTH100  (resolve raises on NUL)


# --- what the gate says about it ----------------------------------------------------------------


class Ruling(Protocol):
    """What a gate answers."""

    @property
    def ok(self) -> bool:
        """Whether the text may be said."""

    @property
    def rule(self) -> str:
        """What stopped it."""

    @property
    def found(self) -> str:
        """The words that stopped it."""


class Checker(Protocol):
    """What `check` needs of a gate."""

    def check(self, text: str, product: Product | None, now: datetime) -> Ruling:
        """Judge one sentence."""


def check(catalog: Catalog, gate: Checker, now: datetime) -> list[str]:
    """Return one line for everything in the files that the gate would stop on air at `now`."""
    problems = dict.fromkeys(_script_problems(catalog, gate, now))
    return [*problems, *_card_texts(catalog, gate, now)]


def _script_problems(catalog: Catalog, gate: Checker, now: datetime) -> Iterator[str]:
    for segment in (*catalog.segments, *catalog.plan.beside):
        product = catalog.products[segment.product] if segment.product else None
        yield from _segment_problems(segment, product, gate, now)
    for sale in catalog.plan.sales:
        offer = catalog.offer(sale)
        if offer and offer.end > now:
            card, moment = catalog.cards[sale.product], max(now, offer.start)
            own = [s for s in catalog.segments if s.product == sale.product]
            for segment in (*own, catalog.plan.during(sale)):
                yield from _segment_problems(segment, card, gate, moment)


def _segment_problems(
    segment: Segment, product: Product | None, gate: Checker, now: datetime
) -> Iterator[str]:
    for line in chain.from_iterable(wordings(line, 0, "") for line in segment.lines):
        for sentence in split(fill(line, product, now) or ""):
            verdict = gate.check(sentence, product, now)
            if not verdict.ok:
                yield f"{line.where}: segment {segment.id}: {_stopped(verdict)}"


def _card_texts(catalog: Catalog, gate: Checker, now: datetime) -> Iterator[str]:
    for n, faq in enumerate(catalog.room.show.faq):
        if not (verdict := gate.check(faq.answer, None, now)).ok:
            yield f"{catalog.room.file}: show.faq.{n}.answer: {_stopped(verdict)}"
    for product in catalog.products.values():
        for key, text, moment in sayable(product, now):
            verdict = gate.check(text, product, moment)
            if not verdict.ok:
                where = catalog.where(product.id, key, text[:20])
                yield f"{where}: {key}: {_stopped(verdict)}"


def sayable(product: Product, now: datetime) -> Iterator[tuple[str, str, datetime]]:
    """Yield (key, text, time) of what a card gives to say; an offer to come in its own time."""
    for key in ("name", "usage", "authenticity", "warranty", "basis", "purpose"):
        if text := getattr(product, key):
            yield key, text, now
    for key in ("selling_points", "tags", "aliases"):
        yield from ((key, text, now) for text in getattr(product, key))
    yield from (("details", f"{name}{text}", now) for name, text in product.details.items())
    yield from ((f"faq.{n}.answer", faq.answer, now) for n, faq in enumerate(product.faq))
    for n, offer in enumerate(product.promotion):
        if now < offer.end:
            yield f"promotion.{n}.text", offer.text, max(now, offer.start)
    yield from (("english", text, now) for text in product.english.values())
    if product.returns:
        yield "returns.text", product.returns.text, now
    if product.delivery.text:
        yield "delivery.text", product.delivery.text, now


def _stopped(verdict: Ruling) -> str:
    return f"「{verdict.found}」 is stopped by rule {verdict.rule}; reword it"
