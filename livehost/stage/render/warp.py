"""Turn the head and move the body of a flat plate with the help of its depth.

In:  the plate's surface and camera; the pose of the head and what the body does.
Out: where each pixel of a box of the texture comes from.

Every plate pixel is a point in space. The pose rotates the points about the pivot, weighted by how
far they belong to the head; projecting them again gives a displacement, which is inverted by a
fixed-point iteration. All of it happens on a coarse grid: the field is smooth by construction.
Source: the plate's projection formula (camera in avatar.toml); backward warping by fixed point as
in Chen and Williams, "View interpolation for image synthesis", SIGGRAPH 1993.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import Body, HeadPose
from livehost.stage.render.surface import Surface
from livehost.stage.render.texture import View

F32 = NDArray[np.float32]
Box = tuple[int, int, int, int]
"""left, top, width, height; all even."""

STEP = 8  # texture pixels between grid nodes
YAW_LIMIT, PITCH_LIMIT, ROLL_LIMIT = 6.0, 5.0, 4.0  # degrees; beyond, hair and cheeks tear
SHIFT_LIMIT = 0.03  # of the head's height
KNEE = 0.6  # share of a limit up to which nothing is bent
BREATH_RISE = 0.0056  # of the head's height: 1.6 px at 720 x 1280
SHRUG_RISE = 0.02  # of the head's height, at the shoulders' ends
LEAN_LIMIT = 1.2  # degrees; beyond, arms at the frame's edge would be seen to end
CHEST = 0.75  # heads below the shoulders that a breath moves
_ITERATIONS = 4
_NONE = np.empty(0, np.float32)
_SETTLED = 0.01  # texture pixels of change between two iterations that end them


class Warp:
    """The displacement field in one box of the texture."""

    def __init__(self, surface: Surface, view: View, box: Box) -> None:
        left, top, width, height = box
        self._size = width, height
        self._scale = view.scale
        self._camera = surface.camera
        self._unit = surface.head_units
        self._motion = surface.motion
        # Enlarging the grid by STEP puts node k at pixel (k - 1) * STEP - 0.5, for luma and,
        # at half the step, for chroma.
        across = np.arange(-STEP, width + 2 * STEP, STEP, dtype=np.float32) - np.float32(0.5)
        down = np.arange(-STEP, height + 2 * STEP, STEP, dtype=np.float32) - np.float32(0.5)
        x, y = np.meshgrid(across + left, down + top)
        self._nodes = np.stack([x, y], axis=-1)
        index = np.meshgrid(np.arange(len(across)), np.arange(len(down)))
        self._index = np.stack(index, axis=-1).astype(np.float32)
        # Pixel centres: texture pixel i covers plate [i, i + 1) / scale.
        plate_x = (x + 0.5) / view.scale + view.x - 0.5
        plate_y = (y + 0.5) / view.scale + view.y - 0.5
        weight = _sample(surface.weight, plate_x, plate_y)
        points = self._unproject(plate_x, plate_y, _sample(surface.depth, plate_x, plate_y))
        pivot = np.array(surface.camera.pivot, np.float32)[:, None]
        self._weight = weight.ravel()
        self._arm = (points - pivot) * self._weight  # what the pose turns
        self._base = points - self._arm
        self._still = self._project(points)
        rise = _rise(surface, plate_x, plate_y) * np.float32(view.scale)
        across = _across(surface, plate_x)
        self._breath = _breath(rise, across)
        self._shrug = _shrug(rise, across)
        self._lean = _lean(surface, plate_x, plate_y) * np.float32(view.scale)

    def field(self, pose: HeadPose, body: Body) -> F32:
        """Return (grid rows, grid columns, 2) float32: source minus target, in texture pixels."""
        return self._inverse(self._forward(pose, body))

    def maps(self, field: F32, part: Box | None = None, step: int = 1) -> F32:
        """Return a cv2.remap map, (h, w, 2) float32 texture coordinates, for luma or chroma.

        Args:
            part: the part of the warp's box to map, from its corner; left and top divisible by
                `STEP`. None maps all of it.
            step: 1 for luma, 2 for chroma, whose coordinates are halved.
        """
        left, top, width, height = part or (0, 0, *self._size)
        rows = slice(top // STEP + 1, -(-(top + height) // STEP) + 3)
        columns = slice(left // STEP + 1, -(-(left + width) // STEP) + 3)
        nodes = self._nodes[rows, columns] + field[rows, columns]
        if step == 2:
            nodes = nodes * np.float32(0.5) - np.float32(0.25)
        return enlarged(nodes, STEP // step, width // step, height // step)

    def _forward(self, pose: HeadPose, body: Body) -> F32:
        pose = _gentled(pose, self._motion)
        turned = rotation(pose) @ self._arm
        turned += self._base
        turned[0] += self._weight * np.float32(_soft(pose.tx, SHIFT_LIMIT) * self._unit)
        turned[1] -= self._weight * np.float32(_soft(pose.ty, SHIFT_LIMIT) * self._unit)
        forward = self._project(turned)
        forward -= self._still
        forward *= np.float32(self._scale)
        forward += self._breath * np.float32(min(1.0, max(0.0, body.breath)))
        if body.shrug:
            forward += self._shrug * np.float32(min(1.0, max(0.0, body.shrug)))
        if body.lean:
            forward += self._lean * np.float32(_soft(body.lean, LEAN_LIMIT))
        return forward

    def _unproject(self, x: F32, y: F32, depth: F32) -> F32:
        """Return (3, nodes): the points that plate pixels show."""
        camera = self._camera
        points = [
            (x - camera.cx) * depth / camera.focal_px,
            camera.cam_y - (y - camera.cy) * depth / camera.focal_px,
            camera.cam_z - depth,
        ]
        return np.stack([axis.ravel() for axis in points]).astype(np.float32)

    def _project(self, points: F32) -> F32:
        """Return (grid rows, grid columns, 2): where points are seen, in plate pixels."""
        camera = self._camera
        per_unit = np.float32(camera.focal_px) / (np.float32(camera.cam_z) - points[2])
        out = np.empty((per_unit.size, 2), np.float32)
        np.multiply(points[0], per_unit, out=out[:, 0])
        np.multiply(np.float32(camera.cam_y) - points[1], per_unit, out=out[:, 1])
        return out.reshape(self._nodes.shape)

    def _inverse(self, forward: F32, start: F32 | None = None) -> F32:
        """Return source minus target: the field d with d(p) = -forward(p + d(p))."""
        back = -forward if start is None else start
        for _ in range(_ITERATIONS):
            at = cv2.scaleAdd(back, 1 / STEP, self._index)
            there = cv2.remap(forward, at, _NONE, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            before, back = back, -np.asarray(there, np.float32)
            if cv2.norm(back, before, cv2.NORM_INF) < _SETTLED:
                break
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


def _gentled(pose: HeadPose, share: float) -> HeadPose:
    """Return `share` of a pose: some pictures bear less than others."""
    if share == 1:
        return pose
    angles = share * pose.yaw, share * pose.pitch, share * pose.roll
    return HeadPose(*angles, share * pose.tx, share * pose.ty)


def _soft(value: float, limit: float) -> float:
    """Return `value`, bent above `KNEE` so that it never passes `limit`; NaN is 0."""
    if not math.isfinite(value):
        return 0.0
    share = abs(value) / limit
    if share > KNEE:
        share = KNEE + (1 - KNEE) * math.tanh((share - KNEE) / (1 - KNEE))
    return math.copysign(share * limit, value)


def static_row(surface: Surface) -> float:
    """Return the plate row from which nothing moves but by leaning."""
    return surface.head[3] + CHEST * surface.head_pixels


def _rise(surface: Surface, x: F32, y: F32) -> F32:
    """Return the head's height in plate pixels where the chest is, falling to 0 below it."""
    fade = np.clip((static_row(surface) - y) / (CHEST * surface.head_pixels), 0, 1)
    rise = fade * fade * (3 - 2 * fade) * _sample(surface.torso, x, y)
    return np.asarray(rise * surface.head_pixels, np.float32)


