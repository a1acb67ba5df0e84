"""Build what the console serves by WebRTC.

In:  the room's settings, the parts of the show.   Out: parts of the console; none where it is off.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from livehost.brain.webrtc.floor import Floor, ShowFloor
from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.microphone import Microphones
from livehost.brain.webrtc.source import Source
from livehost.brain.webrtc.viewers import Viewers
from livehost.config_webrtc import WebRtc

if TYPE_CHECKING:
    from livehost.brain.app import Show


def make_parts(
    settings: WebRtc, host: str, source: Source, floor: Floor | None = None
) -> list[Viewers | Microphones]:
    """Return the picture, and the microphone, by WebRTC. Raises ConfigError.

    Args:
        host: the console's address.
        floor: None: nobody speaks by microphone.
    """
    for library in ("aioice", "aiortc"):  # they tell of every address that is tried
        logging.getLogger(library).setLevel(logging.WARNING)
    ice = Ice(settings, host)
    parts: list[Viewers | Microphones] = []
    if settings.viewers:
        parts.append(Viewers(source, ice, settings.viewers))
    if floor and settings.microphone:
        parts.append(Microphones(floor, ice))
    return parts


def make_webrtc(show: Show, host: str) -> list[Viewers | Microphones]:
    """Return what a show offers by WebRTC. Raises ConfigError."""
    room, speaker = show.room, show.speaker
    floor = ShowFloor(
        show.lease, show.link, show.state, speaker.on_air, show.picture, room.audio.loudness_lufs
    )
    # Behind a proxy the console's own address is not the one that viewers reach.
    host = "0.0.0.0" if room.console.trusted_proxies else host
    return make_parts(room.console.webrtc, host, show.link, floor)
