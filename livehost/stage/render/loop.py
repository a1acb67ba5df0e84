"""A host who was filmed: her film repeats, and her mouth says what it is asked to.

In:  a `Face` and a quality level.   Out: a `Layer` that fills the frame.

The frame of the film is a function of the tick alone: the same tick shows the same frame, whatever
came before. Where ticks are missing in between, or the film was held, one picture dissolves into
the other.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.errors import ConfigError
from livehost.media import BLENDSHAPES, Face, Layer, Quality, Yuv
from livehost.stage.render.lips import Lips
from livehost.stage.render.part import Drawn, Moving, Part
from livehost.stage.render.reel import Reel, place
from livehost.stage.render.rest import closed

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

DISSOLVE_TICKS = 8
MOST_MISSED = 2
"""Frames of the film that may be left out without a dissolve: nobody sees a head skip 0.1 s."""


class LoopRenderer:
    """Renders one avatar that has a loop, at one frame size; call it from one thread.

    Args:
        rate: ticks per second.
        mouth: makes another mouth than the avatar's own, given what it is drawn into.

    Raises:
        BackendBroken: the film or the model cannot be loaded, or fails.
        ConfigError: the avatar has no loop.
    """

    name = "loop"

    def __init__(
        self,
        avatar: Avatar,
        width: int,
        height: int,
        rate: Fraction,
        mouth: Callable[[Drawn], Moving] | None = None,
    ) -> None:
        loop = avatar.loop
        if loop is None:
            raise ConfigError(f"{avatar.folder}: its manifest has no [loop]")
        at = place(avatar, width, height)
        self._per_tick = Fraction(loop.fps) / rate
        self._frames = loop.frames
        self._reel = Reel(loop.film, at, width, height, loop.fps)
        self._lips = Lips(avatar.mouth, loop.track, at, (width, height))
        self._mouth: Moving = mouth(self._lips) if mouth else Part(avatar.mouth, self._lips)
        self._silent = avatar.visemes["sil"]
        self._alphas = _opaque(height, width), _opaque(height // 2, width // 2)
        self._level = Quality.FULL
        self._tick: int | None = None  # of the picture drawn last
        self._last: Layer | None = None
        self._from: Layer | None = None  # what dissolves
        self._left = 0  # ticks until it is gone
        self._held: F32 | None = None
        self._reel.frame(0)

    @property
    def provider(self) -> str:
        """Where the mouth is decoded now."""
        return self._mouth.decoder.provider

    @property
    def trouble(self) -> str:
        """Why an accelerator is not used, "" when nothing is wrong."""
        return self._mouth.decoder.trouble

    @property
    def losses(self) -> int:
        """Times that an accelerator failed on air."""
        return self._mouth.decoder.losses

    @property
    def shown(self) -> Face:
        """What is shown, for the renderer that comes after this one."""
        shapes = np.zeros(len(BLENDSHAPES), np.float32)
        self._mouth.shown(shapes)
        return Face(shapes, tick=self._tick or 0)

    def begin(self, shown: Face) -> None:
        """Start from what another renderer showed last. Raises BackendBroken."""
        self.render(shown, Quality.FULL)
        self._mouth.glide()

    def render(self, face: Face, quality: Quality) -> Layer:
        """Return the host at `face`, as well as `quality` lets.

        The planes are never written again. `FULL` and `MOUTH_ONLY` are the same; `HOLD` shuts her
        mouth while the film goes on; `PLATE` stops the film.

        Raises:
            BackendBroken: a model or the film failed.
        """
        before, self._level = self._level, quality
        if quality is Quality.PLATE:
            return self._stopped(face)
        shapes = np.clip(np.nan_to_num(face.shapes), 0, 1).astype(np.float32)
        if quality is not before and {quality, before} & {Quality.HOLD, Quality.PLATE}:
            self._mouth.glide()
            self._held = None
        spoken = self._speak(shapes, quality)
        same = self._tick is not None and self._frame(face.tick) == self._frame(self._tick)
        if same and not (spoken or self._left) and self._last is not None:
            return self._last
        return self._shown(face.tick)

    def _speak(self, shapes: F32, quality: Quality) -> bool:
        """Move the mouth; return whether that can be seen."""
        if quality is Quality.MOUTH_HALF:
            return self._mouth.draw_half(shapes)
        if quality is Quality.HOLD:  # shut it, then leave it
            self._held = closed(shapes, self._silent) if self._held is None else self._held
            return self._mouth.draw(self._held)
        return self._mouth.draw(shapes)

    def _stopped(self, face: Face) -> Layer:
        """Return the last picture with a shut mouth; it costs nothing from the second on."""
        if self._held is None or self._last is None or self._tick is None:
            self._held = closed(np.zeros(len(BLENDSHAPES), np.float32), self._silent)
            self._mouth.draw(self._held)
            tick = face.tick if self._tick is None else self._tick
            self._last = self._shown(tick)
        return self._last

    # --- one picture ------------------------------------------------------------------------------

    def _shown(self, tick: int) -> Layer:
        """Return the film at `tick` with the mouth as it is now."""
        frame = self._frame(tick)
        if self._missed(tick):
            self._from, self._left = self._last, DISSOLVE_TICKS
        picture = _copy(self._reel.frame(frame))
        self._lips.put(picture, frame)
        self._tick = tick
        self._last = Layer(self._dissolved(picture), *self._alphas, 0, 0, solid=True)
        return self._last

    def _frame(self, tick: int) -> int:
        return int(tick * self._per_tick) % self._frames

    def _missed(self, tick: int) -> bool:
        """Whether the frame of `tick` is far from the one before."""
        if self._tick is None:
            return False
        return abs(int(tick * self._per_tick) - int(self._tick * self._per_tick)) > 1 + MOST_MISSED

    def _dissolved(self, picture: Yuv) -> Yuv:
        if self._left == 0 or self._from is None:
            return picture
        old, share = self._from.picture, self._left / (DISSOLVE_TICKS + 1)
        self._left -= 1
        self._from = self._from if self._left else None
        return Yuv(
            _mixed(old.y, picture.y, share),
            _mixed(old.u, picture.u, share),
            _mixed(old.v, picture.v, share),
        )


def _copy(picture: Yuv) -> Yuv:
    return Yuv(picture.y.copy(), picture.u.copy(), picture.v.copy())


def _opaque(height: int, width: int) -> U8:
    return np.full((height, width), 255, np.uint8)


def _mixed(old: U8, new: U8, share: float) -> U8:
    return np.asarray(cv2.addWeighted(old, share, new, 1 - share, 0), np.uint8)
