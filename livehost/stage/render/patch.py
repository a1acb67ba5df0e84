"""A decoded region, drawn into the texture with its soft edge.

In:  a decoder's picture, in RGB or as planes.   Out: changed pixels of the texture.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Region
from livehost.colour import rgb_to_yuv
from livehost.errors import ConfigError
from livehost.media import Yuv
from livehost.stage.render.texture import Texture, even_down, even_up

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


class Patch:
    """Where a region lies in the texture, and how it is drawn there.

    Attributes:
        box: left, top, width, height in the texture; all even.

    Raises:
        ConfigError: the region lies outside the frame.
    """

    def __init__(self, region: Region, texture: Texture) -> None:
        view, (_, _, wide, high) = texture.view, texture.box
        x, y = (region.box[0] - view.x) * view.scale, (region.box[1] - view.y) * view.scale
        left, top = max(0, even_down(x)), max(0, even_down(y))
        right = min(even_up(x + region.box[2] * view.scale), wide)
        bottom = min(even_up(y + region.box[3] * view.scale), high)
        if right <= left or bottom <= top:
            raise ConfigError(f"{region.model}: its region lies outside the frame; move frame")
        self.box = left, top, right - left, bottom - top
        zoom = view.scale / region.scale
        # Pixel centres: decoder pixel i covers plate [i, i + 1) / region.scale.
        self._matrix = _placing(zoom, x - left, y - top)
        self._half_matrix = _placing(zoom, (x - left) / 2, (y - top) / 2)
        self._rows = region.mask.shape[0]
        share = np.asarray(
            _placed(region.mask, self._matrix, self.box[2:]), np.float32
        ) / np.float32(255)
        half = (self.box[2] // 2, self.box[3] // 2)
        small = np.asarray(cv2.resize(share, half, interpolation=cv2.INTER_AREA), np.float32)
        rest, drawn = texture.rest, texture.drawn
        self._blends = (
            _Blend(self._inside(rest.y, 1), self._inside(drawn.y, 1), share),
            _Blend(self._inside(rest.u, 2), self._inside(drawn.u, 2), small),
            _Blend(self._inside(rest.v, 2), self._inside(drawn.v, 2), small),
        )

    def draw(self, picture: NDArray[Any]) -> None:
        """Draw a picture of the region.

        Args:
            picture: (3, h, w) float32 RGB in 0..1, (3 h / 2, w) uint8 I420, or (h, w, 3) uint8 RGB.
        """
        planes = self._planes(picture) if picture.ndim == 2 else self._converted(picture)
        for blend, new in zip(self._blends, planes, strict=True):
            blend.draw(new)

    def _planes(self, i420: U8) -> tuple[U8, U8, U8]:
        luma, rows = i420[: self._rows], self._rows // 2
        u, v = i420[self._rows :].reshape(2, rows, -1)
        small = self.box[2] // 2, self.box[3] // 2
        return (
            _placed(luma, self._matrix, self.box[2:]),
            _placed(u, self._half_matrix, small),
            _placed(v, self._half_matrix, small),
        )

    def _converted(self, rgb: NDArray[Any]) -> tuple[U8, U8, U8]:
        if rgb.dtype != np.uint8:
            rgb = cv2.convertScaleAbs(cv2.merge(list(np.maximum(rgb, 0))), alpha=255)
        placed = _placed(np.asarray(rgb, np.uint8), self._matrix, self.box[2:])
        picture: Yuv = rgb_to_yuv(placed)
        return picture.y, picture.u, picture.v

    def clear(self) -> None:
        """Draw what the plate has."""
        for blend in self._blends:
            blend.clear()

    def _inside(self, plane: U8, step: int) -> U8:
        left, top, wide, high = (side // step for side in self.box)
        return plane[top : top + high, left : left + wide]


def _placing(zoom: float, x: float, y: float) -> F64:
    """Return the matrix that enlarges a picture and puts its corner at (x, y)."""
    return np.array([[zoom, 0, x + 0.5 * zoom - 0.5], [0, zoom, y + 0.5 * zoom - 0.5]])


def _placed(picture: U8, matrix: F64, size: tuple[int, int]) -> U8:
    placed = cv2.warpAffine(
        picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(placed, np.uint8)


class _Blend:
    """One plane of a patch: `rest` (1 - share) + new share, into `onto`."""

    def __init__(self, rest: U8, onto: U8, share: F32) -> None:
        self._rest, self._onto, self._share = rest, onto, share
        self._below: F32 = rest * (1 - share)

    def draw(self, new: U8) -> None:
        above = cv2.multiply(new, self._share, dtype=cv2.CV_32F)
        self._onto[...] = cv2.add(self._below, above, dtype=cv2.CV_8U)

    def clear(self) -> None:
        self._onto[...] = self._rest
