"""A box of the presenter that moves: where its pixels come from, and their way into a layer.

In:  the pose of the head, what the body does.   Out: warped pixels in the planes of a layer.

A band is drawn in strips that a processor's cache can hold, each no wider than the body can be at
that height: beside it nothing is visible, so nothing is fetched. Nor is alpha in the middle of the
body, where it is 255 whatever the pose. A strip that did not move is not drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import Body, HeadPose, Layer, Yuv
from livehost.stage.render.surface import Surface
from livehost.stage.render.texture import Texture, even_down, even_up
from livehost.stage.render.warp import STEP, Box, Warp

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Maps = tuple[NDArray[np.int16], NDArray[np.uint16]]

STRIP = 12 * STEP  # rows
NEAR = 4 * STEP  # pixels that a pose usually carries a strip's content, at most
_NONE = np.empty(0, np.float32)


@dataclass(slots=True)
class _Strip:
    """Some rows of a band, their luma or their chroma.

    Attributes:
        step: 1 for luma, 2 for chroma; all other numbers count luma pixels.
        top, bottom: the rows.
        left, right: the columns that show some of the body at rest, in these rows or near them.
        solid: the first and the end of columns that are opaque in all of them at rest.
        field: where its pixels come from.
        reach: pixels that none of them is farther from its source than.
        stale: it was moved, and not yet drawn.
        drawn: the first and the end of columns that were drawn last.
    """

    step: int
    top: int
    bottom: int
    left: int
    right: int
    solid: tuple[int, int]
    field: F32
    drawn: tuple[int, int]
    reach: int = 0
    stale: bool = False

    @property
    def nodes(self) -> slice:
        """The rows of the field that it needs."""
        return slice(self.top // STEP, -(-self.bottom // STEP) + 3)

    def move(self, field: F32) -> None:
        """Take pixels from elsewhere."""
        self.field, self.stale = field, True
        self.reach = math.ceil(cv2.norm(field[self.nodes], cv2.NORM_INF)) + 2

    def visible(self, width: int) -> tuple[int, int]:
        """Return the first and the end of columns that may show some of the body now."""
        if self.reach > NEAR:
            return 0, width
        left = max(0, (self.left - self.reach) // STEP * STEP)
        return left, min(width, -(-(self.right + self.reach) // STEP) * STEP)


class Band:
    """One box of the texture.

    Args:
        box: left, top, width, height in the texture; all even.
        unseen: texture pixels that the content may be off by before it is moved again; chroma,
            half as sharp, twice that.

    Attributes:
        box: as given.
    """

    def __init__(self, surface: Surface, texture: Texture, box: Box, unseen: float) -> None:
        self.box = box
        self._unseen = unseen
        self._warp = Warp(surface, texture.view, box)
        self._still = self._warp.field(HeadPose(), Body())
        self._strips = _strips(texture.alpha, box, self._still)

    @property
    def reach(self) -> int:
        """Texture pixels that no pixel is farther from its source than."""
        return max((strip.reach for strip in self._strips), default=0)

    def follow(self, pose: HeadPose, body: Body) -> bool:
        """Compute where the pixels come from; return False when nobody could see a change."""
        field, moved = self._warp.field(pose, body), False
        for strip in self._strips:
            rows = strip.nodes
            change = cv2.norm(field[rows], strip.field[rows], cv2.NORM_INF)
            if change >= strip.step * self._unseen:
                strip.move(field)
                moved = True
        return moved

    def rest(self) -> None:
        """Go back to the neutral pose, as if that had been drawn."""
        for strip in self._strips:
            strip.move(self._still)
            strip.stale = False

    def draw(self, texture: Texture, onto: Layer, touched: Sequence[Box] = ()) -> list[Box]:
        """Draw the texture, warped, into `onto`: strips that moved, and what is in `touched`.

        Args:
            onto: a copy of the layer that was drawn into last.
            touched: boxes of the texture that this band must be drawn over again.

        Returns:
            The boxes of the texture that were drawn; they do not overlap.
        """
        drawn: list[Box] = []
        for strip in self._strips:
            parts = [self._whole(strip)] if strip.stale else self._parts(strip, touched)
            for part in parts:
                self._draw(texture, onto, part, strip)
            drawn += parts
        left, top = self.box[:2]
        return [(part[0] + left, part[1] + top, *part[2:]) for part in _runs(drawn)]

    def _whole(self, strip: _Strip) -> Box:
        """Return all that a strip shows or showed, and note that it is drawn."""
        before, strip.drawn, strip.stale = strip.drawn, strip.visible(self.box[2]), False
        left, right = min(before[0], strip.drawn[0]), max(before[1], strip.drawn[1])
        return left, strip.top, right - left, strip.bottom - strip.top

    def _parts(self, strip: _Strip, touched: Sequence[Box]) -> list[Box]:
        """Return what a strip shows of the boxes in `touched`, as one box."""
        left, right = strip.drawn
        shown = left, strip.top, right - left, strip.bottom - strip.top
        x, y = self.box[:2]
        moved = [(box[0] - x, box[1] - y, box[2], box[3]) for box in touched]
        common = [part for box in moved if (part := _common(shown, box))[3]]
        return [around(common)] if common else []

    def _draw(self, texture: Texture, onto: Layer, part: Box, strip: _Strip) -> None:
        step, source, target = strip.step, texture.drawn, onto.picture
        maps = _fixed(self._warp.maps(strip.field, part, step))
        left, top = (part[0] + self.box[0]) // step, (part[1] + self.box[1]) // step
        box = left, top, part[2] // step, part[3] // step
        if step == 1:
            pairs, alpha, cover = [(source.y, target.y)], texture.alpha, onto.alpha
        else:
            pairs, alpha, cover = _chroma(source, target), texture.alpha_uv, onto.alpha_uv
        for fetched, plane in pairs:
            _move(fetched, maps, plane, box)
        for begin, end in _edges(part, strip):
            _move(alpha, maps, cover, box, (begin // step, end // step))


def _chroma(one: Yuv, other: Yuv) -> list[tuple[U8, U8]]:
    return [(one.u, other.u), (one.v, other.v)]


def _edges(part: Box, strip: _Strip) -> list[tuple[int, int]]:
    """Return the columns of `part`, from its left, in which alpha may not be 255."""
    left, _, width, _ = part
    begin = even_up(strip.solid[0] + strip.reach - left)
    end = even_down(strip.solid[1] - strip.reach - left)
    if strip.reach > NEAR or begin >= end:
        return [(0, width)]
    edges = [(0, min(begin, width)), (max(end, 0), width)]
    return [(first, last) for first, last in edges if first < last]


def _strips(alpha: U8, box: Box, still: F32) -> list[_Strip]:
    left, top, width, height = box
    out = []
    for row in range(0, height, STRIP):
        bottom = min(height, row + STRIP)
        near = alpha[max(0, top + row - NEAR) : top + bottom + NEAR, left : left + width]
        columns = np.flatnonzero(near.any(axis=0))
        if len(columns):
            ends = int(columns[0]), int(columns[-1]) + 1
            solid = _longest((near == 255).all(axis=0))
            for step in (1, 2):
                out.append(_Strip(step, row, bottom, *ends, solid, still, (0, 0)))
                out[-1].drawn = out[-1].visible(width)
    return out


def _longest(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the first and the end of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0
    begins, ends = edges[::2], edges[1::2]
    longest = int((ends - begins).argmax())
    return int(begins[longest]), int(ends[longest])


def _fixed(positions: F32) -> Maps:
    whole, fraction = cv2.convertMaps(positions, _NONE, cv2.CV_16SC2)
    return np.asarray(whole, np.int16), np.asarray(fraction, np.uint16)


def _move(
    source: U8, maps: Maps, onto: U8, box: Box, columns: tuple[int, int] | None = None
) -> None:
    """Fetch pixels of `source` into `box` of `onto`, or into some of its columns."""
    left, top, width, height = box
    begin, end = columns or (0, width)
    cv2.remap(
        source,
        maps[0][:, begin:end],
        maps[1][:, begin:end],
        cv2.INTER_LINEAR,
        dst=onto[top : top + height, left + begin : left + end],
        borderMode=cv2.BORDER_REPLICATE,
    )


def _common(part: Box, wanted: Box) -> Box:
    """Return the pixels of `part` that are in `wanted`, as whole cells of the warp's grid."""
    left = max(part[0], wanted[0] // STEP * STEP)
    top = max(part[1], wanted[1] // STEP * STEP)
    right = min(part[0] + part[2], -(-(wanted[0] + wanted[2]) // STEP) * STEP)
    bottom = min(part[1] + part[3], -(-(wanted[1] + wanted[3]) // STEP) * STEP)
    if right <= left or bottom <= top:
        return 0, 0, 0, 0
    return left, top, right - left, bottom - top


def around(boxes: Sequence[Box]) -> Box:
    """Return the box round `boxes`, of which there must be one."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right = max(box[0] + box[2] for box in boxes)
    bottom = max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top


def _runs(boxes: list[Box]) -> list[Box]:
    """Return boxes, in order from the top, with those that touch made one."""
    out: list[Box] = []
    for box in boxes:
        if out and out[-1][1] + out[-1][3] >= box[1]:
            out[-1] = around([out[-1], box])
        else:
            out.append(box)
    return out
