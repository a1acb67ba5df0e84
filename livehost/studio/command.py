"""`livehost script new`, `check` and `vary`.

In:  flags.   Out: files, lines on standard output, an exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from livehost.config import Room, load_toml
from livehost.errors import ConfigError
from livehost.process import EXIT_RUNTIME
from livehost.studio.draft import draft_of
from livehost.studio.model import Model
from livehost.studio.new import Brief, write_show
from livehost.studio.report import Finding, Report, report
from livehost.studio.rewrite import Task, rewrite
from livehost.studio.shelf import open_shelf
from livehost.studio.toml import with_wordings
from livehost.studio.vary import Variety, variety, vary

MOST_ROUNDS = 100
EXIT_STOPPED = EXIT_RUNTIME
_DIALECT = (
    "--dialect changes words only, and is experimental: kokoro says them with Mandarin sounds; a "
    "sovits or cosyvoice voice made for the region says them right (docs/voice.md)"
)


def new(given: argparse.Namespace) -> int:
    """Write a show. Raises ConfigError for what cannot be written."""
    if not 0.5 <= given.minutes <= 120:
        raise ConfigError(f"--minutes {given.minutes:g}: must be between 0.5 and 120")
    _check_rounds(given.rounds)
    if given.dialect and given.language != "zh":
        raise ConfigError("--dialect: is for --language zh")
    brief = Brief(
        given.title, given.out, _now(), tuple(given.facts), _words(given.keywords),
        given.language, given.minutes, given.style, given.festival, given.dialect, given.seed,
        given.rounds, _model(given), given.replace,
    )  # fmt: skip
    logging.getLogger("livehost.brain.gate").setLevel(logging.WARNING)
    written = write_show(brief)
    _print_notes([*written.notes, *([_DIALECT] if given.dialect else [])])
    print(*written.files, sep="\n")
    if given.llm:
        print(f"{written.by_model} lines by the language model")
    _print_lengths(written.report)
    _print_findings(written.report.stopped)
    return EXIT_STOPPED if written.report.stopped else 0


def check(given: argparse.Namespace) -> int:
    """Report on a script. Raises ConfigError when its files cannot be loaded."""
    logging.getLogger("livehost.brain.gate").setLevel(logging.ERROR)
    found = report(open_shelf(given.script, given.room), _now())
    if given.json:
        print(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        _print_findings([*found.stopped, *found.notes])
        _print_lengths(found)
    return EXIT_STOPPED if found.stopped else 0


def vary_rundown(given: argparse.Namespace) -> int:
    """Write a rundown with more wordings. Raises ConfigError when files cannot be loaded."""
    _check_rounds(given.rounds)
    logging.getLogger("livehost.brain.gate").setLevel(logging.WARNING)
    shelf, now = open_shelf(given.script, given.room), _now()
    draft = draft_of(shelf.catalog.segments, shelf.catalog.forbidden)
    if model := _model(given):
        task = Task(shelf.room.language, "as it is", 3, now, keep=True)
        written = asyncio.run(rewrite(draft, model, shelf.catalog, shelf.gate, task, first=False))
        print(f"{written} lines by the language model")
    vary(draft, shelf.catalog, shelf.gate, given.rounds, given.seed, now)
    out: Path = given.out or shelf.rundown.with_name(f"{shelf.rundown.stem}-varied.toml")
    text = shelf.rundown.read_text("utf-8")
    out.write_text(with_wordings(_headed(text, shelf.rundown.name), draft), "utf-8")
    _print_notes(draft.notes)
    _print_variety(variety(draft, given.rounds))
    print(out)
    return 0


def _headed(text: str, name: str) -> str:
    """Return a rundown that says by whom it was varied, once."""
    by = "by `livehost script vary`."
    return text if by in text.partition("\n")[0] else f"# {name} with more wordings, {by}\n{text}"


def _check_rounds(rounds: int) -> None:
    if not 1 <= rounds <= MOST_ROUNDS:
        raise ConfigError(f"--rounds {rounds}: must be between 1 and {MOST_ROUNDS}")


def _model(given: argparse.Namespace) -> Model | None:
    """Return the language model that flags or the room's [reply] name. Raises ConfigError."""
    if not given.llm:
        return None
    reply = load_toml(given.room, Room, file=given.room.resolve()).reply if given.room else None
    url = given.base_url or (reply.base_url if reply else "")
    name = given.model or (reply.model if reply else "")
    variable = given.api_key_env or (reply.api_key_env if reply else "")
    if not url or not name:
        raise ConfigError("--llm: needs --base-url and --model, or --room with both in [reply]")
    if variable and not os.environ.get(variable):
        raise ConfigError(f"--llm: the environment variable {variable} is not set")
    return Model(url, name, os.environ.get(variable, ""), given.llm_seconds)


def _words(given: str) -> tuple[str, ...]:
    return tuple(word for part in given.replace("，", ",").split(",") if (word := part.strip()))


def _now() -> datetime:
    return datetime.now().astimezone()


# --- what is printed ------------------------------------------------------------------------------


def _print_findings(findings: Iterable[Finding]) -> None:
    for finding in findings:
        rule = f" [{finding.rule}「{finding.found}」]" if finding.rule else ""
        print(f"{finding.where}: {finding.what}{rule}: {finding.text}")
        advice = f"; {finding.suggestion}" if finding.suggestion else ""
        print(f"    {finding.why}{advice}")


def _print_lengths(found: Report) -> None:
    for length in found.lengths:
        least, took = f"{length.wordings} wordings or more", _time(length.seconds)
        print(f"{length.segment:<20.20} {length.lines:3} lines  {least}  {took}")
    counts = f"{len(found.stopped)} would be stopped, {len(found.notes)} notes"
    print(f"{found.sentences} sentences, {counts}; a round {_time(found.seconds)}")


def _print_variety(found: Variety) -> None:
    print(
        f"{found.lines} lines, {found.alone} with one wording; {found.rounds} rounds: "
        f"{found.alike} pairs alike, {found.changed:.0%} of the lines change from one to the next"
    )


def _print_notes(notes: Iterable[str]) -> None:
    for note in notes:
        print(f"note: {note}")


def _time(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
