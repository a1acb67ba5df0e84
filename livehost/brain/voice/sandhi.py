"""Mandarin tone sandhi: what a syllable's tone becomes beside others.

In:  words with their dictionary pinyin.   Out: the same words with the tones that are spoken.

Source: Chao, A Grammar of Spoken Chinese (1968), 1.3.4 and 8.1.5 (一 and 不).
"""

from __future__ import annotations

import re

Word = tuple[str, list[str]]

_COUNTING = re.compile(r"[零〇一二三四五六七八九十百千万亿点年月日号第]")


def with_sandhi(words: list[Word]) -> list[Word]:
    """Return `words` with 一, 不 and pairs of third tones as they are spoken.

    A word whose reading is not one syllable for each character is left alone.
    """
    spoken = [(word, list(syllables)) for word, syllables in words]
    flat = [
        (character, syllables, n)
        for word, syllables in spoken
        if len(word) == len(syllables)
        for n, character in enumerate(word)
    ]
    for (before, _, _), (character, syllables, n), (after, others, m) in zip(
        [("", [], 0), *flat], flat, flat[1:], strict=False
    ):
        if character == "不" and syllables[n] == "bu4" and others[m][-1] == "4":
            syllables[n] = "bu2"
        elif character == "一" and n == 0 and syllables[n] == "yi1":
            syllables[n] = _one(before, after, others[m][-1])
    for _, syllables in spoken:
        _third_tones(syllables)
    return spoken


def _one(preceding: str, following: str, tone: str) -> str:
    """一 keeps its tone in numbers, dates and ordinals; else it falls or, before 4, rises."""
    if _COUNTING.match(preceding) or (_COUNTING.match(following) and following not in "百千万亿"):
        return "yi1"
    return "yi2" if tone in "45" else "yi4"


def _third_tones(syllables: list[str]) -> None:
    """Within a word the first of two third tones rises: 你好 is said ni2 hao3."""
    for n in range(len(syllables) - 1):
        if syllables[n][-1] == "3" and syllables[n + 1][-1] == "3":
            syllables[n] = syllables[n][:-1] + "2"
