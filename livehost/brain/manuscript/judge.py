"""What `livehost check` finds in the scripts of a room, also of files that are not saved yet.

In:  a room, texts that would stand in place of its files.   Out: problems, one line each.

A changed file is judged in a copy of the room's folder that consists of links, so that everything
it refers to is there and nothing on air sees it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from livehost.brain.catalog import check as check_catalog
from livehost.brain.catalog import load_catalog
from livehost.brain.experiments.plan import load as load_experiments
from livehost.brain.gate import Gate
from livehost.config import Room
from livehost.errors import ConfigError

_PROBLEM = re.compile(r"^(?P<file>.+?):(?P<line>\d+): (?:(?P<key>[\w.-]+): )?(?P<text>.+)$", re.S)
MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: its name within the room's folder, or the path of one that is elsewhere.
        line: from 1; 0 if unknown.
        key: dotted, such as "segment.2.lines"; "" if unknown.
    """

    file: str
    line: int
    key: str
    text: str


def script_problems(room: Room) -> list[str]:
    """Return everything that is wrong with the scripts of a room. Raises ConfigError."""
    catalog = load_catalog(room)
    gate = Gate(catalog, room.globbed(room.show.wordlists))
    if room.show.experiments:
        load_experiments(room.near(room.show.experiments), catalog.segments)
    return check_catalog(catalog, gate, datetime.now(UTC))


def problems_with(room: Room, changes: Mapping[Path, str]) -> list[Problem]:
    """Return what would be wrong if files had other texts.

    Args:
        changes: texts by absolute path within the room's folder.
    """
    with tempfile.TemporaryDirectory(prefix="livehost-check-") as folder:
        copy = Path(folder).resolve() / "room"
        _copy(room.file.parent.resolve(), copy, {p.resolve(): text for p, text in changes.items()})
        file = copy / room.file.name
        try:
            found = script_problems(room.model_copy(update={"file": file}))
        except ConfigError as error:
            found = list(error.problems)
        roots = (copy, room.file.parent.resolve())
        return [_problem(line, roots) for line in found[:MOST_PROBLEMS]]


def caused_by(room: Room, changes: Mapping[Path, str]) -> tuple[list[Problem], list[Problem]]:
    """Return what would be wrong in or because of files with other texts, and what is anyway.

    What is wrong in another file hides what could only be seen with all files right.
    """
    found = problems_with(room, changes)
    root = room.file.parent.resolve()
    names = {path.resolve().relative_to(root).as_posix() for path in changes}
    if all(problem.file in names for problem in found):
        return found, []
    known = {(p.file, p.key, p.text) for p in problems_with(room, {})}
    anyway = [p for p in found if p.file not in names and (p.file, p.key, p.text) in known]
    return [p for p in found if p not in anyway], anyway


def _copy(source: Path, target: Path, changes: Mapping[Path, str]) -> None:
    """Make a folder like `source` of links, but for the files that change and their folders."""
    target.mkdir()
    within = {path for path in changes if path.parent == source}
    deeper = {source / path.relative_to(source).parts[0] for path in changes} - within
    for entry in source.iterdir():
        if entry in within:
            continue
        if entry in deeper and not entry.is_symlink():
            inner = {path: text for path, text in changes.items() if entry in path.parents}
            _copy(entry, target / entry.name, inner)
        else:
            (target / entry.name).symlink_to(entry)
    for path in within:
        (target / path.name).write_text(changes[path], "utf-8")


def _problem(line: str, roots: tuple[Path, ...]) -> Problem:
    for root in roots:
        line = line.replace(f"{root}/", "")
    found = _PROBLEM.match(line)
    if found is None:
        file, _, text = line.partition(": ")
        return Problem(file if text else "", 0, "", text or line)
    said = found["text"].removeprefix(": ")  # about the file as a whole: there is no key
    return Problem(found["file"], int(found["line"]), found["key"] or "", said)
