"""Log-mel frames of speech, one in 10 ms.

In:  (n,) samples at 48 kHz.   Out: (frames, BANDS) float32.

Up to 8 kHz only: voices of 16 kHz then look like those of 48 kHz.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE

Frames = NDArray[np.float32]

HOP = SAMPLE_RATE // 100
WINDOW = SAMPLE_RATE // 40
"""Samples of one frame, 25 ms."""
BANDS = 40
_LOW, _HIGH = 60.0, 8_000.0  # Hz
_FLOOR = 1e-8  # of full-scale power: below -80 dB a band is silent
SILENT = float(np.log(_FLOOR))
"""What every band of digital silence is."""


def frames(pcm: NDArray[np.float32]) -> Frames:
    """Return all frames that lie within `pcm`; frame k covers k * HOP .. k * HOP + WINDOW."""
    if len(pcm) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    cut = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW)[::HOP]
    window, filters = _tables()
    level = cut - cut.mean(axis=1, keepdims=True)  # DC is not sound
    spectrum = np.fft.rfft(level * window, axis=1)[:, : len(filters)]
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.log(power.astype(np.float32) @ filters + np.float32(_FLOOR)))


@cache
def _tables() -> tuple[Frames, Frames]:
    """Return the window, and (bins, BANDS) filters that give a full-scale sine about 1."""
    window = np.hanning(WINDOW + 1)[:-1]
    window *= 2 / window.sum()
    edges = _edges()
    bins = int(_HIGH * WINDOW / SAMPLE_RATE) + 1
    hertz = np.arange(bins)[:, None] * SAMPLE_RATE / WINDOW
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    filters = np.maximum(0, np.minimum(rising, falling))
    return window.astype(np.float32), filters.astype(np.float32)


def centres() -> Frames:
    """Return (BANDS,) Hz."""
    return np.asarray(_edges()[1:-1], np.float32)


def _edges() -> NDArray[np.float64]:
    bottom, top = _mel(_LOW), _mel(_HIGH)
    return np.asarray(700 * (10 ** (np.linspace(bottom, top, BANDS + 2) / 2595) - 1))


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
