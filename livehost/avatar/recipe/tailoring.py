"""Finer tailoring: subdivided shells that are shaped, and sheets of cloth laid on them.

In:  faces of the mesh's clothes helper, lines in space.   Out: Blender objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from livehost.avatar.recipe.blender import (
    apply_modifiers,
    bpy,
    link,
    plain_mesh,
    smooth_faces,
    vertices,
)
from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.garment import normals_of, relaxed
from livehost.avatar.recipe.hair import spline
from livehost.avatar.recipe.space import F64, Ints, Vector, to_blender
from livehost.avatar.recipe.surface import Tree

_FINE = 400  # points of a spline before it is spaced evenly
_ACROSS, _ALONG = 14, 60  # points of a sheet


@dataclass(frozen=True, slots=True)
class Shell:
    """A surface: points (n, 3), quads (m, 4), how far each point follows an arm (n,)."""

    points: F64
    quads: Ints
    arm: F64

    def normals(self) -> F64:
        """Return (n, 3)."""
        return normals_of(self.points, self.quads)


def fine_shell(body: Body, faces: Ints, off: float, times: int, levels: int) -> Shell:
    """Return the clothes helper, smoothed `times`, pushed out by `off`, subdivided."""
    used, renamed = np.unique(faces, return_inverse=True)
    quads: Ints = np.reshape(renamed, faces.shape)
    points = relaxed(body.base[used], quads, times)
    points = points + normals_of(points, quads) * off
    mesh = plain_mesh("shell", points, quads.tolist())
    layer = mesh.attributes.new("arm", "FLOAT", "POINT")
    layer.data.foreach_set("value", body.arms[used].astype(np.float32))
    made = link("shell", mesh)
    smooth = made.modifiers.new("subdivide", "SUBSURF")
    smooth.levels = smooth.render_levels = levels
    fine = apply_modifiers(made)
    arm = np.zeros(len(fine.vertices), np.float32)
    fine.attributes["arm"].data.foreach_get("value", arm)
    rows = np.array([list(face.vertices) for face in fine.polygons], np.int64)
    shell = Shell(vertices(fine), rows, arm.astype(np.float64))
    bpy().data.objects.remove(made)
    return shell


def eased(points: F64, quads: Ints, weight: F64, times: int) -> F64:
    """Return points drawn to the mean of their neighbours, each by its `weight` (n,) in 0..1."""
    one, other = quads.ravel(), np.roll(quads, -1, 1).ravel()
    count = np.zeros(len(points))
    np.add.at(count, one, 1)
    np.add.at(count, other, 1)
    for _ in range(times):
        total = np.zeros_like(points)
        np.add.at(total, one, points[other])
        np.add.at(total, other, points[one])
        mean = total / np.maximum(count, 1)[:, None]
        points = points + weight[:, None] * 0.6 * (mean - points)
    return points


def solid(
    name: str,
    points: F64,
    quads: Ints,
    thick: float,
    material: Any,
    cutters: Sequence[Any] = (),
    levels: int = 0,
) -> Any:
    """Return cloth of a thickness, cut, then subdivided `levels` times."""
    made = link(name, plain_mesh(name, to_blender(points), quads.tolist()))
    modifier = made.modifiers.new("thicken", "SOLIDIFY")
    modifier.thickness, modifier.offset = thick, 1
    for cutter in cutters:
        modifier = made.modifiers.new("cut", "BOOLEAN")
        modifier.operation, modifier.object, modifier.solver = "DIFFERENCE", cutter, "EXACT"
    if levels:
        modifier = made.modifiers.new("subdivide", "SUBSURF")
        modifier.levels = modifier.render_levels = levels
    mesh = apply_modifiers(made)
    mesh.materials.clear()
    mesh.materials.append(material)
    smooth_faces(mesh)
    return made


def even_spline(points: Vector | Sequence[Vector], count: int) -> F64:
    """Return `count` points of a smooth curve, the same way apart."""
    fine = spline(np.array(points, np.float64), _FINE)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    at = np.linspace(0, way[-1], count)
    return np.stack([np.interp(at, way, column) for column in fine.T], 1)


@dataclass(frozen=True, slots=True)
class Lay:
    """How a sheet lies on the cloth below.

    Attributes:
        clear: distance from it.
        roll: how much more along the first edge.
        belly: how much more in the middle.
        thick: of the sheet.
        across, along: points.
    """

    clear: float
    roll: float = 0
    belly: float = 0
    thick: float = 0.028
    across: int = _ACROSS
    along: int = _ALONG


def sheet(
    inner: Sequence[Vector], outer: Sequence[Vector], below: Tree, lay: Lay, material: Any
) -> None:
    """Lay cloth between two lines: a lapel, a collar, a pocket."""
    first, second = even_spline(inner, lay.along), even_spline(outer, lay.along)
    share = np.linspace(0, 1, lay.across)
    grid = first[:, None] * (1 - share[:, None]) + second[:, None] * share[:, None]
    points, over = grid.reshape(-1, 3), np.tile(share, lay.along)
    for n, point in enumerate(points):
        hit = below.nearest(point)
        clear = lay.clear + lay.roll * (1 - over[n]) ** 2
        clear += lay.belly * math.sin(math.pi * over[n])
        height = (point - hit.point).dot(hit.normal)
        if -0.6 < height < clear:
            points[n] = point + hit.normal * (clear - height)
    quads = _grid(lay.along, lay.across)
    towards = normals_of(points, quads).mean(0)
    if towards[2] + 0.5 * towards[1] < 0:
        quads = quads[:, ::-1]
    points = eased(points, quads, _loose(over, lay.across), 3)
    solid("jacket", points, quads, lay.thick, material, levels=1)


def _grid(rows: int, columns: int) -> Ints:
    one, two = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    here = one * columns + two
    quads = np.stack([here, here + 1, here + columns + 1, here + columns], -1)
    return quads.reshape(-1, 4).astype(np.int64)


def _loose(over: F64, across: int) -> F64:
    """Return how far each point of a sheet may ease: its edges hold."""
    weight = np.where(over < 0.01, 0.3, np.where(over > 0.99, 0.0, 1.0))
    weight[:across] = weight[-across:] = 0
    return weight


def ring_band(rows: Sequence[F64], smoothness: int) -> tuple[F64, Ints]:
    """Return a closed band through `rows` of points (n, 3), each row smoothed around.

    Args:
        smoothness: waves around the ring that are kept.
    """
    whole = np.stack(rows, 1)  # (n, rows, 3)
    count, wide, _ = whole.shape
    turn = np.minimum(np.arange(count), count - np.arange(count))
    kept = (turn < smoothness)[:, None, None]
    soft = np.real(np.fft.ifft(np.fft.fft(whole, axis=0) * kept, axis=0))
    one, two = np.meshgrid(np.arange(count), np.arange(wide - 1), indexing="ij")
    here, there = one * wide + two, (one + 1) % count * wide + two
    quads = np.stack([here, here + 1, there + 1, there], -1).reshape(-1, 4).astype(np.int64)
    points = soft.reshape(-1, 3)
    outward = normals_of(points, quads) * (points - np.array([0, 0, 0.1]))
    return points, quads if outward.sum() > 0 else quads[:, ::-1]
