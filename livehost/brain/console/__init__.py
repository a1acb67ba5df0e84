"""The operator's console: HTTP API, page and live picture."""

from livehost.brain.command import Outcome
from livehost.brain.console.desk import Desk, Receipt, StreamTap
from livehost.brain.console.server import Console

__all__ = ["Console", "Desk", "Outcome", "Receipt", "StreamTap"]
