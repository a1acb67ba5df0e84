"""Put the audit log together hour by hour: who came, what was asked and answered, how fast.

In:  the entries of an audit log.   Out: a `Report`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from livehost.brain.audit.chain import Entry, Kind
from livehost.brain.gate.fold import fold
from livehost.clock import SAMPLE_RATE
from livehost.report.titles import Period, Periods

UNKNOWN = "unknown"
"""What a question is taken for when the card does not know."""
COUNTED = "counted"
"""Outcome of what is counted and never answered."""
COUNTED_KINDS = frozenset({"gift", "like", "click", "order", "audience"})
"""Kinds of messages that stand for as many as they count."""
NO_ANSWER = frozenset({"stale", "full", "user_limit"})
"""Ways of a message to end without an answer that somebody waited for."""


@dataclass(slots=True)
class Hour:
    """One hour of the show, local time.

    Attributes:
        begins: its first moment.
        viewers: that wrote or gave something.
        messages: accepted, by kind ("comment", "gift", ...); gifts and likes by their count.
        asked: questions that got an utterance, by what they were taken for.
        done: what became of comments, by outcome.
        latencies: seconds from each comment to the first sound of its answer.
        said: sentences heard, by kind of utterance.
        seconds: speech heard.
        stopped: sentences that the gate stopped, by rule.
        model, model_errors: questions to a language model, and those it failed.
        watching: numbers of viewers, as they were reported.
    """

    begins: datetime
    viewers: set[str] = field(default_factory=set)
    messages: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    stopped: Counter[str] = field(default_factory=Counter)
    model: int = 0
    model_errors: int = 0
    watching: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Gap:
    """Something that viewers ask and the card does not tell.

    Attributes:
        product: id of the product it was asked about, "" when none was on the card.
        text: how it was asked first.
        times: how often, in any spelling.
    """

    product: str
    text: str
    times: int = 0


@dataclass(slots=True)
class Report:
    """A room over some time.

    Attributes:
        room: its name.
        first, last: of what was looked at; None when there was nothing.
        hours: in order; hours without a record are left out.
        gaps: what to add to the cards, most asked first.
        starts, ends: how often the brain began and ended.
        consents: of persons behind voices, as they were told last, by name.
        periods: times with one title each.
    """

    room: str = ""
    first: datetime | None = None
    last: datetime | None = None
    hours: list[Hour] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    starts: int = 0
    ends: int = 0
    consents: dict[str, str] = field(default_factory=dict)
    periods: list[Period] = field(default_factory=list)


def gather(
    entries: Iterable[Entry], zone: tzinfo | None = None, since: str = "", until: str = ""
) -> Report:
    """Return the report of `entries`, in their order.

    Args:
        zone: of the hours; None is this machine's.
        since, until: ISO 8601 in UTC, the first moment and the first one after.
    """
    made = _Gatherer(zone)
    for entry in entries:
        if entry.at < since:
            made.before(entry)
        elif not until or entry.at < until:
            made.look(entry)
    return made.end()


class _Gatherer:
    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._report = Report()
        self._hours: dict[datetime, Hour] = {}
        self._arrived: dict[str, tuple[datetime, Hour]] = {}
        self._answers: dict[int, tuple[str, ...]] = {}
        self._kinds: dict[int, str] = {}
        self._gaps: dict[tuple[str, str], Gap] = {}
        self._periods = Periods()

    def before(self, entry: Entry) -> None:
        """Look at what is before the time of the report: which title was on."""
        if entry.kind == Kind.SHOW and entry.body is not None:
            self._periods.show(datetime.fromisoformat(entry.at), entry.body)

    def look(self, entry: Entry) -> None:
        at = datetime.fromisoformat(entry.at)
        if self._report.first is None:
            self._report.first = at
            self._periods.begin_at(at)
        self._report.last = at
        if entry.body is None:
            return
        hour = self._hour(at)
        match entry.kind:
            case Kind.CHAT:
                self._chat(at, hour, entry.body)
            case Kind.CHAT_DONE if entry.body.get("outcome") != COUNTED:
                hour.done[str(entry.body.get("outcome"))] += 1
            case Kind.UTTERANCE:
                self._utterance(hour, entry.body)
            case Kind.AIRED:
                self._aired(at, hour, entry.body)
            case Kind.GATE:
                hour.stopped[str(entry.body.get("rule"))] += 1
            case Kind.MODEL:
                hour.model += 1
                hour.model_errors += bool(entry.body.get("error"))
            case Kind.SHOW:
                self._show(at, entry.body)
            case Kind.CONSENT if who := entry.body.get("who"):
                self._report.consents[str(who)] = str(entry.body.get("problem", ""))

    def _hour(self, at: datetime) -> Hour:
        begins = at.astimezone(self._zone).replace(minute=0, second=0, microsecond=0)
        if begins not in self._hours:
            self._hours[begins] = Hour(begins)
        return self._hours[begins]

    def _chat(self, at: datetime, hour: Hour, body: dict[str, Any]) -> None:
        kind, user = str(body.get("kind", "comment")), str(body.get("user") or "")
        count = max(1, _whole(body.get("count"))) if kind in COUNTED_KINDS else 1
        self._periods.alive(at)
        self._periods.chat(kind, user, count)
        if kind == "audience":
            hour.watching.append(count)
            return
        if user:
            hour.viewers.add(user)
        hour.messages[kind] += count
        if kind == "comment":
            self._arrived[str(body.get("id"))] = at, hour

    def _utterance(self, hour: Hour, body: dict[str, Any]) -> None:
        number = body.get("utterance")
        if not isinstance(number, int):
            return
        self._kinds[number] = str(body.get("kind", ""))
        asked = body.get("asked")
        if not isinstance(asked, dict):
            return
        answers = body.get("answers")
        if not isinstance(answers, list) or not answers:
            answers = [asked.get("id")]
        self._answers[number] = tuple(map(str, answers))
        taken_for = str(body.get("understood") or "")
        hour.asked[taken_for] += len(self._answers[number])
        if taken_for == UNKNOWN:
            self._unknown(str(body.get("product") or ""), str(asked.get("text", "")), number)

    def _unknown(self, product: str, text: str, number: int) -> None:
        key = product, fold(text).text.strip("?？!！。， ")
        gap = self._gaps.setdefault(key, Gap(product, text))
        gap.times += len(self._answers[number])

    def _aired(self, at: datetime, hour: Hour, body: dict[str, Any]) -> None:
        number = _whole(body.get("utterance"), -1)
        self._periods.alive(at)
        if body.get("state") == "started":
            for message in self._answers.pop(number, ()):
                self._answered(at, message)
        elif samples := _whole(body.get("samples")):
            hour.said[self._kinds.get(number, "")] += 1
            hour.seconds += samples / SAMPLE_RATE

    def _answered(self, at: datetime, message: str) -> None:
        """Note the time from a comment to the first sound of its answer, where it came in."""
        arrived = self._arrived.pop(message, None)
        if arrived:
            arrived[1].latencies.append((at - arrived[0]).total_seconds())

    def _show(self, at: datetime, body: dict[str, Any]) -> None:
        self._periods.show(at, body)
        self._report.starts += body.get("event") == "began"
        self._report.ends += body.get("event") == "ended"
        self._report.room = str(body.get("room") or self._report.room)

    def end(self) -> Report:
        self._report.periods = [period for period in self._periods.all if period.hours > 0]
        self._report.hours = [self._hours[begins] for begins in sorted(self._hours)]
        self._report.gaps = sorted(self._gaps.values(), key=lambda gap: (-gap.times, gap.text))
        return self._report


def _whole(value: object, otherwise: int = 0) -> int:
    return value if isinstance(value, int) else otherwise


def total(hours: Iterable[Hour], name: str) -> Counter[str]:
    """Return the sum of one of the counters of `hours`."""
    summed: dict[str, int] = defaultdict(int)
    for hour in hours:
        for key, value in getattr(hour, name).items():
            summed[key] += value
    return Counter(summed)


def quantile(values: list[float], share: float) -> float | None:
    """Return the value below which a share of `values` lies; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
