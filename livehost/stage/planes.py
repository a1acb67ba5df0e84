"""Pictures in 4:2:0 planes: made from RGB, blended, cut to boxes.

In:  RGB(A) arrays, `Layer`s.   Out: bt709 limited range planes, changed in place.

Every box and offset is even, so that chroma samples never straddle a border. How a layer is
blended depends on the layer alone, never on the box: a partial redraw equals a full one.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.colour import rgb_to_yuv
from livehost.media import Layer, Yuv
from livehost.stage.packed import pack

U8 = NDArray[np.uint8]
Colour = tuple[float, float, float]  # sRGB, 0 .. 1


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels `left <= x < right`, `top <= y < bottom` of the frame; all even."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def empty(self) -> bool:
        """True when no pixel lies inside."""
        return self.left >= self.right or self.top >= self.bottom

    def __and__(self, other: Box) -> Box:
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def __or__(self, other: Box) -> Box:
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def holds(self, other: Box) -> bool:
        """Return whether all of `other` lies inside."""
        return self | other == self

    def shifted(self, dx: int, dy: int) -> Box:
        """Return the box moved by even numbers of pixels."""
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)


def frame(width: int, height: int) -> Box:
    """Return the whole frame."""
    return Box(0, 0, width, height)


def box_of(layer: Layer) -> Box:
    """Return where `layer` lies; may reach beyond the frame."""
    height, width = layer.alpha.shape
    return Box(layer.left, layer.top, layer.left + width, layer.top + height)


def changes(layer: Layer) -> list[Box]:
    """Return where in the frame `layer` differs from the one before it."""
    return [
        Box(left, top, left + width, top + height).shifted(layer.left, layer.top)
        for left, top, width, height in layer.changed
    ]


def even(value: float) -> int:
    """Return the nearest even integer."""
    return 2 * round(value / 2)


def copy(picture: Yuv) -> Yuv:
    """Return fresh planes with the same picture."""
    return pack(picture)


def cut(plane: U8, box: Box, step: int) -> U8:
    """Return the part of a plane inside `box` as a view; `step` is 2 for chroma."""
    return plane[box.top // step : box.bottom // step, box.left // step : box.right // step]


def paste(onto: Yuv, picture: Yuv, box: Box) -> None:
    """Copy the pixels of `box` from `picture` (of the same size)."""
    cut(onto.y, box, 1)[:] = cut(picture.y, box, 1)
    cut(onto.u, box, 2)[:] = cut(picture.u, box, 2)
    cut(onto.v, box, 2)[:] = cut(picture.v, box, 2)


def blend(
    onto: Yuv, layer: Layer, box: Box, opacity: float = 1.0, ground: Yuv | None = None
) -> None:
    """Draw the part of `layer` that lies in `box` over `onto`, in place.

    Args:
        box: inside the frame.
        opacity: 0 .. 1, multiplies the layer's alpha.
        ground: what shows through it; None: what `onto` has there.
    """
    seen = box & box_of(layer)
    if seen.empty or opacity <= 0:
        return
    local = seen.shifted(-layer.left, -layer.top)
    picture = layer.picture
    if layer.solid and opacity >= 1:
        cut(onto.y, seen, 1)[:] = cut(picture.y, local, 1)
        cut(onto.u, seen, 2)[:] = cut(picture.u, local, 2)
        cut(onto.v, seen, 2)[:] = cut(picture.v, local, 2)
        return
    alpha, alpha_uv = cut(layer.alpha, local, 1), cut(layer.alpha_uv, local, 2)
    if opacity < 1:
        alpha, alpha_uv = _scaled(alpha, opacity), _scaled(alpha_uv, opacity)
    below, below_uv = _inverse(alpha), _inverse(alpha_uv)
    under = ground or onto
    for drawn, low, over, share, rest, step in (
        (onto.y, under.y, picture.y, alpha, below, 1),
        (onto.u, under.u, picture.u, alpha_uv, below_uv, 2),
        (onto.v, under.v, picture.v, alpha_uv, below_uv, 2),
    ):
        _mix(cut(drawn, seen, step), cut(low, seen, step), cut(over, local, step), share, rest)


def _scaled(alpha: U8, opacity: float) -> U8:
    return cv2.convertScaleAbs(alpha, alpha=opacity).reshape(alpha.shape).astype(np.uint8)


def _inverse(alpha: U8) -> U8:
    return np.asarray(cv2.bitwise_not(alpha), np.uint8)


def _mix(onto: U8, under: U8, over: U8, alpha: U8, rest: U8) -> None:
    lit = cv2.multiply(over, alpha, scale=1 / 255)
    cv2.add(lit, cv2.multiply(under, rest, scale=1 / 255), dst=onto)


def opaque(rgb: U8) -> Yuv:
    """Return (h, w, 3) uint8 RGB as planes; h and w even."""
    return rgb_to_yuv(rgb)


def layer(rgba: NDArray[np.float32], left: int, top: int) -> Layer:
    """Return a painted picture as a layer.

    Chroma is averaged weighted by alpha, so that colours do not fade towards transparent edges.

    Args:
        rgba: (4, h, w) float32, premultiplied, 0 .. 1; h and w even.
        left, top: frame pixels, made even.
    """
    halves = [
        cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA)
        for plane in rgba
    ]
    half = np.asarray(halves, np.float32)
    chroma = rgb_to_yuv(_straight(half).repeat(2, axis=0).repeat(2, axis=1))
    luma = rgb_to_yuv(_straight(rgba))
    picture = Yuv(luma.y, chroma.u, chroma.v)
    return Layer(picture, _bytes(rgba[3]), _bytes(half[3]), even(left), even(top))


def two_tone(
    ground: NDArray[np.float32],
    ink: NDArray[np.float32],
    colours: tuple[Colour, Colour],
    left: int,
    top: int,
) -> Layer:
    """Return `ink` written over `ground`, each of one colour: much cheaper than `layer`.

    Args:
        ground, ink: (h, w) float32 coverage, 0 .. 1; h and w even.
        colours: sRGB 0 .. 1 of the ground and of the ink.
        left, top: frame pixels, made even.
    """
    height, width = ink.shape
    alpha = ink + ground * (1 - ink)
    half = (width // 2, height // 2)
    small_alpha, small_ink = (
        np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA), np.float32)
        for plane in (alpha, ink)
    )
    share, small = (
        over / np.maximum(under, np.float32(1 / 512))
        for over, under in ((ink, alpha), (small_ink, small_alpha))
    )
    under, over = (rgb_to_yuv(_bytes(np.full((2, 2, 3), tint))) for tint in colours)
    y, u, v = (
        (np.float32(a[0, 0]) + part * (np.float32(b[0, 0]) - np.float32(a[0, 0])) + 0.5).astype(
            np.uint8
        )
        for part, a, b in (
            (share, under.y, over.y),
            (small, under.u, over.u),
            (small, under.v, over.v),
        )
    )
    return Layer(Yuv(y, u, v), _bytes(alpha), _bytes(small_alpha), even(left), even(top))


def _straight(rgba: NDArray[np.float32]) -> U8:
    """Return premultiplied planes as (h, w, 3) bytes of straight colour."""
    share = 1 / np.maximum(rgba[3], np.float32(1 / 512))
    return np.stack([_bytes(plane * share) for plane in rgba[:3]], axis=2)


def _bytes(values: NDArray[np.floating]) -> U8:
    return np.asarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8))
