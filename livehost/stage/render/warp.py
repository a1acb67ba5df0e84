"""Turn the head and move the chest of a flat plate with the help of its depth.

In:  depth, head weight and camera of the plate; a pose and a breath.   Out: where each pixel of the
frame comes from.

Every plate pixel is a point in space. The pose rotates the points about the pivot, weighted by how
far they belong to the head; projecting them again gives a displacement, which is inverted by a
fixed-point iteration. All of it happens on a coarse grid: the field is smooth by construction.
Source: the plate's projection formula (camera in avatar.toml); backward warping by fixed point as
in Chen and Williams, "View interpolation for image synthesis", SIGGRAPH 1993.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Camera
from livehost.media import HeadPose

F32 = NDArray[np.float32]

STEP = 8  # frame pixels between grid nodes
YAW_LIMIT, PITCH_LIMIT, ROLL_LIMIT = 6.0, 5.0, 4.0  # degrees; beyond, hair and cheeks tear
SHIFT_LIMIT = 0.03  # of the head's height
BREATH_RISE = 0.0022  # of the frame's width: 1.6 px at 720
LOOSE = 0.05  # head weight below which a pixel belongs to the torso
CHEST = 0.6  # heads below the shoulders that a breath moves
_ITERATIONS = 3


@dataclass(frozen=True, slots=True)
class Geometry:
    """The avatar as a smooth surface, at one scale.

    Attributes:
        depth, weight: (H, W) float32 of the plate, continued outside the silhouette.
        scale: frame pixels per plate pixel.
        origin: plate coordinates of frame pixel (0, 0).
        head: height of the head, scene units.
        shoulders: row of the frame where the head's influence ends.
        static: row of the frame from which nothing moves.
        middle: column of the frame at the presenter's middle.
        width: width of the presenter, frame pixels.
    """

    camera: Camera
    depth: F32
    weight: F32
    scale: float
    origin: tuple[float, float]
    head: float
    shoulders: float
    static: float
    middle: float
    width: float


def geometry(
    avatar: Avatar,
    scale: float,
    origin: tuple[float, float],
    box: tuple[int, int, int, int],
) -> Geometry:
    """Return the surface of `avatar`; `box` is the presenter's (left, top, width, height)."""
    depth, weight = _smooth_geometry(avatar)
    left, _, width, _ = box
    loose = np.flatnonzero(avatar.head_weight.max(axis=1) > LOOSE * 255)
    shoulders = (float(loose[-1]) - origin[1]) * scale
    head = _head_height(avatar)
    head_pixels = head * avatar.camera.focal_px / (avatar.camera.cam_z - avatar.camera.pivot[2])
    return Geometry(
        camera=avatar.camera,
        depth=depth,
        weight=weight,
        scale=scale,
        origin=origin,
        head=head,
        shoulders=shoulders,
        static=shoulders + CHEST * head_pixels * scale,
        middle=left + width / 2,
        width=float(width),
    )


