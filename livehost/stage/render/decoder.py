"""The shipped kind of host: decoded mouth and eyes on a plate that turns with the head.

In:  a `Face` and a quality level.   Out: a `Layer` in frame pixels.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.media import SHAPE, Face, HeadPose, Layer, Quality, Yuv
from livehost.stage.render.band import Band
from livehost.stage.render.patch import Patch
from livehost.stage.render.rest import awake, closed
from livehost.stage.render.session import Session, accelerators
from livehost.stage.render.surface import Surface, surface
from livehost.stage.render.texture import Texture, even_down, even_up
from livehost.stage.render.warp import Box, static_row

F32 = NDArray[np.float32]

EASE_TICKS = 8
"""Ticks over which the head comes back after it was held."""
UNSEEN_SHAPE = 0.008
"""Change of a blendshape below which a region is not decoded again."""
UNSEEN_HEAD = 0.25
"""Plate pixels that a strip of the head may be off by; H.264 moves blocks in steps of 0.25."""
UNSEEN_CHEST = 0.2
"""Plate pixels that chest and shoulders may be off by; a breath moves them 2.5."""


class _Part:
    """A region, its decoder and what it shows.

    Attributes:
        box: of the region in the texture.
        provider: where its decoder runs.
    """

    def __init__(self, region: Region, texture: Texture) -> None:
        self._session = _session(region)
        self._patch = Patch(region, texture)
        self._indexes = [SHAPE[name] for name in region.coefs]
        self._given: F32 | None = None
        self._decoded: NDArray[Any] | None = None
        self._halfway = False
        self.box = self._patch.box
        self.provider = self._session.provider

    def draw(self, shapes: F32) -> bool:
        """Show `shapes`; return False when that changes nothing that can be seen."""
        decoded = self._decode(shapes)
        if decoded is None:
            return self._settle()
        self._halfway = False
        self._patch.draw(decoded)
        return True

    def draw_half(self, shapes: F32) -> bool:
        """Like `draw`, decoding every second time: first go half the way, then all of it."""
        if self._settle():
            return True
        before, decoded = self._decoded, self._decode(shapes)
        if decoded is None:
            return False
        self._halfway = before is not None
        self._patch.draw(decoded if before is None else _halfway(before, decoded))
        return True

    def clear(self) -> None:
        """Show what the plate has."""
        self._given = self._decoded = None
        self._halfway = False
        self._patch.clear()

    def _decode(self, shapes: F32) -> NDArray[Any] | None:
        """Return the picture of `shapes`, None when the last one will do."""
        wanted = shapes[self._indexes]
        if self._given is not None and np.abs(wanted - self._given).max() < UNSEEN_SHAPE:
            return None
        self._decoded = self._session.run(wanted[None])[0]
        self._given = wanted
        return self._decoded

    def _settle(self) -> bool:
        """Go the second half of the way, if there is one."""
        pending, self._halfway = self._halfway, False
        if pending and self._decoded is not None:
            self._patch.draw(self._decoded)
        return pending


class DecoderRenderer:
    """Renders one avatar at one frame size; call it from one thread.

    Raises:
        BackendBroken: a model cannot be loaded, or fails.
        ConfigError: the avatar's framing leaves its mouth or eyes outside the picture.
    """

    name = "decoder"

    def __init__(self, avatar: Avatar, width: int, height: int) -> None:
        shape = surface(avatar)
        self._texture = Texture(avatar, width, height)
        self._plate = self._texture.layer()
        self._last = self._plate
        self._mouth = _Part(avatar.mouth, self._texture)
        self._eyes = _Part(avatar.eyes, self._texture)
        self.provider = self._mouth.provider
        head, chest = _boxes(shape, self._texture)
        scale = self._texture.view.scale
        self._head = Band(shape, self._texture, head, UNSEEN_HEAD * scale)
        self._chest = Band(shape, self._texture, chest, UNSEEN_CHEST * scale)
        self._silent = avatar.visemes["sil"]
        self._pose, self._breath = HeadPose(), 0.0
        self._ease = 0
        self._level = Quality.FULL

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return the presenter at `face`, as well as `quality` lets.

        The planes are never written again; a level that holds them returns the same ones. Before
        a part of her is held she closes her mouth and opens her eyes.

        Raises:
            BackendBroken: a model failed.
        """
        before, self._level = self._level, quality
        if quality is Quality.PLATE:
            self._last = self._still()
            return self._last
        shapes = np.clip(np.nan_to_num(face.shapes), 0, 1).astype(np.float32)
        if quality is Quality.FULL:
            self._last = self._full(shapes, face)
            return self._last
        self._ease = EASE_TICKS
        if quality is Quality.HOLD:
            if before is not Quality.HOLD and self._last is not self._plate:
                self._last = self._face(awake(closed(shapes, self._silent)), eyes=True)
        else:
            opening = before is Quality.FULL and self._last is not self._plate
            half = quality is Quality.MOUTH_HALF
            self._last = self._face(awake(shapes), eyes=opening, half=half)
        return self._last

    def _full(self, shapes: F32, face: Face) -> Layer:
        changed = [part for part in (self._mouth, self._eyes) if part.draw(shapes)]
        return self._drawn(changed, moved=self._follow(face.pose, face.breath))

    def _face(self, shapes: F32, *, eyes: bool, half: bool = False) -> Layer:
        """Draw the mouth, and the eyes if asked to, on a head that stays."""
        mouth = self._mouth
        changed = [mouth] if (mouth.draw_half(shapes) if half else mouth.draw(shapes)) else []
        if eyes and self._eyes.draw(shapes):
            changed.append(self._eyes)
        return self._drawn(changed, moved=False)

    def _drawn(self, changed: list[_Part], *, moved: bool) -> Layer:
        """Return the last layer with what changed drawn again, or itself if nothing did."""
        if not (changed or moved):
            return self._last
        layer, reach = _copy(self._last), even_up(self._head.reach)
        chest = self._chest.draw(self._texture, layer) if moved else []
        touched = [*chest, *(_grown(part.box, reach) for part in changed)]
        head = self._head.draw(self._texture, layer, touched)
        planes = layer.picture, layer.alpha, layer.alpha_uv, layer.left, layer.top
        return Layer(*planes, weakref.ref(self._last), (*head, *chest))

    def _follow(self, pose: HeadPose, breath: float) -> bool:
        """Move head and chest; after a hold come back within `EASE_TICKS`."""
        share = 1 / max(1, self._ease)
        self._ease = max(0, self._ease - 1)
        self._pose = _towards(self._pose, pose, share)
        self._breath += (_finite(breath) - self._breath) * share
        turned = self._head.follow(self._pose, self._breath)
        return self._chest.follow(self._pose, self._breath) or turned

    def _still(self) -> Layer:
        """Go back to the plate; what comes after starts from there."""
        if self._last is not self._plate:
            self._mouth.clear()
            self._eyes.clear()
            self._pose, self._breath = HeadPose(), 0.0
            self._head.rest()
            self._chest.rest()
        self._ease = EASE_TICKS
        return self._plate


