"""Outfits by style.

In:  a body, the parameters of a style.   Out: clothes in the open scene.

Heights are in the body's units, for a chin at about 5.22.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from livehost.avatar.recipe.blazer import put_on_blazer
from livehost.avatar.recipe.blender import tube
from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.fabric import Finish, plain, tweed
from livehost.avatar.recipe.garment import (
    Cut,
    front_of,
    helper_faces,
    metal_button,
    neckline,
    prism,
    round_cutter,
    sew,
    tree_of,
    trim,
)
from livehost.avatar.recipe.looks import Jacket
from livehost.avatar.recipe.space import F64, smooth, smooth_one
from livehost.avatar.recipe.surface import Tree

_TOP_NECK = (0.80, 0.78)  # radii of the top's round neck
_TOP_NECK_Z = 0.12
_JACKET_NECK = (0.93, 0.86)
_JACKET_NECK_Z = 0.06
_JOIN = 2.55  # height above which the jacket opens


def dress(body: Body, surface: Tree) -> Tree:
    """Put on what the host wears; return the surface that long hair falls over."""
    outfit = body.host.outfit
    if isinstance(outfit, Jacket):
        _round_neck_top(body, outfit)
        return _tweed_jacket(body, outfit)
    return put_on_blazer(body, outfit, surface)


def _round_neck_top(body: Body, keys: Jacket) -> None:
    """Add a plain top with a round neck and its piping."""
    cloth = plain("inner", keys.inner, Finish(0.45, bumps=0.12, bump_size=30))
    cutter = round_cutter(_TOP_NECK, _TOP_NECK_Z, 3.2, 6)
    faces = helper_faces(body, -0.6, 4.98)
    faces = faces[np.abs(body.base[faces][..., 0]).max(1) < 1.75]  # no sleeves
    top = sew("inner", body, faces, Cut(0.035, 0.02, 1, [cutter]), cloth)
    _piping(tree_of(top), cloth)


def _piping(tree: Tree, cloth: Any) -> None:
    wide = 1.012  # just outside of the cut
    radii = (_TOP_NECK[0] * wide, _TOP_NECK[1] * wide)
    points = [point for _, point in neckline(tree, radii, _TOP_NECK_Z, 96)]
    if len(points) > 20:
        tube("innertrim", np.array(points) - [0, 0.004, 0], 0.020, cloth, closed=True)


def _tweed_jacket(body: Body, keys: Jacket) -> Tree:
    """Add an open collarless jacket with edges and buttons; return its surface."""
    cloth = tweed("jacket", keys.light, keys.dark)
    edge = plain("trim", keys.trim, Finish(0.75, bumps=0.5, bump_size=90))
    metal = plain("gold", keys.button, Finish(0.25, metal=1))
    heights = np.linspace(-1.2, 5.2, 64)
    right = [(_opening(y), float(y)) for y in heights]
    opening = prism(right + [(-x, y) for x, y in right[::-1]], 0.12, 3)
    neck = round_cutter(_JACKET_NECK, _JACKET_NECK_Z, 3.6, 6)
    cut = Cut(0.10, 0.05, 3, [opening, neck], _tailored)
    jacket = sew("jacket", body, helper_faces(body, -0.9, 5.02), cut, cloth)
    tree = tree_of(jacket)
    for sign in (1, -1):
        _front_edge(tree, sign, edge)
        _buttons(tree, sign, keys, metal)
    _back_neck(tree, edge)
    return tree


def _opening(y: float) -> float:
    """Return half the width of the open front at height `y`."""
    if y > _JOIN:
        return float(0.06 + 0.70 * smooth_one(_JOIN, 4.9, y) ** 0.85)
    return float(0.06 + 0.16 * np.clip((2.2 - y) / 2.6, 0, 1))


def _tailored(points: F64, normals: F64) -> F64:
    """Return a shell looser at the waist, with structured shoulders."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    waist = np.exp(-(((y - 2.3) / 0.9) ** 2)) * (x < 1.5)
    points = points + normals * (0.03 * waist)[:, None]
    x, y = np.abs(points[:, 0]), points[:, 1]
    shoulder = np.exp(-(((y - 4.75) / 0.28) ** 2)) * smooth(0.9, 1.45, x)
    return np.asarray(points + np.array([0, 0.05, 0]) * shoulder[:, None])


def _front_edge(tree: Tree, sign: int, material: Any) -> None:
    """Sew two cords along one side of the open front."""
    outer: list[F64] = []
    for y in np.linspace(-0.6, 4.6, 120):
        x = sign * (_opening(y) + 0.035)
        z = front_of(tree, x + sign * 0.02, y)
        if z is not None and (not outer or abs(z - outer[-1][2]) < 0.15):
            outer.append(np.array([x, y, z + 0.012]))
    trim("jtrim", outer, 0.030, material)
    inner = []
    for x, y, z in outer:
        if y < 4.42:
            aside = x + sign * 0.085
            inner.append(np.array([aside, y, (front_of(tree, aside, y) or z) + 0.008]))
    trim("jtrim2", inner, 0.013, material)


def _buttons(tree: Tree, sign: int, keys: Jacket, metal: Any) -> None:
    for y in keys.buttons:
        x = sign * (_opening(y) + 0.20)
        z = front_of(tree, x, y)
        if z is not None:
            metal_button(np.array([x, y, z + 0.02]), 0.058, metal)


def _back_neck(tree: Tree, material: Any) -> None:
    """Sew a cord along the neck, which is open in front."""
    ring = neckline(tree, (0.94, 0.87), _JACKET_NECK_Z, 120)
    points = [point for _, point in ring if point[1] > 4.3]
    if len(points) > 10:
        apart = [np.linalg.norm(here - points[n - 1]) for n, here in enumerate(points)]
        gap = int(np.argmax(apart))
        trim("jneck", points[gap:] + points[:gap], 0.028, material)
