"""A Chinese sentence cut into words.

In:  Chinese characters without marks.   Out: words, those of data/readings.txt kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import rjieba

from livehost.brain.voice.dictionary import is_corrected

_LONGEST = 8
_MOST_PARTS = 5


@cache
def _segmenter() -> Any:
    return rjieba.Jieba()


def is_word(text: str) -> bool:
    """Whether the segmenter's dictionary has `text`."""
    return bool(_segmenter().has_word(text))


def cut(text: str) -> Iterator[str]:
    """Yield the words of `text`; neighbours that data/readings.txt knows as one word are one."""
    parts: list[str] = _segmenter().cut(text, hmm=False)
    at = 0
    while at < len(parts):
        count = _joined(parts, at)
        yield "".join(parts[at : at + count])
        at += count


def _joined(parts: list[str], at: int) -> int:
    """Return how many of the parts from `at` on make up the longest known word."""
    for count in range(min(_MOST_PARTS, len(parts) - at), 1, -1):
        word = "".join(parts[at : at + count])
        if len(word) <= _LONGEST and is_corrected(word):
            return count
    return 1
