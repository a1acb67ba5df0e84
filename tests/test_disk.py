"""Room on the disks that a show writes to."""

from __future__ import annotations

import asyncio
import shutil
from collections import namedtuple

from livehost.brain.desk import disk
from livehost.brain.desk.disk import Disk
from livehost.clock import VirtualTimeLoop

Usage = namedtuple("Usage", "total used free")


def run(scenario):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scenario())


def test_disk_that_is_nearly_full_is_told_once_and_until_there_is_room(tmp_path, monkeypatch):
    free = [1_260_000_000]
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: Usage(0, 0, free[0]))

    async def scenario():
        disk = Disk({"the recording": tmp_path, "the state": tmp_path, "x": tmp_path / "none"})
        told = ["disk nearly full: 1.3 GB left for the recording"]
        assert disk.warnings() == told  # the same disk is not told twice
        free[0] = 2_000_000_000
        await asyncio.sleep(9)
        assert disk.warnings() == told  # too soon for another look
        await asyncio.sleep(1)
        assert disk.warnings() == []

    run(scenario)


def test_real_disk_is_measured(tmp_path):
    async def scenario():
        free = shutil.disk_usage(tmp_path).free
        assert Disk({"the state": tmp_path}, least=free * 2).warnings()
        assert not Disk({"the state": tmp_path}, least=free // 2).warnings()

    run(scenario)
