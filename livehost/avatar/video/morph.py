"""A picture between two others: what moves goes part of the way, nothing shows twice.

In:  two pictures and a share.   Out: the picture between them.

Source: dense inverse search flow (Kroeger et al., ECCV 2016) as in OpenCV, both ways; where the two
do not agree, as at an edge that covers something, the pictures are only mixed.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

SIDE = 480
"""Longest side of the pictures in which motion is measured."""
DISAGREE = 1.5
"""Pixels of those, from which the two flows do not agree."""
_NONE = np.empty(0, np.float32)


def between(one: U8, other: U8, share: float) -> U8:
    """Return (h, w, 3) uint8: `one` at a share of 0, `other` at 1."""
    if share <= 0 or one is other:
        return one
    if share >= 1:
        return other
    there, back = flow(one, other), flow(other, one)
    doubt = np.maximum(_disagreement(there, back), _disagreement(back, there))
    trust = np.clip(2 - doubt / DISAGREE, 0, 1)[..., None]
    moved = _mixed(_fetched(one, -share * there), _fetched(other, -(1 - share) * back), share)
    plain = _mixed(one, other, share)
    size = one.shape[1], one.shape[0]
    smooth = cv2.resize(cv2.GaussianBlur(trust, (0, 0), 3), size)[..., None]
    return np.asarray(np.rint(plain + (moved - plain) * smooth), np.uint8)


def flow(one: U8, other: U8) -> F32:
    """Return (h', w', 2) float32: how far each point of `one` moves, in shares of the picture."""
    height, width = one.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    size = max(32, round(width * scale)), max(32, round(height * scale))
    grey = [
        cv2.cvtColor(cv2.resize(each, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for each in (one, other)
    ]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = search.calc(grey[0], grey[1], _NONE)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 1.5) / np.array(size, np.float32), np.float32)


def _fetched(picture: U8, by: F32) -> F32:
    """Return float32 `picture` with each point taken from `by` away, in shares of the picture."""
    height, width = picture.shape[:2]
    away = cv2.resize(by, (width, height), interpolation=cv2.INTER_LINEAR)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = x + away[..., 0] * width, y + away[..., 1] * height
    found = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


def _mixed(one: U8 | F32, other: U8 | F32, share: float) -> F32:
    mixed = one.astype(np.float32) * np.float32(1 - share) + other * np.float32(share)
    return np.asarray(mixed, np.float32)


def _disagreement(there: F32, back: F32) -> F32:
    """Return (h', w') pixels of that size between a point and where it comes back to."""
    height, width = there.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    size = np.array([width, height], np.float32)
    x, y = x + there[..., 0] * width, y + there[..., 1] * height
    returned = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.linalg.norm((there + returned) * size, axis=-1), np.float32)
