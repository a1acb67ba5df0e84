"""The words around the facts: beats of a rundown, kinds of goods, festivals, dialects.

In:  the TOML files beside this module.   Out: frozen values.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livehost.errors import ConfigError

STYLES = ("warm", "brisk", "calm")


@dataclass(frozen=True, slots=True)
class Beat:
    """One thing that a host says at one point of a show; see zh.toml for the keys."""

    id: str
    segment: str
    say: tuple[str, ...]
    styled: dict[str, tuple[str, ...]]
    need: tuple[str, ...] = ()
    each: str = ""
    any: str = ""
    first: int = 0
    most: int = 99
    rank: int = 1
    emotion: str = ""
    show: str = ""
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Goods:
    """What people live with, before they hear of a product of this kind."""

    id: str
    words: tuple[str, ...]
    hook: tuple[str, ...]
    scene: tuple[str, ...]
    chat: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Festival:
    """A greeting, and an angle for gifts."""

    name: str
    greet: tuple[str, ...]
    gift: tuple[str, ...]


@functools.cache
def beats(language: str) -> tuple[Beat, ...]:
    """Return the beats of "zh" or "en" in the order of a show."""
    return tuple(_beat(entry) for entry in _load(language)["beat"])


def _beat(entry: dict[str, Any]) -> Beat:
    plain = ("id", "segment", "each", "any", "most", "rank", "emotion", "show", "fixed")
    return Beat(
        say=tuple(entry["say"]),
        styled={style: tuple(entry.get(style, ())) for style in STYLES},
        need=tuple(entry.get("need", ())),
        first=entry.get("from", 0),
        **{key: entry[key] for key in plain if key in entry},
    )


@functools.cache
def goods() -> tuple[Goods, ...]:
    """Return the kinds of goods; the last one fits everything."""
    lists = ("words", "hook", "scene", "chat")
    return tuple(
        Goods(entry["id"], *(tuple(entry[name]) for name in lists))
        for entry in _load("categories")["kind"]
    )


def kind_of(name: str, text: str = "") -> Goods:
    """Return the kind of goods of a product: Chinese names end in what the thing is.

    Args:
        text: of the card, for names that tell nothing.
    """

    def end(kind: Goods) -> int:
        return max((name.rfind(w) + len(w) for w in kind.words if w in name), default=0)

    def count(kind: Goods) -> int:
        return sum(word in text for word in kind.words)

    for weight in (end, count):
        best = max(goods(), key=weight)
        if weight(best):
            return best
    return goods()[-1]


@functools.cache
def remarks() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Return (words, remarks): what a host adds after a fact that holds one of the words."""
    return tuple((tuple(e["words"]), tuple(e["say"])) for e in _load("categories")["remark"])


def festival(name: str, language: str) -> Festival:
    """Return a festival by its id. Raises ConfigError for one that is not known."""
    known = _load("festivals")
    if name not in known:
        raise ConfigError(f"--festival {name}: there are {', '.join(known)}")
    entry = known[name]
    if language == "en":
        greet, *gift = entry["english"]
        return Festival(name, (greet,), tuple(gift))
    return Festival(entry["name"], tuple(entry["greet"]), tuple(entry["gift"]))


def dialect(name: str) -> tuple[tuple[str, str], ...]:
    """Return (standard, regional) words. Raises ConfigError for a dialect that is not known."""
    known = _load("dialects")
    if name not in known:
        raise ConfigError(f"--dialect {name}: there are {', '.join(known)}")
    return tuple((said, instead) for said, instead in known[name]["swaps"])


def festivals() -> tuple[str, ...]:
    """Return the ids of the festivals."""
    return tuple(_load("festivals"))


def dialects() -> tuple[str, ...]:
    """Return the ids of the dialects."""
    return tuple(_load("dialects"))


@functools.cache
def _load(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text("utf-8"))
