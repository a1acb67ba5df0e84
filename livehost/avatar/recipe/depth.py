"""How far each pixel of the plate is, and how much of it turns with the head.

In:  a scene at rest.   Out: a file of arrays at half the plate's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.blender import bpy
from livehost.avatar.recipe.camera import PlateCamera
from livehost.avatar.recipe.host import PLATE, Neck
from livehost.avatar.recipe.scene import Scene
from livehost.avatar.recipe.space import F64
from livehost.avatar.recipe.surface import Tree

STEP = 2
"""Plate pixels from one ray to the next."""
SKIN, TOP, OUTFIT, FACE, HAIR = 1, 2, 3, 4, 5
"""Labels of what a pixel shows; 0 is background."""
_LABELS = {"body": SKIN, "inner": TOP}
_LABELS |= dict.fromkeys(("eye_l", "eye_r", "tu", "tl", "gu", "gl", "tongue"), FACE)
_ALONG = 120  # points of a strand that are looked at
_AT_ONCE = 4_000  # strands


@dataclass(slots=True)
class DepthMap:
    """Half-size maps (960, 540).

    Attributes:
        depth: distance along the camera's axis; inf is background.
        height: of the visible point, in the body's axes; nan is background.
        label: what it is.
    """

    depth: NDArray[np.float32]
    height: NDArray[np.float32]
    label: NDArray[np.uint8]


def empty_map() -> DepthMap:
    """Return a map of nothing but background."""
    size = (PLATE[1] // STEP, PLATE[0] // STEP)
    depth, height = np.full(size, np.inf, np.float32), np.full(size, np.nan, np.float32)
    return DepthMap(depth, height, np.zeros(size, np.uint8))


def measure_depth(scene: Scene, path: Path) -> None:
    """Write depth, label and head weight of what `scene` shows at rest to `path` (npz)."""
    found = empty_map()
    _cast(scene, found)
    if scene.hairdo is not None:
        for strands in (scene.hairdo.strands, scene.hairdo.baby):
            for start in range(0, len(strands), _AT_ONCE):
                points = along(strands[start : start + _AT_ONCE], _ALONG)
                splat(found, points.reshape(-1, 3), scene.camera, HAIR)
    weight = head_weight(found.height, scene.body.host.neck)
    part = path.with_name(f".{path.name}")
    with part.open("wb") as file:
        np.savez_compressed(file, depth=found.depth, label=found.label, weight=weight)
    part.replace(path)


def head_weight(height: NDArray[np.float32], neck: Neck) -> NDArray[np.float32]:
    """Return 0..1: how much a point at this height turns with the head; 0 for nan."""
    share = np.clip((height - neck.low) / neck.height, 0, 1)
    weight = np.nan_to_num(share * share * (3 - 2 * share))
    return np.asarray(weight, np.float32)


def along(strands: F64, count: int) -> F64:
    """Return (n, count, 3) evenly spaced points of strands (n, k, 3)."""
    at = np.linspace(0, strands.shape[1] - 1, count)
    first = np.clip(at.astype(int), 0, strands.shape[1] - 2)
    share = (at - first)[None, :, None]
    return np.asarray(strands[:, first] * (1 - share) + strands[:, first + 1] * share)


def splat(found: DepthMap, points: F64, camera: PlateCamera, label: int) -> None:
    """Enter `points` (n, 3) where they are nearer than what is there."""
    pixels = camera.project(points)
    x, y = (pixels[:, :2] / STEP).astype(int).T
    rows, columns = found.depth.shape
    seen = np.flatnonzero((x >= 0) & (x < columns) & (y >= 0) & (y < rows))
    seen = seen[np.argsort(-pixels[seen, 2])]  # the nearest is written last
    seen = seen[pixels[seen, 2] < found.depth[y[seen], x[seen]]]
    at = y[seen], x[seen]
    found.depth[at] = pixels[seen, 2]
    found.height[at] = points[seen, 1]
    found.label[at] = label


def _cast(scene: Scene, found: DepthMap) -> None:
    """Enter the first hit of a ray through every pixel."""
    tree, labels = _everything()
    camera = scene.camera
    lens = (0.0, camera.height, camera.z)
    rows, columns = found.depth.shape
    for row in range(rows):
        for column in range(columns):
            way = camera.direction((column + 0.5) * STEP, (row + 0.5) * STEP)
            hit = tree.cast(lens, way)
            if hit is not None:
                found.depth[row, column] = camera.z - hit.point[2]
                found.height[row, column] = hit.point[1]
                found.label[row, column] = labels[hit.face]


def _everything() -> tuple[Tree, list[int]]:
    """Return one tree of all that is rendered, and the label of each of its faces."""
    made = [one for one in bpy().context.scene.objects if one.type == "MESH"]
    made = [one for one in made if not one.hide_render]
    for one in made:
        for modifier in one.modifiers:
            if modifier.type == "SUBSURF":
                modifier.levels = modifier.render_levels
    graph = bpy().context.evaluated_depsgraph_get()
    graph.update()
    points: list[F64] = []
    faces: list[list[int]] = []
    labels: list[int] = []
    for one in made:
        places, rows = _mesh(one.evaluated_get(graph))
        start = sum(map(len, points))
        points.append(places)
        faces += [[start + n for n in row] for row in rows]
        labels += [_label(one.name)] * len(rows)
    return Tree(np.concatenate(points), faces), labels


def _mesh(evaluated: Any) -> tuple[F64, list[list[int]]]:
    """Return points in the body's axes, and faces."""
    mesh = evaluated.to_mesh()
    flat = np.zeros(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    world = np.array(evaluated.matrix_world)
    places = flat.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
    rows = [list(face.vertices) for face in mesh.polygons]
    evaluated.to_mesh_clear()
    return np.stack([places[:, 0], places[:, 2], -places[:, 1]], 1), rows


def _label(name: str) -> int:
    stem = name.split(".", maxsplit=1)[0]
    return _LABELS.get(stem, OUTFIT)
