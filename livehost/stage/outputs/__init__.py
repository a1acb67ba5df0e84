"""Outputs: one loop per destination that keeps it fed, whatever it does.

In:  encoded packets.   Out: RTMP by a killable child process per connection, MP4 and FLV files.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livehost.stage.outputs.loop import Output, State
    from livehost.stage.outputs.make import make_output
    from livehost.stage.outputs.redaction import redact

__all__ = ["Output", "State", "make_output", "redact"]

_HOMES = {"Output": "loop", "State": "loop", "make_output": "make", "redact": "redaction"}


def __getattr__(name: str) -> Any:
    # Imported on first use: a link child imports this package too and must start light.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
