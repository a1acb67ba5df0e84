"""Sizes: only those that are sold, and for a body only those that the size table gives.

In:  folded text with its figures, the card.   Out: the words that are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from livehost.brain.gate.card import Card
from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import Quantity
from livehost.brain.product import Size

_NAME = re.compile(
    r"(?<![a-z0-9])(\d?x{0,4}[sml]|\d?xl)\s*码|(?:\bsize\s+)(\d?x{0,4}[sml]|\d?xl)\b"
)
_BODY = re.compile(r"身高|体重|厘米|斤|公斤|cm|kg|height|weight|穿|码")
_TABLE_DIMS = frozenset({"cm", "jin"})
_LEAST_BODY = 40
"""Centimetres or jin below this measure a thing, not a person."""


def is_body(text: str) -> bool:
    """Return whether a sentence speaks of a person's measures."""
    return bool(_BODY.search(text))


def in_table(dim: str, value: Decimal, card: Card) -> bool:
    """Return whether a row of the size table holds this measure."""
    ranges = [s.height_cm if dim == "cm" else s.jin for s in card.product.size]
    return any(least <= value <= most for least, most in ranges)


def wrong_size(text: str, figures: Sequence[Quantity], card: Card | None) -> str:
    """Return a size that is not sold, or a measure that the size named does not fit; "" if fine."""
    named = {m[1] or m[2]: m[0] for m in _NAME.finditer(text)}
    for name, said in named.items():
        if card is None or name not in card.sizes:
            return said
    if card is None:
        return ""
    rows = [size for size in card.product.size if fold(size.name).text in named]
    for figure in figures:
        if rows and _measures(figure) and not any(_fits(row, figure) for row in rows):
            return figure.text
    return ""


def _measures(figure: Quantity) -> bool:
    return figure.dim in _TABLE_DIMS and (figure.value or 0) >= _LEAST_BODY


def _fits(row: Size, figure: Quantity) -> bool:
    value = float(figure.value or 0)
    return row.fits(value, None) if figure.dim == "cm" else row.fits(None, value)
