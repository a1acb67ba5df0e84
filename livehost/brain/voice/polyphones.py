"""Characters with several readings, by what stands beside them.

In:  the characters before and after one that no dictionary entry covers.   Out: its reading.

A rule looks only at the nearest characters, so that a text is read in linear time. Rules of a
character are tried in order; the first that fits decides, and without one the reading that
data/readings.txt gives it by itself stands.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

NEAR = 6
"""Characters that a rule may see on either side."""

_NAMED = {"{n}": "一二两三四五六七八九十百千万几多数半每这那哪整", "{p}": "我你您他她它咱们家谁"}
_ROW = re.compile(r"(?P<character>.) (?P<says>[a-z]+[1-5]): ?(?P<before>.*?) ?_ ?(?P<after>.*)")


class _Rule(NamedTuple):
    before: re.Pattern[str]
    after: re.Pattern[str]
    says: str


@cache
def _table() -> dict[str, list[_Rule]]:
    text = resources.files("livehost.brain.voice").joinpath("data/polyphones.txt")
    found: dict[str, list[_Rule]] = {}
    for line in text.read_text("utf-8").splitlines():
        if row := _ROW.fullmatch(line):
            before, after = _named(row["before"]), _named(row["after"])
            rule = _Rule(re.compile(f"(?:{before})$"), re.compile(after), row["says"])
            found.setdefault(row["character"], []).append(rule)
    return found


def _named(pattern: str) -> str:
    for name, characters in _NAMED.items():
        pattern = pattern.replace(name, characters)
    return pattern


def choose(character: str, before: str, after: str) -> str:
    """Return how `character` is read between `before` and `after`; "" if no rule fits.

    Args:
        character: one character that no dictionary entry covers.
        before: what stands before it up to the last mark; only its end is looked at.
        after: what stands after it; only its beginning is looked at.
    """
    before, after = before[-NEAR:], after[:NEAR]
    for rule in _table().get(character, ()):
        if rule.before.search(before) and rule.after.match(after):
            return rule.says
    return ""
