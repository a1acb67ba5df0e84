"""How busy the machine is: all of its programs together.

In:  /proc.   Out: percents for the status; nothing where there is no /proc.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

LEAST_SECONDS = 1.0  # between two looks
STAT, MEMORY = Path("/proc/stat"), Path("/proc/meminfo")


class Machine:
    """Looks at most once a second."""

    def __init__(self, stat: Path = STAT, memory: Path = MEMORY) -> None:
        self._stat, self._memory = stat, memory
        self._at = float("-inf")
        self._busy: tuple[int, int] | None = None
        self._seen: dict[str, float] = {}

    def snapshot(self) -> dict[str, float]:
        """Return `cpu_percent` of all cores since the last look and `memory_percent` in use."""
        now = asyncio.get_running_loop().time()
        if now - self._at >= LEAST_SECONDS:
            self._at = now
            try:
                self._seen = self._cpu() | self._used()
            except (OSError, ValueError, KeyError, IndexError):
                self._seen = {}
        return self._seen

    def _cpu(self) -> dict[str, float]:
        ticks = [int(text) for text in self._stat.read_text().split("\n", 1)[0].split()[1:9]]
        busy, total = sum(ticks) - ticks[3] - ticks[4], sum(ticks)  # idle, waiting for disks
        before, self._busy = self._busy, (busy, total)
        if before is None or total <= before[1]:
            return {}
        return {"cpu_percent": round(100 * (busy - before[0]) / (total - before[1]), 1)}

    def _used(self) -> dict[str, float]:
        lines = (line.split() for line in self._memory.read_text().splitlines())
        kib = {words[0]: int(words[1]) for words in lines if len(words) > 1}
        free = kib["MemAvailable:"] / kib["MemTotal:"]
        return {"memory_percent": round(100 * (1 - free), 1)}
