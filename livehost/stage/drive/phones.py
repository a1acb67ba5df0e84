"""Phones as voices write them, made into a clean row of visemes.

In:  `Phone`s in any order and notation (IPA, Kokoro's one-letter affricates and diphthongs).
Out: `Segment`s, sorted, with positive length, no gaps.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from livehost.clock import SAMPLE_RATE
from livehost.media import Phone

SILENCE = "sil"
SHORTEST = 0.02  # seconds; zero-length phones still show
PAUSE = 0.06  # shorter gaps and punctuation do not close the mouth
LONGEST_CLOSURE = 0.12  # a longer p or b holds its aspiration: the lips are apart by then
WORD_GAP = 0.15  # a space that is longer than this is a pause

_PUNCTUATION = frozenset(';:,.!?—…"()“”、。，！？；：')
_TEETH_VOWELS = ("ɨ", "ɹ", "ɹ\u0329", "ɻ\u0329")  # of zi, ci, si, zhi, chi, shi, ri
_STOPS = ("t", "d", "ʈ", "ɖ")
_FRICATIVES = ("s", "z", "ʂ", "ʐ", "ɕ", "ʑ", "ʃ", "ʒ")
_LONGEST = 3_600.0  # seconds; a phone beyond this is a mistake of the voice


@dataclass(frozen=True, slots=True)
class Segment:
    """One viseme held for a while.

    Attributes:
        viseme: a key of the avatar's visemes.
        start, end: seconds after the sentence's first sample.
        stress: 1 in an emphasised word.
    """

    viseme: str
    start: float
    end: float
    stress: int = 0

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


def segments(phones: Sequence[Phone], ipa: Mapping[str, tuple[str, ...]]) -> list[Segment]:
    """Return the visemes of a sentence.

    Marks of tone and length and unknown symbols prolong what came before; during aspiration the
    mouth has already taken the shape of the vowel.

    Args:
        ipa: the avatar's map from phone to visemes.
    """
    row: list[Segment] = []
    ordered = sorted((p for p in phones if _sane(p)), key=lambda p: (p.start, p.end))
    for index, phone in enumerate(ordered):
        following = ordered[index + 1].ipa if index + 1 < len(ordered) else ""
        _add(row, phone, _visemes(phone, following, row, ipa))
    return _without_gaps(row)


def _sane(phone: Phone) -> bool:
    return -_LONGEST < phone.start / SAMPLE_RATE <= phone.end / SAMPLE_RATE < _LONGEST


def _visemes(
    phone: Phone, following: str, row: list[Segment], ipa: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...] | None:
    """Return the visemes to pass through; None prolongs the last."""
    symbol = _plain(phone.ipa)
    if phone.ipa.endswith("ʰ"):
        vowel = (lookup(following, ipa) or ())[:1]
        return ((lookup(symbol, ipa) or ()) if symbol else ()) + vowel or None
    if not symbol or symbol in _PUNCTUATION or symbol.isspace():
        return _rest(phone, symbol)
    if symbol in _STOPS and _plain(following).startswith(_FRICATIVES):
        return lookup(following, ipa)
    if symbol in _TEETH_VOWELS and row and row[-1].viseme in ("z", "zh"):
        return None
    found = lookup(phone.ipa, ipa)
    if symbol in ("p", "b") and found and _seconds(phone) > LONGEST_CLOSURE:
        return found + (lookup(following, ipa) or ())[:1]
    return found


def _seconds(phone: Phone) -> float:
    return (phone.end - phone.start) / SAMPLE_RATE


def _rest(phone: Phone, symbol: str) -> tuple[str, ...] | None:
    closes = _seconds(phone) > (WORD_GAP if symbol.isspace() else PAUSE) and symbol != ""
    return (SILENCE,) if closes else None


def lookup(symbol: str, ipa: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the visemes of one symbol, or None for one nobody knows.

    Tried in turn: as written; without marks and modifiers; piece by piece, longest first.
    """
    for form in (symbol, _plain(symbol), _bare(symbol)):
        if form in ipa:
            return ipa[form]
    found: list[str] = []
    rest = _bare(symbol)
    while rest:
        size = next((n for n in range(len(rest), 0, -1) if rest[:n] in ipa), 0)
        found += ipa[rest[:size]] if size else ()
        rest = rest[size or 1 :]
    return tuple(found) or None


SYLLABIC = "\u0329"
_TONES = frozenset("↗↘→↓˥˦˧˨˩ˈˌːˑ͡‿̯̩̃̊ʲʷˠˤ0123456789ʰ'’`")


def _plain(symbol: str) -> str:
    """Drop tone, stress, length and aspiration; keep the mark of a syllabic consonant."""
    return "".join(c for c in symbol if c not in _TONES or c == SYLLABIC)


def _bare(symbol: str) -> str:
    decomposed = unicodedata.normalize("NFD", symbol)
    return "".join(c for c in decomposed if c not in _TONES and not unicodedata.combining(c))


def _add(row: list[Segment], phone: Phone, visemes: tuple[str, ...] | None) -> None:
    start, end = phone.start / SAMPLE_RATE, phone.end / SAMPLE_RATE
    if visemes is None:
        if row:
            row[-1] = replace(row[-1], end=max(row[-1].end, end))
        return
    end = max(end, start + SHORTEST)
    step = (end - start) / len(visemes)
    for n, viseme in enumerate(visemes):
        row.append(Segment(viseme, start + n * step, start + (n + 1) * step, phone.stress))


def _without_gaps(row: list[Segment]) -> list[Segment]:
    """Let short gaps belong to the segment before, make pauses of long ones."""
    out: list[Segment] = []
    for index, segment in enumerate(row):
        out.append(segment)
        if index + 1 == len(row):
            break
        gap = row[index + 1].start - segment.end
        if gap > PAUSE:
            out.append(Segment(SILENCE, segment.end, row[index + 1].start))
        elif gap > 0:
            out[-1] = replace(segment, end=row[index + 1].start)
    return out
