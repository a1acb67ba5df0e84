"""Several who ask for a size without measures hear the size table, as a host reads it out.

In:  what is to be told to several.   Out: the same, with the table in place of a question back.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from livehost.brain.product import Product
from livehost.brain.reply.facts import Slots
from livehost.brain.reply.together import Told
from livehost.brain.reply.wording import Wording

SEVERAL = 5
"""Viewers: so many will not all come back with their measures."""
AGAIN = 60.0
"""Seconds until the table is read out again."""
KEY = "size_chart"


def charted(told: list[Told], words: Wording) -> list[Told]:
    """Return `told` with the table in it, unless it was read out a moment ago.

    To be called in an event loop.
    """
    asking = [one for one in told if one.key == "size_ask"]
    if sum(one.question.viewers for one in asking) < SEVERAL:
        return told
    product, message = asking[0].meaning.product, asking[0].question.message
    now = asyncio.get_running_loop().time()
    if product is None or words.said_lately((KEY, product.id), message, now, AGAIN):
        return told
    return [_with_chart(one, product) for one in told]


def _with_chart(one: Told, product: Product) -> Told:
    if one.key != "size_ask" or one.meaning.product is not product:
        return one
    return replace(one, key=KEY, slots=one.slots | _chart(product, one.language))


def _chart(product: Product, language: str) -> Slots:
    """Return the weights of all sizes; their heights are too much to listen to."""
    rows = [(row.name, *row.jin) for row in product.size]
    if language == "zh":
        return {"chart": "，".join(f"{name}码{a:g}到{b:g}斤" for name, a, b in rows)}
    return {"chart": ", ".join(f"size {name} {a / 2:g} to {b / 2:g} kg" for name, a, b in rows)}
