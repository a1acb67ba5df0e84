"""The operator's console: HTTP API, page and live picture."""

from livehost.brain.console.desk import COMMANDS, Desk, Outcome, Receipt, StreamTap
from livehost.brain.console.server import Console

__all__ = ["COMMANDS", "Console", "Desk", "Outcome", "Receipt", "StreamTap"]
