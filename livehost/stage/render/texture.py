"""The plate at the stream's scale: what the warp takes its pixels from.

In:  an avatar and the frame's size.   Out: 4:2:0 planes with alpha, and where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.colour import rgb_to_yuv
from livehost.media import Layer, Yuv
from livehost.stage.render.surface import nearest

U8 = NDArray[np.uint8]

MARGIN = 24  # pixels round the presenter, so that a turned head stays inside
LANDSCAPE_SHARE = 0.7  # of the framing's height that a wide frame shows
OPAQUE = 200  # alpha from which a plate pixel's colour is the body's own


@dataclass(frozen=True, slots=True)
class View:
    """How a picture lies on the plate.

    Attributes:
        scale: its pixels per plate pixel.
        x, y: plate coordinates of its corner.
    """

    scale: float
    x: float
    y: float


class Texture:
    """The presenter before she is warped; regions are drawn into it.

    Attributes:
        box: left, top, width, height in the frame; all even.
        view: how it lies on the plate.
        rest: its planes as the plate has them.
        drawn: the same with decoded regions.
        alpha, alpha_uv: (h, w) and (h / 2, w / 2) uint8.
    """

    def __init__(self, avatar: Avatar, width: int, height: int) -> None:
        frame = view(avatar, width, height)
        rgb, alpha = _scaled(avatar.plate, frame, width, height)
        self.box = _tight(alpha, width, height)
        left, top, wide, high = self.box
        inside = np.s_[top : top + high, left : left + wide]
        self.view = View(frame.scale, frame.x + left / frame.scale, frame.y + top / frame.scale)
        self.rest = rgb_to_yuv(rgb[inside])
        self.drawn = _copy(self.rest)
        self.alpha: U8 = np.ascontiguousarray(alpha[inside])
        half = cv2.resize(self.alpha, (wide // 2, high // 2), interpolation=cv2.INTER_AREA)
        self.alpha_uv = np.asarray(half, np.uint8)

    def layer(self) -> Layer:
        """Return the texture as it is, in fresh planes."""
        alphas = self.alpha.copy(), self.alpha_uv.copy()
        return Layer(_copy(self.drawn), *alphas, *self.box[:2])


def view(avatar: Avatar, width: int, height: int) -> View:
    """Fill the width of a portrait frame; in a wider one show head and chest, centred."""
    frame = avatar.frame
    scale = min(width / frame.width, height / (LANDSCAPE_SHARE * frame.height))
    return View(scale, frame.x + (frame.width - width / scale) / 2, float(frame.y))


def _copy(picture: Yuv) -> Yuv:
    return Yuv(picture.y.copy(), picture.u.copy(), picture.v.copy())


def even_down(value: float) -> int:
    """Return the largest even number up to `value`."""
    return int(value // 2) * 2


def even_up(value: float) -> int:
    """Return the smallest even number from `value` on."""
    return -int(-value // 2) * 2


def _scaled(plate: U8, frame: View, width: int, height: int) -> tuple[U8, U8]:
    """Return the colours and the alpha of `plate` as they lie in the frame."""
    picture = _bled(plate)
    rows, columns = plate.shape[:2]
    shrunk = min(1.0, frame.scale)
    if shrunk < 1:  # averaging keeps fabric and hair from shimmering
        size = (round(columns * shrunk), round(rows * shrunk))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    zoom = frame.scale * np.array([columns, rows]) / picture.shape[1::-1]
    # Pixel centres: pixel i covers [i, i + 1) of the picture.
    shift = 0.5 * zoom - 0.5 - np.array([frame.x, frame.y]) * frame.scale
    matrix = np.hstack([np.diag(zoom), shift[:, None]])
    placed = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(placed[..., :3], np.uint8), np.asarray(placed[..., 3], np.uint8)


def _bled(plate: U8) -> U8:
    """Return the plate with the colours of its edge continued outwards under zero alpha."""
    colours = plate[..., :3].reshape(-1, 3)[nearest(plate[..., 3] > OPAQUE)]
    return np.dstack([colours, plate[..., 3]])


def _tight(alpha: U8, width: int, height: int) -> tuple[int, int, int, int]:
    """Return the even box round everything visible, with a margin, inside the frame."""
    columns, rows = np.flatnonzero(alpha.any(axis=0)), np.flatnonzero(alpha.any(axis=1))
    left, right = max(0, columns[0] - MARGIN), min(width, columns[-1] + 1 + MARGIN)
    top, bottom = max(0, rows[0] - MARGIN), min(height, rows[-1] + 1 + MARGIN)
    left, top = even_down(left), even_down(top)
    return left, top, even_down(right - left), even_down(bottom - top)
