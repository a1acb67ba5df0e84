"""Small things that pass over a face that waits: a brief smile, pressed lips, a lifted brow.

In:  seconds since the last tick, how still the mouth is.   Out: a little added to the blendshapes.

They come one at a time at irregular intervals while nothing is said, never open the mouth, and make
way at once when a sentence begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.media import SHAPE
from livehost.stage.drive.motion import smoothstep

MEDIAN, SPREAD = 6.5, 0.5  # seconds and log-normal sigma between two
SHORTEST, LONGEST = 2.2, 18.0
AFTER_SPEECH = 1.0  # seconds without a word before the first


@dataclass(frozen=True, slots=True)
class Micro:
    """One of them.

    Attributes:
        shapes: what it adds at its height.
        seconds: to come, to stay and to go.
        often: how often it is chosen, relative to the others.
        uneven: it is a little stronger on one side.
    """

    shapes: dict[str, float]
    seconds: tuple[float, float, float]
    often: float
    uneven: bool = False


def _both(**shapes: float) -> dict[str, float]:
    return {name + side: value for name, value in shapes.items() for side in ("Left", "Right")}


MICROS = {
    "smile": Micro(
        _both(mouthSmile=0.16, cheekSquint=0.12, mouthDimple=0.06, eyeSquint=0.06),
        (0.45, 0.9, 0.9), 3.0, uneven=True,
    ),
    "brows": Micro(
        {"browInnerUp": 0.14, **_both(browOuterUp=0.2)}, (0.12, 0.12, 0.4), 2.0, uneven=True
    ),
    "press": Micro(
        {**_both(mouthPress=0.3), "mouthRollLower": 0.12, "mouthRollUpper": 0.06},
        (0.2, 0.25, 0.35), 1.5,
    ),
    "swallow": Micro(
        {**_both(mouthPress=0.16), "mouthShrugLower": 0.16, "mouthRollLower": 0.06},
        (0.16, 0.12, 0.4), 1.0,
    ),
    "narrow": Micro(_both(eyeSquint=0.16, cheekSquint=0.06), (0.25, 0.8, 0.5), 1.0),
}  # fmt: skip


class Micros:
    """Micro-expressions over time."""

    def __init__(self, random: np.random.Generator, amount: float = 1.0) -> None:
        self._random, self._amount = random, amount
        often = np.array([micro.often for micro in MICROS.values()])
        self._often = often / often.sum()
        self._next = self._interval()
        self._since = math.inf
        self._seconds = 0.0, 0.0, 0.0
        self._indices = np.zeros(0, np.intp)
        self._weights = np.zeros(0, np.float32)
        self._silent = 0.0

    @property
    def busy(self) -> bool:
        """Whether one is under way."""
        return self._since < sum(self._seconds)

    def step(self, shapes: NDArray[np.float32], period: float, activity: float) -> None:
        """Move on by `period` seconds and add to (53,) `shapes` in place.

        Args:
            activity: 0 in silence to 1 in speech.
        """
        self._silent = self._silent + period if activity < 0.05 else 0.0
        self._next -= period
        if self._next <= 0 and self._silent > AFTER_SPEECH and not self.busy:
            self._choose()
        if not self.busy:
            return
        self._since += period
        height = _height(self._since, self._seconds) * max(0.0, 1 - 1.5 * activity)
        shapes[self._indices] += self._weights * np.float32(height * self._amount)

    def _choose(self) -> None:
        micro = list(MICROS.values())[self._random.choice(len(MICROS), p=self._often)]
        size, slow, lean = self._random.uniform((0.7, 0.85, 0.75), (1.15, 1.3, 1.0))
        left = self._random.random() < 0.5
        uneven = {"Left" if left else "Right": lean if micro.uneven else 1.0}
        weights = {
            name: value * size * next((w for side, w in uneven.items() if name.endswith(side)), 1.0)
            for name, value in micro.shapes.items()
        }
        self._indices = np.array([SHAPE[name] for name in weights])
        self._weights = np.array(list(weights.values()), np.float32)
        rise, stay, fall = micro.seconds
        self._seconds = rise * slow, stay * slow, fall * slow
        self._since, self._next = 0.0, self._interval()

    def _interval(self) -> float:
        drawn = MEDIAN * math.exp(self._random.normal(0, SPREAD))
        return min(LONGEST, max(SHORTEST, drawn))


def _height(since: float, seconds: tuple[float, float, float]) -> float:
    rise, stay, fall = seconds
    if since < rise + stay:
        return smoothstep(since / rise)
    return smoothstep(1 - (since - rise - stay) / fall)
