"""Where the host looks: at the camera, away now and then, at what is new in the picture.

In:  seconds since the last tick, what she does.   Out: degrees of gaze; a move of the head with it.

A glance begins when the head is quiet and is given up when that takes too long: the eyes go, the
head follows a little later and not as far, and both come back to the camera.
"""

from __future__ import annotations

import numpy as np

from livehost.stage.drive.gesture import Gesture, Kind
from livehost.stage.drive.idle import Gaze

DELAY = (0.25, 0.45)  # seconds: what is new has to be seen first
PATIENCE = 2.5  # seconds after which a glance is no longer worth it
STAY = (0.65, 0.95)  # seconds
AGAIN = 8.0  # seconds between two glances
FARTHEST_LEFT, FARTHEST_UP = 14.0, 15.0  # degrees
HEAD_YAW, HEAD_PITCH = 0.2, 0.17  # share of a glance that the head turns
THINKING = (6.0, 5.0, 0.8)  # degrees to a side and up, seconds
THINK_AGAIN = 4.0  # seconds


class Look:
    """Gaze over time."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._gaze = Gaze(random)
        self._asked: tuple[float, float] | None = None
        self._wait = self._since = 0.0
        self._rested = AGAIN
        self._nod: Gesture | None = None

    def ask(self, left: float, up: float) -> None:
        """Ask for a glance at (left, up) degrees; one that waits is replaced."""
        self._asked = (
            min(FARTHEST_LEFT, max(-FARTHEST_LEFT, left)),
            min(FARTHEST_UP, max(-FARTHEST_UP, up)),
        )
        self._since, self._wait = 0.0, float(self._random.uniform(*DELAY))

    def begin(self, emotion: str) -> None:
        """Note that a sentence begins: who thinks looks away first."""
        if emotion == "thinking" and self._rested > THINK_AGAIN and not self._asked:
            left, up, stay = THINKING
            side = 1 if self._random.random() < 0.5 else -1
            self._gaze.glance(side * left, up, stay * float(self._random.uniform(0.8, 1.2)))

    def step(self, period: float, speaking: bool, busy: bool) -> tuple[float, float, float]:
        """Move on by `period` seconds.

        Args:
            busy: the head is in a gesture that means the viewer; no looking away then.

        Returns:
            Degrees to the host's left and up, and the size of a shift that began in this step.
        """
        self._rested += period
        if self._asked:
            self._since += period
            if self._since > PATIENCE or self._rested < AGAIN:
                self._asked = None
            elif self._since >= self._wait and not busy:
                self._glance(*self._asked)
                self._asked = None
        return self._gaze.step(period, speaking, busy)

    def nod(self) -> Gesture | None:
        """Return the move of the head that goes with a glance, once."""
        nod, self._nod = self._nod, None
        return nod

    def _glance(self, left: float, up: float) -> None:
        stay = float(self._random.uniform(*STAY))
        self._gaze.glance(left, up, stay)
        amount = (HEAD_YAW * left, -HEAD_PITCH * up, 0.0, 0.0)
        self._nod = Gesture(Kind.GLANCE, amount=amount, hold=max(0.0, stay - 0.3))
        self._rested = 0.0
