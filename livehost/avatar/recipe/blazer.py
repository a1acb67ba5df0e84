"""A blazer with notched lapels over a ribbed top, straight or fitted.

In:  a body whose chin is at about 5.22, the parameters, the surface of the skin.   Out: clothes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.blender import bpy, smooth_faces, tube
from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.fabric import Finish, knit, plain, twill
from livehost.avatar.recipe.garment import helper_faces, neck_cutter, normals_of, tree_of
from livehost.avatar.recipe.looks import Blazer, Fitted
from livehost.avatar.recipe.noise import lattice, ridge
from livehost.avatar.recipe.pattern import (
    FITTED,
    STRAIGHT,
    Folds,
    Pattern,
    Point,
    Seam,
    Shoulders,
    Tee,
)
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

_AXIS = np.array([0, 0, 0.10])  # of the neck
_SEAM = {"blazer": Finish(0.8), "fitted": Finish(0.85)}
_BUTTON = {"blazer": Finish(0.35, coat=0.3), "fitted": Finish(0.28, metal=1)}


def put_on_blazer(body: Body, keys: Blazer | Fitted, skin: Tree) -> Tree:
    """Put on top and blazer; return the blazer's shell."""
    cut = FITTED if isinstance(keys, Fitted) else STRAIGHT
    _top(body, keys, cut.tee, skin)
    cloth = twill("jacket", keys.light, keys.dark)
    seam = plain("trim", keys.seam, _SEAM[keys.style])
    faces = helper_faces(body, -0.9, 5.10)
    shell = _tailored(fine_shell(body, faces, cut.off, 3, 3), keys, cut)
    on = _Cloth(Tree(shell.points, shell.quads.tolist()), keys, cut)
    worn = _open_front(shell, on, cloth)
    for sign in (1, -1):
        _lapel(on, sign, cloth, seam)
        _collar(on, sign, cloth)
        _sleeve_seam(on, sign, seam)
        _princess_seam(on, sign, seam)
    front = [(0.0, float(y)) for y in np.linspace(-0.8, keys.closed, 40)]
    on.sew(front, cut.front_seam, seam)
    if cut.pocket:
        _pocket(on, cloth)
    _buttons(on)
    return worn


@dataclass(frozen=True, slots=True)
class _Cloth:
    """The blazer's shell before it is opened, which everything else is laid on."""

    whole: Tree
    keys: Blazer | Fitted
    cut: Pattern

    def at(self, x: float, y: float, up: float = 0) -> F64:
        """Return the place on the blazer seen from the front at (x, y)."""
        hit = self.whole.cast((x, y, 6), (0, 0, -1))
        return np.array([x, y, (hit.point[2] if hit else 0.7) + self.cut.thick + up])

    def sew(self, places: Sequence[Vector], seam: Seam, material: Any) -> None:
        """Sew a seam along those of the `places` (x, y, ...) that lie on the blazer."""
        hits = [(place, self.whole.cast((place[0], place[1], 6), (0, 0, -1))) for place in places]
        on = [np.array([p[0], p[1], hit.point[2] + seam.up]) for p, hit in hits if hit is not None]
        if len(on) > 10:
            tube("trim", np.array(on), seam.radius, material)

    def half_open(self, y: float) -> float:
        """Return half the width of the open front at height `y`."""
        low, (wide, power, hem) = self.keys.closed, self.cut.opening
        if y > low:
            share = min(max((y - low) / (self.cut.gorge - low), 0), 1.3)
            return -0.01 + wide * math.pow(share, power)
        share = min(max((low - 1.1 - y) / 1.5, 0), 1)
        return -0.01 + hem * math.pow(share, 1.4)


def _top_line(keys: Blazer | Fitted, cut: Tee) -> Callable[[float], float]:
    """Return the height of the top's neckline by angle: 0 is the front."""
    side, power, nape = cut.neck

    def line(angle: float) -> float:
        ahead = math.cos(angle)
        return side - keys.scoop * math.pow(max(0.0, ahead), power) + nape * max(0.0, -ahead)

    return line


