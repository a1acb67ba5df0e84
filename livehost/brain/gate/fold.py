"""Fold a text to the form that rules are written in, so that disguises do not matter.

In:  any text.   Out: `Folded`: lower case, half width, simplified, with a way back to the original.

Undone: full width, circled, squared, small and mathematical letters, flags that spell letters,
zero-width characters and emoji, Cyrillic and Greek look-alikes, traditional characters, financial
numerals, emoji that stand for words.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

_PAIRS = (
    # Cyrillic and Greek letters that look Latin
    "аa вb сc еe һh іi јj кk мm оo рp ѕs тt уy хx αa ιi κk νv οo ρp τt υu χx ᴠv ᴡw ᴏo ᴄc ꜱs ᴢz "
    # financial and informal numerals, round and emoji digits
    "壹一 贰二 貳二 弍二 弐二 叁三 參三 肆四 伍五 陆六 陸六 柒七 捌八 玖九 拾十 佰百 仟千 "
    "萬万 億亿 圆元 圓元 "
    "〇零 ○零 ◯零 俩两 倆两 仨三 ➕加 ℃度 🔟十 "
    "⓿0 ❶1 ❷2 ❸3 ❹4 ❺5 ❻6 ❼7 ❽8 ❾9 ➊1 ➋2 ➌3 ➍4 ➎5 ➏6 ➐7 ➑8 ➒9 "
    "➀1 ➁2 ➂3 ➃4 ➄5 ➅6 ➆7 ➇8 ➈9 ⓵1 ⓶2 ⓷3 ⓸4 ⓹5 ⓺6 ⓻7 ⓼8 ⓽9 "
    # traditional characters that a dictionary also calls simplified
    "後后 祇只 菸烟 "
    # stand-ins
    "徽微 薇微 溦微 ❌x ✖x ✘x ✗x ✕x ❎x イ亻"
)
_WORDS = {"🐧": "企鹅", "🛰": "卫星", "📞": "电话", "☎": "电话", "📱": "手机"}
_FILLERS = "\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5"
"""Letters that show nothing."""
_LETTER_BLOCKS = (0x1F1E6, 0x1F130, 0x1F150, 0x1F170)
"""Flags, squared and circled capitals, 26 each."""
_DROPPED = ("Cf", "Mn", "Me", "Cc", "Cs", "Co", "So", "Sk")
_SEPARATORS = ("Z", "P", "S")


def _alike() -> dict[int, str]:
    table = Path(__file__).with_name("traditional.txt").read_text("utf-8")
    rows = (row for row in table.splitlines() if not row.startswith("#"))
    pairs = {ord(pair[0]): pair[1] for row in rows for pair in row.split()}
    pairs |= {start + n: chr(ord("a") + n) for start in _LETTER_BLOCKS for n in range(26)}
    return pairs | {ord(pair[0]): pair[1] for pair in _PAIRS.split()}


_ALIKE = _alike()


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text.

    Attributes:
        text: the folded characters.
        origin: for each of them, its index in the original text.
    """

    text: str
    origin: tuple[int, ...]

    def squeezed(self) -> Folded:
        """Return the same without spaces, punctuation and symbols: "国 / 家-级" is "国家级"."""
        kept = [
            (char, at)
            for char, at in zip(self.text, self.origin, strict=True)
            if char.isalnum() or unicodedata.category(char)[0] not in _SEPARATORS
        ]
        return Folded("".join(char for char, _ in kept), tuple(at for _, at in kept))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where folded [start:end] stands in the original text."""
        return self.origin[start], self.origin[end - 1] + 1


def fold(text: str) -> Folded:
    """Fold `text`; see the module."""
    chars: list[str] = []
    origin: list[int] = []
    for at, char in enumerate(text):
        for folded in _folded(char):
            chars.append(folded)
            origin.append(at)
    return Folded("".join(chars), tuple(origin))


def _folded(char: str) -> str:
    if char.isascii():
        return char.lower() if char.isprintable() else " " if char in "\n\t" else ""
    if char == "，":
        return char  # as a comma, 165，110 would read as a hundred and sixty-five thousand
    if char in _WORDS:
        return _WORDS[char]
    if char in _FILLERS:
        return ""
    char = _ALIKE.get(ord(char), char)
    wide = unicodedata.normalize("NFKC", char)
    return "".join(
        _ALIKE.get(ord(c), c)
        for c in wide.lower()
        if unicodedata.category(c) not in _DROPPED and c not in _FILLERS
    )
