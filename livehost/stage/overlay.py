"""What is written over the scene: the AI label, the room title, the question answered, the news.

In:  strings.   Out: `Drawn`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping

from livehost.config import REQUIRED_LABEL
from livehost.stage.canvas import Canvas, colour, disc, mixed, rounded
from livehost.stage.card import INK, PAPER
from livehost.stage.layout import Layout
from livehost.stage.planes import Colour
from livehost.stage.slots import Drawn
from livehost.stage.text import BOLD, MEDIUM, Line, Style, clean, one_line, size_for_ink, wrap

log = logging.getLogger(__name__)

_WHITE: Colour = (1.0, 1.0, 1.0)
_NIGHT = colour("#1c1411")
LABEL_SHARE = 0.05  # of the shorter side; GB 45438-2025
_DUTY = ("AI生成", "数字人")


def label_style(layout: Layout) -> Style:
    """Return the label's type: every Chinese character inked over 5 % of the shorter side."""
    least = math.ceil(min(layout.width, layout.height) * LABEL_SHARE - 1e-9)
    return Style(size_for_ink(REQUIRED_LABEL, BOLD, least), BOLD)


def label(text: str, layout: Layout) -> Drawn:
    """Return the AI label, top right. It may say more than `REQUIRED_LABEL`, never less."""
    style, px = label_style(layout), layout.px
    lines = _label_lines(text, style, layout.width - 2 * layout.margin - 2 * px(16))
    step = round(style.size * 1.3)
    width = max(line.width for line in lines) + 2 * px(14)
    height = step * len(lines) + px(8)
    canvas = Canvas(width, height)
    canvas.panel((0, 0), (width, height), px(13), _NIGHT, 0.70)
    for index, line in enumerate(lines):
        top = px(4) + index * step + (step - line.style.line_height) // 2
        canvas.words(line, ((width - line.width) // 2, top), _WHITE)
    left = layout.width - layout.margin - width
    return Drawn(canvas.to_layer(left, layout.bar_top), tuple(line.text for line in lines))


def _label_lines(text: str, style: Style, width: int) -> list[Line]:
    lines = wrap(clean(text, 60), style, width, 2)
    shown = "".join(line.text for line in lines)
    if all(word in shown for word in _DUTY):
        return lines
    log.warning("scene.label does not fit; the required label is shown alone")
    return wrap(REQUIRED_LABEL, style, width, 2)


def title_bar(title: str, layout: Layout, room: int, dot: bool = True) -> Drawn | None:
    """Return the room title, top left; None if `room` pixels cannot hold it.

    Args:
        dot: whether the live dot stands before it.
    """
    px, text = layout.px, clean(title, 60)
    style = Style(px(27), MEDIUM)
    before, after = px(44) if dot else px(20), px(16) if dot else px(20)
    width = room - px(62)
    if not text or width < 3 * style.size:
        return None
    line = one_line(text, style, width)
    height = round(label_style(layout).size * 1.3) + px(8)
    wide = before + line.width + after
    canvas = Canvas(wide, height)
    canvas.panel((0, 0), (wide, height), height / 2, _NIGHT, 0.50)
    if dot:
        _live_dot(canvas, height, px(13), px)
    canvas.words(line, (before, (height - style.line_height) // 2), _WHITE)
    return Drawn(canvas.to_layer(layout.margin, layout.bar_top), (line.text,))


_LIVE = colour("#ff4d4f")


def _live_dot(canvas: Canvas, height: int, dot: int, px: Callable[[float], int]) -> None:
    canvas.fill(disc(dot + px(10)), (px(15), (height - dot - px(10)) // 2), _LIVE, 0.32)
    canvas.fill(disc(dot), (px(15) + px(5), (height - dot) // 2), _LIVE)


def question(values: Mapping[str, object], layout: Layout, accent: Colour) -> Drawn | None:
    """Return the bubble with the chat message being answered, or None when it says nothing."""
    text, px = _string(values, "text", 120), layout.px
    if not text:
        return None
    name = one_line(_string(values, "nickname", 40) or "观众", Style(px(21), BOLD), px(200))
    lines = wrap(text, Style(px(27), MEDIUM), layout.bubble_width - 2 * px(20), _lines(layout))
    chip = one_line("正在回答", Style(px(18), MEDIUM), px(200))
    pad, step = px(22), px(36)
    head = name.width + px(12) + chip.width + px(18)
    width = max(head, *(line.width for line in lines)) + 2 * px(20)
    height = px(14) + px(32) + step * len(lines) + px(12)
    canvas = Canvas(width + 2 * pad, height + 2 * pad)
    _bubble(canvas, (pad, pad), (width, height), px(20), px(6))
    left, top = pad + px(20), pad + px(12)
    canvas.words(name, (left, top + px(16) - name.style.line_height // 2), mixed(accent, INK, 0.2))
    at = left + name.width + px(12)
    canvas.panel((at, top + px(2)), (chip.width + px(18), px(28)), px(14), accent)
    canvas.words(chip, (at + px(9), top + px(16) - chip.style.line_height // 2), _WHITE)
    for index, line in enumerate(lines):
        canvas.words(line, (left, top + px(34) + index * step), INK)
    layer = canvas.to_layer(layout.margin - pad, layout.bubble_bottom - height - pad)
    return Drawn(layer, (name.text, chip.text, *(line.text for line in lines)))


def _lines(layout: Layout) -> int:
    return 2 if layout.upright else 3


def _bubble(
    canvas: Canvas, at: tuple[int, int], size: tuple[int, int], radius: float, drop: int
) -> None:
    shape = rounded(*size, radius)
    canvas.shadow(shape, (at[0], at[1] + drop // 2), drop, 0.28)
    canvas.fill(shape, at, PAPER, 0.95)


def notice(values: Mapping[str, object], layout: Layout) -> Drawn | None:
    """Return one line of news under the title bar, or None when it says nothing."""
    text, px = _string(values, "text", 80), layout.px
    if not text:
        return None
    style = Style(px(24), MEDIUM)
    most = (layout.width - 2 * layout.margin) if layout.upright else layout.width // 2
    line = one_line(text, style, most - px(66))
    width, height = line.width + px(66), px(46)
    canvas = Canvas(width, height)
    canvas.panel((0, 0), (width, height), height / 2, _NIGHT, 0.50)
    _horn(canvas, px(18), height // 2, layout.unit)
    canvas.words(line, (px(48), (height - style.line_height) // 2), _CREAM)
    top = layout.bar_top + round(label_style(layout).size * 1.3) + px(8) + px(12)
    return Drawn(canvas.to_layer(layout.margin, top), (line.text,))


_CREAM = colour("#fff0d6")


def _horn(canvas: Canvas, left: int, middle: int, unit: float) -> None:
    """Paint a small bell-like mark: a bar between two dots."""
    for step, tall in ((0, 6), (6, 12), (12, 18)):
        wide, high = max(2, round(3.4 * unit)), max(2, round(tall * unit))
        canvas.panel(
            (left + round(step * unit), middle - high // 2), (wide, high), wide / 2, _CREAM
        )


def _string(values: Mapping[str, object], key: str, most: int) -> str:
    value = values.get(key)
    return clean(value, most) if isinstance(value, str) else ""
