"""Brows and lashes, hair by hair.

In:  a body, its surface.   Out: strands, and where each follows the skin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.host import Brows
from livehost.avatar.recipe.space import F64, Ints, across, nearest, smooth_one, unit
from livehost.avatar.recipe.surface import Hit, Surface

_BROW_SEED = 11
_LASH_SEED = 3
_BROW_KNOTS = 5
_LASH_KNOTS = 6
_HOLD = 5  # vertices that a lash follows


@dataclass(frozen=True, slots=True)
class BrowStrands:
    """`strands` (n, 5, 3), each on the face `faces` (n,) of the skin."""

    strands: F64
    faces: Ints

    def follow(self, corners: Ints, moved: F64) -> F64:
        """Return the strands on a face whose vertices have `moved` (v, 3); corners: (f, 4)."""
        return np.asarray(self.strands + moved[corners[self.faces]].mean(1)[:, None])


def brow_strands(body: Body, surface: Surface) -> BrowStrands:
    """Return both brows."""
    random = np.random.default_rng(_BROW_SEED)
    keys, strands, faces = body.host.brows, [], []
    for side, sign in (("l", 1), ("r", -1)):
        for _ in range(keys.count):
            grown = _brow_hair(body.eyes[side], sign, keys, surface, random)
            if grown is not None:
                strands.append(grown[0])
                faces.append(grown[1])
    shape = (len(strands), _BROW_KNOTS, 3)
    return BrowStrands(np.array(strands).reshape(shape), np.array(faces, np.int64))


def _brow_hair(
    eye: F64, sign: int, keys: Brows, surface: Surface, random: np.random.Generator
) -> tuple[F64, int] | None:
    """Return one hair and its face; None where the brow is thin or off the skin."""
    along = random.random() ** 0.9  # 0 at the nose, 1 at the temple
    x = eye[0] + sign * (-0.155 + 0.385 * along)
    middle = eye[1] + keys.height + _arch(along)
    y = middle + _width(along, keys) * np.clip(random.normal(0, 0.55), -1.15, 1.15)
    if along < 0.18 and random.random() > 0.35 + along * 3:
        return None
    hit = surface.front(x, y)
    if hit is None:
        return None
    angle = _lie(along, float(y) < middle, random)
    way = unit(across(np.array([sign * math.cos(angle), math.sin(angle), 0]), hit.normal))
    length = keys.length * (0.72 + 0.28 * min(1, along / 0.3)) * (1 - 0.30 * along)
    return _lift(hit, way * (length * random.uniform(0.65, 1.15))), hit.face


def _arch(along: float) -> float:
    """Return the height of the brow's middle."""
    bow = 0.013 * math.sin(math.pi * along**1.5) + 0.012 * along
    return bow - 0.018 * (1 - min(1, along / 0.4)) - 0.036 * max(0, along - 0.66) / 0.34


def _width(along: float, keys: Brows) -> float:
    taper = 1 - 0.82 * max(0, along - 0.45) / 0.55
    return keys.thickness * taper * (0.55 + 0.45 * min(1, along / 0.25))


def _lie(along: float, below: bool, random: np.random.Generator) -> float:
    """Return the angle of a hair: upper and lower ones lean towards each other."""
    degrees = 40 - 46 * min(1, along / 0.75) ** 0.8 - 14 * max(0, along - 0.7) / 0.3
    lean = (0.30 if below else -0.30) * (0.12 < along < 0.85)
    return math.radians(degrees + random.normal(0, 9)) + lean


def _lift(hit: Hit, way: F64) -> F64:
    """Return the knots of a hair that starts at `hit`, goes `way` and rises a little."""
    knots = []
    for share in np.linspace(0, 1, _BROW_KNOTS):
        rise = 0.002 + 0.008 * math.sin(math.pi * share * 0.5) * share
        knots.append(hit.point + hit.normal * rise + way * share)
    return np.array(knots)


