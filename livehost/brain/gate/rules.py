"""Word lists: what they say, how they are checked, and finding their words in a text.

In:  TOML files of [[rule]].   Out: compiled rules; every hit in a text, in the text as it was.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from livehost.brain.gate.denial import denied
from livehost.brain.gate.fold import Folded, fold
from livehost.brain.gate.sounds import Heard, Sounds, hear, syllable
from livehost.brain.product import Some
from livehost.config import Model, load_toml
from livehost.errors import ConfigError

BUILT_IN = Path(__file__).with_name("lists")
_MIRRORED = 3
"""Characters of the shortest word that is also looked for backwards."""
_SPELT = 4
"""Letters of the longest Latin word that is also found spelt out: "s b"."""


class RuleText(Model):
    """[[rule]] of a word list; docs/gate.md explains the keys."""

    id: str = Field(pattern=r"^[a-z0-9_.-]{1,64}$")
    title: str = ""
    """What the rule is about, in words."""
    category: str = Field(default="forbidden", pattern=r"^[a-z]{1,32}$")
    """Chooses the safe line."""
    source: str = "店铺规定"
    """The law or the platform's rule that it stands on."""
    action: Literal["replace", "note"] = "replace"
    """note: the text goes on air, and the find is counted and logged."""
    scope: Literal["say", "show", "both"] = "both"
    on_card: bool = False
    """Allowed when the card of the product says the same words."""
    deniable: bool = False
    """Allowed where the claim is plainly denied."""
    mirror: bool = False
    """Words of three characters and more are also found backwards."""
    needs: str = ""
    """Only looked for when this expression is found in the text or on the card."""
    words: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    """Chinese words that are also found by their sound."""
    patterns: tuple[str, ...] = ()
    raw: tuple[str, ...] = ()
    """Regular expressions over the folded text with its spaces and punctuation."""
    allow: tuple[str, ...] = ()

    @field_validator("patterns", "raw", "allow")
    @classmethod
    def _compile(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if _expression(value).match(""):
                raise ValueError(f"{value!r} matches the empty text; make it say something")
        return values

    @field_validator("needs")
    @classmethod
    def _compiles(cls, value: str) -> str:
        _expression(value)
        return value

    @field_validator("words")
    @classmethod
    def _not_empty(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not fold(value).squeezed().text for value in values):
            raise ValueError("holds a word without letters; remove it")
        return values

    @field_validator("sounds")
    @classmethod
    def _long_enough(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(fold(value).squeezed().text) < 2 for value in values):
            raise ValueError("a sound needs two characters or more")
        return values


def _expression(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None


class WordList(Model):
    """A word list file."""

    rule: Some[RuleText]


@dataclass(frozen=True, slots=True)
class View:
    """One text in every form that rules look at."""

    text: str
    folded: Folded
    squeezed: Folded
    heard: Heard


def view(text: str) -> View:
    """Return a text as rules look at it."""
    folded = fold(text)
    squeezed = folded.squeezed()
    return View(text, folded, squeezed, hear(squeezed.text))


@dataclass(frozen=True, slots=True)
class Hit:
    """Words that a rule stops: [start:end] of the original text."""

    rule: Rule
    start: int
    end: int


class Words:
    """Find any of many words in a text."""

    def __init__(self, words: Iterable[str]) -> None:
        self._by_first: dict[str, list[str]] = {}
        for word in sorted(set(words), key=len, reverse=True):
            self._by_first.setdefault(word[0], []).append(word)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of the longest word at each place."""
        for at, char in enumerate(text):
            for word in self._by_first.get(char, ()):
                if text.startswith(word, at):
                    yield at, at + len(word)
                    break


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule; see `RuleText`.

    Attributes:
        loose: matched on the squeezed text; close: on the folded text.
    """

    text: RuleText
    words: Words
    sounds: Sounds
    loose: re.Pattern[str] | None
    close: re.Pattern[str] | None
    allow: re.Pattern[str] | None
    needs: re.Pattern[str] | None

    @property
    def id(self) -> str:
        """Its name, in logs and the audit."""
        return self.text.id

    @property
    def category(self) -> str:
        """What chooses the safe line."""
        return self.text.category

    @property
    def scope(self) -> str:
        """Where it holds: say, show or both."""
        return self.text.scope

    def hits(self, seen: View, card: str = "") -> Iterator[Hit]:
        """Yield what this rule finds, outside of what it allows.

        Args:
            card: the folded texts of the product card.
        """
        if self.needs and not (self.needs.search(seen.folded.text) or self.needs.search(card)):
            return
        for text, spans in (
            (seen.squeezed, self._loose(seen)),
            (seen.folded, _matches(self.close, seen.folded.text)),
        ):
            allowed: list[tuple[int, int]] | None = None
            for start, end in spans:
                if allowed is None:
                    allowed = list(_matches(self.allow, text.text))
                if any(least <= start and end <= most for least, most in allowed):
                    continue
                begin, finish = text.span(start, end)
                if not (self.text.deniable and denied(seen.text, begin, finish)):
                    yield Hit(self, begin, finish)

    def _loose(self, seen: View) -> Iterator[tuple[int, int]]:
        text = seen.squeezed.text
        yield from self.words.find(text)
        yield from _matches(self.loose, text)
        if self.sounds:
            yield from self.sounds.find(seen.heard, text)


def _matches(pattern: re.Pattern[str] | None, text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in pattern.finditer(text)) if pattern else iter(())


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
    files = sorted(BUILT_IN.glob("*.toml"))
    return tuple(_compiled(rule) for path in files for rule in load_toml(path, WordList).rule)


def words_rule(rule_id: str, words: tuple[str, ...]) -> Rule:
    """Return a rule that forbids `words` in speech, e.g. the forbidden claims of a product."""
    return _compiled(
        RuleText(id=rule_id, category="forbidden", scope="say", words=words, deniable=True)
    )


def _compiled(rule: RuleText) -> Rule:
    han = [fold(word).squeezed().text for word in rule.words if not word.isascii()]
    latin = [_alone(word.lower()) for word in rule.words if word.isascii()]
    if rule.scope == "say":
        latin += [_alone(letters) for letters in map(_initials, rule.sounds) if len(letters) > 2]
    mirrored = [word[::-1] for word in han if rule.mirror and len(word) >= _MIRRORED]
    return Rule(
        rule,
        Words(word for word in (*han, *mirrored) if word),
        Sounds(fold(word).squeezed().text for word in rule.sounds),
        _any(list(rule.patterns)),
        _any([*latin, *rule.raw]),
        _any(list(rule.allow)),
        _any([rule.needs] if rule.needs else []),
    )


def _alone(word: str) -> str:
    """Return an expression for a Latin word; a short one is also found with its letters apart."""
    apart = r"[\s._*-]{1,2}".join(word)
    either = f"(?:{word}|{apart})" if word.isalpha() and len(word) <= _SPELT else re.escape(word)
    return rf"(?<![a-z0-9]){either}(?![a-z0-9])"


def _initials(word: str) -> str:
    """Return how a Chinese word is typed in short: 最低价 is "zdj"."""
    letters = (syllable(char)[:1] for char in fold(word).squeezed().text)
    return "".join(letter for letter in letters if letter.isascii() and letter.isalpha())


def _any(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(f"(?:{p})" for p in patterns)) if patterns else None
