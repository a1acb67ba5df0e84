"""Teeth, one by one, and gums, along two half ellipses.

In:  a body and its surface.   Out: vertices and quads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.body import Body, Coefs
from livehost.avatar.recipe.host import Teeth
from livehost.avatar.recipe.space import F64, Ints
from livehost.avatar.recipe.surface import Surface

_SEED = 5
_AROUND, _ALONG = 20, 14  # vertices of a tooth
_GUM_STEPS, _GUM_AROUND = 121, 12
_STRIP = 80
_UPPER_WIDTHS = (0.080, 0.062, 0.070, 0.066, 0.064, 0.095)  # from the middle
_LOWER_WIDTHS = (0.050, 0.054, 0.062, 0.064, 0.066, 0.098)
_LOWER_HEIGHTS = (0.082, 0.082, 0.09, 0.078, 0.072, 0.068)
_PLAIN = Teeth()
_GATHER_Z = 0.90  # the upper arch is drawn in towards this depth


@dataclass(frozen=True, slots=True)
class Solid:
    """Vertices (n, 3) and quads (m, 4)."""

    points: F64
    faces: Ints


@dataclass(frozen=True, slots=True)
class Arch:
    """One row of teeth: x = a sin t, z = z0 + b cos t.

    Attributes:
        edge: height of the biting edge.
        up: 1 for the upper row, -1 for the lower: the way to the gum.
        curve: how much higher each tooth is than the first, from the middle.
        keys: how the teeth are formed.
    """

    a: float
    b: float
    z0: float
    edge: float
    up: int
    curve: tuple[float, ...]
    keys: Teeth = _PLAIN

    @property
    def widths(self) -> tuple[float, ...]:
        """Of the teeth, from the middle."""
        return _UPPER_WIDTHS if self.up > 0 else _LOWER_WIDTHS

    @property
    def heights(self) -> tuple[float, ...]:
        """Of the teeth, from the middle."""
        return self.keys.heights if self.up > 0 else _LOWER_HEIGHTS

    def angles(self) -> tuple[F64, F64]:
        """Return angles t and the way along the arch to each, (400,)."""
        t = np.linspace(0, 1.5, 400)
        step = np.hypot(np.diff(self.a * np.sin(t)), np.diff(self.z0 + self.b * np.cos(t)))
        return t, np.concatenate([[0], np.cumsum(step)])

    def place(self, t: float) -> tuple[F64, F64, F64]:
        """Return the point (height 0), the way along and the way outwards at angle `t`."""
        point = np.array([self.a * math.sin(t), 0, self.z0 + self.b * math.cos(t)])
        along = np.array([math.cos(t) * self.a, 0, -math.sin(t) * self.b])
        along /= np.linalg.norm(along)
        return point, along, np.array([-along[2], 0, along[0]])


def lip_line(body: Body, surface: Surface) -> float:
    """Return the height where the shut lips meet: the deepest notch of the profile."""
    heights = np.arange(body.eye_height - 0.85, body.eye_height - 0.40, 0.002)
    hits = [surface.front(0, y) for y in heights]
    z = np.array([hit.point[2] if hit else -9 for hit in hits])
    inner = range(12, len(z) - 12)
    notches = [n for n in inner if z[n] <= z[n - 8] and z[n] <= z[n + 8]]
    if not notches:
        return body.eye_height - 0.6
    depth = [z[n - 12 : n].max() + z[n + 1 : n + 13].max() - 2 * z[n] for n in notches]
    best = max(range(len(notches)), key=lambda n: (depth[n], heights[notches[n]]))
    return float(heights[notches[best]])


def make_arch(body: Body, upper: bool, lips: float) -> Arch:
    """Return the row of teeth behind lips that meet at height `lips`."""
    keys = body.host.teeth
    helper = body.base[body.members(f"helper-{'upper' if upper else 'lower'}-teeth")]
    front = helper[:, 2].max()
    if upper:
        z0, edge = float(front - 0.37 + keys.back), lips - keys.upper
        return Arch(0.315, 0.37, z0, edge, 1, keys.curve, keys)
    z0 = float(front - 0.345 - 0.012 + keys.back)
    return Arch(0.285, 0.345, z0, lips - keys.lower, -1, (0,) * 6, keys)


def make_teeth(arch: Arch) -> Solid:
    """Return twelve teeth and a strip behind them, so that gaps are not black."""
    random = np.random.default_rng(_SEED)
    t, way = arch.angles()
    points: list[F64] = []
    for sign in (1, -1):
        start = 0.0
        for n, width in enumerate(arch.widths):
            angle = float(np.interp(start + width / 2, way, t))
            points.append(_tooth(arch, n, angle, sign, random))
            start += width
    grid = _tube(_AROUND, _ALONG)
    size = _AROUND * _ALONG
    faces = [grid + size * n for n in range(len(points))]
    strip = _strip(arch)
    faces.append(_ribbon(_STRIP) + size * len(points))
    return Solid(np.concatenate([*points, strip]), np.concatenate(faces))


def _tooth(arch: Arch, n: int, t: float, sign: int, random: np.random.Generator) -> F64:
    """Return the vertices of tooth `n` from the middle, a rounded box."""
    place, along, out = arch.place(t)
    if sign < 0:
        place, along, out = place * [-1, 1, 1], along * [1, -1, -1], out * [-1, 1, 1]
    round_, tall = np.meshgrid(
        np.linspace(0, 2 * np.pi, _AROUND, endpoint=False),
        np.linspace(-np.pi / 2, np.pi / 2, _ALONG),
        indexing="ij",
    )
    front, above = arch.keys.square
    x = _power(np.cos(tall), front) * _power(np.cos(round_), above)
    z = _power(np.cos(tall), 0.40) * _power(np.sin(round_), 0.7)
    y = _power(np.sin(tall), 0.50)
    to_gum = y * arch.up
    local_y = y * arch.heights[n] * 0.5 + _edge(arch, n, x, to_gum)
    local_x = x * (arch.widths[n] * 0.5 * arch.keys.width) * (1 - 0.13 * np.clip(to_gum, -0.2, 1))
    depth = (0.040 if n < 3 else 0.055) * (0.62 + 0.38 * np.clip((to_gum + 1) / 1.2, 0, 1))
    local_z = z * depth + 0.012 * (1 - to_gum * to_gum)
    height = arch.edge + arch.up * arch.heights[n] / 2 + _raised(arch, n)
    place = place + np.array([0, height, 0]) + random.normal(0, arch.keys.jitter, 3)
    local_x, local_y, local_z = local_x[..., None], local_y[..., None], local_z[..., None]
    points = place + local_x * along + local_z * out + local_y * np.array([0, 1.0, 0])
    return np.asarray(points.reshape(-1, 3))


def _power(value: F64, exponent: float) -> F64:
    """Return a power that keeps the sign: a rounded box instead of a ball."""
    return np.asarray(np.sign(value) * np.abs(value) ** exponent)


def _edge(arch: Arch, n: int, x: F64, to_gum: F64) -> F64:
    """Return what the biting edge of tooth `n` is higher: incisors bow, canines point."""
    if n in (0, 1):
        return np.asarray((0.004 if arch.up > 0 else -0.003) * x**2 * (to_gum < -0.5))
    if n == 2:
        return np.asarray(-arch.up * 0.012 * np.clip(-to_gum, 0, 1) * (1 - np.abs(x)))
    return np.zeros_like(x)


def _raised(arch: Arch, n: int) -> float:
    """Return how much higher tooth `n` sits than the first."""
    return arch.curve[n] + (0.007 if arch.up > 0 else -0.004) * (n == 1)


def _tube(rows: int, columns: int) -> Ints:
    """Return quads of a grid of vertices that closes around its rows."""
    one, two = np.meshgrid(np.arange(rows), np.arange(columns - 1), indexing="ij")
    here, there = one * columns + two, (one + 1) % rows * columns + two
    return np.stack([here, there, there + 1, here + 1], -1).reshape(-1, 4).astype(np.int64)


def _strip(arch: Arch) -> F64:
    share, up, depth = arch.keys.backing
    angle = np.repeat(np.linspace(-1.3, 1.3, _STRIP), 2)
    height = up + np.tile([0.25, 0.95], _STRIP) * 0.085
    x = arch.a * share * np.sin(angle)
    z = arch.z0 + arch.b * share * np.cos(angle) + depth
    return np.stack([x, arch.edge + arch.up * height, z], 1)


def _ribbon(steps: int) -> Ints:
    start = 2 * np.arange(steps - 1)
    return np.stack([start, start + 1, start + 3, start + 2], 1).astype(np.int64)


def make_gums(arch: Arch) -> Solid:
    """Return a bead above the teeth, scalloped between them."""
    upper = arch.up > 0
    angles = np.linspace(-1.45, 1.45, _GUM_STEPS) * (1 if upper else 0.72)
    points = [_gum_ring(arch, float(t)) for t in angles]
    one, two = np.meshgrid(np.arange(_GUM_STEPS - 1), np.arange(_GUM_AROUND), indexing="ij")
    here, beside = one * _GUM_AROUND + two, one * _GUM_AROUND + (two + 1) % _GUM_AROUND
    faces = np.stack([here, beside, beside + _GUM_AROUND, here + _GUM_AROUND], -1)
    return Solid(np.concatenate(points), faces.reshape(-1, 4).astype(np.int64))


def _gum_ring(arch: Arch, t: float) -> F64:
    """Return the vertices around the bead at angle `t`."""
    upper = arch.up > 0
    point, _, out = arch.place(t)
    thick, shift, high = (0.052, 0.004, 0.075) if upper else (0.034, -0.014, 0.044)
    centre = 0.075 if upper else 0.042
    turn = 2 * np.pi * np.arange(_GUM_AROUND) / _GUM_AROUND
    ring = point + np.array([0, _gum_edge(arch, abs(t)) + arch.up * centre, 0])
    up = np.array([0, high, 0])
    outward = thick * np.cos(turn) + shift
    return np.asarray(ring + out * outward[:, None] + up * np.sin(turn)[:, None])


def _gum_edge(arch: Arch, t: float) -> float:
    """Return the height of the gum's edge: lower between two teeth."""
    angles, way = arch.angles()
    here = float(np.interp(t, angles, way))
    starts = np.concatenate([[0], np.cumsum(arch.widths)])
    tooth = min(int(np.searchsorted(starts, here, "right")) - 1, 5)
    phase = (here - starts[tooth]) / arch.widths[tooth]
    middles = starts[:-1] + np.array(arch.widths) / 2
    height = float(np.interp(here, middles, arch.heights))
    return float(arch.edge + arch.up * (height * 0.90 - 0.016 * abs(2 * phase - 1) ** 2))


