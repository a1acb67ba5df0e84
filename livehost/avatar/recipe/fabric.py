"""Materials that are neither skin nor eyes: cloth, metal, teeth, hair.

In:  colours and how rough.   Out: Blender materials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from livehost.avatar.recipe.blender import Graph, rgba
from livehost.avatar.recipe.looks import Colour, Fibre

_GLOW = (1, 0.965, 0.90)


@dataclass(frozen=True, slots=True)
class Finish:
    """How a plain surface takes light.

    Attributes:
        subsurface, depth: how much light goes in, and how far.
        coat: how wet it is.
        bumps, bump_size: strength and scale of an uneven surface.
        glow: how much it shines by itself.
    """

    roughness: float = 0.5
    subsurface: float = 0
    depth: float = 0.02
    coat: float = 0
    metal: float = 0
    bumps: float = 0
    bump_size: float = 60
    glow: float = 0


def plain(name: str, colour: Colour, finish: Finish) -> Any:
    """Return a material of one colour."""
    graph = Graph(name)
    graph.set(
        graph.shader,
        {
            "Base Color": rgba(colour),
            "Roughness": finish.roughness,
            "Metallic": finish.metal,
            "Subsurface Weight": finish.subsurface,
            "Subsurface Scale": finish.depth,
            "Coat Weight": finish.coat,
            "Coat Roughness": 0.08,
            "Specular IOR Level": 0.5,
        },
    )
    if finish.glow:
        graph.set(graph.shader, {"Emission Color": rgba(_GLOW), "Emission Strength": finish.glow})
    if finish.bumps:
        place = graph.add("TexCoord").outputs["Object"]
        noise = graph.out("TexNoise", {"Scale": finish.bump_size, "Detail": 3, "Vector": place})
        bump = {"Strength": finish.bumps, "Distance": 0.02, "Height": noise}
        graph.set(graph.shader, {"Normal": graph.out("Bump", bump)})
    return graph.material


def tweed(name: str, light: Colour, dark: Colour) -> Any:
    """Return woven cloth of two threads with large soft folds."""
    graph = Graph(name)
    place = graph.add("TexCoord").outputs["Object"]
    threads = graph.out(
        "Math",
        {0: _thread(graph, place, (0, 0, 0)), 1: _thread(graph, place, (0, math.pi / 2, 0))},
        operation="MAXIMUM",
    )
    fluff = graph.out("TexNoise", {"Scale": 45, "Detail": 4, "Vector": place})
    weave = graph.out("Math", {0: threads, 1: 0.45, 2: fluff}, operation="MULTIPLY_ADD")
    colour = _ramp(graph, weave, (0.45, 0.8), (dark, light))
    folds = graph.out("TexNoise", {"Scale": 1.6, "Detail": 2, "Vector": place})
    folded = graph.out("Bump", {"Strength": 0.35, "Distance": 0.25, "Height": folds})
    woven = {"Strength": 0.5, "Distance": 0.02, "Height": weave, "Normal": folded}
    graph.set(
        graph.shader,
        {
            "Base Color": colour,
            "Normal": graph.out("Bump", woven),
            "Roughness": 0.9,
            "Sheen Weight": 0.25,
            "Specular IOR Level": 0.2,
        },
    )
    return graph.material


def _thread(graph: Graph, place: Any, turn: tuple[float, float, float]) -> Any:
    """Return wavy parallel threads."""
    turned = graph.out("Mapping", {"Rotation": turn, 0: place})
    wave = {"Scale": 14, "Distortion": 2.5, "Detail": 2, "Detail Scale": 3, "Vector": turned}
    return graph.out("TexWave", wave)


def knit(name: str, colour: Colour) -> Any:
    """Return a ribbed knit."""
    graph = Graph(name)
    place = graph.add("TexCoord").outputs["Object"]
    ribs = graph.out(
        "TexWave", {"Scale": 14, "Distortion": 0.6, "Vector": place}, bands_direction="X"
    )
    fluff = graph.out("TexNoise", {"Scale": 60, "Vector": place})
    height = graph.out("Math", {0: fluff, 1: 0.5, 2: ribs}, operation="MULTIPLY_ADD")
    graph.set(
        graph.shader,
        {
            "Base Color": rgba(colour),
            "Roughness": 0.85,
            "Sheen Weight": 0.2,
            "Specular IOR Level": 0.2,
            "Normal": graph.out("Bump", {"Strength": 0.35, "Distance": 0.015, "Height": height}),
        },
    )
    return graph.material


def twill(name: str, light: Colour, dark: Colour) -> Any:
    """Return wool with fine diagonal ribs and flecks."""
    graph = Graph(name)
    place = graph.add("TexCoord").outputs["Object"]
    turned = graph.out("Mapping", {"Rotation": (0, math.radians(38), 0), 0: place})
    wave = {"Scale": 30, "Distortion": 1.2, "Detail": 2, "Detail Scale": 4, "Vector": turned}
    flecks = graph.out("TexNoise", {"Scale": 90, "Detail": 4, "Vector": place})
    weave = {0: graph.out("TexWave", wave), 1: 0.35, 2: flecks}
    height = graph.out("Math", weave, operation="MULTIPLY_ADD")
    graph.set(
        graph.shader,
        {
            "Base Color": _ramp(graph, height, (0.30, 1.0), (dark, light)),
            "Normal": graph.out("Bump", {"Strength": 0.35, "Distance": 0.015, "Height": height}),
            "Roughness": 0.85,
            "Sheen Weight": 0.12,
            "Sheen Roughness": 0.4,
            "Specular IOR Level": 0.25,
        },
    )
    return graph.material


def _ramp(
    graph: Graph, value: Any, positions: tuple[float, float], colours: tuple[Colour, Colour]
) -> Any:
    """Return colours between two by a value."""
    ramp = graph.add("ValToRGB", {0: value})
    elements = ramp.color_ramp.elements
    for element, position, colour in zip(elements, positions, colours, strict=True):
        element.position, element.color = position, rgba(colour)
    return ramp.outputs[0]


def hair_fibre(name: str, fibre: Fibre) -> Any:
    """Return a material for strands."""
    graph = Graph(name)
    shader = graph.add("BsdfHairPrincipled", parametrization="MELANIN")
    graph.set(
        shader,
        {
            "Melanin": fibre.melanin,
            "Melanin Redness": fibre.redness,
            "Roughness": fibre.roughness,
            "Radial Roughness": 0.45,
            "Random Color": fibre.variety,
            "Random Roughness": 0.2,
        },
    )
    graph.only(shader)
    return graph.material