def _top(body: Body, keys: Blazer | Fitted, cut: Tee, skin: Tree) -> None:
    cloth = knit("inner", keys.inner)
    faces = _trimmed(body, helper_faces(body, -0.6, 5.15), cut.widths)
    shell = fine_shell(body, faces, cut.off, 2, 2)
    line = _top_line(keys, cut)
    cutter = neck_cutter(line, 1.0)
    top = tree_of(solid("inner", shell.points, shell.quads, cut.thick, cloth, [cutter]))
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    rows = np.array([_band(top, skin, float(angle), line, cut) for angle in angles])
    points, quads = ring_band(list(rows.transpose(1, 0, 2)), 9)
    solid("inner", points, quads, cut.band_thick, cloth, levels=1)


def _trimmed(body: Body, faces: Ints, widths: Sequence[Point]) -> Ints:
    """Return the `faces` that are within `widths`: (from this height, half the width)."""
    wide, low = np.abs(body.base[faces][..., 0]).max(1), body.base[faces][..., 1].min(1)
    bound = np.select([low > height for height, _ in widths], [half for _, half in widths])
    return np.asarray(faces[wide < bound])


def _band(top: Tree, skin: Tree, angle: float, line: Callable[[float], float], cut: Tee) -> F64:
    """Return four points (4, 3) across the neckband, from the top up to the neck."""
    way = np.array([math.sin(angle), 0, math.cos(angle)])
    height, up = line(angle), cut.band_up
    low = _radius(top, way, height - 0.03)
    low = 0.8 if low is None else low
    high = _radius(skin, way, height + up[3])
    high = low - 0.08 if high is None else high
    low = min(low, 1.0)
    one, two, three, four = cut.band_out
    radii = (low + one, low + two, (low + min(high + four, low)) / 2 + three, min(high + four, low))
    return np.array(
        [_AXIS + way * r + np.array([0, height + y, 0]) for r, y in zip(radii, up, strict=True)]
    )


def _radius(tree: Tree, way: F64, height: float) -> float | None:
    """Return how far a surface is from the neck's axis, from outside; None if it is not there."""
    hit = tree.cast(_AXIS + 2 * way + np.array([0, height, 0]), -way)
    if hit is None:
        return None
    return math.hypot(hit.point[0], hit.point[2] - _AXIS[2])


def _tailored(shell: Shell, keys: Blazer | Fitted, cut: Pattern) -> Shell:
    """Return a shell with shoulder line, sleeve heads, a shaped front and folds."""
    points = _shoulders(shell, keys, cut.shoulders)
    if isinstance(keys, Fitted):
        points = _waisted(points, shell, keys.waist)
    else:
        points = _falling(points, shell)
    return Shell(_folded(points, shell, keys.folds, cut.folds), shell.quads, shell.arm)


def _shoulders(shell: Shell, keys: Blazer | Fitted, cut: Shoulders) -> F64:
    """Return points no lower than a straight line from neck to sleeve head; full sleeve heads."""
    points, normals, tip = shell.points.copy(), shell.normals(), keys.wide
    wide, sign = np.abs(points[:, 0]), np.sign(points[:, 0])
    depth = np.clip(np.abs(points[:, 2]) - cut.round, 0, 1)
    line = keys.shoulder - cut.slope[0] * (wide - cut.slope[1]) - 0.90 * depth**2
    line = line - cut.end[0] * np.clip(wide - tip + cut.end[1], 0, 1) ** 2
    begin, whole, gone, ends = cut.padded
    up = smooth(-0.15, 0.45, normals[:, 1]) * smooth(begin, whole, wide)
    up = up * smooth(tip + gone, tip + ends, wide) * (points[:, 1] > 3.6)
    points[:, 1] += np.maximum(0, line - points[:, 1]) * up
    height = points[:, 1]
    low, high, near, far = cut.head
    head = smooth(low, high, height) * smooth(near, far, wide)
    head = head * smooth(0.1, 0.7, np.abs(normals[:, 0]))
    reach, most = cut.full
    points[:, 0] += sign * head * np.clip(tip + reach - wide, 0, most)
    near, far, times = cut.ease
    return eased(points, shell.quads, smooth(3.4, 4.0, height) * smooth(near, far, wide), times)


