"""The timeline is exact for ever; the virtual loop jumps."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.clock import SAMPLE_RATE, Timeline
from tests.virtual import run

RATES = st.sampled_from([Fraction(25), Fraction(30), Fraction(48), Fraction(30000, 1001)])


@given(RATES, st.integers(0, 10**9))
def test_ticks_tile_the_samples(fps, tick):
    timeline = Timeline(fps)
    assert timeline.first_sample(tick) + timeline.samples(tick) == timeline.first_sample(tick + 1)
    exact = Fraction(tick) * SAMPLE_RATE / fps
    assert 0 <= exact - timeline.first_sample(tick) < 1


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30), Fraction(30000, 1001)])
def test_a_day_of_ticks_has_a_day_of_samples(fps):
    timeline, ticks = Timeline(fps), int(24 * 3600 * fps)
    assert timeline.first_sample(ticks) == int(ticks * SAMPLE_RATE / fps)
    assert abs(timeline.first_sample(ticks) / SAMPLE_RATE - timeline.seconds(ticks)) < 1e-4


def test_native_work_takes_no_virtual_time():
    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            await loop.run_in_executor(pool, time.sleep, 0.05)
        return loop.time()

    assert run(main()) == 0.0


def test_timeouts_run_on_virtual_time():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3600)
