"""A viewer's tracks: what aiortc asks for packet by packet.

In:  a viewer's feed.   Out: packets that aiortc only cuts into RTP.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from livehost.channel import Channel
from livehost.clock import SAMPLE_RATE
from livehost.rtc.fanout import Feed, Unit

_BASE = Fraction(1, SAMPLE_RATE)


class PacketTrack(MediaStreamTrack):
    """One of the two tracks of a feed."""

    def __init__(self, feed: Feed, kind: Literal["video", "audio"]) -> None:
        super().__init__()
        self.kind = kind
        self._feed = feed
        self._units: Channel[Unit | None] = feed.video if kind == "video" else feed.audio

    async def recv(self) -> Packet[Any]:
        """Return the next packet, waiting for it. Raises MediaStreamError at the end."""
        unit = None if self.readyState == "ended" else await self._units.get()
        if unit is None:
            self.stop()
            raise MediaStreamError
        self._feed.took()
        packet: Packet[Any] = Packet(unit.data)
        packet.pts = packet.dts = unit.at
        packet.time_base = _BASE
        return packet
