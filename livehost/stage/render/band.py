"""A box of the presenter that moves: its maps, and the pixels that they fetch.

In:  pose and breath.   Out: warped pixels in the planes of a layer.
"""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import HeadPose, Layer
from livehost.stage.render.surface import Surface
from livehost.stage.render.texture import Texture
from livehost.stage.render.warp import Box, Warp

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Maps = tuple[NDArray[np.int16], NDArray[np.uint16]]
S = TypeVar("S", bound=np.generic)


class Band:
    """One box of the texture.

    Args:
        box: left, top, width, height in the texture; all even.
        unseen: texture pixels that the content may be off by before it is moved again.
    """

    def __init__(self, surface: Surface, texture: Texture, box: Box, unseen: float) -> None:
        self._box = box
        self._unseen = unseen
        self._warp = Warp(surface, texture.view, box)
        self._set(self._warp.field(HeadPose(), 0.0))

    def follow(self, pose: HeadPose, breath: float) -> bool:
        """Compute where the pixels come from; return False when nobody could see a change."""
        field = self._warp.field(pose, breath)
        if float(np.abs(field - self._field).max()) < self._unseen:
            return False
        self._set(field)
        return True

    def draw(self, texture: Texture, onto: Layer, within: Box | None = None) -> None:
        """Draw the texture, warped, into the planes of `onto`.

        Args:
            within: only this part of the texture's box (even); None draws all of the band.
        """
        box = self._box if within is None else _common(self._box, within)
        here = box[0] - self._box[0], box[1] - self._box[1], box[2], box[3]
        picture = onto.picture
        luma, chroma = (picture.y, onto.alpha), (picture.u, picture.v, onto.alpha_uv)
        _move(texture.luma, self._luma, here, [_inside(plane, box) for plane in luma])
        here, box = _halved(here), _halved(box)
        _move(texture.chroma, self._chroma, here, [_inside(plane, box) for plane in chroma])

    def _set(self, field: F32) -> None:
        self._field = field
        luma, chroma = self._warp.maps(field)
        self._luma, self._chroma = _fixed(luma), _fixed(chroma)


def _fixed(positions: F32) -> Maps:
    whole, fraction = cv2.convertMaps(positions, np.empty(0, np.float32), cv2.CV_16SC2)
    return np.asarray(whole, np.int16), np.asarray(fraction, np.uint16)


def _move(source: U8, maps: Maps, here: Box, targets: list[U8]) -> None:
    """Fetch the part `here` of the maps from `source`; its channels go to `targets`."""
    whole, fraction = _inside(maps[0], here), _inside(maps[1], here)
    moved = cv2.remap(source, whole, fraction, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    for channel, target in enumerate(targets):
        cv2.extractChannel(moved, channel, target)


def _inside(plane: NDArray[S], box: Box) -> NDArray[S]:
    left, top, width, height = box
    return plane[top : top + height, left : left + width]


def _halved(box: Box) -> Box:
    left, top, width, height = (side // 2 for side in box)
    return left, top, width, height


def _common(one: Box, other: Box) -> Box:
    left, top = max(one[0], other[0]), max(one[1], other[1])
    right = min(one[0] + one[2], other[0] + other[2])
    bottom = min(one[1] + one[3], other[1] + other[3])
    return left, top, max(0, right - left), max(0, bottom - top)
