"""Captions in step with the voice: two lines at a time, what has been said in a warmer colour.

In:  the sentence on air and how much of it is said.   Out: one `Layer` per tick.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.media import Layer
from livehost.stage import planes
from livehost.stage.canvas import colour, rounded
from livehost.stage.layout import Layout
from livehost.stage.text import BOLD, Line, Style, break_lines, clean

LINES = 2
_TO_SAY = (1.0, 1.0, 1.0)
_SAID = colour("#ffd894")
_NIGHT = colour("#1a1210")
_PLATE, _SHADOW = np.float32(0.52 / 255), np.float32(0.6 / 255)
_MUTE_ENDS = "。，、；,;"

Coverage = NDArray[np.float32]
Spans = tuple[tuple[int, int, int, int], ...]  # per line: top, bottom, left, width in the layer


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
    spans: Spans


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
            before = (self._layer, self._shown[1]) if index == self._shown[0] else (None, 0)
            self._shown, self._layer = (index, pen), _coloured(self._pages[index], pen, *before)
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
        width = planes.even(max(line.width for line in lines) + 2 * side)
        height = planes.even(step * len(lines) + px(16))
        left = self._layout.caption_middle - width // 2
        top = self._layout.caption_bottom - height
        spans = tuple(
            (px(8) + n * step, px(8) + (n + 1) * step, (width - line.width) // 2, line.width)
            for n, line in enumerate(lines)
        )
        ground, ink = self._coverage(lines, spans, (width, height))
        to_say, said = (
            planes.two_tone(ground, ink, (_NIGHT, tint), left, top) for tint in (_TO_SAY, _SAID)
        )
        return Page(lines, start, end, to_say, said, spans)

    def _coverage(
        self, lines: tuple[Line, ...], spans: Spans, size: tuple[int, int]
    ) -> tuple[Coverage, Coverage]:
        """Return how much the plate with the words' shadows covers, and how much the words do."""
        ink = np.zeros(size[::-1], np.uint8)
        for line, span in zip(lines, spans, strict=True):
            left, top = _at(line, span)
            mask = line.mask()
            part = ink[max(top, 0) : top + mask.shape[0], left : left + mask.shape[1]]
            np.maximum(part, mask[max(-top, 0) :][: part.shape[0], : part.shape[1]], out=part)
        shadow = cv2.GaussianBlur(ink, (0, 0), self._layout.px(2)).astype(np.float32) * _SHADOW
        plate = rounded(*size, self._layout.px(18)).astype(np.float32) * _PLATE
        return 1 - (1 - plate) * (1 - shadow), ink.astype(np.float32) / np.float32(255)


def _at(line: Line, span: tuple[int, int, int, int]) -> tuple[int, int]:
    top, bottom, left, _ = span
    return left, top + (bottom - top - line.style.line_height) // 2


def _pen(page: Page, share: float) -> int:
    """Return how many pixels of the page's lines, laid end to end, are said (even)."""
    inside = (share - page.start) / max(page.end - page.start, 1e-9)
    total = sum(width for *_, width in page.spans)
    return planes.even(min(1.0, max(0.0, inside)) * total)


def _coloured(page: Page, pen: int, before: Layer | None, had: int) -> Layer:
    """Return the page with its first `pen` pixels of text in the colour of what is said.

    Args:
        before: the same page with `had` pixels in it.
    """
    base, said = page.to_say, page.said.picture
    picture = planes.copy(base.picture)
    changed = []
    for box, last in zip(_done(page, pen), _done(page, had), strict=True):
        if not box.empty:
            planes.paste(picture, said, box)
        begin, end = sorted((last.right, box.right))
        changed += [(begin, box.top, end - begin, box.bottom - box.top)]
    alphas = base.alpha, base.alpha_uv
    last_layer = weakref.ref(before) if before else None
    return Layer(picture, *alphas, base.left, base.top, last_layer, tuple(changed))


def _done(page: Page, pen: int) -> list[planes.Box]:
    """Return per line the box of what is said, empty where nothing is."""
    boxes = []
    for top, bottom, left, width in page.spans:
        done = min(pen, width)
        pen -= done
        right = planes.even(left + done) if done > 0 else 0
        boxes.append(planes.Box(0, planes.even(top), right, planes.even(bottom)))
    return boxes
