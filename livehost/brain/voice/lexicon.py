"""How brands and odd words are said: the built-in list and the user's own.

In:  TOML with [words]: "Livehost" = "来福候斯特", or pinyin in brackets: "薄荷" = "[bo4 he5]".
Out: text in which those words are replaced, and pronunciations for the replaced ones.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from livehost.brain.voice.pinyin import to_ipa
from livehost.config import key_lines
from livehost.errors import ConfigError

_FIRST_MARK = 0xE000
_MOST_WORDS = 0xF8FF - _FIRST_MARK  # the private use area, one character for each pronunciation
_PINYIN = re.compile(r"^\[([a-zü1-5 ]+)\]$")


class Lexicon:
    """Words with a given reading.

    A word with a pinyin reading becomes one private-use character, which `pronunciation` turns
    back into syllables after the text has been normalised.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        """Args: words: written form (Latin letters in any case) -> text to say, or pinyin."""
        self.digest = hashlib.sha256(repr(sorted(words.items())).encode()).hexdigest()[:16]
        self._syllables: dict[str, tuple[str, ...]] = {}
        self._says = {word.lower(): self._reading(says) for word, says in words.items()}
        self._finds = _any_of(self._says)

    def _reading(self, says: str) -> str:
        if not (pinyin := _PINYIN.match(says)):
            return says
        mark = chr(_FIRST_MARK + len(self._syllables))
        self._syllables[mark] = tuple(pinyin[1].split())
        return mark

    def replace(self, text: str) -> str:
        """Return `text` with every listed word replaced, longest first."""
        text = re.sub("[\ue000-\uf8ff]", "", text)
        if self._finds is None:
            return text
        return self._finds.sub(lambda match: self._says[match[0].lower()], text)

    def pronunciation(self, mark: str) -> tuple[str, ...]:
        """Return the syllables behind a character that `replace` put in; empty for any other."""
        return self._syllables.get(mark, ())


def _any_of(words: Mapping[str, str]) -> re.Pattern[str] | None:
    if not words:
        return None
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(_whole_word(word) for word in longest_first), re.IGNORECASE)


def _whole_word(word: str) -> str:
    """A Latin word must not start or end inside another one; Chinese words have no borders."""
    before = r"(?<![A-Za-z0-9])" if re.match(r"[A-Za-z0-9]", word) else ""
    after = r"(?![A-Za-z0-9])" if re.search(r"[A-Za-z0-9]$", word) else ""
    return before + re.escape(word) + after


@cache
def builtin_words() -> Mapping[str, str]:
    """Return the list that ships with the product."""
    text = resources.files("livehost.brain.voice").joinpath("data/lexicon.toml").read_text("utf-8")
    words: dict[str, str] = tomllib.loads(text)["words"]
    return words


def load_lexicon(path: Path | None = None) -> Lexicon:
    """Return the built-in words with those of the file at `path` over them.

    Raises:
        ConfigError: the file cannot be read or a reading is neither text nor pinyin; every
            problem with file, line and key.
    """
    return Lexicon({**builtin_words(), **(_read(path) if path else {})})


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    words = table.get("words")
    if set(table) != {"words"} or not isinstance(words, dict):
        raise ConfigError(f"{path}:1: a lexicon has one table, [words]")
    if len(words) > _MOST_WORDS // 2:
        raise ConfigError(f"{path}:1: words: {len(words)} words; {_MOST_WORDS // 2} is the most")
    lines = key_lines(text)
    problems = [
        f"{path}:{lines.get(f'words.{word}', 1)}: words.{word}: {problem}"
        for word, says in words.items()
        if (problem := _problem(word, says))
    ]
    if problems:
        raise ConfigError(*problems)
    return words


def _problem(word: str, says: object) -> str:
    if not word.strip():
        return "the word is empty"
    if not isinstance(says, str) or not says.strip():
        return "write a text to say, or pinyin in brackets like [lai2 fu2]"
    if not says.startswith("["):
        return ""
    if not (pinyin := _PINYIN.match(says)):
        return "in brackets stands pinyin with tone numbers, like [lai2 fu2]"
    try:
        for syllable in pinyin[1].split():
            to_ipa(syllable)
    except ValueError as error:
        return str(error)
    return ""
