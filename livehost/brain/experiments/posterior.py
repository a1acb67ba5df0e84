"""What is known of the arms of an experiment, from what was seen while each was on.

In:  exposures with their rewards, in the order they happened.   Out: distributions and draws.

A reward is a rate (per minute, per viewer-minute) or a share (of exposures with at least one). The
evening changes meanwhile, and arms are not shown equally often at all times: so arms are compared
within strata of time in which each was on, and weighted to the same evening (direct
standardisation). Rates get a Gamma distribution whose shape comes from the variance of the
standardised rate (Fay and Feuer, Statistics in Medicine 16, 1997), with the dispersion of the
counts as it is seen (quasi-Poisson; McCullagh and Nelder, 1989, 9.2); shares get a Beta
distribution. The prior is centred on what all arms have in common and weighs `PRIOR` events.

Pure, and the same numbers for the same seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRIOR = 4.0  # events that the prior weighs: a spread of one half of the common rate
IN_STRATUM = 2  # exposures of each arm, at least, in each stratum

Floats = NDArray[np.float64]
Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exposure:
    """One time that an arm was on, over and done.

    Attributes:
        arm: its index.
        amount: minutes, or viewer-minutes; 1 where the reward is a share.
        reward: weighted sum of what viewers did; 0 or 1 where it is a share.
        squares: the same sum with squared weights; what the sum varies by at least.
    """

    arm: int
    amount: float
    reward: float
    squares: float


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The distribution of each arm's reward.

    Attributes:
        share: rewards are shares (Beta); rates (Gamma) otherwise.
        a, b: (arms,) Beta: successes and failures; Gamma: shape and rate. Prior included.
        prior: (a, b) of the prior, the same for every arm.
        mean: (arms,) standardised estimates without the prior; NaN where an arm was never on.
        exposures: (arms,) how often each was on.
        amount: (arms,) minutes or viewer-minutes of each.
        dispersion: variance of the counts over what independent ones would have; 1 for shares.
    """

    share: bool
    a: Floats
    b: Floats
    prior: tuple[float, float]
    mean: Floats
    exposures: Indexes
    amount: Floats
    dispersion: float

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        """Return (count, arms) draws of the arms' rewards."""
        size = (count, len(self.a))
        if self.share:
            return rng.beta(self.a, self.b, size)
        return rng.gamma(self.a, 1.0, size) / self.b


def learn(seen: Sequence[Exposure], arms: int, *, share: bool) -> Knowledge:
    """Return what is known of `arms` arms after `seen`."""
    arm = np.array([e.arm for e in seen], np.int64)
    amount = np.array([e.amount for e in seen], np.float64)
    reward = np.array([e.reward for e in seen], np.float64)
    squares = np.array([e.squares for e in seen], np.float64)
    if share:
        amount = np.ones_like(amount)
    cells = _Cells(arm, strata(arm, arms), amount, reward, arms)
    dispersion = 1.0 if share else cells.dispersion(float(squares.sum()))
    a, b, prior = cells.shares() if share else cells.rates(dispersion)
    unit = squares.sum() / reward.sum() if reward.sum() > 0 else 1.0
    return Knowledge(
        share,
        a,
        b,
        prior,
        cells.mean(),
        np.bincount(arm, minlength=arms).astype(np.int64),
        np.bincount(arm, amount, arms).astype(np.float64),
        float(dispersion / unit),
    )


def strata(arm: Indexes, arms: int) -> Indexes:
    """Return the stratum of each exposure: consecutive ones, with every arm in each of them."""
    found = np.zeros(len(arm), np.int64)
    seen = [0] * arms
    stratum = begins = 0
    for n, index in enumerate(arm.tolist()):
        found[n] = stratum
        seen[index] += 1
        if min(seen) >= IN_STRATUM:
            stratum, begins, seen = stratum + 1, n + 1, [0] * arms
    if stratum:
        found[begins:] = stratum - 1  # what is left over belongs to the last whole one
    return found


