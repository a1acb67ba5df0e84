"""Packets waiting for one link: bounded in media time, sound before picture.

In:  packets in order, put by the pace loop.   Out: the same for the link, from time 0.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from livehost.clock import SAMPLE_RATE
from livehost.errors import OutputLost
from livehost.media import Packet

SPAN = 3 * SAMPLE_RATE


class PacketQueue:
    """FIFO that drops video up to the next keyframe when it is full, and never audio.

    Audio is what viewers notice and costs little; a picture without its reference is worthless.
    While closed it keeps nothing: an hour's outage must not fill the memory.

    Args:
        span: most media time held before video is dropped, in samples. When audio alone reaches
            twice that, the link is too slow for anything and `get` raises.

    Attributes:
        dropped: pictures dropped while open, since the start.
    """

    def __init__(self, span: int = SPAN) -> None:
        self._span = span
        self._packets: deque[Packet] = deque()
        self._changed = asyncio.Event()
        self._open = False
        self._ended = False
        self._skipping = True
        self._origin: int | None = None
        self._newest = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def held(self) -> int:
        """Media time held now, in samples."""
        return self._newest - self._packets[0].dts if self._packets else 0

    def put(self, packet: Packet) -> None:
        """Take one packet, or drop it. Never waits."""
        if not self._open or self._ended or not self._wanted(packet):
            return
        origin = self._origin or 0
        shifted = replace(packet, pts=packet.pts - origin, dts=packet.dts - origin)
        self._packets.append(shifted)
        self._newest = max(self._newest, shifted.dts)
        self._changed.set()

    async def get(self) -> Packet | None:
        """Return the oldest packet, waiting for one; None after `end`, when all are out.

        Raises:
            OutputLost: the link is slower than sound alone.
        """
        while not self._packets and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if self.held > 2 * self._span:
            seconds = self.held / SAMPLE_RATE
            raise OutputLost(f"too slow: {seconds:.0f} s of sound are waiting")
        return self._packets.popleft() if self._packets else None

    def end(self) -> None:
        """Take no more; `get` returns what is held, then None."""
        self._ended = True
        self._changed.set()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Take packets while inside. The first out is a keyframe with dts 0."""
        self._open, self._ended, self._skipping = True, False, True
        self._origin, self._newest = None, 0
        try:
            yield
        finally:
            self._open = False
            self._packets.clear()

    def _wanted(self, packet: Packet) -> bool:
        if self._origin is None:
            return self._starts(packet)
        if packet.kind != "video":
            return packet.dts >= self._origin  # the encoder's sound lags its picture a little
        return self._has_room_for(packet)

    def _starts(self, packet: Packet) -> bool:
        if packet.kind == "video" and packet.keyframe:
            self._origin, self._skipping = packet.dts, False
            return True
        return False

    def _has_room_for(self, packet: Packet) -> bool:
        # Resuming asks for half the span free, or every keyframe would come alone.
        limit = self._span // 2 if self._skipping else self._span
        full = bool(self._packets) and self._behind(packet) > limit
        if full or (self._skipping and not packet.keyframe):
            self._skipping = True
            self.dropped += 1
            return False
        self._skipping = False
        return True

    def _behind(self, packet: Packet) -> int:
        return packet.dts - (self._origin or 0) - self._packets[0].dts
