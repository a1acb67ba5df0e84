"""A mouth by hand-made rules, for when the network that hears cannot be loaded.

In:  the voice of one tick.   Out: mouth shapes, without looking ahead.

Loudness opens the jaw, the balance of the spectrum rounds or spreads the lips, hiss brings the
teeth together, and silence shuts the mouth within 200 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE
from livehost.media import BLENDSHAPES

FLOOR = 10 ** (-48 / 20)  # rms under which nothing is being said
LOUD = 10 ** (-24 / 20)  # where the running peak starts
PEAK_FADE = 6.0  # seconds for the running peak to fall by e
ATTACK, RELEASE = 0.035, 0.06  # seconds
_BANDS = ((120, 700), (700, 1_400), (1_400, 3_400), (4_000, 10_000))  # Hz


class LoudnessMouth:
    """Follows the voice; keeps a little state between ticks.

    Args:
        visemes: the avatar's targets; "a", "i", "u" and "z" are mixed.
    """

    accent: bool | None = None
    blink = False

    def __init__(self, visemes: Mapping[str, NDArray[np.float32]]) -> None:
        rest = np.zeros(len(BLENDSHAPES), np.float32)
        self._mixed = np.stack([visemes.get(name, rest) for name in ("a", "i", "u", "z")])
        self._peak = LOUD
        self._weights = np.zeros(4)

    def shapes(
        self, pcm: NDArray[np.float32], ahead: NDArray[np.float32], period: float
    ) -> NDArray[np.float32]:
        """Return (53,) float32.

        Args:
            pcm: (n,) float32, the voice in this tick; NaN counts as silence,
                what is beyond full scale as full scale.
            ahead: not looked at.
            period: seconds since the last call.
        """
        goal = self._goal(np.clip(np.nan_to_num(pcm), -1, 1), period)
        time = np.where(goal > self._weights, ATTACK, RELEASE)
        self._weights += (goal - self._weights) * (1 - np.exp(-period / time))
        return np.clip(self._weights @ self._mixed, 0, 1).astype(np.float32)

    def reset(self) -> None:
        """Forget the mouth's position (not how loud the voice is)."""
        self._weights[:] = 0

    def _goal(self, pcm: NDArray[np.float32], period: float) -> NDArray[np.float64]:
        """Return the weights of a, i, u, z that this sound asks for."""
        rms = float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64)))) if len(pcm) else 0.0
        self._peak = max(rms, LOUD + (self._peak - LOUD) * np.exp(-period / PEAK_FADE))
        if rms < FLOOR:
            return np.zeros(4)
        opened = np.clip(1.1 * (rms / self._peak) ** 0.75, 0, 1)
        low, mid, front, hiss = _shares(pcm)
        hissing = np.clip((hiss - 0.35) / 0.3, 0, 1)
        rounding = np.clip((low - 0.72) / 0.2, 0, 1)
        spread = np.clip((front - 0.12) / 0.25, 0, 1)
        vowel = opened * (1 - hissing)
        return np.array(
            [
                vowel * (0.95 - 0.6 * rounding - 0.35 * spread),
                vowel * 0.7 * spread,
                vowel * 0.75 * rounding * (1 - np.clip(mid / 0.4, 0, 1)),
                opened * hissing,
            ]
        )


def _shares(pcm: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Return how much of the energy lies in each band; they sum to at most 1."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    per_hz = len(pcm) / SAMPLE_RATE
    total = float(power.sum()) or 1.0
    low, mid, front, hiss = (
        float(power[int(a * per_hz) : int(b * per_hz) + 1].sum()) / total for a, b in _BANDS
    )
    return low, mid, front, hiss
