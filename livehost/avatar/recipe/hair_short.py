"""Short hair: clipped sides, a longer top swept away from the parting.

In:  a body, its surface, the parameters.   Out: strands, coarse and fine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.hair import Hairdo
from livehost.avatar.recipe.hairline import around, roots
from livehost.avatar.recipe.looks import ShortHair
from livehost.avatar.recipe.noise import lattice
from livehost.avatar.recipe.space import F64, nearest, smooth
from livehost.avatar.recipe.surface import Surface

Random = np.random.Generator
_TOP_KNOTS, _SIDE_KNOTS, _BABY_KNOTS = 12, 8, 6


@dataclass(frozen=True, slots=True)
class Places:
    """Roots of strands.

    Attributes:
        points, normals: (n, 3).
        inside: (n,) how far inside the hairline.
        height: (n,) above the eyes.
        top: (n,) in 0..1, how much a place belongs to the top.
        front: (n,) in 0..1, how far to the front.
    """

    points: F64
    normals: F64
    inside: F64
    height: F64
    top: F64
    front: F64

    def some(self, kept: NDArray[np.bool_]) -> Places:
        """Return those that are `kept` (n,)."""
        return Places(
            self.points[kept],
            self.normals[kept],
            self.inside[kept],
            self.height[kept],
            self.top[kept],
            self.front[kept],
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """How strands grow.

    Attributes:
        first, last: (n, 3) ways at root and tip.
        length, bend: (n,) of each strand, and how soon it turns to its last way.
    """

    first: F64
    last: F64
    length: F64
    bend: F64


def short_hair(body: Body, surface: Surface, keys: ShortHair, random: Random) -> Hairdo:
    """Return hair that is short at the sides."""
    top = _layer(body, surface, keys, random, on_top=True)
    sides = _layer(body, surface, keys, random, on_top=False)
    strands = np.concatenate([top, _resampled(sides, _TOP_KNOTS)])
    return Hairdo(strands, _baby(body, surface, keys, random))


def _places(body: Body, points: F64, inside: F64) -> Places:
    _, y, z = points.T
    height = y - body.eye_height
    crown = smooth(0.44, 0.74, height + 0.10 * np.clip(-(z - 0.1), 0, 1))
    forehead = smooth(52, 36, around(points)) * (z > 0.4)
    none = np.zeros((len(points), 3))
    return Places(points, none, inside, height, np.maximum(crown, forehead), smooth(0.1, 0.95, z))


def _with_normals(places: Places, surface: Surface) -> Places:
    normals = np.array([surface.nearest(point).normal for point in places.points])
    normals = normals.reshape(-1, 3).astype(np.float64)
    return Places(places.points, normals, places.inside, places.height, places.top, places.front)


def _layer(body: Body, surface: Surface, keys: ShortHair, random: Random, *, on_top: bool) -> F64:
    """Return the strands of the top (n, 12, 3) or of the sides (n, 8, 3)."""
    if on_top:
        points, inside = roots(body, keys.top, 0.0, 9, random, soft=0.10, tries=4)
    else:
        points, inside = roots(body, keys.sides, -0.02, 9, random, soft=0.12, tries=4)
    places = _places(body, points, inside)
    drawn = random.random(len(points))
    places = places.some(drawn < places.top if on_top else drawn < 1.03 - places.top)
    places = _with_normals(places, surface)
    stray = random.normal(0, 1, (len(places.points), 3))
    if on_top:
        growth, knots = _top(places, keys, stray, random), _TOP_KNOTS
    else:
        growth, knots = _side(places, keys, stray, random), _SIDE_KNOTS
    strands = _grown(surface, places, growth, knots)
    return _gathered(places.points, strands, random, on_top=on_top)


def _waves(points: F64) -> F64:
    """Return (n, 3) a common lean of neighbouring strands."""
    return np.stack([lattice(points * 4.5, seed) for seed in (3, 4, 5)], 1)


def _top(places: Places, keys: ShortHair, stray: F64, random: Random) -> Growth:
    """Return strands that rise and are swept away from the parting and back."""
    x, normals, front = places.points[:, 0], places.normals, places.front
    count, flat = len(x), np.zeros_like(x)
    parted = x > keys.part
    sweep = np.where(parted, 0.35, -(0.30 + 0.50 * smooth(-0.5, 0.45, x)))
    side = smooth(0.25, 0.75, np.abs(normals[:, 0]))
    waves = _waves(places.points)
    lift = 0.16 + 0.30 * front + 0.38 * side
    first = normals * (1 - 0.30 * side)[:, None]
    first = first + np.stack(
        [sweep * 0.35 * (1 - side), lift, 0.06 * front - 0.14 - 0.40 * side], 1
    )
    last = np.stack(
        [
            sweep * 1.15 * (1 - 0.8 * side) - 0.10 * side * np.sign(x),
            -0.22 - 0.30 * (1 - front) - 0.05 * side,
            flat - 0.80 + 0.10 * front,
        ],
        1,
    )
    length = (0.26 + 0.26 * front - 0.04 * (1 - places.top)) * (1 - 0.12 * side)
    length = length * np.where(parted, 0.72, 1) * random.uniform(0.72, 1.08, count)
    length = length * np.clip(0.45 + places.inside / 0.22, 0.35, 1) * keys.length
    bend = 1.0 + 0.5 * (1 - front) + 0.25 * side
    return Growth(
        first + 0.14 * waves + 0.09 * stray, last + 0.24 * waves + 0.10 * stray, length, bend
    )


def _side(places: Places, keys: ShortHair, stray: F64, random: Random) -> Growth:
    """Return strands that lie down, and upwards towards the top."""
    height, flat = places.height, np.zeros_like(places.height)
    waves, up = _waves(places.points), smooth(0.35, 0.75, height)
    first = places.normals * (0.28 + 0.35 * smooth(0.3, 0.7, height))[:, None]
    fall = -0.60 + 0.75 * up - 0.2 * (1 - smooth(0, 0.4, height))
    first = first + np.stack([flat, fall, flat - 0.42], 1)
    last = np.stack([flat, -0.85 + 0.75 * up, -0.42 - 0.25 * up], 1)
    length = 0.060 + 0.17 * smooth(0.05, 0.60, height) + 0.10 * smooth(0.50, 0.80, height)
    length = length * random.uniform(0.75, 1.15, len(height))
    length = length * np.clip(0.5 + places.inside / 0.12, 0.4, 1) * keys.fade
    return Growth(
        first + 0.08 * waves + 0.10 * stray, last + 0.18 * waves + 0.12 * stray, length, flat + 1.1
    )


def _grown(surface: Surface, places: Places, growth: Growth, knots: int) -> F64:
    """Return strands (n, knots, 3), kept off the skin."""
    first, last = _units(growth.first), _units(growth.last)
    point, step = places.points.copy(), growth.length / (knots - 1)
    out = np.zeros((len(point), knots, 3))
    for n in range(knots):
        out[:, n] = point
        along = n / (knots - 1)
        share = np.clip(along * growth.bend, 0, 1)[:, None]
        share = share * share * (3 - 2 * share)
        point = point + _units(first * (1 - share) + last * share) * step[:, None]
        if n:
            off = np.minimum(0.012 + 0.05 * places.top * along, 0.06) + 0.01 * along
            point = _off_skin(surface, point, off)
    return out


def _units(vectors: F64) -> F64:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _off_skin(surface: Surface, points: F64, off: F64) -> F64:
    """Return points at least `off` (n,) away from the skin."""
    out = points.copy()
    for n, point in enumerate(points):
        hit = surface.nearest(point)
        height = (point - hit.point).dot(hit.normal)
        if height < off[n]:
            out[n] = point + hit.normal * (off[n] - height)
    return out


def _gathered(points: F64, strands: F64, random: Random, *, on_top: bool) -> F64:
    """Return strands whose tips lean to those of a neighbour: locks."""
    count, knots, _ = strands.shape
    leaders = random.choice(count, max(40, int(count * (0.030 if on_top else 0.02))), replace=False)
    near, _ = nearest(points[leaders], points + random.normal(0, 0.018, (count, 3)), 1)
    own = leaders[near[:, 0]]
    pull = (0.62 if on_top else 0.30) * random.uniform(0.4, 1.1, (count, 1, 1))
    close = np.exp(-((np.linalg.norm(points[own] - points, axis=1) / 0.16) ** 2))[:, None, None]
    tip = np.linspace(0, 1, knots)[None, :, None] ** 1.4
    return np.asarray(strands + (strands[own] - strands) * tip * pull * close)


def _resampled(strands: F64, knots: int) -> F64:
    """Return strands with `knots` knots."""
    at = np.linspace(0, strands.shape[1] - 1, knots)
    first = np.clip(at.astype(int), 0, strands.shape[1] - 2)
    share = (at - first)[None, :, None]
    return np.asarray(strands[:, first] * (1 - share) + strands[:, first + 1] * share)


def _baby(body: Body, surface: Surface, keys: ShortHair, random: Random) -> F64:
    """Return (n, 6, 3) short hairs along the hairline."""
    points, inside = roots(body, keys.baby, -0.045, 0.10, random, soft=0.06, tries=10)
    places = _with_normals(_places(body, points, inside), surface)
    above = (places.top > 0.5)[:, None]
    way = np.where(above, np.array([-0.25, 0.45, -0.55]), np.array([0, -0.7, -0.3]))
    way = _units(places.normals * 0.5 + way + 0.25 * random.normal(0, 1, points.shape))
    length = (0.05 + 0.10 * places.front * above[:, 0]) * random.uniform(0.6, 1.2, len(points))
    step, point = length / (_BABY_KNOTS - 1), points.copy()
    out = np.zeros((len(points), _BABY_KNOTS, 3))
    for n in range(_BABY_KNOTS):
        out[:, n] = point
        point = _off_skin(surface, point + way * step[:, None], np.full(len(point), 0.004))
    return out
