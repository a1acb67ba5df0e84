"""The life of a body that waits: blinks, breath, weight on one foot and then the other.

In:  seconds since the last tick, whether the host speaks.   Out: eyelids, chest, lean.

Rates are human: 10 to 20 blinks a minute at irregular intervals, gaze that rests on the camera
with small jumps around it and a glance away now and then, 12 to 16 breaths a minute, and every
eight seconds or so a shift of weight, which takes about two.
"""

from __future__ import annotations

import math

import numpy as np

from livehost.stage.drive.motion import smoothstep

CLOSING, SHUT, OPENING = 0.065, 0.04, 0.085  # seconds of one blink: fast down, slower up
BLINK_MEDIAN, BLINK_SPREAD = 3.9, 0.42  # seconds and log-normal sigma between blinks
DOUBLE = 0.07  # share of blinks followed by another at once
SOON = 1.5  # seconds from which a blink is brought forward to the end of a phrase
SHIFT_MEDIAN, SHIFT_SPREAD = 8.0, 0.45  # seconds and log-normal sigma between shifts of weight
SHIFT_LONGEST = 25.0
FARTHEST_LEAN, LEAST_SHIFT = 0.75, 0.3  # degrees
LARGE_SHIFT = 7.0  # degrees of gaze that bring a blink with them


class Blinks:
    """Eyelids over time."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._since = math.inf  # seconds since the running blink began
        self._depth = 1.0
        self._next = self._interval()

    def step(self, period: float) -> float:
        """Move on by `period` seconds; return how far the eyes are shut, 0 to 1."""
        self._since += period
        self._next -= period
        if self._next <= 0:
            self._begin()
            double = self._random.random() < DOUBLE
            self._next = 0.32 if double else self._interval()
        return self._depth * _eyelid(self._since)

    def with_phrase(self) -> None:
        """Blink now rather than soon: that is where people blink who speak."""
        if self._since > 1.2 and self._next < SOON:
            self._next = 0.0

    def with_gaze(self) -> None:
        """Blink along with a large shift of gaze, unless one is under way or just was."""
        if self._since > 1.2 and self._random.random() < 0.6:
            self._begin()
            self._next = max(self._next, 0.6 * self._interval())

    def _begin(self) -> None:
        if self._since > CLOSING + SHUT + OPENING:
            self._since, self._depth = 0.0, self._random.uniform(0.94, 1.0)

    def _interval(self) -> float:
        drawn = BLINK_MEDIAN * math.exp(self._random.normal(0, BLINK_SPREAD))
        return min(11.0, max(0.9, drawn))


def _eyelid(since: float) -> float:
    if since < CLOSING:
        return smoothstep(since / CLOSING)
    return smoothstep(1 - (since - CLOSING - SHUT) / OPENING)


class Gaze:
    """Where the eyes point, in degrees relative to the camera: (left of the subject, up).

    Args:
        away: places worth a glance, as (left, up, seconds).
    """

    AWAY = ((9.0, -9.0, 0.9), (-8.0, -7.0, 0.8), (5.0, -11.0, 1.1), (-5.0, 4.0, 0.6))

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._target = self._from = 0.0, 0.0
        self._since, self._flight = math.inf, 0.04
        self._stay = 1.5
        self._asked: tuple[float, float, float] | None = None
        self._back = False

    def glance(self, left: float, up: float, stay: float) -> None:
        """Look at a place for `stay` seconds from the next step on, then back at the camera."""
        self._asked, self._stay = (left, up, stay), 0.0

    def step(
        self, period: float, speaking: bool, attentive: bool = False
    ) -> tuple[float, float, float]:
        """Move on; return (left, up, degrees of a shift that began in this step or 0).

        Args:
            attentive: do not look away now, unless a glance was asked for.
        """
        self._since += period
        self._stay -= period
        shift = 0.0
        if self._stay <= 0:
            shift = self._choose(0.0 if attentive else 0.05 if speaking else 0.11)
        part = smoothstep(self._since / self._flight)
        (a, b), (c, d) = self._from, self._target
        return a + (c - a) * part, b + (d - b) * part, shift

    def _choose(self, away: float) -> float:
        """Begin a shift; `away` is the chance of looking away. Return its size in degrees."""
        self._from, self._since = self._target, 0.0
        back, self._back = self._back, False
        if self._asked:
            left, up, self._stay = self._asked
            self._target, self._asked, self._back = (left, up), None, True
        elif self._random.random() < away and not back:
            left, up, stay = self.AWAY[self._random.integers(len(self.AWAY))]
            far = self._random.uniform(0.7, 1.1)
            self._target = left * far, up * far
            self._stay = stay * self._random.uniform(0.7, 1.5)
        else:
            left, up = self._random.normal(0, (0.9, 0.6)).tolist()
            self._target = left, up
            self._stay = min(4.0, 0.35 + self._random.exponential(0.9))
        size = math.dist(self._target, self._from)
        self._flight = 0.03 + 0.0025 * size  # main sequence: longer jumps take longer
        return size


class Breath:
    """Chest over time: in a little faster than out, never twice the same length."""

    INHALE = 0.42  # share of a breath

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._phase = random.random()
        self._draw()

    def step(self, period: float) -> float:
        """Move on; return 0 (out) to 1 (in)."""
        self._phase += period / self._length
        if self._phase >= 1:
            self._phase -= 1
            self._draw()
        if self._phase < self.INHALE:
            return self._depth * smoothstep(self._phase / self.INHALE)
        return self._depth * smoothstep((1 - self._phase) / (1 - self.INHALE))

    def _draw(self) -> None:
        """Draw the next breath; at this moment the chest is empty, so nothing jumps."""
        self._length = 60 / self._random.uniform(12, 16)
        self._depth = self._random.uniform(0.75, 1.0)


class Sway:
    """Where the weight rests: on one side, in the middle, on the other; shifted now and then."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._from = self._to = 0.0
        self._since = self._takes = 1.0
        self._wait = self._interval()

    def step(self, period: float, activity: float) -> float:
        """Move on by `period` seconds; return degrees of lean.

        Args:
            activity: 0 in silence, 1 in speech; who speaks shifts her weight a little more often.
        """
        self._since += period
        self._wait -= period * (1 + 0.4 * activity)
        if self._wait <= 0:
            self._shift()
        return self._from + (self._to - self._from) * _minimum_jerk(self._since / self._takes)

    def _shift(self) -> None:
        """Choose another place, at once; one shift is over before the next can begin."""
        self._from = self._to
        while abs(self._to - self._from) < LEAST_SHIFT:
            self._to = float(self._random.uniform(-FARTHEST_LEAN, FARTHEST_LEAN))
        self._since, self._takes = 0.0, 1.3 + abs(self._to - self._from)
        self._wait = self._takes + self._interval()

    def _interval(self) -> float:
        drawn = self._random.lognormal(math.log(SHIFT_MEDIAN), SHIFT_SPREAD)
        return float(min(SHIFT_LONGEST, drawn))


def _minimum_jerk(x: float) -> float:
    """Return 0 to 1 as a limb moves: speed and acceleration are 0 at both ends.

    Source: Flash and Hogan, The coordination of arm movements, J. Neuroscience 5, 1985.
    """
    x = min(1.0, max(0.0, x))
    return x * x * x * (10 + x * (6 * x - 15))
