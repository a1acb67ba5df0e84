"""How long viewers are without the show after `kill -9` of the brain and of the stage.

In:  a speech cache.   Out: seconds until it speaks, or streams, again; gaps at the RTMP server.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import quantiles
from tests.onair import RoomOnAir, wait_until
from tests.peers import Nginx, nginx_rtmp, probe

TIMES = 3
SETTLE = 8.0  # seconds between two kills


def measure(cache: Path | None = None) -> dict[str, Any]:
    """Kill each process `TIMES` times and return how long it took to be back."""
    with tempfile.TemporaryDirectory(prefix="livehost-bench-") as name:
        folder = Path(name)
        with nginx_rtmp(folder) as server:
            with RoomOnAir(folder, ["--to", server.url("kill")], cache=cache) as room:
                room.wait_on_air(120)
                brain = [_brain(room) for _ in range(TIMES)]
                stage = [_stage(room, server) for _ in range(TIMES)]
                room.end()
            first = probe(server.recordings("kill")[0])
    return {
        "brain_to_speech_seconds": quantiles(brain),
        "stage_to_stream_seconds": quantiles(stage),
        "pictures_received_while_the_brain_was_killed": len(first.video),
        "gaps": first.gaps(40),
    }


def _brain(room: RoomOnAir) -> float:
    time.sleep(SETTLE)
    wait_until(lambda: _now(room), 60, 0.02)
    killed = _kill(room, "brain")
    wait_until(lambda: _now(room), 30, 0.02)
    return time.monotonic() - killed


def _stage(room: RoomOnAir, server: Nginx) -> float:
    time.sleep(SETTLE)
    killed = _kill(room, "stage")
    wait_until(lambda: not server.publishing("kill"), 10, 0.02)
    wait_until(lambda: server.publishing("kill"), 30, 0.02)
    return time.monotonic() - killed


def _kill(room: RoomOnAir, name: str) -> float:
    pid = room.pids[name]
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: room.pids[name] != pid, 20, 0.02)
    return killed


def _now(room: RoomOnAir) -> Any:
    return (room.status() or {}).get("now")
