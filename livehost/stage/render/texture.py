"""The plate at the stream's scale, and the parts of it that decoders draw anew.

In:  an avatar, the frame's size, decoded regions.   Out: 4:2:0 planes with alpha, ready to warp.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.media import Yuv
from livehost.stage.colour import rgb_to_yuv

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

MARGIN = 24  # pixels round the presenter, so that a turned head stays inside
LANDSCAPE_SHARE = 0.7  # of the framing's height that a wide frame shows


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the plate lies in the frame.

    Attributes:
        scale: frame pixels per plate pixel.
        origin: plate coordinates of frame pixel (0, 0).
    """

    scale: float
    origin: tuple[float, float]


def place(avatar: Avatar, width: int, height: int) -> Placement:
    """Fill the width of a portrait frame; in a wider one show head and chest, centred."""
    frame = avatar.frame
    scale = min(width / frame.width, height / (LANDSCAPE_SHARE * frame.height))
    centre = frame.x + frame.width / 2
    return Placement(scale, (centre - width / 2 / scale, float(frame.y)))


class Texture:
    """The presenter before she is warped.

    Attributes:
        box: left, top, width, height in the frame; all even.
        picture, alpha, alpha_uv: planes of that size, the presenter at rest; regions are drawn
            into `picture`.
    """

    def __init__(self, avatar: Avatar, width: int, height: int) -> None:
        self.placement = place(avatar, width, height)
        rgb, alpha = self._scaled(avatar, width, height)
        self.box = _tight(alpha, width, height)
        left, top, wide, high = self.box
        inside = np.s_[top : top + high, left : left + wide]
        self.alpha: U8 = np.ascontiguousarray(alpha[inside])
        self.alpha_uv: U8 = np.asarray(
            cv2.resize(self.alpha, (wide // 2, high // 2), interpolation=cv2.INTER_AREA), np.uint8
        )
        self.rest = rgb_to_yuv(rgb[inside])
        self.picture = Yuv(self.rest.y.copy(), self.rest.u.copy(), self.rest.v.copy())

    def _scaled(self, avatar: Avatar, width: int, height: int) -> tuple[U8, U8]:
        scale, (x, y) = self.placement.scale, self.placement.origin
        matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
        opaque = _bled(avatar.plate)
        # Shrinking with INTER_AREA first keeps fabric from shimmering; warpAffine only places it.
        if scale < 1:
            size = (round(opaque.shape[1] * scale), round(opaque.shape[0] * scale))
            opaque = np.asarray(cv2.resize(opaque, size, interpolation=cv2.INTER_AREA), np.uint8)
            matrix[:, :2] = np.eye(2)
        placed = cv2.warpAffine(
            opaque, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
        return np.asarray(placed[..., :3], np.uint8), np.asarray(placed[..., 3], np.uint8)


class RegionPatch:
    """One decoded region, placed into the texture with its soft edge."""

    def __init__(self, region: Region, texture: Texture) -> None:
        scale, (x0, y0) = texture.placement.scale, texture.placement.origin
        left, top, wide, high = texture.box
        x, y = (region.box[0] - x0) * scale - left, (region.box[1] - y0) * scale - top
        self._left, self._top = _even_down(x), _even_down(y)
        self._size = (
            min(_even_up(x + region.box[2] * scale), wide) - self._left,
            min(_even_up(y + region.box[3] * scale), high) - self._top,
        )
        zoom = scale / region.scale
        # Pixel centres: decoder pixel i covers plate [i, i + 1) / region.scale.
        self._matrix = np.array(
            [
                [zoom, 0, x - self._left + 0.5 * zoom - 0.5],
                [0, zoom, y - self._top + 0.5 * zoom - 0.5],
            ]
        )
        mask = np.asarray(self._placed(region.mask), np.float32) / np.float32(255)
        half = (self._size[0] // 2, self._size[1] // 2)
        self._mask: F32 = mask
        small = cv2.resize(mask, half, interpolation=cv2.INTER_AREA)
        self._mask_uv: F32 = np.asarray(small, np.float32)
        self._texture = texture

    def draw(self, rgb: F32) -> None:
        """Draw a decoder's output, (3, h, w) float32 in 0..1, into the texture."""
        bytes_ = np.clip(rgb.transpose(1, 2, 0) * 255 + 0.5, 0, 255).astype(np.uint8)
        yuv = rgb_to_yuv(self._placed(bytes_))
        rest, onto = self._texture.rest, self._texture.picture
        self._blend(yuv.y, rest.y, onto.y, self._mask, 1)
        self._blend(yuv.u, rest.u, onto.u, self._mask_uv, 2)
        self._blend(yuv.v, rest.v, onto.v, self._mask_uv, 2)

    def _placed(self, picture: U8) -> U8:
        placed = cv2.warpAffine(
            picture,
            self._matrix,
            self._size,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(placed, np.uint8)

    def _blend(self, new: U8, rest: U8, onto: U8, mask: F32, step: int) -> None:
        height, width = mask.shape
        at = np.s_[
            self._top // step : self._top // step + height,
            self._left // step : self._left // step + width,
        ]
        below = rest[at].astype(np.float32)
        onto[at] = (below + (new - below) * mask + np.float32(0.5)).astype(np.uint8)


def _bled(plate: U8) -> U8:
    """Return the plate with the colours of its edge continued outwards under zero alpha."""
    solid = plate[..., 3] > 200
    _, labels = cv2.distanceTransformWithLabels(
        np.where(solid, 0, 255).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros(int(labels.max()) + 1, np.int64)
    lookup[labels[solid]] = np.flatnonzero(solid)
    colours = plate[..., :3].reshape(-1, 3)[lookup[labels]]
    return np.dstack([colours, plate[..., 3]])


def _tight(alpha: U8, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the even box round everything visible, with a margin, inside the frame."""
    columns, rows = np.flatnonzero(alpha.any(axis=0)), np.flatnonzero(alpha.any(axis=1))
    left, right = max(0, columns[0] - MARGIN), min(width, columns[-1] + 1 + MARGIN)
    top, bottom = max(0, rows[0] - MARGIN), min(height, rows[-1] + 1 + MARGIN)
    left, top = _even_down(left), _even_down(top)
    return left, top, _even_down(right - left), _even_down(bottom - top)


def _even_down(value: float) -> int:
    return int(value // 2) * 2


def _even_up(value: float) -> int:
    return -int(-value // 2) * 2
