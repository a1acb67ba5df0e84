"""Who goes first on a busy machine: the brain while viewers wait for it, then the stage.

In:  whether the host is heard.   Out: this process's niceness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livehost import process

NICENESS = 5
START_SECONDS = 60.0  # within which the host is heard, or there is no stage
LOOK_SECONDS = 0.5


async def give_way(heard: Callable[[], bool]) -> None:
    """Give way to the stage, which has deadlines, once the host is heard.

    A start that gives way from its first moment takes several times as long on a busy machine, and
    viewers wait for it.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            while not heard():  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        pass
    process.give_way(NICENESS)
