"""One TOML file into one frozen model: every mistake with its file, line and key.

In:  a path, a pydantic model.   Out: the model, or ConfigError with every problem.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from livehost.config_chat import KINDS
from livehost.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def load_toml(path: Path, model: type[M], **extra: Any) -> M:
    """Read a TOML file into `model`.

    Args:
        extra: values set beside those in the file.

    Raises:
        ConfigError: one problem per line, each with file, line and key.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, endless digits or brackets
        raise ConfigError(f"{path}: is not valid TOML: {str(error)[:200]}") from error
    try:
        return model.model_validate({**values, **extra})
    except ValidationError as error:
        lines = key_lines(text)
        raise ConfigError(*(_problem(path, lines, item) for item in error.errors())) from error


def _problem(path: Path, lines: dict[str, int], item: Any) -> str:
    where = _keys(item["loc"])
    key = ".".join(where)
    shorter = (".".join(where[:n]) for n in range(len(where), 0, -1))
    line = next((lines[near] for near in shorter if near in lines), 1)
    said = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        said = "unknown key; see docs for the keys that exist"
    elif item["type"] == "missing":
        said = "is required"
    elif _may_be_shown(key, item["input"]):
        said += f" (is {item['input']!r:.80})"
    return f"{path}:{line}: {key}: {said}"


def _may_be_shown(key: str, given: Any) -> bool:
    """Keep a secret that was written where its variable's name belongs out of the message."""
    return not key.endswith(("_env", "url")) and not isinstance(given, dict | list | tuple)


def _keys(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys as they stand in the file: without the kind that pydantic puts in."""
    return [str(p) for p, before in zip(loc, ("", *loc), strict=False) if not _is_kind(p, before)]


def _is_kind(part: int | str, before: int | str) -> bool:
    return isinstance(before, int) and part in KINDS


_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY = re.compile(rf"^\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")


def key_lines(text: str) -> dict[str, int]:
    """Return the line of each dotted key ("output.0.url") in a TOML text."""
    lines: dict[str, int] = {}
    arrays: dict[str, int] = {}
    prefix, inside = "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:  # within a multi-line string
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.match(line):
            name = _plain(header[2])
            parts = name.split(".")
            if header[1] == "[[":
                arrays[name] = arrays.get(name, -1) + 1
                lines.setdefault(name, number)
            prefix = _indexed(parts, arrays)
            lines.setdefault(prefix, number)
        elif key := _KEY.match(line):
            dotted = _plain(key[1])
            lines.setdefault(f"{prefix}.{dotted}" if prefix else dotted, number)
            inside = _opened(line[key.end() :])
    return lines


def _plain(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))


def _indexed(parts: list[str], arrays: dict[str, int]) -> str:
    out: list[str] = []
    for n, part in enumerate(parts, 1):
        out.append(part)
        name = ".".join(parts[:n])
        if name in arrays:
            out.append(str(arrays[name]))
    return ".".join(out)


def _opened(value: str) -> str:
    for quote in ('"""', "'''"):
        if value.count(quote) % 2:
            return quote
    return ""
