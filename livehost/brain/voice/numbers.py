"""How numbers are read in Mandarin.

In:  digits as written ("199.90", "1,299", "007").   Out: Chinese characters.
"""

from __future__ import annotations

import re

import cn2an

DIGITS = "零一二三四五六七八九"
_MOST_DIGITS = 12  # longer numbers are codes, not amounts

NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
"""A number without sign, as a regular expression without groups."""


def digits(text: str, one: str = "一") -> str:
    """Return `text` digit by digit, everything else dropped; `one` is 幺 in telephone numbers."""
    return "".join(one if c == "1" else DIGITS[int(c)] for c in text if c in "0123456789")


def number(text: str) -> str:
    """Return an amount: "1,299.5" as 一千二百九十九点五; with leading zeros digit by digit."""
    whole, _, fraction = text.replace(",", "").partition(".")
    said = _whole(whole)
    return f"{said}点{digits(fraction)}" if fraction else said


def _whole(text: str) -> str:
    if len(text) > _MOST_DIGITS or (len(text) > 1 and text[0] == "0"):
        return digits(text)
    return str(cn2an.an2cn(int(text or "0"), "low"))


def quantity(text: str) -> str:
    """Return a number before a measure word: 2 is 两 there, and so is the 2 of 200, 2000, 2万."""
    return re.sub(r"^二(?=$|[百千万亿])", "两", number(text))


def measured(text: str) -> str:
    """Return a number before a unit of measure: 两公斤 and 两万毫安时, but 二百毫升."""
    return re.sub(r"^二(?=$|[千万亿])", "两", number(text))


def money(text: str) -> str:
    """Return an amount of money: as `quantity`, without zeros at the end ("199.90", "199.00")."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return quantity(text)


def model(text: str) -> str:
    """Return the number in a product name: "15" as 十五, "1000" as 一千, "4090" as 四零九零."""
    short = len(text) <= 2 or text.endswith("00")
    return number(text) if short and "." not in text else _model_parts(text)


def _model_parts(text: str) -> str:
    parts = text.split(".")
    if len(parts) == 1:
        return digits(text)
    return "点".join([number(parts[0]), *(digits(part) for part in parts[1:])])
