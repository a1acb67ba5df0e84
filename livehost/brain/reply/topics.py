"""What viewers ask about by name, in either language: leaks, carriers, return postage.

In:  a folded question.   Out: its topics, which tie it to a card in whatever language that is.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that viewers ask about; topics.toml explains the fields.

    Attributes:
        id: its key in topics.toml.
        asked: how it is asked for.
        known: what a card holds that knows it.
        zh, en: how it is called when no card knows it.
        first: it goes before every rule.
        near: the slot with what the card knows beside it; "" for none.
        moves: another product's card may answer.
        who: it names a person, which counts only where nothing else is asked about.
        unnamed: words in which a product's name is none; None for none.
    """

    id: str
    asked: re.Pattern[str]
    known: re.Pattern[str]
    zh: str
    en: str
    first: bool = False
    near: str = ""
    moves: bool = False
    who: bool = False
    unnamed: re.Pattern[str] | None = None

    def said(self, language: str) -> str:
        """Return how it is called in "zh" or "en"."""
        return self.zh if language == "zh" else self.en


@functools.cache
def topics() -> dict[str, Topic]:
    """Return all topics by id, those that go before the rules first."""
    table = tomllib.loads(Path(__file__).with_name("topics.toml").read_text("utf-8"))
    every = [_topic(name, **entry) for name, entry in table.items()]
    return {topic.id: topic for topic in sorted(every, key=lambda one: not one.first)}


def _topic(name: str, asked: str, known: str = "", unnamed: str = "", **more: str | bool) -> Topic:
    return Topic(
        name,
        re.compile(asked),
        re.compile(known or asked),
        unnamed=re.compile(unnamed) if unnamed else None,
        **more,  # type: ignore[arg-type]
    )


def topics_of(text: str, *, first: bool = False) -> tuple[Topic, ...]:
    """Return what a folded text asks about, those that go before the rules first.

    Args:
        first: only those that go before the rules.
    """
    every = topics().values()
    found = [t for t in every if (t.first or not first) and t.asked.search(text)]
    return tuple([topic for topic in found if not topic.who] or found)


def without_features(text: str) -> str:
    """Return a folded text without words that name a feature and look like a product's name."""
    for topic in topics().values():
        if topic.unnamed:
            text = topic.unnamed.sub("", text)
    return text
