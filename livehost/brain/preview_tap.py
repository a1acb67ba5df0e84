"""Hand the encoded stream to browsers without ever waiting for one of them.

In:  `StreamInfo` and `Encoded` from the stage.   Out: bounded channels of the same.

There are two ways to watch: from the current group of pictures on, with AAC; and live, with Opus.
The stage makes Opus only while somebody wants it, and sends nothing at all while nobody watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from livehost.channel import Channel
from livehost.clock import SAMPLE_RATE
from livehost.media import StreamHeader
from livehost.wire import Encoded, StreamInfo

HELD_SECONDS = 12.0  # of video in one channel; a group of pictures may last 10 s
LIVE_SECONDS = 1.0  # of video in the channel of one who watches live
MOST_GROUP = 2000  # packets kept for those who join
AUDIO_WEIGHT = 0.001

Tap = Channel[StreamInfo | Encoded]


@dataclass(eq=False, slots=True)
class _Subscriber:
    live: bool = False
    channel: Tap = field(init=False)
    skipping: bool = False

    def __post_init__(self) -> None:
        self.channel = Channel(LIVE_SECONDS if self.live else HELD_SECONDS)

    def wants(self, message: Encoded) -> bool:
        """Say whether a packet is for this one."""
        return message.packet.kind in ("video", "opus" if self.live else "audio")

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
    """Fan out the stream.

    Args:
        on_live: told when the first one watches live, and when the last one has left.
        on_watched: told the same of those who watch in any way. A stream that is asked for begins
            with a keyframe.
    """

    def __init__(
        self,
        on_live: Callable[[bool], None] = lambda _: None,
        on_watched: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._on_live, self._on_watched = on_live, on_watched
        self._info: StreamInfo | None = None
        self._group: list[Encoded] = []
        self._subscribers: set[_Subscriber] = set()
        self._known = asyncio.Event()
        self.left_out = 0
        """Packets not given to a subscriber that was too slow."""

    @property
    def header(self) -> StreamHeader | None:
        """Parameters of the stream; None before the first stage was there."""
        return self._info.header if self._info else None

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
        """Hand one packet on; what comes after the last one left is of no use to the next."""
        if not self._subscribers:
            return
        if _opens(message):
            self._group.clear()
        if self._group or _opens(message):
            self._group.append(message)
        if len(self._group) > MOST_GROUP:
            self._group.clear()
        for subscriber in self._subscribers:
            if subscriber.wants(message):
                self.left_out += not subscriber.offer(message, self._info)

    @property
    def live(self) -> bool:
        """Somebody watches live."""
        return any(subscriber.live for subscriber in self._subscribers)

    @asynccontextmanager
    async def tap(self, *, live: bool = False) -> AsyncIterator[Tap]:
        """Give a channel that starts with a `StreamInfo`, waiting for the stage if need be.

        Args:
            live: with Opus, from the next keyframe on; else with AAC, from the last one on.
        """
        await self._known.wait()
        subscriber = _Subscriber(live)
        if self._info:
            subscriber.begin(self._info)
        group = [] if live else [m for m in self._group if subscriber.wants(m)]
        for message in group:
            subscriber.offer(message, self._info)
        subscriber.skipping = not group  # begins with the next keyframe
        self._enter(subscriber)
        try:
            yield subscriber.channel
        finally:
            self._leave(subscriber)

    def _enter(self, subscriber: _Subscriber) -> None:
        watched, live = bool(self._subscribers), self.live
        self._subscribers.add(subscriber)
        if not watched:
            self._on_watched(True)
        if subscriber.live and not live:
            self._on_live(True)

    def _leave(self, subscriber: _Subscriber) -> None:
        self._subscribers.discard(subscriber)
        if subscriber.live and not self.live:
            self._on_live(False)
        if not self._subscribers:
            self._group.clear()
            self._on_watched(False)


def _opens(message: Encoded) -> bool:
    return message.packet.kind == "video" and message.packet.keyframe


def _weight(message: Encoded) -> float:
    if message.packet.kind == "video":
        return max(message.packet.duration / SAMPLE_RATE, AUDIO_WEIGHT)
    return AUDIO_WEIGHT
