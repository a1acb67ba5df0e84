"""The way back of a head that was held: it starts and ends at rest, no faster than a head moves.

In:  where the head is and where it belongs, tick by tick.   Out: where to draw it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livehost.media import Body, Face, HeadPose

F64 = NDArray[np.float64]

LEAST_TICKS, MOST_TICKS = 8, 75
STRIDE = np.array([0.10, 0.06, 0.045, 0.0006, 0.0006, 0.03, 0.02, 0.06])
"""Most per tick of yaw, pitch, roll (degrees), tx, ty (heads), breath, lean (degrees) and shrug,
on top of what she does anyway: two thirds of what it does in one of a hundred ticks."""


class Ease:
    """Follows a pose; after `hold` it goes back to it over some ticks.

    Attributes:
        at: yaw, pitch, roll, tx, ty, breath, lean, shrug as drawn last.
    """

    def __init__(self) -> None:
        self.at: F64 = np.zeros(len(STRIDE))
        self._held = False
        self._away: F64 = np.zeros(len(STRIDE))
        self._ticks = self._step = 0

    def hold(self) -> None:
        """Note that a tick was drawn without following."""
        self._held = True

    def put(self, pose: HeadPose, body: Body) -> None:
        """Be there, as if held there."""
        self.at, self._held = numbers(pose, body), True

    def follow(self, pose: HeadPose, body: Body) -> tuple[HeadPose, Body]:
        """Return what to draw for a face that has `pose` and `body`; NaN counts as 0."""
        wanted = numbers(pose, body)
        if self._held:
            self._begin(self.at - wanted)
        self._step += 1
        left = 0.0
        if self._step < self._ticks:
            left = 0.5 + 0.5 * math.cos(math.pi * self._step / self._ticks)
        self.at = wanted + self._away * left
        return _parts(self.at)

    def _begin(self, away: F64) -> None:
        self._held = False
        self._away, self._step = away, 0
        steepest = math.pi / 2 * float(np.max(np.abs(away) / STRIDE))
        self._ticks = min(MOST_TICKS, max(LEAST_TICKS, math.ceil(min(steepest, MOST_TICKS))))


def numbers(pose: HeadPose, body: Body) -> F64:
    """Return the pose of head and body as numbers, with 0 for what is none."""
    head = pose.yaw, pose.pitch, pose.roll, pose.tx, pose.ty
    given = np.array([*head, body.breath, body.lean, body.shrug], np.float64)
    return np.nan_to_num(given, nan=0.0, posinf=0.0, neginf=0.0)


def face_at(shapes: NDArray[np.float32], at: F64) -> Face:
    """Return the face that has `shapes` at the numbers `at`."""
    return Face(shapes, *_parts(at))


def _parts(at: F64) -> tuple[HeadPose, Body]:
    return HeadPose(*map(float, at[:5])), Body(*map(float, at[5:]))
