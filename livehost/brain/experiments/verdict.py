"""What may be said of an experiment: intervals, who leads, and whether that is known yet.

In:  `Knowledge`.   Out: numbers of each arm and a `Verdict`, the same for the same seed.

An operator looks every day and would stop at the first lucky moment, so "better" is not said for a
high probability alone: the leader must beat each other arm in a sequential test that holds
however often one looks (mixture SPRT; Robbins, Annals of Mathematical Statistics 41, 1970; Johari
et al., Operations Research 70, 2022), on the log ratio of rates or of odds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from livehost.brain.experiments.posterior import Floats, Knowledge

LEVEL = 0.95  # of intervals
ERROR = (
    0.05  # at most so often a winner is named although no arm is better, however often one looks
)
MARGIN = 2.0  # on the evidence that is asked for: the dispersion is an estimate itself
EFFECT = 0.6  # standard deviation of the log ratios that the test is made for
LEADS = 0.9  # probability to be the best from which an arm leads
ALIKE = 0.02  # expected loss, as a share of the reward, that is not worth an answer
DRAWS = 4000


class Standing(StrEnum):
    """How far an experiment has come."""

    COLLECTING = "collecting"  # some arm was not on often enough
    UNKNOWN = "unknown"  # not yet known
    LEADS = "leads"  # one arm is probably the best; not yet known
    BETTER = "better"  # one arm is the best
    ALIKE = "alike"  # whichever is taken, next to nothing is lost


@dataclass(frozen=True, slots=True)
class Standings:
    """What is known of each arm now.

    Attributes:
        mean: (arms,) posterior means.
        low, high: (arms,) the interval that holds the arm's reward with probability `LEVEL`.
        best: (arms,) probability to be the best.
        loss: (arms,) expected loss, in units of the reward, if this arm were taken for good.
        leader: index of the arm that is most likely the best.
        standing: what may be said.
    """

    mean: Floats
    low: Floats
    high: Floats
    best: Floats
    loss: Floats
    leader: int
    standing: Standing


def judge(known: Knowledge, least: int, seed: int = 0, draws: int = DRAWS) -> Standings:
    """Return what may be said.

    Args:
        least: exposures that every arm needs before anything is said.
    """
    drawn = known.draw(np.random.default_rng(seed), draws)
    best = np.bincount(drawn.argmax(1), minlength=drawn.shape[1]) / len(drawn)
    loss = (drawn.max(1, keepdims=True) - drawn).mean(0)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    leader, mean = int(best.argmax()), drawn.mean(0)
    standing = _standing(known, least, leader, best, loss, mean)
    return Standings(mean, low, high, best, loss, leader, standing)


def _standing(
    known: Knowledge, least: int, leader: int, best: Floats, loss: Floats, mean: Floats
) -> Standing:
    if int(known.exposures.min()) < least:
        return Standing.COLLECTING
    if evidence(known, leader) >= MARGIN * (len(best) - 1) / ERROR:
        return Standing.BETTER
    if loss.max() <= ALIKE * mean.max():
        return Standing.ALIKE
    return Standing.LEADS if best[leader] >= LEADS else Standing.UNKNOWN


def evidence(known: Knowledge, leader: int) -> float:
    """Return how many times likelier the data are if `leader` differs from the arm next to it."""
    a, b = known.a - known.prior[0], known.b - known.prior[1]
    ratio = _odds if known.share else _rates
    ahead = (a + 0.5) / (b + 0.5)
    ratios = [
        ratio(float(a[leader]), float(b[leader]), float(a[n]), float(b[n]))
        if ahead[leader] > ahead[n]
        else 0.0
        for n in range(len(a))
        if n != leader
    ]
    return min(ratios)


def _rates(events: float, amount: float, others: float, other_amount: float) -> float:
    """Return the likelihood ratio for two rates, given all events: a Beta mixture of their split.

    Under equal rates the events split as the amounts do. The mixture is centred there, as wide as
    `EFFECT` says.
    """
    if min(amount, other_amount) <= 0:
        return 0.0
    even = amount / (amount + other_amount)
    weight = 1 / (EFFECT**2 * even * (1 - even))
    one, other = weight * even, weight * (1 - even)
    mixture = _log_beta(one + events, other + others) - _log_beta(one, other)
    equal = events * math.log(even) + others * math.log(1 - even)
    return math.exp(min(mixture - equal, 700.0))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _odds(yes: float, no: float, others_yes: float, others_no: float) -> float:
    """Return a likelihood ratio for two shares: the mean of three, each good where it is.

    The split of the successes (which may be few), that of the failures, and a normal mixture of log
    odds ratios. As rates, shares vary more than they do: the first two err on the safe side.
    """
    trials, other_trials = yes + no, others_yes + others_no
    few = _rates(yes, trials, others_yes, other_trials)
    most = _rates(no, trials, others_no, other_trials)
    return (few + most + _log_odds(yes, no, others_yes, others_no)) / 3


def _log_odds(yes: float, no: float, others_yes: float, others_no: float) -> float:
    cells = [max(cell, 0.0) + 0.5 for cell in (yes, no, others_yes, others_no)]
    apart = math.log(cells[0] * cells[3] / (cells[1] * cells[2]))
    variance = sum(1 / cell for cell in cells)
    wide = variance + EFFECT**2
    exponent = (apart * EFFECT) ** 2 / (2 * variance * wide)
    return math.sqrt(variance / wide) * math.exp(min(exponent, 700.0))
