"""Build what the console serves by WebRTC.

In:  the room's settings, the stream.   Out: parts of the console; none where WebRTC is off.
"""

from __future__ import annotations

import logging

from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.source import Source
from livehost.brain.webrtc.viewers import Viewers
from livehost.config_webrtc import WebRtc


def whep(settings: WebRtc, source: Source, host: str) -> list[Viewers]:
    """Return the picture by WebRTC, [] where no viewers are allowed. Raises ConfigError.

    Args:
        host: the console's address.
    """
    if not settings.viewers:
        return []
    for library in ("aioice", "aiortc"):  # they tell of every address that is tried
        logging.getLogger(library).setLevel(logging.WARNING)
    ice = Ice(settings, host)
    return [Viewers(source, ice, settings.viewers)]
