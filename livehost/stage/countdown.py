"""The time left of a flash sale, on the product card: drawn once a second, over at its end.

In:  the moment of the end (wall clock), ticks, where the card keeps room.   Out: `Drawn`.

The end is turned into a tick once, so that the figures run with the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction

from livehost.stage.canvas import Canvas, colour
from livehost.stage.layout import Layout
from livehost.stage.slots import Drawn
from livehost.stage.text import BOLD, Style, one_line

HEIGHT = 32  # design pixels; the card keeps this much room
SIZE = 25  # of the figures
CELL = 16  # width of a figure
COLON = 9
_FIGURES = colour("#ffffff")


def wall() -> datetime:
    """Return the present in UTC."""
    return datetime.now(UTC)


def figures(seconds: int) -> str:
    """Return a time left as it is shown: 09:58, from an hour on 1:09:58."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def width(text: str) -> int:
    """Return the design pixels that figures take; the same for every minute."""
    return sum(COLON if char == ":" else CELL for char in text)


def draw(text: str, at: tuple[int, int], layout: Layout) -> Drawn:
    """Return figures in cells of one width, so that they stand still while they change.

    Args:
        at: left and top, pixels of the frame.
    """
    px = layout.px
    style = Style(px(SIZE), BOLD)
    canvas = Canvas(px(width(text)), px(HEIGHT))
    left = 0
    for char in text:
        cell = px(COLON if char == ":" else CELL)
        line = one_line(char, style, 4 * cell)
        top = (px(HEIGHT) - style.line_height) // 2
        canvas.words(line, (left + round((cell - line.stops[-1]) / 2), top), _FIGURES)
        left += cell
    return Drawn(canvas.to_layer(*at), (text,))


class Countdown:
    """Runs down to one end at a time.

    Args:
        over: called once at the end.
    """

    def __init__(
        self, rate: Fraction, over: Callable[[], None], now: Callable[[], datetime] = wall
    ) -> None:
        self._rate = rate
        self._over = over
        self._now = now
        self._ends: datetime | None = None
        self._end_tick: int | None = None

    def until(self, ends: datetime | None) -> None:
        """Run down to `ends` from the next tick on; None: not at all."""
        if ends != self._ends:
            self._ends, self._end_tick = ends, None

    def at(self, tick: int) -> str:
        """Return the figures of a tick, "" when none are shown."""
        if self._ends is None:
            return ""
        if self._end_tick is None:
            left = (self._ends - self._now()).total_seconds()
            self._end_tick = tick + round(left * self._rate)
        if tick >= self._end_tick:
            self._ends = self._end_tick = None
            self._over()
            return ""
        return figures(math.ceil((self._end_tick - tick) / self._rate))
