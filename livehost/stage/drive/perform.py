"""Carries out gestures: smooth movements of head, brows and shoulders on top of what else they do.

In:  gestures, seconds of the sentence.   Out: degrees and brow to add in each tick.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable

from livehost.stage.drive.gesture import Gesture, Kind
from livehost.stage.drive.motion import smoothstep

Moves = tuple[float, float, float, float, float]
"""Degrees of yaw, pitch and roll as in `HeadPose`; how far brows and shoulders go up, 0 to 1."""
STILL: Moves = (0.0, 0.0, 0.0, 0.0, 0.0)

TRACKS: dict[Kind, tuple[tuple[float, Moves], ...]] = {
    Kind.NOD: (
        (0.0, STILL),
        (0.1, (0.0, -0.3, 0.0, 0.05, 0.0)),  # up a little first
        (0.28, (0.0, 2.3, 0.0, 0.0, 0.0)),
        (0.48, (0.0, 0.1, 0.0, 0.0, 0.0)),
        (0.66, (0.0, 1.1, 0.0, 0.0, 0.0)),
        (1.03, STILL),
    ),
    Kind.SHAKE: (
        (0.0, STILL),
        (0.18, (1.2, 0.1, 0.0, 0.0, 0.12)),
        (0.42, (-1.4, 0.2, 0.0, 0.0, 0.14)),
        (0.64, (0.8, 0.1, 0.0, 0.0, 0.0)),
        (1.0, STILL),
    ),
    Kind.TILT: (
        (0.0, STILL),
        (0.5, (0.3, -0.3, 2.2, 0.16, 0.55)),
        (1.2, STILL),
    ),
    Kind.BOW: (
        (0.0, STILL),
        (0.42, (0.0, 2.7, 0.0, 0.0, 0.0)),
        (0.62, (0.0, 2.5, 0.0, 0.04, 0.0)),
        (1.27, STILL),
    ),
    Kind.BEAT: (
        (0.0, STILL),
        (0.12, (0.0, 0.5, 0.0, 0.26, 0.1)),  # the brows are there before the chin
        (0.19, (0.0, 1.3, 0.0, 0.28, 0.16)),
        (0.62, STILL),
    ),
    Kind.GLANCE: (
        (0.0, STILL),
        (0.09, STILL),  # the eyes go first
        (0.4, (1.0, 1.0, 0.0, 0.0, 0.0)),
        (0.85, STILL),
    ),
}
"""Points of each gesture: seconds and moves; between two it eases. `hold` is spent at `_HELD`."""
_HELD = {Kind.TILT: 1, Kind.BOW: 2, Kind.GLANCE: 2}


class Performer:
    """Gestures under way and those to come.

    Args:
        amount: how far all gestures go; 0: none.
    """

    def __init__(self, amount: float = 1.0) -> None:
        self._amount = amount
        self._waiting: deque[Gesture] = deque()
        self._moving: list[tuple[Gesture, float]] = []  # with the seconds it has come

    @property
    def busy(self) -> bool:
        """Whether the head is in a movement."""
        return bool(self._moving)

    def begin(self, gestures: Iterable[Gesture]) -> None:
        """Take the gestures of a new sentence, in order; what waits of the old one is lost."""
        self._waiting = deque(gestures if self._amount else ())

    def start(self, gesture: Gesture) -> None:
        """Begin `gesture` at once."""
        if self._amount:
            self._moving.append((gesture, 0.0))

    def step(self, seconds: float, period: float) -> Moves:
        """Move on by `period`; return the moves at `seconds` of the sentence."""
        while self._waiting and self._waiting[0].start <= seconds:
            self._moving.append((self._waiting.popleft(), -period))
        if not self._moving:
            return STILL
        yaw = pitch = roll = brow = shrug = 0.0
        moving = [(gesture, since + period) for gesture, since in self._moving]
        for gesture, since in moving:
            moves, amount = _at(gesture, since), gesture.amount
            yaw += moves[0] * amount[0]
            pitch += moves[1] * amount[1]
            roll += moves[2] * amount[2]
            brow += moves[3] * amount[3]
            shrug += moves[4] * amount[3]
        self._moving = [one for one in moving if one[1] < length(one[0])]
        much = self._amount
        return yaw * much, pitch * much, roll * much, brow * much, shrug * much


def length(gesture: Gesture) -> float:
    """Return the seconds from the start to the end of a gesture."""
    return TRACKS[gesture.kind][-1][0] + (gesture.hold if gesture.kind in _HELD else 0.0)


def _at(gesture: Gesture, since: float) -> Moves:
    """Return the moves `since` seconds after the start."""
    track = TRACKS[gesture.kind]
    held = _HELD.get(gesture.kind)
    if held is not None and since > track[held][0]:
        since = max(track[held][0], since - gesture.hold)
    for (before, here), (after, there) in itertools.pairwise(track):
        if since < after:
            part = smoothstep((since - before) / (after - before))
            a, b = here, there
            return (
                a[0] + (b[0] - a[0]) * part,
                a[1] + (b[1] - a[1]) * part,
                a[2] + (b[2] - a[2]) * part,
                a[3] + (b[3] - a[3]) * part,
                a[4] + (b[4] - a[4]) * part,
            )
    return STILL
