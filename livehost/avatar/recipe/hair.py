"""Hair: strands that grow from the scalp, fall, and are cut.

In:  a body, its surface, the parameters of a style.   Out: strands, coarse and fine.

Guides are grown one by one, pushed off the head and pulled the way the style asks for; each has
followers; fine short hairs soften the hairline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.hairline import around, roots
from livehost.avatar.recipe.looks import LongHair
from livehost.avatar.recipe.space import F64, across, smooth_one, unit
from livehost.avatar.recipe.surface import Surface

Random = np.random.Generator
_KNOTS = 44  # of a guide while it grows
_STEP = 0.075
_CUT_KNOTS = 30  # of a strand when done
_BABY_KNOTS = 8
_LOCKS = 14  # into which the loose strands gather


@dataclass(frozen=True, slots=True)
class Hairdo:
    """Strands (n, k, 3) of the hair and (m, 8, 3) of the fine hairs at its line.

    Attributes:
        radius: (n,) of each strand at its root; None for any, within the style's bounds.
        light: (n,) which strands are lighter; None for none.
    """

    strands: F64
    baby: F64
    radius: F64 | None = None
    light: NDArray[np.bool_] | None = None


def long_hair(body: Body, surface: Surface, keys: LongHair, random: Random) -> Hairdo:
    """Return parted hair that falls over and behind the ears to one hem."""
    starts, _ = roots(body, keys.guides, 0.0, 9, random, soft=0.16)
    guides = _without_stray(body, surface, _grow(body, surface, keys, starts, random))
    for _ in range(4):
        guides[:, 1:-1] = 0.25 * guides[:, :-2] + 0.5 * guides[:, 1:-1] + 0.25 * guides[:, 2:]
    guides = _cut(guides, body.eye_height - keys.hem, random)
    strands = _followers(guides, keys.followers, keys.spread, random)
    baby = baby_hair(body, surface, keys.baby, keys.part, random)
    framing = _framing(body, keys.framing, random)
    fringe = _fringe(body, surface, keys, random)
    return Hairdo(np.concatenate([strands, framing, fringe]), baby)


def _grow(body: Body, surface: Surface, keys: LongHair, starts: F64, random: Random) -> F64:
    """Return guides (n, 44, 3)."""
    layers = 0.03 + 0.145 * random.random(len(starts)) ** 0.6
    grown = [
        _Guide(body, surface, keys.part, start, layer, random).knots()
        for start, layer in zip(starts, layers, strict=True)
    ]
    return np.array(grown)


class _Guide:
    """One strand while it grows: first to a place behind the ear, then down."""

    def __init__(
        self, body: Body, surface: Surface, part: float, start: F64, layer: float, random: Random
    ) -> None:
        self.surface, self.eye = surface, body.eye_height
        self.point = start
        self.sign = np.sign(start[0] - part * (start[2] > 0)) or 1.0
        top = smooth_one(self.eye + 0.35, self.eye + 0.95, start[1])
        front = smooth_one(0.2, 1.0, start[2])
        normal = surface.nearest(start).normal
        way = [
            self.sign * (0.95 * top + 0.25),
            0.10 * front,
            -(0.55 + 0.55 * (1 - top)) - 0.25 * front,
        ]
        self.speed = unit(across(np.array(way), normal)) * 0.8 + normal * (
            0.30 + 0.30 * top * front
        )
        off_part = smooth_one(0.0, 0.28, abs(start[0] - part))
        self.lift = layer * (0.55 + 0.55 * top * (0.55 + 0.45 * off_part))
        self.behind = False
        # The second number is not used; the shipped host's strands were drawn with it.
        self.stretch = 1 + random.normal(0, (0.03, 0.04))[0]

    def knots(self) -> F64:
        """Return (44, 3)."""
        out = np.zeros((_KNOTS, 3))
        for n in range(_KNOTS):
            out[n] = self.point
            self._advance(n)
        return out

    def _advance(self, n: int) -> None:
        point = self.point + unit(self.speed) * _STEP * self.stretch
        point = self._off_skin(point, n)
        if self.behind:
            self._fall(point)
        else:
            self._seek(point)
        self.point = point

    def _off_skin(self, point: F64, n: int) -> F64:
        """Keep the strand's own distance from the head and the clothes."""
        hit = self.surface.nearest(point)
        away = point - hit.point
        height = away.dot(hit.normal)
        wanted = self.lift * min(1, 0.12 + n / 6)
        if point[1] < 4.75:
            wanted = max(wanted, 0.14)
        if height < wanted and np.linalg.norm(away) < 0.6:
            point = point + hit.normal * (wanted - height)
            self.speed = self.speed - hit.normal * min(0, self.speed.dot(hit.normal))
        return point

    def _seek(self, point: F64) -> None:
        """Steer over the ear to behind it."""
        goal = np.array([self.sign * 0.80, self.eye - 0.02, -0.16])
        self.speed = self.speed * 0.72 + unit(goal - point) * 0.30
        back = point[2] < 0.06 and point[1] < self.eye + 0.25
        self.behind = back or point[2] < -0.25

    def _fall(self, point: F64) -> None:
        """Let it fall, close to the neck and not in front of the ear."""
        self.speed = self.speed * 0.74 + np.array([0, -1, 0]) * 0.30
        side = np.sign(point[0])
        if abs(point[0]) > 0.86:
            self.speed[0] -= side * 0.06
        if point[2] > 0.05:
            self.speed[2] -= 0.05
        if point[1] < self.eye - 1.05:
            self.speed += np.array([-side * 0.06, 0.0, 0.035])


