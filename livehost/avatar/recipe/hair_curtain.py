"""Long waved hair with curtain bangs: each strand a curve through places that its root asks for.

In:  a body, its surface, the clothes' surface, the parameters of the style.   Out: strands.

A strand rises from the scalp, follows the head, then an envelope given by height and azimuth,
and falls before or behind the shoulder. Strands gather into locks, whose waves grow to the ends.
At last every knot is lifted off skin and clothes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.hair import Hairdo
from livehost.avatar.recipe.hair_lay import Laid, lifted, through
from livehost.avatar.recipe.hairline import roots
from livehost.avatar.recipe.looks import CurtainHair
from livehost.avatar.recipe.space import F64, Ints, smooth
from livehost.avatar.recipe.surface import Surface

Random = np.random.Generator
Flags = NDArray[np.bool_]
Coordinates = tuple[F64, F64 | float, F64 | float]
_KNOTS = 34
_BABY_KNOTS = 8
_CENTRE_Z = 0.32  # of the axis that angles around the head are taken about
_AXIS_Z = 0.22  # and of the envelope's
_HEAD = np.array([0, 0.36, 0.44])  # middle of an ellipsoid over the head, above the eyes
_RADII = np.array([0.76, 0.74, 0.92])
_LIGHT = 0.75  # locks beyond this many deviations are lighter: about a quarter
_ALIKE = 0.22  # strands further from the middle of their lock leave it


def curtain_hair(
    body: Body, surface: Surface, cloth: Surface | None, keys: CurtainHair, random: Random
) -> Hairdo:
    """Return the hair; `cloth` is what it falls over, None for bare shoulders."""
    roots_ = _rooted(body, surface, keys, random)
    strands = _falling(roots_, keys, random)
    bangs = _bangs(roots_, strands, keys, random)
    strands = _waved(roots_, strands, keys)
    strands = _gathered(roots_, strands, bangs, keys, random)
    beside, share = _beside_neck(body.eye_height, keys.neck, random)
    layer = np.concatenate([roots_.layer, 0.2 + 0 * share])
    light = np.concatenate([roots_.lock[:, 5] > _LIGHT, share < 0.25])
    whole = _laid(np.concatenate([strands, beside]), layer, Laid(surface, cloth))
    kept = _on_shoulders(whole, body.eye_height)
    radius = random.uniform(*keys.thick, int(kept.sum()))
    baby = _baby(body, surface, keys, random)
    return Hairdo(whole[kept], baby, radius, light[kept])


@dataclass(frozen=True, slots=True)
class _Roots:
    """Where strands begin and what they will do; n of them.

    Attributes:
        eye: height of the eyes.
        places, depth, normals: on the scalp; how far inside the hairline.
        part: x of the parting at each.
        sign: the side to which each falls.
        angle: degrees around the head, from the parting.
        layer: 0 close to the head, 1 outside.
        azimuth: degrees around the head where it falls.
        top: 0 at the sides, 1 on top.
        own: the strand that each one's lock follows.
        own_noise, lock: random numbers (n, 6) of each strand, and of its lock.
    """

    eye: float
    places: F64
    depth: F64
    normals: F64
    part: F64
    sign: F64
    angle: F64
    layer: F64
    azimuth: F64
    top: F64
    own: Ints
    own_noise: F64
    lock: F64


def _rooted(body: Body, surface: Surface, keys: CurtainHair, random: Random) -> _Roots:
    """Return the roots, each with a lock: strands nearby that fall alike."""
    eye = body.eye_height
    places, depth = roots(body, keys.strands, 0.0, 9, random, soft=0.10, tries=4)
    count = len(places)
    normals = np.array([surface.nearest(place).normal for place in places])
    part = keys.part * smooth(-0.35, 0.25, places[:, 2])
    sign = np.sign(places[:, 0] - part + random.normal(0, 0.006, count))
    sign[sign == 0] = 1
    angle = np.degrees(np.arctan2(np.abs(places[:, 0] - part), places[:, 2] - _CENTRE_Z))
    layer = random.random(count) ** 0.7
    azimuth = np.interp(angle, [0, 30, 62, 75, 95, 125, 180], [60, 56, 53, 64, 92, 124, 176])
    azimuth = azimuth + random.normal(0, 3, count)
    top = smooth(eye + 0.35, eye + 0.95, places[:, 1])
    azimuth = azimuth + top * random.uniform(-8, 26, count) * (azimuth < 110)
    azimuth = np.clip(azimuth, keys.front, 182)
    x, y, z = places.T
    alike = np.stack([azimuth / 14, layer * 1.6, sign * 9, y * 1.2, x * 1.2, z * 1.2], 1)
    own = _locks(alike, min(keys.locks, count), random)
    noise = random.normal(0, 1, (count, 6))
    return _Roots(
        eye, places, depth, normals, part, sign, angle, layer, azimuth, top, own, noise, noise[own]
    )


def _locks(alike: F64, count: int, random: Random) -> Ints:
    """Return for each strand one of `count` that it follows, by likeness (n, 6)."""
    chosen = random.choice(len(alike), count, replace=False)
    blurred = alike + random.normal(0, 0.16, alike.shape)
    nearest = [((alike[chosen] - one) ** 2).sum(1).argmin() for one in blurred]
    return np.asarray(chosen[nearest])


def _over_head(points: F64, scale: F64, eye: float) -> F64:
    """Return `points` (n, 3) moved to an ellipsoid around the head, `scale` (n,) times as large."""
    centre = _HEAD + np.array([0, eye, 0])
    way = (points - centre) / _RADII
    way = way / np.linalg.norm(way, axis=1, keepdims=True) * _RADII
    return np.asarray(centre + way * scale[:, None])


def _envelope(own: _Roots, height: F64, azimuth: F64) -> F64:
    """Return places (n, 3) of the hair's outline at `height` (n,) above the eyes."""
    wide = np.interp(
        height,
        [-2.4, -1.8, -1.5, -1.0, -0.55, -0.10, 0.25, 0.5],
        [0.90, 0.92, 0.93, 0.96, 0.975, 0.955, 0.90, 0.83],
    )
    levels = [-1.5, -0.6, 0, 0.3]
    front = np.interp(height, levels, [0.55, 0.58, 0.66, 0.70])
    back = np.interp(height, levels, [0.62, 0.70, 0.74, 0.72])
    inner = np.interp(height, [-1.2, -0.5, -0.2], [0.62, 0.66, 0.82])
    share = 1 - (1 - inner) * (1 - own.layer)
    turn = np.radians(azimuth)
    ahead = np.cos(turn)
    x = own.sign * wide * share * np.sin(turn)
    z = _AXIS_Z + np.where(ahead > 0, front, back) * share * ahead
    return np.stack([x, own.eye + height, z], 1)


