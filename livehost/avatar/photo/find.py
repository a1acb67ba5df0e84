"""Find the face in a photo, also when it is small in it.

In:  a picture.   Out: faces.

The detector sees faces that fill a good part of what it is shown: large photos are shown in parts.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.landmarks import Found, Landmarker

U8 = NDArray[np.uint8]

WORK = 1_600  # pixels of the longer side that the detector is shown
PARTS = ((0.6, 3), (0.36, 5))  # size of the parts and how many in each direction
AGAIN = 2.2  # of the face's size: the part in which its landmarks are found once more, larger


def find_faces(landmarker: Landmarker, rgb: U8) -> tuple[Found, ...]:
    """Return the faces of `rgb`, (H, W, 3), the largest first."""
    found = _seen(landmarker, rgb, (0, 0, rgb.shape[1], rgb.shape[0]))
    if not found:
        found = _in_parts(landmarker, rgb)
    return (_closer(landmarker, rgb, found[0]), *found[1:]) if found else ()


def _in_parts(landmarker: Landmarker, rgb: U8) -> tuple[Found, ...]:
    height, width = rgb.shape[:2]
    for share, count in PARTS:
        for top in np.linspace(0, height * (1 - share), count):
            for left in np.linspace(0, width * (1 - share), count):
                box = int(left), int(top), int(width * share), int(height * share)
                if found := _seen(landmarker, rgb, box):
                    return found
    return ()


def _closer(landmarker: Landmarker, rgb: U8, face: Found) -> Found:
    """Return the face as found in a part that it fills: landmarks of small faces are coarse."""
    x, y, width, height = face.box
    side = AGAIN * max(width, height)
    left, top = max(0, int(x + width / 2 - side / 2)), max(0, int(y + height / 2 - side / 2))
    right, bottom = min(rgb.shape[1], int(left + side)), min(rgb.shape[0], int(top + side))
    again = _seen(landmarker, rgb, (left, top, right - left, bottom - top))
    return again[0] if again else face


def _seen(landmarker: Landmarker, rgb: U8, box: tuple[int, int, int, int]) -> tuple[Found, ...]:
    """Return the faces in a part of the picture, in the whole picture's pixels."""
    left, top, width, height = box
    part = rgb[top : top + height, left : left + width]
    small = _shrunk(part, WORK)
    scale = part.shape[1] / small.shape[1]
    shift = np.array([left, top, 0], np.float32)
    faces = landmarker.find(np.ascontiguousarray(small))
    return tuple(replace(f, points=f.points * np.float32(scale) + shift) for f in faces)


def _shrunk(rgb: U8, side: int) -> U8:
    scale = side / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
