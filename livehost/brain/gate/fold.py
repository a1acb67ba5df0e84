"""Fold a text to the form that rules are written in, so that disguises do not matter.

In:  any text.   Out: `Folded`: lower case, half width, simplified, with a way back to the original.

Undone: full width, circled and mathematical letters (NFKC), zero-width characters and emoji,
Cyrillic look-alikes, the traditional characters of words in the rules, financial numerals.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_PAIRS = (
    # Cyrillic and Greek letters that look Latin
    "аa вb сc еe һh іi јj кk мm оo рp ѕs тt уy хx αa βb ιi κk νv οo ρp τt υu χx "
    # financial and informal numerals
    "壹一 贰二 貳二 叁三 肆四 伍五 陆六 陸六 柒七 捌八 玖九 拾十 佰百 仟千 萬万 億亿 圆元 圓元 "
    "〇零 ○零 俩两 倆两 兩两 仨三 ➕加 ℃度 "
    # traditional characters and stand-ins of words that rules use
    "國国 級级 極极 頂顶 優优 獨独 絕绝 對对 價价 塊块 錢钱 個个 條条 號号 點点 無无 為为 "
    "這这 還还 貨货 單单 買买 賣卖 贈赠 療疗 藥药 醫医 壓压 減减 膚肤 預预 輻辐 電电 話话 "
    "聯联 繫系 訊讯 銀银 碼码 掃扫 維维 幫帮 證证 將将 後后 沒没 搶抢 時时 間间 雙双 場场 "
    "劃划 較较 專专 櫃柜 壽寿 騙骗 偽伪 媽妈 滾滚 賭赌 黃黄 輪轮 臺台 灣湾 黨党 產产 領领 "
    "導导 選选 舉举 學学 運运 動动 權权 針针 與与 們们 體体 術术 師师 從从 來来 東东 風风 "
    "經经 關关 開开 頭头 過过 達达 遠远 連连 貴贵 費费 質质 資资 賽赛 銷销 門门 類类 "
    "徽微 薇微"
)
_ALIKE = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
_DROPPED = ("Cf", "Mn", "Me", "Cc", "Cs", "Co", "So", "Sk")
_SEPARATORS = ("Z", "P", "S")


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
            if unicodedata.category(char)[0] not in _SEPARATORS
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
    if char in "\n\t":
        return " "
    if char == "，":
        return char  # as a comma, 165，110 would read as a hundred and sixty-five thousand
    char = _ALIKE.get(ord(char), char)
    wide = unicodedata.normalize("NFKC", char)
    return "".join(
        _ALIKE.get(ord(c), c) for c in wide.lower() if unicodedata.category(c) not in _DROPPED
    )
