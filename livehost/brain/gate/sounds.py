"""What a text sounds like, so that words are found however they are spelt: 加威信, 佳薇❤芯.

In:  squeezed text.   Out: syllables without tones, each with the characters that it came from.

Sounds that many speakers do not tell apart are one: z and zh, n and ng.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pypinyin.pinyin_dict import pinyin_dict

_LATIN = re.compile("[a-z]+")


@dataclass(frozen=True, slots=True)
class Heard:
    """The syllables of a text.

    Attributes:
        syllables: without tones; a character that is not Chinese stands for itself.
        spans: (start, end) of each in the squeezed text.
    """

    syllables: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]


class Sounds:
    """Find words by their sound.

    Args:
        words: Chinese words, folded.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for word in words:
            heard = tuple(syllable(char) for char in word)
            self._by_first.setdefault(heard[0], []).append((heard, word))

    def __bool__(self) -> bool:
        return bool(self._by_first)

    def find(self, heard: Heard, text: str) -> Iterator[tuple[int, int]]:
        """Yield the spans in `text` that sound like a word without being written like it."""
        for at, first in enumerate(heard.syllables):
            for sound, word in self._by_first.get(first, ()):
                until = at + len(sound)
                if heard.syllables[at:until] == sound:
                    start, end = heard.spans[at][0], heard.spans[until - 1][1]
                    if text[start:end] != word:
                        yield start, end


def hear(text: str) -> Heard:
    """Return the syllables of a squeezed text; runs of letters are read as pinyin if they are."""
    syllables: list[str] = []
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        run = _LATIN.match(text, at)
        parts = _spelled(run[0]) if run else (syllable(text[at]),)
        if run and not parts:
            parts = (run[0],)
        pieces = _spans(run[0], parts, at) if run else [(at, at + 1)]
        syllables += [merged(part) for part in parts]
        spans += pieces
        at = run.end() if run else at + 1
    return Heard(tuple(syllables), tuple(spans))


def _spans(run: str, parts: tuple[str, ...], at: int) -> list[tuple[int, int]]:
    ends = [at + sum(len(part) for part in parts[: n + 1]) for n in range(len(parts))]
    return list(zip([at, *ends[:-1]], ends, strict=True))


@functools.lru_cache(maxsize=8192)
def syllable(char: str) -> str:
    """Return the first reading of a character, merged; the character itself if it has none."""
    readings = pinyin_dict.get(ord(char))
    return merged(_toneless(readings.split(",")[0])) if readings else char


def merged(sound: str) -> str:
    """Return a syllable without what many speakers do not tell apart."""
    if not sound.isascii() or not sound.isalpha() or len(sound) == 1:
        return sound
    sound = re.sub("^([zcs])h", r"\1", sound)
    return re.sub("(?<=[aei])ng$", "n", sound)


def _toneless(reading: str) -> str:
    letters = unicodedata.normalize("NFD", reading.replace("ü", "v"))
    return "".join(c for c in letters if c.isascii())


@functools.lru_cache(maxsize=1024)
def _spelled(run: str) -> tuple[str, ...]:
    """Cut a run of letters into pinyin syllables, the longest first; () when it is none."""
    if not run:
        return ()
    for size in range(min(6, len(run)), 0, -1):
        if run[:size] in _syllables():
            if size == len(run):
                return (run,)
            if rest := _spelled(run[size:]):
                return (run[:size], *rest)
    return ()


@functools.cache
def _syllables() -> frozenset[str]:
    readings = (reading.split(",")[0] for reading in pinyin_dict.values())
    return frozenset(s for s in map(_toneless, readings) if s.isalpha() and len(s) > 1)
