"""Everybody who watches by WebRTC: one peer connection each, one stream for all.

In:  offers from players.   Out: answers; the stage's packets as RTP.

Nobody here is waited for: what a viewer does not take is dropped, and one who takes nothing, or
loses most of it, is let go and comes back by HTTP.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web
from aiortc import RTCPeerConnection

from livehost.brain.command import Who
from livehost.brain.webrtc.endpoint import Endpoint
from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.peer import Refused, Session, answered, close, new_id
from livehost.brain.webrtc.source import Source
from livehost.rtc import description
from livehost.rtc.description import Unsuitable
from livehost.rtc.fanout import Fanout, Feed
from livehost.rtc.tracks import PacketTrack
from livehost.wire import Encoded

log = logging.getLogger(__name__)

CONNECT_SECONDS = 15.0
LOOK_SECONDS = 2.0
LOSSY = 0.3  # share of packets lost, at which a viewer is better served by HTTP
MOST_LOSSY = 5  # looks in a row
STREAM = "livehost"  # both tracks belong to it: browsers keep them in step
PATH = "/whep"
TAKES = "H.264 with packetization-mode=1, and Opus"


class Viewer:
    """One peer connection and what is sent over it.

    Attributes:
        id: unguessable; part of the address at which the viewer's player ends it.
    """

    def __init__(self, feed: Feed) -> None:
        self.id = new_id()
        self.feed = feed
        self.peer: RTCPeerConnection
        self.began = asyncio.get_running_loop().time()
        self.connected = False
        self._lossy = 0

    async def lost(self) -> float:
        """Return the share of packets that the viewer says it lost lately, 0 to 1."""
        worst = 0.0
        for sender in self.peer.getSenders():
            for report in (await sender.getStats()).values():
                worst = max(worst, getattr(report, "fractionLost", 0) / 256)
        return worst

    async def hopeless(self) -> str:
        """Return why the viewer should be let go; "" while all is well."""
        if self.feed.hopeless:
            return "stalled"
        if not self.connected:
            waited = asyncio.get_running_loop().time() - self.began
            return "unconnected" if waited > CONNECT_SECONDS else ""
        self._lossy = self._lossy + 1 if await self.lost() > LOSSY else 0
        return "lossy" if self._lossy >= MOST_LOSSY else ""


class Viewers:
    """Answers offers and feeds whoever is connected.

    Args:
        source: the stream.
        most: further viewers are refused.
    """

    def __init__(self, source: Source, ice: Ice, most: int) -> None:
        self._source, self._ice, self._most = source, ice, most
        self._fanout = Fanout()
        self._viewers: dict[str, Viewer] = {}
        self._answering = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._watched = asyncio.Event()
        self._counts: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many there are, those still connecting included."""
        return len(self._viewers) + self._answering

    def metrics(self) -> dict[str, float]:
        """Return the numbers by Prometheus name."""
        connected = sum(viewer.connected for viewer in self._viewers.values())
        dropped = self._counts["dropped"] + sum(v.feed.dropped for v in self._viewers.values())
        causes = ("closed", "lost", "lossy", "stalled", "unconnected")
        return {
            "livehost_whep_viewers": connected,
            "livehost_whep_joined_total": self._counts["joined"],
            "livehost_whep_refused_total": self._counts["refused"],
            "livehost_whep_keyframes_asked_total": self._counts["keyframes"],
            "livehost_whep_packets_dropped_total": dropped,
            **{f'livehost_whep_left_total{{why="{why}"}}': self._gone[why] for why in causes},
        }

    def routes(self) -> list[web.RouteDef]:
        """Return what the console serves."""
        return Endpoint(PATH, self, self._ice).routes()

    def session(self, name: str) -> Viewer | None:
        """Return a viewer by id."""
        return self._viewers.get(name)

    async def open(self, offer: str, who: Who) -> Viewer:
        """Return a new viewer. Raises Refused, Unsuitable."""
        header = self._source.header
        if header is None:
            raise Refused(503, "there is no stream yet", retry=1)
        if self.count >= self._most:
            self._counts["refused"] += 1
            raise Refused(503, "there are too many viewers by WebRTC; take /live.mp4", retry=30)
        self._answering += 1
        try:
            viewer = await self._answered(offer, header.video_extradata)
        finally:
            self._answering -= 1
        self._viewers[viewer.id] = viewer
        self._watched.set()
        return viewer

    async def end(self, session: Session) -> None:
        """End a viewer's connection."""
        if viewer := self._viewers.get(session.id):
            await self.leave(viewer)

    async def leave(self, viewer: Viewer, why: str = "closed") -> None:
        """End a viewer's connection; idempotent."""
        if self._viewers.pop(viewer.id, None) is None:
            return
        self._gone[why] += 1
        self._counts["dropped"] += viewer.feed.dropped
        self._fanout.feeds.discard(viewer.feed)
        if not self._viewers:
            self._watched.clear()
        viewer.feed.end()
        await close(viewer.peer)

    async def run(self) -> None:
        """Feed viewers for ever. Cancelling ends their connections."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow())
                group.create_task(self._look_after())
        finally:
            for viewer in list(self._viewers.values()):
                self._end(viewer, "closed")
            if self._ending:
                await asyncio.wait(self._ending)

    # --- one viewer -------------------------------------------------------------------------------

    async def _answered(self, offer: str, record: bytes) -> Viewer:
        wanted = description.kinds(offer)
        if "video" not in wanted:
            raise Unsuitable("the offer asks for no video")
        viewer = Viewer(Feed())
        add = partial(self._add_tracks, viewer, wanted, record)
        viewer.peer = await answered(offer, self._ice, add, TAKES)
        viewer.peer.on("connectionstatechange", lambda: self._changed(viewer))
        return viewer

    def _add_tracks(
        self, viewer: Viewer, wanted: tuple[str, ...], record: bytes, peer: RTCPeerConnection
    ) -> None:
        preferred = {
            "audio": description.audio_preferences(),
            "video": description.video_preferences(record),
        }
        for kind in ("audio", "video"):
            if kind not in wanted:
                continue
            transceiver = peer.addTransceiver(PacketTrack(viewer.feed, kind), "sendonly")
            transceiver.setCodecPreferences(preferred[kind])
            _adopt(transceiver.sender, self._want_keyframe)

    def _changed(self, viewer: Viewer) -> None:
        state = viewer.peer.connectionState
        if state == "connected" and not viewer.connected:
            viewer.connected = True
            self._counts["joined"] += 1
            self._fanout.feeds.add(viewer.feed)
            self._want_keyframe()
        elif state in ("failed", "closed"):
            self._end(viewer, "lost")

    def _end(self, viewer: Viewer, why: str) -> None:
        task = asyncio.get_running_loop().create_task(self.leave(viewer, why))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _want_keyframe(self) -> None:
        self._counts["keyframes"] += 1
        self._source.want_keyframe()

    # --- all of them ------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Take the stream while anybody watches."""
        while True:
            await self._watched.wait()
            async with self._source.live() as tap:
                while self._watched.is_set():
                    message = await tap.get()
                    if isinstance(message, Encoded):
                        self._fanout.packet(message.packet)
                    else:
                        self._fanout.info(message.header)
            self._fanout.close()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for viewer in list(self._viewers.values()):
                if why := await viewer.hopeless():
                    log.info("WebRTC viewer let go", extra={"why": why})
                    self._end(viewer, why)


def _adopt(sender: Any, want_keyframe: Callable[[], None]) -> None:
    """Make an aiortc sender one of a stream that is encoded elsewhere."""
    sender._stream_id = STREAM
    # Without this aiortc would ask an encoder of its own, which has nothing to encode.
    sender._send_keyframe = want_keyframe
