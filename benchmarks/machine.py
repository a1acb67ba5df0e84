"""What a number was measured on: every result carries it."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import onnxruntime


def facts() -> dict[str, object]:
    """Return machine, versions and date."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": onnxruntime.__version__,
        "av": av.__version__,
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def quantiles(values: list[float]) -> dict[str, float]:
    """Return p50, p95, max and the count."""
    if not values:
        return {"count": 0}
    p50, p95 = np.percentile(values, [50, 95])
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "max": round(max(values), 3),
        "count": len(values),
    }
