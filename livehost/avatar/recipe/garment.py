"""Tailoring: a shell around the body, cut open, with edges.

In:  faces of the mesh's clothes helper, how far the cloth stands off.   Out: Blender objects.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from livehost.avatar.recipe.blender import (
    apply_modifiers,
    bpy,
    link,
    need,
    plain_mesh,
    smooth_faces,
    tube,
    vertices,
)
from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.space import F64, Ints, to_blender
from livehost.avatar.recipe.surface import Tree

Shaping = Callable[[F64, F64], F64]
"""Takes points and normals (n, 3) of a shell, returns points."""
_ROUND = 64  # corners of a round cutter


@dataclass(frozen=True, slots=True)
class Cut:
    """A pattern.

    Attributes:
        off: how far the cloth is from the body.
        thick: of the cloth.
        relaxed: how often the shell is smoothed, so that it does not show every muscle.
        cutters: objects that are taken away from it.
        shape: a last touch on the points of the shell.
    """

    off: float
    thick: float
    relaxed: int
    cutters: Sequence[Any] = ()
    shape: Shaping = field(default=lambda points, _: points)


def helper_faces(body: Body, low: float, high: float) -> Ints:
    """Return the faces (n, 4) of the clothes helper between two heights."""
    faces = body.data.groups["helper-tights"].corners
    heights = body.base[faces][..., 1]
    return np.asarray(faces[(heights.min(1) > low) & (heights.max(1) < high)])


def sew(name: str, body: Body, faces: Ints, cut: Cut, material: Any) -> Any:
    """Return a garment over those `faces`, modifiers applied."""
    used, renamed = np.unique(faces, return_inverse=True)
    quads: Ints = np.reshape(renamed, faces.shape)
    points = relaxed(body.base[used], quads, cut.relaxed)
    normals = normals_of(points, quads)
    points = cut.shape(points + normals * cut.off, normals)
    made = link(name, plain_mesh(name, to_blender(points), quads.tolist()))
    _modify(made, cut)
    mesh = apply_modifiers(made)
    mesh.materials.clear()
    mesh.materials.append(material)
    smooth_faces(mesh)
    return made


def _modify(made: Any, cut: Cut) -> None:
    smooth = made.modifiers.new("subdivide", "SUBSURF")
    smooth.levels = smooth.render_levels = 2
    solid = made.modifiers.new("thicken", "SOLIDIFY")
    solid.thickness, solid.offset = cut.thick, 1
    for cutter in cut.cutters:
        away = made.modifiers.new("cut", "BOOLEAN")
        away.operation, away.object, away.solver = "DIFFERENCE", cutter, "EXACT"


def relaxed(points: F64, quads: Ints, times: int) -> F64:
    """Return points moved half-way to the mean of their neighbours, but those at an edge."""
    near = _neighbours(quads, len(points))
    for _ in range(times):
        means = [points[row].mean(0) if len(row) > 3 else points[n] for n, row in enumerate(near)]
        points = 0.5 * points + 0.5 * np.array(means)
    return points


def _neighbours(quads: Ints, count: int) -> list[list[int]]:
    near: list[set[int]] = [set() for _ in range(count)]
    for one, other in zip(quads.ravel(), np.roll(quads, -1, 1).ravel(), strict=True):
        near[one].add(int(other))
        near[other].add(int(one))
    return [list(row) for row in near]


def normals_of(points: F64, quads: Ints) -> F64:
    """Return (n, 3) unit normals by the first three corners of each face."""
    a, b, c = (points[quads[:, n]] for n in range(3))
    out = np.zeros_like(points)
    np.add.at(out, quads, np.cross(b - a, c - a)[:, None])
    return np.asarray(out / (np.linalg.norm(out, axis=1, keepdims=True) + 1e-12))


def tree_of(made: Any) -> Tree:
    """Return the surface of an object without modifiers, in the body's axes."""
    places = vertices(made.data)
    points = np.stack([places[:, 0], places[:, 2], -places[:, 1]], 1)
    return Tree(points, [list(face.vertices) for face in made.data.polygons])


