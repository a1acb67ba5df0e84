"""Replayed evenings through the whole brain: what was answered, when, and what was said wrongly.

    python -m benchmarks --only evening

In:  evenings/*.jsonl, the demo shop.   Out: for each evening the share of messages answered by the
class they were written as, what became of the others, seconds to the answer, figures that no card
backs, sentences said again within half an hour, and what an answer costs the script.

Virtual time: an evening takes as long as the code in it. The voice is `tone`, whose speech lasts as
long as speech does, so "seconds" are those of a show whose voice and replies take no time.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.machine import quantiles
from livehost.brain import app
from livehost.brain.gate import Gate
from livehost.brain.gate.card import card_of
from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import quantities
from livehost.brain.intent import Intent
from livehost.brain.on_air import Aired
from livehost.brain.product import Product, plain
from livehost.brain.reply.facts import slots_of
from livehost.brain.reply.understand import body_of
from livehost.brain.utterance import Said
from livehost.clock import VirtualTimeLoop
from livehost.options import Options
from tests.show_parts import staged
from tests.show_stage import FakeStage, Sounded

FOLDER = Path(__file__).with_name("evenings")
DEMO = Path(__file__).parent.parent / "scripts" / "demo"
AVATAR = Path(__file__).parent.parent / "avatars" / "xiaohe"
NAMES = ("quiet", "flash", "difficult")
AGAIN = 1800.0  # seconds in which a sentence counts as repeated
MOST_SHOWN = 12  # repeated sentences in the report
CLAUSE = 5  # characters of a clause by which a stored answer is known
AFTER = 60.0  # seconds that the show goes on after the last message
ROOM = """
name = "evening"
[avatar]
path = "avatar"
[voice]
engine = "tone"
[state]
dir = "state"
cache_dir = "cache"
[chat]
replay = "evening.jsonl"
"""


def measure(names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Replay the evenings one after the other."""
    return {name: replay(FOLDER / f"{name}.jsonl") for name in names}


def replay(file: Path) -> dict[str, Any]:
    """Play one evening and return what came of it."""
    with tempfile.TemporaryDirectory(prefix="livehost-evening-") as name:
        folder = Path(name)
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        (folder / "avatar").mkdir()
        shutil.copy(AVATAR / "avatar.toml", folder / "avatar")
        (folder / "room.toml").write_text(ROOM)
        shutil.copy(file, folder / "evening.jsonl")
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            seen = runner.run(_show(folder, rows[-1]["at"] + AFTER))
        return _report(seen, rows, folder)


class Seen:
    """What is noted of a show while it runs."""

    def __init__(self, show: app.Show, stage: FakeStage) -> None:
        self.show, self.stage = show, stage
        self.came: dict[str, float] = {}
        self.kinds: dict[int, Intent] = {}
        self.products: dict[str, str | None] = {}
        self.twice: list[float] = []
        self._listen()

    def _listen(self) -> None:
        show, on_air = self.show, self.show.speaker.on_air
        written, begin, sending = show.intake.told, on_air.begin, on_air.sending
        judged = show.writer.judged

        def told(message: Any, source: str, fresh: bool) -> None:
            self.came[message.id] = _now()
            written(message, source, fresh)

        def begun(aired: Aired, understood: str) -> None:
            self.kinds[aired.id] = aired.intent
            begin(aired, understood)

        def sent(aired: Aired, sentence: int, begun: int = 0) -> None:
            if (part := aired.intent.heard) and sentence == 0:
                self.twice.append((part.samples - begun) / 48_000)
            sending(aired, sentence, begun)

        def judge(text: str, intent: Intent) -> Said:
            said = judged(text, intent)
            self.products[said.text] = show.writer._product_of(intent)
            return said

        show.intake.told, on_air.begin, on_air.sending = told, begun, sent  # type: ignore[method-assign]
        show.writer.judged = judge  # type: ignore[method-assign]


async def _show(folder: Path, seconds: float) -> Seen:
    room = folder / "room.toml"
    async with staged() as stage:
        options = Options(str(room), str(folder / "s.sock"), console="127.0.0.1:0")
        show = app.Show(app.load_room(room), options)
        show.link._connect = stage.connect  # type: ignore[assignment]
        show._console = asyncio.Event().wait  # type: ignore[assignment,method-assign]
        seen, ending = Seen(show, stage), asyncio.Event()
        running = asyncio.ensure_future(show.run(ending, None))
        await asyncio.sleep(seconds)
        ending.set()
        await running
        await show.close()
    return seen


