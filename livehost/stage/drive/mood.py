"""The emotion on a face: it comes and goes softly, is strongest at first, and is never quite still.

In:  the sentence that sounds.   Out: blendshapes, and how the head is held with them.

Nobody stays surprised for six seconds: after its first moments an emotion eases to a part of
itself, the rest becomes the resting face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.stage.drive.motion import Drift, Follow

if TYPE_CHECKING:
    from livehost.stage.playout import Spoken

Shapes = NDArray[np.float32]

RESTING = "friendly_smile"
RESTING_SMILE = 0.35  # of it; this face looks earnest without it
COMES = 0.9  # seconds for an emotion to come or go
FORGETS = 1.5  # seconds without it after which the same emotion is fresh again
EASES = 1.2  # seconds from its first strength to what stays


@dataclass(frozen=True, slots=True)
class Manner:
    """How an emotion is worn.

    Attributes:
        strength: share of the avatar's preset.
        fresh: seconds at full strength.
        stays: share of that later on.
        pitch, roll: degrees the head is held at.
    """

    strength: float = 0.6
    fresh: float = 2.0
    stays: float = 0.8
    pitch: float = 0.0
    roll: float = 0.0


MANNERS = {
    "friendly_smile": Manner(0.95, 2.5, 0.8, -0.2, 0.3),
    "excited": Manner(0.7, 2.0, 0.75, -0.6),
    "surprised": Manner(0.65, 0.9, 0.3, -0.5),
    "apologetic": Manner(0.9, 2.0, 0.75, 0.9, -0.6),
    "thinking": Manner(0.9, 1.4, 0.45, -0.2, 0.7),
    "calm": Manner(1.0, 3.0, 1.0),
}
USUAL = Manner()
_NEUTRAL = "neutral"


class Mood:
    """The emotion now.

    Args:
        amount: how far emotions move the face; 0: the resting face only.

    Attributes:
        brows: how far they drift up or down of themselves.
    """

    def __init__(self, avatar: Avatar, random: np.random.Generator, amount: float = 1.0) -> None:
        resting = (RESTING_SMILE * avatar.emotions[RESTING]).astype(np.float64)
        self._resting = np.append(resting, (0.0, 0.0))  # (53 shapes, pitch, roll)
        self._away = {
            name: amount * _away(self._resting, preset, MANNERS.get(name, USUAL))
            for name, preset in avatar.emotions.items()
            if name != _NEUTRAL
        }
        self._follow = Follow(self._resting, COMES)
        self._drift = Drift(random, np.array([0.18, 0.05]), np.array([0.45, 0.12]), 0.05)
        self._emotion, self._worn, self._without = "", 0.0, 0.0
        self.brows = 0.0

    def step(self, spoken: Spoken | None, period: float) -> tuple[Shapes, float, float]:
        """Move on by `period` seconds; return (53,) shapes, pitch and roll."""
        now = self._follow.step(self._goal(spoken, period), period)
        strength, self.brows = self._drift.step(period)
        shapes = np.minimum(now[:-2] * (1 + strength), 1).astype(np.float32)
        return np.maximum(shapes, 0, out=shapes), float(now[-2]), float(now[-1])

    def _goal(self, spoken: Spoken | None, period: float) -> NDArray[np.float64]:
        self._note(spoken.emotion if spoken else "", period)
        away = self._away.get(spoken.emotion) if spoken else None
        if spoken is None or away is None:
            return self._resting
        level = freshness(MANNERS.get(spoken.emotion, USUAL), self._worn)
        return np.asarray(self._resting + (level * spoken.intensity) * away)

    def _note(self, emotion: str, period: float) -> None:
        """Keep account of how long the emotion is worn; a short pause does not refresh it."""
        if emotion == self._emotion and emotion:
            self._worn, self._without = self._worn + period, 0.0
        elif emotion or self._without > FORGETS:
            self._emotion, self._worn, self._without = emotion, 0.0, 0.0
        else:
            self._without += period


def freshness(manner: Manner, worn: float) -> float:
    """Return how much of an emotion shows after it was worn for `worn` seconds."""
    over = max(0.0, worn - manner.fresh)
    return manner.stays + (1 - manner.stays) * math.exp(-over / EASES)


def _away(resting: NDArray[np.float64], preset: Shapes, manner: Manner) -> NDArray[np.float64]:
    """Return what an emotion changes about the resting face."""
    worn = np.append(manner.strength * preset.astype(np.float64), (manner.pitch, manner.roll))
    return np.asarray(worn - resting)
