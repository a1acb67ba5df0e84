"""Keep a service running: restart it with back-off, log on the edge, give up only on bad settings.

In:  a coroutine factory.   Out: the same service, started again whenever it ends or fails.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator

from livehost.errors import ConfigError

log = logging.getLogger(__name__)


def backoff(
    first: float = 1.0,
    factor: float = 1.6,
    most: float = 30.0,
    jitter: float = 0.2,
    seed: int | None = None,
) -> Iterator[float]:
    """Yield the seconds to wait before attempt 1, 2, 3, ...; never ends.

    Args:
        jitter: each delay is spread evenly by this share both ways, so that many links that
            failed together do not come back together.
        seed: makes the spread repeatable.
    """
    spread = random.Random(seed)
    delay = first
    while True:
        yield delay * spread.uniform(1 - jitter, 1 + jitter)
        delay = min(delay * factor, most)


async def supervise(
    name: str,
    service: Callable[[], Awaitable[None]],
    *,
    first: float = 0.5,
    most: float = 30.0,
    stable_after: float = 60.0,
) -> None:
    """Run `service()` for ever; after an end or an error wait and run it again.

    Args:
        stable_after: seconds of running after which the back-off starts anew.

    Raises:
        ConfigError: from the service; retrying cannot help.
    """
    now = asyncio.get_running_loop().time
    delays = backoff(first, most=most)
    while True:
        began = now()
        try:
            await service()
            log.warning("service ended", extra={"service": name})
        except ConfigError:
            raise
        except Exception:
            log.exception("service failed", extra={"service": name})
        if now() - began > stable_after:
            delays = backoff(first, most=most)
        await asyncio.sleep(next(delays))
