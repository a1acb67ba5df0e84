"""The gate: what it stops of what it must stop, what it stops besides, and how long it takes.

    python -m benchmarks.gate               # the table
    python -m benchmarks.gate --json        # the same as JSON
    python -m benchmarks.gate --wrong       # what is judged otherwise than expected (dev part)

In:  the parts in gate_items, the demo's cards and script, gate_items/products.
Out: recall, precision and the share of right rules for each category; milliseconds a sentence.

dev: the rules were written with it. held_out: written before the rules, by the same author, and
never listed; its words are in the author's mind all the same, so it says what the rules cover and
not how they meet new words. late: written afterwards to find what they miss, then used like dev.
last: written when all was finished, scored once; this is how claims in new words fare.
disguised: one disguise after the other; scored when it was written, then used like dev.
fresh: new words again, and names that look like figures or insults; used in the same way.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from benchmarks import machine
from livehost.brain.catalog import Catalog, fill, load_catalog
from livehost.brain.gate import Gate, Verdict
from livehost.brain.product import Product
from livehost.brain.sentences import split
from livehost.config import Room, load_toml

FOLDER = Path(__file__).with_name("gate_items")
DEMO = Path(__file__).parent.parent / "scripts" / "demo"
PARTS = ("dev", "held_out", "late", "last", "disguised", "fresh")
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=timezone(timedelta(hours=8)))
ROUNDS = 5


@dataclass(frozen=True)
class Item:
    """A sentence about a product ("" for none) and the rules that may stop it; none: it passes."""

    category: str
    product: str
    rules: tuple[str, ...]
    text: str

    @property
    def attack(self) -> bool:
        return bool(self.rules)

    def named(self, rule: str) -> bool:
        """Return whether `rule` is one of those expected."""
        return any(rule == want or rule.startswith(f"{want}.") for want in self.rules)


@dataclass(frozen=True)
class Injection:
    """What a viewer writes, and what a model that obeys says."""

    kind: str
    asked: str
    obeyed: str


def items(part: str) -> list[Item]:
    """Return the sentences of one part."""
    found = []
    for category, line in _lines(FOLDER / f"{part}.txt"):
        product, rules, text = line.split(" ", 2)
        expected = () if rules == "ok" else tuple(rules.split("|"))
        found.append(Item(category, product.strip("-"), expected, text))
    return found


def injections() -> list[Injection]:
    """Return the viewer messages that try to give orders."""
    found = []
    for kind, line in _lines(FOLDER / "injections.txt"):
        asked, _, obeyed = line.partition(" => ")
        found.append(Injection(kind, asked, obeyed))
    return found


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    category = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            category = line.strip("[]")
        elif line and not line.startswith("#"):
            yield category, line.replace("\\u200b", "\u200b")


@contextmanager
def shop() -> Iterator[Catalog]:
    """Give the demo's catalog with the further products."""
    with tempfile.TemporaryDirectory(prefix="livehost-gate-") as name:
        folder = Path(name)
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        shutil.copytree(FOLDER / "products", folder / "products", dirs_exist_ok=True)
        file = folder / "room.toml"
        yield load_catalog(load_toml(file, Room, file=file.resolve()))


def script(catalog: Catalog) -> list[Item]:
    """Return every sentence of the demo's script; all of them pass."""
    return [
        Item("script", segment.product or "", (), sentence)
        for segment in catalog.segments
        for line in segment.lines
        for sentence in split(fill(line, _product(catalog, segment.product), NOW) or "")
    ]


def _product(catalog: Catalog, name: str | None) -> Product | None:
    return catalog.products[name] if name else None


@dataclass
class Score:
    """Sentences of one category by what they are and what became of them."""

    attacks: int = 0
    caught: int = 0
    right_rule: int = 0
    clean: int = 0
    stopped: int = 0
    """Clean sentences that were stopped."""

    def add(self, item: Item, verdict: Verdict) -> None:
        if item.attack:
            self.attacks += 1
            self.caught += not verdict.ok
            self.right_rule += item.named(verdict.rule)
        else:
            self.clean += 1
            self.stopped += not verdict.ok

    @property
    def recall(self) -> float | None:
        return self.caught / self.attacks if self.attacks else None

    @property
    def precision(self) -> float | None:
        said_no = self.caught + self.stopped
        return self.caught / said_no if said_no and self.attacks else None

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "recall": self.recall, "precision": self.precision}