def _falling(points: F64, shell: Shell) -> F64:
    """Return points whose front falls straight from the chest; `shell` is as it was before."""
    ahead = shell.normals()[:, 2]
    wide, height = np.abs(shell.points[:, 0]), points[:, 1]
    share = smooth(0.1, 0.6, ahead) * (1 - shell.arm) * smooth(3.6, 3.0, height)
    plane = 1.47 - 0.16 * (wide / 1.3) ** 2 - 0.05 * np.clip(3 - height, 0, 9)
    out = points.copy()
    fall = np.maximum(0, plane - points[:, 2]) * 0.85 * smooth(1.45, 1.15, wide)
    out[:, 2] += share * fall
    return out


def _waisted(points: F64, shell: Shell, waist: float) -> F64:
    """Return points drawn in at the waist, smooth over the chest and straight between the breasts.

    `shell` is as it was before.
    """
    wide, sign = np.abs(shell.points[:, 0]), np.sign(shell.points[:, 0])
    body, front = 1 - shell.arm, smooth(0.1, 0.6, shell.normals()[:, 2])
    out, height = points.copy(), points[:, 1]
    drawn = np.exp(-(((height - 2.05) / 0.55) ** 2)) * body
    out[:, 0] -= sign * waist * drawn * smooth(0.5, 0.95, wide)
    middle = front * body * smooth(4.1, 3.6, height) * smooth(0.55, 0.25, wide)
    middle = middle * smooth(2.2, 2.7, height)
    chest = front * body * smooth(4.3, 3.8, height)
    return eased(out, shell.quads, 0.8 * middle + 0.25 * chest, 8)


def _folded(points: F64, shell: Shell, strength: float, cut: Folds) -> F64:
    """Return points with folds on the sleeves and across the front; `shell` is as before."""
    x, y, z = points.T
    wide, sign, arm = np.abs(shell.points[:, 0]), np.sign(shell.points[:, 0]), shell.arm
    elbow, spread = cut.elbow
    bent = np.exp(-(((y - elbow) / spread) ** 2)) + 0.55 * np.exp(-(((y - 3.45) / 0.45) ** 2))
    bent = bent + cut.all
    at = np.stack([x * 1.1 + y * 0.9 * sign, y * 2.6 - wide * 1.3, z * 1.3], 1)
    sleeves = arm * bent * cut.sleeve * (0.6 * ridge(at, 11) + 0.4 * ridge(at * 1.9, 12))
    at = np.stack([x * 1.5, y * 1.1 - wide * 0.9, z * 0.8], 1)
    front = (1 - arm) * (cut.front * lattice(at, 21) + cut.crests * ridge(at * 1.7, 22))
    deep = strength * (sleeves + front * smooth(4.3, 3.4, y))
    return np.asarray(points + normals_of(points, shell.quads) * deep[:, None])


def _open_front(shell: Shell, on: _Cloth, cloth: Any) -> Tree:
    """Sew the shell without its open front and neck; the edge lies under lapel and collar.

    Cut along faces: a boolean of this mesh fails now and then.
    """
    middle = shell.points[shell.quads].mean(1)
    kept = shell.quads[~_gone(middle, on)]
    used, renamed = np.unique(kept, return_inverse=True)
    quads: Ints = np.reshape(renamed, kept.shape)
    solid("jacket", shell.points[used], quads, on.cut.thick, cloth)
    return Tree(shell.points[used], quads.tolist())


