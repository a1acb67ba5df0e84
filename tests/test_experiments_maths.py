"""What experiments claim: right estimates, intervals that hold, winners that are winners."""

import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.experiments import World, evening, morning, plan, simulate, steady, summary
from livehost.brain.experiments.posterior import Exposure, learn, strata
from livehost.brain.experiments.trial import Trial
from livehost.brain.experiments.verdict import Standing, evidence, judge
from livehost.brain.experiments.words import said

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(*pairs, amount=1.0):
    return [Exposure(arm, amount, float(y), float(y)) for arm, y in pairs]


# --- estimates ----------------------------------------------------------------------------------


def test_a_steady_evening_is_just_the_mean():
    known = learn(
        seen(*[(n % 2, 3 if n % 2 else 1) for n in range(40)], amount=2.0), 2, share=False
    )
    assert known.mean == pytest.approx([0.5, 1.5])
    assert list(known.exposures) == [20, 20] and known.amount == pytest.approx([40, 40])
    assert known.dispersion == 1.0
    a, b = known.a - known.prior[0], known.b - known.prior[1]
    assert a == pytest.approx([20, 60]) and b == pytest.approx([40, 40]), "events and minutes"


def test_an_arm_shown_more_when_much_happens_is_not_better_for_it():
    """Both bring 1 early and 10 late; the second was on early four times of five, then seldom."""
    early = [(1, 1), (1, 1), (1, 1), (1, 1), (0, 1)] * 8
    late = [(0, 10), (0, 10), (0, 10), (0, 10), (1, 10)] * 8
    known = learn(seen(*early, *late), 2, share=False)
    rewards = Counter()
    for arm, y in (*early, *late):
        rewards[arm] += y
    assert rewards[0] / 40 > 3 * rewards[1] / 40 * 0.9, "taken as they stand the first looks better"
    assert known.mean[0] == pytest.approx(known.mean[1], rel=0.1)
    assert judge(known, 5).standing is not Standing.BETTER
    assert (known.b - known.prior[1]).sum() < 60, "less is known than 80 exposures would tell"


