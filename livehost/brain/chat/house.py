"""All sources of a room at work: made from the room file, each kept by itself, one door for guests.

In:  the room's [chat], what an earlier process left, feeds.   Out: messages in the feeds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livehost.brain.chat.barragegrab import BarrageGrabSource
from livehost.brain.chat.bilibili import BilibiliSource
from livehost.brain.chat.door import Door, Guest
from livehost.brain.chat.douyin import DouyinSource
from livehost.brain.chat.dycast import DycastSource
from livehost.brain.chat.feed import Feed, State
from livehost.brain.chat.feeds import Feeds
from livehost.brain.chat.jsonl import LinesSource
from livehost.brain.chat.keep import cannot_run, keep
from livehost.brain.chat.kuaishou import KuaishouSource
from livehost.brain.chat.own import InboundSource, WebSocketSource
from livehost.brain.chat.replay import ReplaySource
from livehost.brain.chat.source import Source
from livehost.config import Room
from livehost.config_chat import (
    BarrageGrab,
    Bilibili,
    Common,
    Douyin,
    Dycast,
    Inbound,
    Kuaishou,
    Lines,
    Replay,
    WebSocket,
)
from livehost.errors import ConfigError, Transient
from livehost.supervise import backoff

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier process left of the show.

    Attributes:
        seconds: since the show began.
        show: its name.
    """

    seconds: float = 0.0
    show: str = ""


class House:
    """The sources in a room file.

    Args:
        feeds: where their messages go; each source has its feed there, see `feed_of`.

    Attributes:
        door: where guests are served, or None when no source waits to be visited.
    """

    def __init__(self, room: Room, feeds: Feeds, past: Past) -> None:
        self._kept: list[tuple[Source, Feed]] = []
        guests: dict[str, tuple[Guest, Feed]] = {}
        for settings in room.chat.source:
            feed = feeds[settings.name]
            source = _made(settings, room, feed, past)
            if source is None:
                continue
            self._kept.append((source, feed))
            if isinstance(source, Guest):
                guests[settings.name] = source, feed
        door = room.chat.door
        self.door = Door(door.host, door.port, guests) if guests else None
        self._guests = [feed for _, feed in guests.values()]

    async def run(self) -> None:
        """Keep every source running until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source, feed in self._kept:
                group.create_task(keep(source, feed), name=f"chat {feed.name}")
            if self.door:
                group.create_task(self._keep_open(self.door), name="chat door")

    async def _keep_open(self, door: Door) -> None:
        """Keep the door open; while it cannot be, all who wait behind it say why."""
        said = ""
        for wait in backoff(1.0, most=30.0):
            try:
                await door.run(self._opened)
            except Transient as error:
                for feed in self._guests:
                    feed.is_not_live(State.WAITING, str(error))
                if said != str(error):
                    said = str(error)
                    log.error("chat door cannot be opened", extra={"reason": said})
            await asyncio.sleep(wait)

    def _opened(self) -> None:
        for feed in self._guests:
            if feed.state is State.WAITING:
                feed.is_not_live(State.LISTENING)


def _made(settings: Common, room: Room, feed: Feed, past: Past) -> Source | None:
    """Return the source, or None when its settings are wrong; only it is missing then."""
    try:
        return _source(settings, room, feed, past)
    except ConfigError as error:
        cannot_run(feed, error)
        return None


def _source(settings: Common, room: Room, feed: Feed, past: Past) -> Source:
    match settings:
        case Lines():
            return LinesSource(settings, room.near(settings.path), feed)
        case Replay():
            path, played = room.near(settings.path), past.seconds * settings.speed
            return ReplaySource(path, settings.speed, played, past.show, settings.name)
    return _ALIVE[type(settings)](settings, feed)


_ALIVE: dict[type[Common], Callable[[Any, Feed], Source]] = {
    Douyin: DouyinSource,
    Kuaishou: KuaishouSource,
    Bilibili: BilibiliSource,
    BarrageGrab: BarrageGrabSource,
    Dycast: DycastSource,
    WebSocket: WebSocketSource,
    Inbound: InboundSource,
}
