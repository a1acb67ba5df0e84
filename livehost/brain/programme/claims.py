"""What a text says about the time left of a flash sale, and whether that is true.

In:  texts, the product on the card, the time, the sales that are on.   Out: answers for the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from livehost.brain.product import Product
from livehost.brain.programme.sales import Sales


class Claims:
    """Judges times left."""

    def __init__(self, sales: Sales) -> None:
        self._sales = sales

    def holds(self, found: str, product: Product | None, now: datetime) -> bool:
        """Return whether a deadline in words ("最后一分钟", "倒计时") is true of a running sale."""
        on = self._sales.running(now, product.id) if product else []
        if not on:
            return False
        if found in _COUNTDOWN:
            return True
        last = _LAST.fullmatch(found)
        return bool(last) and on[0].left(now) <= _seconds(last) if last else False

    def overclaims(self, text: str, product: Product | None, now: datetime) -> str:
        """Return the words that claim more time than the running sale has, "" when none do."""
        on = self._sales.running(now, product.id) if product else []
        for claim in _claims(text) if on else ():
            if _seconds(claim) > on[0].left(now):
                return claim[0]
        return ""

    def backed(self, text: str, product: Product | None, now: datetime) -> str:
        """Return a text without the times left in it that are true of the running sale."""
        on = self._sales.running(now, product.id) if product else []
        for claim in list(_claims(text)) if on else ():
            if _seconds(claim) <= on[0].left(now):
                said = f"{claim['number']}{claim['unit']}"
                text = text.replace(claim[0], claim[0].replace(said, _SOME))
        return text


_HAN = {char: n for n, char in enumerate("零一二三四五六七八九")} | {"两": 2, "半": 0.5}
_NUMBER = r"(?P<number>\d+|[零一二两三四五六七八九十半]+)"
_UNIT = r"(?P<unit>个?小时|分钟|秒钟?|分)"
_LAST = re.compile(rf"最后{_NUMBER}{_UNIT}")
_LEFT = re.compile(rf"(?:还有|还剩下?|只剩下?|剩下?|只有){_NUMBER}{_UNIT}")
_TO_GO = re.compile(r"(?P<number>\d+)(?P<unit> (?:hours?|minutes?|seconds?)) (?:left|to go)", re.I)
_COUNTDOWN = ("倒计时", "倒数")
_SOME = "一会儿"
_UNITS = {"s": 1, "秒": 1, "m": 60, "分": 60}


def _claims(text: str) -> Iterator[re.Match[str]]:
    """Yield what a text says about a time left."""
    yield from _LEFT.finditer(text)
    yield from _TO_GO.finditer(text)


def _seconds(claim: re.Match[str]) -> float:
    return _number(claim["number"]) * _UNITS.get(claim["unit"].strip()[0].lower(), 3600)


def _number(said: str) -> float:
    if said.isdecimal():
        return float(said)
    tens, ten, ones = said.rpartition("十")
    if not ten:
        return float(_HAN.get(said, 0))
    return _HAN.get(tens, 1) * 10 + (_HAN.get(ones, 0) if ones else 0)
