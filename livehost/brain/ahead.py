"""Speech made before it is needed: the script costs no synthesis when its line comes.

In:  the script from here on, fixed texts.   Out: speech in the cache.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

from livehost.brain.director import Director
from livehost.brain.intent import Place
from livehost.brain.manners import Manners
from livehost.errors import LivehostError

log = logging.getLogger(__name__)

NEAR_LINES = 10  # made first, again and again from where the show is
MOST_LINES = 2000
HUNGRY_SECONDS = 0.1  # between two looks whether live speech leaves time
IDLE_SECONDS = 20.0  # between two rounds; promotions begin and end


class Cache(Protocol):
    """See `livehost.brain.voice`."""

    def cached(self, sentence: Any) -> bool:
        """Return whether `sentence` costs no synthesis."""

    async def prepare(self, sentence: Any) -> None:
        """Make speech of `sentence` and keep it."""


class Script(Protocol):
    """See `livehost.brain.writer.ShowWriter`."""

    def ahead(self, place: Place) -> Iterator[tuple[str, str]]:
        """Yield (text, emotion) of a line as it will be spoken."""


class SpeechAhead:
    """Fill the cache while nothing live needs the voice.

    Args:
        hungry: whether live speech is being made now.
        sentence: makes what the cache takes of (text, emotion).

    Attributes:
        made: sentences made.
    """

    def __init__(
        self,
        voice: Callable[[], Awaitable[Cache]],
        script: Script,
        director: Director,
        manners: Manners,
        hungry: Callable[[], bool],
        sentence: Callable[[str, str], Any],
    ) -> None:
        self._voice = voice
        self._script = script
        self._director = director
        self._manners = manners
        self._hungry = hungry
        self._sentence = sentence
        self._refused: set[tuple[str, str]] = set()
        self.made = 0

    async def run(self) -> None:
        """Make speech until cancelled."""
        voice = await self._voice()
        while True:
            while (missing := self._missing(voice)) is not None:
                await self._make(voice, *missing)
            await asyncio.sleep(IDLE_SECONDS)

    def _missing(self, voice: Cache) -> tuple[str, str] | None:
        """Return the next sentence that is not in the cache: near ones first."""
        for count in (NEAR_LINES, MOST_LINES):
            for place in self._director.upcoming(count):
                for said in self._script.ahead(place):
                    if self._lacks(voice, *said):
                        return said
            for text in self._manners.fixed():
                if self._lacks(voice, text, "neutral"):
                    return text, "neutral"
        return None

    def _lacks(self, voice: Cache, text: str, emotion: str) -> bool:
        if (text, emotion) in self._refused:
            return False
        return not voice.cached(self._sentence(text, emotion))

    async def _make(self, voice: Cache, text: str, emotion: str) -> None:
        while self._hungry():
            await asyncio.sleep(HUNGRY_SECONDS)
        try:
            await voice.prepare(self._sentence(text, emotion))
            self.made += 1
        except LivehostError as error:
            log.warning("speech cannot be made ahead", extra={"text": text, "error": str(error)})
        if not voice.cached(self._sentence(text, emotion)):
            self._refused.add((text, emotion))  # a fallback spoke, or nobody did
        await asyncio.sleep(0)
