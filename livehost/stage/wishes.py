"""What those who take the encoded stream ask for: a keyframe soon, the sound in Opus.

In:  requests, as many as they like.   Out: at most one asked keyframe a second; Opus while anybody
wants it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livehost.media import Packet

KEYFRAME_SECONDS = 1.0  # from one keyframe to the next that is asked for


class Wishes:
    """Gathers the wishes of one stage.

    Args:
        keyframe: makes the next picture a keyframe.
        opus: switches Opus on and off.

    Attributes:
        keyframes: how many were asked of the encoder.
    """

    def __init__(self, keyframe: Callable[[], None], opus: Callable[[bool], None]) -> None:
        self._make, self._switch = keyframe, opus
        self._last = self._asked = float("-inf")
        self._waiting: asyncio.TimerHandle | None = None
        self._listeners: set[str] = set()
        self.keyframes = 0

    def keyframe(self) -> None:
        """Have a keyframe made, now or as soon as the last one is `KEYFRAME_SECONDS` old."""
        self._make_at(self._last + KEYFRAME_SECONDS)

    def first_keyframe(self) -> None:
        """Have one made for somebody who has no picture yet.

        Only keyframes that were asked for hold it up: one that just came by itself is of no use to
        who was not there.
        """
        self._make_at(self._asked + KEYFRAME_SECONDS)

    def made(self, packet: Packet) -> None:
        """Note a packet of the stream: a keyframe of its own serves those who wait, too."""
        if packet.kind != "video" or not packet.keyframe:
            return
        self._last = asyncio.get_running_loop().time()
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None

    def opus(self, who: str, on: bool) -> None:
        """Note whether `who` wants the sound in Opus."""
        (self._listeners.add if on else self._listeners.discard)(who)
        self._switch(bool(self._listeners))

    def _make_at(self, due: float) -> None:
        if self._waiting:
            if self._waiting.when() <= due:
                return
            self._waiting.cancel()
        loop = asyncio.get_running_loop()
        self._waiting = loop.call_at(max(loop.time(), due), self._now)

    def _now(self) -> None:
        self._waiting = None
        self._last = self._asked = asyncio.get_running_loop().time()
        self.keyframes += 1
        self._make()
