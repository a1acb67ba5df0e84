"""Which title and cover the stream had, for how long, and what viewers did meanwhile.

In:  records of an audit log, in order.   Out: `Period`s and their sums.

Titles are changed by hand and never at random, so their results are put side by side and no winner
is named; the intervals say only how far the numbers could be chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

INTERVAL = (0.025, 0.975)
_DRAWS = 20_000


@dataclass(slots=True)
class Period:
    """Some time with one title.

    Attributes:
        title, text, cover: as the room file had them.
        viewers: who did something.
        messages: by kind; gifts, likes, clicks and orders by their count.
        watching: reported numbers of viewers.
    """

    title: str
    text: str
    cover: str
    begins: datetime
    ends: datetime
    viewers: set[str] = field(default_factory=set)
    messages: Counter[str] = field(default_factory=Counter)
    watching: list[int] = field(default_factory=list)

    @property
    def hours(self) -> float:
        """How long it was."""
        return max(0.0, (self.ends - self.begins).total_seconds() / 3600)


class Periods:
    """Gathers periods."""

    def __init__(self) -> None:
        self.all: list[Period] = []
        self._now: Period | None = None

    def show(self, at: datetime, body: dict[str, Any]) -> None:
        """Take in a record of the show: it began, it ended, a title is on."""
        match body.get("event"):
            case "began":  # what was on before ended unseen, with the last record
                self._now = None
            case "ended":
                self.alive(at)
                self._now = None
            case "title":
                self.alive(at)
                name, text, cover = (str(body.get(k) or "") for k in ("title", "text", "cover"))
                self._now = Period(name, text, cover, at, at)
                self.all.append(self._now)

    def alive(self, at: datetime) -> None:
        """Note that the show was on at `at`."""
        if self._now:
            self._now.ends = at

    def begin_at(self, at: datetime) -> None:
        """Forget what was before `at`, but for the title that is on."""
        if self._now:
            self._now.begins = self._now.ends = at
        self.all = [self._now] if self._now else []

    def chat(self, kind: str, user: str, count: int) -> None:
        """Count what a viewer did."""
        if self._now is None:
            return
        if kind == "audience":
            self._now.watching.append(count)
            return
        self._now.messages[kind] += count
        if user:
            self._now.viewers.add(user)


def summed(periods: Iterable[Period]) -> list[tuple[Period, float]]:
    """Return the sums of each title as one period, with its hours; most hours first."""
    found: dict[tuple[str, str, str], tuple[Period, float]] = {}
    for period in periods:
        key = period.title, period.text, period.cover
        total, hours = found.get(key, (Period(*key, period.begins, period.ends), 0.0))
        total.ends = period.ends
        total.viewers |= period.viewers
        total.messages += period.messages
        total.watching += period.watching
        found[key] = total, hours + period.hours
    return sorted(found.values(), key=lambda pair: -pair[1])


def hourly(count: int, hours: float) -> tuple[float, float, float] | None:
    """Return the rate an hour and its 95 % interval (Gamma, Jeffreys prior); None of no time."""
    if hours <= 0:
        return None
    draws = np.random.default_rng(1).gamma(count + 0.5, 1 / hours, _DRAWS)
    low, high = np.quantile(draws, INTERVAL)
    return count / hours, float(low), float(high)


def mean(numbers: Sequence[int]) -> str:
    """Return the mean of reported audiences, "" of none."""
    return f"{sum(numbers) / len(numbers):.0f}" if numbers else ""
