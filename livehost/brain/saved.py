"""Files that are saved while the room is on air: put in force, or reported and left aside.

In:  product files, the rundown, word lists.   Out: what is said and judged from now on.
"""

from __future__ import annotations

import asyncio
import logging

from livehost.brain.catalog import Catalog
from livehost.brain.gate.reload import Rules
from livehost.brain.speaker import Speaker
from livehost.brain.state import State

log = logging.getLogger(__name__)

RELOAD_SECONDS = 1.0


class Saved:
    """Watches files."""

    def __init__(self, catalog: Catalog, rules: Rules, state: State, speaker: Speaker) -> None:
        self._catalog = catalog
        self._rules = rules
        self._state = state
        self._speaker = speaker

    async def catalog(self) -> None:
        """Watch products and rundown until cancelled."""
        loop, catalog = asyncio.get_running_loop(), self._catalog
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            if not await loop.run_in_executor(None, catalog.changed):
                continue
            problems = await loop.run_in_executor(None, catalog.reload)
            if problems:
                log.warning("catalog not reloaded", extra={"problems": list(problems)})
                continue
            log.info("catalog reloaded", extra={"version": catalog.version})
            self._state.audit("reload", version=catalog.version)
            self._speaker.renew()

    async def wordlists(self) -> None:
        """Watch word lists until cancelled; broken ones leave the old ones in force."""
        loop, rules = asyncio.get_running_loop(), self._rules
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            if not await loop.run_in_executor(None, rules.changed):
                continue
            problems = await loop.run_in_executor(None, rules.reload)
            if problems:
                log.warning("word lists not reloaded", extra={"problems": list(problems)})
                continue
            log.info("word lists reloaded", extra={"version": rules.version})
            self._state.audit("reload", wordlists=rules.version)
