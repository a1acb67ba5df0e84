"""Chinese and Latin text as coverage masks: cleaned, measured, broken into lines, drawn.

In:  any string.   Out: uint8 masks of glyph coverage; characters without a glyph never appear.

The face is Noto Sans CJK SC (variable weight), which installs with the package. Han characters
are set one by one, Latin words and numbers as one run with kerning; both are cached.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import cv2
import manimgx_fonts_cjk
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

Mask = NDArray[np.uint8]

REGULAR, MEDIUM, BOLD, BLACK = 400, 500, 700, 900

_FONT = Path(manimgx_fonts_cjk.__file__).parent / "NotoSansCJK-VF.otf.ttc"
_SC = 2  # index of the simplified Chinese face in the collection
_ELLIPSIS = "…"
_MISSING = "\U0010ffff"  # a code point that no font has

_NOT_AT_START = frozenset(",.!?:;)]}%…·—~、。，！？：；）】》」』”’％℃°")
_NOT_AT_END = frozenset("([{（【《「『“‘¥￥$#")
_PAUSES = frozenset("，。！？；：、,!?;: ")
_UNITS = "|".join(
    [
        *("毫升", "毫米", "厘米", "公斤", "千克", "小时", "分钟", "小袋", "个月", "件套", "块钱"),
        *"元件块个条克斤米升码号年月日天折期盒包袋瓶杯款层倍度份双组颗粒分秒片寸",
    ]
)
_TOKEN = re.compile(
    r"[¥￥$€]?[0-9A-Za-zÀ-ɏЀ-ӿ]+(?:[.,:'’/+&@_\-][0-9A-Za-zÀ-ɏЀ-ӿ]+)*[%％℃+]?"
    rf"(?:(?<=[0-9])(?:{_UNITS}))?"
    r"|…+|—+|\s+|.",
    re.DOTALL,
)

_EMOJI = {
    "❤": "♥", "👍": "[赞]", "👏": "[鼓掌]", "🙏": "[感谢]", "💪": "[加油]", "🌹": "[玫瑰]",
    "🎉": "[庆祝]", "🔥": "[火]", "😂": "[笑哭]", "🤣": "[笑哭]", "😀": "[微笑]", "😄": "[笑]",
    "😊": "[微笑]", "🙂": "[微笑]", "😍": "[喜欢]", "🥰": "[喜欢]", "😘": "[飞吻]", "😭": "[大哭]",
    "😢": "[流泪]", "😅": "[汗]", "🤔": "[思考]", "😡": "[生气]", "👌": "[OK]", "🎁": "[礼物]",
    "💐": "[鲜花]", "✅": "√", "⭐": "★", "🌟": "★", "💯": "[满分]",
}  # fmt: skip
"""Frequent emoji in the form chat platforms write them; the font has no emoji."""


def clean(text: str, most: int = 400) -> str:
    """Return `text` as it may be drawn: one line of characters that the font has.

    Control, bidirectional, zero-width, private and combining characters go, white space becomes
    single spaces, frequent emoji become words in brackets.

    Args:
        most: characters kept; a longer text ends in an ellipsis.
    """
    head = unicodedata.normalize("NFC", text[: 4 * most + 64])
    spaced = " ".join("".join(_plain(char) for char in head).split())
    kept = "".join(char for char in spaced if has_glyph(char))
    kept = " ".join(kept.split())
    longer = len(kept) > most or len(text) > 4 * most + 64
    return kept[: most - 1].rstrip() + _ELLIPSIS if longer and kept else kept


def _plain(char: str) -> str:
    if char in _EMOJI:
        return _EMOJI[char]
    if char.isspace():
        return " "
    return "" if unicodedata.category(char)[0] in "CM" else char


@lru_cache(maxsize=20_000)
def has_glyph(char: str) -> bool:
    """Return whether the font has its own glyph for `char`."""
    return char == " " or _shape(char) != _shape(_MISSING)


def _shape(char: str) -> bytes:
    mask, offset = _font(24, REGULAR).getmask2(char, mode="L")
    return bytes(mask) + repr((mask.size, offset)).encode()


@cache
def _font(size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(_FONT), size, index=_SC, layout_engine=ImageFont.Layout.BASIC)
    font.set_variation_by_axes([weight])
    return font


@dataclass(frozen=True, slots=True)
class Run:
    """One token drawn: a Han character, a word, a number.

    Attributes:
        text: what it says.
        mask: (h, w) uint8 coverage.
        left, top: where the mask's corner lies from the pen and the line's top, in pixels.
        advance: how far the pen moves, in pixels.
    """

    text: str
    mask: Mask
    left: int
    top: int
    advance: float


@lru_cache(maxsize=8_192)
def _run(token: str, size: int, weight: int) -> Run:
    font = _font(size, weight)
    glyphs, (left, top) = font.getmask2(token, mode="L")
    width, height = glyphs.size
    mask = np.frombuffer(bytes(glyphs), np.uint8).reshape(height, width)
    return Run(token, mask, left, top, font.getlength(token))


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is set.

    Attributes:
        size: em in pixels.
        weight: 100 .. 900.
        spacing: extra pixels after each token.
    """

    size: int
    weight: int = REGULAR
    spacing: float = 0.0

    @property
    def line_height(self) -> int:
        """Pixels from the top of a line's box to its bottom, without leading."""
        return sum(_font(self.size, self.weight).getmetrics())


