"""`livehost report`: the page and the table of a room.

In:  a room file, or the folder of an audit log.   Out: files; one line on standard output.
"""

from __future__ import annotations

from pathlib import Path

from livehost.brain.audit.command import existing
from livehost.brain.audit.reading import entries
from livehost.errors import ConfigError
from livehost.report.gather import gather
from livehost.report.page import page
from livehost.report.tables import arms_csv, hours_csv, titles_csv
from livehost.report.tried import tried


def report(
    room: Path,
    out: Path,
    *,
    table: Path | None = None,
    since: str = "",
    until: str = "",
    language: str = "zh",
) -> int:
    """Write the page, and the tables if one is asked for. Raises ConfigError.

    Args:
        table: of the hours; those of experiments and titles stand beside it, where there are any.
    """
    folder = existing(room)
    try:
        made = gather((entry for _, entry in entries(folder)), None, since, until)
    except ValueError as error:
        raise ConfigError(
            f"the audit log cannot be read: {error}; see livehost audit verify"
        ) from error
    trials = tried(folder, since, until)
    _write(out, page(made, language, trials))
    if table:
        _write(table, hours_csv(made))
        if trials:
            _write(table.with_suffix(f".experiments{table.suffix}"), arms_csv(trials))
        if made.periods:
            _write(table.with_suffix(f".titles{table.suffix}"), titles_csv(made.periods))
    print(f"{out}: {len(made.hours)} hours, {len(made.gaps)} questions the cards do not answer")
    return 0


def _write(path: Path, text: str) -> None:
    """Write a file that is complete or not there."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8", newline="")
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
