"""The health of the voice's engines and of its cache as metrics and warnings.

In:  the snapshots of `livehost.brain.voice`.   Out: numbers by name; lines for people.
"""

from __future__ import annotations

from typing import Any


def numbers(engines: dict[str, Any]) -> dict[str, float]:
    """Return a `FallbackVoice.snapshot` as numbers by Prometheus name."""
    out: dict[str, float] = {}
    for name, record in engines.items():
        out[f'livehost_voice_ok{{engine="{name}"}}'] = float(record["state"] == "ok")
        for count in ("spoken", "late", "failed", "refused", "probes"):
            out[f'livehost_voice_{count}_total{{engine="{name}"}}'] = float(record.get(count, 0))
    return out


def cache_numbers(voice: dict[str, Any]) -> dict[str, float]:
    """Return what `SpeechCache.snapshot` tells of a person's speech, by Prometheus name."""
    return {
        "livehost_voice_cache_purged_total": float(voice.get("purged", 0)),
        "livehost_voice_cache_unpurged": float(voice.get("unpurged", 0)),
    }


def cache_warnings(voice: dict[str, Any]) -> list[str]:
    """Return a line when speech of a person that has to go cannot be deleted."""
    left = voice.get("unpurged", 0)
    return [f"cached speech without consent cannot be deleted: {left} files"] if left else []


def warnings(engines: dict[str, Any]) -> list[str]:
    """Return one line for each engine that does not speak now, and why."""
    return [
        f"voice {name} is {record['state']}: {record['why']}"
        for name, record in engines.items()
        if record["state"] != "ok"
    ]
