"""Simulated viewers: does an experiment find the better arm, how often is it wrong, at what cost.

    python -m benchmarks --only experiments
    python -m benchmarks.experiments

In:  evenings of 200 exposures, many seeds, through the code of a show (choice, attribution,
verdict), looked at after every exposure.   Out: for each kind of evening how often a winner was
named, rightly and wrongly; how often the 95 % intervals held the truth; the regret against showing
all arms equally.

"alike" evenings have no better arm: whatever is named there is an error. A steady evening has 0.5
rewards a minute; one that rises and falls has ten times as much at its height as at its ends; in a
bursty one, exposures differ by chance as well, with a spread of 0.7 of their mean.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from livehost.brain.experiments.plan import Experiment
from livehost.brain.experiments.trial import Trial
from livehost.brain.experiments.verdict import Standing, judge

EXPOSURES, SEEDS = 200, 200
MINUTES = 5.0
LOOK_DRAWS, LAST_DRAWS = 300, 4000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def steady(_: float) -> float:
    return 1.0


def evening(part: float) -> float:
    return 0.2 + 1.8 * math.sin(math.pi * part) ** 2


def morning(part: float) -> float:
    return 0.2 + 1.6 * part


@dataclass(frozen=True)
class World:
    """What viewers are like.

    Attributes:
        rates: rewards a minute of each arm; probability of any where `share`.
        level: of the evening, by the part of it that has passed.
        burst: variance over squared mean of what an exposure brings.
        swaps: the rates change places in the middle.
    """

    rates: tuple[float, ...]
    level: Callable[[float], float] = steady
    burst: float = 0.0
    share: bool = False
    swaps: bool = False

    def expected(self, arm: int, part: float) -> float:
        """Return the mean reward of an exposure."""
        rates = self.rates[::-1] if self.swaps and part >= 0.5 else self.rates
        return rates[arm] * self.level(part) * (1.0 if self.share else MINUTES)

    def reward(self, arm: int, part: float, rng: np.random.Generator) -> int:
        """Return what an exposure brings."""
        mean = self.expected(arm, part)
        if self.share:
            return int(rng.random() < mean)
        if self.burst:
            mean *= rng.gamma(1 / self.burst) * self.burst
        return int(rng.poisson(mean))


@dataclass(frozen=True)
class Outcome:
    """One evening.

    Attributes:
        named: the first arm that was called better, and after how many exposures.
        tempted: the probability to be the best was 95 % or more at some look.
        covered: whether each arm's interval holds its rate over this evening.
        ratio_covered: the same for the last arm's rate over the first's.
        regret, uniform: expected rewards lost against the best arm; by showing all equally.
    """

    named: int | None
    after: int | None
    tempted: bool
    covered: tuple[bool, ...]
    ratio_covered: bool
    regret: float
    uniform: float


def plan(world: World, seed: int, least: int = 20) -> Experiment:
    """Return an experiment on as many wordings as the world has rates."""
    arms = [{"id": f"a{n}", "wording": n + 1} for n in range(len(world.rates))]
    per = "exposure" if world.share else "minute"
    return Experiment.model_validate(
        {
            "id": "sim", "what": "wording", "segment": "open", "reward": {"click": 1}, "per": per,
            "window_seconds": 0, "least": least, "seed": seed, "arm": arms,
        }
    )  # fmt: skip


def simulate(world: World, seed: int, exposures: int = EXPOSURES, least: int = 20) -> Outcome:
    """Let one evening pass."""
    rng = np.random.default_rng(seed)
    trial = Trial(plan(world, seed, least), lambda _one: None)
    names, now = trial.plan.names, BEGIN
    named = after = None
    tempted = False
    regret = uniform = 0.0
    for n in range(exposures):
        part = n / exposures
        arm = names.index(trial.arm(f"open@{n}", now))
        trial.begun(f"open@{n}", now)
        if count := world.reward(arm, part, rng):
            trial.did("click", count, "", now)
        now += timedelta(minutes=MINUTES)
        trial.ended(now)
        means = [world.expected(k, part) for k in range(len(names))]
        regret += max(means) - means[arm]
        uniform += max(means) - sum(means) / len(means)
        if named is None or not tempted:
            standings = judge(trial.knowledge(now), least, seed, LOOK_DRAWS)
            said_something = standings.standing is not Standing.COLLECTING
            tempted = tempted or (said_something and float(standings.best.max()) >= 0.95)
            if named is None and standings.standing is Standing.BETTER:
                named, after = standings.leader, n + 1
    return Outcome(named, after, tempted, *_covered(world, trial, now, exposures), regret, uniform)


def _covered(
    world: World, trial: Trial, now: datetime, exposures: int
) -> tuple[tuple[bool, ...], bool]:
    known = trial.knowledge(now)
    draws = known.draw(np.random.default_rng(1), LAST_DRAWS)
    level = sum(world.level(n / exposures) for n in range(exposures)) / exposures
    low, high = np.quantile(draws, [0.025, 0.975], axis=0)
    truths = np.array(world.rates) * level
    ratio = np.quantile(draws[:, -1] / draws[:, 0], [0.025, 0.975])
    inside = bool(ratio[0] <= world.rates[-1] / world.rates[0] <= ratio[1])
    return tuple(bool(a <= t <= b) for a, t, b in zip(low, truths, high, strict=True)), inside


def summary(world: World, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what many evenings have in common."""
    best = int(np.argmax(world.rates))
    alike = len(set(world.rates)) == 1
    named = [o for o in outcomes if o.named is not None]
    wrong = len(named) if alike else sum(world.rates[o.named] < max(world.rates) for o in named)
    right = 0 if alike else sum(o.named == best for o in named)
    uniform = sum(o.uniform for o in outcomes)
    found: dict[str, Any] = {
        "named_rightly": round(right / len(outcomes), 3),
        "named_wrongly": round(wrong / len(outcomes), 3),
        "exposures_until_named": float(np.median([o.after for o in named])) if named else None,
    }
    if not world.swaps:
        found["interval_covers"] = round(float(np.mean([o.covered for o in outcomes])), 3)
        found["ratio_covers"] = round(float(np.mean([o.ratio_covered for o in outcomes])), 3)
    if alike:
        found["reached_95_percent"] = round(sum(o.tempted for o in outcomes) / len(outcomes), 3)
    else:
        regret = sum(o.regret for o in outcomes)
        found["regret_of_uniform"] = round(regret / uniform, 3)
    return found


WORLDS = {
    "alike, steady": World((0.5, 0.5)),
    "alike, rising and falling": World((0.5, 0.5), evening),
    "alike, bursty": World((0.5, 0.5), evening, 0.5),
    "alike, three arms": World((0.5, 0.5, 0.5)),
    "alike, shares": World((0.3, 0.3), share=True),
    "half as good again, steady": World((0.5, 0.75)),
    "half as good again, rising and falling": World((0.5, 0.75), evening),
    "half as good again, growing": World((0.5, 0.75), morning),
    "half as good again, bursty": World((0.5, 0.75), evening, 0.5),
    "a fifth better, steady": World((0.5, 0.6)),
    "three arms, one twice as good": World((0.4, 0.4, 0.8)),
    "shares, 30 % and 60 %": World((0.3, 0.6), share=True),
    "the better arm changes in the middle": World((0.4, 0.8), swaps=True),
}


def measure(seeds: int = SEEDS) -> dict[str, Any]:
    """Return the summary of each kind of evening."""
    return {
        "exposures": EXPOSURES,
        "evenings": seeds,
        "worlds": {
            name: summary(world, [simulate(world, seed) for seed in range(seeds)])
            for name, world in WORLDS.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
