"""What one viewer may send: not too fast, nothing again that was just answered, no abuse.

In:  viewers, what they wrote, the time.   Out: why a comment is not queued, or "".

Pure: the caller says what time it is. Viewers are forgotten in the order they were last heard of.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TypeVar

from livehost.brain.chat.classes import UNANSWERED, Reading

MOST_VIEWERS = 2000
MOST_AT_ONCE, AT_ONCE = 6, 15.0  # comments of one viewer in so many seconds
COOL, MOST_COOL = 60.0, 960.0  # seconds without a hearing after abuse; twice as long each time
FORGIVEN = 1800.0  # seconds after which earlier abuse no longer counts
ANSWERED = 60.0  # seconds in which the same viewer is not answered the same again


T = TypeVar("T")


@dataclass(slots=True)
class Viewer:
    """What is remembered of a viewer.

    Attributes:
        seen: when they were last heard of.
        lately: when the last comments came.
        answered: key of the question last taken for an answer, and when.
    """

    seen: float = 0.0
    lately: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_AT_ONCE))
    answered: tuple[object, float] = (None, float("-inf"))


@dataclass(slots=True)
class Offender:
    """A viewer who was abusive: how often, and until when nothing is heard of them."""

    strikes: int = 0
    until: float = float("-inf")


class Limits:
    """The limits of every viewer."""

    def __init__(self) -> None:
        self._viewers: OrderedDict[str, Viewer] = OrderedDict()
        self._offenders: OrderedDict[str, Offender] = OrderedDict()

    def refused(self, user: str, reading: Reading, key: object, now: float) -> str:
        """Return why a comment is not queued, "" when it may be.

        "abuse" or "injection" for what it is, "cooldown" after one, "too_fast", or "repeat" for
        a question of the same viewer that was just answered.
        """
        if reading.of in UNANSWERED:
            self._strike(user, now)
            return reading.of.value
        offender = self._offenders.get(user)
        if offender and now < offender.until:
            return "cooldown"
        viewer = self._of(user, now)
        if len(viewer.lately) == MOST_AT_ONCE and now - viewer.lately[0] < AT_ONCE:
            return "too_fast"
        viewer.lately.append(now)
        answered, at = viewer.answered
        return "repeat" if answered == key and now - at < ANSWERED else ""

    def taken(self, user: str, key: object, now: float) -> None:
        """Note that a question of `user` is taken to be answered."""
        self._of(user, now).answered = (key, now)

    def put_back(self, user: str) -> None:
        """Note that the answer did not come about after all."""
        if viewer := self._viewers.get(user):
            viewer.answered = (None, float("-inf"))

    def _strike(self, user: str, now: float) -> None:
        offender = _latest(self._offenders, user, Offender())
        if now - offender.until > FORGIVEN:
            offender.strikes = 0
        offender.strikes += 1
        offender.until = now + min(MOST_COOL, COOL * 2 ** min(offender.strikes - 1, 10))

    def _of(self, user: str, now: float) -> Viewer:
        viewer = _latest(self._viewers, user, Viewer())
        viewer.seen = now
        while now - next(iter(self._viewers.values())).seen > ANSWERED:
            self._viewers.popitem(last=False)
        return viewer


def _latest(known: OrderedDict[str, T], user: str, new: T) -> T:
    """Return what is known of `user`, now the last to be forgotten."""
    found = known.setdefault(user, new)
    known.move_to_end(user)
    if len(known) > MOST_VIEWERS:
        known.popitem(last=False)
    return found
