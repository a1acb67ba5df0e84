"""A decoded region: which picture of it is due, and whether it must be decoded at all.

In:  the shapes of a tick.   Out: pictures, drawn into whatever shows them.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Region
from livehost.media import SHAPE
from livehost.stage.render.standby import Standby
from livehost.stage.render.warp import Box

F32 = NDArray[np.float32]

GLIDE_TICKS = 4
"""Ticks over which lips and lids go where a change of level sends them."""
UNSEEN_SHAPE = 0.008
"""Change of a blendshape below which a region is not decoded again."""


class Drawn(Protocol):
    """What shows a region."""

    @property
    def box(self) -> Box: ...
    def draw(self, picture: NDArray[Any]) -> None:
        """Show a decoder's output."""

    def clear(self) -> None:
        """Show what is there without it."""


class Maker(Protocol):
    """What makes a part's pictures, as far as people want to know.

    Attributes:
        provider: where they are made now.
        trouble: why an accelerator is not used, "" when nothing is wrong.
        losses: times that an accelerator failed on air.
    """

    @property
    def provider(self) -> str: ...
    @property
    def trouble(self) -> str: ...
    @property
    def losses(self) -> int: ...


class Moving(Protocol):
    """A part of the face that moves; see `Part`."""

    gliding: int

    @property
    def box(self) -> Box: ...
    @property
    def decoder(self) -> Maker: ...
    def glide(self) -> None: ...
    def draw(self, shapes: F32) -> bool: ...
    def draw_half(self, shapes: F32) -> bool: ...
    def clear(self) -> None: ...
    def shown(self, onto: F32) -> None: ...


class Part:
    """A region, its decoder and what it shows.

    Args:
        onto: what its pictures are drawn into.

    Attributes:
        box: of the region in what it is drawn into.
        decoder: makes its pictures.
        gliding: ticks until it is where it is sent; 0 follows at once.
    """

    def __init__(self, region: Region, onto: Drawn) -> None:
        self.decoder = Standby(region.precise, region.model)
        self._patch = onto
        self._indexes = [SHAPE[name] for name in region.coefs]
        self._given: F32 | None = None
        self._decoded: NDArray[Any] | None = None
        self._halfway = False
        self.box = self._patch.box
        self.gliding = 0

    def glide(self) -> None:
        """Go to the next shapes over some ticks, from what is shown now."""
        self.gliding = 0 if self._given is None else GLIDE_TICKS

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
        # The CPU's model and the accelerator's make pictures of different forms.
        if before is None or before.shape != decoded.shape:
            self._patch.draw(decoded)
        else:
            self._halfway = True
            self._patch.draw(_halfway(before, decoded))
        return True

    def clear(self) -> None:
        """Show what the plate has."""
        self._given = self._decoded = None
        self._halfway = False
        self.gliding = 0
        self._patch.clear()

    def shown(self, onto: F32) -> None:
        """Write the shapes that are shown into `onto`, (53,)."""
        if self._given is not None:
            onto[self._indexes] = self._given

    def _decode(self, shapes: F32) -> NDArray[Any] | None:
        """Return the picture of `shapes`, None when the last one will do."""
        wanted = self._glided(shapes[self._indexes])
        if self._given is not None and np.abs(wanted - self._given).max() < UNSEEN_SHAPE:
            return None
        self._decoded = self.decoder.run(wanted[None])[0]
        self._given = wanted
        return self._decoded

    def _glided(self, wanted: F32) -> F32:
        if self.gliding and self._given is not None:
            wanted = self._given + (wanted - self._given) / np.float32(self.gliding)
        self.gliding = max(0, self.gliding - 1)
        return wanted

    def _settle(self) -> bool:
        """Go the second half of the way, if there is one."""
        pending, self._halfway = self._halfway, False
        if pending and self._decoded is not None:
            self._patch.draw(self._decoded)
        return pending


def _halfway(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of two pictures, in their own type."""
    mean = (one.astype(np.float32) + other) * np.float32(0.5)
    return np.asarray(mean, one.dtype)
