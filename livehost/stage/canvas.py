"""A small painter for panels and words: premultiplied RGBA in floats.

In:  masks, colours, pictures.   Out: (4, h, w) float32, ready to become a `Layer`.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import Layer
from livehost.stage import planes
from livehost.stage.planes import Colour
from livehost.stage.text import Line, Mask


def colour(text: str) -> Colour:
    """Return "#rrggbb" as RGB in 0 .. 1."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """Return `a` with `share` (0 .. 1) of `b`."""
    red, green, blue = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return red, green, blue


@lru_cache(maxsize=128)
def rounded(width: int, height: int, radius: float) -> Mask:
    """Return (height, width) uint8 coverage of a rectangle with round corners."""
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    outside = np.hypot(np.maximum(x, 0)[None], np.maximum(y, 0)[:, None])
    inside = np.minimum(np.maximum(x[None], y[:, None]), 0)
    cover = np.clip(radius - outside - inside + 0.5, 0, 1) * 255 + 0.5
    return np.asarray(cover.astype(np.uint8))


def disc(diameter: int) -> Mask:
    """Return (diameter, diameter) uint8 coverage of a disc."""
    return rounded(diameter, diameter, diameter / 2)


class Canvas:
    """Transparent at first; everything painted goes over what is there.

    Args:
        width, height: pixels; made even.
    """

    def __init__(self, width: int, height: int) -> None:
        self.pixels: NDArray[np.float32] = np.zeros(
            (4, height + height % 2, width + width % 2), np.float32
        )

    def copy(self) -> Canvas:
        """Return another canvas with the same paint."""
        other = Canvas(0, 0)
        other.pixels = self.pixels.copy()
        return other

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.pixels.shape[2])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.pixels.shape[1])

    def fill(self, mask: Mask, at: tuple[int, int], tint: Colour, opacity: float = 1.0) -> None:
        """Paint `tint` through `mask`, its corner `at` (x, y); parts outside are dropped."""
        self._over(mask, at, np.array((*tint, 1.0), np.float32), opacity)

    def picture(self, rgba: NDArray[np.float32], at: tuple[int, int], mask: Mask) -> None:
        """Paint a picture of straight colours (h, w, 4) float32 0 .. 1 through `mask`."""
        coloured = np.ascontiguousarray(np.moveaxis(rgba, 2, 0))
        coloured[:3] *= coloured[3]
        self._over(mask, at, coloured, 1.0)

    def shadow(self, mask: Mask, at: tuple[int, int], blur: float, opacity: float) -> None:
        """Paint a soft black shadow of `mask`, which lies `at` (x, y), `blur` pixels wide."""
        pad = int(3 * blur) + 1
        wide = np.pad(mask, pad)
        soft = cv2.GaussianBlur(wide, (0, 0), blur).astype(np.uint8)
        self.fill(soft, (at[0] - pad, at[1] - pad), (0.10, 0.06, 0.04), opacity)

    def panel(self, at: tuple[int, int], size: tuple[int, int], radius: float, tint: Colour,
              opacity: float = 1.0) -> None:  # fmt: skip
        """Paint a rectangle with round corners."""
        self.fill(rounded(*size, radius), at, tint, opacity)

    def words(self, line: Line, at: tuple[int, int], tint: Colour, opacity: float = 1.0) -> None:
        """Write one line with its box's top left corner `at` (x, y)."""
        self.fill(line.mask(), at, tint, opacity)

    def to_layer(self, left: int, top: int) -> Layer:
        """Return what was painted, to lie at (left, top) of the frame."""
        return planes.layer(self.pixels, left, top)

    def _over(
        self, mask: Mask, at: tuple[int, int], ink: NDArray[np.float32], opacity: float
    ) -> None:
        x, y = at
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + mask.shape[1], self.width), min(y + mask.shape[0], self.height)
        if left >= right or top >= bottom:
            return
        part = np.s_[top - y : bottom - y, left - x : right - x]
        cover = mask[part].astype(np.float32) * np.float32(opacity / 255)
        source = ink[:, None, None] if ink.ndim == 1 else ink[:, *part]
        target = self.pixels[:, top:bottom, left:right]
        target *= 1 - cover * source[3]
        target += cover * source
