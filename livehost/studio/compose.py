"""A rundown from cards by templates: which beats, in which order, in which wordings, how many.

In:  `Wanted`.   Out: `Draft`; the same one for the same seed. Whatever a sentence says of a product
is a slot of its card: a beat whose slot has no value is left out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from livehost.brain.product import Product
from livehost.studio.beats import Beat, Festival, beats, dialect, remarks
from livehost.studio.draft import Draft, DraftLine, DraftSegment, seconds
from livehost.studio.material import Entry, Material, of_product, of_show

WORDINGS = 4  # of a line, as long as there are templates
_SLOT = re.compile(r"<(\w+)>")
_KINDS = {
    "opening": "opening",
    "hook": "transition",
    "points": "selling_points",
    "demo": "demonstration",
    "faq": "faq",
    "price": "price",
    "doubts": "faq",
    "call": "call_to_action",
    "break": "transition",
    "closing": "call_to_action",
}
_OF_A_PRODUCT = ("hook", "points", "demo", "faq", "price", "doubts", "call")
_CALMER = {"excited": "friendly_smile"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be written.

    Attributes:
        minutes: of one round, as far as the facts reach.
        seed: another one gives another script.
    """

    products: tuple[Product, ...]
    now: datetime
    keywords: tuple[str, ...] = ()
    language: str = "zh"
    minutes: float = 10.0
    style: str = "warm"
    festival: Festival | None = None
    dialect: str = ""
    seed: str = "1"
    forbidden: tuple[str, ...] = ()


def compose(wanted: Wanted) -> Draft:
    """Return a rundown of everything that can be said, cut to the time wanted."""
    writer = _Writer(wanted)
    draft = Draft(list(writer.segments()), wanted.forbidden)
    _fit(draft, wanted.minutes * 60)
    draft.segments = [segment for segment in draft.segments if segment.lines]
    return draft


def _fit(draft: Draft, most: float) -> None:
    """Leave out lines of rank 3, then of rank 2, the later ones first, until the time is met."""
    total = sum(seconds(line.texts[0]) for _, line in draft.lines())
    for rank in (3, 2):
        spare = [(s, line) for s, line in draft.lines() if line.rank == rank]
        for segment, line in reversed(spare):
            if total <= most:
                return
            segment.lines.remove(line)
            total -= seconds(line.texts[0])


class _Writer:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._beats = beats(wanted.language)
        self._swaps = dialect(wanted.dialect) if wanted.dialect else ()
        self._remarked: set[tuple[str, ...]] = set()
        self._turn = 0, 1  # which product of how many

    def segments(self) -> Iterator[DraftSegment]:
        """Yield the segments of a show in order."""
        products = self._wanted.products
        show = of_show(list(products), list(self._wanted.keywords), self._wanted.language)
        yield self._segment("welcome", "opening", None, show)
        for n, product in enumerate(products):
            self._turn = n, len(products)
            material = of_product(product, self._wanted.now, self._wanted.language)
            for part in _OF_A_PRODUCT:
                yield self._segment(f"{product.id}-{part}", part, product, material)
            if n == (len(products) - 1) // 2:
                self._turn = 0, 1
                yield self._segment("break", "break", None, show)
        self._turn = 0, 1
        yield self._segment("closing", "closing", None, show)

    def _segment(
        self, name: str, part: str, product: Product | None, material: Material
    ) -> DraftSegment:
        found = [beat for beat in self._beats if beat.segment == part]
        lines = [line for beat in found for line in self._lines(beat, material, name)]
        if festival := self._wanted.festival:
            lines = _celebrated(lines, part, festival)
        return DraftSegment(name, _KINDS[part], product.id if product else None, lines)

    def _lines(self, beat: Beat, material: Material, where: str) -> Iterator[DraftLine]:
        if not all(material.fills(name) for name in beat.need):
            return
        entries: Sequence[Entry] = [{}]
        if beat.each:
            entries = material.many[beat.each][beat.first : beat.first + beat.most]
        for n, entry in enumerate(entries):
            texts = self._texts(beat, material, entry, n, len(entries))
            if texts:
                yield self._line(beat, texts, entry)
                if "point" in entry and self._wanted.language == "zh":
                    yield from self._remark(entry["point"], where)

    def _line(self, beat: Beat, texts: list[str], entry: Entry) -> DraftLine:
        calm = self._wanted.style == "calm"
        emotion = _CALMER.get(beat.emotion, beat.emotion) if calm else beat.emotion
        return DraftLine(
            texts, emotion, entry.get("offer", ""), beat.show, beat.id, beat.fixed, beat.rank
        )

    def _texts(self, beat: Beat, material: Material, entry: Entry, n: int, count: int) -> list[str]:
        """Return the wordings of line `n` of `count` that come from one beat.

        Neighbours share no template, so that no two of them begin alike in any round.
        """
        templates = self._shared(self._templates(beat, material), beat)
        if count > 1 and len(templates) > 1:
            templates = templates[n % 2 :: 2]
            turn = n // 2 % len(templates)
            templates = templates[turn:] + templates[:turn]
        slots = {**material.one, **entry}
        filled = (_filled(text, slots) for text in templates)
        return [text for text in filled if text][:WORDINGS]

    def _templates(self, beat: Beat, material: Material) -> list[str]:
        """Return the wordings of a beat, those of the style first, in an order by chance."""
        dice = random.Random(f"{self._wanted.seed}.{beat.id}")
        ours, plain = list(beat.styled.get(self._wanted.style, ())), list(beat.say)
        if beat.any:
            plain = [entry[beat.any] for entry in material.many[beat.any]]
        dice.shuffle(plain)
        if self._wanted.style == "brisk":
            plain.sort(key=lambda text: len(text) // 8)
        return [self._regional(text) for text in (*ours, *plain)]

    def _shared(self, templates: list[str], beat: Beat) -> list[str]:
        """Return this product's share of what says nothing of a product: none is said twice."""
        index, count = self._turn
        if any("<" in text or "{" in text for text in templates):
            return templates
        mine = templates[index::count]
        return mine if mine or beat.rank > 1 else templates

    def _remark(self, point: str, where: str) -> Iterator[DraftLine]:
        for words, say in remarks():
            if words not in self._remarked and any(word in point for word in words):
                self._remarked.add(words)
                texts = [self._regional(text) for text in say]
                random.Random(f"{self._wanted.seed}.{where}.{point}").shuffle(texts)
                yield DraftLine(texts, beat="remark", rank=3)
                return

    def _regional(self, text: str) -> str:
        """Put regional words into a template; what the card fills in comes later."""
        for said, instead in self._swaps:
            if said.startswith("^"):
                text = instead + text[len(said) - 1 :] if text.startswith(said[1:]) else text
            else:
                text = text.replace(said, instead)
        return text


def _celebrated(lines: list[DraftLine], part: str, festival: Festival) -> list[DraftLine]:
    if part == "opening":
        greeting = DraftLine(list(festival.greet), "friendly_smile", beat="festival")
        return [lines[0], greeting, *lines[1:]]
    if part == "break":
        return [DraftLine(list(festival.gift), "friendly_smile", beat="festival"), *lines]
    return lines


def _filled(text: str, slots: Entry) -> str:
    """Return a template with its <slots> filled; "" when one has no value."""
    names = _SLOT.findall(text)
    if any(name not in slots for name in names):
        return ""
    return _SLOT.sub(lambda slot: slots[slot[1]], text)
