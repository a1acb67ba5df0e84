"""The mouth of a host who was filmed: carried to where her face is in a frame, in its light.

In:  a decoder's picture, the number of a frame.   Out: changed pixels of that frame.

Where each pixel comes from is computed on a coarse grid, like the head's warp: a camera that maps
the plate to the frame is inverted by a fixed-point iteration over the relief of the face.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Region
from livehost.avatar.loop import Track
from livehost.colour import rgb_to_yuv
from livehost.media import Yuv
from livehost.stage.render.reel import Place
from livehost.stage.render.texture import even_down, even_up
from livehost.stage.render.warp import STEP, Box, enlarged

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

SHRINK = 0.8
"""Stream pixels per decoder pixel below which pictures are averaged first: fetching alone would
leave pixels out, and the mouth would shimmer."""
_ITERATIONS = 4
_NONE = np.empty(0, np.float32)
_HALVES = (1, 2, 2)  # of y, u and v


class Lips:
    """Draws one region into frames of one film.

    Attributes:
        box: left, top, width, height where it was put last; all even.
    """

    def __init__(self, region: Region, track: Track, at: Place, size: tuple[int, int]) -> None:
        self._region, self._track, self._size = region, track, size
        self._camera = _at_stream(track.camera, at)
        self._nodes = _nodes(region, track.relief)
        self._mean = float(track.relief.mean())
        rows, columns = (even_down(side) for side in region.mask.shape)
        self._inside = rows, columns
        shrink = min(at.across, at.down) / region.scale
        shrink = shrink if shrink < SHRINK else 1.0
        wide, high = even_up(columns * shrink), even_up(rows * shrink)
        self._shrunk = (wide, high), (wide // 2, high // 2)
        self._scale = np.array([wide / columns, high / rows], np.float32) * region.scale
        mask = region.mask[:rows, :columns]
        self._masks = _area(mask, self._shrunk[0]), _area(mask, self._shrunk[1])
        self._picture: tuple[U8, U8, U8] | None = None
        self.box: Box = (0, 0, 0, 0)

    def draw(self, picture: NDArray[Any]) -> None:
        """Take a decoder's output: (3, h, w) float32 RGB in 0..1, or (3 h / 2, w) uint8 I420."""
        sizes = (self._shrunk[0], self._shrunk[1], self._shrunk[1])
        y, u, v = map(_area, self._planes(picture), sizes)
        self._picture = y, u, v

    def clear(self) -> None:
        """Put nothing from now on: the frames show what was filmed."""
        self._picture = None

    def put(self, onto: Yuv, index: int) -> None:
        """Draw the mouth into frame `index` of the film, in place."""
        camera, seen = self._camera[index], float(self._track.seen[index])
        self.box = left, top, width, height = self._around(camera)
        if self._picture is None or seen <= 0 or not (width and height):
            return
        nodes = self._sources(camera, self.box)
        shade = self._track.shade[index]
        maps = [_maps(nodes, step, width, height) for step in (1, 2)]
        shares = [
            _fetched(mask, each, cv2.BORDER_CONSTANT).astype(np.float32) * np.float32(seen / 255)
            for mask, each in zip(self._masks, maps, strict=True)
        ]
        for plane, under, step, levels in zip(
            self._picture, (onto.y, onto.u, onto.v), _HALVES, cv2.split(shade), strict=True
        ):
            rows = slice(top // step, (top + height) // step)
            columns = slice(left // step, (left + width) // step)
            new = _fetched(_shaded(plane, levels), maps[step - 1], cv2.BORDER_REPLICATE)
            _blend(under[rows, columns], new, shares[step - 1])

    # --- where ------------------------------------------------------------------------------------

    def _around(self, camera: F32) -> Box:
        """Return the even box of the stream that the region may show in."""
        x, y = camera @ self._nodes
        left, right = even_down(float(x.min())), even_up(float(x.max()))
        top, bottom = even_down(float(y.min())), even_up(float(y.max()))
        left, top = max(0, left), max(0, top)
        right, bottom = min(right, self._size[0]), min(bottom, self._size[1])
        return left, top, max(0, right - left), max(0, bottom - top)

    def _sources(self, camera: F32, box: Box) -> F32:
        """Return (rows, columns, 2): the decoder's point that is seen at each node of the grid."""
        left, top, width, height = box
        across = np.arange(-(-width // STEP) + 2, dtype=np.float32) * STEP + np.float32(left)
        down = np.arange(-(-height // STEP) + 2, dtype=np.float32) * STEP + np.float32(top)
        x, y = np.meshgrid(across, down)
        back = np.linalg.inv(camera[:, :2]).astype(np.float32)
        lean = back @ camera[:, 2]
        flat = np.stack([x, y], axis=-1) - camera[:, 3]
        flat = flat @ back.T
        point = flat - lean * np.float32(self._mean)
        for _ in range(_ITERATIONS):
            point = flat - lean * self._relief(point)[..., None]
        corner = np.array(self._region.box[:2], np.float32)
        return np.asarray((point - corner) * self._scale, np.float32)

    def _relief(self, point: F32) -> F32:
        """Return z at points of the plate, (rows, columns)."""
        left, top, width, height = self._region.box
        rows, columns = self._track.relief.shape
        x = (point[..., 0] - left) * np.float32((columns - 1) / width)
        y = (point[..., 1] - top) * np.float32((rows - 1) / height)
        z = cv2.remap(self._track.relief, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(z, np.float32)

    # --- what -------------------------------------------------------------------------------------

    def _planes(self, picture: NDArray[Any]) -> tuple[U8, U8, U8]:
        rows, columns = self._inside
        if picture.ndim == 2:
            high = self._region.mask.shape[0]
            u, v = picture[high:].reshape(2, high // 2, -1)
            return picture[:high], u, v
        whole = cv2.convertScaleAbs(cv2.merge(list(np.maximum(picture, 0))), alpha=255)
        made = rgb_to_yuv(np.asarray(whole, np.uint8)[:rows, :columns])
        return made.y, made.u, made.v


def _at_stream(camera: F32, at: Place) -> F32:
    """Return cameras (n, 2, 4) that see the plate in the stream's pixels, not in the film's."""
    moved = camera.copy()
    moved[:, :, 3] -= np.array([at.left, at.top], np.float32)
    return np.asarray(moved * np.array([[at.across], [at.down]], np.float32), np.float32)


def _nodes(region: Region, relief: F32) -> F32:
    """Return (4, nodes): the points of the region in space, and 1."""
    left, top, width, height = region.box
    rows, columns = relief.shape
    x, y = np.meshgrid(
        np.linspace(left, left + width, columns), np.linspace(top, top + height, rows)
    )
    return np.stack([x.ravel(), y.ravel(), relief.ravel(), np.ones(relief.size)]).astype(np.float32)


def _maps(nodes: F32, step: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return maps for cv2.remap of luma (step 1) or chroma (step 2), whose pixels are larger."""
    # Pixel centres: decoder pixel i covers [i, i + 1).
    centred = nodes / np.float32(step) - np.float32(0.5)
    full = enlarged(centred, STEP // step, width // step, height // step)
    whole, fraction = cv2.convertMaps(full, _NONE, cv2.CV_16SC2)
    return np.asarray(whole), np.asarray(fraction)


def _area(plane: U8, size: tuple[int, int]) -> U8:
    if plane.shape[::-1] == size:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8)


def _fetched(plane: U8, maps: tuple[NDArray[Any], NDArray[Any]], border: int) -> U8:
    found = cv2.remap(plane, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(found, np.uint8)


def _shaded(plane: U8, levels: F32) -> U8:
    """Return `plane` with `levels`, a coarse grid over it, added."""
    full = cv2.resize(levels, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.add(plane, full, dtype=cv2.CV_8U), np.uint8)


def _blend(under: U8, new: U8, share: F32) -> None:
    """Draw `new` over `under`, in place."""
    above = cv2.multiply(new, share, dtype=cv2.CV_32F)
    below = cv2.multiply(under, 1 - share, dtype=cv2.CV_32F)
    under[...] = cv2.add(below, above, dtype=cv2.CV_8U)
