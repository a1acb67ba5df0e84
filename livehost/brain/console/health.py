"""Whether the show is well, read from its status.

In:  the desk's status.   Out: one plain sentence for each thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

WELL = frozenset({"live"})
"""Output states that need nobody; "connecting" is not well yet."""


def reasons(status: dict[str, Any]) -> list[str]:
    """Return what keeps the show from being well; empty when it is."""
    stage = status.get("stage")
    if not isinstance(stage, dict) or not stage.get("connected"):
        return ["the stage is not connected"]
    return [
        f"output {name} is {state}" for name, state in output_states(status) if state not in WELL
    ]


def output_states(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and state of each output, whether they come as a list or by name."""
    outputs = status.get("outputs")
    if isinstance(outputs, dict):
        outputs = [{"name": name, **value} for name, value in outputs.items()]
    for output in outputs or []:
        yield str(output.get("name", "")), str(output.get("state", "unknown"))