@dataclass
class Result:
    """Scores by category with "all", and what was judged otherwise than expected."""

    scores: dict[str, Score] = field(default_factory=dict)
    wrong: list[tuple[Item, Verdict]] = field(default_factory=list)


def judge(gate: Gate, catalog: Catalog, sentences: Iterable[Item]) -> Result:
    """Return how the gate does on `sentences`."""
    result = Result()
    for item in sentences:
        verdict = gate.check(item.text, _product(catalog, item.product), NOW)
        for name in (item.category, "all"):
            result.scores.setdefault(name, Score()).add(item, verdict)
        if item.attack == verdict.ok or (item.attack and not item.named(verdict.rule)):
            result.wrong.append((item, verdict))
    return result


def times(gate: Gate, catalog: Catalog, sentences: list[Item]) -> dict[str, float]:
    """Return milliseconds of processor time a sentence, each the median of some rounds."""
    rounds: list[list[float]] = [[] for _ in sentences]
    for _ in range(ROUNDS):  # round by round, so that nothing of a sentence is remembered
        for item, spent in zip(sentences, rounds, strict=True):
            product = _product(catalog, item.product)
            began = time.thread_time_ns()
            gate.check(item.text, product, NOW)
            spent.append((time.thread_time_ns() - began) / 1e6)
    taken = [sorted(spent)[ROUNDS // 2] for spent in rounds]
    taken.sort()
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(taken[int(share * (len(taken) - 1))], 3) for name, share in at.items()}


def measure() -> dict[str, Any]:
    """Return everything as one JSON value."""
    with shop() as catalog:
        gate = Gate(catalog)
        spoken = script(catalog)
        parts = {part: items(part) for part in PARTS}
        judged = {part: judge(gate, catalog, its).scores for part, its in parts.items()}
        every = [*parts["dev"], *parts["held_out"], *spoken]
        return {
            "machine": machine.facts(),
            "parts": {
                part: {name: score.as_dict() for name, score in scores.items()}
                for part, scores in judged.items()
            },
            "script": judge(gate, catalog, spoken).scores["all"].as_dict(),
            "milliseconds": {"sentences": len(every), **times(gate, catalog, every)},
            "injections": _obeyed(gate, catalog),
        }


def _obeyed(gate: Gate, catalog: Catalog) -> dict[str, int]:
    """Count what a model that obeys would say, and how much of it the gate stops."""
    jacket = catalog.products["jacket"]
    asked = injections()
    stopped = sum(not gate.check(each.obeyed, jacket, NOW).ok for each in asked)
    return {"obeyed": len(asked), "stopped": stopped}


def table(results: dict[str, Any]) -> str:
    """Return Markdown."""
    rows = [["part", "category", "recall", "precision", "right rule", "clean stopped"]]
    rows.append(["---"] * len(rows[0]))
    for part, scores in results["parts"].items():
        for name in ["all", *(n for n in scores if n != "all")]:
            rows.append([part, name, *_cells(scores[name])])
    rows.append(["demo script", "", *_cells(results["script"])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(score: dict[str, Any]) -> list[str]:
    attacks, stopped = score["attacks"], score["stopped"]
    return [
        f"{score['caught']}/{attacks} ({_percent(score['recall'])})" if attacks else "",
        _percent(score["precision"]),
        f"{score['right_rule']}/{attacks}" if attacks else "",
        f"{stopped}/{score['clean']}" if score["clean"] else "",
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _list_wrong() -> None:
    with shop() as catalog:
        result = judge(Gate(catalog), catalog, [*items("dev"), *script(catalog)])
    for item, verdict in result.wrong:
        want = "|".join(item.rules) or "ok"
        print(f"[{item.category}] {item.product or '-'} {item.text}")
        print(f"    want {want}, got {verdict.rule or 'ok'} {verdict.found}")


def main() -> None:
    """Print the table, the JSON, or what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--wrong", action="store_true", help="list wrong verdicts (dev part)")
    given = parser.parse_args()
    if given.wrong:
        _list_wrong()
        return
    results = measure()
    if given.json:
        print(json.dumps(results, ensure_ascii=False, indent=2))
        return
    print(table(results))
    print(f"milliseconds of processor time: {results['milliseconds']}")
    print(f"injections: {results['injections']}")


if __name__ == "__main__":
    main()
