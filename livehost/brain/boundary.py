"""When the next sentence may be sent: not before the last one is nearly over.

In:  the stage's reports, its playout level.   Out: moments at which nothing stands against sending.

The stage gets the next sentence only `LEAD` seconds before the last one ends, so that an answer
to a viewer can still go first.
"""

from __future__ import annotations

import asyncio
import logging

from livehost.brain.on_air import OnAir, Record
from livehost.brain.picture import Picture
from livehost.brain.stage_link import StageLink
from livehost.wire import Cue, CueKind

log = logging.getLogger(__name__)

LEAD = 0.7  # seconds before the end of a sentence at which the next one is sent
SETTLE = 0.6  # seconds in which the stage has to confirm a cut
GREETING = 0.2  # seconds in which a stage tells what happened before
LEFTOVER = 3.0  # most seconds of an earlier process's speech that are heard out


class Boundary:
    """Waits for the end of sentences.

    Attributes:
        met: the link's session that was greeted.
    """

    def __init__(self, link: StageLink, picture: Picture, on_air: OnAir, record: Record) -> None:
        self._link = link
        self._picture = picture
        self._on_air = on_air
        self._record = record
        self._changed = asyncio.Event()
        self._settle_until = float("-inf")
        self.met = 0

    def note(self) -> None:
        """Note that something changed: whoever waits looks again."""
        self._changed.set()

    async def change(self, most: float | None = None) -> None:
        """Wait until something changes, at most `most` seconds."""
        self._changed.clear()
        try:
            async with asyncio.timeout(most):
                await self._changed.wait()
        except TimeoutError:
            pass

    def cut(self, within: float = 0.0) -> None:
        """Have the stage be silent at the next tick, or in the next pause `within` seconds."""
        self._link.cue(Cue(CueKind.CUT, {"within": within} if within else {}))
        self._settle_until = _now() + within + SETTLE

    async def there(self) -> bool:
        """Wait for a stage that is known; return whether it had to be greeted. Raises WireLost.

        What it tells then moves the script: what was prepared before may be elsewhere in it.
        """
        while not self._link.connected or self._picture.paused:
            await self.change()
        if self._link.session == self.met:
            return False
        await self._greet()
        return True

    async def near(self) -> bool:
        """Wait for the end of what sounds; return whether to send now. Raises WireLost."""
        await self._link.until(LEAD)
        return self.clear

    @property
    def clear(self) -> bool:
        """Whether nothing stands against sending now."""
        known = self._link.connected and self._link.session == self.met
        return known and not self._picture.paused and not self._on_air.unsettled

    async def settled(self) -> bool:
        """Wait until the stage has confirmed a cut, or should have; return whether there was one.

        More may have been heard by then than was known when the next utterance was prepared.
        """
        if not self._on_air.unsettled:
            return False
        if not await self._confirmed():
            log.warning("stage did not confirm a cut")
            self._on_air.forget()
        return True

    async def _confirmed(self) -> bool:
        """Wait until the stage has told what was heard of what was cut; return whether it did."""
        while self._on_air.unsettled and (left := self._settle_until - _now()) > 0:
            await self.change(left)
        return not self._on_air.unsettled

    async def _greet(self) -> None:
        """Bring a stage into a known state before speaking to it.

        Reports that it kept while there was no brain come first; what an earlier process had sent
        completely is heard out; the rest is cut and said again. Raises WireLost.
        """
        session, hello = self._link.session, self._link.hello
        if hello:
            self._record.audit(
                "show", event="stage", boot=hello.boot,
                width=hello.width, height=hello.height, fps=hello.fps,
            )  # fmt: skip
        self._picture.renew()
        await asyncio.sleep(GREETING)
        if session == 1 and hello and hello.on_air:
            try:
                async with asyncio.timeout(LEFTOVER):
                    await self._link.until(0.0)
            except TimeoutError:
                pass
            await asyncio.sleep(GREETING)
        self.cut()
        self._on_air.drop(resume=True, how="lost")
        await self._confirmed()
        self._on_air.forget()
        self.met = session


def _now() -> float:
    return asyncio.get_running_loop().time()
