"""What browsers watch: the state and the rundown, so laid out that little of it changes at a time.

In:  the desk's status and rundown.   Out: trees that `patch.difference` compares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from livehost.brain.console.answers import plain
from livehost.brain.console.desk import Desk
from livehost.brain.console.patch import Tree, lean

Items = Sequence[Mapping[str, Any]]


class Watched:
    """Looks at a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lines: dict[str, tuple[object, object]] = {}

    def look(self) -> Tree:
        """Return the state as the protocol has it: no nulls; what has a name is found by it."""
        status = plain(self._desk.status())
        outputs = status.get("outputs")
        if isinstance(outputs, list):
            named = [dict(output) for output in outputs]
            status["outputs"] = {str(output.pop("name", "")): output for output in named}
        status["rundown"] = self._rundown(self._desk.rundown()) or None
        return lean(status)

    def _rundown(self, told: Mapping[str, Any]) -> Tree:
        tree: Tree = {
            key: {str(item["id"]): plain(item) for item in value} if _by_id(value) else plain(value)
            for key, value in told.items()
            if key != "segments"
        }
        segments = told.get("segments", ())
        if segments:
            tree["order"] = [segment["id"] for segment in segments]
            tree["segments"] = self._segments(segments)
        return tree

    def _segments(self, segments: Items) -> Tree:
        """Return segments by id; lines that are the same object as the last time cost nothing."""
        before, self._lines = self._lines, {}
        tree: Tree = {}
        for segment in segments:
            name, lines = str(segment["id"]), segment.get("lines")
            known = before.get(name)
            if known is None or known[0] is not lines:
                known = lines, plain(lines)
            self._lines[name] = known
            rest = {key: value for key, value in segment.items() if key != "lines"}
            tree[name] = {**plain(rest), "lines": known[1]}
        return tree


def _by_id(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and "id" in item for item in value)
    )
