"""Which movements of head and brows go with a sentence, and when.

In:  a sentence, its phones, a seed.   Out: `Gesture`s with their times.

A host nods at a yes, shakes her head a little at a no, tilts it through a question, bows at a
greeting or an apology, and sets a beat (brows and a small nod) on prices and words with weight.
Times come from the phones where the voice has them: pauses between clauses are matched with the
marks of the text, and a word lies at its share of the clause. What would come too close to
something more telling is left out, and so is now and then one for no reason: nobody nods at every
yes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from livehost.clock import SAMPLE_RATE
from livehost.media import Phone

PAUSE = 0.09  # seconds of silence that part two groups of phones
SYLLABLE, BREAK = 0.21, 0.28  # seconds of a character and of a mark, without phones
ROOM = 0.1  # seconds between the end of a gesture and the start of the next
MOST_TEXT, MOST_PHONES = 600, 4000  # beyond this a sentence is not looked at


class Kind(StrEnum):
    """What the head does."""

    NOD = "nod"
    SHAKE = "shake"
    TILT = "tilt"
    BOW = "bow"
    BEAT = "beat"
    GLANCE = "glance"


@dataclass(frozen=True, slots=True)
class Gesture:
    """One movement.

    Attributes:
        start: seconds after the sentence's first sample.
        amount: factors on yaw, pitch, roll, and on brows and shoulders, of its track, see
            `perform.TRACKS`.
        hold: seconds for which its furthest point is kept.
    """

    kind: Kind
    start: float = 0.0
    amount: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    hold: float = 0.0


# seconds from a gesture's start to its point, and from there to its end
LEAD = {Kind.NOD: 0.28, Kind.SHAKE: 0.3, Kind.TILT: 0.5, Kind.BOW: 0.42, Kind.BEAT: 0.17}
TAIL = {Kind.NOD: 0.75, Kind.SHAKE: 0.7, Kind.TILT: 0.7, Kind.BOW: 0.85, Kind.BEAT: 0.45}


def plan(text: str, phones: Sequence[Phone], seed: int) -> tuple[Gesture, ...]:
    """Return the gestures of a sentence in order of time; equal arguments, equal gestures.

    Args:
        phones: of the sentence; empty when the voice has no timings.
    """
    if len(text) > MOST_TEXT or len(phones) > MOST_PHONES:
        return ()
    random = np.random.default_rng(seed)
    when = _Times(text, phones)
    drawn = [(_Drawn.of(random), found) for found in _wanted(text, phones, when)]
    kept: list[tuple[_Found, _Drawn]] = []
    for draw, found in sorted(drawn, key=lambda item: item[1].rank):
        if draw.chance < found.chance and all(_apart(found, other) for other, _ in kept):
            kept.append((found, draw))
    made = (_gesture(found, draw) for found, draw in kept)
    return tuple(sorted(made, key=lambda gesture: gesture.start))


# --- what asks for a gesture ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A place that asks for a gesture.

    Attributes:
        at: seconds of its point.
        chance: how often it is followed.
        rank: 0 goes before others that are near.
        size: 1 is usual.
        hold: seconds.
    """

    kind: Kind
    at: float
    chance: float
    rank: int
    size: float = 1.0
    hold: float = 0.0


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What chance adds to a place; drawn for each, so that one does not change another."""

    chance: float
    size: float
    side: int

    @staticmethod
    def of(random: np.random.Generator) -> _Drawn:
        chance, size, side = random.random(3)
        return _Drawn(float(chance), 0.75 + 0.4 * float(size), 1 if side > 0.5 else -1)


def _gesture(found: _Found, draw: _Drawn) -> Gesture:
    size = found.size * draw.size
    sided = size * draw.side
    start = max(0.0, found.at - LEAD[found.kind])
    return Gesture(found.kind, start, (sided, size, sided, size), found.hold)


def _apart(found: _Found, other: _Found) -> bool:
    """Whether two places leave each other room; a tilt lasts, and bears beats within it."""
    if (found.kind is Kind.TILT) != (other.kind is Kind.TILT) and Kind.BEAT in (
        found.kind,
        other.kind,
    ):
        return True
    first, second = sorted((found, other), key=lambda one: one.at)
    over = first.at + first.hold + TAIL[first.kind]
    return second.at - LEAD[second.kind] >= over + ROOM


_MARKS = "，。！？；：,.!?;:、…\n"
_QUESTION = re.compile("[?？]")
_CLAUSE = re.compile(rf"(?:[^{_MARKS}]|(?<=\d)[.,:](?=\d))+")
_BEGINS = rf"(?:^|(?<=[{_MARKS} ]))"
_ENDS = rf"(?=[{_MARKS} ]|$)"

_YES = re.compile(
    rf"{_BEGINS}(?:是的|对的?|可以的?|好的|有的|能的|行的?|嗯|当然|必须的|放心){_ENDS}"
    r"|没错|没问题|当然(?:可以|能|有)|完全可以"
    r"|\b(?:yes|yeah|sure|of course|exactly|absolutely|certainly|no problem|that's right)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?<![是会能要有用行可想])(?:不会|不用(?!客气|谢)|不是|不能|不可以|不行|不需要|绝不|并不|从来?不"
    r"|没有(?!想到|的话)|不油炸|不额外|不含)"
    r"|\b(?:no(?! (?:problem|doubt|one))|not(?! only)|never|nothing|none|cannot"
    r"|(?:do|does|did|wo|is|are|ca)n't(?! (?:it|you|they|we|that|this)\b))\b",
    re.IGNORECASE,
)
_SORRY = re.compile(r"对不起|抱歉|(?<!别)不好意思|\b(?:sorry|apolog\w+)\b", re.IGNORECASE)
_GREETING = re.compile(
    r"谢谢|感谢|多谢|欢迎|大家好|[您你]好|哈[喽啰罗]|再见|拜拜"
    r"|\b(?:thanks?|thank you|welcome|hello|hi|good (?:morning|evening|afternoon)|bye)\b",
    re.IGNORECASE,
)
_HAN_NUMBER = "[零一二三四五六七八九十百千万两半]"
_PRICE = re.compile(
    r"[¥￥$]\s?\d[\d.,]*|\d[\d.,]*\s?(?:元|块|毛|折|%|美元|dollars?\b|yuan\b|percent\b)"
    rf"|{_HAN_NUMBER}+点?{_HAN_NUMBER}*(?:元|块(?!头)|折(?![叠伞页]))|半价|包邮|免费|\bfree\b",
    re.IGNORECASE,
)
_WEIGHTY = re.compile(
    r"特别|非常|真的|一定|千万|注意|最后|只要|只有|只剩|马上|关键|重点|超级|所有|每一|完全|居然|竟然"
    r"|\b(?:really|very|only|especially|every|all of|remember|exactly)\b",
    re.IGNORECASE,
)
# pattern, kind, chance, rank, size
_ONCE = frozenset({Kind.BOW, Kind.SHAKE})  # in a sentence
_RULES = (
    (_SORRY, Kind.BOW, 0.9, 0, 1.15),
    (_GREETING, Kind.BOW, 0.8, 1, 0.8),
    (_YES, Kind.NOD, 0.9, 1, 1.0),
    (_NO, Kind.SHAKE, 0.6, 2, 1.0),
    (_PRICE, Kind.BEAT, 0.95, 3, 1.15),
    (_WEIGHTY, Kind.BEAT, 0.5, 5, 0.85),
)


def _wanted(text: str, phones: Sequence[Phone], when: _Times) -> Iterator[_Found]:
    asked = [clause.span() for clause in _CLAUSE.finditer(text) if _is_asked(text, clause.end())]
    for pattern, kind, chance, rank, size in _RULES:
        for found in pattern.finditer(text):
            if kind is Kind.SHAKE and any(a <= found.start() < b for a, b in asked):
                continue  # "isn't it?" is no denial
            at = when.at((found.start() + found.end()) / 2)
            yield _Found(kind, at, chance, rank, size)
            if kind in _ONCE:
                break
    yield from (_tilt(span, when) for span in asked[-1:])
    yield from (_Found(Kind.BEAT, at, 0.7, 4) for at in _stressed(phones))


def _is_asked(text: str, end: int) -> bool:
    return _QUESTION.match(text, end) is not None


def _tilt(span: tuple[int, int], when: _Times) -> _Found:
    """Return a tilt that grows through the last half of a question and stays to its end."""
    begin, end = when.at(sum(span) / 2), when.at(span[1])
    return _Found(Kind.TILT, begin, 0.85, 2, hold=min(2.0, max(0.3, end - begin + 0.2)))


def _stressed(phones: Sequence[Phone]) -> Iterator[float]:
    """Yield the seconds at which emphasised words have come a third of their way."""
    begin = end = -1
    for phone in phones:
        if phone.stress and begin < 0:
            begin = phone.start
        if phone.stress:
            end = phone.end
        if begin >= 0 and not phone.stress:
            yield (begin + (end - begin) / 3) / SAMPLE_RATE
            begin = -1
    if begin >= 0:
        yield (begin + (end - begin) / 3) / SAMPLE_RATE


# --- when a character is said ---------------------------------------------------------------------


class _Times:
    """Seconds at which the characters of a text are said."""

    def __init__(self, text: str, phones: Sequence[Phone]) -> None:
        weights = [_weight(char) for char in text]
        self._said = np.concatenate([[0.0], np.cumsum(weights)])
        clauses = [(c.start(), c.end()) for c in _CLAUSE.finditer(text)]
        edges = [(float(self._said[a]), float(self._said[b])) for a, b in clauses]
        edges = [(a, b) for a, b in edges if b > a]
        groups = list(_groups(phones))
        if not groups:
            groups = list(_usual(edges))
        elif len(groups) != len(edges):
            edges = list(_shared(groups, float(self._said[-1])))
        self._weights = [edge for pair in edges for edge in pair] or [0.0]
        self._seconds = [edge for pair in groups for edge in pair] or [0.0]

    def at(self, index: float) -> float:
        """Return the seconds at which the character at `index` begins; may lie between two."""
        place = np.interp(index, np.arange(len(self._said)), self._said)
        return float(np.interp(place, self._weights, self._seconds))


def _weight(char: str) -> float:
    """Return how long a character takes to say, in syllables."""
    if char.isdigit():
        return 1.3
    if char.isascii():
        return 0.36 if char.isalpha() else 0.0
    return 1.0 if char.isalnum() else 0.0


def _groups(phones: Sequence[Phone]) -> Iterator[tuple[float, float]]:
    """Yield (start, end) seconds of speech between pauses."""
    begin, end = -1.0, -1.0
    for phone in sorted(phones, key=lambda phone: phone.start):
        if not any(char.isalpha() for char in phone.ipa) or phone.ipa == "sil":
            continue
        start = phone.start / SAMPLE_RATE
        if begin >= 0 and start - end >= PAUSE:
            yield begin, end
            begin = -1.0
        begin = start if begin < 0 else begin
        end = max(end, phone.end / SAMPLE_RATE)
    if begin >= 0:
        yield begin, end


def _usual(edges: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield (start, end) seconds of clauses as they are usually spoken."""
    for number, (begin, end) in enumerate(edges):
        yield 0.05 + number * BREAK + begin * SYLLABLE, 0.05 + number * BREAK + end * SYLLABLE


def _shared(groups: list[tuple[float, float]], total: float) -> Iterator[tuple[float, float]]:
    """Yield for each group the share of the text's weight that its length stands for."""
    whole, said = sum(end - begin for begin, end in groups), 0.0
    for begin, end in groups:
        share = total * (end - begin) / max(whole, 1e-6)
        yield said, said + share
        said += share
