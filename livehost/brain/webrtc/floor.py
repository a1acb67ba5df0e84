"""What a microphone needs of the show: whose turn it is, silence, and a way to the stage.

In:  the parts of a show.   Out: `Floor`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from livehost.brain.command import Who
from livehost.wire import Speech

if TYPE_CHECKING:
    from livehost.brain.lease import Why
    from livehost.brain.on_air import OnAir
    from livehost.brain.picture import Picture
    from livehost.brain.stage_link import StageLink
    from livehost.brain.state import State

LEFT = 0.06  # seconds of the host's own speech that nobody minds losing
SETTLE = 0.3  # seconds after a turn began in which the stage may not have been heard of yet


class Lease(Protocol):
    """See `livehost.brain.lease.Lease`."""

    @property
    def holder(self) -> str | None: ...
    def may_speak(self, session: str) -> bool: ...
    def keep(self, who: Who) -> bool: ...
    def end(self, session: str, why: Why = "returned") -> bool: ...


class Floor(Protocol):
    """The show as a microphone sees it."""

    @property
    def loudness(self) -> float:
        """LUFS of speech on air."""

    def may_speak(self, who: Who) -> bool:
        """Return whether it is this person's turn, by microphone."""

    def keep(self, who: Who) -> None:
        """Note that she is there."""

    def end(self, who: Who, why: Why) -> None:
        """Hand the host back, if it is her turn."""

    def quiet(self) -> bool:
        """Return whether the host has left off and a person can be heard."""

    def ahead(self) -> float:
        """Return the seconds of speech on their way."""

    def new_id(self) -> int:
        """Return the id of an utterance."""

    async def speak(self, speech: Speech) -> None:
        """Send a piece. Raises WireLost."""

    def note(self, **what: Any) -> None:
        """Write down who spoke and when."""


class ShowFloor:
    """The floor of a real show."""

    def __init__(
        self,
        lease: Lease,
        link: StageLink,
        state: State,
        on_air: OnAir,
        picture: Picture,
        loudness: float,
    ) -> None:
        self._lease, self._link, self._state = lease, link, state
        self._on_air, self._picture = on_air, picture
        self.loudness = loudness
        self._taken: tuple[str, float] = "", 0.0

    def may_speak(self, who: Who) -> bool:
        """See `Floor`."""
        return self._lease.may_speak(who.session)

    def keep(self, who: Who) -> None:
        """See `Floor`."""
        self._lease.keep(who)

    def end(self, who: Who, why: Why) -> None:
        """See `Floor`."""
        self._lease.end(who.session, why)

    def quiet(self) -> bool:
        """See `Floor`. The first moments of a turn do not count: the cut is still on its way."""
        now = asyncio.get_running_loop().time()
        holder = self._lease.holder or ""
        if holder != self._taken[0]:
            self._taken = holder, now
        over = self._on_air.saying is None and not self._on_air.unsettled
        settled = now - self._taken[1] >= SETTLE and self._link.remaining() <= LEFT
        return self._link.connected and not self._picture.paused and over and settled

    def ahead(self) -> float:
        """See `Floor`."""
        return self._link.remaining()

    def new_id(self) -> int:
        """See `Floor`."""
        return self._state.new_id()

    async def speak(self, speech: Speech) -> None:
        """See `Floor`. Raises WireLost."""
        await self._link.speak(speech)

    def note(self, **what: Any) -> None:
        """See `Floor`."""
        self._state.audit("command", **what)