def _falling(own: _Roots, keys: CurtainHair, random: Random) -> F64:
    """Return strands (n, 34, 3) that fall from the head before or behind the shoulders."""
    count, root = len(own.places), own.places
    ahead = own.azimuth < np.where(random.random(count) < 0.5, 108, 100)
    above = root[:, 1] - own.eye

    def level(height: float, below: float) -> F64:
        return np.minimum(height, above - below)

    first = _envelope(own, level(0.22, 0.16), own.azimuth)
    second = _envelope(own, level(-0.15, 0.30), own.azimuth)
    third = _envelope(own, level(-0.60, 0.45), own.azimuth - 3 * (own.azimuth < 80))
    fourth = _envelope(own, level(-1.05, 0.60), own.azimuth)
    places = [root, *_rising(own, first, above), first, second, third, fourth]
    places += _over_shoulder(own, fourth, ahead, keys.hem, random)
    return through(np.stack(places, 1), _KNOTS)


def _rising(own: _Roots, first: F64, above: F64) -> list[F64]:
    """Return two places between the root and the first of the envelope, over the head."""
    scale = 1.0 + 0.075 * own.layer + 0.03 * own.layer * own.top
    high = smooth(0.30, 0.55, above)[:, None]
    near = own.places * 0.68 + first * 0.32
    far = own.places * 0.34 + first * 0.66
    return [
        _over_head(near + own.normals * 0.03, scale, own.eye) * high + near * (1 - high),
        _over_head(far, scale, own.eye) * high + far * (1 - high),
    ]


