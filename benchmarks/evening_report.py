"""What came of a replayed evening: the numbers of `benchmarks.evening`.

In:  what was noted of the show, its state file.   Out: JSON values.

An answer's delay is cut at three moments: it is chosen, its beginning is made, it sounds. Before
the first it waits in the queue, then for its words and speech, then for the sentence before it to
end. `to_the_fact` goes on until the sentence with what was asked is over.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.machine import quantiles
from livehost.brain.gate import Gate
from livehost.brain.gate.card import card_of
from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import quantities
from livehost.brain.intent import Intent
from livehost.brain.product import Product, plain
from livehost.brain.reply.facts import slots_of
from livehost.brain.reply.understand import body_of
from tests.show_stage import Sounded

if TYPE_CHECKING:
    from benchmarks.evening import Seen

AGAIN = 1800.0  # seconds in which a sentence counts as repeated
MOST_SHOWN = 12  # repeated sentences in the report
CLAUSE = 5  # characters of a clause by which a stored answer is known
TOLD = "told "
"""Before the id of a message that says which product the message after it was about."""


@dataclass(frozen=True)
class Row:
    """One message of the log.

    Attributes:
        message: its id.
        of: its class, "" for what is no comment.
        outcome: "waits" while there is none.
    """

    message: str
    of: str
    outcome: str
    utterance: int


def report(seen: Seen, log: Path) -> dict[str, Any]:
    """Return what came of an evening.

    Args:
        log: the state file that it left.
    """
    everything = _rows(log)
    chat = [row for row in everything if not row.message.startswith(TOLD)]
    heard = [s for s in seen.stage.air if s.interrupted is not None and s.samples]
    replies = [i for i in seen.kinds.values() if i.asked]
    return {
        "messages": len(chat),
        "by_class": _by_class(seen, chat),
        "classed_as_written": _agreed(seen, chat),
        "seconds_to_answer": _waited(seen, chat),
        "seconds_of_it": _spent(seen, chat, heard),
        "answers": len(replies),
        "answers_to_several": sum(len(i.answers) > 1 for i in replies),
        "seconds_spoken": _seconds_spoken(seen, heard),
        "sentences_heard": len(heard),
        "gate_replaced": seen.show.speaker.on_air.counts["gate.replaced"],
        "wrong_facts": _wrong(seen, heard),
        "answers_without_their_fact": _missed(seen, chat, heard),
        "said_which": _said_which(seen, everything, heard),
        "again_within_30_minutes": _again(seen, heard),
        "script": {
            "broken_off": len(seen.twice),
            "seconds_said_twice": quantiles(seen.twice),
            "seconds_said_twice_in_all": round(sum(seen.twice), 1),
            "seconds_of_silence_before_answers": _silence(seen),
        },
        "abuse_in_speech": _spoken(seen, heard),
    }


def _rows(log: Path) -> list[Row]:
    base = sqlite3.connect(log)
    found = base.execute("SELECT id, class, outcome, utterance FROM chat ORDER BY rowid").fetchall()
    base.close()
    return [Row(name, of or "", what or "waits", said or 0) for name, of, what, said in found]


def _label(seen: Seen, row: Row) -> str:
    """Return the class that a message was written as."""
    return str(seen.messages[row.message].extra["label"])


def _by_class(seen: Seen, chat: list[Row]) -> dict[str, Any]:
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in chat:
        outcomes[_label(seen, row)][row.outcome] += 1
    return {
        label: {
            "messages": counts.total(),
            "answered": round((counts["answered"] + counts["digest"]) / counts.total(), 3),
            "asked_back": round(counts["asked_back"] / counts.total(), 3),
            "outcomes": dict(counts.most_common()),
        }
        for label, counts in sorted(outcomes.items())
    }


def _agreed(seen: Seen, chat: list[Row]) -> float:
    comments = [row for row in chat if row.of]
    return round(sum(row.of == _label(seen, row) for row in comments) / len(comments), 3)


def _said_which(seen: Seen, rows: list[Row], heard: list[Sounded]) -> dict[str, Any]:
    """Return what became of messages that say which product an earlier one was about."""
    told = [row for row in rows if row.message.startswith(TOLD)]
    said = _by_utterance(heard)
    pairs = [(seen.messages[row.message], said[row.utterance]) for row in told]
    return {
        "outcomes": dict(Counter(row.outcome for row in told)),
        "examples": [f"{m.extra['asked']} / {m.text} -> {answer}" for m, answer in pairs[:12]],
    }


# --- time -----------------------------------------------------------------------------------------


def _sounded(seen: Seen) -> dict[int, float]:
    """Return when utterances began to sound."""
    first: dict[int, float] = {}
    for said in seen.stage.air:
        first.setdefault(said.utterance, said.at)
    return first


def _waited(seen: Seen, chat: list[Row]) -> dict[str, Any]:
    """Return seconds from a message to the first sound of its answer, by kind of answer."""
    sounded = _sounded(seen)
    waits: dict[str, list[float]] = defaultdict(list)
    for row in chat:
        if row.outcome in ("answered", "digest", "asked_back") and row.utterance in sounded:
            waits[row.outcome].append(sounded[row.utterance] - seen.came[row.message])
    return {kind: quantiles(values) for kind, values in waits.items()}


def _spent(seen: Seen, chat: list[Row], heard: list[Sounded]) -> dict[str, Any]:
    """Return what the seconds to an answer were spent on; see the module."""
    sounded = _sounded(seen)
    spent: dict[str, list[float]] = defaultdict(list)
    for row in chat:
        at, came = sounded.get(row.utterance), seen.came[row.message]
        if row.outcome != "answered" or at is None or row.utterance not in seen.made:
            continue
        taken = max(came, seen.taken[row.utterance])  # who joins an answer waits for less
        made = max(taken, seen.made[row.utterance])
        spent["in_the_queue"].append(taken - came)
        spent["being_made"].append(made - taken)
        spent["for_the_boundary"].append(at - made)
        wanted = _wanted(row.of, seen.messages[row.message].text, seen)
        parts = [s for s in heard if s.utterance == row.utterance and s.until]
        told = (s.until for s in parts if any(word in s.text.lower() for word in wanted))
        if fact := next(told, 0.0):
            spent["to_the_fact"].append(fact - came)
    return {what: quantiles(values) for what, values in spent.items()}


def _seconds_spoken(seen: Seen, heard: list[Sounded]) -> dict[str, float]:
    """Return seconds of speech by what it was."""
    spoken: Counter[str] = Counter()
    for said in heard:
        spoken[seen.kinds[said.utterance].kind.value] += said.samples
    return {kind: round(samples / 48_000, 1) for kind, samples in spoken.most_common()}


def _by_utterance(heard: Iterable[Sounded]) -> dict[int, str]:
    said: dict[int, str] = defaultdict(str)
    for sentence in heard:
        said[sentence.utterance] += sentence.text
    return said


# --- what was said --------------------------------------------------------------------------------


def _wrong(seen: Seen, heard: list[Sounded]) -> list[str]:
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
        if stopped or (answers and told - _asked_figures(intent, seen)):
            wrong.add(said.text)
    return sorted(wrong)


def _asked_figures(intent: Intent, seen: Seen) -> set[Any]:
    """Return the figures of all that those who are answered wrote, as kilograms too."""
    users = {seen.messages[message].user for message in intent.answers}
    texts = [m.text for m in seen.messages.values() if m.user in users]  # measures are remembered
    bodies = [body_of(text) for text in texts]
    measures = [m for b in bodies for m in (b.height_cm, b.weight_jin, (b.weight_jin or 0) / 2)]
    return _figures(*texts) | {Decimal(f"{m:g}") for m in measures if m}


def _missed(seen: Seen, chat: list[Row], heard: list[Sounded]) -> dict[str, Any]:
    """Return answered price, size and stock questions whose utterance lacks what they asked:
    a price on a card, a size that the table gives for the measures, a stock or a choice."""
    said = _by_utterance(heard)
    missed: Counter[str] = Counter()
    examples: dict[str, list[str]] = defaultdict(list)
    for row in chat:
        text, told = seen.messages[row.message].text, said[row.utterance]
        wanted = _wanted(row.of, text, seen)
        if row.outcome != "answered" or not wanted or not told:
            continue
        if not any(word in told.lower() for word in wanted):
            missed[row.of] += 1
            examples[row.of].append(f"{text} -> {told}")
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
    for row in product.size:
        yield "，".join(f"{bound:g}斤，{bound / 2:g}公斤" for bound in row.jin)
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


def _spoken(seen: Seen, heard: list[Sounded]) -> list[str]:
    """Return abusive or injected texts that were said in whole."""
    written = seen.messages.values()
    bad = {m.text for m in written if m.extra["label"] in ("abuse", "injection")}
    spoken = {s.text for s in heard}
    return sorted(text for text in bad if any(text in said for said in spoken))
