"""How busy the machine is: all of its programs together.

In:  /proc, the GPU.   Out: numbers for the status and for Prometheus; nothing of what is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from livehost.brain.desk.gpu import Gpu

LEAST_SECONDS = 1.0  # between two looks
STAT, MEMORY = Path("/proc/stat"), Path("/proc/meminfo")


class Machine:
    """Looks at most once a second; a part of the console, for its numbers and its GPU."""

    def __init__(self, stat: Path = STAT, memory: Path = MEMORY, gpu: Gpu | None = None) -> None:
        self._stat, self._memory = stat, memory
        self._gpu = gpu or Gpu()
        self._at = float("-inf")
        self._busy: tuple[int, int] | None = None
        self._seen: dict[str, float] = {}

    def snapshot(self) -> dict[str, Any]:
        """Return `cpu_percent` of all cores since the last look, `memory_percent` in use, the GPU.

        The keys of the GPU are described in `Gpu.snapshot`.
        """
        now = asyncio.get_running_loop().time()
        if now - self._at >= LEAST_SECONDS:
            self._at = now
            try:
                self._seen = self._cpu() | self._used()
            except (OSError, ValueError, KeyError, IndexError):
                self._seen = {}
        return self._seen | self._gpu.snapshot()

    def warnings(self) -> list[str]:
        """Return what an operator should look at."""
        return [f"GPU cannot be read: {self._gpu.trouble}"] if self._gpu.trouble else []

    # --- as a part of the console -----------------------------------------------------------------

    def routes(self) -> Sequence[web.RouteDef]:
        """Return nothing: all of it stands in the status."""
        return []

    def metrics(self) -> Mapping[str, float]:
        """Return the numbers by Prometheus name."""
        known = self.snapshot().items()
        return {f"livehost_machine_{key}": v for key, v in known if isinstance(v, int | float)}

    async def run(self) -> None:
        """Watch the GPU until cancelled."""
        await self._gpu.run()

    # --- /proc ------------------------------------------------------------------------------------

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
