"""Where a region lies on the plate, and the pixels its decoder draws.

In:  a box of the plate.   Out: coordinates between plate and region, the region's picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo.field import Grid

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SCALES = (Fraction(2, 3), Fraction(1, 2), Fraction(5, 12), Fraction(1, 3), Fraction(1, 4))
STEP = 12  # plate pixels: every scale makes whole pixels of it
MOST_PIXELS = 34_000  # of a decoder: about 8 ms of one core


@dataclass(frozen=True, slots=True)
class Place:
    """A box of the plate, and the decoder's pixels per plate pixel.

    Attributes:
        box: x, y, width, height in plate pixels.
    """

    box: tuple[int, int, int, int]
    scale: Fraction

    @property
    def grid(self) -> Grid:
        """The decoder's pixels and nodes."""
        return Grid(int(self.box[2] * self.scale), int(self.box[3] * self.scale))

    def local(self, points: F64) -> F64:
        """Return plate coordinates as coordinates of the region."""
        return np.asarray((points - np.array(self.box[:2])) * float(self.scale))

    def picture(self, plate: U8) -> F32:
        """Return (h, w, 3) float32 in 0..1 of the plate's RGB in the box."""
        x, y, width, height = self.box
        inside = plate[y : y + height, x : x + width, :3]
        size = self.grid.width, self.grid.height
        small = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32) / np.float32(255)


def place(left: float, top: float, right: float, bottom: float, plate: tuple[int, int]) -> Place:
    """Return the box round these plate coordinates, within a plate of (height, width)."""
    x, y = max(0, int(left)), max(0, int(top))
    width = -(-int(min(right, plate[1]) - x) // STEP) * STEP
    height = -(-int(min(bottom, plate[0]) - y) // STEP) * STEP
    width -= STEP if x + width > plate[1] else 0
    height -= STEP if y + height > plate[0] else 0
    fits = [s for s in SCALES if width * height * s * s <= MOST_PIXELS]
    return Place((x, y, width, height), fits[0] if fits else SCALES[-1])
