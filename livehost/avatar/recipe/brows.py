"""Brows and lashes, hair by hair.

In:  a body, its surface.   Out: strands, and where each follows the skin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.host import Brows, Lashes
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
    form = _FORMS[keys.style]
    along = random.random() ** form.dense  # 0 at the nose, 1 at the temple
    x = eye[0] + sign * (form.start + form.long * along)
    middle = eye[1] + keys.height + form.arch(along)
    aside = np.clip(random.normal(0, form.spread), -form.edge, form.edge)
    y = middle + form.width(along) * aside
    if along < form.thin[0] and random.random() > form.thin[1] + along * form.thin[2]:
        return None
    if along > form.sparse[0] and random.random() > form.sparse[1]:
        return None
    hit = surface.front(x, y)
    if hit is None:
        return None
    angle = form.lie(along, float(y) < middle, random)
    way = unit(across(np.array([sign * math.cos(angle), math.sin(angle), 0]), hit.normal))
    length = form.length(along) * random.uniform(form.least, 1.15)
    return _lift(hit, way * length, form.lift), hit.face


@dataclass(frozen=True, slots=True)
class BrowForm:
    """The shape of a brow and how its hairs lie; lengths in units.

    Attributes:
        dense: below 1, more hairs at the temple.
        start, long: where it begins from the middle of the eye, and how long it is.
        bow, bow_end, bow_power: height of its bow, and how the bow is spread.
        rise, drop, tail: slope, how much lower it begins, and how much lower it ends.
        thick, taper, head: half its width; by how much and from where it narrows; its start.
        spread, edge: how its hairs are spread over that, and how sharp its edges are.
        thin: hairs are left out up to here, by chance from ... rising by ...
        sparse: beyond here, this share of the hairs is kept.
        stand, flat, jitter, lean: degrees at the start, to where they lie flat, their spread, and
            how much the upper and lower hairs lean together (radians).
        hair: length, and how much of it at the start.
        shorter, least: how much shorter at the temple; the shortest of all.
        lift: off the skin.
    """

    dense: float
    start: float
    long: float
    bow: float
    bow_end: float
    bow_power: float
    rise: float
    drop: tuple[float, float]
    tail: float
    thick: float
    taper: tuple[float, float]
    head: tuple[float, float]
    spread: float
    edge: float
    thin: tuple[float, float, float]
    sparse: tuple[float, float]
    stand: tuple[float, float, float, float]
    jitter: float
    lean: tuple[float, float]
    hair: tuple[float, float]
    shorter: float
    least: float
    lift: float

    def arch(self, along: float) -> float:
        """Return the height of the brow's middle."""
        bow = self.bow * math.sin(math.pi * min(1, along * self.bow_end) ** self.bow_power)
        lower, until = self.drop
        start = lower * (1 - min(1, along / until))
        return bow + self.rise * along - start - self.tail * max(0, along - 0.66) / 0.34

    def width(self, along: float) -> float:
        """Return half the brow's width."""
        much, begin = self.taper
        share, until = self.head
        narrow = 1 - much * max(0, along - begin) / (1 - begin)
        return self.thick * narrow * (share + (1 - share) * min(1, along / until))

    def lie(self, along: float, below: bool, random: np.random.Generator) -> float:
        """Return the angle of a hair in radians."""
        start, turn, until, end = self.stand
        degrees = start - turn * min(1, along / until) ** 0.8 - end * max(0, along - 0.7) / 0.3
        lean = (self.lean[0] if below else -self.lean[1]) * (0.12 < along < 0.85)
        return math.radians(degrees + random.normal(0, self.jitter)) + lean

    def length(self, along: float) -> float:
        """Return the length of a hair."""
        whole, inner = self.hair
        return whole * (inner + (1 - inner) * min(1, along / 0.3)) * (1 - self.shorter * along)


_FORMS = {
    "arched": BrowForm(
        dense=0.9, start=-0.155, long=0.385, bow=0.013, bow_end=1, bow_power=1.5, rise=0.012,
        drop=(0.018, 0.4), tail=0.036, thick=0.024, taper=(0.82, 0.45), head=(0.55, 0.25),
        spread=0.55, edge=1.15, thin=(0.18, 0.35, 3), sparse=(1, 1), stand=(40, 46, 0.75, 14),
        jitter=9, lean=(0.30, 0.30), hair=(0.060, 0.72), shorter=0.30, least=0.65, lift=0.008,
    ),
    "straight": BrowForm(
        dense=0.92, start=-0.175, long=0.44, bow=0.030, bow_end=0.80, bow_power=1, rise=-0.012,
        drop=(0, 0.3), tail=0.040, thick=0.032, taper=(0.78, 0.50), head=(0.38, 0.40),
        spread=0.55, edge=1.1, thin=(0.30, 0.16, 2.4), sparse=(1, 1), stand=(52, 52, 0.7, 16),
        jitter=10, lean=(0.26, 0.28), hair=(0.072, 0.75), shorter=0.30, least=0.6, lift=0.009,
    ),
    "soft": BrowForm(
        dense=0.95, start=-0.150, long=0.375, bow=0.032, bow_end=0.80, bow_power=1, rise=-0.004,
        drop=(0, 0.3), tail=0.034, thick=0.026, taper=(0.80, 0.50), head=(0.50, 0.35),
        spread=0.60, edge=1.3, thin=(0.32, 0.12, 2.6), sparse=(0.85, 0.55), stand=(56, 58, 0.7, 16),
        jitter=9, lean=(0.24, 0.26), hair=(0.062, 0.72), shorter=0.28, least=0.6, lift=0.007,
    ),
}  # fmt: skip


def _lift(hit: Hit, way: F64, lift: float) -> F64:
    """Return the knots of a hair that starts at `hit`, goes `way` and rises a little."""
    knots = []
    for share in np.linspace(0, 1, _BROW_KNOTS):
        rise = 0.002 + lift * math.sin(math.pi * share * 0.5) * share
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
        out.append(_lash(root, outward, sign, above, keys, random))
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


def _lash(
    root: F64, outward: float, sign: int, above: bool, keys: Lashes, random: np.random.Generator
) -> F64:
    """Return one lash, curling away from the eye."""
    if above:
        shape = smooth_one(0.15, 0.85, outward), smooth_one(0.9, 1, outward)
        inner, longer = keys.length
        length = (inner + longer * (shape[0] - 0.5 * shape[1])) * random.uniform(0.8, 1.1)
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