@dataclass(frozen=True, slots=True)
class LashRoots:
    """Lashes at rest and what they hold on to.

    Attributes:
        vertices, shares: (n, 5) vertices of the skin and how much of each one's move is followed.
        strands: (n, 6, 3) at rest.
        roots: (n, 3).
        upper: (n,) whether it is a lash of the upper lid.
    """

    vertices: Ints
    shares: F64
    strands: F64
    roots: F64
    upper: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def follow(self, moved: F64) -> F64:
        """Return the strands on a face whose vertices have `moved` (v, 3).

        Upper lashes turn down with their lid.
        """
        shift = (moved[self.vertices] * self.shares[..., None]).sum(1)
        turn = np.where(self.upper, np.clip(-shift[:, 1] / 0.16, -0.15, 1.0) * 1.05, 0)
        cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
        x, y, z = np.moveaxis(self.strands - self.roots[:, None], 2, 0)
        turned = np.stack([x, y * cos - z * sin, y * sin + z * cos], 2)
        return np.asarray((self.roots + shift)[:, None] + turned)


def lash_roots(body: Body) -> LashRoots:
    """Return the lashes of both eyes, rooted on the rims of the lids."""
    random = np.random.default_rng(_LASH_SEED)
    strands: list[F64] = []
    upper: list[bool] = []
    holds: list[tuple[Ints, F64]] = []
    for side, sign in (("l", 1), ("r", -1)):
        grown: list[F64] = []
        for above in (True, False):
            lashes = _lid(body, side, sign, above, random)
            grown += lashes
            upper += [above] * len(lashes)
        roots = np.array([lash[0] for lash in grown])
        holds.append(_hold(body, side, roots))
        strands += grown
    vertices, shares = (np.concatenate(part) for part in zip(*holds, strict=True))
    whole = np.array(strands)
    return LashRoots(vertices, shares, whole, whole[:, 0], np.array(upper))


def _hold(body: Body, side: str, roots: F64) -> tuple[Ints, F64]:
    """Return the vertices that lashes at `roots` follow, and how much."""
    skin = body.members("body")
    near = skin[np.linalg.norm(body.base[skin] - body.eyes[side], axis=1) < 0.42]
    index, apart = nearest(body.base[near], roots, _HOLD)
    shares = 1 / (apart + 0.004)
    return near[index], shares / shares.sum(1, keepdims=True)


def _lid(body: Body, side: str, sign: int, above: bool, random: np.random.Generator) -> list[F64]:
    """Return the lashes of one lid."""
    keys = body.host.lashes
    count = keys.upper if above else keys.lower
    x, y, z = _rim(body, side, above)
    out = []
    for n in range(count):
        across_lid = (n + random.random()) / count
        at = x[0] + (x[-1] - x[0]) * across_lid
        outward = across_lid if sign > 0 else 1 - across_lid
        if outward < 0.06:
            continue
        root = np.array([at, np.interp(at, x, y), np.interp(at, x, z)])
        out.append(_lash(root, outward, sign, above, random))
    return out


def _rim(body: Body, side: str, above: bool) -> tuple[F64, F64, F64]:
    """Return x, y, z (16,) of the lid's rim: the mesh's lash cards where they touch the eye."""
    card = body.base[body.members(f"helper-{side}-eyelashes-{2 if above else 1}")]
    apart = np.linalg.norm(card - body.eyes[side], axis=1)
    rim = card[apart < np.quantile(apart, 0.45)]
    x = np.linspace(rim[:, 0].min(), rim[:, 0].max(), 16)
    share = np.exp(-(((rim[:, 0] - x[:, None]) / 0.02) ** 2)) + 1e-9
    share /= share.sum(1, keepdims=True)
    return x, share @ rim[:, 1], share @ rim[:, 2]


def _lash(root: F64, outward: float, sign: int, above: bool, random: np.random.Generator) -> F64:
    """Return one lash, curling away from the eye."""
    if above:
        shape = smooth_one(0.15, 0.85, outward), smooth_one(0.9, 1, outward)
        length = (0.050 + 0.040 * shape[0] - 0.02 * shape[1]) * random.uniform(0.8, 1.1)
    else:
        length = (0.026 + 0.016 * outward) * random.uniform(0.7, 1.1)
    lean = sign * (-0.25 + outward**1.3) + random.normal(0, 0.10)
    first = unit([lean * 0.55, -0.12 if above else -0.25, 1.0])
    last = unit([lean * 0.9, 1.0 if above else -0.9, 0.55])
    knots = [root]
    for n in range(1, _LASH_KNOTS):
        share = n / (_LASH_KNOTS - 1)
        way = unit(first * (1 - share) + last * share)
        knots.append(knots[-1] + way * length / (_LASH_KNOTS - 1))
    return np.array(knots)
