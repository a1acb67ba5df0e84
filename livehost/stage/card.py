"""The product card: picture, name, tags, price; a compared price only beside its basis.

In:  the card's JSON values, trusted in nothing.   Out: `Drawn`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from livehost.stage import countdown
from livehost.stage.canvas import Canvas, colour, mixed, rounded
from livehost.stage.layout import Layout
from livehost.stage.pictures import Pictures, Rgba
from livehost.stage.planes import Colour
from livehost.stage.slots import Drawn
from livehost.stage.text import BLACK, BOLD, MEDIUM, Line, Style, clean, one_line, wrap

INK = colour("#2b2422")
SOFT = colour("#857a74")
PAPER = colour("#fffdfa")
WELL = colour("#f3ece4")
_WHITE: Colour = (1.0, 1.0, 1.0)
_BASIS_STEP = 23  # design pixels between the lines of a basis
_PRICE = re.compile(r"\d{1,9}(?:\.\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Card:
    """A product card, cleaned.

    Attributes:
        name: product name.
        price: "199.90", or any short text when it is not a plain number.
        compared, basis: the compared price and what it is based on; both or neither.
        picture: file, or None.
        tags: short selling words.
        stock: pieces left, or None when it is not shown.
        ends: when the flash sale that it shows is over; None: there is none.
        after: the card that takes its place then.
    """

    name: str
    price: str
    compared: str = ""
    basis: str = ""
    picture: Path | None = None
    tags: tuple[str, ...] = ()
    stock: int | None = None
    ends: datetime | None = None
    after: Mapping[str, object] = field(default_factory=dict)


def parse(values: Mapping[str, object]) -> Card | None:
    """Return the card in `values`, or None when there is nothing to show.

    A compared price without its basis, or not above the price, is dropped.
    """
    name = _text(values.get("name"), 60)
    if not name:
        return None
    price = _text(values.get("price"), 16).removeprefix("¥").removeprefix("￥").strip()
    compared, basis = _compared(values, price)
    picture = values.get("picture")
    stock = values.get("stock")
    return Card(
        name,
        price,
        compared,
        basis,
        Path(picture) if isinstance(picture, str) and picture and "\0" not in picture else None,
        _tags(values.get("tags")),
        stock if isinstance(stock, int) and not isinstance(stock, bool) and stock >= 0 else None,
        _moment(values.get("ends")),
        _without_end(values.get("after")),
    )


def _moment(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _without_end(value: object) -> Mapping[str, object]:
    """Return the next card; it has no end of its own, so that there is no chain of them."""
    return {k: v for k, v in value.items() if k != "ends"} if isinstance(value, Mapping) else {}


def _text(value: object, most: int) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = f"{value:.10g}"
    return clean(value, most) if isinstance(value, str) else ""


def _tags(value: object) -> tuple[str, ...]:
    items = value[:8] if isinstance(value, (list, tuple)) else []
    return tuple(tag for item in items if (tag := _text(item, 12)))


def _compared(values: Mapping[str, object], price: str) -> tuple[str, str]:
    compared = _text(values.get("compared"), 16).removeprefix("¥").removeprefix("￥").strip()
    given = values.get("basis")
    basis = _text(given, 200) if isinstance(given, str) else ""
    if not any(char.isalpha() for char in basis):
        return "", ""
    if not _PRICE.fullmatch(compared) or not _PRICE.fullmatch(price):
        return "", ""
    return (compared, basis) if Decimal(compared) > Decimal(price) else ("", "")


class CardPainter:
    """Draws product cards for one layout.

    Args:
        accent: colour of the price.
    """

    def __init__(self, layout: Layout, accent: Colour, pictures: Pictures) -> None:
        self._layout = layout
        self._accent = accent
        self._pictures = pictures
        self._pad = layout.px(26)  # room for the shadow around the panel

    def draw(self, card: Card) -> Drawn:
        """Return the card where the layout wants it."""
        return self._upright(card) if self._layout.upright else self._wide(card)

    # --- upright frames: a lying card, picture on the left ----------------------------------------

    def _upright(self, card: Card) -> Drawn:
        layout, px, pad = self._layout, self._layout.px, self._pad
        width, height = layout.card_width, px(212)
        canvas = self._panel(width, height)
        inner, side = px(14), height - 2 * px(14)
        self._picture(canvas, card, (pad + inner, pad + inner), side, side)
        left = pad + inner + side + px(20)
        words = _Words(canvas, left, width + pad - px(22) - left)
        room = px(16) + pad
        top = room + self._name(words, card.name, room)
        self._tag_row(words, card, top + px(5))
        self._price_row(words, card, pad + height - px(16))
        return self._done(canvas, words, layout.margin, layout.card_bottom - height)

    def _name(self, words: _Words, name: str, top: int) -> int:
        px = self._layout.px
        line = one_line(name, Style(px(31), BOLD), words.width)
        words.write(line, 0, top, INK)
        return line.style.line_height - px(2)

    # --- wide frames: a standing card, picture on top ---------------------------------------------

    def _wide(self, card: Card) -> Drawn:
        layout, px, pad = self._layout, self._layout.px, self._pad
        width, inner = layout.card_width, px(14)
        lines = wrap(card.name, Style(px(23), BOLD), width - 2 * px(18), 2)
        basis = self._basis(card, width - 2 * px(18))
        side = px(262 - 31 * (len(lines) - 1) - _BASIS_STEP * max(0, len(basis) - 1))
        below = px(8 + 32 + 62 + 12) + len(basis) * px(_BASIS_STEP)
        height = inner + side + px(10) + len(lines) * px(31) + below
        canvas = self._panel(width, height)
        self._picture(canvas, card, (pad + inner, pad + inner), width - 2 * inner, side)
        words = _Words(canvas, pad + px(18), width - 2 * px(18))
        top = pad + inner + side + px(8)
        for line in lines:
            words.write(line, 0, top, INK)
            top += px(31)
        self._tag_row(words, card, top + px(8))
        self._price_row(words, card, pad + height - px(12))
        return self._done(canvas, words, layout.card_left, layout.card_bottom)

    # --- shared parts -----------------------------------------------------------------------------

    def _panel(self, width: int, height: int) -> Canvas:
        px, pad = self._layout.px, self._pad
        canvas = Canvas(width + 2 * pad, height + 2 * pad)
        shape = rounded(width, height, px(22))
        canvas.shadow(shape, (pad, pad + px(6)), px(8), 0.34)
        canvas.fill(shape, (pad, pad), PAPER, 0.985)
        return canvas

    def _done(self, canvas: Canvas, words: _Words, left: int, top: int) -> Drawn:
        layer = canvas.to_layer(left - self._pad, top - self._pad)
        room = words.room
        clock = (layer.left + room[0], layer.top + room[1]) if room else None
        return Drawn(layer, tuple(words.texts), clock)

    def _picture(
        self, canvas: Canvas, card: Card, at: tuple[int, int], width: int, height: int
    ) -> None:
        px = self._layout.px
        mask = rounded(width, height, px(14))
        canvas.fill(mask, at, WELL)
        picture = self._pictures.cover(card.picture, width, height) if card.picture else None
        canvas.picture(picture if picture is not None else _no_picture(width, height), at, mask)

    def _tag_row(self, words: _Words, card: Card, top: int) -> None:
        px = self._layout.px
        style, left = Style(px(20), MEDIUM), 0
        if card.ends:
            left = self._sale_strip(words, card.ends, top)
        tint = mixed(self._accent, INK, 0.15)
        labels = [*card.tags, *([f"库存 {card.stock} 件"] if card.stock is not None else [])]
        for label in labels:
            line = one_line(label, style, words.width)
            span = line.width + px(20)
            if left + span > words.width:
                break
            quiet = label not in card.tags
            words.panel(left, top, (span, px(32)), px(8), SOFT if quiet else self._accent, 0.11)
            words.write(line, left + px(10), top + px(16) - style.line_height // 2,
                        SOFT if quiet else tint)  # fmt: skip
            left += span + px(8)

    def _sale_strip(self, words: _Words, ends: datetime, top: int) -> int:
        """Draw what says that the price holds for a while; return where it ends, in pixels."""
        px = self._layout.px
        label = one_line("距活动结束", Style(px(20), MEDIUM), words.width)
        left = (ends - datetime.now(UTC)).total_seconds()
        clock = px(countdown.width(countdown.figures(math.ceil(left))))
        span = px(10) + label.width + px(8) + clock + px(10)
        high = px(countdown.HEIGHT)
        words.panel(0, top, (span, high), px(8), self._accent, 1.0)
        words.write(label, px(10), top + high // 2 - label.style.line_height // 2, _WHITE)
        words.keep(px(10) + label.width + px(8), top)
        return span + px(8)

    def _price_row(self, words: _Words, card: Card, bottom: int) -> None:
        """Write the price, beside it the compared price, below them what that is based on."""
        px, upright = self._layout.px, self._layout.upright
        if not card.price:
            return
        price = _price_lines(card.price, px(58 if upright else 46), px(30 if upright else 26))
        span = sum(line.stops[-1] + px(1) for line in price)
        struck = one_line("¥" + card.compared, Style(px(24 if upright else 20)), words.width)
        basis = self._basis(card, words.width)
        shown = bool(basis) and span + px(14) + struck.width <= words.width
        base = bottom - (_BASIS_STEP * len(basis) + 3) * px(1) if shown else bottom - px(3)
        left = 0.0
        for line in price:
            words.write(line, round(left), base - _foot(line), self._accent)
            left += line.stops[-1] + px(1)
        if shown:
            words.strike(struck, round(left) + px(14), base - _foot(struck), SOFT, px(2))
            for index, line in enumerate(basis, 1 - len(basis)):
                words.write(line, 0, bottom + index * px(_BASIS_STEP) - _foot(line), SOFT)

    def _basis(self, card: Card, width: int) -> list[Line]:
        """Return the whole basis in at most two lines; none when it does not fit."""
        px = self._layout.px
        full = f"划线价：{card.basis}"
        tries = (full, 18, 1), (full, 17, 1), (card.basis, 15, 1), (full, 16, 2), (full, 14, 2)
        for text, size, most in tries if card.compared else ():
            lines = wrap(text, Style(px(size)), width, most)
            if "".join(line.text for line in lines).replace(" ", "") == text.replace(" ", ""):
                return lines
        return []


class _Words:
    """A column of the canvas that remembers what is written into it."""

    def __init__(self, canvas: Canvas, left: int, width: int) -> None:
        self._canvas = canvas
        self._left = left
        self.width = width
        self.texts: list[str] = []
        self.room: tuple[int, int] | None = None

    def keep(self, left: int, top: int) -> None:
        """Remember where a countdown stands."""
        self.room = self._left + left, top

    def write(self, line: Line, left: int, top: int, tint: Colour) -> None:
        self.texts.append(line.text)
        self._canvas.words(line, (self._left + left, top), tint)

    def strike(self, line: Line, left: int, top: int, tint: Colour, thick: int) -> None:
        self.write(line, left, top, tint)
        middle = top + round(line.style.line_height * 0.56)
        bar = np.full((thick, line.width + 4), 255, np.uint8)
        self._canvas.fill(bar, (self._left + left - 2, middle), tint)

    def panel(self, left: int, top: int, size: tuple[int, int], radius: float, tint: Colour,
              opacity: float) -> None:  # fmt: skip
        self._canvas.panel((self._left + left, top), size, radius, tint, opacity)


def _foot(line: Line) -> int:
    """Return the distance from the line's top to its base line, in pixels."""
    return round(line.style.line_height * 0.79)


