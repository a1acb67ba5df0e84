"""Written text to spoken text: prices, sizes, units, dates, telephone numbers, brands.

In:  a sentence as it is written, Chinese with English in it.
Out: the same with every number and sign spelled out; English words stay in Latin letters.
"""

from __future__ import annotations

import re
import unicodedata

from livehost.brain.voice.characters import to_simplified, without_markup
from livehost.brain.voice.codes import HAN
from livehost.brain.voice.numbers import NUMBER as N
from livehost.brain.voice.rules import RULES, UNIT

VERSION = 3
"""Raise it when a rule changes what is said: speech made by the old rules is then made anew."""

_SIGNS = str.maketrans(
    {
        "²": "平方", "³": "立方", "㎡": "平方米", "㎥": "立方米", "℃": "°C", "℉": "°F",
        "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3", "№": "No.", "＄": "$",
        "～": "~", "〜": "~", "∼": "~", "–": "-", "−": "-", "﹣": "-", "✕": "×", "✖": "×",
        "…": "…", "⋯": "…", "‘": "'", "’": "'", "＇": "'", "\u00ad": None, "\ufeff": None,
        "↑": None, "↓": None, "→": "，",
        **{chr(0x2460 + n): f"{n + 1}，" for n in range(20)},  # ①
        **{chr(0x2160 + n): str(n + 1) for n in range(12)},  # Ⅰ
        "\u200b": None, "\u200d": None, "\ufe0f": None, "\ufe0e": None, "\u20e3": None,
    }
)  # fmt: skip
_KEPT_SYMBOLS = "+×÷=<>~|^°$¥€£‰"
_DROPPED = {"So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf"}


def plain_characters(text: str) -> str:
    """Return `text` with full-width forms made plain and emoji and control characters dropped."""
    text = re.sub(r"[\r\n\u2028\u2029]+", "。", text.strip())
    text = to_simplified(without_markup(text))
    text = re.sub(r"[⁰¹⁴-⁹₀-₉]", "", text.translate(_SIGNS))
    text = "".join(_plain(character) for character in text)
    return re.sub(r"\s+", " ", text).strip()


def _plain(character: str) -> str:
    if character in "，。！？：；、（）…" or "\ue000" <= character <= "\uf8ff":
        return character
    if character in "\t\v\f":
        return " "
    if character not in _KEPT_SYMBOLS and unicodedata.category(character) in _DROPPED:
        return ""
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return unicodedata.normalize("NFKC", character)


_TIDY = (
    (re.compile(r"\.{2,}|。{2,}(?=\S)|…+"), "…"),
    (re.compile(r"[!！]*[?？][!！?？]*"), "？"),
    (re.compile(r"[!！]+"), "！"),
    (re.compile(rf"(?<=[{HAN}]),|,(?=\s?[{HAN}])"), "，"),
    (re.compile(r"[，、,]*([。！？…；：])[，。、,]*"), r"\1"),
    (re.compile(r"[，,、]*，[，,、]*"), "，"),
    (re.compile(r"^[\s，。、！？；：,.!?;:…)）\-]+"), ""),
)


def spoken(text: str) -> str:
    """Return Chinese `text` as it is said aloud; "" when nothing of it can be said."""
    text = plain_characters(text)
    for rule in RULES:
        text = rule.finds.sub(rule.says, text)
    return tidy(text)


def tidy(text: str) -> str:
    """Return `text` with runs of punctuation reduced to the strongest mark."""
    for finds, says in _TIDY:
        text = finds.sub(says, text)
    return text.strip()


def spoken_english(text: str) -> str:
    """Return English `text` for an English reader, which knows numbers and currencies itself."""
    text = plain_characters(text)
    text = re.sub(r"(?:https?://|www\.)[!-~]+", " ", text)
    text = re.sub(rf"¥\s?({N})", r"\1 yuan", text)
    text = re.sub(rf"({N})\s?({UNIT})", lambda m: f"{m[1]} {_ENGLISH_UNITS.get(m[2], m[2])}", text)
    text = re.sub(r"\s*&\s*", " and ", text)
    return re.sub(r"([!?.,])\1+", r"\1", text).strip()


_ENGLISH_UNITS = {
    "kg": "kilograms", "g": "grams", "mg": "milligrams", "ml": "milliliters", "mL": "milliliters",
    "L": "liters", "cm": "centimeters", "mm": "millimeters", "m": "meters", "km": "kilometers",
    "W": "watts", "V": "volts", "mAh": "milliamp hours", "°C": "degrees Celsius", "oz": "ounces",
    "lb": "pounds", "min": "minutes", "h": "hours", "dB": "decibels", "Hz": "hertz",
}  # fmt: skip
