"""The text front-end: how many hard sentences are read as a host reads them.

    python -m benchmarks.text                     # livehost and plain pypinyin
    python -m benchmarks.text --misaki PYTHON     # and misaki's, in an environment that has it
    python -m benchmarks.text --wrong             # what is read otherwise than expected (open half)

In:  text_items/open.txt (every sentence is a test), held_out.txt (written with it, not looked at
     while the rules were made) and fresh.txt (written when they were done).
Out: sentences read wholly right and syllables right, for each category.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pypinyin import Style, lazy_pinyin

from livehost.brain.voice import normalise
from livehost.brain.voice.g2p import pronounce
from livehost.brain.voice.lexicon import load_lexicon

FOLDER = Path(__file__).with_name("text_items")
HALVES = ("open", "held_out", "fresh")
_PINYIN = re.compile(r"[a-zê]+[1-5]")


@dataclass(frozen=True)
class Item:
    """A sentence, and every way of reading it that is right: one set of syllables each place."""

    category: str
    text: str
    readings: tuple[tuple[frozenset[str], ...], ...]

    def right(self, said: list[str]) -> int:
        """Return how many syllables of `said` are right by the reading that fits best."""
        return max(_matching(said, reading) for reading in self.readings)

    def is_right(self, said: list[str]) -> bool:
        return any(
            len(said) == len(reading) and all(s in r for s, r in zip(said, reading, strict=True))
            for reading in self.readings
        )


def _matching(said: list[str], reading: tuple[frozenset[str], ...]) -> int:
    expected = [s if s in places else "|".join(places) for s, places in _paired(said, reading)]
    blocks = difflib.SequenceMatcher(None, said, expected, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def _paired(
    said: list[str], reading: tuple[frozenset[str], ...]
) -> Iterable[tuple[str, frozenset[str]]]:
    """Give every place of the reading the syllable of `said` that is nearest and fits."""
    for n, places in enumerate(reading):
        near = sorted(range(len(said)), key=lambda at: abs(at - n))
        yield next((said[at] for at in near if said[at] in places), ""), places


def items(half: str) -> list[Item]:
    """Return the sentences of one half."""
    found: list[Item] = []
    category = ""
    for line in (FOLDER / f"{half}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            category = line.strip("[]")
        elif line and not line.startswith("#"):
            text, _, readings = line.rpartition(" = ")
            ways = tuple(_reading(way) for way in readings.split("||"))
            found.append(Item(category, text, ways))
    return found


def _reading(way: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(place.split("|")) for place in comparable(way.split()))


def comparable(said: Iterable[str]) -> list[str]:
    """Return syllables, and Latin letters as one word: "U S B" and "USB" are the same."""
    out: list[str] = []
    for part in said:
        for bit in re.split(r"[\s.'’-]+", part.casefold()):
            place = bit.split("|")[0]
            is_latin = bool(bit) and not _PINYIN.fullmatch(place)
            if is_latin and out and not _PINYIN.fullmatch(out[-1].split("|")[0]):
                out[-1] += bit
            elif bit:
                out.append(bit)
    return out


def livehost(text: str) -> list[str]:
    """Return how the product reads `text`."""
    lexicon = load_lexicon()
    return pronounce(normalise.spoken(lexicon.replace(text)))


def heard(text: str) -> list[str]:
    """Return how the product reads `text`, ready to compare."""
    return _said(comparable(livehost(text)))


def pypinyin(text: str) -> list[str]:
    """Return how pypinyin reads what the product's normaliser makes of `text`, with its sandhi."""
    spoken = normalise.spoken(text)
    return lazy_pinyin(spoken, Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True)


def misaki(python: str, version: str) -> Callable[[str], list[str]]:
    """Return misaki's reading of all sentences' normalised text, made in its own environment."""
    texts = {item.text: normalise.spoken(item.text) for half in HALVES for item in items(half)}
    script = Path(__file__).with_name("text_misaki.py")
    done = subprocess.run(
        [python, str(script), version],
        input=json.dumps(list(texts.values())),
        capture_output=True,
        text=True,
        check=True,
    )
    said = dict(zip(texts, json.loads(done.stdout.splitlines()[-1]), strict=True))
    return said.__getitem__


@dataclass
class Score:
    """How many sentences and syllables there were, and how many of them were right."""

    sentences: int = 0
    right: int = 0
    syllables: int = 0
    syllables_right: int = 0

    def add(self, item: Item, said: list[str]) -> None:
        self.sentences += 1
        self.right += item.is_right(said)
        self.syllables += max(len(said), *map(len, item.readings))
        self.syllables_right += item.right(said)

    def __str__(self) -> str:
        share = 100 * self.syllables_right / max(1, self.syllables)
        return f"{self.right}/{self.sentences} ({share:.1f} %)"


def score(half: str, reads: Callable[[str], list[str]]) -> dict[str, Score]:
    """Return the score of each category, and of "all"."""
    scores: dict[str, Score] = {}
    for item in items(half):
        said = _said(comparable(reads(item.text)))
        for name in (item.category, "all"):
            scores.setdefault(name, Score()).add(item, said)
    return scores


def _said(parts: list[str]) -> list[str]:
    """Drop what is no sound: punctuation that a reader passes through."""
    kept = (re.sub(r"[^\wê]+", "", part) for part in parts)
    return [part for part in kept if part]


def wrong(half: str) -> Iterable[tuple[Item, list[str]]]:
    """Yield the sentences of a half that the product reads otherwise than expected."""
    for item in items(half):
        said = heard(item.text)
        if not item.is_right(said):
            yield item, said


def table(systems: dict[str, Callable[[str], list[str]]]) -> str:
    """Return Markdown: sentences right of all (syllables right), by half, category and system."""
    rows = [["", *systems], ["---"] * (len(systems) + 1)]
    for half in HALVES:
        scores = [score(half, reads) for reads in systems.values()]
        for name in ["all", *(n for n in scores[0] if n != "all")]:
            rows.append([f"{half}: {name}", *(str(each[name]) for each in scores)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Print the table, or what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--misaki", metavar="PYTHON", help="a Python that has misaki[zh]")
    parser.add_argument("--wrong", action="store_true", help="list wrong sentences (open half)")
    given = parser.parse_args()
    if given.wrong:
        for item, said in wrong("open"):
            ways = (" ".join("|".join(sorted(p)) for p in way) for way in item.readings)
            print(f"[{item.category}] {item.text}\n  said {' '.join(said)}")
            print("\n".join(f"  want {way}" for way in ways))
        return
    systems: dict[str, Callable[[str], list[str]]] = {"livehost": livehost, "pypinyin": pypinyin}
    if given.misaki:
        systems["misaki 0.9 (v1.0)"] = misaki(given.misaki, "1.0")
        systems["misaki 0.9 (v1.1)"] = misaki(given.misaki, "1.1")
    print(table(systems))


if __name__ == "__main__":
    main()
