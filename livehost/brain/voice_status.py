"""The health of the voice's engines as metrics and warnings.

In:  the snapshot of `livehost.brain.voice.fallback`.   Out: numbers by name; lines for people.
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


def warnings(engines: dict[str, Any]) -> list[str]:
    """Return one line for each engine that does not speak now, and why."""
    return [
        f"voice {name} is {record['state']}: {record['why']}"
        for name, record in engines.items()
        if record["state"] != "ok"
    ]
