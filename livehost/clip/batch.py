"""Many clips from one file: TOML, CSV or JSON lines, made one after the other, with resume.

In:  a batch file and a folder.   Out: an MP4 per row; a table of what was made, skipped and failed.

What is done is read from the clips themselves: each carries the digest of its settings and of the
files it was made from. So nothing is made twice, whatever ended the last run, and a row that was
changed is made anew.
"""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livehost.clip.film import tags_of
from livehost.clip.given import read_text
from livehost.clip.maker import DIGEST_TAG
from livehost.clip.settings import Job, job
from livehost.config import Room, key_lines
from livehost.errors import ConfigError

_NAME = re.compile(r"[^/\\\0\n.][^/\\\0\n]{0,120}")


@dataclass(frozen=True, slots=True)
class Row:
    """One clip of a batch.

    Attributes:
        name: of its file, without ".mp4".
        where: file and line, for messages.
        values: settings by name.
    """

    name: str
    where: Callable[[str], str]
    values: dict[str, Any]


def read_batch(path: Path) -> list[Row]:
    """Return the rows of a batch file.

    Raises ConfigError: it cannot be read, or names are missing or used twice.
    """
    readers = {".toml": _toml, ".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ConfigError(f"{path}: a batch file ends in .toml, .csv or .jsonl")
    text = read_text(path)
    rows = [_row(n, where, values) for n, (where, values) in enumerate(reader(path, text), 1)]
    if not rows:
        raise ConfigError(f"{path}: holds no clips")
    _each_once(path, rows)
    return rows


Read = Iterator[tuple[Callable[[str], str], dict[str, Any]]]


def _row(number: int, where: Callable[[str], str], values: dict[str, Any]) -> Row:
    given = values.pop("name", None)
    name = (
        f"{number:03}" if given is None or given == "" else str(given).strip().removesuffix(".mp4")
    )
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where('name')}: {name!r} is no name for a file")
    return Row(name, where, values)


def _each_once(path: Path, rows: list[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.name.casefold() in seen:
            raise ConfigError(f"{row.where('name')}: the name {row.name} is used twice")
        seen.add(row.name.casefold())


def _toml(path: Path, text: str) -> Read:
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {str(error)[:200]}") from error
    defaults, clips = values.pop("defaults", {}), values.pop("clip", [])
    if values or not isinstance(defaults, dict) or not isinstance(clips, list):
        raise ConfigError(f"{path}: holds [defaults] and [[clip]] tables, nothing else")
    lines = key_lines(text)
    for number, clip in enumerate(clips):
        if not isinstance(clip, dict):
            raise ConfigError(f"{path}: clip: must be [[clip]] tables")

        def where(key: str, number: int = number) -> str:
            places = (f"clip.{number}.{key}", f"defaults.{key}", f"clip.{number}")
            line = next((lines[place] for place in places if place in lines), 1)
            return f"{path}:{line}: {key}"

        yield where, {**defaults, **clip}


def _csv(path: Path, text: str) -> Read:
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            where = _line(path, reader.line_num)
            if None in row:
                raise ConfigError(f"{where('row')}: has more cells than the first line")
            yield where, {key.strip(): cell for key, cell in row.items() if cell}
    except csv.Error as error:
        raise ConfigError(f"{path}:{reader.line_num}: is not valid CSV: {error}") from error


def _jsonl(path: Path, text: str) -> Read:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = _line(path, number)
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}:{number}: is not valid JSON: {str(error)[:100]}") from error
        if not isinstance(values, dict):
            raise ConfigError(f"{path}:{number}: must be an object of settings")
        yield where, values


def _line(path: Path, number: int) -> Callable[[str], str]:
    return lambda key: f"{path}:{number}: {key}"


def job_of(row: Row, common: dict[str, Any], base: Room, folder: Path) -> Job:
    """Return the clip of a row. Raises ConfigError.

    Args:
        common: settings of all rows that a row may override.
        folder: where the row's relative paths start.
    """
    return job({**common, **row.values}, base, folder, row.where)


def is_made(wanted: Job, path: Path) -> bool:
    """Whether `path` is the finished clip of `wanted`. Raises ConfigError: it is another file."""
    if not path.exists():
        return False
    digest = tags_of(path).get(DIGEST_TAG)
    if digest is None:
        raise ConfigError(f"{path}: exists and was not made here; move it away or rename the clip")
    return digest == wanted.digest
