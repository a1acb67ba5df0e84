"""How busy the machine is."""

from __future__ import annotations

import asyncio

from livehost.brain.desk.machine import Machine
from livehost.clock import VirtualTimeLoop


def run(scenario):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scenario())


def test_share_of_time_since_the_last_look(tmp_path):
    stat, memory = tmp_path / "stat", tmp_path / "meminfo"
    memory.write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n")

    async def scenario():
        machine = Machine(stat, memory)
        stat.write_text("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1\n")
        assert machine.snapshot() == {"memory_percent": 75.0}  # nothing to compare with yet
        stat.write_text("cpu  130 0 110 850 10 0 0 0 0 0\n")
        assert "cpu_percent" not in machine.snapshot()  # too soon
        await asyncio.sleep(1)
        assert machine.snapshot() == {"cpu_percent": 40.0, "memory_percent": 75.0}

    run(scenario)


def test_nothing_is_told_where_nothing_is_known(tmp_path):
    async def scenario():
        assert Machine(tmp_path / "none", tmp_path / "none").snapshot() == {}
        (tmp_path / "odd").write_text("?")
        assert Machine(tmp_path / "odd", tmp_path / "odd").snapshot() == {}

    run(scenario)


def test_this_machine():
    async def scenario():
        assert 0 <= Machine().snapshot().get("memory_percent", 0) <= 100

    run(scenario)
