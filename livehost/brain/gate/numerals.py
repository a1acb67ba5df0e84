"""Numbers as people write and say them, Arabic, Chinese and English, to exact decimals.

In:  the characters of one number, folded.   Out: its value, or None when it names no exact one.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_ONES = "零一二三四五六七八九"
DIGITS = {c: n for n, c in enumerate(_ONES)} | {"两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10_000, "亿": 100_000_000}
HAN = "零一二两三四五六七八九十百千万亿"

ARABIC = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
CHINESE = rf"(?:[{HAN}半]|点(?=[零一二两三四五六七八九]))+"
NUMBER = rf"(?:(?:{ARABIC})[{HAN[10:]}]*(?:[{HAN}]*)|[{HAN}][{HAN}]*(?:点[零一二三四五六七八九]+)?)"

_TEENS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TIES = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: value for value, word in enumerate(_TEENS.split(" "))}
_WORDS |= {word: 10 * value for value, word in enumerate(_TIES.split(" "), 2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
ENGLISH = r"(?:\b(?:{0})\b(?:[\s-]+(?:and\s+)?(?=(?:{0})\b))?)+".format(
    "|".join([*_WORDS, *_SCALES])
)


def parse(text: str) -> Decimal | None:
    """Return the value of a number, or None for one that is not exact ("三四百") or not one."""
    if text[:1].isascii() and text[:1].isalpha():
        return _english(text)
    if re.fullmatch(r"[\d.,]+", text):
        return _decimal(text.replace(",", ""))
    whole, point, part = text.partition("点")
    value = _mixed(whole)
    if value is None or not point:
        return value
    if not part or any(c not in DIGITS for c in part):
        return None
    return value + Decimal("0." + "".join(str(DIGITS[c]) for c in part))


def han(number: int) -> str:
    """Return a whole number from 1 to 99 in Chinese numerals."""
    tens, ones = divmod(number, 10)
    head = f"{_ONES[tens] if tens > 1 else ''}十" if tens else ""
    return head + (_ONES[ones] if ones else "")


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _mixed(text: str) -> Decimal | None:
    """Chinese numerals, also after Arabic digits: 一百九, 3千8, 1.5万, 二零二六."""
    tokens = re.findall(r"\d[\d.,]*|.", text)
    if len(tokens) > 1 and all(token in DIGITS for token in tokens):
        return _spelled(tokens)
    total = section = Decimal(0)
    held: Decimal | None = None
    unit, zero = 1, False
    for token in tokens:
        factor = _TENS.get(token) or _BIG.get(token)
        if factor is None:
            digit = _digit(token)
            if digit is None or held:
                return None  # 三四百: about, not exactly
            held, zero = digit, zero or not digit
            continue
        if token in _TENS:
            section += (Decimal(1) if held is None else held) * factor
        else:
            total, section = (total + section + (held or 0)) * factor, Decimal(0)
        held, unit, zero = None, factor, False
    if held is None:
        return total + section
    shortened = unit > 10 and not zero and held < 10 and held == held.to_integral_value()
    return total + section + held * (unit // 10 if shortened else 1)


def _digit(token: str) -> Decimal | None:
    return Decimal(DIGITS[token]) if token in DIGITS else _decimal(token.replace(",", ""))


def _spelled(tokens: list[str]) -> Decimal | None:
    """Digits one by one: 二零二六, 幺 not included; 三四 and 七八 mean "about"."""
    digits = [DIGITS[token] for token in tokens]
    if len(digits) == 2 and (digits[1] - digits[0] == 1 or digits == [3, 5]):
        return None
    return Decimal("".join(map(str, digits)))


def _english(text: str) -> Decimal | None:
    total, section = 0, 0
    for word in re.split(r"[\s-]+", text.strip()):
        if word == "and":
            continue
        if word in _WORDS:
            section += _WORDS[word]
        elif word == "hundred":
            section = (section or 1) * 100
        elif word in _SCALES:
            total, section = total + (section or 1) * _SCALES[word], 0
        else:
            return None
    return Decimal(total + section)
