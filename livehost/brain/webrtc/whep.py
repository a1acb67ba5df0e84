"""WHEP: the HTTP side of watching by WebRTC, for this page and for standard players.

In:  POST an offer, PATCH candidates, DELETE the end.   Out: answers; errors as JSON.

Source: draft-ietf-wish-whep; RFC 9725 for what it shares with WHIP.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from livehost.brain.console.answers import refusal
from livehost.brain.webrtc import description
from livehost.brain.webrtc.description import MOST_SDP, Unsuitable
from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.viewers import Full, NoStream, Viewer, Viewers

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
PATH = "/whep"


class Whep:
    """The routes below `/whep`."""

    def __init__(self, viewers: Viewers, ice: Ice) -> None:
        self._viewers, self._ice = viewers, ice

    def routes(self) -> list[web.RouteDef]:
        """Return what the console serves."""
        one = PATH + "/{id}"
        return [
            web.options(PATH, self._options),
            web.post(PATH, self._join),
            web.patch(one, self._trickle),
            web.delete(one, self._leave),
        ]

    def metrics(self) -> Mapping[str, float]:
        """Return the numbers by Prometheus name."""
        return self._viewers.metrics()

    async def run(self) -> None:
        """Feed the viewers for ever."""
        await self._viewers.run()

    async def _options(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers={"Accept-Post": SDP, **self._links()})

    async def _join(self, request: web.Request) -> web.Response:
        try:
            viewer, answer = await self._viewers.join(await text(request, SDP))
        except NoStream:
            return refusal(503, "there is no stream yet", **{hdrs.RETRY_AFTER: "1"})
        except Full:
            why = "there are too many viewers by WebRTC; take /live.mp4"
            return refusal(503, why, **{hdrs.RETRY_AFTER: "30"})
        except Unsuitable as error:
            return refusal(400, str(error))
        headers = {
            hdrs.LOCATION: f"{PATH}/{viewer.id}",
            hdrs.ETAG: f'"{viewer.ufrag}"',
            "Accept-Patch": FRAGMENT,
            **self._links(),
        }
        return web.Response(status=201, text=answer, content_type=SDP, headers=headers)

    async def _trickle(self, request: web.Request) -> web.Response:
        viewer = self._viewer(request)
        tag = request.headers.get(hdrs.IF_MATCH, "*")
        if tag not in ("*", f'"{viewer.ufrag}"'):
            return refusal(412, "this is another ICE session")
        try:
            fragment = description.fragment(await text(request, FRAGMENT))
            if fragment.ufrag and fragment.ufrag != _theirs(viewer):
                return refusal(422, "an ICE restart is not possible; join again")
            await self._viewers.trickle(viewer, fragment)
        except Unsuitable as error:
            return refusal(400, str(error))
        return web.Response(status=204)

    async def _leave(self, request: web.Request) -> web.Response:
        await self._viewers.leave(self._viewer(request))
        return web.Response(status=200)

    def _viewer(self, request: web.Request) -> Viewer:
        viewer = self._viewers.viewer(request.match_info["id"])
        if viewer is None:
            raise web.HTTPNotFound(reason="this connection has ended")
        return viewer

    def _links(self) -> dict[str, str]:
        links = ", ".join(relay.link for relay in self._ice.relays())
        return {hdrs.LINK: links} if links else {}


async def text(request: web.Request, kind: str) -> str:
    """Return the body of a request. Raises an HTTP error, or Unsuitable when it is no text."""
    if request.content_type != kind:
        raise web.HTTPUnsupportedMediaType(reason=f"send {kind}")
    body: Any = await request.read()
    if len(body) > MOST_SDP:
        raise web.HTTPRequestEntityTooLarge(MOST_SDP, len(body))
    try:
        return str(body.decode())
    except UnicodeDecodeError:
        raise Unsuitable("the body is not UTF-8 text") from None


def _theirs(viewer: Viewer) -> str:
    return description.ufrag_of(viewer.peer.remoteDescription.sdp)
