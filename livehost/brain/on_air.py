"""What is on its way to the viewers, and what they really heard of it.

In:  sentences sent, the stage's reports, cuts and losses.   Out: the cursor, the state file's rows,
what has to be said again.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from livehost.brain.director import Director
from livehost.brain.intent import Intent, IntentKind, Part, Place
from livehost.brain.memory import Unfinished
from livehost.brain.picture import Picture
from livehost.brain.script import Interrupt
from livehost.brain.utterance import Said
from livehost.metrics import Quantiles
from livehost.wire import Heard, Started

MOST_RECENT = 50
_DONE = frozenset({"heard", "interrupted", "lost"})


class Record(Protocol):
    """See `livehost.brain.state.State`."""

    def new_id(self) -> int:
        """Return an id never used before."""

    def utterance(self, utterance: int, intent: Intent, understood: str) -> None:
        """Note what is about to be said."""

    def ended(self, utterance: int, how: str) -> None:
        """Note how it ended."""

    def sentence(self, utterance: int, sentence: int, text: str, rule: str) -> None:
        """Note a sentence."""

    def sentence_is(
        self,
        utterance: int,
        sentence: int,
        state: str,
        samples: int = 0,
        total: int = 0,
        tick: int | None = None,
    ) -> None:
        """Note what became of a sentence."""

    def cursor(self, place: Place) -> None:
        """Note where the script goes on."""

    def programme(self, values: dict[str, Any]) -> None:
        """Note what else is needed to go on after a restart."""

    async def safe(self) -> None:
        """Wait until what was noted is on disk; not long, should the disk not take it."""

    def chat_is(self, message_id: str, outcome: str, utterance: int | None = None) -> None:
        """Note what became of a message."""

    def audit(self, kind: str, **what: Any) -> None:
        """Note a decision."""


@dataclass(eq=False, slots=True)
class Aired:
    """An utterance of which something was sent.

    Attributes:
        said: its sentences; may still grow.
        written: no more sentences follow.
        noted: sentences written down as sent: a moment before they are.
        sent: sentences begun to be sent.
        heard: sentences heard to their end.
        done: sentences that the stage is done with.
        over: nothing more will be sent.
        dropped: cut or lost; it no longer moves the script.
        resume: dropped, and what was not heard is to be said later.
        gives_way: dropped for something urgent; its sentence is taken up where it was.
        settled: the messages it answers are noted as answered.
        begun: the sample that its first sentence began with: 0, or where it was taken up.
    """

    id: int
    intent: Intent
    said: list[Said]
    written: bool = False
    noted: int = 0
    sent: int = 0
    heard: int = 0
    done: set[int] = field(default_factory=set)
    over: bool = False
    dropped: bool = False
    resume: bool = False
    gives_way: bool = False
    settled: bool = False
    begun: int = 0

    @property
    def pending(self) -> bool:
        """The stage still has something to report."""
        return len(self.done) < self.sent

    def text(self, sentence: int) -> str:
        """Return a sentence's text."""
        return self.said[sentence].text if sentence < len(self.said) else ""

    def is_last(self, sentence: int) -> bool:
        """Return whether no sentence follows `sentence`."""
        return self.written and sentence == len(self.said) - 1


