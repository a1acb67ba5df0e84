"""What else the console serves beside its own routes, such as WebRTC.

In:  nothing.   Out: one Protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aiohttp import web


class Part(Protocol):
    """Routes with something that runs behind them. The guard stands before them, too."""

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served."""

    def metrics(self) -> Mapping[str, float]:
        """Return the numbers by Prometheus name."""

    async def run(self) -> None:
        """Work until cancelled; started again when it fails."""
