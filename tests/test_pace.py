"""The master clock and the ladder, on virtual time. No test here sleeps for real."""

import asyncio
from fractions import Fraction

import pytest

from livehost.clock import Timeline
from livehost.media import Quality
from livehost.metrics import Quantiles, StageCounters
from livehost.stage.pace import Ladder, pace
from tests.virtual import run

TIMELINE = Timeline(Fraction(25))


def ticks(last, stalls=None):
    """Run the clock to tick `last`; `stalls` maps a tick to the seconds its step takes."""
    counters, seen = StageCounters(), []

    async def main():
        loop = asyncio.get_running_loop()

        def step(index):
            seen.append((index, loop.time()))
            loop.advance((stalls or {}).get(index, 0))

        await pace(TIMELINE, step, counters, Quantiles(), last_tick=last)

    run(main())
    return counters, seen


def test_one_hour_on_schedule():
    counters, seen = ticks(90_000)
    assert counters == StageCounters(ticks=90_001)
    assert seen[-1] == (90_000, pytest.approx(3600.0))


def test_a_stall_is_counted_and_caught_up_and_skips_no_index():
    counters, seen = ticks(30, {10: 0.21})
    assert [i for i, _ in seen] == list(range(31))
    assert counters.late == 4 and counters.resets == 0
    assert seen[-1][1] == pytest.approx(30 / 25)


def test_a_suspended_machine_moves_the_origin_instead_of_bursting():
    counters, seen = ticks(30, {10: 60.0})
    assert counters.resets == 1 and counters.late == 0
    assert [i for i, _ in seen] == list(range(31))
    assert seen[30][1] - seen[11][1] == pytest.approx(19 / 25)


def fast(ladder, count):
    for _ in range(count):
        ladder.met(0.001)


def test_the_ladder_falls_at_once_and_climbs_after_calm():
    ladder = Ladder(25, grace_seconds=0)
    for _ in range(10):
        ladder.missed()
    assert ladder.level is Quality.HOLD
    fast(ladder, 49)
    assert ladder.level is Quality.HOLD
    fast(ladder, 200)
    assert ladder.level is Quality.FULL


def test_a_machine_that_is_too_slow_settles_instead_of_swinging():
    """FULL always misses, MOUTH_ONLY never does: changes must become rare."""
    ladder = Ladder(25, grace_seconds=0)
    changes = []
    for _ in range(10):
        before = ladder.changes
        for _ in range(25 * 60):
            if ladder.level is Quality.FULL:
                ladder.missed()
            else:
                ladder.met(0.001)
        changes.append(ladder.changes - before)
    assert changes[0] > changes[-1] <= 2


def test_one_late_picture_now_and_then_is_forgiven():
    ladder = Ladder(25, grace_seconds=0)
    for _ in range(20):
        ladder.missed()
        fast(ladder, 40)
    assert ladder.level is Quality.FULL and ladder.changes == 0
    ladder.missed()
    ladder.missed()
    assert ladder.level is Quality.MOUTH_ONLY


def test_pictures_that_only_wait_do_not_bring_the_next_fall():
    """What was ordered before a fall is late whatever the level is now."""
    ladder = Ladder(25, grace_seconds=0)
    ladder.missed()
    ladder.missed()
    for _ in range(20):
        ladder.missed(dear=False)
    assert ladder.level is Quality.MOUTH_ONLY
    ladder.missed()
    assert ladder.level is Quality.MOUTH_HALF
    for _ in range(50):  # two seconds of nothing else are reason enough
        ladder.missed(dear=False)
    assert ladder.level is Quality.HOLD


def test_a_cold_start_does_not_count():
    ladder = Ladder(25)
    for _ in range(49):
        ladder.missed()
    assert ladder.level is Quality.FULL
    for _ in range(3):
        ladder.missed()
    assert ladder.level is not Quality.FULL


def test_slow_but_timely_pictures_do_not_count_as_calm():
    ladder = Ladder(25, grace_seconds=0)
    ladder.missed()
    ladder.missed()
    for _ in range(1000):
        ladder.met(0.039)
    assert ladder.level is Quality.MOUTH_ONLY
