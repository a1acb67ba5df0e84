"""How brands and odd words are said: the built-in list and the user's own.

In:  TOML with [words]: "Livehost" = "来福候斯特", or pinyin in brackets: "薄荷" = "[bo4 he5]".
Out: text in which those words are replaced; given pinyin travels in it, see `given`.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from livehost.brain.voice.pinyin import to_ipa
from livehost.config import key_lines
from livehost.errors import ConfigError

_log = logging.getLogger(__name__)
_MOST_WORDS = 5000
_PINYIN = re.compile(r"^\[([a-zü1-5 ]+)\]$")
_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0002fa1f]")
_PRIVATE = 0xE000
"""Pinyin travels through the text in the private use area, letter by letter: nothing that reads
normal characters changes it, and the text alone tells how it is said."""
GIVEN = "[\ue031-\ue035\ue061-\ue07a]"
"""A character of given pinyin, as a regular expression."""


class Lexicon:
    """Words with a given reading. It never changes; `WatchedLexicon` is the one of a file."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """Args: words: written form (Latin letters in any case) -> text to say, or pinyin."""
        folded = {_folded(word): says for word, says in words.items()}
        self._digest = hashlib.sha256(repr(sorted(folded.items())).encode()).hexdigest()[:16]
        self._says = {word: _carried(says) for word, says in folded.items()}
        self._sizes: dict[str, list[int]] = {}
        for word in sorted(self._says, key=len, reverse=True):
            sizes = self._sizes.setdefault(word[0], [])
            if len(word) not in sizes:
                sizes.append(len(word))

    @property
    def digest(self) -> str:
        """What the words and readings are, as 16 hexadecimal digits."""
        return self._digest

    def replace(self, text: str) -> str:
        """Return `text` with every listed word replaced, longest first."""
        text = _PRIVATE_USE.sub("", text)
        folded = _folded(text)
        out: list[str] = []
        at = 0
        while at < len(text):
            size = self._found(folded, at)
            out.append(self._says[folded[at : at + size]] if size else text[at])
            at += size or 1
        return "".join(out)

    def _found(self, text: str, at: int) -> int:
        """Return the size of the longest listed word at `at`, 0 if there is none."""
        for size in self._sizes.get(text[at], ()):
            word = text[at : at + size]
            if word in self._says and _stands_alone(text, at, at + len(word)):
                return len(word)
        return 0


class WatchedLexicon(Lexicon):
    """The words of a file, read again when it changes.

    A change counts from the next text on. A file with a mistake, or one that is gone, changes
    nothing: the words read last stay, and the mistakes are logged once, with file and line.
    """

    def __init__(self, path: Path, read: Callable[[Path], Lexicon]) -> None:
        """Read `path` with `read`. Raises ConfigError as `load_lexicon` does."""
        self._path, self._read = path, read
        self._seen = _stamp(path)
        self._now = read(path)
        self._reading = threading.Lock()

    @property
    def digest(self) -> str:
        """The digest of the words that count now."""
        return self._now.digest

    def replace(self, text: str) -> str:
        """Return `text` with every listed word replaced, by the file as it is now."""
        if _stamp(self._path) != self._seen and self._reading.acquire(blocking=False):
            try:
                self._read_again()
            finally:
                self._reading.release()
        return self._now.replace(text)

    def _read_again(self) -> None:
        self._seen = _stamp(self._path)
        try:
            self._now = self._read(self._path)
        except ConfigError as error:
            problems = list(error.problems)
            _log.warning("lexicon has mistakes; words read before stay", extra={"why": problems})
        else:
            _log.info("lexicon read again", extra={"file": str(self._path)})


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is written or replaced; None when it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _carried(says: str) -> str:
    """Return the text to say, or pinyin as private characters."""
    if not (pinyin := _PINYIN.match(says)):
        return says
    return "".join(chr(_PRIVATE + ord(c)) for c in pinyin[1].replace("ü", "v") if c != " ")


def given(text: str) -> list[str]:
    """Return the syllables that `text` carries when all of it is given pinyin; else none."""
    letters = "".join(chr(ord(c) - _PRIVATE) if _GIVEN.match(c) else " " for c in text)
    return [] if " " in letters else [m[0] for m in re.finditer("[a-z]+[1-5]", letters)]


_GIVEN = re.compile(GIVEN)
_PRIVATE_USE = re.compile("[\ue000-\uf8ff]")


def _folded(text: str) -> str:
    """Return `text` in lower case without accents, character by character."""
    return "".join(map(_folded_character, text))


@lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    if character in "’‘＇":
        return "'"
    plain = unicodedata.normalize("NFKD", character)[:1] if ord(character) > 0x7F else character
    plain = (plain if plain.isascii() and plain.isalnum() else character).lower()
    return plain if len(plain) == 1 else character


def _stands_alone(text: str, start: int, end: int) -> bool:
    """A Latin word must not start or end inside another one; Chinese words have no borders."""
    inside = _is_latin(text[start]) and start > 0 and _is_latin(text[start - 1])
    return not inside and not (_is_latin(text[end - 1]) and _is_latin(text[end : end + 1]))


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


@cache
def builtin_words() -> Mapping[str, str]:
    """Return the list that ships with the product."""
    text = resources.files("livehost.brain.voice").joinpath("data/lexicon.toml").read_text("utf-8")
    words: dict[str, str] = tomllib.loads(text)["words"]
    return words


def load_lexicon(path: Path | None = None) -> Lexicon:
    """Return the built-in words with those of the file at `path`, which is watched, over them.

    Raises:
        ConfigError: the file cannot be read or a reading is neither text nor pinyin; every
            problem with file, line and key.
    """
    return WatchedLexicon(path, _over_builtin) if path else Lexicon(builtin_words())


def load_texts(path: Path | None, *, chinese: bool = True) -> Lexicon:
    """Return the words of the file alone whose reading is text, not pinyin; watched as well.

    Args:
        chinese: with readings in Chinese characters; False for a reader that has no Chinese.

    Raises:
        ConfigError: as `load_lexicon`.
    """
    read = _texts if chinese else _latin_texts
    return WatchedLexicon(path, read) if path else Lexicon({})


def _texts(path: Path) -> Lexicon:
    return Lexicon(_plain(path))


def _latin_texts(path: Path) -> Lexicon:
    return Lexicon({word: says for word, says in _plain(path).items() if not _HAN.search(says)})


def _plain(path: Path) -> dict[str, str]:
    return {word: says for word, says in _read(path).items() if not says.startswith("[")}


def _over_builtin(path: Path) -> Lexicon:
    builtin = {_folded(word): says for word, says in builtin_words().items()}
    return Lexicon({**builtin, **{_folded(word): says for word, says in _read(path).items()}})


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    words = table.get("words")
    if set(table) != {"words"} or not isinstance(words, dict):
        raise ConfigError(f"{path}:1: a lexicon has one table, [words]")
    if len(words) > _MOST_WORDS:
        raise ConfigError(f"{path}:1: words: {len(words)} words; {_MOST_WORDS} is the most")
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
