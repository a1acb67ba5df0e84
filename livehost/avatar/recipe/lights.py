"""The lights, some of which reach one thing alone.

In:  a host's [light], objects.   Out: lights in the open scene.
"""

from __future__ import annotations

from typing import Any

from livehost.avatar.recipe.blender import bpy, link, mathutils
from livehost.avatar.recipe.host import Light

_ATTENTION = (0, -0.8, 5.9)  # what most look at, in Blender's axes
_HAIR = ((-5, -5, 8.5), (5.5, -5, 7.5), (0, -9, 3.2))  # the last for the hair beside the neck


def set_lights(keys: Light, eyes: list[Any], mouth: list[Any], hair: list[Any]) -> None:
    """Set key, fills, rims, one for the clothes; a catch light for the eyes, others for parts.

    Args:
        eyes, mouth, hair: what a light of their own reaches alone.
    """
    k = keys.strength
    _area((-4.2, -7.5, 9.4), 3.2, keys.key * k, (1, 0.965, 0.93))
    fill = _area((5.5, -8, 6.8), 6, keys.fill * k, (0.95, 0.97, 1))
    low = _area((0, -8, 2.5), 5, keys.low * k, (1, 0.97, 0.95), (0, -0.5, 5))
    fill.visible_glossy = low.visible_glossy = False
    left, right = keys.rims
    _area((4.5, 5, 9.5), 3, left * k, (1, 0.96, 0.92))
    _area((-5, 5, 8.5), 3, right * k, (0.88, 0.94, 1))
    _area((0, -9, 6), 5, 90 * k, (1, 1, 1), (0, 0, 2.5))
    catch = _area((-3.4, -8, 9.6), 1.3, 420, (1, 1, 1))
    catch.visible_diffuse = catch.visible_transmission = catch.visible_volume_scatter = False
    _only(catch, eyes)
    if keys.mouth:
        lamp = _area((0, -9, 5.2), 2.0, keys.mouth, (1, 0.98, 0.95), (0, -1, 5.6))
        _only(lamp, mouth)
    for place, power in zip(_HAIR, keys.hair, strict=True):
        if power and hair:
            _only(_area(place, 3.0, power, (1, 0.93, 0.85), (0, 0, 5.6)), hair)
    world = bpy().data.worlds.new("world")
    bpy().context.scene.world = world
    world.use_nodes = True
    sky = world.node_tree.nodes["Background"]
    sky.inputs[0].default_value, sky.inputs[1].default_value = (0.07, 0.074, 0.08, 1), 1


def _only(lamp: Any, things: list[Any]) -> None:
    """Let a light reach these `things` alone."""
    reached = bpy().data.collections.new("reached")
    for made in things:
        reached.objects.link(made)
    lamp.light_linking.receiver_collection = reached


def _area(
    place: tuple[float, float, float],
    size: float,
    power: float,
    colour: tuple[float, float, float],
    towards: tuple[float, float, float] = _ATTENTION,
) -> Any:
    """Return a square light that looks `towards`; places in Blender's axes."""
    lamp = bpy().data.lights.new("area", "AREA")
    lamp.size, lamp.energy, lamp.color = size, power, colour
    made = link("area", lamp)
    vector = mathutils().Vector
    made.location = place
    made.rotation_euler = (vector(towards) - vector(place)).to_track_quat("-Z", "Y").to_euler()
    return made