def gathered(points: F64, coefs: Coefs, keys: Teeth) -> F64:
    """Return teeth (n, 3) drawn in for an open smile, which pulls the lips back on the arch."""
    smile = (coefs.get("mouthSmileLeft", 0) + coefs.get("mouthSmileRight", 0)) / 2
    open_ = min(1.0, coefs.get("jawOpen", 0) / 0.30)
    amount = keys.gather * min(1.0, max(0.0, smile - 0.10) / 0.5) * open_
    (narrow, narrower), (back, further) = keys.narrow, keys.recede
    out = points.copy()
    out[:, 0] *= 1 - narrow - narrower * amount
    z = _GATHER_Z + (out[:, 2] - _GATHER_Z) * (1 - 0.10 * amount)
    out[:, 2] = z - further * amount - back
    return out


def rigid(before: F64, after: F64) -> tuple[F64, F64, F64]:
    """Return centre, rotation and new centre of the rigid motion nearest to a move of points.

    Points move as `(p - centre) @ rotation + new centre`.

    Source: Kabsch (1976), by singular value decomposition.
    """
    centre, moved = before.mean(0), after.mean(0)
    u, _, vt = np.linalg.svd((before - centre).T @ (after - moved))
    keep = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    return centre, u @ keep @ vt, moved