def prism(outline: Sequence[tuple[float, float]], near: float, far: float) -> Any:
    """Return a cutter: an outline (x, y) pulled from depth z `near` to `far`."""
    points = [(x, -z, y) for z in (near, far) for x, y in outline]
    return _cutter(points, len(outline))


def round_cutter(radii: tuple[float, float], z: float, low: float, high: float) -> Any:
    """Return a cutter: an upright elliptic cylinder (a neckline)."""
    angle = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
    ring = [(radii[0] * math.sin(t), -(z + radii[1] * math.cos(t))) for t in angle]
    return _cutter([(x, y, height) for height in (low, high) for x, y in ring], _ROUND)


def neck_cutter(line: Callable[[float], float], radius: float) -> Any:
    """Return a cutter: all above the height `line(angle)` around the neck, 0 in front."""
    n, z = 72, 0.10
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)

    def ring(wide: float, height: Callable[[float], float]) -> list[tuple[float, float, float]]:
        return [(wide * math.sin(t), -(z + wide * math.cos(t)), height(t)) for t in angle]

    points = ring(radius, line) + ring(0.03, line) + ring(radius, lambda _: 6.5)
    around = [(k, (k + 1) % n) for k in range(n)]
    faces = [[a, 2 * n + a, 2 * n + b, b] for a, b in around]
    faces += [[n + a, a, b, n + b] for a, b in around]
    faces += [list(range(n, 2 * n))[::-1], list(range(2 * n, 3 * n))]
    return closed_cutter(points, faces)


def _cutter(points: list[tuple[float, float, float]], count: int) -> Any:
    """Return a cutter whose two ends have `count` corners each."""
    ends = [list(range(count))[::-1], list(range(count, 2 * count))]
    sides = [[n, (n + 1) % count, count + (n + 1) % count, count + n] for n in range(count)]
    return closed_cutter(points, ends + sides)


def closed_cutter(points: list[tuple[float, float, float]], faces: list[list[int]]) -> Any:
    """Return a hidden closed object to cut with; points in Blender's axes."""
    mesh = bpy().data.meshes.new("cut")
    mesh.from_pydata(points, [], faces)
    mesh.update()
    bmesh = need("bmesh")
    work = bmesh.new()
    work.from_mesh(mesh)
    bmesh.ops.triangulate(work, faces=work.faces[:])
    bmesh.ops.recalc_face_normals(work, faces=work.faces[:])
    work.to_mesh(mesh)
    work.free()
    made = link("cut", mesh)
    made.hide_render = True
    return made


def front_of(tree: Tree, x: float, y: float) -> float | None:
    """Return z of the surface seen from the front at (x, y)."""
    hit = tree.cast((x, y, 4), (0, 0, -1))
    return None if hit is None else float(hit.point[2])


def neckline(
    tree: Tree, radii: tuple[float, float], z: float, steps: int
) -> list[tuple[float, F64]]:
    """Return (angle, point) where an ellipse seen from above meets the cloth."""
    out = []
    for angle in np.linspace(0, 2 * np.pi, steps, endpoint=False):
        x, ahead = radii[0] * math.sin(angle), z + radii[1] * math.cos(angle)
        hit = tree.cast((x, 6, ahead), (0, -1, 0))
        if hit is not None:
            out.append((float(angle), np.array([x, hit.point[1], ahead])))
    return out


def trim(name: str, points: Sequence[F64], radius: float, material: Any) -> None:
    """Sew a cord along `points`, if there are enough."""
    if len(points) > 1:
        tube(name, np.array(points), radius, material)


def metal_button(place: F64, radius: float, material: Any) -> None:
    """Put a flat round button at `place`."""
    x, y, z = place
    bpy().ops.mesh.primitive_uv_sphere_add(
        segments=24, ring_count=12, radius=radius, location=(x, -z, y)
    )
    made = bpy().context.object
    made.scale = (1, 0.45, 1)
    smooth_faces(made.data)
    made.data.materials.append(material)
