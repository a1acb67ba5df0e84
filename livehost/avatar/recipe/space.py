"""Axes, rotations and soft steps, in the body's coordinates.

In:  arrays of points.   Out: arrays of points.

The body's axes: x to the subject's left (image right), y up, z to the camera;
a unit is about 10 cm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Vector = Sequence[float] | F64


def to_blender(points: F64) -> F64:
    """Return `points` (..., 3) in Blender's axes: z up, y away from the camera."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def about_x(angle: float) -> F64:
    """Return the (3, 3) rotation by `angle` radians that takes y towards z."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def about_y(angle: float) -> F64:
    """Return the (3, 3) rotation by `angle` radians that takes z towards x."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def about_z(angle: float) -> F64:
    """Return the (3, 3) rotation by `angle` radians that takes x towards y."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


def smooth(low: float, high: float, value: F64) -> F64:
    """Return 0 below `low`, 1 above `high`, a smooth step between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def smooth_one(low: float, high: float, value: float) -> float:
    """Return `smooth` of one number."""
    share = min(1.0, max(0.0, (value - low) / (high - low)))
    return share * share * (3 - 2 * share)


def blob(points: F64, centre: Vector, size: Vector) -> F64:
    """Return (n,) a Gaussian of the distance of `points` (n, 3), 1 at `centre`."""
    steps = (points - np.asarray(centre)) / np.asarray(size)
    return np.asarray(np.exp(-(steps**2).sum(1) / 2))


def unit(vector: Vector) -> F64:
    """Return `vector` (3,) with length 1."""
    array = np.asarray(vector, np.float64)
    return np.asarray(array / np.linalg.norm(array))


def across(vector: F64, normal: F64) -> F64:
    """Return the part of `vector` (3,) that lies in the surface with this unit `normal`."""
    return np.asarray(vector - normal * vector.dot(normal))


def nearest(points: F64, query: F64, count: int) -> tuple[Ints, F64]:
    """Return indices and distances, (m, count) each, of the `points` nearest to each `query`.

    Args:
        points: (n, 3).
        query: (m, 3).
    """
    # In single precision, as Blender's tree of points has it.
    near: list[Ints] = []
    far: list[F64] = []
    single = points.astype(np.float32)
    for part in np.array_split(query.astype(np.float32), max(1, len(query) // 500)):
        x, y, z = np.moveaxis(part[:, None] - single[None], 2, 0)
        apart = np.sqrt(x * x + y * y + z * z)
        best = np.argsort(apart, axis=1, kind="stable")[:, :count]
        near.append(best)
        far.append(np.take_along_axis(apart, best, 1).astype(np.float64))
    return np.concatenate(near), np.concatenate(far)