def _over_shoulder(own: _Roots, last: F64, ahead: Flags, hem: float, random: Random) -> list[F64]:
    """Return three places: on the shoulder, below it, the end; before or behind it."""
    count, lock = len(ahead), own.lock
    ends = random.normal(0, 0.10, count) + 0.13 * lock[:, 0] + 0.10 * np.abs(lock[:, 1])
    ends = ends + 0.35 * random.random(count) ** 5
    side = np.clip((own.azimuth - 50) / 50, 0, 1)
    out = side * (0.6 + 0.4 * own.layer)
    before: list[Coordinates] = [
        (own.sign * (0.64 + 0.30 * out), own.eye - 1.52, 0.66 - 0.10 * side + 0.10 * own.layer),
        (own.sign * (0.63 + 0.30 * side), own.eye - 1.95, 0.92),
        (own.sign * (0.56 + 0.27 * side), own.eye - hem + ends, 1.12),
    ]
    behind: list[Coordinates] = [
        (last[:, 0] * 0.82, own.eye - 1.52, np.minimum(last[:, 2] - 0.1, -0.62)),
        (last[:, 0] * 0.75, own.eye - 1.95, -0.72),
        (last[:, 0] * 0.75, own.eye - 2.3 + ends, -0.75),
    ]
    pairs = zip(before, behind, strict=True)
    return [np.where(ahead[:, None], _points(*a), _points(*b)) for a, b in pairs]


def _points(x: F64, y: F64 | float, z: F64 | float) -> F64:
    """Return (n, 3); one number stands for all."""
    return np.stack(np.broadcast_arrays(x, y, z), 1)


def _bangs(own: _Roots, strands: F64, keys: CurtainHair, random: Random) -> Flags:
    """Lead strands of the front over the temples, in `strands`; return which (n,)."""
    root = own.places
    front = (own.angle < 50) & (root[:, 2] > 0.55) & (own.depth < 0.24)
    front &= (root[:, 1] > own.eye + 0.44) & (random.random(len(root)) < keys.bangs)
    picked = np.flatnonzero(front)
    strands[picked] = _curtain(own, picked, random)
    return np.asarray(front)


def _curtain(own: _Roots, picked: Ints, random: Random) -> F64:
    """Return the strands `picked`: up from the part, over the temple, down beside the cheek."""
    root, sign, layer = own.places[picked], own.sign[picked], own.layer[picked]
    part, lock, eye = own.part[picked], own.lock[picked], own.eye
    count = len(picked)
    stray = 0.03 * random.normal(0, 1, (count, 3)) * [0.7, 1, 0.5]
    far = np.clip(np.abs(root[:, 0] - part) / 0.62, 0, 1)  # 0 at the part, 1 at the temple
    lift = 0.05 + 0.06 * layer
    up = root + own.normals[picked] * lift[:, None]
    up = up + _points(sign * 0.06, 0.01 * (1 - far), 0.04 * (1 - far))
    brow = stray + _points(
        sign * (0.33 + 0.26 * far) + 0.35 * part,
        eye + 0.555 + 0.07 * layer - 0.06 * far,
        1.27 - 0.22 * far + 0.05 * layer,
    )
    brow[:, 1] = np.minimum(brow[:, 1], root[:, 1] - 0.03)
    up[:, 1] = np.minimum(up[:, 1], root[:, 1] + 0.05)
    temple = stray + _points(
        sign * (0.585 + 0.13 * far + 0.02 * lock[:, 1]),
        eye + 0.29 + 0.03 * lock[:, 0] - 0.02 * far,
        1.10 - 0.22 * far + 0.05 * layer,
    )
    outer = smooth(0.30, 0.70, far)[:, None]
    between = up * 0.5 + temple * 0.5 + _points(sign * 0.02, 0, 0.02)
    brow = brow * (1 - outer) + between * outer
    down = _beside_cheek(own, picked, far, stray, random)
    return through(np.stack([root, up, brow, temple, *down], 1), _KNOTS)