def _now() -> float:
    return asyncio.get_running_loop().time()


# --- the report -----------------------------------------------------------------------------------


def _report(seen: Seen, rows: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    base = sqlite3.connect(folder / "state" / "show.sqlite3")
    chat = base.execute("SELECT id, class, outcome, utterance FROM chat").fetchall()
    base.close()
    labels = [row["extra"]["label"] for row in rows]
    heard = [s for s in seen.stage.air if s.interrupted is not None and s.samples]
    replies = [i for i in seen.kinds.values() if i.asked]
    return {
        "messages": len(rows),
        "in_the_log": len(chat),
        "minutes": round(rows[-1]["at"] / 60, 1),
        "by_class": _by_class(chat, labels),
        "classed_as_written": _agreed(chat, labels),
        "seconds_to_answer": _waited(seen, chat),
        "answers": len(replies),
        "answers_to_several": sum(len(i.answers) > 1 for i in replies),
        "sentences_heard": len(heard),
        "gate_replaced": seen.show.speaker.on_air.counts["gate.replaced"],
        "wrong_facts": _wrong(seen, heard, rows),
        "answers_without_their_fact": _missed(seen, chat, rows, heard),
        "again_within_30_minutes": _again(seen, heard),
        "script": {
            "broken_off": len(seen.twice),
            "seconds_said_twice": quantiles(seen.twice),
            "seconds_said_twice_in_all": round(sum(seen.twice), 1),
            "seconds_of_silence_before_answers": _silence(seen),
        },
        "abuse_in_speech": _spoken(heard, rows),
    }


def _label(message: str, labels: list[str]) -> str:
    """Return the class of a replayed message, whose id is "show:line:"."""
    return labels[_line(message)]


def _line(message: str) -> int:
    return int(message.rstrip(":").rpartition(":")[2])


def _by_class(chat: list[tuple[Any, ...]], labels: list[str]) -> dict[str, Any]:
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for message, _, outcome, _ in chat:
        outcomes[_label(message, labels)][outcome or "waits"] += 1
    return {
        label: {
            "messages": counts.total(),
            "answered": round((counts["answered"] + counts["digest"]) / counts.total(), 3),
            "outcomes": dict(counts.most_common()),
        }
        for label, counts in sorted(outcomes.items())
    }


def _agreed(chat: list[tuple[Any, ...]], labels: list[str]) -> float:
    comments = [(of, _label(message, labels)) for message, of, _, _ in chat if of]
    return round(sum(of == label for of, label in comments) / len(comments), 3)


def _waited(seen: Seen, chat: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Return seconds from a message to the first sound of its answer, by kind of answer."""
    sounded: dict[int, float] = {}
    for said in seen.stage.air:
        sounded.setdefault(said.utterance, said.at)
    waits: dict[str, list[float]] = defaultdict(list)
    for message, _, outcome, utterance in chat:
        if outcome in ("answered", "digest") and utterance in sounded:
            waits[outcome].append(sounded[utterance] - seen.came[message])
    return {kind: quantiles(values) for kind, values in waits.items()}


def _wrong(seen: Seen, heard: list[Sounded], rows: list[dict[str, Any]]) -> list[str]:
    """Return heard sentences with a figure that the product's card does not back, by a gate that
    did not see them before; and answers with one that stands on no card nor in the questions."""
    gate, now = Gate(seen.show.catalog), datetime.now().astimezone()
    products = seen.show.catalog.products
    cards = _figures(*(text for p in products.values() for text in _on_card(p, now)))
    wrong = set()
    for said in heard:
        product = products.get(seen.products.get(said.text) or "")
        intent = seen.kinds[said.utterance]
        stopped = not gate.check(said.text, product, now).ok
        told = _figures(said.text, unit=True) - cards
        answers = intent.asked and said.text != intent.opening
        if stopped or (answers and told - _asked_figures(intent, rows)):
            wrong.add(said.text)
    return sorted(wrong)


def _asked_figures(intent: Intent, rows: list[dict[str, Any]]) -> set[Any]:
    """Return the figures of all that those who are answered wrote, as kilograms too."""
    users = {rows[_line(message)]["user"] for message in intent.answers}
    texts = [row["text"] for row in rows if row["user"] in users]  # measures are remembered
    bodies = [body_of(text) for text in texts]
    measures = [m for b in bodies for m in (b.height_cm, b.weight_jin, (b.weight_jin or 0) / 2)]
    return _figures(*texts) | {Decimal(f"{m:g}") for m in measures if m}


def _missed(
    seen: Seen, chat: list[tuple[Any, ...]], rows: list[dict[str, Any]], heard: list[Sounded]
) -> dict[str, Any]:
    """Return answered price, size and stock questions whose utterance lacks what they asked:
    a price on a card, a size that the table gives for the measures, a stock or a choice."""
    said: dict[int, str] = defaultdict(str)
    for sentence in heard:
        said[sentence.utterance] += sentence.text
    missed: Counter[str] = Counter()
    examples: dict[str, list[str]] = defaultdict(list)
    for message, of, outcome, utterance in chat:
        text = rows[_line(message)]["text"]
        wanted = _wanted(of, text, seen)
        if outcome != "answered" or not wanted or not said[utterance]:
            continue
        if not any(word in said[utterance].lower() for word in wanted):
            missed[of] += 1
            examples[of].append(f"{text} -> {said[utterance]}")
    return {"counts": dict(missed), "examples": {of: found[:20] for of, found in examples.items()}}


def _wanted(of: str, text: str, seen: Seen) -> set[str]:
    """Return words of which an answer must hold one; none for what is not judged."""
    products, now = list(seen.show.catalog.products.values()), datetime.now().astimezone()
    if of == "price":
        return {plain(product.price_at(now)) for product in products}
    if of == "stock":
        known = {str(product.stock) for product in products if product.stock}
        return known | {v for p in products for kind in p.variant for v in kind.values}
    body = body_of(text)
    if of != "size" or body.height_cm is None or body.weight_jin is None:
        return set()
    rows = [row for product in products for row in product.size]
    fits = [r.name for r in rows if r.fits(body.height_cm, body.weight_jin)]
    fits = fits or [
        r.name for r in rows if r.fits(body.height_cm, None) or r.fits(None, body.weight_jin)
    ]
    told = {f"{name}码" for name in fits} | {f"size {name}" for name in fits}
    return {words.lower() for words in told} | {"客服", "不分", "尺码"}


def _on_card(product: Product, now: datetime) -> Iterator[str]:
    yield card_of(product, now).text
    for language in ("zh", "en"):
        yield from slots_of(product, now, language).values()


def _figures(*texts: str, unit: bool = False) -> set[Any]:
    """Return the amounts in texts; `unit`: only those with one."""
    found = (q for text in texts for q in quantities(fold(text).text))
    return {q.value for q in found if q.dim or not unit}


def _again(seen: Seen, heard: list[Sounded]) -> dict[str, Any]:
    """Return how many sentences were said in the half hour before, by what they were.

    Answers stored on the card are said as they stand: they count by themselves.
    """
    last: dict[str, float] = {}
    stored = _stored(seen)
    counts: Counter[str] = Counter()
    again: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for said in heard:
        if said.interrupted:
            continue
        kind = seen.kinds[said.utterance].kind.value
        if kind == "reply" and any(part in said.text for part in stored):
            kind = "stored answer"
        counts[kind] += 1
        repeated = said.at - last.get(said.text, -AGAIN) < AGAIN
        again[kind] += repeated
        most[said.text] += repeated and kind == "reply"
        last[said.text] = said.at
    told: dict[str, Any] = {kind: f"{again[kind]} of {count}" for kind, count in counts.items()}
    return told | {"most": dict((+most).most_common(MOST_SHOWN))}


def _stored(seen: Seen) -> set[str]:
    """Return the clauses of the answers that products store."""
    answers = (faq.answer for p in seen.show.catalog.products.values() for faq in p.faq)
    clauses = {clause for answer in answers for clause in re.split("[，；。：、]", answer)}
    return {clause for clause in clauses if len(clause) >= CLAUSE}


def _silence(seen: Seen) -> dict[str, float]:
    """Return the silence between a script sentence and the answer that follows it."""
    pairs = zip(seen.stage.air, seen.stage.air[1:], strict=False)
    return quantiles(
        [
            after.at - before.until
            for before, after in pairs
            if seen.kinds[before.utterance].place and seen.kinds[after.utterance].asked
        ]
    )


def _spoken(heard: list[Sounded], rows: list[dict[str, Any]]) -> list[str]:
    """Return abusive or injected texts that were said in whole."""
    bad = {r["text"] for r in rows if r["extra"]["label"] in ("abuse", "injection")}
    spoken = {s.text for s in heard}
    return sorted(text for text in bad if any(text in said for said in spoken))