def test_counts_that_vary_more_than_chance_make_wide_intervals():
    calm = learn(seen(*[(n % 2, 5) for n in range(80)]), 2, share=False)
    wild = learn(seen(*[(n % 2, 20 if n // 2 % 4 == 0 else 0) for n in range(80)]), 2, share=False)
    assert calm.mean == pytest.approx(wild.mean)
    assert calm.dispersion == 1.0 and wild.dispersion > 8
    wide, narrow = (np.ptp(k.draw(np.random.default_rng(1), 4000)[:, 0]) for k in (wild, calm))
    assert wide > 2 * narrow


def test_weights_count_as_what_they_are():
    """An order that weighs ten is one event, not ten."""
    light = [Exposure(n % 2, 1.0, 1.0, 1.0) for n in range(40)]
    heavy = [Exposure(n % 2, 1.0, 10.0, 100.0) for n in range(40)]
    one, ten = (learn(each, 2, share=False) for each in (light, heavy))
    assert ten.mean == pytest.approx(10 * one.mean)
    assert ten.a - ten.prior[0] == pytest.approx(one.a - one.prior[0]) and ten.dispersion == 1.0


def test_nothing_seen_yet():
    for share in (False, True):
        for what in ([], seen((0, 0)), seen((0, 0), (1, 0))):
            known = learn(what, 3, share=share)
            standings = judge(known, 5)
            assert standings.standing is Standing.COLLECTING
            assert np.isfinite(standings.mean).all() and np.isfinite(standings.high).all()
            assert standings.best.sum() == pytest.approx(1)


@given(st.lists(st.integers(0, 2), max_size=60))
def test_every_stratum_has_every_arm(arms):
    found = strata(np.array(arms, np.int64), 3)
    assert len(found) == len(arms) and list(found) == sorted(found)
    if len(set(found.tolist())) > 1:
        for stratum in set(found.tolist()):
            inside = Counter(a for a, s in zip(arms, found, strict=True) if s == stratum)
            assert all(inside[arm] >= 2 for arm in range(3))


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0.1, 60), st.integers(0, 30)),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_whatever_was_seen_gives_numbers(rows, share):
    what = [
        Exposure(arm, amount, float(min(y, 1) if share else y), float(y)) for arm, amount, y in rows
    ]
    known = learn(what, 3, share=share)
    standings = judge(known, 5, draws=200)
    assert (known.a > 0).all() and (known.b > 0).all() and known.dispersion > 0
    for numbers in (standings.low, standings.high, standings.loss, standings.best):
        assert np.isfinite(numbers).all()
    assert (standings.low <= standings.high).all()
    assert 0 <= evidence(known, standings.leader) < math.inf


def test_shares_have_the_interval_of_a_beta_distribution():
    known = learn(seen(*[(n % 2, float(n % 10 == 1)) for n in range(400)]), 2, share=True)
    (a0, b0), n = known.prior, 200
    assert known.a[1] == pytest.approx(a0 + 40) and known.b[1] == pytest.approx(b0 + n - 40)
    standings = judge(known, 20)
    assert standings.mean[1] == pytest.approx(0.2, abs=0.02)
    assert standings.low[1] == pytest.approx(0.2 - 1.96 * math.sqrt(0.16 / n), abs=0.02)
    assert standings.standing is Standing.BETTER and standings.leader == 1


# --- verdicts -----------------------------------------------------------------------------------


def test_what_is_said_grows_with_what_is_known():
    draw = random.Random(2)
    rows, order = [], []
    for n in range(400):
        rate = 1.0 if n % 2 == 0 else 1.6
        rows.append((n % 2, sum(draw.random() < rate / 20 for _ in range(20))))
        if n % 10 == 9:
            order.append(judge(learn(seen(*rows), 2, share=False), 20).standing)
    assert order[0] is Standing.COLLECTING and order[-1] is Standing.BETTER
    alike = judge(learn(seen(*[(n % 2, 50) for n in range(4000)]), 2, share=False), 20)
    assert alike.standing is Standing.ALIKE and alike.loss.max() < 0.02 * alike.mean.max()


def test_words_claim_no_certainty():
    world = plan(World((0.5, 0.5)), 1)
    known = learn(seen(*[(n % 2, 9 * (n % 2)) for n in range(80)]), 2, share=False)
    standings = judge(known, 20)
    assert "a1 is better" in said(world, standings, 40, "", "en")
    assert "> 99.9%" in said(world, standings, 40) and "100" not in said(world, standings, 40)
    early = judge(learn(seen((0, 1), (1, 0)), 2, share=False), 20)
    assert "20" in said(world, early, 1) and "还不够" in said(world, early, 1)
    flat = judge(learn(seen(*[(n % 2, n // 2 % 3) for n in range(80)]), 2, share=False), 20)
    assert "not yet known" in said(world, flat, 40, "", "en").lower()
    assert said(world, flat, 40, "a0").startswith("已停止，固定用“a0”")


def test_the_same_seed_makes_the_same_evening():
    world = World((0.5, 0.8), evening)
    assert simulate(world, 5, 60) == simulate(world, 5, 60)
    assert simulate(world, 5, 60) != simulate(world, 6, 60)


def test_choices_do_not_depend_on_how_often_one_looks():
    def arms(looks):
        trial, now = Trial(plan(World((0.5, 0.5)), 3, 5), lambda _one: None), NOW
        for n in range(60):
            trial.arm(f"@{n}", now)
            trial.begun(f"@{n}", now)
            trial.did("click", n % 3, "", now)
            now += timedelta(minutes=5)
            trial.ended(now)
            for _ in range(looks):
                trial.standings(now)
        return [one.arm for one in trial.shown]

    assert arms(0) == arms(3)


# --- many evenings ------------------------------------------------------------------------------

SEEDS = 20


def nights(world, exposures=120, least=20):
    return summary(world, [simulate(world, seed, exposures, least) for seed in range(SEEDS)])


@pytest.mark.slow
@pytest.mark.parametrize("level", [steady, evening, morning], ids=["steady", "evening", "growing"])
def test_the_better_arm_is_found_and_shown_more(level):
    found = nights(World((0.5, 0.9), level))
    assert found["named_rightly"] >= 0.7 and found["named_wrongly"] == 0
    assert found["regret_of_uniform"] < 0.75
    assert found["interval_covers"] >= 0.85 and found["ratio_covers"] >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("burst", [0.0, 0.5])
def test_where_there_is_no_better_arm_hardly_ever_one_is_named(burst):
    found = nights(World((0.5, 0.5), evening, burst))
    assert found["named_wrongly"] <= 0.1, "nominal: 0.05; 20 evenings"
    assert found["interval_covers"] >= 0.85
    assert found["reached_95_percent"] > 0.15, "which is why a probability alone names nobody"


@pytest.mark.slow
def test_an_arm_that_stops_being_better_is_left_again():
    """Exploring never ends, so that a change in the middle costs no more than showing all alike."""
    found = nights(World((0.4, 0.8), swaps=True))
    assert found["regret_of_uniform"] < 1.15
