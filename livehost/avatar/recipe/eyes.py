"""The eyeballs: a painted iris, a cornea that bulges, the way they look.

In:  a host's [eyes], blendshapes.   Out: a picture, Blender objects, rotations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.blender import (
    Graph,
    bpy,
    move,
    set_uv,
    smooth_faces,
    vertices,
)
from livehost.avatar.recipe.body import Body, Coefs, Turn
from livehost.avatar.recipe.host import Eyes
from livehost.avatar.recipe.space import F64, about_x, about_y

YAW = math.radians(30)
"""How far an eye looks to a side at full strength."""
PITCH = math.radians(24)
_SEED = 3
_PICTURE = 1024
_PUPIL = 0.19


@dataclass(frozen=True, slots=True)
class Eyeball:
    """One eye: its object, its side and its vertices (n, 3) about its centre."""

    made: Any
    side: str
    points: F64


def iris_picture(keys: Eyes) -> NDArray[np.float32]:
    """Return (1024, 1024, 4) linear RGBA of the front half of an eyeball, row 0 on top."""
    random = np.random.default_rng(_SEED)
    y, x = (np.mgrid[0:_PICTURE, 0:_PICTURE] + 0.5) / _PICTURE * 2 - 1
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    fade = np.clip(radius - 0.45, 0, 1)[..., None] * np.array([0.10, 0.26, 0.27])
    white = np.array([0.80, 0.765, 0.75]) - fade
    fibres = sum(
        size * np.cos(waves * angle + phase)
        for waves, size, phase in zip(
            random.integers(15, 120, 40),
            random.normal(0, 1, 40),
            random.uniform(0, 6.28, 40),
            strict=True,
        )
    )
    out_to = np.clip(radius / keys.iris, 0, 1)[..., None]
    iris = np.array(keys.inner) * (1 - out_to) + np.array(keys.outer) * out_to
    lit = np.clip(y / keys.iris, -0.3, 1)[..., None] * (out_to > 0.4) * 0.9
    iris = iris * (1 + 0.3 / 6 * fibres[..., None]) * (1 + lit)  # brighter below: the caustic
    iris = iris * (1 - 0.8 * np.clip((out_to - 0.80) / 0.20, 0, 1))
    inside = np.clip((keys.iris - radius) / 0.045, 0, 1)[..., None]
    colour = white * (1 - inside) + np.clip(iris, 0.002, 1) * inside
    colour = colour * (1 - np.clip((_PUPIL - radius) / 0.02, 0, 1)[..., None])
    return np.concatenate([colour, np.ones_like(inside)], 2).astype(np.float32)


def eye_material(keys: Eyes) -> Any:
    """Return the wet, painted material of an eyeball."""
    picture = bpy().data.images.new("eye", _PICTURE, _PICTURE, float_buffer=True)
    picture.pixels.foreach_set(iris_picture(keys)[::-1].ravel())
    picture.pack()
    graph = Graph("eye")
    painted = graph.add("TexImage", extension="EXTEND")
    painted.image = picture
    graph.set(painted, {0: graph.out("UVMap", uv_map="UV")})
    graph.set(
        graph.shader,
        {
            "Base Color": painted.outputs[0],
            "Roughness": 0.3,
            "Coat Weight": 1,
            "Coat Roughness": 0.01,
            "Coat IOR": 1.42,
            "Subsurface Weight": 0.1,
            "Subsurface Scale": 0.01,
        },
    )
    return graph.material


def make_eyes(body: Body) -> list[Eyeball]:
    """Return both eyeballs, at the origin."""
    material = eye_material(body.host.eyes)
    return [_eyeball(side, body.eye_radius, material) for side in "lr"]


def _eyeball(side: str, radius: float, material: Any) -> Eyeball:
    bpy().ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=48, radius=radius)
    made = bpy().context.object
    made.name = f"eye_{side}"
    places = vertices(made.data)
    ahead = -places[:, 1] / radius
    flat = places[:, [0, 2]] / radius
    bulge = np.clip(1 - (np.hypot(*flat.T) / 0.5) ** 2, 0, 1) * (ahead > 0) * 0.09 * radius
    uv = np.where(ahead[:, None] < -0.05, 0.0, flat * 0.5 + 0.5)
    corners = np.zeros(len(made.data.loops), np.int32)
    made.data.loops.foreach_get("vertex_index", corners)
    set_uv(made.data, uv[corners])
    places[:, 1] -= bulge
    smooth_faces(made.data)
    made.data.materials.clear()
    made.data.materials.append(material)
    return Eyeball(made, side, np.stack([places[:, 0], places[:, 2], -places[:, 1]], 1))


def place_eye(eye: Eyeball, body: Body, coefs: Coefs, turn: Turn) -> None:
    """Turn an eyeball the way it looks and move it with the head."""
    name = "Left" if eye.side == "l" else "Right"
    sunk = 0.022 * max(0, coefs.get(f"eyeBlink{name}", 0) - 0.35)  # behind a closing lid
    points = eye.points @ looking(coefs, name).T + body.eyes[eye.side] - np.array([0, 0, sunk])
    move(eye.made, points if turn.still else turn.rigid(points))


def looking(coefs: Coefs, name: str) -> F64:
    """Return the rotation (3, 3) of the eye `name`, "Left" or "Right"."""
    sign = 1 if name == "Left" else -1
    yaw = sign * (coefs.get(f"eyeLookOut{name}", 0) - coefs.get(f"eyeLookIn{name}", 0))
    pitch = coefs.get(f"eyeLookDown{name}", 0) - coefs.get(f"eyeLookUp{name}", 0)
    return about_y(YAW * yaw) @ about_x(PITCH * pitch)
