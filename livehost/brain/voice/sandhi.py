"""Mandarin tone sandhi: what a syllable's tone becomes beside others.

In:  words with their dictionary pinyin.   Out: the same words with the tones that are spoken.

Source: Chao, A Grammar of Spoken Chinese (1968), 1.3.4 and 8.1.5 (一 and 不); for third tones
across words Chen, Tone Sandhi (2000), chapter 9: inside a word first, then from the right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from livehost.brain.voice.segment import is_word

Word = tuple[str, list[str]]

_DIGITS = "零〇一二三四五六七八九幺"
_FIGURE_BEFORE = re.compile(f"(?:[第初十{_DIGITS}]|[{_DIGITS}十百千万]点|[{_DIGITS}]比)$")
_FIGURE_AFTER = re.compile(f"[月日号{_DIGITS}]|[点比对][{_DIGITS}]")
_HUNDREDS = re.compile("[百千万亿]$")
_TRIED = frozenset(
    "看试尝听说问闻摸聊等找用穿玩教讲算擦洗扫动想走点数选挑比逛猜转练学查瞧歇躺抱让帮陪涂抹喷泡煮"
    "烤敲捏按揉戴拍坐品逗晒吹量谈跳跑唱读写翻"
)
"""Verbs that are doubled to say "have a try"; the second one has no tone."""
_OPEN_ENDED = frozenset("这那每下上同某另任前后有哪再又就")
"""What ends in 一 with these before it counts the next word: 每一次."""
_ENDS_IN_ONE = frozenset(("唯一", "统一", "万一", "单一", "专一", "之一", "第一", "周一"))
_HEADS = frozenset("有也很可给比把请我你想每")
"""Words that begin the second half of a sentence: 这款·有."""
_POINTS = frozenset("这那哪每")
_PRONOUNS = frozenset("你您我他她它")
_BUY = re.compile(f"[买满拍付][{_DIGITS}两十百千万]+$")
_GET = frozenset("免减送返赠得发抵赔罚")


@dataclass(slots=True)
class _Place:
    """One syllable: its character, where it is written, and whether a word ends with it."""

    character: str
    syllables: list[str]
    n: int
    ends_word: bool

    @property
    def said(self) -> str:
        return self.syllables[self.n]

    def say(self, syllable: str) -> None:
        self.syllables[self.n] = syllable


def with_sandhi(words: list[Word]) -> list[Word]:
    """Return `words` with 一, 不, doubled verbs and third tones as they are spoken.

    Args:
        words: of one phrase, without marks between them; one syllable for each character. A word
            whose reading is not that is left alone.
    """
    spoken = [(word, list(syllables)) for word, syllables in words]
    places = [
        _Place(character, syllables, n, len(word) - 1 == n and n > 0)
        for word, syllables in spoken
        if len(word) == len(syllables)
        for n, character in enumerate(word)
    ]
    text = "".join(place.character for place in places)
    for at, place in enumerate(places):
        after = places[at + 1].said[-1:] if at + 1 < len(places) else ""
        if place.character == "不" and place.said == "bu4":
            place.say(_no(text, at, after))
        elif place.character == "一" and place.said == "yi1":
            place.say(_one(text, at, after, place.ends_word))
    _doubled(text, places)
    _third_tones(spoken)
    return spoken


def _no(text: str, at: int, tone: str) -> str:
    """不 rises before a fourth tone and has none between a doubled verb: 行不行."""
    if 0 < at < len(text) - 1 and text[at - 1] == text[at + 1] and text[at - 2 : at - 1] != "不":
        return "bu5"
    return "bu2" if tone == "4" else "bu4"


def _one(text: str, at: int, tone: str, ends_word: bool) -> str:
    """一 keeps its tone in numbers, dates and ordinals; else it falls or, before 4, rises."""
    before, after = text[max(0, at - 3) : at], text[at + 1 : at + 3]
    last = before[-1:]
    if not tone or _is_figure(before, after) or (ends_word and last not in _OPEN_ENDED):
        return "yi1"
    if last and last == after[:1] and before[-2:-1] != "一":
        return "yi5"
    return "yi2" if tone in "45" else "yi4"


def _is_figure(before: str, after: str) -> bool:
    """Whether 一 between `before` and `after` is read as a figure."""
    return (
        before[-2:] not in _ENDS_IN_ONE
        and before[-2:-1] not in tuple("块毛")
        and bool(
            _FIGURE_BEFORE.search(before)
            or _FIGURE_AFTER.match(after)
            or (_HUNDREDS.search(before) and after[:1] in ("", "十"))
            or (before[-1:] in tuple("买拍满付假") and after[:1] in _GET)
        )
    )


def _doubled(text: str, places: list[_Place]) -> None:
    """看看 is kan4 kan5, 想想 xiang2 xiang5; 走走停停 and 一点点 are no doubled verbs."""
    for at in range(len(text) - 1):
        if text[at] != text[at + 1] or text[at] not in _TRIED:
            continue
        pairs = text[at + 2 : at + 3] and text[at + 2 : at + 3] == text[at + 3 : at + 4]
        if pairs or text[at - 1 : at] in ("一", "两", text[at]) or (at == 0 and len(text) == 1):
            continue
        first, second = places[at], places[at + 1]
        if first.said[-1] == "3":
            first.say(first.said[:-1] + "2")
        second.say(second.said[:-1] + "5")


def _third_tones(words: list[Word]) -> None:
    """Of two third tones the first rises: inside words first, then between them from the right."""
    for word, syllables in words:
        if len(word) == len(syllables):
            syllables[:] = _inside(word, syllables)
    for n in range(len(words) - 2, -1, -1):
        if not _parted(words[n - 1][0] if n else "", words[n][0], words[n + 1][0]):
            _join(words[n][1], words[n + 1][1])


def _inside(word: str, syllables: list[str]) -> list[str]:
    if len(word) < 2:
        return syllables
    at = _middle(word)
    left, right = _inside(word[:at], syllables[:at]), _inside(word[at:], syllables[at:])
    _join(left, right)
    return left + right


def _middle(word: str) -> int:
    """Return where `word` falls into two: 展览·馆, 小·老虎, 小米·手表."""
    if len(word) == 2 or (len(word) == 3 and is_word(word[1:]) and not is_word(word[:2])):
        return 1
    return 2


def _join(left: list[str], right: list[str]) -> None:
    if left and right and left[-1][-1:] == "3" and right[0][-1:] == "3":
        left[-1] = left[-1][:-1] + "2"


def _parted(before: str, word: str, after: str) -> bool:
    """Whether one takes a breath after `word`: 展览馆·有, 调整·角度, 保管好·你的, 买五·免一."""
    is_number = word[-1] in _DIGITS or word[-1] in "点百"
    size = len(word) + (before in _POINTS)
    if size > 1 and not is_number and (len(after) > 1 or after in _HEADS):
        return True
    if word == "好":
        return len(before) > 1 and after[:1] in _PRONOUNS
    return after[:1] in _GET and bool(_BUY.search(before + word))
