"""A blazer with notched lapels and shoulder pads over a round-necked tee.

In:  a body whose chin is at about 5.22, the parameters, the surface of the skin.   Out: clothes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.blender import bpy, smooth_faces, tube
from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.fabric import Finish, knit, plain, twill
from livehost.avatar.recipe.garment import helper_faces, neck_cutter, normals_of, tree_of
from livehost.avatar.recipe.looks import Blazer
from livehost.avatar.recipe.noise import lattice, ridge
from livehost.avatar.recipe.space import F64, Ints, Vector, smooth
from livehost.avatar.recipe.surface import Tree
from livehost.avatar.recipe.tailoring import (
    Lay,
    Shell,
    eased,
    even_spline,
    fine_shell,
    ring_band,
    sheet,
    solid,
)

_THICK = 0.05  # of the blazer
_GORGE = 4.16  # height where lapel and collar meet
_BAND = 0.10  # height of the tee's neckband
_AXIS = np.array([0, 0, 0.10])  # of the neck


def put_on_blazer(body: Body, keys: Blazer, skin: Tree) -> None:
    """Put on tee and blazer."""
    _tee(body, keys, skin)
    cloth = twill("jacket", keys.light, keys.dark)
    seam = plain("trim", keys.seam, Finish(0.8))
    faces = helper_faces(body, -0.9, 5.10)
    shell = _tailored(fine_shell(body, faces, 0.11, 3, 3), keys)
    whole = Tree(shell.points, shell.quads.tolist())
    _open_front(shell, keys, cloth)
    for sign in (1, -1):
        _lapel(whole, keys, sign, cloth, seam)
        _collar(whole, sign, cloth)
        _sleeve_seam(whole, sign, seam)
    _seam(_on(whole, [(0, y) for y in np.linspace(-0.8, keys.closed, 40)], 0.052), 0.012, seam)
    _pocket(whole, cloth)
    _buttons(whole, keys)


def _tee_line(angle: float) -> float:
    """Return the height of the tee's neckline: 0 is the front."""
    ahead = math.cos(angle)
    return 4.80 - 0.42 * math.pow(max(0.0, ahead), 1.6) + 0.03 * max(0.0, -ahead)


def _tee(body: Body, keys: Blazer, skin: Tree) -> None:
    cloth = knit("inner", keys.inner)
    faces = helper_faces(body, -0.6, 5.15)
    faces = faces[np.abs(body.base[faces][..., 0]).max(1) < 1.45]
    shell = fine_shell(body, faces, 0.04, 2, 2)
    cutter = neck_cutter(_tee_line, 1.0)
    tee = tree_of(solid("inner", shell.points, shell.quads, 0.025, cloth, [cutter]))
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    rows = np.array([_band(tee, skin, float(angle)) for angle in angles])
    points, quads = ring_band(list(rows.transpose(1, 0, 2)), 9)
    solid("inner", points, quads, 0.03, cloth, levels=1)


def _band(tee: Tree, skin: Tree, angle: float) -> F64:
    """Return four points (4, 3) across the neckband, from the tee up to the neck."""
    way = np.array([math.sin(angle), 0, math.cos(angle)])
    height = _tee_line(angle)
    low = _radius(tee, way, height - 0.03)
    low = 0.8 if low is None else low
    high = _radius(skin, way, height + _BAND)
    high = low - 0.08 if high is None else high
    low = min(low, 1.0)
    high = min(high + 0.022, low)
    radii = (low + 0.012, low + 0.012, (low + high) / 2 + 0.012, high)
    heights = (height - 0.05, height, height + _BAND * 0.62, height + _BAND)
    return np.array(
        [_AXIS + way * r + np.array([0, y, 0]) for r, y in zip(radii, heights, strict=True)]
    )


def _radius(tree: Tree, way: F64, height: float) -> float | None:
    """Return how far a surface is from the neck's axis, from outside; None if it is not there."""
    hit = tree.cast(_AXIS + 2 * way + np.array([0, height, 0]), -way)
    if hit is None:
        return None
    return math.hypot(hit.point[0], hit.point[2] - _AXIS[2])


def _tailored(shell: Shell, keys: Blazer) -> Shell:
    """Return a shell with shoulder line, sleeve heads, a falling front and folds."""
    points = _front(_shoulders(shell, keys), shell)
    return Shell(_folded(points, shell, keys.folds), shell.quads, shell.arm)


