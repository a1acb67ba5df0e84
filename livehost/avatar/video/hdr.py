"""Ordinary colours from video of a high dynamic range.

In:  16-bit RGB with the curve HLG or PQ, primaries of BT.2020.   Out: 8-bit sRGB-like BT.709.

Source: ITU-R BT.2100-2 tables 4 and 5 (PQ, HLG), BT.2087 (BT.2020 to BT.709). Highlights above the
white of a page roll off; faces, which lie below it, keep their tones.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

CURVES = {16: "PQ", 18: "HLG"}
"""AVColorTransferCharacteristic of the curves that are handled."""

WHITE_NITS = 203.0  # of a page, BT.2408
KNEE = 0.8  # share of white from which highlights are pressed together
_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def to_sdr(rgb: NDArray[np.uint16], curve: str) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 for (h, w, 3) uint16 of the full range."""
    light = _to_light(curve)[rgb >> 4]
    narrow = np.clip(cv2.transform(light, _TO_709), 0, 4)
    return np.asarray(_to_bytes()[(narrow * 1023.75).astype(np.uint16)], np.uint8)


@cache
def _to_light(curve: str) -> NDArray[np.float32]:
    """Return (4096,) light for a signal of 12 bits, 1 is the white of a page."""
    signal = np.linspace(0, 1, 4096)
    nits = _pq(signal) if curve == "PQ" else _hlg(signal)
    return (nits / WHITE_NITS).astype(np.float32)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    power = signal ** (1 / m2)
    light: NDArray[np.float64] = 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (
        1 / m1
    )
    return light


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    # The display's gamma of 1.2 is taken per channel: hues of skin shift by less than is seen.
    light: NDArray[np.float64] = 1000 * scene**1.2
    return light


@cache
def _to_bytes() -> NDArray[np.uint8]:
    """Return (4096,) bytes for light of 0..4."""
    light = np.linspace(0, 4, 4096)
    over = np.maximum(light - KNEE, 0)
    rolled = np.minimum(light, KNEE) + (1 - KNEE) * over / (over + (1 - KNEE))
    curve = np.where(
        rolled <= 0.0031308, 12.92 * rolled, 1.055 * np.maximum(rolled, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.asarray(np.rint(np.clip(curve, 0, 1) * 255), np.uint8)
