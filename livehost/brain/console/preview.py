"""The live picture for browsers: one fragmenter for everybody, one bounded queue for each viewer.

In:  the desk's stream tap.   Out: fragmented MP4, from the newest keyframe on, for each viewer.

Nothing is encoded here, and the stream comes only while somebody watches: the first viewer waits
for a keyframe that is made for it. The newest group of pictures is kept ready, so others start at
once. A viewer who cannot keep up skips to a later keyframe; one who takes nothing is let go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from livehost.brain.console.desk import Desk
from livehost.brain.console.fmp4 import TIMESCALE, Fragment, Fragmenter
from livehost.channel import Channel
from livehost.errors import LivehostError
from livehost.media import Packet
from livehost.wire import Encoded, StreamInfo

log = logging.getLogger(__name__)

MOST_VIEWERS = 64
MOST_WAITING = 4 * TIMESCALE  # samples of media queued for one viewer
MOST_READY = 12 * TIMESCALE  # samples kept for viewers to come
FIRST_SECONDS = 3.0  # that one who joins waits for the stream to come
MOST_STALLS = 3  # queues thrown away in a row before the viewer is let go


class Viewer:
    """One browser's queue of fragments."""

    def __init__(self, ready: list[bytes], bound: int = MOST_WAITING) -> None:
        self._queue: Channel[bytes | None] = Channel(bound)
        self._skipping = False
        self._stalls = 0
        self.ended = False
        for data in ready:
            self._queue.offer(data, 0)

    def offer(self, fragment: Fragment) -> bool:
        """Queue `fragment`; return False if that cost what was queued before it."""
        if self._skipping and not fragment.keyframe:
            return True
        if self._queue.offer(fragment.data, fragment.span_samples):
            self._skipping = False
            return True
        self._queue.clear()
        self._skipping = not fragment.keyframe
        if fragment.keyframe:
            self._queue.offer(fragment.data, fragment.span_samples)
        self._stalls += 1
        if self._stalls >= MOST_STALLS:
            self.end()
        return False

    def end(self) -> None:
        """Finish the viewer's stream now; idempotent."""
        self.ended = True
        self._queue.clear()
        self._queue.offer(None)

    async def next(self) -> bytes | None:
        """Return the next bytes, or None at the end. Cancelling loses nothing."""
        if self.ended:
            return None
        data = await self._queue.get()
        self._stalls = 0
        return data


class Preview:
    """Serve the desk's stream to viewers.

    Args:
        desk: where the packets come from.
        most_viewers: further ones are refused.
    """

    def __init__(self, desk: Desk, most_viewers: int = MOST_VIEWERS) -> None:
        self._desk = desk
        self._most = most_viewers
        self._fragmenter: Fragmenter | None = None
        self._ready: list[Fragment] = []
        self._viewers: set[Viewer] = set()
        self._joining = 0
        self._watched, self._begun = asyncio.Event(), asyncio.Event()
        self._lost = ""
        self.fragments = 0
        self.skips = 0
        self.let_go = 0

    @property
    def mime(self) -> str | None:
        """Content type of the stream; None while there is nothing to show."""
        return self._fragmenter.mime if self._fragmenter and self._ready else None

    @property
    def full(self) -> bool:
        """No further viewer is taken."""
        return len(self._viewers) >= self._most

    def metrics(self) -> dict[str, float]:
        """Return the preview's numbers by Prometheus name."""
        return {
            "livehost_preview_viewers": len(self._viewers),
            "livehost_preview_fragments_total": self.fragments,
            "livehost_preview_skips_total": self.skips,
            "livehost_preview_let_go_total": self.let_go,
        }

    async def join(self, patience: float = FIRST_SECONDS) -> Viewer | None:
        """Return a new viewer, who starts at the newest keyframe.

        Args:
            patience: seconds to wait for a stream; None is returned when there is none by then.
        """
        self._joining += 1
        self._look()
        try:
            async with asyncio.timeout(patience):
                return await self._joined()
        except TimeoutError:
            return None
        finally:
            self._joining -= 1
            self._look()

    async def _joined(self) -> Viewer | None:
        while not (self._fragmenter and self._ready):
            if self.full:
                return None
            self._begun.clear()
            await self._begun.wait()
        if self.full:
            return None
        viewer = Viewer([self._fragmenter.init, *(f.data for f in self._ready)])
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget `viewer`; idempotent."""
        self._viewers.discard(viewer)
        self._look()

    def _look(self) -> None:
        """Have the stream come while there is anybody to see it."""
        if self._viewers or self._joining:
            self._watched.set()
        else:
            self._watched.clear()

    async def run(self) -> None:
        """Follow the stream while it is watched, for ever. Cancelling ends every viewer's."""
        try:
            while True:
                await self._watched.wait()
                whole = await self._follow()
                self._forget()
                await asyncio.sleep(0 if whole else 1)
        finally:
            self._forget()

    async def _follow(self) -> bool:
        """Take the stream until nobody watches it; return False when it broke."""
        try:
            async with self._desk.stream() as channel:
                while self._watched.is_set():
                    self._take(await channel.get())
                return True
        except LivehostError as error:
            if str(error) != self._lost:  # once for each cause, not once a second
                log.warning("the preview lost the stream", extra={"reason": str(error)})
            self._lost = str(error)
            return False

    def _take(self, message: StreamInfo | Encoded) -> None:
        if isinstance(message, Encoded):
            self._add(message.packet)
        else:
            self._forget()
            self._fragmenter = Fragmenter(message.header)
            self._lost = ""

    def _add(self, packet: Packet) -> None:
        fragment = self._fragmenter.add(packet) if self._fragmenter else None
        if fragment is None:
            return
        self.fragments += 1
        self._keep(fragment)
        for viewer in list(self._viewers):
            self.skips += not viewer.offer(fragment)
            if viewer.ended:
                self.let_go += 1
                self.leave(viewer)

    def _keep(self, fragment: Fragment) -> None:
        if fragment.keyframe:
            self._ready = [fragment]
            self._begun.set()
        elif self._ready:
            self._ready.append(fragment)
            if sum(f.span_samples for f in self._ready) > MOST_READY:
                self._ready = []

    def _forget(self) -> None:
        """End every viewer: what follows has other timestamps, or there is nothing to follow."""
        for viewer in self._viewers:
            viewer.end()
        self._viewers.clear()
        self._fragmenter, self._ready = None, []
        self._look()


async def pieces(viewer: Viewer, patience: float) -> AsyncIterator[bytes | None]:
    """Yield the viewer's bytes; None after `patience` seconds without any, to look around."""
    while not viewer.ended:
        try:
            async with asyncio.timeout(patience):
                data = await viewer.next()
        except TimeoutError:
            yield None
            continue
        if data is None:
            return
        yield data
