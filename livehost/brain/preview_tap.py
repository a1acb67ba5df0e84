"""Hand the encoded stream to browsers without ever waiting for one of them.

In:  `StreamInfo` and `Encoded` from the stage.   Out: bounded channels of the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from livehost.channel import Channel
from livehost.clock import SAMPLE_RATE
from livehost.wire import Encoded, StreamInfo

HELD_SECONDS = 12.0  # of video in one channel; a group of pictures may last 10 s
MOST_GROUP = 2000  # packets kept for those who join
AUDIO_WEIGHT = 0.001

Tap = Channel[StreamInfo | Encoded]


@dataclass(eq=False, slots=True)
class _Subscriber:
    channel: Tap = field(default_factory=lambda: Channel(HELD_SECONDS))
    skipping: bool = False

    def begin(self, info: StreamInfo) -> None:
        """Start over with `info`; what was not taken is dropped."""
        self.channel.clear()
        self.skipping = False
        self.channel.offer(info, 0.0)

    def offer(self, message: Encoded, info: StreamInfo | None) -> bool:
        """Add a packet; when the channel is full, start over with the next keyframe."""
        if self.skipping and _opens(message) and info:
            self.begin(info)  # old pictures only add delay
        if not self.skipping:
            self.skipping = not self.channel.offer(message, _weight(message))
        return not self.skipping


class PreviewTap:
    """Fan out the stream; a newcomer begins with the current group of pictures."""

    def __init__(self) -> None:
        self._info: StreamInfo | None = None
        self._group: list[Encoded] = []
        self._subscribers: set[_Subscriber] = set()
        self._known = asyncio.Event()
        self.left_out = 0
        """Packets not given to a subscriber that was too slow."""

    @property
    def subscribers(self) -> int:
        """Browsers that watch now."""
        return len(self._subscribers)

    def info(self, info: StreamInfo) -> None:
        """Note the parameters of a stream that begins now."""
        self._info = info
        self._group.clear()
        self._known.set()
        for subscriber in self._subscribers:
            subscriber.begin(info)

    def packet(self, message: Encoded) -> None:
        """Hand one packet on."""
        if _opens(message):
            self._group.clear()
        if self._group or _opens(message):
            self._group.append(message)
        if len(self._group) > MOST_GROUP:
            self._group.clear()
        for subscriber in self._subscribers:
            self.left_out += not subscriber.offer(message, self._info)

    @asynccontextmanager
    async def tap(self) -> AsyncIterator[Tap]:
        """Give a channel that starts with a `StreamInfo`, waiting for the stage if need be."""
        await self._known.wait()
        subscriber = _Subscriber()
        if self._info:
            subscriber.begin(self._info)
        for message in self._group:
            subscriber.offer(message, self._info)
        subscriber.skipping = not self._group  # begins with the next keyframe
        self._subscribers.add(subscriber)
        try:
            yield subscriber.channel
        finally:
            self._subscribers.discard(subscriber)


def _opens(message: Encoded) -> bool:
    return message.packet.kind == "video" and message.packet.keyframe


def _weight(message: Encoded) -> float:
    if message.packet.kind == "video":
        return max(message.packet.duration / SAMPLE_RATE, AUDIO_WEIGHT)
    return AUDIO_WEIGHT
