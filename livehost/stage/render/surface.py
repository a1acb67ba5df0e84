"""The plate as a smooth surface in space: how deep each pixel lies and whether the head carries it.

In:  an avatar.   Out: depth and head weight without holes or cliffs, on the plate's pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Camera

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

SOLID = 128  # alpha from which a pixel belongs to the body
RIGID = 250  # head weight from which a pixel belongs to the head alone
GAP = 0.1  # of the head's height: half the width of gaps that are filled up to their front
SMOOTH = 0.015  # of the head's height: sigma that takes strands of hair out of the depth
FADE_FROM, FADE_OVER = (
    0.02,
    0.125,
)  # of the head's height beside the hair: cloth stays with the torso


@dataclass(frozen=True, slots=True)
class Surface:
    """The avatar's surface.

    Attributes:
        depth: (H, W) float32, distance from the camera in scene units, finite everywhere.
        weight: (H, W) float32, 1 moves with the head, 0 stays.
        torso: (H, W) float32, 1 rises with a breath, 0 stays.
        shoulders: the first plate row that a breath moves; None: where the body gets wider than
            the head.
        head: left, top, right, bottom of all that the head moves, in plate pixels.
        hips: the point of the plate about which all of her leans, in plate pixels; None: she
            does not, because the background would lean with her.
        head_pixels: height of the rigid head in plate pixels.
        camera: the plate's camera.
        motion: share of the head's usual motion that the plate bears.
    """

    depth: F32
    weight: F32
    torso: F32
    head: tuple[float, float, float, float]
    hips: tuple[float, float] | None
    head_pixels: float
    camera: Camera
    shoulders: float | None = None
    motion: float = 1.0

    @property
    def head_units(self) -> float:
        """Height of the rigid head in scene units."""
        return self.head_pixels * (self.camera.cam_z - self.camera.pivot[2]) / self.camera.focal_px


def surface(avatar: Avatar) -> Surface:
    """Return the surface of `avatar`.

    Background takes the values of the nearest body pixel, so that the silhouette moves with the
    body. At a cliff (cheek before hair) the front is continued a little over what is behind: a
    backward warp cannot uncover anything, and hair may stretch where a jaw may not bend.
    """
    solid = np.isfinite(avatar.depth) & (avatar.plate[..., 3] > SOLID)
    rigid = solid & (avatar.head_weight >= RIGID)
    left, top, right, bottom = _bounds(rigid if rigid.any() else solid)
    height = bottom - top
    near = nearest(solid)
    depth = _filled(avatar.depth.ravel()[near].astype(np.float32), GAP * height)
    ramp = _ramp(avatar.head_weight.ravel()[near].astype(np.float32) / np.float32(255))
    weight = ramp * _beside(ramp.shape[1], left, right, height)
    torso = np.zeros_like(ramp)
    if avatar.torso is not None:
        torso = np.asarray(avatar.torso / np.float32(255), np.float32)
    reach = (FADE_FROM + FADE_OVER) * height
    moved = _bounds((weight > 0) & (avatar.plate[..., 3] > 0))
    hips = (left + right) / 2, float(avatar.frame.y + avatar.frame.height)
    return Surface(
        depth=_blur(depth, SMOOTH * height),
        weight=_blur(weight, SMOOTH * height),
        torso=_blur(1 - ramp if avatar.torso is None else torso, SMOOTH * height),
        head=(left - reach, top - reach, right + reach, moved[3] + 2 * SMOOTH * height),
        hips=None if avatar.torso is not None else hips,
        head_pixels=height,
        camera=avatar.camera,
        shoulders=None if avatar.torso is None else _bounds(torso > 0)[1],
        motion=avatar.motion,
    )


def nearest(solid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (H, W) flat indexes of the solid pixel nearest to each pixel."""
    outside = np.where(solid, 0, 255).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros(int(labels.max()) + 1, np.int64)
    lookup[labels[solid]] = np.flatnonzero(solid)
    return np.asarray(lookup[labels], np.int64)


def _filled(depth: F32, radius: float) -> F32:
    """Return the depth without gaps narrower than twice `radius` (grey opening)."""
    side = 2 * round(radius) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    return np.asarray(cv2.morphologyEx(depth, cv2.MORPH_OPEN, kernel), np.float32)


def _ramp(weight: F32) -> F32:
    """Return the head weight with its faint foot cut off, so that it ends somewhere."""
    return np.asarray(np.clip((weight - 0.02) / 0.96, 0, 1), np.float32)


def _beside(width: int, left: float, right: float, height: float) -> F32:
    """Return (1, width): 1 over the head, falling to 0 beside it."""
    x = np.arange(width, dtype=np.float32)
    past = (np.maximum(left - x, x - right) - FADE_FROM * height) / (FADE_OVER * height)
    past = 1 - np.clip(past, 0, 1)
    return np.asarray(past * past * (3 - 2 * past), np.float32)[None]


def _blur(plane: F32, sigma: float) -> F32:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32)


def _bounds(inside: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    if not len(columns):
        return 0.0, 0.0, float(inside.shape[1]), float(inside.shape[0])
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
