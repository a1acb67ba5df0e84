"""One experiment under way: which arm comes next, when each was on, what viewers did meanwhile.

In:  places of the script, what viewers do, the time.   Out: arms; changed exposures to be kept.

Thompson sampling with a floor: a share of the choices goes evenly to all arms for good, the rest to
each arm as often as it is probably the best (Thompson, Biometrika 25, 1933). Until each arm had
its least exposures they take turns in shuffled order. The n-th choice of a seed is the same in
every process that has seen the same.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from livehost.brain.experiments.plan import Experiment, Per
from livehost.brain.experiments.posterior import Exposure, Knowledge, learn
from livehost.brain.experiments.verdict import Standings, judge

MOST_LEARNT = 1000  # exposures that are looked at; older ones are history
DRAWS = 1000  # to find how probably each arm is the best, for one choice
SHORTEST = timedelta(seconds=5)  # an exposure cut off earlier than this says nothing


@dataclass(slots=True)
class Shown:
    """An arm chosen for a place.

    Attributes:
        number: of the choice, from 0.
        place: what it was chosen for.
        share: the probability that it was chosen with.
        began: when it was first heard; None while it was not.
        until: what happens from then on is not counted; None while it is on.
        viewer_minutes: None where no audience was reported.
        counts: what viewers did, by kind; amounts of clicks and orders of the plan's product.
    """

    number: int
    place: str
    arm: str
    share: float
    chosen: datetime
    began: datetime | None = None
    until: datetime | None = None
    viewer_minutes: float | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def over(self, now: datetime) -> bool:
        """Return whether nothing more will be counted for it but what comes late."""
        return self.until is not None and self.until <= now

    @property
    def minutes(self) -> float:
        """How long it was looked at, once that is known."""
        if self.began is None or self.until is None:
            return 0.0
        return (self.until - self.began).total_seconds() / 60


Keep = Callable[[Shown], None]
"""Writes an exposure down: a new one, or one that has changed."""


class Trial:
    """One experiment.

    Args:
        plan: its settings.
        keep: told of each exposure that changed.
        shown: what was kept before, in order.
        kept: the arm that the operator froze it on; "" while it runs.
    """

    def __init__(
        self, plan: Experiment, keep: Keep, shown: Iterable[Shown] = (), kept: str = ""
    ) -> None:
        self.plan = plan
        self.kept = kept
        self._keep = keep
        self.shown = list(shown)
        self._places = {one.place: one for one in self.shown}
        self._on_air = sorted((s for s in self.shown if s.began), key=_began)
        self._known: tuple[tuple[int, ...], Knowledge] | None = None
        self._judged: tuple[Knowledge, Standings] | None = None
        self._version = 0
        self._unkept: dict[int, Shown] = {}

    @property
    def frozen(self) -> bool:
        """The operator stopped it, on an arm that there is."""
        return self.kept in self.plan.names

    # --- choosing ---------------------------------------------------------------------------------

    def arm(self, place: str, now: datetime) -> str:
        """Return the arm for a place; the same again when asked again."""
        if self.frozen:
            return self.kept
        before = self._places.get(place)
        if before and before.arm in self.plan.names:
            return before.arm
        number = self.shown[-1].number + 1 if self.shown else 0
        arm, share = self._choice(number, now)
        one = Shown(number, place, arm, share, now)
        self.shown.append(one)
        self._places[place] = one
        self._keep(one)
        self._forget_old()
        return arm

    def _forget_old(self) -> None:
        """Keep the memory of a show that never ends bounded; the state file keeps all."""
        if len(self.shown) < 2 * MOST_LEARNT:
            return
        for one in self.shown[:-MOST_LEARNT]:
            self._places.pop(one.place, None)
        del self.shown[:-MOST_LEARNT]
        first = self.shown[0].number
        self._on_air = [one for one in self._on_air if one.number >= first]

    def chosen(self, place: str) -> str:
        """Return the arm that was chosen for a place, "" when none was."""
        one = self._places.get(place)
        return one.arm if one else ""

    def _choice(self, number: int, now: datetime) -> tuple[str, float]:
        names = self.plan.names
        known = self.knowledge(now)
        if int(known.exposures.min()) < self.plan.least:
            block, turn = divmod(number, len(names))
            order = list(names)
            self._random(f"block {block}").shuffle(order)
            return order[turn], 1 / len(names)
        rng = np.random.default_rng([self.plan.seed, number])
        best = np.bincount(known.draw(rng, DRAWS).argmax(1), minlength=len(names)) / DRAWS
        even = self.plan.explore / len(names)
        shares = even + (1 - self.plan.explore) * best
        chosen = self._random(f"choice {number}").choices(range(len(names)), shares.tolist())[0]
        return names[chosen], float(shares[chosen])

    def _random(self, what: str) -> random.Random:
        return random.Random(f"{self.plan.seed} {self.plan.id} {what}")

    # --- being on air -----------------------------------------------------------------------------

    def begun(self, place: str, now: datetime) -> None:
        """Note that what was chosen for a place is heard; what was on before is over."""
        one = self._places.get(place)
        if one is None or one.began is not None or self.frozen:
            return
        self._cut_off(now)
        one.began = now
        self._on_air.append(one)
        self._changed(one)

    def ended(self, now: datetime) -> None:
        """Note that what was on has ended; what viewers do in the window still counts."""
        one = self._last
        if one and one.until is None:
            one.until = now + timedelta(seconds=self.plan.window_seconds)
            self._changed(one)

    def interrupted(self, at: datetime) -> None:
        """Note that the process ended at `at`: nothing was seen after it."""
        one = self._last
        if one and one.began and (one.until is None or one.until > at):
            one.until = max(at, one.began)
            self._changed(one)

    @property
    def _last(self) -> Shown | None:
        return self._on_air[-1] if self._on_air else None

    @property
    def on(self) -> Shown | None:
        """What is on now."""
        return self._last if self._last and self._last.until is None else None

    def _cut_off(self, now: datetime) -> None:
        last = self._last
        if last and (last.until is None or last.until > now):
            last.until = now
            self._changed(last)

    # --- what viewers do --------------------------------------------------------------------------

    def did(self, kind: str, count: int, product: str, at: datetime) -> None:
        """Count what a viewer did at `at` for the arm that was on."""
        if self._counts(kind, product) and (one := self._at(at)):
            one.counts[kind] += count
            self._version += 1
            self._unkept[one.number] = one

    def _counts(self, kind: str, product: str) -> bool:
        about = kind not in ("click", "order") or self.plan.product in (None, product)
        return kind in self.plan.reward and about

    def _at(self, at: datetime) -> Shown | None:
        index = bisect_right(self._on_air, at, key=_began)
        one = self._on_air[index - 1] if index else None
        return one if one and (one.until is None or at < one.until) else None

    def settle(self, now: datetime, audience: Callable[[datetime, datetime], float | None]) -> None:
        """Fill in the audience of what is over, and have what was counted written down.

        Args:
            audience: returns viewer-minutes between two moments, None where it is not known.
        """
        for one in reversed(self._on_air[-5:]):
            if one.over(now) and one.viewer_minutes is None and one.began and one.until:
                one.viewer_minutes = audience(one.began, one.until)
                if one.viewer_minutes is not None:
                    self._changed(one)
        for one in self._unkept.values():
            self._keep(one)
        self._unkept.clear()

    def recount(self, since: datetime, deeds: Iterable[tuple[str, int, str, datetime]]) -> None:
        """Count anew for what began after `since`.

        Args:
            deeds: all that viewers did since then: kind, count, product and time.
        """
        anew = [one for one in self._on_air if _began(one) >= since]
        for one in anew:
            one.counts.clear()
        for kind, count, product, at in deeds:
            one_of = self._at(at)
            if one_of and _began(one_of) >= since and self._counts(kind, product):
                one_of.counts[kind] += count
        self._version += 1

    def _changed(self, one: Shown) -> None:
        self._version += 1
        self._keep(one)

    # --- what is known ----------------------------------------------------------------------------

    def finished(self, now: datetime) -> list[Shown]:
        """Return the exposures that say something, oldest first."""
        return [
            one
            for one in self._on_air[-MOST_LEARNT:]
            if one.over(now) and one.began and one.until and one.until - one.began >= SHORTEST
            and one.arm in self.plan.names
            and (self.plan.per is not Per.VIEWER_MINUTE or one.viewer_minutes)
        ]  # fmt: skip

    def knowledge(self, now: datetime) -> Knowledge:
        """Return what is known of each arm."""
        version = self._version, *(one.over(now) for one in self._on_air[-2:])
        if self._known is None or self._known[0] != version:
            share = self.plan.per is Per.EXPOSURE
            seen = [exposure(one, self.plan) for one in self.finished(now)]
            self._known = version, learn(seen, len(self.plan.arm), share=share)
        return self._known[1]

    def standings(self, now: datetime) -> Standings:
        """Return what may be said of it."""
        known = self.knowledge(now)
        if self._judged is None or self._judged[0] is not known:
            self._judged = known, judge(known, self.plan.least, self.plan.seed)
        return self._judged[1]


def _began(one: Shown) -> datetime:
    return one.began or one.chosen


def exposure(one: Shown, plan: Experiment) -> Exposure:
    """Return an exposure in numbers."""
    arm = plan.names.index(one.arm)
    if plan.per is Per.EXPOSURE:
        hit = float(any(one.counts[kind] for kind in plan.reward))
        return Exposure(arm, 1.0, hit, hit)
    reward = sum(weight * one.counts[kind] for kind, weight in plan.reward.items())
    squares = sum(weight**2 * one.counts[kind] for kind, weight in plan.reward.items())
    amount = (one.viewer_minutes or 0.0) if plan.per is Per.VIEWER_MINUTE else one.minutes
    return Exposure(arm, amount, reward, squares)
