"""Word lists: what they say, how they are checked, and finding their words in a text.

In:  TOML files of [[rule]].   Out: compiled rules; the first hit, or every hit, in a folded text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from livehost.brain.gate.fold import Folded, fold
from livehost.brain.product import Some
from livehost.config import Model, load_toml
from livehost.errors import ConfigError

BUILT_IN = Path(__file__).with_name("rules.toml")


class RuleText(Model):
    """[[rule]] of a word list; see the comment at the top of rules.toml."""

    id: str = Field(pattern=r"^[a-z0-9_.-]{1,64}$")
    category: str = Field(default="forbidden", pattern=r"^[a-z]{1,32}$")
    source: str = "店铺规定"
    scope: Literal["say", "show", "both"] = "both"
    on_card: bool = False
    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    """Regular expressions over the folded text with its spaces and punctuation."""
    allow: tuple[str, ...] = ()

    @field_validator("patterns", "raw", "allow")
    @classmethod
    def _compiles(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            try:
                if re.compile(value).match(""):
                    raise ValueError(f"{value!r} matches the empty text; make it say something")
            except re.error as error:
                raise ValueError(f"{value!r} is not a regular expression: {error}") from None
        return values

    @field_validator("words")
    @classmethod
    def _not_empty(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not fold(value).squeezed().text for value in values):
            raise ValueError("holds a word without letters; remove it")
        return values


class WordList(Model):
    """A word list file."""

    rule: Some[RuleText]


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that a rule stops: [start:end] of the original text."""

    rule: Rule
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule.

    Attributes:
        loose: matched on the squeezed text; close: on the folded text.
    """

    id: str
    category: str
    scope: str
    on_card: bool
    loose: re.Pattern[str] | None
    close: re.Pattern[str] | None
    allow: re.Pattern[str] | None

    def hits(self, folded: Folded, squeezed: Folded) -> Iterator[Hit]:
        """Yield what this rule finds, outside of what it allows."""
        for pattern, text in ((self.loose, squeezed), (self.close, folded)):
            if pattern is None:
                continue
            allowed = [m.span() for m in self.allow.finditer(text.text)] if self.allow else []
            for match in pattern.finditer(text.text):
                start, end = match.span()
                if not any(least <= start and end <= most for least, most in allowed):
                    yield Hit(self, *text.span(start, end))


def load_rules(paths: tuple[Path, ...] = ()) -> tuple[Rule, ...]:
    """Return the built-in rules and those of `paths`. Raises ConfigError with every problem."""
    rules: list[Rule] = list(_built_in())
    problems: list[str] = []
    for path in paths:
        try:
            rules.extend(_compiled(rule) for rule in load_toml(path, WordList).rule)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(*problems)
    return tuple(rules)


@functools.cache
def _built_in() -> tuple[Rule, ...]:
    return tuple(_compiled(rule) for rule in load_toml(BUILT_IN, WordList).rule)


def words_rule(rule_id: str, words: tuple[str, ...]) -> Rule:
    """Return a rule that forbids `words` in speech, e.g. the forbidden claims of a product."""
    return _compiled(RuleText(id=rule_id, category="forbidden", scope="say", words=words))


def _compiled(rule: RuleText) -> Rule:
    han = [fold(word).squeezed().text for word in rule.words if not word.isascii()]
    latin = [
        rf"(?<![a-z0-9]){re.escape(word.lower())}(?![a-z0-9])"
        for word in rule.words
        if word.isascii()
    ]
    return Rule(
        rule.id,
        rule.category,
        rule.scope,
        rule.on_card,
        _any([*map(re.escape, sorted(han, key=len, reverse=True)), *rule.patterns]),
        _any([*latin, *rule.raw]),
        _any(list(rule.allow)),
    )


def _any(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{p})" for p in patterns)) if patterns else None
