"""A channel keeps order, keeps its bound, and loses nothing to cancellation."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.channel import Channel
from tests.virtual import run


@given(st.lists(st.floats(0.1, 5), max_size=40), st.floats(1, 10))
def test_everything_arrives_in_order_and_the_bound_holds(weights, bound):
    async def main():
        channel, got, most = Channel(bound), [], 0.0

        async def produce():
            for item in enumerate(weights):
                await channel.put(item, item[1])

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            for _ in weights:
                await asyncio.sleep(0.01)
                most = max(most, channel.weight)
                got.append(await channel.get())
        return got, most

    got, most = run(main())
    assert got == list(enumerate(weights))
    assert most <= max([bound, *weights]) + 1e-6


def test_offer_refuses_and_counts_when_full():
    async def main():
        channel = Channel(2)
        return [channel.offer(n) for n in range(4)], channel.refused

    assert run(main()) == ([True, True, False, False], 2)


def test_a_cancelled_get_takes_nothing():
    async def main():
        channel = Channel(5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await channel.get()
        channel.offer("kept")
        return await channel.get()

    assert run(main()) == "kept"