def _gone(middle: F64, on: _Cloth) -> NDArray[np.bool_]:
    x, y, z = middle.T
    low, (neck, scoop) = on.keys.closed, on.cut.neck
    half = np.array([on.half_open(float(height)) for height in y])
    under = smooth(low, low + 0.5, y) * (1 - 0.6 * smooth(3.55, 3.9, y))
    front = (np.abs(x) < half + 0.05 * under) & (z > 0.12) & (y > low)
    angle, radius = np.arctan2(x, z - _AXIS[2]), np.hypot(x, z - _AXIS[2])
    line = neck - scoop * np.clip(np.cos(angle), 0, 1) ** 1.5
    return np.asarray(front | ((y > line) & (radius < 0.92)))


def _lapel(on: _Cloth, sign: int, cloth: Any, seam: Any) -> None:
    low = on.keys.closed - 0.05
    heights = np.linspace(low, on.cut.gorge, 9)
    tuck = 0.012 + 0.03 * smooth(3.4, 3.9, heights)
    inner = [
        on.at(sign * (on.half_open(float(y)) - float(t)), float(y))
        for y, t in zip(heights, tuck, strict=True)
    ]
    outer = [on.at(sign * x, y) for x, y in ((on.cut.lapel_low, low), *on.cut.lapel)]
    sheet(inner, outer, on.whole, on.cut.lapel_lay, cloth)
    line = even_spline(np.array(outer) * [0.985, 1, 1], 60)
    on.sew(list(line), on.cut.lapel_seam, seam)


def _collar(on: _Cloth, sign: int, cloth: Any) -> None:
    """Lay one half of the collar: from its fold around the neck down to the shoulder."""
    mirror, cut = np.array([sign, 1, 1]), on.cut
    x, below, up = cut.fold_end
    fold = [np.array(place) * mirror for place in cut.fold]
    fold.append(on.at(sign * x, cut.gorge - below, up))
    x, y, up = cut.fall_end
    fall = [np.array(place) * mirror for place in cut.fall]
    fall.append(on.at(sign * x, y, up))
    sheet(fold, fall, on.whole, cut.collar_lay, cloth)


def _sleeve_seam(on: _Cloth, sign: int, seam: Any) -> None:
    steps, (wide, inward, top, long) = np.linspace(0, 1, 60), on.cut.sleeve
    x = sign * (wide - inward * np.sin(math.pi * steps * 0.75))
    on.sew(list(np.stack([x, top - long * steps], 1)), on.cut.sleeve_seam, seam)


def _princess_seam(on: _Cloth, sign: int, seam: Any) -> None:
    if on.cut.princess:
        line = even_spline(np.array(on.cut.princess) * [sign, 1], 80)
        on.sew(list(line), on.cut.princess_seam, seam)


def _pocket(on: _Cloth, cloth: Any) -> None:
    """Lay the welt of a breast pocket on the subject's left."""
    top = [on.at(x, y) for x, y in ((0.72, 3.02), (0.98, 3.06), (1.24, 3.10))]
    low = [on.at(x, y) for x, y in ((0.72, 2.89), (0.98, 2.93), (1.24, 2.97))]
    sheet(top, low, on.whole, Lay(0.062, thick=0.02, across=6, along=24), cloth)


def _buttons(on: _Cloth) -> None:
    material = plain("button", on.keys.button, _BUTTON[on.keys.style])
    for y in on.keys.buttons:
        x, height, z = on.at(0.035, y, 0.03)
        bpy().ops.mesh.primitive_uv_sphere_add(
            segments=28, ring_count=14, radius=on.cut.button, location=(x, -z, height)
        )
        made = bpy().context.object
        made.name, made.scale = "trim", (1, 0.35, 1)
        smooth_faces(made.data)
        made.data.materials.append(material)
