"""Flash sales: when one runs, what time is left, what about it is said and when.

In:  the sales of the rundown, the wall clock, an operator's start and stop.   Out: the running
ones; the next thing to say about one; what has begun or ended.

Pure: the caller says what time it is. A sale is on by the clock alone: what is said about it, or
that nothing can be said, changes neither its beginning nor its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from livehost.brain.product import Promotion
from livehost.brain.programme.clock import occurrences
from livehost.brain.script import Line

AHEAD = 22.0
"""Seconds before a mark from which the time left is said: a sentence has to end first."""
SAYING = 8.0
"""Seconds that are kept between a time left as it is said and the true one when it is chosen."""
SURE = 3.0
"""The same when it begins to sound."""
LEAST = 12.0
"""Seconds left under which no time is named any more."""
AFTER = 180.0
"""Seconds after the end in which it is said that a sale is over."""
FRESH = 120.0
"""Seconds in which a sale begins; later it is said to be on."""
OPENING, ENDING = "opening", "ending"


@dataclass(frozen=True, slots=True)
class FlashSale:
    """A flash sale of the rundown, see docs/scripts.md.

    Attributes:
        at: minutes of the day at which it begins.
        seconds: how long it goes on; 0 where the operator says it.
        marks: minutes before the end, falling.
    """

    id: str
    product: str
    promotion: str
    start: datetime | None = None
    end: datetime | None = None
    at: tuple[int, ...] = ()
    seconds: float = 0.0
    marks: tuple[float, ...] = ()
    opening: tuple[Line, ...] = ()
    countdown: tuple[Line, ...] = ()
    ending: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One time that a sale takes place."""

    sale: FlashSale
    start: datetime
    end: datetime

    def left(self, now: datetime) -> float:
        """Return the seconds until its end; below 0 after it."""
        return (self.end - now).total_seconds()

    @property
    def key(self) -> str:
        """Names this run; the same in every process."""
        return f"{self.sale.id}@{self.start.isoformat()}"


@dataclass(frozen=True, slots=True)
class Word:
    """Something to say about a run.

    Attributes:
        phase: opening, ending, or the minutes of a mark.
        lines: one of them is said, or all of an opening and ending.
        left: the time left as it is said, "" when none is named.
        until: when it has to have begun to be still true.
    """

    run: Run
    phase: str
    lines: tuple[Line, ...]
    turn: int
    left: str
    until: datetime

    @property
    def mark(self) -> str:
        """Names it for `Sales.said`."""
        return f"{self.run.key}/{self.phase}"


@dataclass(slots=True)
class Memory:
    """What survives a restart.

    Attributes:
        by_hand: (start, end) that the operator gave, by sale id; it goes before the rundown's.
        began: keys of runs whose beginning was told, with their end.
        ended: keys of runs whose end was told, with their end.
        said: marks that were said, with the end of their run.
    """

    by_hand: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    began: dict[str, datetime] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    said: dict[str, datetime] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        hands = {k: [a.isoformat(), b.isoformat()] for k, (a, b) in self.by_hand.items()}
        kept = {"began": self.began, "ended": self.ended, "said": self.said}
        return {"by_hand": hands} | {
            name: {k: at.isoformat() for k, at in values.items()} for name, values in kept.items()
        }

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Memory:
        """Read what `to_json` wrote."""
        moment = datetime.fromisoformat
        hands = values.get("by_hand", {})
        kept = (
            {k: moment(at) for k, at in values.get(name, {}).items()}
            for name in ("began", "ended", "said")
        )
        return Memory({k: (moment(a), moment(b)) for k, (a, b) in hands.items()}, *kept)

    def forget(self, before: datetime) -> None:
        """Drop what is over since `before`."""
        for kept in (self.began, self.ended, self.said):
            for key in [key for key, end in kept.items() if end < before]:
                del kept[key]
        for key in [key for key, (_, end) in self.by_hand.items() if end < before]:
            del self.by_hand[key]