def _price_lines(price: str, large: int, small: int) -> list[Line]:
    if not _PRICE.fullmatch(price):
        return [one_line(price, Style(small, BOLD), 12 * small)]
    whole, dot, cents = price.partition(".")
    parts = [one_line("¥", Style(small, BOLD), 4 * small)]
    parts.append(one_line(whole, Style(large, BLACK), 12 * large))
    if dot and cents.strip("0"):
        parts.append(one_line(dot + cents, Style(small, BOLD), 6 * small))
    return parts


def _no_picture(width: int, height: int) -> Rgba:
    """Return the placeholder: a bag outline on the panel's own ground."""
    canvas = Canvas(width, height)
    unit = min(width, height) / 100
    x, y = width / 2, height / 2
    tint = mixed(WELL, SOFT, 0.55)
    body = rounded(round(40 * unit), round(36 * unit), 6 * unit)
    handle = rounded(round(20 * unit), round(28 * unit), 10 * unit)
    hole = rounded(round(12 * unit), round(28 * unit), 6 * unit)
    canvas.fill(handle, (round(x - 10 * unit), round(y - 25 * unit)), tint)
    canvas.fill(hole, (round(x - 6 * unit), round(y - 21 * unit)), WELL)
    canvas.fill(body, (round(x - 20 * unit), round(y - 13 * unit)), tint)
    pixels = np.moveaxis(canvas.pixels[:, :height, :width], 0, 2)
    colours = pixels[..., :3] / np.maximum(pixels[..., 3:], np.float32(1 / 512))
    return np.concatenate([colours, pixels[..., 3:]], axis=2)
