"""The shipped kind of host: decoded mouth and eyes on a plate that turns with the head.

In:  a `Face` and a quality level.   Out: a `Layer` in frame pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.media import SHAPE, Face, HeadPose, Layer, Quality, Yuv
from livehost.stage.render.session import Session
from livehost.stage.render.texture import MARGIN, RegionPatch, Texture
from livehost.stage.render.warp import Geometry, Warp, geometry

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Maps = tuple[NDArray[np.int16], NDArray[np.uint16]]

HALF = np.float32(0.5)
UNSEEN = 0.004
"""Change of a blendshape below which a region is not decoded again."""
EASE_TICKS = 8
"""Ticks over which the head comes back after it was held."""
TORSO_EVERY = 2
"""Ticks between two movements of the torso: a breath moves it by less than 0.1 px a tick."""
PAD = 32
"""Texture pixels beyond a band that its pixels may come from."""


class _Part:
    """A region, its decoder and what it was last given."""

    def __init__(self, region: Region, texture: Texture) -> None:
        self._session = Session(region.model)
        self._patch = RegionPatch(region, texture)
        self._indexes = [SHAPE[name] for name in region.coefs]
        self._given: F32 | None = None
        self._decoded: F32 | None = None
        self.provider = self._session.provider

    def draw(self, shapes: F32, blend: bool = False) -> bool:
        """Decode and draw if `shapes` changed visibly; return whether anything was drawn.

        Args:
            blend: draw the mean of this and the last decoded picture.
        """
        wanted = shapes[self._indexes]
        if self._given is not None and np.abs(wanted - self._given).max() < UNSEEN:
            return False
        before, self._given = self._decoded, wanted
        self._decoded = self._session.run(wanted[None])[0]
        shown = self._decoded if before is None or not blend else (self._decoded + before) * HALF
        self._patch.draw(shown)
        return True

    def settle(self) -> None:
        """Draw the last decoded picture unblended."""
        if self._decoded is not None:
            self._patch.draw(self._decoded)


class _Band:
    """A box of the presenter that moves, in coordinates of her texture; all even."""

    def __init__(self, surface: Geometry, texture: Texture, box: tuple[int, int, int, int]) -> None:
        left, top, width, height = box
        self._texture = texture
        self._warp = Warp(surface, (texture.box[0] + left, texture.box[1] + top, width, height))
        self._box = box
        # The source reaches beyond the band: pixels at its border may come from there.
        self._pad = left - max(0, left - PAD), top - max(0, top - PAD)
        self._luma: Maps | None = None
        self._chroma: Maps | None = None

    def follow(self, pose: HeadPose, breath: float) -> None:
        """Compute where the pixels of this band come from."""
        field = self._warp.field(pose, breath)
        self._luma = self._fixed(*self._warp.maps(field), 1)
        self._chroma = self._fixed(*self._warp.maps(field, half=True), 2)

    def draw(self, onto: Layer) -> None:
        """Draw the texture, warped, into the planes of `onto`."""
        texture, out = self._texture, onto.picture
        if self._luma is None or self._chroma is None:
            return
        self._move([texture.picture.y, texture.alpha], [out.y, onto.alpha], self._luma, 1)
        self._move(
            [texture.picture.u, texture.picture.v, texture.alpha_uv],
            [out.u, out.v, onto.alpha_uv],
            self._chroma,
            2,
        )

    def _fixed(self, x: F32, y: F32, step: int) -> Maps:
        pad_x, pad_y = self._pad
        whole, fraction = cv2.convertMaps(x + pad_x // step, y + pad_y // step, cv2.CV_16SC2)
        return np.asarray(whole, np.int16), np.asarray(fraction, np.uint16)

    def _move(self, sources: list[U8], targets: list[U8], maps: Maps, step: int) -> None:
        left, top, width, height = (side // step for side in self._box)
        pad_x, pad_y = (pad // step for pad in self._pad)
        rows = slice(top - pad_y, top + height + PAD // step)
        columns = slice(left - pad_x, left + width + PAD // step)
        source = cv2.merge([plane[rows, columns] for plane in sources])
        moved = cv2.remap(source, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for plane, target in zip(cv2.split(moved), targets, strict=True):
            target[top : top + height, left : left + width] = plane


class DecoderRenderer:
    """Renders one avatar at one frame size; call it from one thread.

    Raises:
        BackendBroken: a model cannot be loaded, or fails.
    """

    name = "decoder"

    def __init__(self, avatar: Avatar, width: int, height: int) -> None:
        self._texture = Texture(avatar, width, height)
        _, top, wide, high = self._texture.box
        placement = self._texture.placement
        surface = geometry(avatar, placement.scale, placement.origin, self._texture.box)
        moving = min(high, int(surface.static) - top) // 2 * 2
        limit = min(round(surface.shoulders) - top, moving - 2 * PAD)
        neck = _shoulder_row(self._texture, limit)
        head = _columns(self._texture, neck)
        width = head.stop - head.start
        self._head = _Band(surface, self._texture, (head.start, 0, width, neck))
        self._torso = _Band(surface, self._texture, (0, neck, wide, moving - neck))
        self._mouth = _Part(avatar.mouth, self._texture)
        self._eyes = _Part(avatar.eyes, self._texture)
        self.provider = self._mouth.provider
        self._pose, self._breath = HeadPose(), 0.0
        self._ease = 0
        self._odd = False
        self._tick = 0
        for band in (self._head, self._torso):
            band.follow(self._pose, self._breath)
        self._plate = self._still()
        self._last = self._plate

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return the presenter at `face`, as well as `quality` lets. Raises BackendBroken."""
        if quality is Quality.PLATE:
            return self._plate
        if quality is Quality.HOLD:
            self._ease = EASE_TICKS
            return self._last
        shapes = np.clip(np.nan_to_num(face.shapes), 0, 1).astype(np.float32)
        if quality is Quality.FULL:
            self._eyes.draw(shapes)
            self._follow(face.pose, face.breath)
        else:
            self._ease = EASE_TICKS
        self._draw_mouth(shapes, half=quality is Quality.MOUTH_HALF)
        self._last = self._layer()
        return self._last

    def _draw_mouth(self, shapes: F32, *, half: bool) -> None:
        if not half:
            self._mouth.draw(shapes)
            return
        self._odd = not self._odd
        if self._odd:
            self._mouth.draw(shapes, blend=True)
        else:
            self._mouth.settle()

    def _follow(self, pose: HeadPose, breath: float) -> None:
        """Move head and chest; after a hold come back within `EASE_TICKS`."""
        share = 1 / max(1, self._ease)
        self._ease = max(0, self._ease - 1)
        self._pose = _towards(self._pose, pose, share)
        breath = breath if np.isfinite(breath) else 0.0
        self._breath += (breath - self._breath) * share
        self._head.follow(self._pose, self._breath)
        if self._tick % TORSO_EVERY == 0:
            self._torso.follow(self._pose, self._breath)
        self._tick += 1

    def _still(self) -> Layer:
        """Return the texture as it is, in fresh planes."""
        texture = self._texture
        planes = Yuv(*(p.copy() for p in (texture.picture.y, texture.picture.u, texture.picture.v)))
        alpha, alpha_uv = texture.alpha.copy(), texture.alpha_uv.copy()
        return Layer(planes, alpha, alpha_uv, texture.box[0], texture.box[1])

    def _layer(self) -> Layer:
        layer = self._still()
        self._head.draw(layer)
        self._torso.draw(layer)
        return layer


