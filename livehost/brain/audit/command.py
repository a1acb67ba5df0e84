"""`livehost audit`: check the log of a room, take it out, erase what a person may have erased.

In:  a room file, or the folder of a log (a copy on another machine).
Out: lines on standard output; exit code 0, or 1 when the log does not hold.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

from livehost import process
from livehost.brain.audit.book import Book
from livehost.brain.audit.reading import about_consent, about_user, drop, erase, utterances
from livehost.brain.audit.reading import verify as check
from livehost.config import Room, load_room
from livehost.errors import ConfigError

COLUMNS = (
    "at", "utterance", "kind", "reason", "product", "asked", "sentence", "text", "rule",
    "state", "samples", "total", "stage", "tick", "label", "how",
)  # fmt: skip


def run(given: argparse.Namespace) -> int:
    """Carry out what `flags` describes; return the exit code."""
    if given.action == "verify":
        return verify(given.room, given.head)
    if given.action == "export":
        return export(given.room, given.out, given.form, given.since)
    if given.action == "forget":
        return forget(given.room, user=given.user, person=given.person, reason=given.reason)
    return expire(given.room, given.days)


def folder(room: Room) -> Path:
    """Return where the audit log of a room is."""
    return room.state_dir / "audit"


def verify(room: Path, head: str = "") -> int:
    """Check the chain and print what was found.

    Args:
        head: "NUMBER:HASH" noted earlier.
    """
    verdict = check(existing(room), _head(head) if head else None)
    number, hash_ = verdict.head
    print(f"{verdict.records} records, {verdict.first} to {verdict.last}")
    print(f"{verdict.erased} with erased bodies")
    print(f"head {number}:{hash_}")
    print(*verdict.problems, sep="\n", end="\n" if verdict.problems else "")
    print("the log does not hold" if verdict.problems else "the log holds")
    return process.EXIT_RUNTIME if verdict.problems else 0


def export(room: Path, out: Path | None, form: str = "jsonl", since: str = "") -> int:
    """Write each utterance with everything known about it, as JSON lines or as a table.

    Args:
        out: None writes to standard output.
        form: "jsonl" or "csv" (one row for each sentence).
        since: ISO 8601; earlier utterances are left out.
    """
    found = (each for each in utterances(existing(room)) if str(each.get("at", "")) >= since)
    try:
        if out is None:
            _write(found, sys.stdout, form)
        else:
            with out.open("w", encoding="utf-8", newline="") as file:
                _write(found, file, form)
    except ValueError as error:
        raise ConfigError(
            f"the audit log cannot be read: {error}; see livehost audit verify"
        ) from error
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}") from error
    return 0


def forget(room: Path, *, user: str = "", person: str = "", reason: str = "") -> int:
    """Erase what the log says about a viewer, or about the person behind a voice or face."""
    where = existing(room)
    if bool(user) == bool(person):
        raise ConfigError("say --user ID or --person NAME")
    book = Book(where)
    try:
        matches = about_user(where, user) if user else about_consent(person)
        count = erase(book, where, matches, reason=reason or "asked for", by="operator")
    finally:
        book.close()
    print(f"{count} records erased")
    return 0


def expire(room: Path, days: int) -> int:
    """Remove whole days older than `days`. Raises ConfigError under three years."""
    where = existing(room)
    book = Book(where)
    try:
        gone = drop(book, where, timedelta(days=days))
    except ValueError as error:
        raise ConfigError(str(error)) from error
    finally:
        book.close()
    print(*gone, sep="\n", end="\n" if gone else "")
    print(f"{len(gone)} days removed")
    return 0


def existing(room: Path) -> Path:
    """Return the audit log's folder, of a room file or as given. Raises ConfigError."""
    where = room if room.is_dir() else folder(load_room(room))
    if not where.is_dir():
        raise ConfigError(f"{where}: no audit log; the room was not on air yet")
    return where


def _head(text: str) -> tuple[int, str]:
    number, _, hash_ = text.partition(":")
    if not number.isdecimal() or len(hash_) != 64:
        raise ConfigError(f"--head {text}: write it as livehost audit verify prints it")
    return int(number), hash_


def _write(found: Iterator[dict[str, Any]], file: TextIO, form: str) -> None:
    if form == "jsonl":
        for each in found:
            file.write(json.dumps(each, ensure_ascii=False) + "\n")
        return
    rows = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
    rows.writeheader()
    for each in found:
        rows.writerows(map(_plain, _rows(each)))


def _rows(utterance: dict[str, Any]) -> Iterator[dict[str, Any]]:
    asked = (utterance.get("asked") or {}).get("text", "")
    for number, sentence in enumerate(utterance["sentences"]):
        yield {**utterance, **sentence, "sentence": number, "asked": asked}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    risky = ("=", "+", "-", "@", "\t", "\r")
    return {
        key: f"'{value}" if isinstance(value, str) and value.startswith(risky) else value
        for key, value in row.items()
    }
