"""Dictionary readings of Mandarin words: pypinyin's, with the corrections of data/readings.txt.

In:  a word.   Out: one syllable for each character, and which of them a dictionary vouches for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources

from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT

from livehost.brain.voice.pinyin import is_syllable

_LONGEST = 8


@dataclass(frozen=True, slots=True)
class _Corrections:
    """What data/readings.txt says.

    Attributes:
        whole: word -> all its syllables.
        parts: word -> character -> how it is read in that word.
        neutral: words whose last syllable has no tone.
        single: character -> how it is read by itself.
    """

    whole: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    neutral: set[str] = field(default_factory=set)
    single: dict[str, str] = field(default_factory=dict)

    def __contains__(self, word: str) -> bool:
        return word in self.whole or word in self.parts or word in self.neutral


@cache
def _corrections() -> _Corrections:
    found = _Corrections()
    text = resources.files("livehost.brain.voice").joinpath("data/readings.txt").read_text("utf-8")
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line
        elif line and not line.startswith("#"):
            _learn(found, section, line)
    return found


def _learn(found: _Corrections, section: str, line: str) -> None:
    head, _, rest = line.partition(": ")
    if section == "[neutral]":
        found.neutral.update(line.split())
    elif section == "[single]":
        character, syllable = line.split()
        found.single[character] = syllable
    elif " " in head:
        character, syllable = head.split()
        for word in rest.split():
            found.parts.setdefault(word, {})[character] = syllable
    else:
        found.whole[head] = rest.split()


def is_known(word: str) -> bool:
    """Whether a dictionary has `word`, of two characters or more, as a whole."""
    return word in _corrections() or word in PHRASES_DICT


def is_corrected(word: str) -> bool:
    """Whether data/readings.txt has `word`."""
    return word in _corrections()


@lru_cache(maxsize=16_384)
def reading(word: str) -> tuple[tuple[str, bool], ...]:
    """Return (syllable, sure) for each character of `word`; "" where it has no reading.

    A syllable is sure when the character stands in a longer entry of a dictionary.
    """
    out: list[tuple[str, bool]] = []
    at = 0
    while at < len(word):
        size = _longest_entry(word, at)
        part = word[at : at + size]
        out += [(syllable, size > 1) for syllable in _entry(part)]
        at += size
    return tuple(out)


def _longest_entry(word: str, at: int) -> int:
    most = min(_LONGEST, len(word) - at)
    return next((size for size in range(most, 1, -1) if is_known(word[at : at + size])), 1)


def _entry(word: str) -> list[str]:
    known = _corrections()
    if len(word) == 1:
        return [known.single.get(word) or _plain(word)[0]]
    if word in known.whole:
        return list(known.whole[word])
    if len(word) == 4 and word == word[0] * 2 + word[2] * 2 and is_known(word[::2]):
        pair = [
            known.parts.get(word[::2], {}).get(c, s)
            for c, s in zip(word[::2], _plain(word[::2]), strict=True)
        ]
        return [pair[0], pair[0], pair[1], pair[1]]
    syllables = _plain(word) if word in PHRASES_DICT else _composed(word)
    parts = known.parts.get(word, {})
    syllables = [parts.get(c, s) for c, s in zip(word, syllables, strict=True)]
    if word in known.neutral and syllables[-1]:
        syllables[-1] = syllables[-1][:-1] + "5"
    return syllables


def _composed(word: str) -> list[str]:
    """Return the reading of a word that pypinyin lacks, from the entries it is made of."""
    single = _corrections().single
    out: list[str] = []
    while word:
        sizes = range(min(_LONGEST, len(word)), 1, -1)
        size = next((n for n in sizes if word[:n] in PHRASES_DICT), 1)
        out += _plain(word[:size]) if size > 1 else [single.get(word[0]) or _plain(word[0])[0]]
        word = word[size:]
    return out


def _plain(word: str) -> list[str]:
    """Return pypinyin's reading, one syllable for each character, "" for what it cannot read."""
    found = lazy_pinyin(
        word,
        style=Style.TONE3,
        neutral_tone_with_five=True,
        v_to_u=False,
        errors=lambda unread: [""] * len(unread),  # type: ignore[arg-type, return-value]
    )
    if len(found) != len(word):
        return [_plain(character)[0] for character in word] if len(word) > 1 else [""]
    known = (_BEFORE_SANDHI.get(c, s) for c, s in zip(word, found, strict=True))
    return [syllable if is_syllable(syllable) else "" for syllable in known]


_BEFORE_SANDHI = {"一": "yi1", "不": "bu4"}
"""pypinyin has some of its phrases with the tones that these two take in them."""
