"""Where hair grows: the line on the scalp, and roots within it.

In:  a body, a host's hairline.   Out: distances and roots.
"""

from __future__ import annotations

import numpy as np

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.noise import lattice
from livehost.avatar.recipe.space import F64, Ints

_CENTRE = 0.32  # z of the axis that angles around the head are taken about
_JITTER = 0.012


def around(points: F64) -> F64:
    """Return (n,) degrees around the head, 0 at the forehead to 180 at the nape."""
    return np.asarray(np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - _CENTRE)))


def inside(body: Body, points: F64) -> F64:
    """Return (n,) how far above the hairline `points` are; negative is bare skin."""
    angles, heights = zip(*body.host.hair.hairline, strict=True)
    line = body.eye_height + np.interp(around(points), angles, heights)
    ragged = body.host.hair.ragged
    if any(ragged):
        coarse, fine = lattice(points * 6.0, 9), lattice(points * 19.0, 10)
        return np.asarray(points[:, 1] - line + (ragged[0] * coarse + ragged[1] * fine))
    return np.asarray(points[:, 1] - line)


def roots(
    body: Body,
    count: int,
    low: float,
    high: float,
    random: np.random.Generator,
    soft: float = 0,
    tries: int = 3,
) -> tuple[F64, F64]:
    """Return up to `count` random places of the scalp and how far inside the line they are.

    Args:
        low, high: bounds of that distance.
        soft: width of the edge over which places become dense; 0 for a hard edge.
        tries: places drawn for each one wanted.
    """
    triangles = _scalp(body, low - 0.15)
    places = _scatter(body.base[triangles], count * tries, random)
    depth = inside(body, places) + random.normal(0, _JITTER, len(places))
    dense = np.clip((depth - low) / soft, 0, 1) ** 1.5 if soft else np.ones(len(places))
    kept = (depth > low) & (depth < high) & (random.random(len(places)) < dense)
    return places[kept][:count], depth[kept][:count]


def _scalp(body: Body, low: float) -> Ints:
    """Return the skin's triangles above the line, without the ears."""
    triangles = body.triangles()
    middle = body.base[triangles].mean(1)
    x, y, z = np.abs(middle[:, 0]), middle[:, 1], middle[:, 2]
    eye = body.eye_height
    near = (x < 1) & (y > eye - 0.7) & (y < 7.6)
    wide, above, back, front = body.host.hair.bare
    ear = (x > wide) & (y < eye + above) & (z > back) & (z < front)
    return np.asarray(triangles[near & (inside(body, middle) > low) & ~ear])


def _scatter(corners: F64, count: int, random: np.random.Generator) -> F64:
    """Return `count` random points of triangles (n, 3, 3), evenly over their area."""
    a, b, c = corners.transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    picked = random.choice(len(corners), count, p=area / area.sum())
    first = np.sqrt(random.random(count))[:, None]
    second = random.random(count)[:, None]
    a, b, c = a[picked], b[picked], c[picked]
    return np.asarray(a * (1 - first) + b * (first * (1 - second)) + c * (first * second))