class Sales:
    """Tells what runs and what is to be said.

    Args:
        sales: those in force; a reload may change them.
        promotion: returns the promotion of a sale as it stands on the card, None when gone.
    """

    def __init__(
        self,
        sales: Callable[[], Sequence[FlashSale]],
        promotion: Callable[[FlashSale], Promotion | None],
        zone: tzinfo,
        language: str,
        memory: Memory,
    ) -> None:
        self._sales = sales
        self._promotion = promotion
        self._zone = zone
        self._language = language
        self.memory = memory
        self._taken: set[str] = set()

    # --- what runs --------------------------------------------------------------------------------

    def runs(self, now: datetime) -> list[Run]:
        """Return what is running or just over, and the next run of each sale."""
        return [run for sale in self._sales() for run in self._of(sale, now)]

    def running(self, now: datetime, product: str | None = None) -> list[Run]:
        """Return the sales that are on, those of one product if it is given; soonest end first."""
        on = [run for run in self.runs(now) if run.start <= now < run.end]
        mine = (run for run in on if product in (None, run.sale.product))
        return sorted(mine, key=lambda run: run.end)

    def windows(self, now: datetime) -> dict[str, tuple[datetime, datetime]]:
        """Return start and end of the present or next run of each sale, by its id."""
        ahead = sorted((r for r in self.runs(now) if r.end > now), key=lambda run: run.start)
        return {run.sale.id: (run.start, run.end) for run in reversed(ahead)}

    def edge(self, now: datetime) -> float:
        """Return the seconds until a sale begins or ends next."""
        moments = (at for run in self.runs(now) for at in (run.start, run.end) if at > now)
        return min(((at - now).total_seconds() for at in moments), default=float("inf"))

    def _of(self, sale: FlashSale, now: datetime) -> list[Run]:
        offer = self._promotion(sale)
        if offer is None or offer.price is None:
            return []
        hand = self.memory.by_hand.get(sale.id)
        planned = [self._cut(run, hand) for run in self._planned(sale, now)]
        if hand and not any(run.start == hand[0] for run in planned):
            planned.append(Run(sale, *hand))
        possible = [c for run in planned if (c := _clipped(run, offer)).start < c.end]
        fresh = sorted((r for r in possible if r.left(now) > -AFTER), key=lambda run: run.start)
        later = [run for run in fresh if run.start > now]
        return [*(run for run in fresh if run.start <= now), *later[:1]]

    def _planned(self, sale: FlashSale, now: datetime) -> Iterator[Run]:
        length = timedelta(seconds=sale.seconds)
        if sale.start:
            yield Run(sale, sale.start, sale.end or sale.start + length)
        for at in occurrences(sale.at, now, self._zone):
            yield Run(sale, at, at + length)

    def _cut(self, run: Run, hand: tuple[datetime, datetime] | None) -> Run:
        """Return a planned run as the operator has changed it."""
        return Run(run.sale, *hand) if hand and hand[0] == run.start else run

    # --- the operator -----------------------------------------------------------------------------

    def start(self, name: str, minutes: float | None, now: datetime) -> Run | str:
        """Start a sale by hand; return it, or why that cannot be."""
        sale = next((sale for sale in self._sales() if sale.id == name), None)
        if sale is None:
            known = ", ".join(sale.id for sale in self._sales()) or "none"
            return f"no such flash sale; there are {known}"
        offer = self._promotion(sale)
        if offer is None or offer.price is None:
            return f"{sale.product} has no promotion {sale.promotion} with a price"
        if not offer.active(now):
            return f"promotion {sale.promotion} does not hold now: {offer.start} to {offer.end}"
        if any(run.sale.product == sale.product for run in self.running(now)):
            return f"a flash sale of {sale.product} is on already"
        seconds = minutes * 60 if minutes else sale.seconds or _length(sale)
        if not seconds:
            return "minutes is required: the rundown gives none"
        start = now.replace(microsecond=0)
        self.memory.by_hand[name] = start, min(start + timedelta(seconds=seconds), offer.end)
        return Run(sale, *self.memory.by_hand[name])

    def stop(self, name: str, now: datetime) -> Run | str:
        """End a running sale now; return it, or why that cannot be."""
        run = next((run for run in self.running(now) if run.sale.id == name), None)
        if run is None:
            on = ", ".join(run.sale.id for run in self.running(now)) or "none"
            return f"no such flash sale is on; there are {on}"
        self.memory.by_hand[name] = run.start, now
        if run.key in self.memory.began:
            self.memory.began[run.key] = now
        return Run(run.sale, run.start, now)

    # --- what began and ended ---------------------------------------------------------------------

    def news(self, now: datetime) -> list[tuple[str, Run]]:
        """Return ("began" or "ended", run) of what has not been told yet, each once."""
        memory, on = self.memory, {run.key: run for run in self.running(now)}
        told = [("began", run) for key, run in on.items() if key not in memory.began]
        for key in memory.began.keys() - memory.ended.keys() - on.keys():
            if run := self._past(key, min(memory.began[key], now)):
                told.append(("ended", run))
            memory.ended[key] = now
        memory.began.update((key, run.end) for key, run in on.items())
        memory.forget(now - timedelta(days=2))
        return told

    def _past(self, key: str, end: datetime) -> Run | None:
        """Return a run that is over by its key; None when its sale is gone from the rundown."""
        name, _, start = key.rpartition("@")
        sale = next((sale for sale in self._sales() if sale.id == name), None)
        return Run(sale, datetime.fromisoformat(start), end) if sale else None

    # --- what is said -----------------------------------------------------------------------------

    def take(self, now: datetime) -> Word | None:
        """Return what is to be said now; it is not returned again unless it is put back."""
        word = self.next(now)
        if word:
            self._taken.add(word.mark)
        return word

    def next(self, now: datetime) -> Word | None:
        """Return what is to be said now, without taking it."""
        known = self._taken | self.memory.said.keys()
        runs = sorted(self.runs(now), key=lambda run: run.end)
        words = (self._word(run, now, self._said_of(run)) for run in runs)
        return next((word for word in words if word and word.mark not in known), None)

    def coming(self, now: datetime, until: datetime) -> list[tuple[datetime, Word]]:
        """Return what becomes due after `now` and before `until`, each with the moment.

        Nothing is taken. What is chosen late names less time left.
        """
        coming: list[tuple[datetime, Word]] = []
        for run in self.runs(now):
            said = self._said_of(run)
            for at in _moments(run):
                word = self._word(run, at, said) if now < at < until else None
                if word and word.mark not in self.memory.said:
                    coming.append((at, word))
                    said += 1
        return sorted(coming, key=lambda pair: pair[0])

    def put_back(self, mark: str) -> None:
        """Return a word that will not be said now."""
        self._taken.discard(mark)

    def said(self, mark: str) -> None:
        """Note that a word is on its way to the viewers."""
        self._taken.discard(mark)
        key = mark.rpartition("/")[0]
        start = datetime.fromisoformat(key.rpartition("@")[2])
        self.memory.said[mark] = max(self.memory.began.get(key, start), start)

    def unsaid(self, mark: str) -> None:
        """Note that a word was cut off before anything of it was heard, and is still to be said."""
        self.memory.said.pop(mark, None)

    def _said_of(self, run: Run) -> int:
        """Return how many words of a run were said."""
        return sum(mark.startswith(f"{run.key}/") for mark in self.memory.said)

    def _word(self, run: Run, now: datetime, said: int) -> Word | None:
        left = run.left(now)
        if now < run.start or left <= -AFTER:
            return None
        if left <= 0:
            if not said:
                return None  # nobody heard of it: there is nothing to end
            until = run.end + timedelta(seconds=AFTER)
            return Word(run, ENDING, run.sale.ending, 0, "", until)
        phase = next((m for m in reversed(run.sale.marks) if self._due(run, m, left)), None)
        if phase is None:
            fresh = (now - run.start).total_seconds() < FRESH
            lines = run.sale.opening if fresh else run.sale.countdown[:1]
            return self._timed(run, OPENING, lines, left, said)
        return self._timed(run, f"{phase:g}", run.sale.countdown, left, said)

    def _due(self, run: Run, mark: float, left: float) -> bool:
        length = (run.end - run.start).total_seconds()
        return left <= mark * 60 + AHEAD and mark * 60 + AHEAD < length

    def _timed(
        self, run: Run, phase: str, lines: tuple[Line, ...], left: float, turn: int
    ) -> Word | None:
        seconds = claimed(left - SAYING)
        if seconds < LEAST:
            return None
        until = run.end - timedelta(seconds=seconds + SURE)
        return Word(run, phase, lines, turn, spoken(seconds, self._language), until)


def _moments(run: Run) -> list[datetime]:
    """Return when something about a run becomes due: its beginning, its marks, its end."""
    marks = (run.end - timedelta(seconds=mark * 60 + AHEAD) for mark in run.sale.marks)
    return [run.start, *(at for at in marks if at > run.start), run.end]


def _length(sale: FlashSale) -> float:
    return (sale.end - sale.start).total_seconds() if sale.start and sale.end else 0.0


def _clipped(run: Run, offer: Promotion) -> Run:
    return Run(run.sale, max(run.start, offer.start), min(run.end, offer.end))


def claimed(seconds: float) -> float:
    """Return a time left as it may be said: whole minutes, under a minute whole tens of seconds."""
    return seconds // 60 * 60 if seconds >= 60 else seconds // 10 * 10


def spoken(seconds: float, language: str) -> str:
    """Return whole minutes or seconds in words."""
    minutes = int(seconds // 60)
    if language == "zh":
        return f"{minutes}分钟" if minutes else f"{seconds:.0f}秒"
    if minutes:
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{seconds:.0f} seconds"
