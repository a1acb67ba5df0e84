"""Everything that can be said about a script before it is said: stops, repeats, gaps, length.

In:  a room's cards and rundown, the gate.   Out: `Report`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from livehost.brain.catalog import Catalog, Line, Segment, fill, sayable
from livehost.brain.gate import Gate, Verdict
from livehost.brain.gate.topics import pairs
from livehost.brain.product import Product
from livehost.brain.programme.sales import FlashSale
from livehost.brain.script import wordings
from livehost.brain.sentences import split
from livehost.studio.draft import seconds
from livehost.studio.judge import moments
from livehost.studio.shelf import Shelf

MOST_SECONDS = 14.0
"""What takes longer without a full stop leaves nobody time to follow."""
_STOP = re.compile(r"[。！？；!?;\n]|\.\s")
_UNREADABLE = re.compile(
    r"https?://\S+|www\.\S+|[\U0001f000-\U0001faff\u2600-\u27bf\u2190-\u21ff\ufe0f]|[*_#<>|\\^~=@]{1,}|[ｦ-ﾟ]|\ufffd"
)
_NOTICE = re.compile(
    r"(?:AI|人工智能).{0,8}(?:生成|主播|数字人)|数字人主播"
    r"|\bAI[- ](?:generated|host)|digital host|made with AI",
    re.IGNORECASE,
)
_SAID = 0.6  # of the pairs of characters of a fact
_ADVICE = {
    "superlative": "say what the card says of it instead of how it ranks",
    "medical": "say what it is and how it is used; effects on health may not be claimed",
    "scarcity": "leave the hurry out; name the end of a promotion with {promo_end}",
    "promise": "promise only what [returns], [delivery] or warranty of the card say",
    "price": "use {price}, {compared} with {basis}, {saving} or {promo}",
    "stock": "use {stock}, or say nothing about stock",
    "figure": "write the figure into details, selling_points or faq of the card, or leave it out",
    "size": "use {sizes}; sizes come from the size table",
    "unproven": "write it into the card where it can be shown, or leave it out",
    "identity": "the host is an AI host and never says otherwise",
}
_WHY = {
    "figure": "this figure does not stand on the card of the product",
    "price": "the card gives no such price or offer",
    "price.compared": "a compared price needs its basis in the same sentence",
    "price.delivery": "the card does not say that delivery is free",
    "stock": "the stock on the card is another one",
    "size": "the size table says something else",
    "too-long": "nobody can check a sentence of that length",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about one sentence.

    Attributes:
        where: "file:line".
        what: stopped, long, unreadable, repeated, no-notice or unsaid.
        rule, found: of the gate, for what is stopped.
    """

    where: str
    what: str
    text: str
    why: str
    suggestion: str = ""
    rule: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a segment takes.

    Attributes:
        wordings: the least that a line of it has.
    """

    segment: str
    product: str | None
    lines: int
    wordings: int
    seconds: float


@dataclass(slots=True)
class Report:
    """All findings; those that are `stopped` keep the script off the air."""

    stopped: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)
    lengths: list[Length] = field(default_factory=list)
    sentences: int = 0

    @property
    def seconds(self) -> float:
        """How long one round takes."""
        return sum(length.seconds for length in self.lengths)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "ok": not self.stopped,
            "sentences": self.sentences,
            "seconds": round(self.seconds, 1),
            "stopped": [asdict(finding) for finding in self.stopped],
            "notes": [asdict(finding) for finding in self.notes],
            "segments": [asdict(length) for length in self.lengths],
        }


def report(shelf: Shelf, now: datetime) -> Report:
    """Read a whole script as the gate, a voice and a viewer will."""
    found = Report()
    reading = _Reading(shelf.catalog, shelf.gate, now)
    for segment in shelf.catalog.segments:
        reading.segment(segment, found)
    for beside in shelf.catalog.plan.beside:
        reading.beside(beside, found)
    for sale in shelf.catalog.plan.sales:
        reading.during(sale, found)
    found.stopped += reading.cards()
    found.notes += [*reading.repeats(), *reading.unsaid(), *reading.notice(str(shelf.rundown))]
    return found


class _Reading:
    def __init__(self, catalog: Catalog, gate: Gate, now: datetime) -> None:
        self._catalog, self._gate, self._now = catalog, gate, now
        self._rules = {rule.id: rule.text for rule in gate.rules.all}
        self._where: dict[str, dict[str, str]] = defaultdict(dict)  # line to file:line
        self._said: dict[str | None, list[str]] = defaultdict(list)

    def segment(self, segment: Segment, found: Report) -> None:
        product = self._catalog.products.get(segment.product or "")
        length = 0.0
        for n, line in enumerate(segment.lines, 1):
            for worded in wordings(line, 0, ""):
                self._line(worded, f"{segment.id}, line {n}", product, found)
            said = fill(line, product, self._now)
            length += seconds(said) if said else 0.0
        least = min(1 + len(line.variants) for line in segment.lines)
        count = len(segment.lines)
        found.lengths.append(Length(segment.id, segment.product, count, least, round(length, 1)))

    def beside(self, segment: Segment, found: Report) -> None:
        """Read what is said beside the script; it has no length of its own."""
        product = self._catalog.products.get(segment.product or "")
        for n, line in enumerate(segment.lines, 1):
            for worded in wordings(line, 0, ""):
                self._line(worded, f"{segment.id}, line {n}", product, found)

    def during(self, sale: FlashSale, found: Report) -> None:
        """Read what is said while a flash sale is on, at the price that it then has."""
        offer, product = self._catalog.offer(sale), self._catalog.cards.get(sale.product)
        if offer is None or product is None:
            return
        segment, moment = self._catalog.plan.during(sale), max(self._now, offer.start)
        for n, line in enumerate(segment.lines, 1):
            for worded in wordings(line, 0, ""):
                self._line(worded, f"{segment.id}, line {n}", product, found, [moment])

    def _line(
        self,
        line: Line,
        place: str,
        product: Product | None,
        found: Report,
        times: Sequence[datetime] = (),
    ) -> None:
        judged: set[str] = set()
        found.notes += _manner(line.where, fill(line, product, self._now) or "")
        for moment in times or moments(product, self._now):
            for sentence in split(fill(line, product, moment) or ""):
                if sentence in judged:
                    continue
                judged.add(sentence)
                verdict = self._gate.check(sentence, product, moment)
                if not verdict.ok:
                    found.stopped.append(self._stopped(line.where, sentence, verdict))
        found.sentences += len(judged)
        for sentence in judged:
            self._where[sentence][place] = line.where
            self._said[product.id if product else None].append(sentence)

    def _stopped(self, where: str, sentence: str, verdict: Verdict) -> Finding:
        rule = self._rules.get(verdict.rule)
        why = (
            f"{rule.title}（{rule.source}）" if rule else _WHY.get(verdict.rule, "may not be said")
        )
        advice = _ADVICE.get(verdict.category, "say it in other words, or leave it out")
        return Finding(where, "stopped", sentence, why, advice, verdict.rule, verdict.found)

    def cards(self) -> Iterator[Finding]:
        """Yield what the gate stops in texts of the cards; answers quote them."""
        for product in self._catalog.products.values():
            for key, text, moment in sayable(product, self._now):
                verdict = self._gate.check(text, product, moment)
                if not verdict.ok:
                    where = self._catalog.where(product.id, key, text[:20])
                    yield self._stopped(where, text, verdict)

    def repeats(self) -> Iterator[Finding]:
        """Yield sentences that stand in several lines."""
        for sentence, places in self._where.items():
            first, *others = places
            if others:
                why = f"stands again in {'; '.join(others)}"
                yield Finding(places[first], "repeated", sentence, why, "reword")

    def notice(self, where: str) -> Iterator[Finding]:
        """Yield a finding when the script never says that the host is made with AI."""
        if not any(_NOTICE.search(text) for texts in self._said.values() for text in texts):
            yield Finding(
                where, "no-notice", "", "the script never says that the host is AI-generated",
                "say it in the opening; the host also says it by herself every notice_minutes",
            )  # fmt: skip

    def unsaid(self) -> Iterator[Finding]:
        """Yield facts of the cards that no sentence about the product says."""
        for product in self._catalog.products.values():
            if product.id not in self._said:
                where = self._catalog.where(product.id)
                yield Finding(where, "unsaid", product.name, "no segment is about this product")
                continue
            said = pairs("，".join(self._said[product.id]))
            for key, text in _facts(product):
                words = pairs(text)
                if words and len(words & said) / len(words) < _SAID:
                    where = self._catalog.where(product.id, key, text[:10])
                    yield Finding(where, "unsaid", text, f"{key} of the card is never said")


def _facts(product: Product) -> Iterator[tuple[str, str]]:
    yield from (("selling_points", text) for text in product.selling_points)
    yield from (("details", f"{name}{value}") for name, value in product.details.items())
    for key in ("usage", "authenticity", "warranty"):
        if text := getattr(product, key):
            yield key, text
    if product.returns:
        yield "returns", product.returns.text


def _manner(where: str, said: str) -> Iterator[Finding]:
    """Yield what a voice or a listener has trouble with."""
    longest = max(_STOP.split(said), key=len)
    if (length := seconds(longest)) > MOST_SECONDS:
        why = f"takes about {length:.0f} seconds without a full stop"
        yield Finding(where, "long", longest, why, "make two sentences of it")
    if odd := _UNREADABLE.search(said):
        why = f"{odd[0]!r} cannot be read aloud"
        yield Finding(where, "unreadable", said, why, "write it in words", found=odd[0])
