"""Spoken text to the symbols of the voice: Mandarin by pinyin, English words by their own rules.

In:  text from `normalise`.   Out: symbols of Kokoro's alphabet, with emphasis marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from livehost.brain.voice.codes import HAN
from livehost.brain.voice.dictionary import reading
from livehost.brain.voice.erhua import with_erhua
from livehost.brain.voice.lexicon import GIVEN, Lexicon, given
from livehost.brain.voice.pinyin import to_ipa
from livehost.brain.voice.polyphones import NEAR, choose
from livehost.brain.voice.sandhi import Word, with_sandhi
from livehost.brain.voice.segment import cut

PUNCTUATION = {
    "、": ", ", "，": ", ", "。": ". ", "！": "! ", "：": ": ", "；": "; ", "？": "? ",
    "《": " “", "》": "” ", "「": " “", "」": "” ", "『": " “", "』": "” ", "【": " “", "】": "” ",
    "（": " (", "）": ") ", "«": " “", "»": "” ", "[": " (", "]": ") ",
}  # fmt: skip
"""As misaki 0.9 maps it, so as the voice was taught it."""

_SEGMENT = re.compile(
    rf"(?P<zh>[{HAN}\U00020000-\U0002fa1f〇\ue000-\uf8ff]+)"
    r"|(?P<en>[A-Za-zÀ-ÖØ-öø-ÿ](?:[A-Za-zÀ-ÖØ-öø-ÿ'’.\- ]{0,150}[A-Za-zÀ-ÖØ-öø-ÿ])?)|(?P<other>.)",
    re.DOTALL,
)
_LONE_LETTER = re.compile(r"\b[A-Za-z]\b(?!['’-])")


@dataclass(frozen=True, slots=True)
class Symbols:
    """A stretch of symbols of one word or mark.

    Attributes:
        text: symbols of the voice's alphabet.
        stress: 1 if the word is emphasised.
    """

    text: str
    stress: int = 0


@cache
def vocabulary() -> dict[str, int]:
    """Return Kokoro's alphabet: symbol -> token id."""
    text = resources.files("livehost.brain.voice").joinpath("data/vocab.json").read_text("utf-8")
    ids: dict[str, int] = json.loads(text)["vocab"]
    return ids


@cache
def _emphatic() -> frozenset[str]:
    """Return the words at which the host lifts her brows."""
    words = resources.files("livehost.brain.voice").joinpath("data/emphatic.txt")
    return frozenset(words.read_text("utf-8").split())


@cache
def _english() -> Any:
    from hibari.g2p import G2P  # noqa: PLC0415  (0.7 s and 60 MB: only when English is met)

    return G2P()


def english(text: str) -> str:
    """Return the symbols of an English text, which may hold numbers and punctuation."""
    text = _CHAIN.sub(lambda chain: chain[0].replace("-", " "), text)
    return "".join(c for c in str(_english()(text) or "") if c in vocabulary()).strip()


_CHAIN = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+){4,}")
"""A word of many parts; the English reader's time grows with the cube of them."""


def transcribe(
    text: str, lexicon: Lexicon | None = None, stressed: Sequence[str] = ()
) -> list[Symbols]:
    """Return the symbols of a Chinese text with English words in it, only from the alphabet.

    Args:
        text: from `normalise.spoken`; what `Lexicon.replace` put in tells its own reading.
        lexicon: not looked at.
        stressed: what is emphasised, besides prices and the words of emphatic.txt.
    """
    pieces: list[Symbols] = []
    for match in _SEGMENT.finditer(text):
        if match["zh"]:
            pieces += _symbols(_mandarin(match["zh"]), stressed)
        elif match["en"]:
            said = _mandarin_letters(match["en"]) or _english_words(match["en"])
            pieces += [Symbols(" "), Symbols(said, 1), Symbols(" ")]
        else:
            pieces.append(Symbols(PUNCTUATION.get(match["other"], match["other"])))
    return _single_spaces(pieces)


def _symbols(words: list[Word], stressed: Sequence[str]) -> Iterator[Symbols]:
    spans = list(_emphasised("".join(word for word, _ in words), stressed))
    at = 0
    for n, (word, syllables) in enumerate(words):
        if n:
            yield Symbols(" ")
        inside = any(start < at + len(word) and at < end for start, end in spans)
        yield Symbols("".join(map(to_ipa, syllables)), int(inside or word in _emphatic()))
        at += len(word)


_PRICE = re.compile("[〇零一二两三四五六七八九十百千万亿点]+[块元毛折][一二三四五六七八九半]?")


