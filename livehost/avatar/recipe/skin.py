"""The material of the skin: tone, lips, the inside of the mouth, pores.

In:  a host's [skin], textures of the CC0 data (masks only).   Out: a Blender material.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from livehost.avatar.recipe.blender import Graph, bpy, rgba
from livehost.avatar.recipe.host import Mottle, Skin

_MOUTH = (0.26, 0.05, 0.045)  # inside
_STUBBLE = (0.115, 0.095, 0.085)


def skin_material(keys: Skin, data: Path) -> Any:
    """Return the material; it reads vertex colours "skin" and "oil" (see `paint_skin`)."""
    graph = Graph("skin")
    uv = graph.add("UVMap", uv_map="UV").outputs[0]
    lips = _mask(graph, data / "mpfb2/textures/mpfb_lips.jpg", uv)
    surface = graph.add("Attribute", attribute_name="oil").outputs["Color"]
    oil, scalp, beard = graph.add("SeparateColor", {0: surface}).outputs
    tone = _tone(graph, uv, keys.mottle)
    if keys.stubble:
        tone = _stubble(graph, keys, uv, beard, tone)
    colour = _inside(graph, data, uv, _lips(graph, keys, lips, tone))
    rough = _noise(graph, uv, 180, 3, 0.40, 0.56)
    rough = graph.out("Math", {0: oil, 1: -0.12, 2: rough}, operation="MULTIPLY_ADD")
    graph.set(
        graph.shader,
        {
            "Base Color": colour,
            "Subsurface Weight": keys.subsurface,
            "Subsurface Radius": (1, 0.34, 0.18),
            "Subsurface Scale": 0.022,
            "Roughness": graph.out("Mix", {0: lips, 2: rough, 3: 0.33}),
            "Specular IOR Level": graph.out(
                "Math", {0: scalp, 1: -0.42, 2: 0.42}, operation="MULTIPLY_ADD"
            ),
            "Normal": _relief(graph, keys, uv, lips),
        },
    )
    return graph.material


def _mask(graph: Graph, path: Path, uv: Any) -> Any:
    """Return the brightness of a texture."""
    picture = bpy().data.images.load(str(path))
    picture.colorspace_settings.name = "Non-Color"
    node = graph.add("TexImage", {0: uv})
    node.image = picture
    return node.outputs[0]


def _noise(graph: Graph, uv: Any, scale: float, detail: float, low: float, high: float) -> Any:
    """Return noise between about `low` and `high`."""
    noise: dict[Any, Any] = {"Scale": scale, "Detail": detail, "Roughness": 0.55, "Vector": uv}
    bounds: dict[Any, Any] = {"From Min": 0.3, "From Max": 0.7, "To Min": low, "To Max": high}
    return graph.out("MapRange", {0: graph.out("TexNoise", noise), **bounds})


def _tone(graph: Graph, uv: Any, keys: Mottle) -> Any:
    """Return the painted colour, a little uneven in hue, saturation and brightness."""
    painted = graph.add("Attribute", attribute_name="skin").outputs["Color"]
    less, more = keys.saturation
    patches, saturation, hue = keys.detail
    coarse = _noise(graph, uv, 30, patches, 1 - keys.patches, 1 + keys.patches)
    fine = _noise(graph, uv, 260, 3, 1 - keys.grain, 1 + keys.grain)
    bright = graph.out("Math", {0: coarse, 1: fine}, operation="MULTIPLY")
    return graph.out(
        "HueSaturation",
        {
            "Color": painted,
            "Hue": _noise(graph, uv, 22, hue, 0.5 - keys.hue, 0.5 + keys.hue),
            "Saturation": _noise(graph, uv, 75, saturation, 1 - less, 1 + more),
            "Value": bright,
        },
    )


def _stubble(graph: Graph, keys: Skin, uv: Any, beard: Any, colour: Any) -> Any:
    """Return `colour` with the shadow of a shaven beard, in fine dots."""
    dots = graph.out(
        "Math", {0: _noise(graph, uv, 900, 2, 0.35, 1.0), 1: beard}, operation="MULTIPLY"
    )
    share = graph.out("Math", {0: dots, 1: keys.stubble}, operation="MULTIPLY")
    mixed = graph.add("Mix", {0: share, 6: colour, 7: rgba(_STUBBLE)}, data_type="RGBA")
    return mixed.outputs[2]


def _lips(graph: Graph, keys: Skin, mask: Any, colour: Any) -> Any:
    share = graph.out("Math", {0: mask, 1: keys.lip_strength}, operation="MULTIPLY")
    mixed = graph.add("Mix", {0: share, 6: colour, 7: rgba(keys.lips)}, data_type="RGBA")
    return mixed.outputs[2]


def _inside(graph: Graph, data: Path, uv: Any, colour: Any) -> Any:
    mask = _mask(graph, data / "mpfb2/textures/mpfb_inside-mouth.jpg", uv)
    mixed = graph.add("Mix", {0: mask, 6: colour, 7: rgba(_MOUTH)}, data_type="RGBA")
    return mixed.outputs[2]


def _relief(graph: Graph, keys: Skin, uv: Any, lips: Any) -> Any:
    """Return the normal: pores and unevenness on the skin, upright creases on the lips."""
    pores = graph.add("TexVoronoi", {"Scale": 650, "Vector": uv}).outputs["Distance"]
    uneven = graph.out("TexNoise", {"Scale": 170, "Detail": 4, "Vector": uv})
    skin = graph.out("Math", {0: uneven, 1: 1.4, 2: pores}, operation="MULTIPLY_ADD")
    stretched = graph.out("Mapping", {"Scale": (900, 70, 1), 0: uv})
    creases = graph.out("TexNoise", {"Scale": 1, "Detail": 2, "Vector": stretched})
    creases = graph.out("Math", {0: creases, 1: 1.6}, operation="MULTIPLY")
    height = graph.out("Mix", {0: lips, 2: skin, 3: creases})
    return graph.out("Bump", {"Strength": keys.relief, "Distance": 0.01, "Height": height})
