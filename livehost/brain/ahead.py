"""Speech made before it is needed: script and programme cost no synthesis when their time comes.

In:  the script from here on, what is due beside it soon, fixed texts, common answers.
Out: speech in the cache.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any, Protocol

from livehost.brain.director import Director
from livehost.brain.emotion import Feeling
from livehost.brain.intent import Intent, Place
from livehost.brain.manners import Manners
from livehost.errors import LivehostError

log = logging.getLogger(__name__)

MOST_LINES = 2000
SOON = 90.0  # seconds before it is due at which something beside the script is made
LOOK_SECONDS = 5.0  # between two looks at what is due soon
MOST_BESIDE = 16  # utterances beside the script at one look
IDLE_SECONDS = 60.0  # between two rounds: promotions begin and end, files are saved
FORGET_ROUNDS = 20  # after which the cache is asked again: it may have dropped some


class Cache(Protocol):
    """See `livehost.brain.voice.SpeechCache`; live speech goes before what is prepared."""

    async def prepare(self, sentence: Any) -> bool:
        """Make speech of `sentence` and keep it; return whether it is kept."""
        ...


class Script(Protocol):
    """See `livehost.brain.writer.ShowWriter`."""

    def ahead(self, place: Place) -> Iterator[tuple[str, Feeling]]:
        """Yield (text, feeling) of a line as it will be spoken."""
        ...

    def beside(self, intent: Intent, at: datetime) -> Iterator[tuple[str, Feeling]]:
        """Yield (text, feeling) of lines beside the script as they will be spoken at `at`."""
        ...


async def _nothing() -> AsyncIterator[tuple[str, Feeling]]:
    none: tuple[tuple[str, Feeling], ...] = ()
    for said in none:
        yield said


class SpeechAhead:
    """Fill the cache, the next lines first.

    Args:
        voice: gives the cache once it is there.
        answers: gives (text, feeling) of what viewers will probably ask for.
        sentence: makes what the cache takes of (text, feeling).

    Attributes:
        made: sentences known to be in the cache.
        failed: sentences that could not be made.
    """

    def __init__(
        self,
        voice: Callable[[], Awaitable[Cache]],
        script: Script,
        director: Director,
        manners: Manners,
        sentence: Callable[[str, Feeling], Any],
        answers: Callable[[], AsyncIterator[tuple[str, Feeling]]] = _nothing,
    ) -> None:
        self._voice = voice
        self._script = script
        self._director = director
        self._manners = manners
        self._sentence = sentence
        self._answers = answers
        self._done: set[tuple[str, Feeling]] = set()
        self._finished: set[Place] = set()
        self._looked = float("-inf")
        self.made = 0
        self.failed = 0

    async def run(self) -> None:
        """Make speech until cancelled."""
        voice = await self._voice()
        rounds = 0
        while True:
            while place := self._next_place():
                for said in list(self._script.ahead(place)):
                    await self._make(voice, *said)
                self._finished.add(place)
                await self._beside(voice)
                await asyncio.sleep(0)  # a long script must not hold up the loop
            for said in self._manners.fixed():
                await self._make(voice, *said)
            async for said in self._answers():
                await self._make(voice, *said)
                await self._beside(voice)
            await self._rest(voice)
            self._finished.clear()
            rounds += 1
            if rounds % FORGET_ROUNDS == 0:
                self._done.clear()

    async def _rest(self, voice: Cache) -> None:
        """Do nothing for a while but look at what is due soon."""
        until = _now() + IDLE_SECONDS
        while (left := until - _now()) > 0:
            await asyncio.sleep(min(left, LOOK_SECONDS))
            await self._beside(voice)

    async def _beside(self, voice: Cache) -> None:
        """Make what is due beside the script soon; most of the time there is nothing new."""
        if _now() - self._looked < LOOK_SECONDS:
            return
        self._looked = _now()
        for at, intent in self._director.programme.coming(SOON)[:MOST_BESIDE]:
            for said in list(self._script.beside(intent, at)):
                await self._make(voice, *said)

    def _next_place(self) -> Place | None:
        """Return the next line not made in this round, the nearest first."""
        return next(
            (p for p in self._director.upcoming(MOST_LINES) if p not in self._finished), None
        )

    async def _make(self, voice: Cache, text: str, how: Feeling) -> None:
        if (text, how) in self._done:
            return
        self._done.add((text, how))
        try:
            kept = await voice.prepare(self._sentence(text, how))
        except LivehostError as error:
            kept = False
            log.warning("speech cannot be made ahead", extra={"text": text, "error": str(error)})
        self.made += kept
        self.failed += not kept


def _now() -> float:
    return asyncio.get_running_loop().time()
