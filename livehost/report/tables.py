"""The tables of a report for a spreadsheet: hours, arms of experiments, titles.

In:  a `Report`.   Out: CSV, with a mark for spreadsheets that expect one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from livehost.report.gather import NO_ANSWER, Hour, Report, quantile
from livehost.report.titles import Period, mean
from livehost.report.tried import Tried

COLUMNS = (
    "hour", "viewers", "comments", "gifts", "likes", "follows", "enters", "answered", "unanswered",
    "latency_p50", "latency_p95", "speech_seconds", "stopped", "model", "model_errors",
    "clicks", "orders", "watching",
)  # fmt: skip
ARM_COLUMNS = (
    "experiment", "arm", "what", "per", "kept", "standing", "exposures", "amount",
    "comments", "gifts", "likes", "follows", "enters", "clicks", "orders",
    "reward", "low", "high", "best", "loss", "dispersion",
)  # fmt: skip
TITLE_COLUMNS = (
    "title", "text", "cover", "begins", "ends", "hours", "viewers", "watching",
    "comments", "gifts", "likes", "follows", "enters", "clicks", "orders",
)  # fmt: skip
_DONE = ("comment", "gift", "like", "follow", "enter", "click", "order")


def hours_csv(made: Report) -> str:
    """Return one row for each hour."""
    return _csv(COLUMNS, map(_hour, made.hours))


def arms_csv(all_tried: Iterable[Tried]) -> str:
    """Return one row for each arm of each experiment."""
    return _csv(ARM_COLUMNS, (row for tried in all_tried for row in _arms(tried)))


def titles_csv(periods: Iterable[Period]) -> str:
    """Return one row for each time that a title was on."""
    return _csv(TITLE_COLUMNS, map(_title, periods))


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return "\ufeff" + text.getvalue()


def _hour(hour: Hour) -> list[object]:
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
        hour.messages["click"],
        hour.messages["order"],
        mean(hour.watching),
    ]


def _arms(tried: Tried) -> Iterable[list[object]]:
    plan, known, now = tried.plan, tried.known, tried.standings
    for n, name in enumerate(plan.names):
        did = tried.did(name)
        numbers = (now.mean[n], now.low[n], now.high[n], now.best[n], now.loss[n], known.dispersion)
        yield [
            plan.id, name, plan.what.value, plan.per.value, tried.kept, now.standing.value,
            int(known.exposures[n]), round(float(known.amount[n]), 2),
            *(did[kind] for kind in _DONE),
            *(float(f"{number:.6g}") for number in numbers),
        ]  # fmt: skip


def _title(period: Period) -> list[object]:
    return [
        period.title, period.text, period.cover,
        period.begins.isoformat(), period.ends.isoformat(), round(period.hours, 3),
        len(period.viewers), mean(period.watching),
        *(period.messages[kind] for kind in _DONE),
    ]  # fmt: skip


def _rounded(seconds: float | None) -> object:
    return "" if seconds is None else round(seconds, 2)