@dataclass(frozen=True, slots=True)
class Line:
    """One line, measured.

    Attributes:
        tokens: what it says, in order.
        stops: pen position before each token and after the last, in pixels.
        style: how it is set.
    """

    tokens: tuple[str, ...]
    stops: tuple[float, ...]
    style: Style

    @property
    def text(self) -> str:
        """The line as a string."""
        return "".join(self.tokens)

    @property
    def width(self) -> int:
        """Pixels the line takes."""
        return int(np.ceil(self.stops[-1]))

    def mask(self) -> Mask:
        """Return (line_height, width) uint8 coverage."""
        style = self.style
        out = np.zeros((style.line_height, max(self.width, 1)), np.uint8)
        for token, pen in zip(self.tokens, self.stops, strict=False):
            _put(out, _run(token, style.size, style.weight), round(pen))
        return out


def _put(out: Mask, run: Run, pen: int) -> None:
    left, top = max(pen + run.left, 0), max(run.top, 0)
    target = out[top : top + run.mask.shape[0], left : left + run.mask.shape[1]]
    if target.size:
        target[:] = cv2.max(target, run.mask[: target.shape[0], : target.shape[1]])


def set_line(tokens: Iterable[str], style: Style) -> Line:
    """Return `tokens` as one line, spaces at its ends dropped."""
    kept = list(tokens)
    while kept and kept[0].isspace():
        kept.pop(0)
    while kept and kept[-1].isspace():
        kept.pop()
    advances = [_run(token, style.size, style.weight).advance + style.spacing for token in kept]
    return Line(tuple(kept), (0.0, *np.cumsum(advances).tolist()), style)


def tokens(text: str) -> list[str]:
    """Split into pieces that never break over lines: words, numbers with units, characters."""
    return [token if not token.isspace() else " " for token in _TOKEN.findall(text)]


def one_line(text: str, style: Style, width: float) -> Line:
    """Return `text` as one line of at most `width` pixels, shortened by an ellipsis."""
    line = set_line(tokens(text), style)
    return line if line.width <= width else _shortened(line.tokens, style, width)


def _shortened(pieces: Sequence[str], style: Style, width: float) -> Line:
    kept = list(pieces)
    end = _run(_ELLIPSIS, style.size, style.weight).advance
    stops = set_line(kept, style).stops
    room = sum(stop + end <= width for stop in stops[1:])
    first = [] if room else list(_fitting(kept[0], style, width - end))
    return set_line([*kept[:room], *first, _ELLIPSIS], style)


def _fitting(token: str, style: Style, width: float) -> str:
    """Return as much of the start of one long token as fits."""
    low, high = 0, min(len(token), 400)
    while low < high:
        middle = (low + high + 1) // 2
        fits = _font(style.size, style.weight).getlength(token[:middle]) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return token[:low]


