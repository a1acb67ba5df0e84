"""What a tick of the presenter costs, stage by stage: `python -m benchmarks.render [--ticks 200]`.

In:  an avatar and frame sizes.   Out: JSON with p10, p50 and p95 in milliseconds, and the machine.

Times are CPU time of the rendering thread: another process on the same core does not count, a
shared cache and a hyper-thread do.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks import machine
from livehost.avatar import Avatar, load_avatar
from livehost.clock import Timeline
from livehost.media import Face, Quality
from livehost.stage.drive import Drive
from livehost.stage.render import make_renderer
from livehost.stage.render.band import Band
from livehost.stage.render.decoder import DecoderRenderer
from livehost.stage.render.patch import Patch
from livehost.stage.render.session import Session

SIZES = ((720, 1280), (1080, 1920))
PARTS: tuple[tuple[str, type, str], ...] = (
    ("decode", Session, "run"),
    ("blend", Patch, "draw"),
    ("maps", Band, "follow"),
    ("warp", Band, "draw"),
    ("tick", DecoderRenderer, "render"),
)
WARM_UP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--avatar", type=Path, default=Path("avatars/xiaohe"))
    parser.add_argument("--ticks", type=int, default=200)
    given = parser.parse_args()
    print(json.dumps(measure(given.avatar, given.ticks), indent=2))


def measure(folder: Path, ticks: int) -> dict[str, Any]:
    """Return the costs at each size, waiting and speaking, at each level of the ladder."""
    cv2.setNumThreads(1)
    avatar = load_avatar(folder)
    films = {"waiting": waiting(avatar, ticks), "speaking": speaking(avatar, ticks)}
    levels = (Quality.FULL, Quality.MOUTH_ONLY, Quality.MOUTH_HALF)
    cases = [("waiting", Quality.FULL), *(("speaking", level) for level in levels)]
    results = []
    for size in SIZES:
        for film, level in cases:
            print(f"measuring {size} {film} {level.name}", file=sys.stderr)
            cost = costs(avatar, size, films[film], level)
            case = {"size": f"{size[0]}x{size[1]}", "film": film, "quality": level.name}
            results.append({**case, "milliseconds": cost})
    return {"machine": machine.facts(), "render": results}


def waiting(avatar: Avatar, ticks: int) -> list[Face]:
    """Return what the drive does while nobody speaks."""
    drive = Drive(avatar, Timeline(Fraction(25)))
    return [drive.face(tick, None) for tick in range(ticks + WARM_UP)]


def speaking(avatar: Avatar, ticks: int) -> list[Face]:
    """Return the same with a mouth that never rests, three ticks to a viseme."""
    known = list(avatar.visemes.values())

    def mouth(tick: int) -> np.ndarray:
        at, part = divmod(tick, 3)
        return known[at % len(known)] * (1 - part / 3) + known[(at + 1) % len(known)] * (part / 3)

    faces = waiting(avatar, ticks)
    return [
        Face(np.clip(f.shapes + 0.8 * mouth(n), 0, 1).astype(np.float32), f.pose, f.body)
        for n, f in enumerate(faces)
    ]


def costs(avatar: Avatar, size: tuple[int, int], faces: list[Face], level: Quality) -> dict:
    renderer = make_renderer(avatar, *size)
    for face in faces[:WARM_UP]:
        renderer.render(face, Quality.FULL)
    with timed() as spent:
        rows = []
        for face in faces[WARM_UP:]:
            before = dict(spent)
            renderer.render(face, level)
            rows.append({name: spent[name] - before[name] for name in spent})
    return {name: _quantiles([row[name] for row in rows]) for name in spent}


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Add up the CPU milliseconds spent in each of `PARTS`."""
    spent = {name: 0.0 for name, _, _ in PARTS}
    originals = [(owner, method, getattr(owner, method)) for _, owner, method in PARTS]
    for name, owner, method in PARTS:
        setattr(owner, method, _timing(getattr(owner, method), name, spent))
    try:
        yield spent
    finally:
        for owner, method, original in originals:
            setattr(owner, method, original)


def _timing(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Any:
    def call(*args: Any, **named: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*args, **named)
        finally:
            spent[name] += (time.thread_time() - began) * 1000

    return call


def _quantiles(values: list[float]) -> dict[str, float]:
    quantiles = np.percentile(values, [10, 50, 95])
    return {
        name: round(float(v), 2) for name, v in zip(("p10", "p50", "p95"), quantiles, strict=True)
    }


if __name__ == "__main__":
    main()
