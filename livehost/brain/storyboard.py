"""What is on the picture while a line is said: the product's card, a picture, its sizes.

In:  the product of a segment, `show` of a line, the time.   Out: the data of a PRODUCT cue.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from livehost.brain.product import Product

CARD, HOST, SIZES, COLOURS, OFFER = "card", "host", "sizes", "colours", "offer"
SHOW = re.compile(r"card|host|sizes|colours|offer|picture-[1-9]")
_PICTURE = "picture-"


def shown(product: Product | None, show: str, now: datetime) -> dict[str, Any] | None:
    """Return the card to show; {} hides it, None keeps what is shown.

    What the product does not have at `now` (an offer that is over) is its plain card.
    """
    if show == HOST:
        return {}
    if product is None:
        return None
    card = product.card(now)
    if show.startswith(_PICTURE):
        return card | _picture(product, show)
    tags = _TAGS[show](product, now) if show in _TAGS else []
    return card | {"tags": tags} if tags else card


def lacks(product: Product | None, show: str) -> str:
    """Return what is missing for `show`, in words; "" when it can be shown."""
    if show in ("", HOST):
        return ""
    if product is None:
        return "a product"
    if show.startswith(_PICTURE):
        return "" if _picture(product, show) else f"{show.replace('-', ' ')} of {product.id}"
    has = {
        SIZES: bool(product.values("size")),
        COLOURS: bool(product.values("colour")),
        OFFER: bool(product.promotion),
    }
    return "" if has.get(show, True) else f"{show} of {product.id}"


def _picture(product: Product, show: str) -> dict[str, Any]:
    pictures = product.pictures[int(show.removeprefix(_PICTURE)) - 1 :][:1]
    return {"picture": str(pictures[0])} if pictures else {}


def _sizes(product: Product, _: datetime) -> list[str]:
    if not product.size:
        return list(product.values("size"))
    return [f"{size.name} {size.jin[0]:g}-{size.jin[1]:g}斤" for size in product.size]


def _offer(product: Product, now: datetime) -> list[str]:
    ends = [offer.end for offer in product.offers(now)]
    return [f"截至{min(ends).month}月{min(ends).day}日"] if ends else []


_TAGS: dict[str, Callable[[Product, datetime], list[str]]] = {
    SIZES: _sizes,
    COLOURS: lambda product, _: list(product.values("colour")),
    OFFER: _offer,
}
