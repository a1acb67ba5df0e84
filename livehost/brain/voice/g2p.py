"""Spoken text to the symbols of the voice: Mandarin by pinyin, English words by their own rules.

In:  text from `normalise`.   Out: symbols of Kokoro's alphabet, with emphasis marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import rjieba
from pypinyin import Style, lazy_pinyin

from livehost.brain.voice.lexicon import Lexicon
from livehost.brain.voice.pinyin import to_ipa
from livehost.brain.voice.rules import HAN
from livehost.brain.voice.sandhi import with_sandhi

PUNCTUATION = {
    "、": ", ", "，": ", ", "。": ". ", "！": "! ", "：": ": ", "；": "; ", "？": "? ",
    "《": " “", "》": "” ", "「": " “", "」": "” ", "『": " “", "』": "” ", "【": " “", "】": "” ",
    "（": " (", "）": ") ", "«": " “", "»": "” ", "[": " (", "]": ") ",
}  # fmt: skip
"""As misaki 0.9 maps it, so as the voice was taught it."""

_SEGMENT = re.compile(
    rf"(?P<zh>[{HAN}\U00020000-\U0002fa1f〇\ue000-\uf8ff]+)"
    r"|(?P<en>[A-Za-zÀ-ÖØ-öø-ÿ](?:[A-Za-zÀ-ÖØ-öø-ÿ'’.\- ]*[A-Za-zÀ-ÖØ-öø-ÿ])?)|(?P<other>.)",
    re.DOTALL,
)
_LETTERS = re.compile(r"\b[A-Za-z]\b(?!['’-])")


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
def _segmenter() -> Any:
    return rjieba.Jieba()


@cache
def _english() -> Any:
    from hibari.g2p import G2P  # noqa: PLC0415  (0.7 s and 60 MB: only when English is met)

    return G2P()


def english(text: str) -> str:
    """Return the symbols of an English text, which may hold numbers and punctuation."""
    return "".join(c for c in str(_english()(text) or "") if c in vocabulary()).strip()


def transcribe(text: str, lexicon: Lexicon) -> list[Symbols]:
    """Return the symbols of a Chinese text with English words in it, only from the alphabet."""
    pieces: list[Symbols] = []
    for match in _SEGMENT.finditer(text):
        if match["zh"]:
            pieces += _mandarin(match["zh"], lexicon)
        elif match["en"]:
            pieces += [Symbols(" "), Symbols(_english_words(match["en"]), 1), Symbols(" ")]
        else:
            pieces.append(Symbols(PUNCTUATION.get(match["other"], match["other"])))
    return _single_spaces(pieces)


def _english_words(text: str) -> str:
    """Letters that stand alone are read by their names: A is not the article."""
    text = _LETTERS.sub(lambda match: match[0].upper(), text)
    parts = re.split(r"(?<![A-Za-z])([AI])(?![A-Za-z'’-])", text)
    said = [_LETTER_NAMES.get(part) or english(part) for part in parts if part.strip()]
    return " ".join(said)


_LETTER_NAMES = {"A": "ˈA", "I": "ˈI"}


def _mandarin(text: str, lexicon: Lexicon) -> Iterator[Symbols]:
    cut = list(_words(text))
    readings = [_reading(n, cut) or _syllables(word, lexicon) for n, word in enumerate(cut)]
    words = with_sandhi(list(zip(cut, readings, strict=True)))
    for n, (word, syllables) in enumerate(words):
        if n:
            yield Symbols(" ")
        yield Symbols("".join(map(to_ipa, syllables)), int(word in _emphatic()))


def _reading(n: int, words: list[str]) -> list[str]:
    """Return how word `n` is read among its neighbours where a dictionary cannot know."""
    before = words[n - 1] if n else ""
    match words[n]:
        case "得":
            return ["dei3"] if before in _PERSONS or not before else ["de5"]
        case "地":
            return ["de5"] if len(before) > 1 else []
        case "长":
            return ["zhang3"] if "".join(words[n + 1 :])[:1] in _GROWS else ["chang2"]
        case "脏":
            return ["zang1"]
    return []


_PERSONS = frozenset(
    ("你", "您", "我", "他", "她", "它", "咱", "我们", "你们", "咱们", "大家", "都", "还", "就")
)
_POTENTIAL = re.compile("^[看走跑吃穿用买说做听来过靠信对比]得.$")
_GROWS = frozenset("大高出成在满着了到")


def _words(text: str) -> Iterator[str]:
    for part in re.split("([\ue000-\uf8ff])", text):
        if part:
            yield from _segmenter().cut(part)


def _syllables(word: str, lexicon: Lexicon) -> list[str]:
    if given := lexicon.pronunciation(word):
        return list(given)
    if _POTENTIAL.match(word):
        return [_syllables(word[0], lexicon)[0], "de5", *_syllables(word[2:], lexicon)]
    found = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")
    return [syllable for syllable in found if _is_syllable(syllable)]


def _is_syllable(syllable: str) -> bool:
    try:
        to_ipa(syllable)
    except ValueError:
        return False
    return True


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
