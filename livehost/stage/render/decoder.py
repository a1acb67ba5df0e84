"""The shipped kind of host: decoded mouth and eyes on a plate that turns with the head.

In:  a `Face` and a quality level.   Out: a `Layer` in frame pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, Region
from livehost.media import SHAPE, Face, HeadPose, Layer, Quality, Yuv
from livehost.stage.render.session import Session
from livehost.stage.render.texture import RegionPatch, Texture
from livehost.stage.render.warp import Warp

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

UNSEEN = 0.004
"""Change of a blendshape below which a region is not decoded again."""
EASE_TICKS = 8
"""Ticks over which the head comes back after it was held."""
MOVING_SHARE = 0.62
"""Rows of the presenter, from the top, that can move; the rest is hidden by the desk."""


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
        shown = self._decoded if before is None or not blend else (self._decoded + before) / 2
        self._patch.draw(shown)
        return True

    def settle(self) -> None:
        """Draw the last decoded picture unblended."""
        if self._decoded is not None:
            self._patch.draw(self._decoded)


@dataclass(slots=True)
class _Maps:
    """Where the moving rows come from, for luma and chroma."""

    luma: tuple[NDArray[np.generic], NDArray[np.generic]]
    chroma: tuple[NDArray[np.generic], NDArray[np.generic]]


class DecoderRenderer:
    """Renders one avatar at one frame size; call it from one thread.

    Raises:
        BackendBroken: a model cannot be loaded, or fails.
    """

    name = "decoder"

    def __init__(self, avatar: Avatar, width: int, height: int) -> None:
        self._texture = Texture(avatar, width, height)
        left, top, wide, high = self._texture.box
        self._rows = int(high * MOVING_SHARE) // 16 * 16
        placement = self._texture.placement
        self._warp = Warp(
            avatar,
            placement.origin,
            placement.scale,
            (left, top, wide, self._rows),
            static_y=top + self._rows - 16,
        )
        self._mouth = _Part(avatar.mouth, self._texture)
        self._eyes = _Part(avatar.eyes, self._texture)
        self.provider = self._mouth.provider
        self._pose, self._breath = HeadPose(), 0.0
        self._ease = 0
        self._odd = False
        self._maps = self._make_maps()
        self._plate = self._layer()
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
        self._maps = self._make_maps()

    def _make_maps(self) -> _Maps:
        field = self._warp.field(self._pose, self._breath)
        return _Maps(
            cv2.convertMaps(*self._warp.maps(field), cv2.CV_16SC2),
            cv2.convertMaps(*self._warp.maps(field, half=True), cv2.CV_16SC2),
        )

    def _layer(self) -> Layer:
        texture, half = self._texture, self._rows // 2
        y, alpha = self._moved([texture.picture.y, texture.alpha], self._rows, self._maps.luma)
        u, v, alpha_uv = self._moved(
            [texture.picture.u, texture.picture.v, texture.alpha_uv], half, self._maps.chroma
        )
        return Layer(Yuv(y, u, v), alpha, alpha_uv, texture.box[0], texture.box[1])

    @staticmethod
    def _moved(
        planes: list[U8], rows: int, maps: tuple[NDArray[np.generic], NDArray[np.generic]]
    ) -> list[U8]:
        """Return fresh planes: the first `rows` warped together, the rest as it is."""
        # The source reaches a little below the moving rows, so that their last ones find it.
        moved = cv2.split(
            cv2.remap(
                cv2.merge([plane[: rows + 32] for plane in planes]), *maps, cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )  # fmt: skip
        out = []
        for plane, top in zip(planes, moved, strict=True):
            fresh = np.empty_like(plane)
            fresh[:rows] = top
            fresh[rows:] = plane[rows:]
            out.append(fresh)
        return out


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
