"""Which questions one answer settles: those whose few words stand in the same breath.

In:  the question to be answered, the first of each group that waits.   Out: the others to take.

While many wait, the facts of the card (price, stock, delivery) go before sizes, which cost a few
words for each viewer: a breath that settles most of a crowd stays short. Complaints get one apology
for each kind, comparisons one answer after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from livehost.brain.chat.classes import Class
from livehost.brain.chat.waiting import Waiting
from livehost.brain.reply.situation import complaint

MANY = 3  # questions from which several are answered in one breath
CROWDED = 8  # questions from which facts and sizes are answered apart
MOST_BREATH = 5  # different questions in one breath
MOST_SIZES = 8  # sizes besides: a few words a viewer
MOST_KINDS = 3  # of complaints, or comparisons, in one breath
MOST_PASSED = 5  # more urgent questions that a breath in a crowd leaves behind
MOST_SAME = 30  # questions besides that what is said answers already
_SHORT = frozenset({Class.PRICE, Class.SIZE, Class.STOCK, Class.DELIVERY, Class.SERVICE})
"""Classes whose answers are a few words of the card."""
_ALIKE = frozenset({Class.COMPLAINT, Class.COMPARISON})
"""Classes of which one breath answers several, whatever product they are about."""
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
    if len(waiting) < MANY:
        return []
    if best.of in _ALIKE:
        return _alike(best, waiting)
    if best.of not in _SHORT:
        return []
    fitting = [other for other in waiting if other is not best and _fits(other, best, product)]
    crowd = len(waiting) >= CROWDED
    now = fitting
    if crowd and best.of is not Class.SIZE:
        now = list(_before_others(best, waiting, product))
    sizes = [other for other in now if other.of is Class.SIZE][:MOST_SIZES]
    short = [other for other in now if other.of is not Class.SIZE]
    if crowd:
        short, sizes = ([], sizes) if best.of is Class.SIZE else (short, [])
    chosen = [*short[: MOST_BREATH - 1], *sizes]
    others = [o for o in fitting if o not in chosen and o.of is not Class.SIZE]
    return [*chosen, *islice(_said([best, *chosen], others), MOST_SAME)]


def _before_others(
    best: Waiting, waiting: Iterable[Waiting], product: str | None
) -> Iterator[Waiting]:
    """Yield what fits `best` until too many who do not fit have been passed over."""
    passed = 0
    for other in waiting:
        if other is not best and _fits(other, best, product):
            yield other
        passed += not _fits(other, best, product)
        if passed > MOST_PASSED:
            return


def _alike(best: Waiting, waiting: Iterable[Waiting]) -> list[Waiting]:
    """Return the others of the class of `best`: all that get the same answer, a few more kinds."""
    kinds = {_kind(best)}
    chosen: list[Waiting] = []
    for other in waiting:
        if other is best or other.of is not best.of or not _in_one_language(other, best):
            continue
        kind = _kind(other)
        if len(chosen) < MOST_SAME and (kind in kinds or len(kinds) < MOST_KINDS):
            kinds.add(kind)
            chosen.append(other)
    return chosen


def _kind(one: Waiting) -> str:
    """Return what is equal for messages that get the same answer."""
    if one.of is Class.COMPLAINT and one.reading:
        return complaint(one.reading.plain)
    return one.message.id


def answered_with(
    answer: Sequence[Waiting], waiting: Iterable[Waiting], product: str | None
) -> list[Waiting]:
    """Return those of `waiting` that ask for what the answer to all of `answer` says anyway."""
    first = answer[0]
    return list(_said(answer, (other for other in waiting if _fits(other, first, product))))


def _fits(other: Waiting, best: Waiting, product: str | None) -> bool:
    """Return whether two questions have short answers about the same product in one language."""
    about = (other.about or product) == (best.about or product)
    return other.of in _SHORT and about and _in_one_language(other, best)


def _in_one_language(one: Waiting, other: Waiting) -> bool:
    both = one.reading, other.reading
    return bool(both[0] and both[1] and both[0].english == both[1].english)


def _said(answer: Sequence[Waiting], others: Iterable[Waiting]) -> Iterable[Waiting]:
    said = {asked.reading.intent for asked in answer if asked.reading} & _ONE_ANSWER
    return (other for other in others if other.reading and other.reading.intent in said)
