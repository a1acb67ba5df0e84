"""Other wordings of a sentence by rules: synonyms, clause order, openings, particles.

In:  a line's text.   Out: wordings that say the same (`essence.differs`), the same ones for a seed.
"""

from __future__ import annotations

import functools
import random
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livehost.brain.sentences import MOST
from livehost.studio.essence import differs

_TRIES = 40  # per wording wanted
_SLOT = re.compile(r"\{\w+\}")
_LISTED = re.compile(
    r"(?<=[：:，是有])(?P<items>[^，。：:！？；、{}\d]{2,6}(?:、[^，。：:！？；、{}\d和及与]{2,6}){2,})"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one language; see phrases.toml."""

    same: tuple[tuple[str, ...], ...]
    openings: tuple[str, ...]
    begun: re.Pattern[str]
    endings: tuple[str, ...]
    ended: re.Pattern[str]
    turns: tuple[tuple[re.Pattern[str], str], ...]


def wordings_of(
    text: str, count: int, seed: str, terms: tuple[str, ...] = (), taken: tuple[str, ...] = ()
) -> list[str]:
    """Return up to `count` other wordings of a line, each unlike the text and those `taken`.

    Args:
        seed: the same one gives the same wordings.
        terms: words of the card, see `essence.terms_of`.
    """
    rules, dice = _rules(_language(text)), random.Random(f"{seed}|{text}")
    found: dict[str, None] = {}
    for _ in range(count * _TRIES):
        if len(found) >= count:
            break
        other = _reworded(text, rules, dice)
        if other != text and other not in taken and not differs(text, other, terms):
            found[other] = None
    return list(found)


def _reworded(text: str, rules: Rules, dice: random.Random) -> str:
    """Apply one to three kinds of change, in their order."""
    changes: tuple[Callable[[str, Rules, random.Random], str], ...] = (
        _turned, _relisted, _renamed, _opened, _closed,
    )  # fmt: skip
    chosen = set(dice.sample(range(len(changes)), dice.randint(1, 3)))
    for n, change in enumerate(changes):
        if n in chosen:
            text = change(text, rules, dice)
    return text


def _turned(text: str, rules: Rules, dice: random.Random) -> str:
    fitting = [(pattern, form) for pattern, form in rules.turns if pattern.search(text)]
    if not fitting:
        return text
    pattern, form = dice.choice(fitting)
    turned = pattern.sub(form, text)
    return turned[:1].upper() + turned[1:]


def _relisted(text: str, _: Rules, dice: random.Random) -> str:
    """Begin a list of words with another one of them."""

    def rotated(match: re.Match[str]) -> str:
        items = match["items"].split("、")
        at = dice.randrange(1, len(items))
        return "、".join(items[at:] + items[:at])

    return _LISTED.sub(rotated, text, count=1)


def _renamed(text: str, rules: Rules, dice: random.Random) -> str:
    for row in dice.sample(rules.same, len(rules.same)):
        said = max((phrase for phrase in row if phrase in text), key=len, default="")
        if said and dice.random() < 0.7:
            text = text.replace(said, dice.choice([p for p in row if p != said]), 1)
    return text


def _opened(text: str, rules: Rules, dice: random.Random) -> str:
    plain = not rules.begun.search(text) and not text.startswith("{")
    if not rules.openings or not plain or "？" in text[:20] or len(text) > MOST * 2:
        return text
    opening = dice.choice(rules.openings)
    return opening + (text[0].lower() + text[1:] if text[:1].isascii() and _common(text) else text)


def _common(text: str) -> bool:
    """Whether an English sentence begins with a word that is no name."""
    return bool(re.match(r"(?:The|It|This|That|There|You|We|Here|Tell|Have|Say|Take)\b", text))


def _closed(text: str, rules: Rules, dice: random.Random) -> str:
    if not rules.endings or not text.endswith("。") or rules.ended.search(text):
        return text
    if text[-2:-1] in "}”」）》" or text[-2:-1].isascii():
        return text
    return text[:-1] + dice.choice(rules.endings)


def _language(text: str) -> str:
    around = _SLOT.sub("", text)
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in around) else "en"


@functools.cache
def _rules(language: str) -> Rules:
    given: dict[str, Any] = tomllib.loads(
        Path(__file__).with_name("phrases.toml").read_text("utf-8")
    )[language]
    return Rules(
        tuple(tuple(row) for row in given["same"]),
        tuple(given["openings"]),
        re.compile(given["begun"]),
        tuple(given["endings"]),
        re.compile(given["ended"] or r"(?!)"),
        tuple((re.compile(pattern), form) for pattern, form in given["turns"]),
    )


def alternating(wordings: list[list[str]]) -> Iterator[str]:
    """Yield from several lists of wordings in turn, each text once."""
    seen: set[str] = set()
    for n in range(max(map(len, wordings), default=0)):
        for texts in wordings:
            if n < len(texts) and texts[n] not in seen:
                seen.add(texts[n])
                yield texts[n]
