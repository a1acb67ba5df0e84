"""What a second of stream costs, next to what ffmpeg alone needs to encode the same pictures.

In:  a size.   Out: CPU-seconds per second of the room's processes and of ffmpeg, the ratio, and
what each thread of the stage spends on a tick.

The room runs with its speech in the cache, so that no synthesis is counted; the brain is listed
apart. Both figures come from one machine, ffmpeg right after the room. It encodes the pictures of
the same room, recorded at a bitrate that leaves them as they were: pictures that have been through
the room's own bitrate lost their fine detail and would cost it a seventh less.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from livehost.config import load_room
from tests.onair import DEMO, RoomOnAir

SECONDS = 40.0
CLIP_SECONDS = 10.0
CLIP_FROM = 15.0
RUNS = 3  # of ffmpeg; the median counts
FAITHFUL = 'bitrate_kbps = 50000\npreset = "ultrafast"\n'


def measure(size: tuple[int, int], cache: Path | None = None) -> dict[str, Any]:
    """Return the cost of a room at `size` and its ratio to ffmpeg's."""
    text = DEMO.read_text() + f"\n[video]\nwidth = {size[0]}\nheight = {size[1]}\n"
    with tempfile.TemporaryDirectory(prefix="livehost-bench-") as name:
        folder = Path(name)
        arguments = ["--record", str(folder / "room.mp4")]
        with RoomOnAir(folder, arguments, text, cache) as room:
            room.wait_on_air(120)
            time.sleep(10)
            before = (room.status() or {})["stage"]["quality_changes"]
            used, threads = _cost(room)
            stage = (room.status() or {})["stage"]
            room.end()
        video = load_room(room.room).video
        recorded = _faithful(folder / "faithful", text, cache)
        alone = _ffmpeg(recorded, folder / "again.mp4", video)
    return {
        "size": f"{size[0]}x{size[1]}",
        "cpu_seconds_per_second": used,
        "ffmpeg_alone": round(alone, 3),
        "ratio": round(used["stage"] / alone, 2),
        "milliseconds_a_tick": {
            name: round(1000 * seconds / float(video.rate), 2) for name, seconds in threads.items()
        },
        "quality": stage["quality"],
        "quality_changes": stage["quality_changes"] - before,  # other than 0: measure again
        "counters": stage["counters"],
    }


THREADS = {
    "render": "drawing",
    "encode": "x264",
    "sound": "aac",
    "recorder": "muxing and writing",
}
MAIN = "the rest: mixing, her motion, the loop, sending"


def _cost(room: RoomOnAir) -> tuple[dict[str, float], dict[str, float]]:
    """Return CPU-seconds per second of the processes, and of the stage's threads by their work."""
    processes = {name: psutil.Process(room.pids[name]) for name in ("stage", "brain")}

    def cpu() -> dict[str, float]:
        return {name: sum(p.cpu_times()[:2]) for name, p in processes.items()}

    stage = room.pids["stage"]
    before, parts, began = cpu(), _threads(stage), time.monotonic()
    time.sleep(SECONDS)
    seconds = time.monotonic() - began
    threads = {name: (now - parts.get(name, 0)) / seconds for name, now in _threads(stage).items()}
    return {n: round((now - before[n]) / seconds, 3) for n, now in cpu().items()}, threads


def _threads(pid: int) -> dict[str, float]:
    """Return the CPU-seconds of a stage's threads by their work."""
    used: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has just ended
            called = (task / "comm").read_text().strip()
            name = MAIN if task.name == str(pid) else THREADS.get(called, "other threads")
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            ticks = int(fields[11]) + int(fields[12])
            used[name] = used.get(name, 0.0) + ticks / os.sysconf("SC_CLK_TCK")
    return used


def _faithful(folder: Path, text: str, cache: Path | None) -> Path:
    """Return a recording of the room at a bitrate at which nothing is lost."""
    folder.mkdir()
    record = folder / "room.mp4"
    with RoomOnAir(folder, ["--record", str(record)], text + FAITHFUL, cache) as room:
        room.wait_on_air(120)
        time.sleep(CLIP_FROM + CLIP_SECONDS + 3)
        room.end()
    return record


def _ffmpeg(recorded: Path, target: Path, video: Any) -> float:
    """Return CPU-seconds per second of ffmpeg encoding the pictures of `recorded` again."""
    raw, sound = target.with_suffix(".yuv"), target.with_suffix(".wav")
    start = ["ffmpeg", "-v", "error", "-y"]
    clip = ["-ss", str(CLIP_FROM), "-t", str(CLIP_SECONDS), "-i", str(recorded)]
    subprocess.run([*start, *clip, "-f", "rawvideo", "-pix_fmt", "yuv420p", str(raw)], check=True)
    subprocess.run([*start, *clip, "-vn", str(sound)], check=True)
    keyframes = str(round(float(video.rate) * video.keyframe_seconds))
    rate = f"{video.bitrate_kbps}k"
    command = [
        *start, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{video.width}x{video.height}",
        "-r", video.fps, "-i", str(raw), "-i", str(sound),
        "-c:v", "libx264", "-preset", video.preset, "-tune", "zerolatency", "-threads", "1",
        "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-bf", "0",
        "-g", keyframes, "-keyint_min", keyframes, "-sc_threshold", "0",
        "-c:a", "aac", "-b:a", "128k", str(target),
    ]  # fmt: skip
    return statistics.median(_cpu(command) for _ in range(RUNS)) / CLIP_SECONDS


def _cpu(command: list[str]) -> float:
    """Return the CPU-seconds of a command."""
    before = _children_cpu()
    subprocess.run(command, check=True)
    return _children_cpu() - before


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
