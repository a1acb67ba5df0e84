"""Blender as a library: meshes, strands, curves and node graphs in a few words.

In:  arrays in the body's axes.   Out: objects in the open scene.

`bpy` is imported when first used, so that everything else of the recipe runs without it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from livehost.avatar.recipe.space import F64, Ints, Vector, to_blender
from livehost.errors import ConfigError

PACKAGE = "bpy==5.0.1"


@cache
def need(module: str) -> Any:
    """Import one of Blender's modules.

    Raises:
        ConfigError: Blender is not installed.
    """
    try:
        importlib.import_module("bpy")  # the others exist only after it
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"Blender is not installed; pip install {PACKAGE} ({error})") from error


def bpy() -> Any:
    """Return Blender."""
    return need("bpy")


def mathutils() -> Any:
    """Return Blender's vectors."""
    return need("mathutils")


def link(name: str, shape: Any) -> Any:
    """Return a new object of `shape` in the scene."""
    made = bpy().data.objects.new(name, shape)
    bpy().context.scene.collection.objects.link(made)
    return made


def plain_mesh(name: str, points: F64, faces: list[list[int]]) -> Any:
    """Return smooth mesh data of `points` (n, 3) in Blender's axes."""
    mesh = bpy().data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces)
    smooth_faces(mesh)
    mesh.update()
    return mesh


def smooth_faces(mesh: Any) -> None:
    """Shade the faces smoothly."""
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))


def mesh_object(
    name: str, points: F64, faces: Ints, material: Any, levels: int = 0
) -> tuple[Any, Ints]:
    """Return an object of those `points` (n, 3) that `faces` (m, 4) use, and their indices.

    Args:
        levels: of subdivision when rendered.
    """
    used, renamed = np.unique(faces, return_inverse=True)
    rows = [[int(n) for n in row] for row in np.reshape(renamed, faces.shape)]
    made = link(name, plain_mesh(name, to_blender(points[used]), rows))
    if levels:
        modifier = made.modifiers.new("subdivide", "SUBSURF")
        modifier.levels, modifier.render_levels = 0, levels
    made.data.materials.append(material)
    return made, used


def set_uv(mesh: Any, corners: F64) -> None:
    """Give each corner of each face its texture coordinate, (corners, 2)."""
    layer = mesh.uv_layers.active or mesh.uv_layers.new(name="UV")
    layer.name = "UV"
    layer.data.foreach_set("uv", corners.astype(np.float32).ravel())


def set_colour(mesh: Any, name: str, colour: F64) -> None:
    """Give each vertex a colour, (n, 4) linear."""
    layer = mesh.attributes.new(name, "FLOAT_COLOR", "POINT")
    layer.data.foreach_set("color", colour.astype(np.float32).ravel())


def move(made: Any, points: F64) -> None:
    """Put the vertices of a mesh at `points` (n, 3)."""
    made.data.vertices.foreach_set("co", to_blender(points).astype(np.float32).ravel())
    made.data.update()


def apply_modifiers(made: Any) -> Any:
    """Give an object the mesh that its modifiers make; return the mesh."""
    graph = bpy().context.evaluated_depsgraph_get()
    graph.update()
    mesh = bpy().data.meshes.new_from_object(made.evaluated_get(graph))
    made.modifiers.clear()
    made.data = mesh
    return mesh


def vertices(mesh: Any) -> F64:
    """Return (n, 3) in Blender's axes."""
    out = np.zeros(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", out)
    return out.reshape(-1, 3).astype(np.float64)


def strand_object(name: str, strands: F64, radius: F64 | float, material: Any) -> Any:
    """Return hair: `strands` (n, k, 3), thinner towards the tip; `radius` is one or (n,)."""
    count, knots, _ = strands.shape
    curves = bpy().data.hair_curves.new(name)
    curves.add_curves([knots] * count)
    curves.position_data.foreach_set("vector", to_blender(strands).astype(np.float32).ravel())
    roots = np.broadcast_to(np.asarray(radius).reshape(-1, 1), (count, 1))
    taper = (np.linspace(1, 0.15, knots)[None] * roots).astype(np.float32)
    layer = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    layer.data.foreach_set("value", taper.ravel())
    curves.materials.append(material)
    return link(name, curves)


def move_strands(made: Any, strands: F64) -> None:
    """Put the knots of hair at `strands` (n, k, 3)."""
    data = made.data
    data.position_data.foreach_set("vector", to_blender(strands).astype(np.float32).ravel())
    data.update_tag()


def tube(name: str, points: F64, radius: float, material: Any, closed: bool = False) -> Any:
    """Return a tube along `points` (n, 3): piping, a trim, a cord."""
    curve = bpy().data.curves.new(name, "CURVE")
    curve.dimensions, curve.bevel_depth, curve.bevel_resolution = "3D", radius, 3
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    places = np.concatenate([to_blender(points), np.ones((len(points), 1))], 1)
    spline.points.foreach_set("co", places.astype(np.float32).ravel())
    spline.use_cyclic_u = closed
    curve.materials.append(material)
    return link(name, curve)


Inputs = Mapping[Any, Any]
"""Values or other nodes' outputs, by the input's name or number."""


class Graph:
    """The nodes of one material.

    Inputs are given by name or number; a value is set, another node's output is linked.
    """

    def __init__(self, name: str) -> None:
        self.material = bpy().data.materials.new(name)
        self.material.use_nodes = True
        self._tree = self.material.node_tree
        self._socket = bpy().types.NodeSocket
        self.shader = self._tree.nodes.get("Principled BSDF")

    def add(self, kind: str, inputs: Inputs | None = None, **settings: Any) -> Any:
        """Return a new node of `kind`, without "ShaderNode"."""
        node = self._tree.nodes.new(f"ShaderNode{kind}")
        for name, value in settings.items():
            setattr(node, name, value)
        self.set(node, inputs or {})
        return node

    def out(self, kind: str, inputs: Inputs | None = None, **settings: Any) -> Any:
        """Return the first output of a new node."""
        return self.add(kind, inputs, **settings).outputs[0]

    def set(self, node: Any, inputs: Inputs) -> None:
        """Set or link inputs of `node`."""
        for name, value in inputs.items():
            if isinstance(value, self._socket):
                self._tree.links.new(value, node.inputs[name])
            else:
                node.inputs[name].default_value = value

    def only(self, shader: Any) -> None:
        """Make `shader` the material's surface and drop the principled one."""
        self._tree.nodes.remove(self.shader)
        output = self._tree.nodes.get("Material Output")
        self._tree.links.new(shader.outputs[0], output.inputs["Surface"])


def rgba(colour: Vector) -> tuple[float, ...]:
    """Return `colour` with alpha 1."""
    return (*colour, 1)