def _without_stray(body: Body, surface: Surface, guides: F64) -> F64:
    """Return the guides that neither stand off the head nor reach far to a side."""
    above = body.eye_height - 0.2
    apart = np.array([_standing(surface, guide[2:26:3], above) for guide in guides])
    wide = np.abs(guides[:, :26, 0]).max(1)
    kept = (apart < np.quantile(apart, 0.93)) & (wide < np.quantile(wide, 0.94))
    return np.asarray(guides[kept])


def _standing(surface: Surface, knots: F64, above: float) -> float:
    """Return the greatest distance from the head of the knots above that height."""
    return max((surface.nearest(p).distance for p in knots if p[1] > above), default=0)


def _cut(guides: F64, hem: float, random: Random) -> F64:
    """Return guides (n, 30, 3) that end at about height `hem`."""
    # All ends follow the height that the first guide's end gives, as the shipped host's do.
    level = hem + 0.05 * abs(guides[0, -1, 0])
    return np.array([_ended(guide, level + random.normal(0, 0.05)) for guide in guides])


def _ended(guide: F64, height: float) -> F64:
    knots = np.arange(len(guide))
    below = np.flatnonzero((guide[:, 1] < height) & (knots > 10))
    end = below[0] if len(below) else len(guide) - 1
    at = np.linspace(0, end, _CUT_KNOTS)
    return np.stack([np.interp(at, knots, guide[:, axis]) for axis in range(3)], 1)


def _followers(guides: F64, count: int, spread: float, random: Random) -> F64:
    """Return `count` strands around each guide, closer together at root and tip."""
    n, knots, _ = guides.shape
    t = np.linspace(0, 1, knots)[None, :, None]
    held = (0.35 + 0.65 * np.minimum(1, t * 4)) * (1 - 0.35 * t)
    out = []
    for _ in range(count):
        aside = np.clip(random.normal(0, spread, (n, 1, 3)), -1.45 * spread, 1.45 * spread)
        wave = np.sin(t * random.uniform(4, 8, (n, 1, 1)) + random.uniform(0, 6, (n, 1, 1)))
        wave = wave * random.normal(0, 0.010, (n, 1, 3))
        out.append(guides + aside * held + wave * t)
    return np.concatenate(out)


def baby_hair(body: Body, surface: Surface, count: int, part: float, random: Random) -> F64:
    """Return (n, 8, 3) fine short hairs on both sides of the hairline."""
    starts, depth = roots(body, count, -0.055, 0.42, random, soft=0.09, tries=8)
    out = np.zeros((len(starts), _BABY_KNOTS, 3))
    for n, (start, inside) in enumerate(zip(starts, depth, strict=True)):
        out[n] = _baby(surface, start, inside, part, random)
    return out


def _baby(surface: Surface, start: F64, inside: float, part: float, random: Random) -> F64:
    """Return one of them, lying on the skin."""
    normal = surface.nearest(start).normal
    sign = np.sign(start[0] - part) or 1
    way = np.array([sign * 0.8, 0.25 * smooth_one(0.5, 1.0, start[2]) - 0.1, -0.75])
    way = across(unit(across(way, normal)) + random.normal(0, 0.14, 3), normal)
    step = (0.05 + 0.8 * max(0, inside + 0.055)) * random.uniform(0.7, 1.3) / (_BABY_KNOTS - 1)
    knots, point = [], start
    for n in range(_BABY_KNOTS):
        knots.append(point)
        hit = surface.nearest(point + way * step)
        share = n / (_BABY_KNOTS - 1)
        point = hit.point + hit.normal * (0.003 + 0.03 * share * share)
        way = across(way, hit.normal)
    return np.array(knots)