class OnAir:
    """Keep account of everything sent and not yet reported.

    Attributes:
        saying: what sounds now: (utterance, sentence index), or None.
        recent: the last sentences, for the console.
        counts: sentences heard and interrupted, by kind.
        answer_seconds: from a question's arrival to the first sample of its answer.
        asked_back: returns the messages that an answer asks back instead of answering them.
    """

    def __init__(self, director: Director, record: Record, picture: Picture) -> None:
        self._director = director
        self._record = record
        self._picture = picture
        self._aired: dict[int, Aired] = {}
        self._noted: dict[int, int] = {}
        self._interrupted: list[Aired] = []
        self.saying: tuple[Aired, int] | None = None
        self.recent: deque[dict[str, Any]] = deque(maxlen=MOST_RECENT)
        self.counts: Counter[str] = Counter()
        self.asked_back: Callable[[Intent], Collection[str]] = lambda _intent: ()
        self.answer_seconds = Quantiles(200)

    def begin(self, aired: Aired, understood: str) -> None:
        """Note that an utterance goes on air.

        Args:
            understood: what a question was taken for.
        """
        self.counts[f"utterances.{aired.intent.kind.value}"] += 1
        self._aired[aired.id] = aired
        aired.intent = self._director.begun(aired.intent, _now())
        self._record.utterance(aired.id, aired.intent, understood)

    def adopt(self, utterances: Iterable[Aired]) -> None:
        """Take over what an earlier process had sent."""
        self._aired.update((aired.id, aired) for aired in utterances)

    def note(self, aired: Aired) -> None:
        """Write down the sentences known by now, and what the gate replaced."""
        noted = self._noted.get(aired.id, 0)
        for index, said in enumerate(aired.said[noted:], noted):
            self._record.sentence(aired.id, index, said.text, said.rule)
            if said.rule:
                self._note_refusal(aired, said)
        self._noted[aired.id] = len(aired.said)

    def sending(self, aired: Aired, sentence: int, begun: int = 0) -> None:
        """Note that a sentence is about to be sent; it begins with its sample `begun`."""
        self.note(aired)
        aired.begun = aired.begun if sentence else begun
        aired.noted = sentence + 1
        self._record.sentence_is(aired.id, sentence, "sent")
        if sentence == 0:
            self._director.sending(aired.intent)
            self._record.programme(self._director.to_json())

    async def sent(self, aired: Aired, sentence: int) -> None:
        """Note that a sentence is sent now, once it is on disk that it is.

        Cancelled meanwhile, it was not sent: what the stage was not told of, it will not report.
        """
        await self._record.safe()
        aired.sent = sentence + 1

    def finish(self, aired: Aired, how: str) -> None:
        """Note that nothing more of an utterance will be sent: done, yielded or failed."""
        aired.over = True
        self._record.ended(aired.id, how)
        if not aired.sent:
            self._director.empty(aired.intent)
            self._settle(aired, "failed" if how == "failed" else "refused")
        self._forget_if_reported(aired)

    # --- reports ----------------------------------------------------------------------------------

    def report(self, report: Started | Heard) -> None:
        """Take in what the stage says about a sentence."""
        aired = self._aired.get(report.utterance)
        if aired is None or report.sentence in aired.done:  # told again to a brain that is new
            return
        if isinstance(report, Started):
            self._started(aired, report.sentence, report.tick)
        else:
            self._ended(aired, report)

    def _started(self, aired: Aired, sentence: int, tick: int) -> None:
        self.saying = aired, sentence
        self._record.sentence_is(aired.id, sentence, "started", tick=tick)
        if not aired.dropped:
            self._director.started(aired.intent, sentence, _now())
            self.save()
        if sentence == 0 and aired.intent.asked and aired.intent.waiting:
            self.answer_seconds.add(_now() - aired.intent.waiting[0].since)
        self.recent.append(
            {
                "utterance": aired.id,
                "sentence": sentence,
                "kind": aired.intent.kind.value,
                "why": aired.intent.reason,
                "product": aired.intent.product,
                "text": aired.text(sentence),
                "state": "started",
            }
        )

    def _ended(self, aired: Aired, heard: Heard) -> None:
        state = "interrupted" if heard.interrupted else "heard"
        self.counts[f"sentences.{state}"] += 1
        self._record.sentence_is(aired.id, heard.sentence, state, heard.samples, heard.total)
        for entry in self.recent:
            if (entry["utterance"], entry["sentence"]) == (aired.id, heard.sentence):
                entry["state"] = state
        if self.saying == (aired, heard.sentence):
            self.saying = None
        aired.done.add(heard.sentence)
        if heard.samples:
            self._settle(aired, "answered")
        if not heard.interrupted:
            self._heard(aired, heard.sentence)
        elif aired.gives_way and heard.samples:
            begun = 0 if heard.sentence else aired.begun
            part = Part(aired.text(heard.sentence), begun + heard.samples, begun)
            self._director.broken_off(aired.intent, heard.sentence, part)
        self._forget_if_reported(aired)

    def _heard(self, aired: Aired, sentence: int) -> None:
        aired.heard = max(aired.heard, sentence + 1)
        text, last = aired.text(sentence), aired.is_last(sentence)
        self._director.heard(aired.intent, sentence, text, last, _now())
        self.save()

    def save(self) -> None:
        """Write down where the show is; all in one transaction, so that no kill tears it."""
        self._record.cursor(self._director.cursor)
        self._record.programme(self._director.to_json())

    def _forget_if_reported(self, aired: Aired) -> None:
        if (aired.over or aired.dropped) and not aired.pending:
            self._forget(aired)

    def _forget(self, aired: Aired) -> None:
        self._aired.pop(aired.id, None)
        self._noted.pop(aired.id, None)
        for sentence in sorted(set(range(aired.noted)) - aired.done):
            self._record.sentence_is(aired.id, sentence, "lost")
        self._picture.over(aired.id)
        if aired.dropped:
            self._interrupted.append(aired)
            if not self.unsettled:
                self._resume_interrupted()

    def _resume_interrupted(self) -> None:
        """Once it is known what was heard of them, have the rest of utterances said again."""
        for aired in sorted(self._interrupted, key=lambda aired: aired.id, reverse=True):
            self._director.owed.settled(aired.intent)
            rest = tuple(said.text for said in aired.said[aired.heard :])
            if aired.intent.kind is IntentKind.SCRIPT:
                continue
            if aired.resume and rest:
                answers = () if aired.settled else aired.intent.answers
                self._director.resume(replace(aired.intent, texts=rest, answers=answers))
            else:
                self._settle(aired, "cut")
        self._interrupted.clear()
        self._director.rewind()
        self._record.programme(self._director.to_json())

    def _settle(self, aired: Aired, outcome: str) -> None:
        if aired.settled:
            return
        aired.settled = True
        if aired.intent.kind is IntentKind.THANKS and outcome == "answered":
            outcome = "digest"
        back = self.asked_back(aired.intent) if outcome == "answered" else ()
        for message in aired.intent.answers:
            became = "asked_back" if message in back else outcome
            self._record.chat_is(message, became, aired.id)

    def _note_refusal(self, aired: Aired, said: Said) -> None:
        self.counts["gate.replaced"] += 1
        self._record.audit(
            "gate",
            utterance=aired.id,
            rule=said.rule,
            found=said.found,
            text=said.instead_of,
            said=said.text,
        )

    # --- cuts and losses --------------------------------------------------------------------------

    @property
    def unsettled(self) -> bool:
        """The stage has not yet confirmed everything that was dropped."""
        return any(aired.dropped and aired.pending for aired in self._aired.values())

    @property
    def breakable(self) -> bool:
        """A script sentence sounds that may be broken off, and nothing else waits.

        A break costs what was said since the last pause, so not again before it has got further.
        """
        if self.saying is None:
            return False
        aired, sentence = self.saying
        before = aired.intent.heard
        further = before is None or aired.begun > before.begun
        kinds = {a.intent.kind for a in self._aired.values() if not a.dropped}
        ours = sentence > 0 or (further and not aired.intent.whole)
        ours = ours and aired.intent.interrupt in ("", Interrupt.NOW)
        return ours and kinds == {IntentKind.SCRIPT}

    def drop(self, *, resume: bool, how: str) -> None:
        """Note that all speech on its way is dropped.

        Args:
            resume: what was interrupted besides the script is to be said later, from the
                sentence it was in. The script goes back to its cursor in any case.
            how: "cut", "lost" or, for something urgent, "yielded".
        """
        for aired in list(self._aired.values()):
            if aired.dropped:
                continue
            aired.dropped, aired.resume, aired.gives_way = True, resume, how == "yielded"
            if not aired.over:
                self._record.ended(aired.id, how)
            self._forget_if_reported(aired)
        self.saying = None
        self._director.rewind()
        self._picture.no_question()

    def forget(self) -> None:
        """Give up waiting for reports: the stage that owed them is gone."""
        for aired in list(self._aired.values()):
            self._forget(aired)
        self.saying = None


def adopted(left: Unfinished) -> Aired:
    """Return an utterance that an earlier process had sent, at least in part."""
    states = [state for _, _, state in left.sentences]
    sent = sum(state != "planned" for state in states)
    heard = next((n for n, state in enumerate(states) if state != "heard"), len(states))
    return Aired(
        left.utterance,
        left.intent,
        [Said(text, rule) for text, rule, _ in left.sentences],
        written=True,
        noted=sent,
        sent=sent,
        heard=heard,
        done={n for n, state in enumerate(states) if state in _DONE},
        settled=heard > 0,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
