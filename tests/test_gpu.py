"""How busy the GPU is: NVIDIA's binding over a library that stands in for the driver's."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from livehost.brain.desk import gpu
from livehost.brain.desk.gpu import Gpu
from livehost.brain.desk.machine import Machine
from livehost.brain.desk.warnings import alerts
from livehost.errors import Transient

CC = shutil.which("cc") or shutil.which("gcc")
SOURCE = Path(__file__).parent / "data" / "nvml.c"
WATCH = """
import asyncio, json, logging, signal, sys
from livehost.brain.desk import gpu

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
gpu.EVERY_SECONDS = gpu.RETRY_SECONDS = 0.05
gpu.PATIENCE_SECONDS = 0.5
told = []
logging.getLogger("livehost").addHandler(logging.Handler())
logging.getLogger("livehost").handlers[0].emit = lambda r: told.append(r.getMessage())
logging.getLogger("livehost").setLevel("INFO")

async def main():
    card = gpu.Gpu()
    running = asyncio.ensure_future(card.run())
    while True:
        await asyncio.sleep(0.05)
        print(json.dumps([card.snapshot(), card.trouble, told]), flush=True)

asyncio.run(main())
"""
WELL = {
    "gpu": "NVIDIA Test 1",
    "gpu_percent": 87,
    "gpu_encoder_percent": 12,
    "gpu_memory_used_mib": 2048,
    "gpu_memory_total_mib": 24564,
    "gpu_celsius": 61,
}


class Watched:
    """A process that watches the GPU of a machine with the driver's library in `folder`."""

    def __init__(self, folder, **environment):
        self.state = folder / "state"
        self.says(0, 87)
        given = {"LD_LIBRARY_PATH": str(folder), "FAKE_NVML": str(self.state), **environment}
        self.child = subprocess.Popen(
            [sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True,
            env={**os.environ, **given},
        )  # fmt: skip

    def says(self, code, load):
        new = self.state.with_suffix(".new")
        new.write_text(f"{code} {load}")
        new.replace(self.state)

    def until(self, condition, seconds=20.0):
        """Return (snapshot, trouble, log) once they fit."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            seen, trouble, log = json.loads(self.child.stdout.readline())
            if condition(seen, trouble):
                return seen, trouble, log
        raise AssertionError((seen, trouble, log))

    def lines(self, count):
        return [json.loads(self.child.stdout.readline()) for _ in range(count)]


@pytest.fixture
def watched(tmp_path):
    children = []

    def watch(library=True, **environment):
        if library:
            target = tmp_path / "libnvidia-ml.so.1"
            subprocess.run([CC, "-shared", "-fPIC", "-o", target, SOURCE], check=True)
        children.append(Watched(tmp_path, **environment))
        return children[-1]

    yield watch
    for watched in children:
        watched.child.kill()
        watched.child.communicate()


needs_cc = pytest.mark.skipif(not CC, reason="needs a C compiler for the stand-in library")


@needs_cc
@pytest.mark.real
def test_numbers_come_as_the_driver_has_them_and_change_with_it(watched):
    card = watched()
    assert card.until(lambda seen, _: seen)[0] == WELL
    card.says(0, 5)
    assert card.until(lambda seen, _: seen["gpu_percent"] == 5)[0] == WELL | {"gpu_percent": 5}


@needs_cc
@pytest.mark.real
def test_the_card_that_cuda_takes_is_watched_and_what_it_lacks_is_left_out(watched):
    for visible in ("1,0", "GPU-second"):
        card = watched(CUDA_VISIBLE_DEVICES=visible)
        seen = card.until(lambda seen, _: seen)[0]
        assert seen["gpu"] == "NVIDIA Test 2" and seen["gpu_percent"] == 87
        assert "gpu_encoder_percent" not in seen


@needs_cc
@pytest.mark.real
def test_a_card_that_is_lost_is_one_warning_and_is_seen_again_when_it_is_back(watched):
    card = watched()
    card.until(lambda seen, _: seen)
    card.says(15, 0)
    seen, _, _ = card.until(lambda _, trouble: trouble == "GPU is lost")
    assert seen == {}
    assert all(log == card_lost for _, _, log in card.lines(20))
    card.says(0, 40)
    seen, trouble, log = card.until(lambda seen, _: seen)
    assert (seen["gpu_percent"], trouble, log) == (40, "", [*card_lost, "GPU can be read again"])


card_lost = ["GPU cannot be read any more; trying again"]


@needs_cc
@pytest.mark.real
def test_a_driver_that_never_answers_holds_up_nothing_and_nobody_waits_at_the_end(watched):
    card = watched()
    card.until(lambda seen, _: seen)
    card.says(-1, 0)
    seen, _, log = card.until(lambda _, trouble: trouble == "the driver does not answer")
    assert (seen, log) == ({}, card_lost)
    assert len(card.lines(10)) == 10, "the loop goes on"
    card.child.send_signal(2)  # ends like a brain that is told to
    assert card.child.wait(5) != -9


@pytest.mark.real
@pytest.mark.parametrize("environment", [{}, {"CUDA_VISIBLE_DEVICES": ""}])
def test_nothing_is_said_where_there_is_no_card(watched, environment):
    card = watched(library=False, **environment)
    assert all(line == [{}, "", []] for line in card.lines(20))


@needs_cc
@pytest.mark.real
@pytest.mark.parametrize("hidden", ["", "-1", "7"])
def test_a_card_that_cuda_may_not_use_is_not_watched(watched, hidden):
    card = watched(CUDA_VISIBLE_DEVICES=hidden)
    assert all(line == [{}, "", []] for line in card.lines(20))


def test_the_machine_tells_of_its_gpu_and_warns_when_it_is_lost(monkeypatch):
    monkeypatch.setattr(gpu, "EVERY_SECONDS", 0.01)
    lost = False

    def look():
        if lost:
            raise Transient("GPU is lost")
        return WELL

    async def until(condition):
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 (another thread makes it true)
                await asyncio.sleep(0.001)

    async def main():
        nonlocal lost
        machine = Machine(gpu=Gpu(look))
        running = asyncio.ensure_future(machine.run())
        await until(lambda: "gpu" in machine.snapshot())
        assert machine.snapshot()["gpu_memory_used_mib"] == 2048 and not machine.warnings()
        assert machine.metrics()["livehost_machine_gpu_percent"] == 87.0
        assert "livehost_machine_gpu" not in machine.metrics()
        lost = True
        await until(machine.warnings)
        (alert,) = alerts(machine.warnings())
        assert (alert["code"], alert["text"]) == ("gpu", "GPU cannot be read: GPU is lost")
        assert "gpu_percent" not in machine.snapshot()
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(main())
