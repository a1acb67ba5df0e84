"""`livehost voice bench`: how soon, how fast and at what cost the engines of a room speak.

In:  a room file, or none.   Out: a table, or JSON; one new process for each engine.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path

from livehost.brain.voice import Engine, Sentence, make_engine, names
from livehost.brain.voice.listing import ABOUT
from livehost.brain.voice.say import default_room
from livehost.clock import SAMPLE_RATE
from livehost.config import Room, load_room
from livehost.errors import ConfigError, LivehostError

CHINESE = (
    "好的，马上。",
    "家人们，今天这条裙子只要199.9元！",
    "面料是百分之九十五的棉，加了一点点弹力，洗了也不变形，四季都可以穿。",
)
ENGLISH = (
    "All right, just a moment.",
    "This dress is only forty nine dollars today.",
    "It is made of soft cotton with a little stretch, and it keeps its shape in the wash.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One engine.

    Attributes:
        loading: seconds from the first request to its first sound, models and all.
        first: median seconds to the first sound of a sentence, models loaded.
        wall, cpu: seconds for each second of speech; cpu of this machine only.
        rss_mb: peak memory of its process.
        error: why there is no number, "" when there are.
    """

    engine: str
    loading: float = 0.0
    first: float = 0.0
    wall: float = 0.0
    cpu: float = 0.0
    speech: float = 0.0
    rss_mb: int = 0
    error: str = ""


def bench(room: Path | None, engines: Sequence[str] = (), as_json: bool = False) -> int:
    """Measure `engines`, or all that `room` names, and print the result; return 0.

    Returns 1 when none of them could speak. Raises ConfigError.
    """
    settings = load_room(room) if room else default_room()
    if unknown := [name for name in engines if name not in ABOUT]:
        raise ConfigError(f"no engine {unknown[0]}; there are {', '.join(sorted(ABOUT))}")
    wanted = list(dict.fromkeys(engines)) or [n for n in names(settings) if n != "silent"]
    rows = [_apart(settings, name) for name in wanted]
    if as_json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2))
    else:
        print(table(rows))
    return 1 if all(row.error for row in rows) else 0


def _apart(room: Room, name: str) -> Row:
    """Measure one engine in a process of its own, so that memory is its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(measure, room, name).result()


def measure(room: Room, name: str) -> Row:
    """Measure one engine in this process."""
    try:
        engine = make_engine(room, name)
    except ConfigError as error:
        return Row(name, error=error.problems[0])
    chinese = {"zh", "any"} & set(ABOUT[name].languages) and room.language == "zh"
    try:
        return asyncio.run(_spoken(engine, CHINESE if chinese else ENGLISH))
    except LivehostError as error:
        return Row(name, error=str(error))
    finally:
        engine.close()


async def _spoken(engine: Engine, texts: Sequence[str]) -> Row:
    loading, _ = await _timed(engine, texts[0])
    wall, cpu = time.perf_counter(), time.process_time()
    each = [await _timed(engine, text) for text in texts]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    speech = sum(seconds for _, seconds in each)
    return Row(
        engine.name,
        round(loading, 3),
        round(statistics.median(first for first, _ in each), 3),
        round(wall / speech, 3),
        round(cpu / speech, 3),
        round(speech, 2),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


async def _timed(engine: Engine, text: str) -> tuple[float, float]:
    """Speak `text`; return seconds to the first sound, and seconds of speech."""
    began, first, samples = time.perf_counter(), 0.0, 0
    async with aclosing(engine.speak(Sentence(text))) as chunks:
        async for chunk in chunks:
            first = first or time.perf_counter() - began
            samples += len(chunk.pcm)
    return first, samples / SAMPLE_RATE


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text."""
    lines = [f"{'engine':<10} {'loading':>8} {'first':>7} {'wall':>6} {'cpu':>6} {'RSS':>7}"]
    for row in rows:
        numbers = (
            f"{row.loading:>6.2f} s {row.first:>5.2f} s {row.wall:>6.3f} {row.cpu:>6.3f} "
            f"{row.rss_mb:>4} MB"
        )
        lines.append(f"{row.engine:<10} {row.error or numbers}")
    return "\n".join([*lines, "first: to the first sound; wall, cpu: seconds per second of speech"])