def _across(surface: Surface, x: F32) -> F32:
    """Return how far a pixel lies from the body's middle, in widths of what the head moves."""
    left, _, right, _ = surface.head
    return np.asarray((x - (left + right) / 2) / (right - left), np.float32)


def _breath(rise: F32, across: F32) -> F32:
    """Return a full breath's displacement: chest and shoulders rise and widen."""
    return np.stack([0.5 * across * rise, -rise], axis=-1).astype(np.float32) * BREATH_RISE


def _shrug(rise: F32, across: F32) -> F32:
    """Return the displacement of raised shoulders: up and inwards, but at the neck."""
    outside = np.clip((np.abs(across) - 0.1) / 0.4, 0, 1)
    lift = rise * outside * outside * (3 - 2 * outside)
    return np.stack([-0.3 * np.sign(across) * lift, -lift], axis=-1).astype(np.float32) * SHRUG_RISE


def _lean(surface: Surface, x: F32, y: F32) -> F32:
    """Return the displacement of a lean by one degree about the hips, to the image right."""
    if surface.hips is None:
        return np.zeros((*x.shape, 2), np.float32)
    across, up = x - surface.hips[0], np.maximum(0, surface.hips[1] - y)
    return np.stack([up, across * (up > 0)], axis=-1).astype(np.float32) * np.float32(
        math.radians(1)
    )


def enlarged(nodes: F32, step: int, width: int, height: int) -> F32:
    """Return (height, width, 2): what lies between nodes, from half a step after the first."""
    rows, columns = nodes.shape[:2]
    full = cv2.resize(nodes, (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)
    begin = step // 2
    return np.asarray(full[begin : begin + height, begin : begin + width], np.float32)


def _sample(plane: F32, x: F32, y: F32) -> F32:
    picked = cv2.remap(
        plane,
        x.astype(np.float32, copy=False),
        y.astype(np.float32, copy=False),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(picked, np.float32)
