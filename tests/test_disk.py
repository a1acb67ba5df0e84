"""Room on the disks that a show writes to."""

from __future__ import annotations

import asyncio
import shutil
from collections import namedtuple

from livehost.brain.desk import disk
from livehost.brain.desk.disk import Disk, one_cause
from livehost.brain.desk.warnings import alerts
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


FULL = [
    "chat source bus: no answer",
    "state cannot be written: database or disk is full",
    "audit log cannot be written: [Errno 28] No space left on device",
    "disk nearly full: 0.0 GB left for the recording",
]
RECORDING = {"tape": {"state": "waiting", "reason": "failed: disk full"}, "douyin": {"reason": ""}}


def test_a_full_disk_is_one_alarm_with_all_that_it_brings_about():
    told = one_cause(FULL, RECORDING)
    assert told == [
        "chat source bus: no answer",
        "disk full: 0.0 GB left for the recording; the state is not saved; "
        "the audit log is not saved; recording tape has stopped",
    ]
    assert alerts(told)[1]["code"] == "disk" and "delete old" in alerts(told)[1]["todo"]


def test_other_trouble_with_files_is_told_by_itself():
    lines = ["state cannot be written: [Errno 13] Permission denied", FULL[3]]
    assert one_cause(lines, {"x": {"reason": "no answer"}}) == lines
    full = one_cause([*lines, FULL[2]], {})
    assert full[0] == lines[0] and full[1:] == [
        "disk full: 0.0 GB left for the recording; the audit log is not saved"
    ]
    assert one_cause([], RECORDING) == ["disk full: recording tape has stopped"]
