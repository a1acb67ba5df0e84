"""RGB to 4:2:0 and back, bt709, limited range: what the encoder is told.

In:  8-bit RGB.   Out: 8-bit planes.
Source: ITU-R BT.709-6 clauses 3 and 4; chroma is averaged over each 2x2 block (centre-sited).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import Yuv

_KR, _KB = 0.2126, 0.0722
_KG = 1 - _KR - _KB

TO_Y = np.array([[_KR, _KG, _KB]]) * (219 / 255)
TO_UV = np.array(
    [
        [-_KR / (2 * (1 - _KB)), -_KG / (2 * (1 - _KB)), 0.5],
        [0.5, -_KG / (2 * (1 - _KR)), -_KB / (2 * (1 - _KR))],
    ]
) * (224 / 255)

_Y_MATRIX = np.hstack([TO_Y, [[16.0]]])
_UV_MATRIX = np.hstack([TO_UV, [[128.0], [128.0]]])
_BACK = np.linalg.inv(np.vstack([TO_Y, TO_UV]))
_BACK_MATRIX = np.hstack([_BACK, -_BACK @ np.array([[16.0], [128.0], [128.0]])])


def rgb_to_yuv(rgb: NDArray[np.uint8]) -> Yuv:
    """Return the planes of (h, w, 3) uint8 RGB; h and w even."""
    height, width = rgb.shape[:2]
    rgb = np.ascontiguousarray(rgb)
    half = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    u, v = cv2.split(cv2.transform(half, _UV_MATRIX))
    return Yuv(_plane(cv2.transform(rgb, _Y_MATRIX)), _plane(u), _plane(v))


def yuv_to_rgb(picture: Yuv) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 RGB; chroma is interpolated. For looking, not for the stream."""
    height, width = picture.y.shape
    u, v = (
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        for plane in (picture.u, picture.v)
    )
    return np.asarray(cv2.transform(cv2.merge([picture.y, u, v]), _BACK_MATRIX), np.uint8)


def _plane(plane: NDArray[np.generic]) -> NDArray[np.uint8]:
    return np.asarray(plane, np.uint8)
