"""Places in the picture whose content changes: fade in, fade out, by tick and never by clock.

In:  what shall be shown.   Out: sprites, i.e. layers with the opacity and shift of one tick.
"""

from __future__ import annotations

from dataclasses import dataclass

from livehost.media import Layer
from livehost.stage.planes import Box, box_of, even


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished element.

    Attributes:
        layer: its picture.
        texts: every string written in it, in order.
        clock: left and top of the room that it keeps for a countdown, pixels of the frame.
    """

    layer: Layer
    texts: tuple[str, ...] = ()
    clock: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Sprite:
    """A layer as it is drawn at one tick; equal sprites give equal pixels.

    Attributes:
        opacity: 0 .. 1.
        dy: shift down in pixels, even.
    """

    layer: Layer
    opacity: float = 1.0
    dy: int = 0

    @property
    def placed(self) -> Layer:
        """The layer, shifted."""
        layer = self.layer
        if not self.dy:
            return layer
        return Layer(layer.picture, layer.alpha, layer.alpha_uv, layer.left, layer.top + self.dy)

    @property
    def box(self) -> Box:
        """Where it draws; may reach beyond the frame."""
        return box_of(self.layer).shifted(0, self.dy)

    def same(self, other: Sprite) -> bool:
        """Return whether both draw the same pixels."""
        return self.layer is other.layer and (self.opacity, self.dy) == (other.opacity, other.dy)

    def follows(self, other: Sprite) -> bool:
        """Return whether this one draws the other's pixels but for what its layer says changed."""
        last = self.layer.before and self.layer.before()
        return last is other.layer and not (self.dy or other.dy) and self.opacity == other.opacity


class Slot:
    """Shows one element at a time; a new one replaces it with a fade.

    Args:
        ticks: length of a fade.
        rise: pixels an element moves up while it fades in.
    """

    def __init__(self, ticks: int, rise: float = 0.0) -> None:
        self._ticks = max(1, ticks)
        self._rise = rise
        self._now: tuple[Drawn, int] | None = None
        self._before: tuple[Drawn, int] | None = None

    def show(self, drawn: Drawn | None, tick: int) -> None:
        """Show `drawn` from `tick` on; None empties the slot."""
        if self._now:
            self._before = self._now[0], tick
        self._now = (drawn, tick) if drawn else None

    def settle(self, tick: int) -> None:
        """End every fade at once: at `tick` what was shown last stands alone."""
        self._before = None
        if self._now:
            self._now = self._now[0], min(self._now[1], tick - self._ticks)

    def steady(self, tick: int) -> Drawn | None:
        """Return what is shown once it no longer moves."""
        if self._now is None or self._done(self._now[1], tick) < 1:
            return None
        return self._now[0]

    @property
    def texts(self) -> tuple[str, ...]:
        """Every string written in what is shown or still fading out."""
        shown = [entry[0].texts for entry in (self._before, self._now) if entry]
        return tuple(text for texts in shown for text in texts)

    def sprites(self, tick: int) -> list[Sprite]:
        """Return what to draw at `tick`, bottom first."""
        out: list[Sprite] = []
        if self._before:
            gone = self._done(self._before[1], tick)
            if gone >= 1:
                self._before = None
            else:
                out.append(Sprite(self._before[0].layer, 1 - gone))
        if self._now:
            come = self._done(self._now[1], tick)
            out.append(Sprite(self._now[0].layer, come, even(self._rise * (1 - come))))
        return out

    def _done(self, since: int, tick: int) -> float:
        share = min(1.0, max(0.0, (tick - since + 1) / self._ticks))
        return share * share * (3 - 2 * share)
