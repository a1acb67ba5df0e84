"""The brain gives way to the stage once the host is heard, not before."""

import asyncio

import pytest

from livehost import process
from livehost.brain.niceness import NICENESS, START_SECONDS, give_way

from .virtual import run


@pytest.mark.parametrize(("heard_at", "at"), [(0.0, 0.0), (7.2, 7.5), (1e9, START_SECONDS)])
def test_gives_way_when_the_host_is_heard_or_there_is_no_stage(monkeypatch, heard_at, at):
    given = []

    async def main():
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(process, "give_way", lambda level: given.append((level, loop.time())))
        await give_way(lambda: loop.time() >= heard_at)

    run(main())
    assert given == [(NICENESS, pytest.approx(at, abs=0.01))]
