"""What viewers say that they do not hear or see: the server cannot know it, several of them do.

In:  comments as they were read.   Out: a warning for each kind of trouble that several have.
"""

from __future__ import annotations

from collections import OrderedDict

from livehost.brain.chat.classes import Reading
from livehost.brain.reply.understand import TROUBLES

SEVERAL = 3
"""Viewers who say the same until it is a warning: one of them has a bad line."""
WITHIN = 120.0
"""Seconds in which they do."""
KEPT = 180.0
"""Seconds that a warning stays after several said so last."""
MOST_VIEWERS = 500  # of one kind

_SAID = {
    "trouble_sound": "viewers hear nothing",
    "trouble_picture": "viewers see no moving picture",
    "trouble_lag": "viewers say that the stream stutters",
}


class Troubles:
    """Counts the viewers who have trouble with sound or picture."""

    def __init__(self) -> None:
        self._said: dict[str, OrderedDict[str, float]] = {kind: OrderedDict() for kind in _SAID}
        self._warned: dict[str, tuple[float, int]] = {}

    def note(self, reading: Reading, user: str, now: float) -> None:
        """Take a comment in; one that is about nothing of the kind changes nothing.

        Args:
            user: who wrote it; counts once.
            now: the loop's time.
        """
        if reading.intent not in TROUBLES:
            return
        viewers = self._said[reading.intent]
        viewers[user] = now
        viewers.move_to_end(user)
        while len(viewers) > MOST_VIEWERS or now - next(iter(viewers.values())) > WITHIN:
            viewers.popitem(last=False)
        if len(viewers) >= SEVERAL:
            self._warned[reading.intent] = now, len(viewers)

    def warnings(self, now: float) -> list[str]:
        """Return one line for each kind of trouble that several viewers have lately."""
        return [
            f"{said}: {self._warned[kind][1]} of them wrote so within two minutes"
            for kind, said in _SAID.items()
            if kind in self._warned and now - self._warned[kind][0] <= KEPT
        ]
