"""One live stream for many viewers: one clock, one form of the packets, one short queue for each.

In:  the stage's packets, H.264 in AVCC form and Opus.   Out: units, H.264 with start codes.

aiortc takes the moment at which a packet is sent for the moment at which it was captured. Sound is
ready before its time and a picture some time after it, so sound is held back until it is as late as
the picture: then what the receiver is told of both clocks is right, and nothing has to be guessed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Literal

from livehost.avc import annex_b, parameter_sets, record_in
from livehost.channel import Channel
from livehost.clock import SAMPLE_RATE
from livehost.media import Packet, StreamHeader

MOST_WAITING = SAMPLE_RATE // 2  # samples of picture or sound in one viewer's queue
MOST_STALLS = 3  # queues thrown away in a row before the viewer is let go
MOST_HELD = 0.25  # seconds that sound may wait for the picture
SLACK = 0.001  # seconds that sound may leave too early: timers are not exact
CALM = 0.05  # share of a new picture in the mean delay
JUMP = SAMPLE_RATE  # a stream that goes on as far from where it should be began anew


@dataclass(frozen=True, slots=True)
class Unit:
    """One packet in the form that RTP carries.

    Attributes:
        kind: which track it belongs to.
        at: 48 kHz samples; goes on over restarts of the stage.
        keyframe: a picture that a decoder may start with.
        data: H.264 with start codes, parameters before each keyframe; or one Opus packet.
        span_samples: how long it lasts.
    """

    kind: Literal["video", "audio"]
    at: int
    keyframe: bool
    data: bytes
    span_samples: int


class Feed:
    """What one viewer still has to be sent; begins with a keyframe."""

    def __init__(self) -> None:
        self.video: Channel[Unit | None] = Channel(MOST_WAITING)
        self.audio: Channel[Unit | None] = Channel(MOST_WAITING)
        self._waits = True
        self._stalls = 0
        self.dropped = 0
        """Units left out because the viewer was not sent them in time."""

    @property
    def hopeless(self) -> bool:
        """The viewer takes nothing."""
        return self._stalls >= MOST_STALLS

    def offer(self, unit: Unit) -> None:
        """Add a unit; when there is no room start over with the next keyframe."""
        if unit.keyframe and self._waits:
            self._waits = False
            self._begin()
        if self._waits:
            self.dropped += 1
            return
        channel = self.video if unit.kind == "video" else self.audio
        if channel.offer(unit, unit.span_samples):
            return
        self._waits = True
        self._stalls += 1
        self.dropped += 1

    def took(self) -> None:
        """Note that the viewer was sent something."""
        self._stalls = 0

    def end(self) -> None:
        """End both tracks."""
        self._begin()
        self.video.offer(None, 0)
        self.audio.offer(None, 0)
        self._waits = True

    def _begin(self) -> None:
        self.dropped += self.video.clear() + self.audio.clear()


class Fanout:
    """Gives each unit to every feed when it is due. Belongs to one event loop.

    Attributes:
        feeds: of the viewers there are.
        lag: seconds from a picture's time to its sending, a mean.
    """

    def __init__(self) -> None:
        self.feeds: set[Feed] = set()
        self.lag: float | None = None
        self._parameters = b""
        self._shift = 0  # from the stage's samples to ours
        self._last: tuple[int, float] | None = None  # samples, seconds
        self._fresh = True
        self._held: deque[Unit] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def info(self, header: StreamHeader) -> None:
        """Take the parameters of a stream that begins, or goes on after a gap."""
        self._parameters = annex_b(parameter_sets(header.video_extradata))
        self._fresh = True

    def packet(self, packet: Packet) -> None:
        """Take one packet of the stage, and send it when it is due."""
        now = asyncio.get_running_loop().time()
        if self._fresh:
            self._follow_on(packet.pts, now)
        at = packet.pts + self._shift
        if packet.kind == "video":
            self._last = at, now
            self._measure(now - at / SAMPLE_RATE)
            self._give(self._picture(packet, at))
        elif packet.kind == "opus":
            self._held.append(Unit("audio", at, False, packet.data, packet.duration))
            self._release()

    def close(self) -> None:
        """Forget what is held back."""
        self._held.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self.lag, self._fresh = None, True

    def _follow_on(self, pts: int, now: float) -> None:
        """Make what comes now go on where the last stream would be."""
        self._fresh = False
        if self._last is None:
            return
        at, then = self._last
        expected = at + round((now - then) * SAMPLE_RATE)
        if abs(pts + self._shift - expected) > JUMP:
            self._shift = expected - pts
            self.lag = None
            self._held.clear()

    def _measure(self, lag: float) -> None:
        self.lag = lag if self.lag is None else self.lag + CALM * (lag - self.lag)

    def _picture(self, packet: Packet, at: int) -> Unit:
        data = annex_b(packet.data)
        if packet.keyframe and not record_in(packet.data):
            data = self._parameters + data
        return Unit("video", at, packet.keyframe, data, packet.duration)

    def _release(self) -> None:
        """Send the sound that is due, and come back for the rest."""
        loop = asyncio.get_running_loop()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._held:
            due = self._held[0].at / SAMPLE_RATE + (self.lag or 0.0)
            if self.lag is not None and due > loop.time() + SLACK:
                due = min(due, loop.time() + MOST_HELD)
                self._timer = loop.call_at(due, self._release)
                return
            self._give(self._held.popleft())

    def _give(self, unit: Unit) -> None:
        for feed in self.feeds:
            feed.offer(unit)