def _emphasised(text: str, stressed: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of prices and of the words asked for."""
    for match in _PRICE.finditer(text):
        yield match.span()
    for word in stressed:
        for match in re.finditer(re.escape(word), text):
            yield match.span()


def pronounce(text: str) -> list[str]:
    """Return what `transcribe` says: syllables with tones, letters and Latin words as they are."""
    said: list[str] = []
    for match in _SEGMENT.finditer(text):
        if match["zh"]:
            said += [syllable for _, word in _mandarin(match["zh"]) for syllable in word]
        elif match["en"]:
            said += _latin_words(match["en"])
    return said


def _latin_words(text: str) -> list[str]:
    named = _LONE_LETTER.sub(lambda letter: letter[0].upper(), text)
    return [said for word in named.split() if (said := word.lstrip(".-'’"))]


def _english_words(text: str) -> str:
    """Letters that stand alone are read by their names: A is not the article."""
    text = _LONE_LETTER.sub(lambda match: match[0].upper(), text)
    parts = re.split(r"(?<![A-Za-z])([AI])(?![A-Za-z'’-])", text)
    said = [_ENGLISH_LETTERS.get(part) or english(part) for part in parts if part.strip()]
    return " ".join(said)


_ENGLISH_LETTERS = {"A": "ˈA", "I": "ˈI"}

MANDARIN_LETTERS = {
    "A": "ei1", "B": "bi4", "C": "xi1", "D": "di4", "E": "yi4", "F": "ai4 fu1", "G": "ji4",
    "H": "ai4 chi3", "I": "ai4", "J": "zhei4", "K": "kei4", "L": "ai4 le4", "M": "ai4 mu3",
    "N": "en1", "O": "ou1", "P": "pi4", "Q": "kiu4", "R": "a4 er3", "S": "ai4 si1", "T": "ti4",
    "U": "you1", "V": "wei1", "W": "da2 bu4 liu4", "X": "ai4 ke4 si1", "Y": "wai1", "Z": "zei4",
}  # fmt: skip
"""How letters are named in Mandarin. A recogniser hears "XXL码" so, and not in the English names
that this voice gives letters; weak tones made it worse."""


def _mandarin_letters(text: str) -> str:
    """Return the symbols of letters that stand alone, "" when there is a word among them."""
    letters = text.split()
    if any(len(letter) > 1 or letter.upper() not in MANDARIN_LETTERS for letter in letters):
        return ""
    return " ".join(
        "".join(map(to_ipa, MANDARIN_LETTERS[letter.upper()].split())) for letter in letters
    )


def _mandarin(text: str) -> list[Word]:
    """Return the words of a stretch of Chinese with the syllables that are spoken."""
    cuts = list(_words(text))
    read = _read([word for word, _ in cuts])
    words = [(w, given or said) for (w, given), said in zip(cuts, read, strict=True)]
    plain = [_sayable(w, said) for w, said in words]
    return with_sandhi(with_erhua([word for word in plain if word[1]]))


def _words(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield words, with their syllables where a lexicon gives them."""
    for part in re.split(f"({GIVEN}+)", text):
        if syllables := given(part):
            yield "\ue000" * len(syllables), syllables
        elif part:
            yield from ((word, []) for word in cut(part))


def _read(words: list[str]) -> list[list[str]]:
    """Return the syllables of each word: the dictionary's, or by the neighbours."""
    text = "".join(words)
    out: list[list[str]] = []
    at = 0
    for n, word in enumerate(words):
        syllables: list[str] = []
        for m, (syllable, sure) in enumerate(reading(word)):
            here = at + m
            found = "" if sure else _chosen(words, n, text, here)
            syllables.append(found or syllable)
        out.append(syllables)
        at += len(word)
    return out


def _chosen(words: list[str], n: int, text: str, at: int) -> str:
    """Return how the character at `at` is read by its neighbours; "" if they do not tell."""
    before, after = text[max(0, at - NEAR) : at], text[at + 1 : at + 1 + NEAR]
    if found := choose(text[at], before, after):
        return found
    if text[at] == "地" and words[n] == "地":
        adverb = n > 0 and len(words[n - 1]) > 1 and bool(after)
        return "de5" if adverb and before[-1:] not in _PLACES else "di4"
    return ""


_PLACES = frozenset("的里上下内外")


def _sayable(word: str, syllables: list[str]) -> Word:
    """Drop the characters that have no reading."""
    kept = [(c, s) for c, s in zip(word, syllables, strict=True) if s]
    return "".join(c for c, _ in kept), [s for _, s in kept]


def _single_spaces(pieces: list[Symbols]) -> list[Symbols]:
    """Keep only symbols of the alphabet, one space at a time, none at the ends."""
    known = vocabulary()
    out: list[Symbols] = []
    last = " "
    for piece in pieces:
        kept = ""
        for symbol in piece.text:
            if symbol in known and not (symbol == " " and last == " "):
                kept += symbol
                last = symbol
        if kept:
            out.append(Symbols(kept, piece.stress))
    while out and not out[-1].text.strip():
        out.pop()
    return out
