"""A mouth that a network paints from sound, and that rests when nothing is said.

In:  the sound around each tick.   Out: pictures put onto the texture.

The networks move a mouth in silence too; here they are not asked then. Towards speech and away
from it the picture is mixed with the plate's own closed mouth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE
from livehost.media import Quality, Sound
from livehost.stage.render.part import GLIDE_TICKS
from livehost.stage.render.peers.crop import Carried, Paste
from livehost.stage.render.peers.graph import Graph
from livehost.stage.render.peers.voice import cut
from livehost.stage.render.warp import Box

F32 = NDArray[np.float32]

OPENS, CLOSES = 0.08, 0.2
"""Seconds from rest to the network's mouth, and back."""
AROUND = 0.06
"""Seconds before and after a tick in which a voice counts as its own."""
LOUD = 10 ** (-50 / 20)
"""Level of a voice, root mean square over `SLICE` samples."""
SLICE = SAMPLE_RATE // 50


class Painter(Protocol):
    """One kind of network.

    Attributes:
        graphs: its models, the one that makes pictures first.
    """

    @property
    def graphs(self) -> tuple[Graph, ...]: ...

    def span(self, start: int) -> tuple[int, int]:
        """Return the stream samples whose sound decides the picture of a tick."""

    def paint(self, sound: Sound, starts: Sequence[int]) -> F32:
        """Return (n, side, side, 3) RGB in 0..1 for ticks in order. Raises BackendBroken."""


class Works:
    """What people are told about the models."""

    losses = 0  # a model that fails on air ends this renderer; the next one may run elsewhere

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self._graphs = graphs

    @property
    def provider(self) -> str:
        return self._graphs[0].provider

    @property
    def trouble(self) -> str:
        return ""


class Brush:
    """Paints several ticks at once and keeps what is not due yet.

    A picture made ahead is used only if the sound it was made from is what was then said.
    """

    def __init__(self, painter: Painter, batch: int) -> None:
        self._painter, self._batch = painter, batch
        self._made: dict[int, tuple[F32, F32]] = {}  # by start: what was heard, the picture

    def picture(self, sound: Sound, every: int = 1) -> F32:
        """Return the picture of the tick of `sound`. Raises BackendBroken.

        Args:
            every: 2 when only every second tick is painted.
        """
        start = sound.starts[0]
        heard = cut(sound, *self._painter.span(start))
        made = self._made.pop(start, None)
        if made is not None and np.array_equal(made[0], heard):
            return made[1]
        starts = [start, *self._certain(sound, sound.starts[every::every][: self._batch - 1])]
        pictures = self._painter.paint(sound, starts)
        self._made = {
            at: (cut(sound, *self._painter.span(at)), picture)
            for at, picture in zip(starts[1:], pictures[1:], strict=True)
        }
        return np.asarray(pictures[0])

    def _certain(self, sound: Sound, starts: Sequence[int]) -> list[int]:
        """Return those of the next ticks of which is known all that decides their pictures."""
        return [start for start in starts if self._painter.span(start)[1] <= sound.known]


class NetworkMouth:
    """Stands in a renderer where the avatar's own mouth would; see `Part`.

    Attributes:
        decoder: where it runs.
        gliding: ticks until it may be held.
    """

    def __init__(self, painter: Painter, paste: Paste | Carried, batch: int) -> None:
        self.decoder = Works(painter.graphs)
        self._brush, self._paste = Brush(painter, batch), paste
        self._sound: Sound | None = None
        self._held = False
        self._picture: F32 | None = None  # on its way or there
        self._pending: F32 | None = None  # half of the way to it is shown
        self._share = 0.0  # of the network's mouth, before easing
        self.gliding = 0

    @property
    def box(self) -> Box:
        """Of what changes, in what it is drawn into."""
        return self._paste.box

    def listen(self, sound: Sound | None, quality: Quality) -> None:
        """Take the sound of the next tick, and of one more at least; call before it is drawn."""
        self._sound = sound
        self._held = quality >= Quality.HOLD

    def glide(self) -> None:
        self.gliding = GLIDE_TICKS if self._share else 0

    def draw(self, shapes: F32) -> bool:
        """Show the tick; `shapes` are not needed. Return False when nothing changes."""
        return self._draw(1)

    def draw_half(self, shapes: F32) -> bool:
        if self._pending is not None:
            self._picture, self._pending = self._pending, None
            self._step()
            return self._show(self._picture)
        return self._draw(2)

    def clear(self) -> None:
        self._share, self.gliding = 0.0, 0
        self._picture = self._pending = None
        self._paste.clear()

    def shown(self, onto: F32) -> None:
        """Write nothing: it has no shapes; another renderer begins with the mouth at rest."""

    def _draw(self, every: int) -> bool:
        before, self._pending = self._share, None
        self._step()
        if not self._share:
            self._picture = None
            if before:
                self._paste.clear()
            return before > 0
        last = self._picture
        if self._sound is not None and not self._held:
            self._picture = self._brush.picture(self._sound, every)
        if self._picture is None:
            self._share = 0.0
            return False
        if every == 1 or last is None:
            return self._show(self._picture)
        self._pending, half = self._picture, (last + self._picture) * np.float32(0.5)
        return self._show(half)

    def _show(self, picture: F32) -> bool:
        share = self._share * self._share * (3 - 2 * self._share)
        if self._share:
            self._paste.draw(picture, share)
        else:
            self._paste.clear()
        return True

    def _step(self) -> None:
        """Move towards speech, or towards rest."""
        sound = self._sound
        self.gliding = max(0, self.gliding - 1)
        if self._held:
            self._share -= self._share / (self.gliding + 1)
            return
        if sound is None:
            self._share = 0.0
            return
        period = (sound.starts[1] - sound.starts[0]) / SAMPLE_RATE
        change = period / OPENS if speaks(sound) else -period / CLOSES
        self._share = min(1.0, max(0.0, round(self._share + change, 6)))


def speaks(sound: Sound) -> bool:
    """Whether a voice sounds in a tick or next to it."""
    around = round(AROUND * SAMPLE_RATE)
    begin, end = sound.starts[0] - around, sound.starts[1] + around
    pcm = cut(sound, begin, end)
    slices = np.nan_to_num(pcm[: len(pcm) // SLICE * SLICE]).reshape(-1, SLICE)
    return bool((np.square(slices).mean(axis=1) > LOUD**2).any())
