"""Which questions one answer settles: those whose few words stand in the same breath.

In:  the question to be answered, the first of each group that waits.   Out: the others to take.

While many wait, the facts of the card (price, stock, delivery) go before sizes, which cost a few
words for each viewer: a breath that settles most of a crowd stays short.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from livehost.brain.chat.classes import Class
from livehost.brain.chat.waiting import Waiting

MANY = 3  # questions from which several are answered in one breath
CROWDED = 8  # questions from which facts and sizes are answered apart
MOST_BREATH = 5  # different questions in one breath
MOST_SIZES = 5  # sizes besides: a few words a viewer
MOST_SAME = 30  # questions besides that what is said answers already
_SHORT = frozenset({Class.PRICE, Class.SIZE, Class.STOCK, Class.DELIVERY, Class.SERVICE})
"""Classes whose answers are a few words of the card."""
_ONE_ANSWER = frozenset(
    {
        "price",
        "discount",
        "stock",
        "colours",
        "sizes",
        "shipping_fee",
        "returns",
        "warranty",
        "order",
    }
)
"""Intents that are answered the same whatever else the question holds."""


def together(best: Waiting, waiting: Sequence[Waiting], product: str | None) -> list[Waiting]:
    """Return the questions that can be answered with `best`, in the order of `waiting`.

    Args:
        waiting: the first of each group, `best` among them, the most urgent first.
        product: on air.
    """
    if len(waiting) < MANY or best.of not in _SHORT:
        return []
    fitting = [other for other in waiting if other is not best and _fits(other, best, product)]
    sizes = [other for other in fitting if other.of is Class.SIZE][:MOST_SIZES]
    short = [other for other in fitting if other.of is not Class.SIZE]
    if len(waiting) >= CROWDED:
        short, sizes = ([], sizes) if best.of is Class.SIZE else (short, [])
    chosen = [*short[: MOST_BREATH - 1], *sizes]
    return [*chosen, *islice(_said([best, *chosen], short[MOST_BREATH - 1 :]), MOST_SAME)]


def answered_with(
    answer: Sequence[Waiting], waiting: Iterable[Waiting], product: str | None
) -> list[Waiting]:
    """Return those of `waiting` that ask for what the answer to all of `answer` says anyway."""
    first = answer[0]
    return list(_said(answer, (other for other in waiting if _fits(other, first, product))))


def _fits(other: Waiting, best: Waiting, product: str | None) -> bool:
    """Return whether two questions have short answers about the same product in one language."""
    one, two = other.reading, best.reading
    return (
        other.of in _SHORT
        and (other.about or product) == (best.about or product)
        and one is not None
        and two is not None
        and one.english == two.english
    )


def _said(answer: Sequence[Waiting], others: Iterable[Waiting]) -> Iterable[Waiting]:
    said = {asked.reading.intent for asked in answer if asked.reading} & _ONE_ANSWER
    return (other for other in others if other.reading and other.reading.intent in said)
