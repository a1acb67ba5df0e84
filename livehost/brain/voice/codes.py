"""The rules by which telephone numbers and codes are read digit by digit.

In:  text with plain characters.   Out: `CODES`, the first of `rules.RULES`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from livehost.brain.voice.numbers import digits, number

Match = re.Match[str]
HAN = "\u3400-\u9fff"


class Rule(NamedTuple):
    """One substitution: what it is about, what it finds, what is said instead."""

    about: str
    finds: re.Pattern[str]
    says: Callable[[Match], str]


def rule(about: str, finds: str, says: Callable[[Match], str], flags: int = 0) -> Rule:
    """Return a rule that finds the regular expression `finds`."""
    return Rule(about, re.compile(finds, flags), says)


CODES: tuple[Rule, ...] = (
    rule(
        "service line",
        r"(?<!\d)([48]00)-?(\d{3,4})-?(\d{3,4})(?!\d)",
        lambda m: "，".join(digits(part, "幺") for part in m.groups()),
    ),
    rule(
        "mobile",
        r"(?<!\d)(?:\+?86[ -]?)?(1[3-9]\d)[ -]?(\d{4})[ -]?(\d{4})(?!\d)",
        lambda m: "，".join(digits(part, "幺") for part in m.groups()),
    ),
    rule(
        "landline",
        r"(?<!\d)(0\d{2,3})-(\d{7,8})(?!\d)",
        lambda m: "，".join(digits(part, "幺") for part in m.groups()),
    ),
    rule(
        "short line",
        r"(?<!\d)(1(?:10|12|14|19|20|22)|12[13]\d{2}|1[02]0\d{2}|95\d{3})(?!\d)"
        r"(?=投诉|报警|热线|举报|客服|求助|急救|火警|咨询)",
        lambda m: digits(m[1], "幺"),
    ),
    rule(
        "short line",
        r"(?<=[打拨])(1(?:10|12|14|19|20|22)|12[13]\d{2}|1[02]0\d{2}|95\d{3})(?!\d|元|块|个|件|人|次)",
        lambda m: digits(m[1], "幺"),
    ),
    rule(
        "size with figure",
        r"(?<![\d/])(1[4-9][05])/(\d{2,3})\s?([ABCY])(?![A-Za-z\d])",
        lambda m: f"{number(m[1])}，{number(m[2])}{m[3]}",
    ),
    rule(
        "line or code",
        r"((?:电话|热线|拨打|致电|微信号?|QQ群?|群号|验证码|房间号|尾号|门牌号?)"
        r"(?:是|为|号码)?[:： ]?\s*)(\d{3,})(?!\d|元|块)",
        lambda m: m[1] + digits(m[2], "幺"),
    ),
    rule(
        "identifier",
        r"((?:订单号?|编号|货号|款号|型号|条码|批号|口令|邮编|证号|编码)(?:是|为)?[:： ]?\s*"
        r"[A-Za-z-]*)(\d{3,})(?!\d|元|块)",
        lambda m: m[1] + digits(m[2]),
    ),
)
