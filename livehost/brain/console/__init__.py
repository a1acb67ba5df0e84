"""The operator's console: HTTP API, page and live picture."""

from livehost.brain.console.desk import COMMANDS, Desk, Outcome, Receipt, StreamTap

__all__ = ["COMMANDS", "Desk", "Outcome", "Receipt", "StreamTap"]