def _beside_cheek(own: _Roots, picked: Ints, far: F64, stray: F64, random: Random) -> list[F64]:
    """Return the last four places of bangs, from the eyes down to their ends."""
    sign, layer, lock, eye = own.sign[picked], own.layer[picked], own.lock[picked], own.eye
    ear = stray + _points(
        sign * (0.715 + 0.08 * far + 0.02 * lock[:, 1]),
        eye - 0.06,
        0.93 - 0.20 * far + 0.04 * layer,
    )
    cheek = stray * 1.2 + _points(
        sign * (0.745 + 0.07 * far + 0.025 * lock[:, 1]),
        eye - 0.42,
        0.80 - 0.18 * far + 0.03 * layer,
    )
    long = 0.62 + 0.16 * lock[:, 2] + 0.28 * far + 0.05 * random.normal(0, 1, len(picked))
    jaw = stray * 1.4 + _points(
        sign * (0.735 + 0.06 * far + 0.05 * lock[:, 3]),
        eye - long - 0.12,
        0.68 - 0.12 * far + 0.05 * lock[:, 4],
    )
    end = stray * 1.4 + _points(
        sign * (0.71 + 0.06 * far + 0.06 * lock[:, 3]),
        eye - long - 0.34 - 0.1 * np.abs(lock[:, 5]),
        0.70 - 0.1 * far + 0.05 * lock[:, 4],
    )
    return [ear, cheek, jaw, end]


def _waved(own: _Roots, strands: F64, keys: CurtainHair) -> F64:
    """Return strands with waves that grow below the cheek, each lock with a phase of its own."""
    below = np.clip(own.eye + 0.1 - strands[:, :, 1], 0, 9)
    high = keys.wave * (smooth(0.1, 1.3, below) + 0.55 * smooth(1.2, 2.3, below))
    often = 5.0 + 0.6 * own.lock[:, 2:3]
    phase = 2.2 * own.lock[:, 3:4] + own.sign[:, None] * 0.6 + 0.15 * own.own_noise[:, 3:4]
    turn, level = np.radians(own.azimuth)[:, None], 0 * below
    around = np.stack([own.sign[:, None] * np.cos(turn) + level, level, -np.sin(turn) + level], 2)
    out = np.stack([strands[:, :, 0], level, strands[:, :, 2] - _AXIS_Z], 2)
    out /= np.linalg.norm(out, axis=2, keepdims=True) + 1e-6
    first = np.sin(often * below + phase) - np.sin(phase)
    second = np.cos(often * below + phase * 1.3) - np.cos(phase * 1.3)
    wave = first[:, :, None] * around + 0.7 * second[:, :, None] * out
    return np.asarray(strands + high[:, :, None] * wave)


def _gathered(own: _Roots, strands: F64, bangs: Flags, keys: CurtainHair, random: Random) -> F64:
    """Return strands drawn to the one that their lock follows; a few leave it."""
    count, leader = len(strands), strands[own.own]
    along = np.linspace(0, 1, _KNOTS)[None, :, None]
    pull = np.minimum(keys.pull * random.uniform(0.55, 1.1, (count, 1, 1)), 0.85)
    alike = (bangs == bangs[own.own]) & (own.sign == own.sign[own.own])
    alike &= np.linalg.norm(strands[:, 12] - leader[:, 12], axis=1) < _ALIKE
    pull = pull * smooth(0.06, 0.75, along) * alike[:, None, None]
    strands = strands + (leader - strands) * (pull * (1 - 0.25 * smooth(0.8, 1.0, along)))
    strands = strands + random.normal(0, 1, (count, 1, 3)) * 0.012 * along
    leaves = random.random((count, 1, 1)) < 0.03
    aside = random.normal(0, 0.06, (count, 1, 3)) * smooth(0.3, 1.0, along)
    return np.asarray(strands + leaves * aside)