class Warp:
    """The displacement field in one box of the frame.

    Args:
        box: left, top, width, height in frame pixels; all even.
    """

    def __init__(self, surface: Geometry, box: tuple[int, int, int, int]) -> None:
        left, top, width, height = box
        self._surface = surface
        self._camera = surface.camera
        self._size = width, height
        columns = np.arange(-STEP, width + 2 * STEP, STEP, dtype=np.float32)
        rows = np.arange(-STEP, height + 2 * STEP, STEP, dtype=np.float32)
        grid_x, grid_y = np.meshgrid(columns + left, rows + top)
        plate_x = grid_x / surface.scale + surface.origin[0]
        plate_y = grid_y / surface.scale + surface.origin[1]
        self._weight = _sample(surface.weight, plate_x, plate_y)[..., None]
        self._points = self._unproject(plate_x, plate_y, _sample(surface.depth, plate_x, plate_y))
        self._still = self._project(self._points)
        self._breath = self._breath_field(grid_x, grid_y)
        self._nodes = np.meshgrid(
            np.arange(len(columns), dtype=np.float32), np.arange(len(rows), dtype=np.float32)
        )
        self._columns = np.arange(width, dtype=np.float32)
        self._rows = np.arange(height, dtype=np.float32)[:, None]

    def field(self, pose: HeadPose, breath: float) -> F32:
        """Return (grid rows, grid columns, 2) float32: source minus target, in frame pixels."""
        pivot = np.array(self._camera.pivot, np.float32)
        shift = np.array(
            [
                _soft(pose.tx, SHIFT_LIMIT) * self._surface.head,
                -_soft(pose.ty, SHIFT_LIMIT) * self._surface.head,
                0,
            ],
            np.float32,
        )
        rotated = (self._points - pivot) @ rotation(pose).T + pivot + shift
        moved = (self._points + (rotated - self._points) * self._weight).astype(np.float32)
        forward = (self._project(moved) - self._still) * self._surface.scale
        forward += self._breath * np.float32(min(1.0, max(0.0, breath)))
        return self._inverse(forward.astype(np.float32))

    def maps(self, field: F32, half: bool = False) -> tuple[F32, F32]:
        """Return cv2.remap maps (x, y) for the moving box, or for its chroma planes."""
        width, height = self._size
        step = STEP // 2 if half else STEP
        if half:
            width, height = width // 2, height // 2
        rows, columns = field.shape[:2]
        source = field * np.float32(0.5) if half else field
        full = cv2.resize(source, (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)
        # Node k lies at pixel (k - 1) * step; resize puts its centre at (k + .5) * step.
        begin = step + step // 2
        part = full[begin : begin + height, begin : begin + width]
        return part[..., 0] + self._columns[:width], part[..., 1] + self._rows[:height]

    def _unproject(self, x: F32, y: F32, depth: F32) -> F32:
        camera = self._camera
        out = np.empty((*x.shape, 3), np.float32)
        out[..., 0] = (x - camera.cx) * depth / camera.focal_px
        out[..., 1] = camera.cam_y - (y - camera.cy) * depth / camera.focal_px
        out[..., 2] = camera.cam_z - depth
        return out

    def _project(self, points: F32) -> F32:
        camera = self._camera
        out = np.empty((*points.shape[:2], 2), np.float32)
        per_unit = camera.focal_px / (camera.cam_z - points[..., 2])
        out[..., 0] = camera.cx + points[..., 0] * per_unit
        out[..., 1] = camera.cy - (points[..., 1] - camera.cam_y) * per_unit
        return out

    def _breath_field(self, x: F32, y: F32) -> F32:
        """Return the displacement of a full breath: shoulders and chest rise and widen a little."""
        surface = self._surface
        fade = (surface.static - y) / max(surface.static - surface.shoulders, 1.0)
        fade = np.clip(fade, 0, 1)
        torso = fade * fade * (3 - 2 * fade) * (1 - self._weight[..., 0])
        rise = BREATH_RISE * surface.width
        across = (x - surface.middle) / (surface.width / 2)
        return np.stack([across * torso * rise * 0.5, -torso * rise], axis=-1).astype(np.float32)

    def _inverse(self, forward: F32) -> F32:
        """Return source minus target: the field d with d(p) = -forward(p + d(p))."""
        x, y = self._nodes
        back = -forward
        for _ in range(_ITERATIONS):
            at_x, at_y = x + back[..., 0] / STEP, y + back[..., 1] / STEP
            back = -_sample(forward, at_x.astype(np.float32), at_y.astype(np.float32))
        return back


def rotation(pose: HeadPose) -> F32:
    """Return Ry(yaw) Rx(pitch) Rz(roll), each softly limited."""
    yaw = math.radians(_soft(pose.yaw, YAW_LIMIT))
    pitch = math.radians(_soft(pose.pitch, PITCH_LIMIT))
    roll = math.radians(_soft(pose.roll, ROLL_LIMIT))
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (math.cos, math.sin))
    around_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    around_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    around_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(around_y @ around_x @ around_z, np.float32)


def _soft(value: float, limit: float) -> float:
    """Return `value` bent so that it never passes `limit`; NaN is 0."""
    return limit * math.tanh(value / limit) if math.isfinite(value) else 0.0


def _smooth_geometry(avatar: Avatar) -> tuple[F32, F32]:
    """Return depth and head weight without holes and without cliffs.

    Background takes the value of the nearest body pixel, so that the silhouette moves with the
    body; cliffs (cheek to hair) are blurred, since a backward warp cannot uncover what is behind.
    """
    solid = np.isfinite(avatar.depth) & (avatar.plate[..., 3] > 128)
    outside = np.where(solid, 0, 255).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros(int(labels.max()) + 1, np.int64)
    lookup[labels[solid]] = np.flatnonzero(solid)
    nearest = lookup[labels]
    depth = avatar.depth.ravel()[nearest].astype(np.float32)
    weight = avatar.head_weight.ravel()[nearest].astype(np.float32) / np.float32(255)
    return cv2.GaussianBlur(depth, (0, 0), 9), cv2.GaussianBlur(weight, (0, 0), 9)


def _sample(plane: F32, x: F32, y: F32) -> F32:
    picked = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picked, np.float32)


def _head_height(avatar: Avatar) -> float:
    """Return the head's height in scene units."""
    rows = np.flatnonzero(
        (avatar.head_weight > 250).any(axis=1) & (avatar.plate[..., 3] > 128).any(1)
    )
    pixels = float(rows[-1] - rows[0]) if len(rows) else 400.0
    camera = avatar.camera
    return pixels * (camera.cam_z - camera.pivot[2]) / camera.focal_px
