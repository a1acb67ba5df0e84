"""Have a language model read what every question about the product on air begins with, ahead.

In:  who answers, the product on air.   Out: one request of one token whenever that beginning or the
server changes; the first question about a product then costs its own words only.

Nothing waits for it: it ends when the product moves on, and what fails is tried again later. The
answers' own rules hold: the token budget, and no request to a server that is left alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from livehost.brain.product import Product
from livehost.brain.reply.answer import Replier
from livehost.brain.reply.openai import OpenAIReplier
from livehost.errors import LivehostError, Transient

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 15.0
APART_SECONDS = 60.0
"""Between two beginnings of one product: prices and offers change within a show."""

Beginning = tuple[str, list[dict[str, str]]]


async def keep_warm(replier: Replier, product: Callable[[], Product | None]) -> None:
    """Keep a server warm for the product on air, until cancelled."""
    if not isinstance(replier, OpenAIReplier):
        await asyncio.Event().wait()
        return
    clock = asyncio.get_running_loop().time
    done: Beginning | None = None
    about, since = "", float("-inf")
    while True:
        shown = product()
        wanted = _wanted(replier, shown)
        name = shown.id if shown else ""
        rests = name == about and clock() - since < APART_SECONDS
        if wanted is not None and wanted != done and not rests:
            done = wanted if await _warmed(replier, wanted, product) else None
            if done:
                about, since = name, clock()
        await asyncio.sleep(LOOK_SECONDS)


def _wanted(replier: OpenAIReplier, product: Product | None) -> Beginning | None:
    try:
        return replier.opening(product)
    except Transient:
        return None


async def _warmed(
    replier: OpenAIReplier, wanted: Beginning, product: Callable[[], Product | None]
) -> bool:
    """Warm the server; return whether it need not be tried again for this beginning."""
    asking = asyncio.ensure_future(replier.warm(wanted[1]))
    try:
        while not (await asyncio.wait({asking}, timeout=LOOK_SECONDS))[0]:
            if _wanted(replier, product()) != wanted:
                return False
        if asking.result():
            return True
    except LivehostError as error:
        log.info("the language model was not warmed", extra={"error": str(error)})
    finally:
        asking.cancel()
        with suppress(asyncio.CancelledError, LivehostError):
            await asking
    await asyncio.sleep(AGAIN_SECONDS)
    return False