def _shoulders(shell: Shell, keys: Blazer) -> F64:
    """Return points no lower than a straight line from neck to sleeve head; full sleeve heads."""
    points, normals, tip = shell.points.copy(), shell.normals(), keys.wide
    wide, sign = np.abs(points[:, 0]), np.sign(points[:, 0])
    depth = np.clip(np.abs(points[:, 2]) - 0.18, 0, 1)
    line = keys.shoulder - 0.24 * (wide - 0.8) - 0.90 * depth**2
    line = line - 3.2 * np.clip(wide - tip + 0.10, 0, 1) ** 2
    up = smooth(-0.15, 0.45, normals[:, 1]) * smooth(0.72, 0.95, wide)
    up = up * smooth(tip + 0.24, tip + 0.02, wide) * (points[:, 1] > 3.6)
    points[:, 1] += np.maximum(0, line - points[:, 1]) * up
    height = points[:, 1]
    head = smooth(3.1, 4.1, height) * smooth(1.45, 1.75, wide)
    head = head * smooth(0.1, 0.7, np.abs(normals[:, 0]))
    points[:, 0] += sign * head * np.clip(tip + 0.06 - wide, 0, 0.20)
    return eased(points, shell.quads, smooth(3.4, 4.0, height) * smooth(0.9, 1.2, wide), 5)


def _front(points: F64, shell: Shell) -> F64:
    """Return points whose front falls straight from the chest; `shell` is as it was before."""
    ahead = shell.normals()[:, 2]
    wide, height = np.abs(shell.points[:, 0]), points[:, 1]
    share = smooth(0.1, 0.6, ahead) * (1 - shell.arm) * smooth(3.6, 3.0, height)
    plane = 1.47 - 0.16 * (wide / 1.3) ** 2 - 0.05 * np.clip(3 - height, 0, 9)
    out = points.copy()
    fall = np.maximum(0, plane - points[:, 2]) * 0.85 * smooth(1.45, 1.15, wide)
    out[:, 2] += share * fall
    return out


def _folded(points: F64, shell: Shell, strength: float) -> F64:
    """Return points with folds on the sleeves and across the front; `shell` is as before."""
    x, y, z = points.T
    wide, sign, arm = np.abs(shell.points[:, 0]), np.sign(shell.points[:, 0]), shell.arm
    bent = np.exp(-(((y - 1.75) / 0.75) ** 2)) + 0.55 * np.exp(-(((y - 3.45) / 0.45) ** 2)) + 0.30
    at = np.stack([x * 1.1 + y * 0.9 * sign, y * 2.6 - wide * 1.3, z * 1.3], 1)
    sleeves = arm * bent * 0.036 * (0.6 * ridge(at, 11) + 0.4 * ridge(at * 1.9, 12))
    at = np.stack([x * 1.5, y * 1.1 - wide * 0.9, z * 0.8], 1)
    front = (1 - arm) * (0.020 * lattice(at, 21) + 0.014 * ridge(at * 1.7, 22))
    deep = strength * (sleeves + front * smooth(4.3, 3.4, y))
    return np.asarray(points + normals_of(points, shell.quads) * deep[:, None])


def _half_open(keys: Blazer, y: float) -> float:
    """Return half the width of the open front at height `y`."""
    low = keys.closed
    if y > low:
        share = min(max((y - low) / (_GORGE - low), 0), 1.3)
        return -0.01 + 0.64 * math.pow(share, 0.92)
    share = min(max((low - 1.1 - y) / 1.5, 0), 1)
    return -0.01 + 0.30 * math.pow(share, 1.4)


def _open_front(shell: Shell, keys: Blazer, cloth: Any) -> None:
    """Sew the shell without its open front and neck; the edge lies under lapel and collar."""
    middle = shell.points[shell.quads].mean(1)
    kept = shell.quads[~_gone(middle, keys)]
    used, renamed = np.unique(kept, return_inverse=True)
    quads: Ints = np.reshape(renamed, kept.shape)
    solid("jacket", shell.points[used], quads, _THICK, cloth)


def _gone(middle: F64, keys: Blazer) -> NDArray[np.bool_]:
    x, y, z = middle.T
    half = np.array([_half_open(keys, float(height)) for height in y])
    under = smooth(keys.closed, keys.closed + 0.5, y) * (1 - 0.6 * smooth(3.55, 3.9, y))
    front = (np.abs(x) < half + 0.05 * under) & (z > 0.12) & (y > keys.closed)
    angle, radius = np.arctan2(x, z - _AXIS[2]), np.hypot(x, z - _AXIS[2])
    line = 4.80 - 0.45 * np.clip(np.cos(angle), 0, 1) ** 1.5
    return np.asarray(front | ((y > line) & (radius < 0.92)))


