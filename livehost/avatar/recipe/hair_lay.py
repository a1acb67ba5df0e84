"""Curves through places, and points kept off skin and clothes: what hair is laid with.

In:  places, surfaces.   Out: strands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.space import F64
from livehost.avatar.recipe.surface import Hit, Surface

_SKIN_REACH, _CLOTH_REACH = 0.5, 0.6  # how deep a point may be and still come out
_COLLAR = 5.25  # no cloth is above


@dataclass(frozen=True, slots=True)
class Laid:
    """What strands lie on; `cloth` is None for bare shoulders."""

    skin: Surface
    cloth: Surface | None


def lifted(points: F64, on: Laid, skin: F64, cloth: F64, reach: float = _SKIN_REACH) -> F64:
    """Return `points` (n, 3), moved to at least `skin` and `cloth` (n,) away from each.

    Args:
        reach: points further from the skin are left alone.
    """
    for n, point in enumerate(points):
        points[n] = moved = _off(point, on.skin.nearest(point), skin[n], reach)
        if on.cloth is not None and moved[1] < _COLLAR:
            points[n] = _off(moved, on.cloth.nearest(moved), cloth[n], _CLOTH_REACH)
    return points


def _off(point: F64, hit: Hit, height: float, reach: float) -> F64:
    """Return `point` no lower than `height` above a surface it is near to."""
    missing = height - (point - hit.point).dot(hit.normal)
    if missing <= 0 or hit.distance > reach:
        return point
    return np.asarray(point + hit.normal * missing)


def through(places: F64, count: int) -> F64:
    """Return curves (n, count, 3) through places (n, m, 3), knots spread by each one's chords.

    Source: Catmull and Rom (1974).
    """
    strands, most, _ = places.shape
    chords = np.linalg.norm(np.diff(places, axis=1), axis=2)
    way = np.concatenate([np.zeros((strands, 1)), np.cumsum(chords, 1)], 1)
    way /= way[:, -1:]
    before = 2 * places[:, :1] - places[:, 1:2]
    after = 2 * places[:, -1:] - places[:, -2:-1]
    whole = np.concatenate([before, places, after], 1)
    out, every = np.zeros((strands, count, 3)), np.arange(strands)
    for knot, at in enumerate(np.linspace(0, 1, count)):
        part = np.clip((way <= at + 1e-9).sum(1) - 1, 0, most - 2)
        long = np.maximum(way[every, part + 1] - way[every, part], 1e-6)
        t = ((at - way[every, part]) / long)[:, None]
        a, b, c, d = (whole[every, part + n] for n in range(4))
        cubic = (2 * a - 5 * b + 4 * c - d) * t * t + (-a + 3 * b - 3 * c + d) * t**3
        out[:, knot] = 0.5 * (2 * b + (c - a) * t + cubic)
    return out
