"""Keep one source running, whatever it does; nothing of it reaches another source or the show.

In:  a source and its feed.   Out: the source, started again after every loss; states in the feed.

Logging is on the edge: one line when a source is lost, one when it is back. What a foreign
exception says is not logged, because it may quote an address or a header with a key in it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine, Iterator
from typing import Any

from livehost.brain.chat.feed import Feed, State
from livehost.brain.chat.source import Source
from livehost.errors import ConfigError, Transient
from livehost.supervise import backoff

log = logging.getLogger(__name__)

FIRST = 1.0  # seconds before the second try, before jitter
MOST = 30.0
STABLE = 30.0  # a source that was live for so long starts its back-off anew


async def keep(source: Source, feed: Feed, delays: Iterator[float] | None = None) -> None:
    """Run `source` until it ends for good or its settings turn out to be wrong.

    Args:
        delays: the pauses before each new try; None is the usual back-off with jitter.
    """
    waits = delays or backoff(FIRST, most=MOST)
    well = True
    while True:
        feed.is_not_live(State.CONNECTING, feed.reason)
        why = await _once(source, feed)
        if why is None:
            return
        if feed.live_seconds() > STABLE and delays is None:
            waits = backoff(FIRST, most=MOST)
        if well or feed.state is State.LIVE:
            log.warning("chat source lost", extra={"source": feed.name, "reason": why})
        well = False
        feed.last_loss = why
        feed.is_not_live(State.WAITING, why)
        await asyncio.sleep(next(waits))
        feed.reconnects += 1


async def _once(source: Source, feed: Feed) -> str | None:
    """Run the source once; return why it was lost, or None when there is nothing to try again."""
    try:
        await source.run(feed)
    except ConfigError as error:
        cannot_run(feed, error)
        return None
    except Transient as error:
        return str(error)
    except Exception as error:  # a source is a plug-in: its faults stay its own
        where = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "chat source failed",
            extra={
                "source": feed.name,
                "error": type(error).__name__,
                "where": f"{where.filename.rpartition('/')[2]}:{where.lineno}",
            },
        )
        return f"failed inside ({type(error).__name__})"
    feed.is_not_live(State.ENDED)
    log.info("chat source ended", extra={"source": feed.name})
    return None


def cannot_run(feed: Feed, error: ConfigError) -> None:
    """Note that the settings of a source are wrong: nothing is tried again."""
    why = str(error).removeprefix(f"chat source {feed.name}: ")
    feed.is_not_live(State.FAILED, why)
    log.error("chat source cannot run", extra={"source": feed.name, "reason": why})


async def together(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run `jobs` until one of them fails; raise what it raised, the others are cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