class _Cells:
    """Sums over arms and strata: (arms, strata)."""

    def __init__(
        self, arm: Indexes, stratum: Indexes, amount: Floats, reward: Floats, arms: int
    ) -> None:
        self._count = int(stratum.max()) + 1 if len(stratum) else 1
        cell = arm * self._count + stratum
        shape = (arms, self._count)
        self._amounts = np.bincount(cell, amount, arms * self._count).reshape(shape)
        self._rewards = np.bincount(cell, reward, arms * self._count).reshape(shape)
        self._cell, self._amount, self._reward = cell, amount, reward
        per_stratum = self._amounts.sum(0)
        total = per_stratum.sum()
        self._weights = per_stratum / total if total > 0 else np.ones(self._count) / self._count
        self._pooled = float(self._rewards.sum() / total) if total > 0 else 0.0

    def mean(self) -> Floats:
        """Return (arms,) standardised rewards; NaN where an arm was never on."""
        with np.errstate(invalid="ignore", divide="ignore"):
            of_cells = self._rewards / self._amounts
            weights = np.where(self._amounts > 0, self._weights, 0.0)
            mean: Floats = np.nansum(weights * of_cells, 1) / weights.sum(1)
        return mean

    def _worth(self, levels: Floats) -> Floats:
        """Return (arms,) the amounts that an unstandardised comparison would need to know as much.

        Args:
            levels: (strata,) how much more happens in a stratum than in all of them.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = np.where(self._amounts > 0, self._weights, 0.0)
            spread = np.where(self._amounts > 0, weights**2 * levels / self._amounts, 0.0).sum(1)
            worth = np.where(spread > 0, weights.sum(1) ** 2 / spread, 0.0)
        least: Floats = np.minimum(worth, self._amounts.sum(1))
        return least

    def rates(self, dispersion: float) -> tuple[Floats, Floats, tuple[float, float]]:
        """Return shapes and rates of Gamma distributions, and those of the prior.

        Args:
            dispersion: variance of a reward over its mean.
        """
        if self._pooled <= 0:
            return np.full(len(self._amounts), 0.5), self._amounts.sum(1) + 1e-9, (0.5, 1e-9)
        of_strata = self._rewards.sum(0) / np.maximum(self._amounts.sum(0), 1e-12)
        levels = (of_strata + 0.1 * self._pooled) / (1.1 * self._pooled)
        worth = self._worth(levels) / dispersion
        mean = np.nan_to_num(self.mean(), nan=0.0)
        prior = PRIOR, PRIOR / self._pooled
        return prior[0] + mean * worth, prior[1] + worth, prior

    def shares(self) -> tuple[Floats, Floats, tuple[float, float]]:
        """Return successes and failures of Beta distributions, and those of the prior."""
        trials = float(self._amounts.sum())
        common = (float(self._rewards.sum()) + 1.0) / (trials + 2.0)
        weight = PRIOR / min(common, 1 - common)
        prior = weight * common, weight * (1 - common)
        worth = self._worth(np.ones(self._count))
        mean = np.clip(np.nan_to_num(self.mean(), nan=0.0), 0.0, 1.0)
        return prior[0] + mean * worth, prior[1] + (1 - mean) * worth, prior

    def dispersion(self, squares: float) -> float:
        """Return the variance of a reward over its mean, at least that of independent events.

        Exposures weigh as they do in the standardised rates, whose variance this is for.
        """
        total = float(self._reward.sum())
        if total <= 0:
            return 1.0
        least = squares / total
        with np.errstate(divide="ignore", invalid="ignore"):
            rates = (self._rewards / self._amounts).ravel()
            weights = (self._weights / self._amounts).ravel()[self._cell] ** 2
        times = np.bincount(self._cell, minlength=self._rewards.size)[self._cell]
        several = times > 1
        errors = (self._reward - rates[self._cell] * self._amount) ** 2 * times
        seen = float((weights * errors)[several].sum())
        expected = float((weights * self._reward * (times - 1))[several].sum())
        return max(least, seen / expected) if expected > 0 else least
