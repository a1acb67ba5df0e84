"""More wordings for every line, until no round of so many is like another.

In:  a rundown and its cards.   Out: the rundown with variants; how many lines have how many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from livehost.brain.catalog import Catalog, Line
from livehost.brain.gate import Gate
from livehost.brain.script import key_of, wordings
from livehost.studio.draft import Draft
from livehost.studio.essence import terms_of
from livehost.studio.judge import stopped
from livehost.studio.paraphrase import wordings_of

MOST_WORDINGS = 8
"""Of one line; more of them sound alike."""


@dataclass(frozen=True, slots=True)
class Variety:
    """What a number of rounds have in common.

    Attributes:
        lines: of the rundown.
        alone: lines with a single wording.
        alike: pairs of rounds that are the same word for word.
        changed: mean share of lines that differ between a round and the next, 0 to 1.
    """

    rounds: int
    lines: int
    alone: int
    alike: int
    changed: float


def vary(draft: Draft, catalog: Catalog, gate: Gate, rounds: int, seed: str, now: datetime) -> None:
    """Give every line up to `rounds` wordings; all of them say the same and pass the gate."""
    wanted = min(rounds, MOST_WORDINGS)
    terms = terms_of(catalog.products.values())
    for segment, line in draft.lines():
        product = catalog.products.get(segment.product or "")
        for text in tuple(line.texts):
            missing = wanted - len(line.texts)
            if missing <= 0:
                break
            others = wordings_of(text, missing, f"{seed}.{segment.id}", terms, tuple(line.texts))
            line.texts += [
                other
                for other in others
                if stopped(other, line.promotion, product, gate, now) is None
            ]


def variety(draft: Draft, rounds: int) -> Variety:
    """Return how different `rounds` rounds are, as they will be spoken."""
    lines = [
        (line, key_of(segment.id, line))
        for segment, drafted in draft.lines()
        for line in [Line(drafted.texts[0], variants=tuple(drafted.texts[1:]))]
    ]
    said = [tuple(next(wordings(line, n, key)).text for line, key in lines) for n in range(rounds)]
    alike = sum(one == other for n, one in enumerate(said) for other in said[n + 1 :])
    shares = [_share(one, other) for one, other in pairwise(said)]
    return Variety(
        rounds,
        len(lines),
        sum(not line.variants for line, _ in lines),
        alike,
        sum(shares) / len(shares) if shares else 0.0,
    )


def _share(one: Iterable[str], other: Iterable[str]) -> float:
    pairs = list(zip(one, other, strict=True))
    return sum(a != b for a, b in pairs) / max(1, len(pairs))
