"""Serves the sentences that an operator listens to.

In:  requests by name.   Out: WAV files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import hdrs, web

from livehost.brain.heard import Heard


class Listening:
    """A part of the console."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    def routes(self) -> Sequence[web.RouteDef]:
        """Return what is served."""
        return [web.get("/api/heard/{name}", self._get)]

    def metrics(self) -> Mapping[str, float]:
        """Return no numbers."""
        return {}

    async def run(self) -> None:
        """Have nothing to do."""
        await asyncio.Event().wait()

    async def _get(self, request: web.Request) -> web.Response:
        sound = self._heard.get(request.match_info["name"])
        if sound is None:
            raise web.HTTPNotFound(reason="this sentence is not kept any more; make it again")
        return web.Response(body=sound, headers={hdrs.CONTENT_TYPE: "audio/wav"})
