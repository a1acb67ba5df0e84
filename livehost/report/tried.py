"""What experiments have shown, from the state file; read beside a running show.

In:  the folder of an audit log.   Out: `Tried`, one for each experiment.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from livehost.brain.experiments.kept import shown
from livehost.brain.experiments.plan import Experiment
from livehost.brain.experiments.posterior import Knowledge
from livehost.brain.experiments.trial import Shown, Trial
from livehost.brain.experiments.verdict import Standings
from livehost.brain.experiments.words import said
from livehost.brain.state import STATE_FILE


@dataclass(frozen=True, slots=True)
class Tried:
    """One experiment over some time.

    Attributes:
        kept: the arm that the operator froze it on, "" while it runs.
        seen: exposures that say something.
    """

    plan: Experiment
    kept: str
    known: Knowledge
    standings: Standings
    seen: tuple[Shown, ...]

    def words(self, language: str) -> str:
        """Return what may be said of it."""
        fewest = int(self.known.exposures.min())
        return said(self.plan, self.standings, fewest, self.kept, language)

    def did(self, arm: str) -> Counter[str]:
        """Return what viewers did while an arm was on."""
        counted: Counter[str] = Counter()
        for one in self.seen:
            if one.arm == arm:
                counted.update(one.counts)
        return counted


def tried(audit: Path, since: str = "", until: str = "") -> tuple[Tried, ...]:
    """Return the experiments of a room; none where its state file is not beside the log.

    Args:
        audit: folder of the audit log.
        since, until: ISO 8601 in UTC, of exposures.
    """
    path = audit.parent / STATE_FILE
    if not path.is_file():
        return ()
    try:
        base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=3.0)
    except sqlite3.Error:
        return ()
    try:
        return tuple(_all(base, since, until))
    except sqlite3.Error:  # damaged, or older than experiments
        return ()
    finally:
        base.close()


def _all(base: sqlite3.Connection, since: str, until: str) -> list[Tried]:
    found = []
    for name, definition, kept in base.execute(
        "SELECT id, definition, kept FROM experiments ORDER BY id"
    ):
        try:
            plan = Experiment.model_validate(json.loads(definition) | {"lines": ()})
        except ValidationError:  # written by another version; its lines do not matter here
            continue
        rows = base.execute(
            "SELECT number, place, arm, share, chosen, began, until, viewer_minutes, counts"
            " FROM exposures WHERE experiment = ? AND began <> '' AND began >= ?"
            " AND (? = '' OR began < ?) ORDER BY number",
            (name, since, until, until),
        )
        found.append(_tried(plan, kept, [shown(*row) for row in rows]))
    return found


def _tried(plan: Experiment, kept: str, rows: list[Shown]) -> Tried:
    trial, now = Trial(plan, lambda _one: None, rows), datetime.now(UTC)
    known, standings = trial.knowledge(now), trial.standings(now)
    return Tried(plan, kept, known, standings, tuple(trial.finished(now)))