def _session(region: Region) -> Session:
    """Open the decoder that suits the hardware: float32 on an accelerator, 8-bit on a CPU."""
    if accelerators():
        session = Session(region.precise)
        if session.provider != "CPU":
            return session
    return Session(region.model)


def _boxes(shape: Surface, texture: Texture) -> tuple[Box, Box]:
    """Return the boxes of the texture that the head moves, and that a breath moves."""
    view, (_, _, wide, high) = texture.view, texture.box

    def inside(x: float, y: float) -> tuple[int, int]:
        column, row = even_up((x - view.x) * view.scale), even_up((y - view.y) * view.scale)
        return min(max(0, column), wide), min(max(0, row), high)

    left, top = inside(*shape.head[:2])
    right, bottom = inside(*shape.head[2:])
    static = inside(0, static_row(shape))[1]
    # Beside the head nothing is opaque above the shoulders.
    beside = np.ones(wide, bool)
    beside[left:right] = False
    rows = np.flatnonzero(texture.alpha[:, beside].any(axis=1))
    shoulders = even_down(max(0, (int(rows[0]) if len(rows) else bottom) - 8))
    shoulders = min(shoulders, bottom, max(0, static - 2))
    return (left, top, right - left, bottom - top), (0, shoulders, wide, static - shoulders)


def _copy(layer: Layer) -> Layer:
    picture = Yuv(layer.picture.y.copy(), layer.picture.u.copy(), layer.picture.v.copy())
    return Layer(picture, layer.alpha.copy(), layer.alpha_uv.copy(), layer.left, layer.top)


def _halfway(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of two pictures, in their own type."""
    mean = (one.astype(np.float32) + other) * np.float32(0.5)
    return np.asarray(mean, one.dtype)


def _grown(box: Box, by: int) -> Box:
    left, top, width, height = box
    return left - by, top - by, width + 2 * by, height + 2 * by


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _towards(pose: HeadPose, target: HeadPose, share: float) -> HeadPose:
    def mix(a: float, b: float) -> float:
        return a + (_finite(b) - a) * share

    return HeadPose(
        mix(pose.yaw, target.yaw),
        mix(pose.pitch, target.pitch),
        mix(pose.roll, target.roll),
        mix(pose.tx, target.tx),
        mix(pose.ty, target.ty),
    )
