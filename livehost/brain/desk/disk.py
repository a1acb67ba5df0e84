"""How much room there is on the disks that a show writes to.

In:  folders; what else is told.   Out: one line for the operator for each disk that is nearly full,
and one in place of all that a full disk brings about.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livehost.config import Room

LEAST_BYTES = 2_000_000_000
"""About an hour and a half of recording."""
LEAST_SECONDS = 10.0
"""Between two looks."""


class Disk:
    """Looks at each disk every ten seconds at most.

    Args:
        folders: where something is written, by what it is; of those on one disk the first is told.
        least: bytes that should be free.
    """

    def __init__(self, folders: Mapping[str, Path], least: int = LEAST_BYTES) -> None:
        self._folders, self._least = folders, least
        self._at = float("-inf")
        self._found: list[str] = []

    def warnings(self) -> list[str]:
        """Return what an operator should look at; a folder that is not there says nothing."""
        now = asyncio.get_running_loop().time()
        if now - self._at >= LEAST_SECONDS:
            self._at = now
            self._found = list(self._look())
        return list(self._found)

    def _look(self) -> Iterator[str]:
        seen: set[int] = set()
        for name, folder in self._folders.items():
            try:
                disk, free = folder.stat().st_dev, shutil.disk_usage(folder).free
            except OSError:
                continue
            if free < self._least and disk not in seen:
                yield f"disk nearly full: {free / 1e9:.1f} GB left for {name}"
            seen.add(disk)


def folders(room: Room) -> dict[str, Path]:
    """Return where a room writes, by what it is; what fills its disk the fastest first."""
    path = room.record.path
    recording = {"the recording": room.near(path).parent} if path else {}
    return {**recording, "the state": room.state_dir, "the speech cache": room.cache_dir}


NEARLY = "disk nearly full: "
RECORDING_FULL = "failed: disk full"
"""Why an output ended that writes a file."""
_FULL = re.compile(r"(?:No space left on device|disk is full|[Qq]uota exceeded)$")
_UNSAVED = {
    "state cannot be written: ": "the state is not saved",
    "audit log cannot be written: ": "the audit log is not saved",
}


def one_cause(lines: Sequence[str], outputs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return lines for the operator; what a full disk brings about is told in one of them.

    Args:
        outputs: what each output tells of itself, by name.
    """
    unsaved = {line: fact for line in lines if (fact := _unsaved(line))}
    stopped = [
        f"recording {name} has stopped"
        for name, values in outputs.items()
        if values.get("reason") == RECORDING_FULL
    ]
    if not unsaved and not stopped:
        return list(lines)
    left = [line for line in lines if line.startswith(NEARLY)]
    facts = [*(line.removeprefix(NEARLY) for line in left), *unsaved.values(), *stopped]
    rest = [line for line in lines if line not in unsaved and line not in left]
    return [*rest, f"disk full: {'; '.join(facts)}"]


def _unsaved(line: str) -> str:
    """Return what a line says is not saved because a disk is full; "" for other lines."""
    if not _FULL.search(line):
        return ""
    return next((fact for start, fact in _UNSAVED.items() if line.startswith(start)), "")
