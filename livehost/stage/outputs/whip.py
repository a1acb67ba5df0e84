"""WHIP link: one killable child process per connection, as for RTMP.

In:  rebased packets.   Out: wire frames to the child, which speaks WebRTC (`whip_child`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from livehost.media import StreamHeader
from livehost.stage.outputs.rtmp import RtmpLink, child_link

SCHEMES = {"whip+https": "https", "whip+http": "http"}


@dataclass(frozen=True, slots=True)
class Target:
    """A WHIP endpoint.

    Attributes:
        url: as the operator wrote it; never log it.
        endpoint: its HTTP address.
        token: what it asks for; "" for none.
    """

    url: str = field(repr=False)
    endpoint: str = field(repr=False)
    token: str = field(repr=False)


def target(url: str) -> Target:
    """Return the endpoint behind whip+https://TOKEN@host/path.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    scheme = SCHEMES.get(parts.scheme)
    if scheme is None or not parts.hostname or (parts.port or 1) < 1:
        raise ValueError("not a WHIP URL")
    host = parts.netloc.rpartition("@")[2]
    token = unquote(parts.password or parts.username or "")
    return Target(url, urlunsplit((scheme, host, parts.path, parts.query, "")), token)


@asynccontextmanager
async def connect(
    to: Target, header: StreamHeader, on_keyframe_wanted: Callable[[], None] | None = None
) -> AsyncGenerator[RtmpLink, None]:
    """Connect and publish. Put a time-out around it: connecting itself has none.

    Raises:
        OutputLost: the server cannot be reached, or refuses us.
    """
    job = {"endpoint": to.endpoint, "token": to.token}
    async with child_link("whip_child", to.url, job, header, on_keyframe_wanted) as link:
        yield link
