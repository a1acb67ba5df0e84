"""One peer connection, from an offer to its answer.

In:  SDP, what is to be sent or received.   Out: an aiortc connection that is about to connect.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

from livehost.brain.command import Who
from livehost.brain.webrtc.ice import Ice
from livehost.rtc import description
from livehost.rtc.description import Fragment, Unsuitable

CLOSE_SECONDS = 1.0
NO_CODEC = (InvalidAccessError, InvalidStateError, OperationError)
MALFORMED = (ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError)
"""What aiortc raises at descriptions that it cannot read."""


class Refused(Exception):
    """Not now, or not for you.

    Args:
        status: of the HTTP answer.
        retry: seconds after which it may be tried again; 0: it is of no use.
    """

    def __init__(self, status: int, why: str, retry: int = 0) -> None:
        super().__init__(why)
        self.status, self.retry = status, retry


class Session(Protocol):
    """A connection that can be named from outside."""

    @property
    def id(self) -> str:
        """Unguessable."""

    @property
    def peer(self) -> RTCPeerConnection:
        """The connection."""


class Sessions(Protocol):
    """All connections of one kind."""

    async def open(self, offer: str, who: Who) -> Session:
        """Return a new connection that answers `offer`. Raises Refused, Unsuitable."""

    def session(self, name: str) -> Session | None:
        """Return a connection by its id."""

    async def end(self, session: Session) -> None:
        """End a connection; idempotent."""


def new_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_urlsafe(16)


async def answered(
    offer: str, ice: Ice, prepare: Callable[[RTCPeerConnection], None], takes: str
) -> RTCPeerConnection:
    """Return a connection whose local description answers `offer`.

    Args:
        prepare: adds what is sent, or says what is received, before the offer is read.
        takes: what an offer must have, for one that does not.

    Raises:
        Unsuitable: the offer is malformed, or there is no codec for both sides.
    """
    swift = description.swift(offer)
    peer = RTCPeerConnection(ice.configuration())
    try:
        prepare(peer)
        ice.bind(peer)
        await peer.setRemoteDescription(RTCSessionDescription(swift, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
    except NO_CODEC as error:
        await close(peer)
        raise Unsuitable(f"offer {takes}") from error
    except MALFORMED as error:
        await close(peer)
        raise Unsuitable("the session description cannot be read") from error
    except BaseException:
        await close(peer)
        raise
    return peer


async def close(peer: RTCPeerConnection) -> None:
    """Close a connection, waiting a moment only: a relay that has gone is told for a minute."""
    # A task of its own, because aiortc does not bear to be cancelled while it closes.
    closing = asyncio.get_running_loop().create_task(peer.close())
    await asyncio.wait({closing}, timeout=CLOSE_SECONDS)


async def trickle(peer: RTCPeerConnection, fragment: Fragment) -> None:
    """Take further candidates. Raises Unsuitable."""
    for candidate in fragment.candidates:
        try:
            await peer.addIceCandidate(candidate)
        except MALFORMED as error:
            raise Unsuitable("a candidate cannot be used") from error
