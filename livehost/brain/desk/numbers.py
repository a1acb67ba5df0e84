"""Every number of a show by its Prometheus name.

In:  the parts of a show.   Out: numbers; labels stand in the name.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from livehost.brain import voice_status
from livehost.brain.desk.warnings import told

if TYPE_CHECKING:
    from livehost.brain.app import Show


class Numbers:
    """Counts what a show does."""

    def __init__(self, show: Show) -> None:
        self._show = show

    def all(self) -> dict[str, float]:
        """Return every number by its name."""
        show = self._show
        voice = told(show)
        numbers = self._records() | self._answers()
        numbers |= _labelled("livehost_chat_accepted_total", "kind", show.intake.accepted)
        numbers |= _labelled("livehost_chat_rejected_total", "reason", show.state.rejections)
        numbers |= _labelled("livehost_chat_dropped_total", "reason", show.inbox.dropped)
        numbers |= _labelled("livehost_chat_comments_total", "class", show.inbox.classes)
        numbers |= _labelled("livehost_chat_waiting", "sort", show.inbox.snapshot())
        numbers |= show.feeds.metrics()
        numbers |= show.actions.metrics()
        numbers |= show.lab.metrics()
        numbers |= _labelled("livehost_show_total", "what", show.speaker.on_air.counts)
        numbers |= voice_status.numbers(voice.get("engines", {}))
        numbers |= voice_status.cache_numbers(voice)
        return numbers | flattened("livehost_stage", show.link.health)

    def _records(self) -> dict[str, float]:
        link, store, log = self._show.link, self._show.state.store, self._show.state.log
        return {
            "livehost_stage_connected": float(link.connected),
            "livehost_stage_connections_total": link.session,
            "livehost_speech_ahead_seconds": link.remaining() if link.connected else 0.0,
            "livehost_utterance_failures_total": self._show.speaker.failures,
            "livehost_state_writes_waiting": store.waiting,
            "livehost_state_writes_refused_total": store.refused,
            "livehost_state_failing": float(bool(store.failing)),
            "livehost_audit_records_total": log.written,
            "livehost_audit_records_lost_total": log.lost,
            "livehost_audit_failing": float(bool(log.failing)),
            "livehost_preview_packets_left_out_total": link.preview.left_out,
            "livehost_catalog_problems": len(self._show.catalog.problems),
        }

    def _answers(self) -> dict[str, float]:
        answers = self._show.speaker.on_air.answer_seconds.snapshot()
        quantiles = {
            f'livehost_answer_seconds{{quantile="{name}"}}': answers[name]
            for name in ("p50", "p95", "p99", "max")
        }
        return {"livehost_answers_total": answers["count"], **quantiles}


def _labelled(name: str, label: str, values: Any) -> dict[str, float]:
    return {f'{name}{{{label}="{key}"}}': float(value) for key, value in values.items()}


def flattened(prefix: str, values: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of nested JSON values by joined name; outputs become a label."""
    numbers: dict[str, float] = {}
    for key, value in values.items():
        if key == "outputs" and isinstance(value, dict):
            numbers |= _outputs(value)
        elif isinstance(value, dict):
            numbers |= flattened(f"{prefix}_{key}", value)
        elif isinstance(value, int | float):
            total = "_total" if prefix.endswith("_counters") else ""
            numbers[f"{prefix}_{key}{total}"] = float(value)
    return numbers


def _outputs(outputs: dict[str, Any]) -> dict[str, float]:
    return {
        f'livehost_output_{key}{{output="{json.dumps(name)[1:-1]}"}}': float(value)
        for name, values in outputs.items()
        for key, value in values.items()
        if isinstance(value, int | float)
    }