def _shoulder_row(texture: Texture, limit: int) -> int:
    """Return the even row, counted from the texture's top, above which only the head is wide."""
    widths = (texture.alpha > 0).sum(axis=1)
    head = widths[: max(limit, 1)]
    wide = np.flatnonzero(head > 1.15 * np.median(head[head > 0]))
    below = wide[wide > int(np.argmax(head > 0)) + len(head) // 3]
    return int(below[0] if len(below) else limit) // 2 * 2


def _columns(texture: Texture, rows: int) -> slice:
    """Return the even columns that hold the head, with room to turn."""
    seen = np.flatnonzero((texture.alpha[:rows] > 0).any(axis=0))
    width = texture.alpha.shape[1]
    return slice(
        max(0, int(seen[0]) - MARGIN) // 2 * 2, min(width, int(seen[-1]) + 1 + MARGIN) // 2 * 2
    )


def _towards(pose: HeadPose, target: HeadPose, share: float) -> HeadPose:
    def mix(a: float, b: float) -> float:
        return a + ((b if np.isfinite(b) else 0.0) - a) * share

    return HeadPose(
        mix(pose.yaw, target.yaw),
        mix(pose.pitch, target.pitch),
        mix(pose.roll, target.roll),
        mix(pose.tx, target.tx),
        mix(pose.ty, target.ty),
    )
