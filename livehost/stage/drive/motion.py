"""Small processes that make numbers move like living things; all seeded, none repeats.

In:  seconds since the last step.   Out: drifting values, pulses, blends without a jump.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

EASE = 0.12  # seconds; takes the last tremble out of drifting values


class Drift:
    """Independent band-limited noise: two springs at different speeds, shaken at random, eased.

    Args:
        spread: (n,) standard deviation of each value.
        limit: (n,) largest magnitude; approached softly.
        hertz: where the slow spring's band ends; the fast one reaches 3.7 times as far.
    """

    def __init__(
        self,
        random: np.random.Generator,
        spread: NDArray[np.float64],
        limit: NDArray[np.float64],
        hertz: float = 0.12,
    ) -> None:
        self._random, self._limit = random, limit
        self._omega = 2 * math.pi * np.array([[hertz], [hertz * 3.7]])
        self._spring, self._damping = self._omega**2, 2 * self._omega
        self._share = np.array([[0.9], [0.4]]) * spread
        self._period, self._kick, self._part = 0.0, np.zeros((2, 1)), 0.0
        self._at = random.normal(size=(2, len(spread)))
        self._speed = np.zeros_like(self._at)
        self._eased = (self._at * self._share).sum(0)

    def step(self, period: float, gain: float = 1.0) -> NDArray[np.float64]:
        """Move on by `period` seconds; return (n,) values, livelier with a larger `gain`."""
        if period != self._period:
            self._period, self._part = period, 1 - math.exp(-period / EASE)
            self._kick = np.sqrt(4 * self._omega**3 * period)
        shake = self._random.standard_normal(self._at.shape) * self._kick
        pull = self._damping * self._speed + self._spring * self._at
        self._speed += shake - pull * period
        self._at += self._speed * period
        each = self._at * self._share
        self._eased += ((each[0] + each[1]) * gain - self._eased) * self._part
        return np.asarray(self._limit * np.tanh(self._eased / self._limit))


class Follow:
    """A value that approaches its goal like a critically damped spring (no jump in speed).

    Args:
        start: (n,) initial value.
        time: seconds to come most of the way.
    """

    def __init__(self, start: NDArray[np.float64], time: float) -> None:
        self.value = start.astype(np.float64)
        self._speed = np.zeros_like(self.value)
        self._omega = 3.0 / time

    def step(self, goal: NDArray[np.float64], period: float) -> NDArray[np.float64]:
        """Move towards `goal` (n,); exact for any `period`."""
        decay = math.exp(-self._omega * period)
        away = self.value - goal
        drift = self._speed + self._omega * away
        self.value = goal + (away + drift * period) * decay
        self._speed = (self._speed - self._omega * drift * period) * decay
        return self.value


class Pulse:
    """A bump that rises and falls once per trigger: a nod, a raised brow.

    Args:
        rise, fall: seconds.
    """

    def __init__(self, rise: float, fall: float) -> None:
        self._rise, self._fall = rise, fall
        self._since, self._size = math.inf, 0.0

    @property
    def busy(self) -> bool:
        """Whether a bump is under way."""
        return self._since < self._rise + self._fall

    def trigger(self, size: float) -> None:
        """Start a bump of height `size` unless one is under way."""
        if not self.busy:
            self._since, self._size = 0.0, size

    def step(self, period: float) -> float:
        """Move on; return the height now."""
        self._since += period
        if self._since < self._rise:
            return self._size * smoothstep(self._since / self._rise)
        return self._size * smoothstep(1 - (self._since - self._rise) / self._fall)


class Splice:
    """Joins a new motion to the old one: the gap between them fades away instead of jumping.

    Source: Bollo, Inertialization: high-performance animation transitions, GDC 2018 (here with
    position only, since mouth targets start from rest).

    Args:
        time: seconds until nothing of the gap is left.
    """

    def __init__(self, size: int, time: float) -> None:
        self._gap = np.zeros(size, np.float32)
        self._last = np.zeros(size, np.float32)
        self._since, self._time = math.inf, time

    def step(self, fresh: NDArray[np.float32], period: float, joined: bool) -> NDArray[np.float32]:
        """Return what to show for `fresh` (n,).

        Args:
            joined: True at the first value of a new motion.
        """
        if joined:
            self._gap, self._since = self._last - fresh, 0.0
        self._since += period
        left = smoothstep(1 - self._since / self._time)
        self._last = fresh + self._gap * np.float32(left) if left > 0 else fresh
        return self._last


def soft(value: float, limit: float) -> float:
    """Return `value`, bent beyond 0.7 of `limit` so that it never passes it."""
    knee = 0.7 * limit
    if abs(value) <= knee:
        return value
    over = (abs(value) - knee) / (limit - knee)
    return math.copysign(knee + (limit - knee) * math.tanh(over), value)


def smoothstep(x: float) -> float:
    """Return 0 below 0, 1 above 1, a smooth ramp between."""
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)
