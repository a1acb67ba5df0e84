"""`livehost report`: the page and the table of a room.

In:  a room file, or the folder of an audit log.   Out: files; one line on standard output.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from livehost.brain.audit.command import existing
from livehost.brain.audit.reading import entries
from livehost.errors import ConfigError
from livehost.report.gather import NO_ANSWER, Hour, Report, gather, quantile
from livehost.report.page import page

COLUMNS = (
    "hour", "viewers", "comments", "gifts", "likes", "follows", "enters", "answered", "unanswered",
    "latency_p50", "latency_p95", "speech_seconds", "stopped", "model", "model_errors",
)  # fmt: skip


def report(
    room: Path,
    out: Path,
    *,
    table: Path | None = None,
    since: str = "",
    until: str = "",
    language: str = "zh",
) -> int:
    """Write the page, and the table if one is asked for. Raises ConfigError."""
    folder = existing(room)
    try:
        made = gather((entry for _, entry in entries(folder)), None, since, until)
    except ValueError as error:
        raise ConfigError(
            f"the audit log cannot be read: {error}; see livehost audit verify"
        ) from error
    _write(out, page(made, language))
    if table:
        _write(table, hours_csv(made))
    print(f"{out}: {len(made.hours)} hours, {len(made.gaps)} questions the cards do not answer")
    return 0


def hours_csv(made: Report) -> str:
    """Return the table, one row for each hour; with a mark for spreadsheets that expect one."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(map(_row, made.hours))
    return "\ufeff" + text.getvalue()


def _row(hour: Hour) -> list[object]:
    kinds = ("comment", "gift", "like", "follow", "enter")
    return [
        hour.begins.isoformat(),
        len(hour.viewers),
        *(hour.messages[kind] for kind in kinds),
        hour.done["answered"],
        sum(hour.done[outcome] for outcome in NO_ANSWER),
        *(_rounded(quantile(hour.latencies, share)) for share in (0.5, 0.95)),
        round(hour.seconds, 1),
        hour.stopped.total(),
        hour.model,
        hour.model_errors,
    ]


def _rounded(seconds: float | None) -> object:
    return "" if seconds is None else round(seconds, 2)


def _write(path: Path, text: str) -> None:
    """Write a file that is complete or not there."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8", newline="")
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
