"""What a figure is about: the words nearest to it, or those of its clause.

In:  folded text and the figures in it.   Out: topics of topics.toml; whether two texts speak alike.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from livehost.brain.gate.quantities import Quantity

Topics = frozenset[str]
NONE: Topics = frozenset()
NEED_WORDS = frozenset({"percent", "degree", "hour", "month", "minute"})
"""Units that do not tell what is measured: the words around must."""

CLAUSE = re.compile(r"[,，。!?;\n]")
_NEAR = re.compile(r"[,，。!?;、\n]|加|和|与|及|剩下")
_RANGE = re.compile(r"\s*(?:-|~|—|–|至|到|、|\bto\b)\s*")
_HAN = re.compile("[\u4e00-\u9fff]{2,}")
_NUMERALS = re.compile("[零一二两三四五六七八九十百千万亿0-9.]+")


def topics_of(text: str) -> Topics:
    """Return the topics whose words stand in a folded text."""
    words = _words()
    return frozenset(words[match[0]] for match in _pattern().finditer(text))


def near(text: str, figures: Sequence[Quantity], n: int) -> Topics:
    """Return what figure `n` is about by the words that touch it: behind it, else before it."""
    behind = figures[n + 1].start if n + 1 < len(figures) else len(text)
    return topics_of(right(text, figures[n], behind)) or topics_of(_left(text, figures, n))


def right(text: str, figure: Quantity, limit: int) -> str:
    """Return the words from a figure to the next mark or figure."""
    return _NEAR.split(text[figure.end : max(figure.end, limit)], maxsplit=1)[0]


def _left(text: str, figures: Sequence[Quantity], n: int) -> str:
    start = figures[n].start
    floor = figures[n - 1].end if n else 0
    if n and _RANGE.fullmatch(text[floor:start]):
        return _left(text, figures, n - 1)
    return _NEAR.split(text[min(floor, start) : start])[-1]


def around(text: str, figures: Sequence[Quantity], n: int) -> Topics:
    """Return what figure `n` is about: by its neighbours, by its clause, or, for units that say
    nothing themselves, by the clauses before it.
    """
    behind = figures[n + 1].start if n + 1 < len(figures) else len(text)
    touching = topics_of(right(text, figures[n], behind)) | topics_of(_left(text, figures, n))
    if touching:
        return touching
    before = text[: figures[n].start]
    after = CLAUSE.split(text[figures[n].end :], maxsplit=1)[0]
    clauses = CLAUSE.split(before)
    clauses[-1] += after
    looked = clauses if figures[n].dim in NEED_WORDS else clauses[-1:]
    return next((t for clause in reversed(looked) if (t := topics_of(clause))), NONE)


def pairs(text: str) -> frozenset[str]:
    """Return the pairs of neighbouring Chinese characters, numerals left out."""
    runs = _HAN.findall(_NUMERALS.sub(" ", text))
    return frozenset(run[n : n + 2] for run in runs for n in range(len(run) - 1))


@functools.cache
def _words() -> dict[str, str]:
    lists = tomllib.loads(Path(__file__).with_name("topics.toml").read_text("utf-8"))
    return {word: topic for topic, words in lists.items() for word in words}


@functools.cache
def _pattern() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(_words(), key=len, reverse=True))))