def wrap(text: str, style: Style, width: float, most: int = 2) -> list[Line]:
    """Return `text` in at most `most` lines of `width` pixels; what is left over is an ellipsis.

    Closing marks stay off line starts, opening marks off line ends, words and numbers whole; two
    lines are balanced, with a liking for a break after punctuation.
    """
    lines = break_lines(text, style, width)
    if len(lines) <= most:
        return lines
    rest = [token for line in lines[most - 1 :] for token in line.tokens]
    return [*lines[: most - 1], _shortened(rest, style, width)]


def break_lines(text: str, style: Style, width: float) -> list[Line]:
    """Return `text` in as many lines of `width` pixels as it needs; none for an empty text."""
    pieces = [part for token in tokens(text) for part in _whole(token, style, width)]
    lines: list[Line] = []
    while pieces:
        line = set_line(pieces, style)
        if line.width <= width:
            return [*lines, line] if line.tokens else lines
        at = _balanced(pieces, style, width) or _greedy(pieces, style, width)
        lines.append(set_line(pieces[:at], style))
        pieces = pieces[at:]
    return lines


def _whole(token: str, style: Style, width: float) -> list[str]:
    """Return the token, or pieces of it when it is wider than a whole line."""
    pieces: list[str] = []
    while len(token) > 1 and _run(token[:400], style.size, style.weight).advance > width:
        piece = _fitting(token, style, width) or token[0]
        pieces.append(piece)
        token = token[len(piece) :]
    return [*pieces, token] if token else pieces


def _stops(pieces: Sequence[str], style: Style) -> list[float]:
    advances = [_run(piece, style.size, style.weight).advance for piece in pieces]
    return [float(stop) for stop in np.cumsum(np.array(advances) + style.spacing)]


def _may_break(before: str, after: str) -> bool:
    return after[0] not in _NOT_AT_START and before[-1] not in _NOT_AT_END and not after.isspace()


def _greedy(pieces: Sequence[str], style: Style, width: float) -> int:
    """Return how many pieces the fullest first line takes, at least one."""
    ends = _stops(pieces, style)
    full = max(1, sum(end <= width for end in ends))
    fair = [
        n for n in range(1, full + 1) if n < len(pieces) and _may_break(pieces[n - 1], pieces[n])
    ]
    return fair[-1] if fair else full


def _balanced(pieces: Sequence[str], style: Style, width: float) -> int:
    """Return where to break what fits into two lines, or 0 when it needs more."""
    ends = _stops(pieces, style)
    total = ends[-1]
    if total > 2 * width:
        return 0
    fair = [
        n
        for n in range(1, len(pieces))
        if ends[n - 1] <= width
        and total - ends[n - 1] <= width
        and _may_break(pieces[n - 1], pieces[n])
    ]
    if not fair:
        return 0
    return min(fair, key=lambda n: _ugliness(pieces[n - 1], ends[n - 1], total, style))


def _ugliness(last: str, first: float, total: float, style: Style) -> float:
    pause = 5 * style.size if last[-1] in _PAUSES else 0
    short_first = style.size if first < total - first else 0  # a longer first line reads better
    return abs(total - 2 * first) + short_first - pause


def ink_height(mask: Mask) -> int:
    """Return the rows between the first and last inked ones (coverage of at least half)."""
    rows = np.flatnonzero((mask >= 128).any(axis=1))
    return int(rows[-1] - rows[0] + 1) if len(rows) else 0


def is_han(char: str) -> bool:
    """Return whether `char` is a Chinese character."""
    return "\u4e00" <= char <= "\u9fff"


@lru_cache(maxsize=64)
def size_for_ink(text: str, weight: int, least: int) -> int:
    """Return the smallest em at which every Chinese character of `text` is inked `least` high."""
    size = least
    while min(_inks(text, size, weight), default=least) < least:
        size += 1
    return size


def _inks(text: str, size: int, weight: int) -> list[int]:
    return [ink_height(_run(char, size, weight).mask) for char in text if is_han(char)]


def glyph_px(text: str, size: int, weight: int) -> int:
    """Return the least ink height of a Chinese character of `text`, in pixels."""
    return min(_inks(text, size, weight), default=0)