def _beside_neck(eye: float, count: int, random: Random) -> tuple[F64, F64]:
    """Return strands (count, 34, 3) behind the others beside the neck, and 0..1 of each."""
    sign = np.where(random.random(count) < 0.5, -1.0, 1.0)
    share = random.random(count)
    z = random.uniform(-0.02, 0.30, count)
    stray = random.normal(0, 0.02, (count, 3))
    rows = (
        (0.54 + 0.18 * share, -0.22, z + 0.02),
        (0.46 + 0.26 * share, -0.60, z),
        (0.46 + 0.30 * share, -0.95, z + 0.02),
        (0.54 + 0.28 * share, -1.30, z + 0.12),
        (0.62 + 0.24 * share, -1.62, z + 0.32),
    )
    places = [_points(sign * x, eye + y, depth) + stray for x, y, depth in rows]
    strands = through(np.stack(places, 1), _KNOTS)
    below = np.clip(eye - 0.3 - strands[:, :, 1], 0, 9)
    grows = 0.03 * smooth(0, 0.8, below)
    strands[:, :, 0] += grows * np.sin(4 * below + 6 * share[:, None])
    strands[:, :, 2] += grows * np.cos(4 * below + 9 * share[:, None])
    return strands, share


def _laid(strands: F64, layer: F64, on: Laid) -> F64:
    """Return strands off skin and clothes, smoothed."""
    off = 0.012 + 0.10 * layer
    for knot in range(1, _KNOTS):
        points = strands[:, knot].copy()
        skin = np.minimum(off * min(1, 0.25 + knot / 7), 0.02 + knot * 0.03)
        beside = smooth(1.02, 0.88, np.abs(points[:, 0]))
        strands[:, knot] = lifted(points, on, skin, 0.05 + 0.10 * beside + 0.07 * layer)
    for _ in range(3):
        strands[:, 1:-1] = 0.25 * strands[:, :-2] + 0.5 * strands[:, 1:-1] + 0.25 * strands[:, 2:]
    return strands


def _on_shoulders(strands: F64, eye: float) -> Flags:
    """Return which strands (n,) do not hang over the edge of a shoulder."""
    outside = (np.abs(strands[..., 0]) > 0.97) & (strands[..., 1] < eye - 1.12)
    return np.asarray(~outside.any(1))


def _baby(body: Body, surface: Surface, keys: CurtainHair, random: Random) -> F64:
    """Return (n, 8, 3) fine hairs along the hairline that lie with the bangs."""
    point, depth = roots(body, keys.baby, -0.05, 0.16, random, soft=0.08, tries=8)
    count, on = len(point), Laid(surface, None)
    normals = np.array([surface.nearest(place).normal for place in point]).reshape(-1, 3)
    sign = np.sign(point[:, 0] - keys.part)
    front = smooth(0.45, 1.0, point[:, 2]) * smooth(0.62, 0.40, np.abs(point[:, 0]))
    front = front[:, None]
    way = normals * (0.08 + 0.14 * front) + _points(sign * 0.75, 0.30, -0.1) * front
    way = way + np.array([0, -0.55, -0.75]) * (1 - front) + random.normal(0, 0.16, (count, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    long = (0.07 + 0.9 * np.maximum(0, depth + 0.05)) * random.uniform(0.6, 1.2, count)
    out = np.zeros((count, _BABY_KNOTS, 3))
    for knot in range(_BABY_KNOTS):
        out[:, knot] = point
        point = point + way * (long / (_BABY_KNOTS - 1))[:, None]
        way = way + np.array([0, -0.10, 0]) * front
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        point = lifted(point, on, np.full(count, 0.006), np.zeros(count), reach=np.inf)
    return out
