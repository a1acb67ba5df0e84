"""Word an answer in another way than it was worded lately.

In:  the key of a situation, the slots that the card fills, what was said before.   Out: sentences.

A wording is put together from parts: the fact, what may follow it, what may go before it. Of those
whose slots are filled, the one comes that was not said for the longest time: first as a whole
sentence, then by its parts. What was said a moment ago is said in few words.
"""

from __future__ import annotations

import functools
import random
import re
import tomllib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from livehost.brain.reply.facts import Slots
from livehost.brain.sentences import split

LATELY = 150.0
"""Seconds in which the same fact is said in few words when it is asked for again."""
REMEMBERED = 3000  # texts and parts
LONGEST = 26
"""Characters of a sentence that is not cut at its commas; Latin letters count a half."""

Parts = dict[str, tuple[str, ...]]
_NONE = ("",)


@dataclass(frozen=True, slots=True)
class Style:
    """The words of one language that belong to no situation."""

    stop: str
    comma: str
    wordings: dict[str, Parts]


class Choice:
    """Choose what was not said for the longest time; the same calls choose the same.

    Args:
        seed: of the order among what was never said.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._said: OrderedDict[str, int] = OrderedDict()
        self._count = 0

    def of(
        self,
        key: str,
        first: Sequence[str],
        then: Sequence[str] = _NONE,
        slots: Slots | None = None,
    ) -> tuple[str, str]:
        """Return one of `first` and one of `then`, filled, and note that they are said together."""
        slots = slots or {}
        pairs = list(product(first, then))
        random.Random(f"{self._seed}{key}").shuffle(pairs)

        def last(pair: tuple[str, str]) -> tuple[int, ...]:
            parts = (self._said.get(f"{key}|{part}", 0) for part in pair)
            return self._said.get(_filled("".join(pair), slots), 0), *parts

        best = min(pairs, key=last)
        filled = _filled(best[0], slots), _filled(best[1], slots)
        self._note("".join(filled), *(f"{key}|{part}" for part in best))
        return filled

    def _note(self, *texts: str) -> None:
        self._count += 1
        for text in texts:
            self._said[text] = self._count
            self._said.move_to_end(text)
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)


class Wording:
    """The host's way with words: one for a show.

    Args:
        seed: of the order of wordings.
    """

    def __init__(self, seed: int = 0) -> None:
        self._choice = Choice(seed)
        self._facts: OrderedDict[tuple[str, ...], tuple[float, str]] = OrderedDict()

    def said_lately(
        self, fact: tuple[str, ...], message: str, now: float, within: float = LATELY
    ) -> bool:
        """Return whether `fact` was told in the last minutes, to another message; note it."""
        at, before = self._facts.get(fact, (float("-inf"), ""))
        again = bool(message) and message == before
        self._facts[fact] = (now if not again else at, message)
        self._facts.move_to_end(fact)
        if len(self._facts) > REMEMBERED:
            self._facts.popitem(last=False)
        return not again and now - at < within

    def full(self, key: str, slots: Slots, language: str) -> list[str]:
        """Return the sentences for a situation, [] when no wording can be filled."""
        style = style_of(language)
        parts = style.wordings[key]
        say = _fitting(parts["say"], slots)
        if not say:
            return []
        more = _fitting(parts.get("then", ()), slots)
        more = more or ["", *_fitting(parts.get("more", ()), slots)]
        first, then = self._choice.of(f"{language}.{key}", say, more, slots)
        return sentences(_finished(_joined(first, then, style), style))

    def brief(self, key: str, slots: Slots, language: str, lead: str = "") -> list[str]:
        """Return the same in few words.

        Args:
            lead: key of the words that go before it; "" for none.
        """
        clause = self.clause(key, slots, language, lead)
        return sentences(_finished(clause, style_of(language))) if clause else []

    def clause(self, key: str, slots: Slots, language: str, lead: str = "") -> str:
        """Return the fact in few words as a clause without an end, "" when there is none."""
        wordings = style_of(language).wordings
        brief = _fitting(wordings[key].get("brief", ()), slots)
        if not brief:
            return ""
        before = _fitting(wordings[lead]["say"], slots) if lead else _NONE
        fact, first = self._choice.of(f"{language}.{key}.brief", brief, before, slots)
        return first + fact

    def about(self, text: str, lead: str, slots: Slots, language: str) -> list[str]:
        """Return a stored text as it stands, after the words of `lead`."""
        style = style_of(language)
        leads = _fitting(style.wordings[lead]["say"], slots)
        lead, _ = self._choice.of(f"{language}.{lead}", leads, slots=slots)
        return split(lead + text + ("" if text[-1] in "。！？.!?" else style.stop))

    def one_of(self, key: str, slots: Slots, language: str) -> str:
        """Return one wording of a key, filled."""
        wordings = style_of(language).wordings[key]["say"]
        return self._choice.of(f"{language}.{key}", wordings, slots=slots)[0]

    def named(self, nick: str, language: str) -> str:
        """Return a sentence that turns to a viewer."""
        return self.one_of("_nick", {"nick": nick}, language)


def sentences(text: str) -> list[str]:
    """Return the sentences of a wording: one that is short is not cut at its commas."""
    letters = sum(char.isascii() for char in text)
    inner = re.search(r"[。！？!?；;]|[.](?=\s)", text[:-1])
    return [text] if not inner and len(text) - letters / 2 <= LONGEST else split(text)


def fits(key: str, slots: Slots, language: str) -> bool:
    """Return whether a situation can be worded in a language, whole and in few words."""
    parts = style_of(language).wordings[key]
    return all(_fitting(parts[n], slots) for n in ("say", "brief") if n in parts)


def _joined(first: str, then: str, style: Style) -> str:
    return f"{first}{style.comma}{then}" if then else first


def _finished(text: str, style: Style) -> str:
    return text[0].upper() + text[1:] + style.stop


_SLOT = re.compile(r"\{(\w+)\}")


def _fitting(wordings: Sequence[str], slots: Slots) -> list[str]:
    """Return the wordings whose slots all have values."""
    return [w for w in wordings if all(slots.get(name) for name in _SLOT.findall(w))]


def _filled(wording: str, slots: Slots) -> str:
    return _SLOT.sub(lambda slot: slots[slot[1]], wording)


@functools.cache
def style_of(language: str) -> Style:
    """Return the wordings of "zh" or "en"."""
    file = Path(__file__).with_name(f"wordings_{language}.toml")
    table = tomllib.loads(file.read_text("utf-8"))
    wordings = {key: {n: tuple(w) for n, w in parts.items()} for key, parts in table.items()}
    stop, comma = ("。", "，") if language == "zh" else (".", ", ")
    return Style(stop, comma, wordings)
