"""The shipped kind of host: decoded mouth and eyes on a plate that turns with the head.

In:  a `Face` and a quality level.   Out: a `Layer` in frame pixels.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.media import SHAPE, Face, HeadPose, Layer, Quality, Yuv
from livehost.stage.render.band import Band
from livehost.stage.render.patch import Patch
from livehost.stage.render.session import Session, accelerators
from livehost.stage.render.surface import Surface, surface
from livehost.stage.render.texture import Texture, even_down, even_up
from livehost.stage.render.warp import Box, static_row

F32 = NDArray[np.float32]

EASE_TICKS = 8
"""Ticks over which the head comes back after it was held."""
UNSEEN_SHAPE = 0.008
"""Change of a blendshape below which a region is not decoded again."""
UNSEEN_HEAD = 0.025
"""Plate pixels that the head may be off by."""
UNSEEN_CHEST = 0.15
"""Plate pixels that chest and shoulders may be off by; a breath moves them 2.5."""

REACH = 0.15
"""Of the head's height: how far a pose may carry the mouth."""


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
        self._decoded: F32 | None = None
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
        self._patch.draw(decoded if before is None else (before + decoded) * np.float32(0.5))
        return True

    def clear(self) -> None:
        """Show what the plate has."""
        self._given = self._decoded = None
        self._halfway = False
        self._patch.clear()

    def _decode(self, shapes: F32) -> F32 | None:
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
        self._last = self._body = self._plate
        self._mouth = _Part(avatar.mouth, self._texture)
        self._eyes = _Part(avatar.eyes, self._texture)
        self.provider = self._mouth.provider
        head, chest = _boxes(shape, self._texture)
        scale = self._texture.view.scale
        self._head = Band(shape, self._texture, head, UNSEEN_HEAD * scale)
        self._chest = Band(shape, self._texture, chest, UNSEEN_CHEST * scale)
        self._reach = even_up(REACH * shape.head_pixels * scale)
        self._pose, self._breath = HeadPose(), 0.0
        self._ease = 0

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return the presenter at `face`, as well as `quality` lets.

        The planes are never written again; a level that holds them returns the same ones.

        Raises:
            BackendBroken: a model failed.
        """
        if quality is Quality.PLATE:
            self._last = self._still()
            return self._last
        if quality is not Quality.FULL:
            self._ease = EASE_TICKS
        if quality is Quality.HOLD:
            return self._last
        shapes = np.clip(np.nan_to_num(face.shapes), 0, 1).astype(np.float32)
        if quality is Quality.FULL:
            self._last = self._full(shapes, face)
        else:
            self._last = self._mouth_alone(shapes, half=quality is Quality.MOUTH_HALF)
        return self._last

    def _full(self, shapes: F32, face: Face) -> Layer:
        drawn = [self._mouth.draw(shapes), self._eyes.draw(shapes)]
        moved = self._follow(face.pose, face.breath)
        if not (moved or any(drawn)):
            return self._last
        layer = _copy(self._body)
        self._head.draw(self._texture, layer)
        return layer

    def _mouth_alone(self, shapes: F32, *, half: bool) -> Layer:
        mouth = self._mouth
        if not (mouth.draw_half(shapes) if half else mouth.draw(shapes)):
            return self._last
        layer = _copy(self._last)
        self._head.draw(self._texture, layer, within=_grown(mouth.box, self._reach))
        return layer

    def _follow(self, pose: HeadPose, breath: float) -> bool:
        """Move head and chest; after a hold come back within `EASE_TICKS`."""
        share = 1 / max(1, self._ease)
        self._ease = max(0, self._ease - 1)
        self._pose = _towards(self._pose, pose, share)
        self._breath += (_finite(breath) - self._breath) * share
        breathed = self._chest.follow(self._pose, self._breath)
        if breathed:
            body = _copy(self._plate)
            self._chest.draw(self._texture, body)
            self._body = body
        return self._head.follow(self._pose, self._breath) or breathed

    def _still(self) -> Layer:
        """Go back to the plate; what comes after starts from there."""
        if self._last is not self._plate:
            self._mouth.clear()
            self._eyes.clear()
            self._pose, self._breath = HeadPose(), 0.0
            self._head.follow(self._pose, self._breath)
            self._chest.follow(self._pose, self._breath)
            self._body = self._plate
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
    rows = np.flatnonzero(texture.luma[:, beside, 1].any(axis=1))
    shoulders = even_down(max(0, (int(rows[0]) if len(rows) else bottom) - 8))
    shoulders = min(shoulders, bottom, max(0, static - 2))
    return (left, top, right - left, bottom - top), (0, shoulders, wide, static - shoulders)


def _copy(layer: Layer) -> Layer:
    picture = Yuv(layer.picture.y.copy(), layer.picture.u.copy(), layer.picture.v.copy())
    return Layer(picture, layer.alpha.copy(), layer.alpha_uv.copy(), layer.left, layer.top)


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
