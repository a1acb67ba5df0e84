"""Asks a surface where it is: rays and nearest points.

In:  vertices and faces.   Out: hits, in the body's axes.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from livehost.avatar.recipe.blender import mathutils, need
from livehost.avatar.recipe.space import F64, Vector


class Hit(NamedTuple):
    """A place on a surface: point, unit normal, index of the face, distance from the query.

    Blender's places are in single precision, and strands are grown with them as they are.
    """

    point: F64
    normal: F64
    face: int
    distance: float


class Surface(Protocol):
    """What strands are grown on."""

    def front(self, x: float, y: float) -> Hit | None:
        """Return the first hit of a ray from the camera's side, None when it misses."""
        ...

    def nearest(self, point: Vector) -> Hit:
        """Return the nearest place."""
        ...


class Tree:
    """A `Surface` by Blender's tree of faces; also takes any ray."""

    def __init__(self, points: F64, faces: list[list[int]]) -> None:
        tree = need("mathutils.bvhtree").BVHTree
        self._tree = tree.FromPolygons(points.tolist(), faces)
        self._vector = mathutils().Vector

    def front(self, x: float, y: float) -> Hit | None:
        return self.cast((x, y, 3), (0, 0, -1))

    def cast(self, start: Vector, way: Vector) -> Hit | None:
        """Return the first hit of a ray."""
        return _hit(self._tree.ray_cast(self._vector(start), self._vector(way)))

    def nearest(self, point: Vector) -> Hit:
        hit = _hit(self._tree.find_nearest(self._vector(point)))
        if hit is None:
            raise ValueError("the surface has no faces")
        return hit


def _hit(found: tuple[object, object, int, float]) -> Hit | None:
    point, normal, face, distance = found
    if point is None:
        return None
    return Hit(np.array(point), np.array(normal), face, distance)
