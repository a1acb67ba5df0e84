"""`livehost render`: one clip, or a batch of them.

In:  flags.   Out: MP4 files, lines on standard output, an exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from livehost import process
from livehost.brain.voice.say import default_room
from livehost.clip.batch import Row, is_made, job_of, read_batch
from livehost.clip.flags import flag, settings_of
from livehost.clip.maker import Made, Maker
from livehost.clip.progress import Bar
from livehost.clip.settings import job
from livehost.config import Room, load_room
from livehost.errors import ConfigError, LivehostError, OutputLost

log = logging.getLogger(__name__)

INTERRUPTED = 130  # what a shell says of a command that Ctrl-C ended

T = TypeVar("T")


def render(given: argparse.Namespace) -> int:
    """Make what the flags ask for; return the exit code.

    Raises:
        ConfigError: flags, settings or files are wrong.
        LivehostError: the clip could not be made.
    """
    process.log_to_stderr("livehost", os.environ.get("LIVEHOST_LOG") or "WARNING")
    base = load_room(given.room) if given.room else default_room()
    try:
        if given.batch:
            return _run(_batch(given, base))
        return _run(_one(given, base))
    except (KeyboardInterrupt, asyncio.CancelledError):
        again = "; run the same command to go on" if given.batch else ""
        print(f"interrupted{again}", file=sys.stderr)
        return INTERRUPTED


def _run(work: Coroutine[Any, Any, T]) -> T:
    async def until_told() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task:
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return asyncio.run(until_told())


# --- one clip -------------------------------------------------------------------------------------


async def _one(given: argparse.Namespace, base: Room) -> int:
    path = _target(given)
    values = settings_of(given)
    if not {"text", "text_file", "audio"} & set(values):
        raise ConfigError("give --text, --text-file or --audio to say, or --batch for many clips")
    wanted = job(values, base, Path.cwd(), flag)
    bar = Bar(path.name, sys.stderr, given.quiet)
    with Maker() as maker:
        try:
            made = await maker.make(wanted, path, bar.tell, given.srt)
        finally:
            bar.clear()
    print(made)
    return 0


def _target(given: argparse.Namespace) -> Path:
    if given.out is None:
        raise ConfigError("--out: is required: the file to write, FILE.mp4")
    path: Path = given.out.absolute()
    if path.suffix.lower() != ".mp4":
        raise ConfigError(f"--out: {given.out}: must end in .mp4")
    if not path.parent.is_dir():
        raise ConfigError(f"--out: the folder {path.parent} does not exist")
    return path


# --- a batch --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row.

    Attributes:
        why: lines, when it failed.
        ends: the rows behind it are not tried.
    """

    name: str
    state: str
    made: Made | None = None
    why: tuple[str, ...] = ()
    ends: bool = False


async def _batch(given: argparse.Namespace, base: Room) -> int:
    rows = read_batch(given.batch)
    if given.out_dir is None:
        raise ConfigError("--out-dir: is required with --batch: the folder for the clips")
    folder: Path = given.out_dir.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out-dir: {folder}: cannot be made: {error.strerror}") from error
    outcomes: list[Outcome] = []
    with Maker() as maker:
        try:
            for number, row in enumerate(rows, 1):
                shown = f"{row.name} ({number}/{len(rows)})"
                bar = Bar(shown, sys.stderr, given.quiet)
                outcomes.append(await _make_row(row, folder, given, base, maker, bar))
                _tell(outcomes[-1], f"{number}/{len(rows)}")
                if outcomes[-1].ends:
                    break
        finally:
            _summary(outcomes, len(rows))
    return process.EXIT_RUNTIME if any(each.why for each in outcomes) else 0


async def _make_row(
    row: Row, folder: Path, given: argparse.Namespace, base: Room, maker: Maker, bar: Bar
) -> Outcome:
    path = folder / f"{row.name}.mp4"
    try:
        wanted = job_of(row, settings_of(given), base, given.batch.absolute().parent)
        if is_made(wanted, path):
            return Outcome(row.name, "skipped")
        return Outcome(row.name, "made", await maker.make(wanted, path, bar.tell, given.srt))
    except ConfigError as error:
        return Outcome(row.name, "failed", why=error.problems)
    except OutputLost as error:  # the next one would go to the same disk
        return Outcome(row.name, "failed", why=(str(error),), ends=True)
    except LivehostError as error:
        return Outcome(row.name, "failed", why=(str(error),))
    except Exception as error:  # supervises: one clip does not cost the others
        log.debug("a clip failed", exc_info=error, extra={"clip": row.name})
        return Outcome(row.name, "failed", why=(f"{type(error).__name__}: {error}",))
    finally:
        bar.clear()


def _tell(outcome: Outcome, place: str) -> None:
    said = str(outcome.made) if outcome.made else f"{outcome.name}: {outcome.state}"
    print(f"[{place}] {said}", flush=True)


def _summary(outcomes: list[Outcome], rows: int) -> None:
    """Print what became of the batch, the failures last."""
    for outcome in outcomes:
        for line in outcome.why:
            print(f"{outcome.name}: {line}", file=sys.stderr)
    counts = {
        state: sum(each.state == state for each in outcomes)
        for state in ("made", "skipped", "failed")
    }
    if left := rows - len(outcomes):
        counts["not begun"] = left
    seconds = sum(each.made.seconds for each in outcomes if each.made)
    took = sum(each.made.took for each in outcomes if each.made)
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    print(f"{said}; {seconds:.1f} s of clips in {took:.1f} s", flush=True)
