"""What the state file holds of experiments, read at the start.

In:  rows.   Out: exposures, what viewers did lately, when the show was last alive.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta

from livehost.brain.experiments.trial import MOST_LEARNT, Shown
from livehost.brain.store import Store

LATE, EARLY = timedelta(hours=1), timedelta(minutes=1)  # a message's own time is believed within

Deed = tuple[str, int, str, datetime]
"""Kind, count, product and time of what a viewer did."""


def counted(kind: str, count: int) -> int:
    """Return how often a message counts: gifts, likes, clicks and orders by their count."""
    return max(1, count) if kind in ("gift", "like", "click", "order") else 1


def moment(said_at: datetime, received: datetime) -> datetime:
    """Return when something happened: as the sender says, unless that cannot be."""
    return said_at if received - LATE <= said_at <= received + EARLY else received


def past(store: Store) -> dict[str, list[Shown]]:
    """Return the latest exposures of each experiment, oldest first."""
    rows = store.rows(
        "SELECT experiment, number, place, arm, share, chosen, began, until, viewer_minutes, counts"
        " FROM exposures e WHERE number > (SELECT max(number) FROM exposures"
        " WHERE experiment = e.experiment) - ? ORDER BY experiment, number",
        MOST_LEARNT,
    )
    found: dict[str, list[Shown]] = {}
    for experiment, *row in rows:
        found.setdefault(experiment, []).append(shown(*row))
    return found


def shown(
    number: int,
    place: str,
    arm: str,
    share: float,
    chosen: str,
    began: str,
    until: str,
    viewer_minutes: float | None,
    counts: str,
) -> Shown:
    """Read a row of the table of exposures."""
    return Shown(
        number,
        place,
        arm,
        share,
        datetime.fromisoformat(chosen),
        datetime.fromisoformat(began) if began else None,
        datetime.fromisoformat(until) if until else None,
        viewer_minutes,
        Counter(json.loads(counts)),
    )


def deeds_since(store: Store, since: datetime) -> list[Deed]:
    """Return what viewers did since then, as the chat log has it; reports of the audience too."""
    rows = store.rows(
        "SELECT kind, count, extra, at, received FROM chat WHERE received > ?"
        " AND seq > (SELECT coalesce(max(seq), 0) FROM chat) - 100000 ORDER BY seq",
        since.isoformat(),
    )
    return [
        (
            kind,
            count if kind == "audience" else counted(kind, count),
            str(json.loads(extra).get("product", "")),
            moment(datetime.fromisoformat(at), datetime.fromisoformat(received)),
        )
        for kind, count, extra, at, received in rows
    ]


def alive_at(store: Store) -> datetime | None:
    """Return when a sentence was last said."""
    rows = store.rows("SELECT at FROM sentences ORDER BY utterance DESC, sentence DESC LIMIT 1")
    return datetime.fromisoformat(rows[0][0]) if rows else None
