"""Captions in step with the voice: two lines at a time, what has been said in a warmer colour.

In:  the sentence on air and how much of it is said.   Out: one `Layer` per tick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from livehost.media import Layer
from livehost.stage import planes
from livehost.stage.canvas import Canvas, Colour, colour, rounded
from livehost.stage.layout import Layout
from livehost.stage.text import BOLD, Line, Style, break_lines, clean

LINES = 2
_TO_SAY = (1.0, 1.0, 1.0)
_SAID = colour("#ffd894")
_NIGHT = colour("#1a1210")
_MUTE_ENDS = "。，、；,;"


@dataclass(frozen=True, slots=True)
class Page:
    """Up to two lines that stand on the picture together.

    Attributes:
        lines: what they say.
        start, end: shares of the sentence before and after this page, by width.
        to_say, said: the same page in both colours; alpha and place are equal.
        spans: per line its top, bottom, left and width inside the layer, in pixels.
    """

    lines: tuple[Line, ...]
    start: float
    end: float
    to_say: Layer
    said: Layer
    spans: tuple[tuple[int, int, int, int], ...]


class Captions:
    """Prepares a sentence when it changes and colours it tick by tick."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._style = Style(layout.px(37), BOLD, spacing=layout.unit * 0.6)
        self._sentence = ""
        self._pages: tuple[Page, ...] = ()
        self._shown: tuple[int, int] = (-1, -1)
        self._layer: Layer | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The lines that stand on the picture now."""
        page = self._shown[0]
        return tuple(line.text for line in self._pages[page].lines) if self._layer else ()

    def at(self, sentence: str, progress: float) -> Layer | None:
        """Return the caption when `progress` (0 .. 1) of `sentence` is said; None for an empty one.

        The same object comes back as long as nothing changes.
        """
        if sentence != self._sentence:
            self._sentence = sentence
            self._pages = self._set(clean(sentence))
            self._shown, self._layer = (-1, -1), None
        if not self._pages:
            return None
        share = 0.0 if math.isnan(progress) else min(1.0, max(0.0, progress))
        index = next((n for n, page in enumerate(self._pages) if share <= page.end), -1)
        index %= len(self._pages)
        pen = _pen(self._pages[index], share)
        if (index, pen) != self._shown:
            self._shown, self._layer = (index, pen), _coloured(self._pages[index], pen)
        return self._layer

    def _set(self, sentence: str) -> tuple[Page, ...]:
        room = self._layout.caption_width - 2 * self._layout.px(24)
        lines = break_lines(sentence.rstrip(_MUTE_ENDS), self._style, room)
        total = sum(line.width for line in lines) or 1
        pages: list[Page] = []
        start = 0.0
        for first in range(0, len(lines), LINES):
            chosen = tuple(lines[first : first + LINES])
            end = start + sum(line.width for line in chosen) / total
            pages.append(self._page(chosen, start, min(1.0, end)))
            start = end
        return tuple(pages)

    def _page(self, lines: tuple[Line, ...], start: float, end: float) -> Page:
        px = self._layout.px
        step, side = px(50), px(24)
        width = max(line.width for line in lines) + 2 * side
        height = step * len(lines) + px(16)
        left = self._layout.caption_middle - width // 2
        top = self._layout.caption_bottom - height
        spans = tuple(
            (px(8) + n * step, px(8) + (n + 1) * step, (width - line.width) // 2, line.width)
            for n, line in enumerate(lines)
        )
        to_say, said = (
            self._paint(lines, spans, (width, height), tint).to_layer(left, top)
            for tint in (_TO_SAY, _SAID)
        )
        return Page(lines, start, end, to_say, said, spans)

    def _paint(
        self,
        lines: tuple[Line, ...],
        spans: tuple[tuple[int, int, int, int], ...],
        size: tuple[int, int],
        tint: Colour,
    ) -> Canvas:
        canvas, px = Canvas(*size), self._layout.px
        canvas.fill(rounded(*size, px(18)), (0, 0), _NIGHT, 0.52)
        for line, (top, bottom, left, _) in zip(lines, spans, strict=True):
            at = left, top + (bottom - top - line.style.line_height) // 2
            canvas.shadow(line.mask(), (at[0], at[1] + 1), px(2), 0.5)
            canvas.words(line, at, tint)
        return canvas


def _pen(page: Page, share: float) -> int:
    """Return how many pixels of the page's lines, laid end to end, are said (even)."""
    inside = (share - page.start) / max(page.end - page.start, 1e-9)
    total = sum(width for *_, width in page.spans)
    return planes.even(min(1.0, max(0.0, inside)) * total)


def _coloured(page: Page, pen: int) -> Layer:
    """Return the page with its first `pen` pixels of text in the colour of what is said."""
    base, said = page.to_say, page.said.picture
    picture = planes.copy(base.picture)
    for top, bottom, left, width in page.spans:
        done = min(pen, width)
        pen -= done
        if done > 0:
            box = planes.Box(0, planes.even(top), planes.even(left + done), planes.even(bottom))
            planes.paste(picture, said, box)
    return Layer(picture, base.alpha, base.alpha_uv, base.left, base.top)
