"""The shipped kind of host: decoded mouth and eyes on a plate that turns with the head.

In:  a `Face` and a quality level.   Out: a `Layer` in frame pixels.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.errors import ConfigError
from livehost.media import BLENDSHAPES, Body, Face, HeadPose, Layer, Quality, Yuv
from livehost.stage.render.band import Band
from livehost.stage.render.ease import Ease, face_at
from livehost.stage.render.part import Moving, Part
from livehost.stage.render.patch import Patch
from livehost.stage.render.rest import awake, closed
from livehost.stage.render.surface import Surface, surface
from livehost.stage.render.texture import Texture, even_down, even_up
from livehost.stage.render.warp import Box, static_row

F32 = NDArray[np.float32]

UNSEEN_HEAD = 0.25
"""Plate pixels that a strip of the head may be off by; H.264 moves blocks in steps of 0.25."""
RAISED = 0.06
"""Of the head's height: what a shrug and a lean lift a shoulder by, at most."""
UNSEEN_CHEST = 0.2
"""Plate pixels that what is below the head may be off by; a breath moves the chest 2.5."""


class DecoderRenderer:
    """Renders one avatar at one frame size; call it from one thread.

    Args:
        mouth: makes another mouth than the avatar's own, given what it is drawn into.

    Raises:
        BackendBroken: a model cannot be loaded, or fails.
        ConfigError: the avatar's framing leaves its mouth or eyes outside the picture.
    """

    name = "decoder"

    def __init__(
        self,
        avatar: Avatar,
        width: int,
        height: int,
        mouth: Callable[[Texture], Moving] | None = None,
    ) -> None:
        if avatar.eyes is None:
            raise ConfigError(f"{avatar.folder}: its manifest has no [eyes]")
        shape = surface(avatar)
        self._texture = Texture(avatar, width, height)
        self._plate = self._texture.layer()
        self._last = self._plate
        self._mouth: Moving = (
            mouth(self._texture)
            if mouth
            else Part(avatar.mouth, Patch(avatar.mouth, self._texture))
        )
        self._eyes: Moving = Part(avatar.eyes, Patch(avatar.eyes, self._texture))
        head, chest, hem = _boxes(shape, self._texture)
        scale = self._texture.view.scale
        self._head = Band(shape, self._texture, head, UNSEEN_HEAD * scale)
        self._chest = Band(shape, self._texture, chest, UNSEEN_CHEST * scale)
        self._hem = Band(shape, self._texture, hem, UNSEEN_CHEST * scale)
        self._leant = 0.0
        self._silent = avatar.visemes["sil"]
        self._ease = Ease()
        self._held: F32 | None = None
        self._level = Quality.FULL

    @property
    def provider(self) -> str:
        """Where the mouth is decoded now."""
        return self._mouth.decoder.provider

    @property
    def trouble(self) -> str:
        """Why an accelerator is not used, "" when nothing is wrong."""
        return self._mouth.decoder.trouble or self._eyes.decoder.trouble

    @property
    def losses(self) -> int:
        """Times that an accelerator failed on air."""
        return self._mouth.decoder.losses + self._eyes.decoder.losses

    @property
    def shown(self) -> Face:
        """What is shown, for the renderer that comes after this one."""
        shapes = np.zeros(len(BLENDSHAPES), np.float32)
        for part in (self._mouth, self._eyes):
            part.shown(shapes)
        return face_at(shapes, self._ease.at)

    def begin(self, shown: Face) -> None:
        """Start from what another renderer showed last. Raises BackendBroken."""
        self._ease = Ease()
        self.render(shown, Quality.FULL)
        self._change(Quality.HOLD, Quality.FULL)

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return the presenter at `face`, as well as `quality` lets.

        The planes are never written again; a level that holds them returns the same ones. What a
        change of level sends elsewhere glides there: nothing jumps. Before a part of her is held
        she closes her mouth and opens her eyes.

        Raises:
            BackendBroken: a model failed.
        """
        before, self._level = self._level, quality
        if quality is Quality.PLATE:
            self._last = self._still()
            return self._last
        shapes = np.clip(np.nan_to_num(face.shapes), 0, 1).astype(np.float32)
        if quality is not before:
            self._change(before, quality)
        if quality is Quality.FULL:
            self._last = self._full(shapes, face)
            return self._last
        self._ease.hold()
        if quality is Quality.HOLD:
            self._last = self._hold(shapes)
        else:
            half = quality is Quality.MOUTH_HALF
            self._last = self._face(awake(shapes), eyes=self._eyes.gliding > 0, half=half)
        return self._last

    def _change(self, before: Quality, quality: Quality) -> None:
        """Have what the level stops or starts to move glide."""
        self._held = None
        if Quality.FULL in (before, quality):
            self._eyes.glide()
            self._ease.hold()
        if Quality.HOLD in (before, quality):
            self._mouth.glide()

    def _hold(self, shapes: F32) -> Layer:
        """Shut the mouth, then do nothing at all."""
        if self._last is self._plate:
            return self._last
        if self._held is None:
            self._held = awake(closed(shapes, self._silent))
        if not (self._mouth.gliding or self._eyes.gliding):
            return self._last
        return self._face(self._held, eyes=self._eyes.gliding > 0)

    def _full(self, shapes: F32, face: Face) -> Layer:
        changed = [part for part in (self._mouth, self._eyes) if part.draw(shapes)]
        return self._drawn(changed, moved=self._follow(face.pose, face.body))

    def _face(self, shapes: F32, *, eyes: bool, half: bool = False) -> Layer:
        """Draw the mouth, and the eyes if asked to, on a head that stays."""
        mouth = self._mouth
        changed = [mouth] if (mouth.draw_half(shapes) if half else mouth.draw(shapes)) else []
        if eyes and self._eyes.draw(shapes):
            changed.append(self._eyes)
        return self._drawn(changed, moved=False)

    def _drawn(self, changed: list[Moving], *, moved: bool) -> Layer:
        """Return the last layer with what changed drawn again, or itself if nothing did."""
        if not (changed or moved):
            return self._last
        layer, reach = _copy(self._last), even_up(self._head.reach)
        below = self._below(layer) if moved else []
        touched = [*below, *(_grown(part.box, reach) for part in changed)]
        head = self._head.draw(self._texture, layer, touched)
        planes = layer.picture, layer.alpha, layer.alpha_uv, layer.left, layer.top
        return Layer(*planes, weakref.ref(self._last), (*head, *below))

    def _below(self, layer: Layer) -> list[Box]:
        """Draw what moved below the head."""
        chest, hem = (band.draw(self._texture, layer) for band in (self._chest, self._hem))
        return [*chest, *hem]

    def _follow(self, pose: HeadPose, body: Body) -> bool:
        """Move head and body; after a hold they come back by and by."""
        at, does = self._ease.follow(pose, body)
        moved = [self._head.follow(at, does), self._chest.follow(at, does)]
        if does.lean != self._leant:  # nothing else moves what is below the chest
            self._leant = does.lean
            moved.append(self._hem.follow(HeadPose(), Body(lean=does.lean)))
        return any(moved)

    def _still(self) -> Layer:
        """Go back to the plate; what comes after starts from there."""
        if self._last is not self._plate:
            self._mouth.clear()
            self._eyes.clear()
            self._head.rest()
            self._chest.rest()
            self._hem.rest()
            self._leant = 0.0
        self._ease.put(HeadPose(), Body())
        return self._plate


def _boxes(shape: Surface, texture: Texture) -> tuple[Box, Box, Box]:
    """Return the boxes of the texture that the head moves, a breath moves, only leaning moves."""
    view, (_, _, wide, high) = texture.view, texture.box

    def inside(x: float, y: float) -> tuple[int, int]:
        column, row = even_up((x - view.x) * view.scale), even_up((y - view.y) * view.scale)
        return min(max(0, column), wide), min(max(0, row), high)

    left, top = inside(*shape.head[:2])
    right, bottom = inside(*shape.head[2:])
    static = inside(0, static_row(shape))[1]
    # Beside the head nothing is opaque above the shoulders, unless a background was kept.
    beside = np.ones(wide, bool)
    beside[left:right] = False
    rows = np.flatnonzero(texture.alpha[:, beside].any(axis=1))
    first = int(rows[0]) if len(rows) else bottom
    if shape.shoulders is not None:
        first = inside(0, shape.shoulders)[1]
    shoulders = even_down(max(0, first - RAISED * shape.head_pixels * view.scale))
    shoulders = min(shoulders, bottom, max(0, static - 2))
    head = left, top, right - left, bottom - top
    return head, (0, shoulders, wide, static - shoulders), (0, static, wide, high - static)


def _copy(layer: Layer) -> Layer:
    picture = Yuv(layer.picture.y.copy(), layer.picture.u.copy(), layer.picture.v.copy())
    return Layer(picture, layer.alpha.copy(), layer.alpha_uv.copy(), layer.left, layer.top)


def _grown(box: Box, by: int) -> Box:
    left, top, width, height = box
    return left - by, top - by, width + 2 * by, height + 2 * by
