"""A box of the presenter that moves: where its pixels come from, and their way into a layer.

In:  pose and breath.   Out: warped pixels in the planes of a layer.

A band is drawn in strips that a processor's cache can hold, each no wider than the body can be at
that height: beside it nothing is visible, so nothing is fetched.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import HeadPose, Layer
from livehost.stage.render.surface import Surface
from livehost.stage.render.texture import Texture
from livehost.stage.render.warp import STEP, Box, Warp

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

STRIP = 12 * STEP  # rows
_NONE = np.empty(0, np.float32)


@dataclass(frozen=True, slots=True)
class _Strip:
    """Some rows of a band, and the columns that are visible in and near them."""

    top: int
    bottom: int
    left: int
    right: int


class Band:
    """One box of the texture.

    Args:
        box: left, top, width, height in the texture; all even.
        unseen: texture pixels that the content may be off by before it is moved again.

    Attributes:
        box: as given.
        reach: texture pixels that no pixel is farther from its source than.
    """

    def __init__(self, surface: Surface, texture: Texture, box: Box, unseen: float) -> None:
        self.box = box
        self._unseen = unseen
        self._warp = Warp(surface, texture.view, box)
        self._strips = _strips(texture.luma[..., 1], box)
        self._set(self._warp.field(HeadPose(), 0.0))

    def follow(self, pose: HeadPose, breath: float) -> bool:
        """Compute where the pixels come from; return False when nobody could see a change."""
        field = self._warp.field(pose, breath)
        if cv2.norm(field, self._field, cv2.NORM_INF) < self._unseen:
            return False
        self._set(field)
        return True

    def draw(self, texture: Texture, onto: Layer, within: Box | None = None) -> Box:
        """Draw the texture, warped, into the planes of `onto`; return the box that was drawn.

        Args:
            within: only this part of the texture's box; None draws all that is visible.
        """
        left, top = self.box[:2]
        wanted = within or self.box
        wanted = wanted[0] - left, wanted[1] - top, wanted[2], wanted[3]
        drawn = [part for strip in self._visible() if (part := _common(strip, wanted))[3]]
        for part in drawn:
            self._strip(texture, onto, part)
        return _around(drawn, left, top)

    def _strip(self, texture: Texture, onto: Layer, part: Box) -> None:
        luma, chroma = self._warp.maps(self._field, part)
        box = part[0] + self.box[0], part[1] + self.box[1], part[2], part[3]
        picture = onto.picture
        _move(texture.luma, luma, [_inside(plane, box, 1) for plane in (picture.y, onto.alpha)])
        planes = picture.u, picture.v, onto.alpha_uv
        _move(texture.chroma, chroma, [_inside(plane, box, 2) for plane in planes])

    def _visible(self) -> Iterator[Box]:
        """Yield the parts of the band that show some of the body now, or did at rest."""
        width, reach = self.box[2], self.reach
        for strip in self._strips:
            left, right = 0, width
            if reach <= STRIP:
                left = max(0, (strip.left - reach) // STEP * STEP)
                right = min(width, -(-(strip.right + reach) // STEP) * STEP)
            if right > left:
                yield left, strip.top, right - left, strip.bottom - strip.top

    def _set(self, field: F32) -> None:
        self._field = field
        self.reach = math.ceil(cv2.norm(field, cv2.NORM_INF)) + 2


def _strips(alpha: U8, box: Box) -> list[_Strip]:
    left, top, width, height = box
    seen = alpha[:, left : left + width] > 0
    out = []
    for row in range(0, height, STRIP):
        bottom = min(height, row + STRIP)
        near = seen[max(0, top + row - STRIP) : top + bottom + STRIP]
        columns = np.flatnonzero(near.any(axis=0))
        if len(columns):
            out.append(_Strip(row, bottom, int(columns[0]), int(columns[-1]) + 1))
    return out


def _move(source: U8, positions: F32, targets: list[U8]) -> None:
    """Fetch `positions` from `source`; its channels go to `targets`."""
    moved = cv2.remap(source, positions, _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    for channel, target in enumerate(targets):
        cv2.extractChannel(moved, channel, target)


def _inside(plane: U8, box: Box, step: int) -> U8:
    left, top, width, height = (side // step for side in box)
    return plane[top : top + height, left : left + width]


def _common(part: Box, wanted: Box) -> Box:
    """Return the pixels of `part` that are in `wanted`, as whole cells of the warp's grid."""
    left = max(part[0], wanted[0] // STEP * STEP)
    top = max(part[1], wanted[1] // STEP * STEP)
    right = min(part[0] + part[2], -(-(wanted[0] + wanted[2]) // STEP) * STEP)
    bottom = min(part[1] + part[3], -(-(wanted[1] + wanted[3]) // STEP) * STEP)
    if right <= left or bottom <= top:
        return 0, 0, 0, 0
    return left, top, right - left, bottom - top


def _around(parts: list[Box], left: int, top: int) -> Box:
    """Return the box round `parts`, moved by (left, top)."""
    if not parts:
        return left, top, 0, 0
    x, y = min(part[0] for part in parts), min(part[1] for part in parts)
    right = max(part[0] + part[2] for part in parts)
    bottom = max(part[1] + part[3] for part in parts)
    return left + x, top + y, right - x, bottom - y
