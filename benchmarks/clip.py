"""What a clip at 1080x1920 and 48 pictures a second takes: wall and CPU time per second of clip.

In:  a length.   Out: seconds per second in all and by part, the file's bitrate.

`livehost render` runs as users run it, in a process of its own, with an empty speech cache, so that
the voice is counted too. The parts are measured after it, each alone, by the CPU time of its
thread: the sum is what the machine has to do, the largest is the least time it can take.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import av
import cv2

from livehost.avatar import load_avatar
from livehost.brain.voice.say import default_room
from livehost.clip.film import Film, Grade
from livehost.clip.settings import job
from livehost.clip.subtitles import Said
from livehost.clip.take import Take

SIZE, FPS = "1080x1920", "48"
PARTS_SECONDS = 4
TEXT = (
    "大家好，这是今天的第{0}款！来自海拔{0}百米高山茶园的春茶，今年的新茶刚刚到货。"
    "每一片叶子都是清明前{0}天手工采摘的，香气清高，滋味鲜爽，能泡{0}次还有回甘。"
    "一罐五十克，今天到手只要{0}9.9元，喜欢的朋友可以点开{0}号链接看一看。"
)
"""About 20 seconds; no sentence comes twice, so that none is spoken from the cache."""

T = TypeVar("T")


def measure(seconds: float = 60.0) -> dict[str, Any]:
    """Return the cost of a clip of about `seconds`."""
    with tempfile.TemporaryDirectory(prefix="livehost-clip-bench-") as name:
        folder = Path(name)
        whole = _whole(folder, seconds)
        return {"size": SIZE, "fps": int(FPS), **whole, "cpu_by_part": _parts(folder)}


def _whole(folder: Path, seconds: float) -> dict[str, float]:
    out = folder / "clip.mp4"
    text = "".join(TEXT.format(n + 2) for n in range(max(1, round(seconds / 20))))
    command = [
        sys.executable, "-m", "livehost", "render", "--text", text,
        "--out", str(out), "--size", SIZE, "--fps", FPS, "--music", "studio", "--quiet",
    ]  # fmt: skip
    began, before = time.monotonic(), _children_cpu()
    subprocess.run(command, check=True, env={**os.environ, "XDG_CACHE_HOME": str(folder)})
    wall, cpu = time.monotonic() - began, _children_cpu() - before
    with av.open(str(out)) as file:
        length = file.duration / av.time_base
    return {
        "clip_seconds": round(length, 1),
        "wall_seconds": round(wall, 1),
        "wall_per_second": round(wall / length, 2),
        "cpu_per_second": round(cpu / length, 2),
        "kbit_per_second": round(out.stat().st_size * 8 / 1000 / length),
    }


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parts(folder: Path) -> dict[str, float]:
    """Return CPU-seconds per second of clip of the parts without the voice."""
    cv2.setNumThreads(1)
    values = {"text": "好", "size": SIZE, "fps": FPS, "music": "studio"}
    wanted = job(values, default_room(), folder, str)
    avatar = load_avatar(wanted.room.avatar.path)
    film = Film(folder / "parts.mp4", wanted.clip.sides, wanted.room.video.rate, Grade(), {})
    take = Take(wanted, avatar, Said(), film)
    spent: Counter[str] = Counter()
    ticks = PARTS_SECONDS * int(FPS)
    for tick in range(ticks):
        samples = take._timeline.samples(tick)
        pulled = take._playout.pull(samples)
        pcm = _timed(spent, "sound", take._mixer.mix, samples, pulled.pcm)
        face = _timed(spent, "face", take._drive.face, tick, None)
        picture = _timed(spent, "picture", take._draw, tick, face, TEXT, tick / ticks)
        began = time.process_time()  # x264 has threads of its own
        film.add(picture, pcm)
        spent["file"] += time.process_time() - began
    began = time.process_time()
    film.close()
    spent["file"] += time.process_time() - began
    take._close()
    return {name: round(value / PARTS_SECONDS, 3) for name, value in spent.items()}


def _timed(spent: Counter[str], name: str, work: Callable[..., T], *given: Any) -> T:
    began = time.thread_time()
    try:
        return work(*given)
    finally:
        spent[name] += time.thread_time() - began
