"""The scene: a host with everything on, in the light, before the camera.

In:  a body.   Out: an open Blender scene that shows any face and any turn of the head.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from livehost.avatar.recipe.blender import (
    bpy,
    link,
    mesh_object,
    move,
    move_strands,
    set_colour,
    set_uv,
    strand_object,
)
from livehost.avatar.recipe.body import Body, Coefs, Turn
from livehost.avatar.recipe.brows import BrowStrands, LashRoots, brow_strands, lash_roots
from livehost.avatar.recipe.camera import DISTANCE, PLANE, PlateCamera, plate_camera
from livehost.avatar.recipe.complexion import paint_skin
from livehost.avatar.recipe.eyes import Eyeball, make_eyes, place_eye
from livehost.avatar.recipe.fabric import Finish, hair_fibre, plain
from livehost.avatar.recipe.hair import Hairdo
from livehost.avatar.recipe.hairdresser import grow_hair
from livehost.avatar.recipe.host import PLATE
from livehost.avatar.recipe.lights import set_lights
from livehost.avatar.recipe.looks import CurtainHair, Fibre
from livehost.avatar.recipe.outfit import dress
from livehost.avatar.recipe.skin import skin_material
from livehost.avatar.recipe.space import F64, Ints
from livehost.avatar.recipe.surface import Tree
from livehost.avatar.recipe.teeth import (
    gathered,
    lip_line,
    make_arch,
    make_gums,
    make_teeth,
    rigid,
)

PARTS = frozenset({"outfit", "hair"})
"""What a scene may be built without: regions of the face are rendered bare."""
_WIDE = 1.35  # half the width of the skin that is rendered; the arms are clothed
_BUST, _FACE = 3.7, 4.3  # heights below which skin is left out, with and without an outfit
_SENSOR = 36.0
_BROW_FIBRE = {"melanin", "redness", "roughness", "variety"}
_LASH = Fibre(melanin=0.98, redness=0.3, variety=0.25, roughness=0.28)


@dataclass(frozen=True, slots=True)
class Bite:
    """Teeth or gums of one jaw."""

    made: Any
    upper: bool
    points: F64


class Scene:
    """A host in Blender.

    Attributes:
        scene: Blender's.
        camera: of the plate.
        hairdo: the hair, None without.
    """

    def __init__(self, body: Body, parts: Collection[str] = PARTS) -> None:
        bpy().ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy().context.scene
        self.body, self.camera = body, plate_camera(body)
        self._surface = Tree(body.base, body.skin.corners.tolist())
        self._lashes: LashRoots = lash_roots(body)
        self._brows: BrowStrands = brow_strands(body, self._surface)
        self._skin, self._skin_rows = self._make_skin(_BUST if "outfit" in parts else _FACE)
        self._eyes: list[Eyeball] = make_eyes(body)
        self._bites, self._tongue, self._tongue_rows = self._make_mouth()
        self._brow, self._lash = self._make_brows()
        cloth = dress(body, self._surface) if "outfit" in parts else None
        self.hairdo: Hairdo | None = None
        self._hair: list[tuple[Any, F64]] = self._make_hair(cloth) if "hair" in parts else []
        self._light()
        _place_camera(self.camera)
        self._turned = False
        self.show({})

    def show(self, coefs: Coefs, turn: Turn | None = None) -> None:
        """Show these blendshapes (0..1) and this turn of the head."""
        body, turn = self.body, turn or self.body.turn()
        face = body.face(coefs)
        turned, moved = turn.bend(face), face - body.base
        move(self._skin, turned[self._skin_rows])
        for eye in self._eyes:
            place_eye(eye, body, coefs, turn)
        self._bite(face, coefs, turn)
        move(self._tongue, turned[self._tongue_rows])
        brows = self._brows.follow(body.skin.corners, moved)
        move_strands(self._brow, turn.bend(brows))
        move_strands(self._lash, turn.bend(self._lashes.follow(moved)))
        if self._turned or not turn.still:
            for made, strands in self._hair:
                move_strands(made, turn.bend(strands))
        self._turned = not turn.still

    def hide_face(self) -> None:
        """Leave only hair and outfit to be rendered."""
        face = [self._skin, self._tongue, self._brow, self._lash]
        face += [eye.made for eye in self._eyes] + [bite.made for bite in self._bites]
        for made in face:
            made.hide_render = True

    def _make_skin(self, low: float) -> tuple[Any, Ints]:
        body = self.body
        corners, uv = body.skin.corners, body.skin.uv
        places = body.base[corners]
        kept = places[..., 1].mean(1) > low
        kept &= np.abs(places[..., 0]).mean(1) < _WIDE
        material = skin_material(body.host.skin, body.data.folder)
        made, rows = mesh_object("body", body.base, corners[kept], material, levels=2)
        set_uv(made.data, body.data.uv[uv[kept]].reshape(-1, 2))
        colour, surface = paint_skin(body, self._lashes)
        set_colour(made.data, "skin", colour[rows])
        set_colour(made.data, "oil", surface[rows])
        return made, rows

    def _make_mouth(self) -> tuple[list[Bite], Any, Ints]:
        body = self.body
        keys = body.host.teeth
        enamel = Finish(0.22, 0.35, depth=0.012, coat=0.25, glow=keys.glow)
        tooth = plain("teeth", keys.colour, enamel)
        gum = plain("gum", (0.42, 0.13, 0.12), Finish(0.35, 0.6, depth=0.02, coat=0.3))
        lips = lip_line(body, self._surface)
        bites = []
        for upper in (True, False):
            arch, end = make_arch(body, upper, lips), "u" if upper else "l"
            teeth, gums = make_teeth(arch), make_gums(arch)
            made, _ = mesh_object(f"t{end}", teeth.points, teeth.faces, tooth)
            bites.append(Bite(made, upper, teeth.points))
            made, _ = mesh_object(f"g{end}", gums.points, gums.faces, gum, levels=1)
            bites.append(Bite(made, upper, gums.points))
        wet = Finish(0.42, 0.7, depth=0.03, coat=0.15, bumps=0.35, bump_size=55)
        faces = body.data.groups["helper-tongue"].corners
        tongue = plain("tongue", (0.60, 0.20, 0.19), wet)
        return bites, *mesh_object("tongue", body.base, faces, tongue, levels=2)

    def _make_brows(self) -> tuple[Any, Any]:
        host = self.body.host
        fibre = Fibre(**host.brows.model_dump(include=_BROW_FIBRE))
        brow = hair_fibre("browm", fibre)
        brow = strand_object("brow", self._brows.strands, host.brows.radius, brow)
        lash = hair_fibre("lashm", _LASH)
        return brow, strand_object("lash", self._lashes.strands, host.lashes.radius, lash)

    def _make_hair(self, cloth: Tree | None) -> list[tuple[Any, F64]]:
        host = self.body.host
        random = np.random.default_rng(host.seed)
        self.hairdo = hairdo = grow_hair(self.body, self._surface, random, cloth)
        if hairdo is None:
            return []
        keys, strands, radius = host.hair, hairdo.strands, hairdo.radius
        if radius is None:
            radius = random.uniform(*keys.thick, len(strands))
        fibre = hair_fibre("hairm", keys.fibre)
        shades = [(np.ones(len(strands), bool), fibre)]
        if isinstance(keys, CurtainHair) and hairdo.light is not None:
            light = hair_fibre("hairl", keys.light)
            shades = [(~hairdo.light, fibre), (hairdo.light, light)]
        out = [
            (strand_object("hair", strands[which], radius[which], shade), strands[which])
            for which, shade in shades
        ]
        thin = random.uniform(*keys.thin, len(hairdo.baby))
        out.append((strand_object("baby", hairdo.baby, thin, fibre), hairdo.baby))
        return out

    def _light(self) -> None:
        eyes, inside = [eye.made for eye in self._eyes], [bite.made for bite in self._bites]
        keys = self.body.host.light
        set_lights(keys, eyes, [*inside, self._tongue], [made for made, _ in self._hair])

    def _bite(self, face: F64, coefs: Coefs, turn: Turn) -> None:
        """Move the teeth: the lower jaw as its helper moves, the upper with the skull."""
        body, keys = self.body, self.body.host.teeth
        jaw = body.members("helper-lower-teeth")
        centre, rotation, moved = rigid(body.base[jaw], face[jaw])
        for bite in self._bites:
            points = gathered(bite.points, coefs, keys)
            if not bite.upper:
                points = (points - centre) @ rotation + moved
            move(bite.made, turn.rigid(points))


def _place_camera(camera: PlateCamera) -> None:
    lens = bpy().data.cameras.new("camera")
    made = link("camera", lens)
    bpy().context.scene.camera = made
    made.location = (0, -(DISTANCE + PLANE), camera.height)
    made.rotation_euler = (math.pi / 2, 0, 0)
    shown = PLATE[1] / camera.px
    lens.clip_end = 100
    lens.sensor_fit, lens.sensor_height = "VERTICAL", _SENSOR
    lens.lens = _SENSOR * DISTANCE / shown
    lens.shift_y = (camera.middle - camera.height) / shown