def _at(whole: Tree, x: float, y: float, up: float = 0) -> F64:
    """Return the place on the blazer seen from the front at (x, y)."""
    hit = whole.cast((x, y, 6), (0, 0, -1))
    return np.array([x, y, (hit.point[2] if hit else 0.7) + _THICK + up])


def _on(whole: Tree, places: Sequence[Vector], up: float) -> list[F64]:
    """Return the places (x, y, ...) that lie on the blazer, `up` above its shell."""
    hits = [(place, whole.cast((place[0], place[1], 6), (0, 0, -1))) for place in places]
    return [np.array([p[0], p[1], hit.point[2] + up]) for p, hit in hits if hit is not None]


def _seam(points: Sequence[F64], radius: float, material: Any) -> None:
    if len(points) > 10:
        tube("trim", np.array(points), radius, material)


def _lapel(whole: Tree, keys: Blazer, sign: int, cloth: Any, seam: Any) -> None:
    low = keys.closed
    heights = np.linspace(low - 0.05, _GORGE, 9)
    tuck = 0.012 + 0.03 * smooth(3.4, 3.9, heights)
    inner = [
        _at(whole, sign * (_half_open(keys, float(y)) - float(t)), float(y))
        for y, t in zip(heights, tuck, strict=True)
    ]
    edge = ((0.06, low - 0.05), (0.36, 2.10), (0.66, 2.74), (0.92, 3.34), (1.08, 3.78))
    outer = [_at(whole, sign * x, y) for x, y in edge]
    sheet(inner, outer, whole, Lay(0.085, roll=0.05, belly=0.015, thick=0.040), cloth)
    line = even_spline(np.array(outer) * [0.985, 1, 1], 60)
    _seam(_on(whole, list(line), 0.085 + 0.052), 0.0065, seam)


def _collar(whole: Tree, sign: int, cloth: Any) -> None:
    """Lay one half of the collar: from its fold around the neck down to the shoulder."""
    fold = [
        np.array([0, 5.12, -0.56]),
        np.array([sign * 0.46, 5.11, -0.46]),
        np.array([sign * 0.74, 5.02, -0.10]),
        np.array([sign * 0.78, 4.84, 0.34]),
        np.array([sign * 0.69, 4.48, 0.72]),
        _at(whole, sign * 0.555, _GORGE - 0.10, 0.03),
    ]
    fall = [
        np.array([0, 4.76, -0.80]),
        np.array([sign * 0.62, 4.74, -0.70]),
        np.array([sign * 1.04, 4.72, -0.12]),
        np.array([sign * 1.12, 4.58, 0.40]),
        np.array([sign * 1.12, 4.29, 0.70]),
        _at(whole, sign * 0.98, 3.97, 0.02),
    ]
    sheet(fold, fall, whole, Lay(0.10, roll=0.03, belly=0.02, thick=0.04, along=70), cloth)


def _sleeve_seam(whole: Tree, sign: int, seam: Any) -> None:
    steps = np.linspace(0, 1, 60)
    x = sign * (1.70 - 0.24 * np.sin(math.pi * steps * 0.75))
    _seam(_on(whole, list(np.stack([x, 4.48 - 1.35 * steps], 1)), 0.052), 0.010, seam)


def _pocket(whole: Tree, cloth: Any) -> None:
    """Lay the welt of a breast pocket on the subject's left."""
    top = [_at(whole, x, y) for x, y in ((0.72, 3.02), (0.98, 3.06), (1.24, 3.10))]
    low = [_at(whole, x, y) for x, y in ((0.72, 2.89), (0.98, 2.93), (1.24, 2.97))]
    sheet(top, low, whole, Lay(0.062, thick=0.02, across=6, along=24), cloth)


def _buttons(whole: Tree, keys: Blazer) -> None:
    horn = plain("horn", keys.button, Finish(0.35, coat=0.3))
    for y in keys.buttons:
        x, height, z = _at(whole, 0.035, y, 0.03)
        bpy().ops.mesh.primitive_uv_sphere_add(
            segments=28, ring_count=14, radius=0.085, location=(x, -z, height)
        )
        made = bpy().context.object
        made.name, made.scale = "trim", (1, 0.35, 1)
        smooth_faces(made.data)
        made.data.materials.append(horn)