def _framing(body: Body, count: int, random: Random) -> F64:
    """Return loose strands from the temples down in front of the ears."""
    starts, _ = roots(body, 1500, 0.02, 0.22, random, tries=8)
    angle = around(starts)
    temple = (angle > 34) & (angle < 60) & (starts[:, 1] > body.eye_height + 0.3)
    locks = random.normal(0, 1, (_LOCKS, 3))
    out = [_loose(start, body.eye_height, locks, random) for start in starts[temple][:count]]
    return np.array(out).reshape(-1, _CUT_KNOTS, 3)


def _loose(start: F64, eye: float, locks: F64, random: Random) -> F64:
    """Return one loose strand, drawn to one of the locks."""
    sign = np.sign(start[0])
    lock = locks[random.integers(_LOCKS)]
    length = 1 + 0.10 * lock[2] + random.normal(0, 0.03)
    aside = random.normal(0, 0.016, 3) + np.array([0.030, 0, 0.04]) * lock
    sway = 0.03 * lock[1]
    points = np.array(
        [
            start,
            [sign * (abs(start[0]) + 0.10), start[1] + 0.02, start[2] + 0.06],
            [sign * 0.745, eye + 0.12, 0.76],
            [sign * (0.785 + sway), eye - 0.22, 0.74],
            [sign * (0.775 + sway), eye - 0.58 * length, 0.70],
            [sign * (0.735 + sway), eye - 0.88 * length, 0.68],
            [sign * (0.715 + sway * 1.5), eye - 1.06 * length, 0.70],
        ]
    )
    points[2:] += aside
    points[1] += aside * 0.4
    return spline(points, _CUT_KNOTS)


def _fringe(body: Body, surface: Surface, keys: LongHair, random: Random) -> F64:
    """Return strands from above the forehead down over it, gathered in locks."""
    if not keys.fringe:
        return np.zeros((0, _CUT_KNOTS, 3))
    starts, _ = roots(body, 4 * keys.fringe, 0.04, 0.42, random, tries=8)
    starts = starts[(around(starts) < 60) & (starts[:, 2] > 0.4)][: keys.fringe]
    locks = random.normal(0, 1, (2 * _LOCKS, 2))
    order = (starts[:, 0] - starts[:, 0].min()) / np.ptp(starts[:, 0])
    lock = (order * (2 * _LOCKS - 1e-6)).astype(int)
    end = body.eye_height + keys.fringe_end
    out = [
        _forehead_strand(surface, start, end + 0.03 * locks[n, 0], 0.04 * locks[n, 1], random)
        for start, n in zip(starts, lock, strict=True)
    ]
    return np.array(out)


def _forehead_strand(surface: Surface, start: F64, end: float, sway: float, random: Random) -> F64:
    """Return one strand that ends at height `end`, a little to the side by `sway`."""
    end += random.normal(0, 0.03) - 0.45 * start[0] ** 2  # longer towards the temples
    aside = sway + random.normal(0, 0.012)
    off = 0.05 + 0.05 * random.random()
    normal = surface.nearest(start).normal
    points = [start, start + normal * (off + 0.05) + np.array([0, 0.0, 0.05])]
    for share in (0.35, 0.7, 1.0):
        x = start[0] * (1 + 0.22 * share) + aside * share
        y = start[1] + (end - start[1]) * share
        hit = surface.nearest([x, y, 1.6])
        points.append(hit.point + hit.normal * off)
    return spline(np.array(points, np.float64), _CUT_KNOTS)


def spline(points: F64, count: int) -> F64:
    """Return `count` points of a smooth curve through `points` (n, 3).

    Source: Catmull and Rom (1974), uniform.
    """
    at = np.linspace(0, len(points) - 1, count)
    first = np.clip(at.astype(int), 0, len(points) - 2)
    t = (at - first)[:, None]
    ends = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    whole = np.vstack([ends[0], points, ends[1]])
    a, b, c, d = (whole[first + n] for n in range(4))
    cubic = (2 * a - 5 * b + 4 * c - d) * t * t + (-a + 3 * b - 3 * c + d) * t**3
    return np.asarray(0.5 * (2 * b + (c - a) * t + cubic))
