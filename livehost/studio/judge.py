"""What the gate says about every wording of a rundown, in all the times that it may be said in.

In:  a draft, cards, the gate.   Out: verdicts; the draft without what would be stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from livehost.brain.catalog import Catalog, Line, fill
from livehost.brain.gate import Gate, Verdict
from livehost.brain.product import Product
from livehost.brain.sentences import split
from livehost.studio.draft import Draft, DraftLine, DraftSegment


@dataclass(frozen=True, slots=True)
class Stopped:
    """A sentence that the gate would not let through."""

    sentence: str
    verdict: Verdict


def moments(product: Product | None, now: datetime) -> list[datetime]:
    """Return the times at which a product's card says different things, from `now` on."""
    offers = product.promotion if product else ()
    edges = {moment for offer in offers for moment in (offer.start, offer.end) if moment > now}
    return [now, *sorted(edges)]


def stopped(
    text: str, promotion: str, product: Product | None, gate: Gate, now: datetime
) -> Stopped | None:
    """Return the first sentence of a wording that would be stopped at any time, or None."""
    for moment in moments(product, now):
        said = fill(Line(text, promotion=promotion), product, moment)
        for sentence in split(said or ""):
            verdict = gate.check(sentence, product, moment)
            if not verdict.ok:
                return Stopped(sentence, verdict)
    return None


def prune(draft: Draft, catalog: Catalog, gate: Gate, now: datetime) -> None:
    """Take out wordings that would be stopped, and lines of which none is left; note each."""
    for segment in draft.segments:
        product = catalog.products.get(segment.product or "")
        for line in segment.lines:
            line.texts = list(_fine(line, segment, product, gate, now, draft.notes))
        segment.lines = [line for line in segment.lines if line.texts]
    draft.segments = [segment for segment in draft.segments if segment.lines]


def _fine(
    line: DraftLine,
    segment: DraftSegment,
    product: Product | None,
    gate: Gate,
    now: datetime,
    notes: list[str],
) -> Iterator[str]:
    for text in line.texts:
        wrong = stopped(text, line.promotion, product, gate, now)
        if wrong is None:
            yield text
        else:
            found, rule = wrong.verdict.found, wrong.verdict.rule
            notes.append(f"{segment.id}: {text}: 「{found}」 is stopped by rule {rule}; left out")
