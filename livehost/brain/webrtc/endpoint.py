"""WHEP and WHIP: the HTTP side of a connection, for this page and for standard programs.

In:  POST an offer, PATCH candidates, DELETE the end.   Out: answers; errors as JSON.

Source: RFC 9725 (WHIP), draft-ietf-wish-whep (WHEP).
"""

from __future__ import annotations

from aiohttp import hdrs, web

from livehost.brain.console.answers import refusal
from livehost.brain.console.guard import WHO
from livehost.brain.webrtc import peer
from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.peer import Refused, Session, Sessions
from livehost.rtc import description
from livehost.rtc.description import MOST_SDP, Unsuitable, ufrag_of

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


class Endpoint:
    """The routes at and below one path.

    Args:
        sessions: whom they open and end.
    """

    def __init__(self, path: str, sessions: Sessions, ice: Ice) -> None:
        self._path, self._sessions, self._ice = path, sessions, ice

    def routes(self) -> list[web.RouteDef]:
        """Return what the console serves."""
        one = self._path + "/{id}"
        return [
            web.options(self._path, self._options),
            web.post(self._path, self._open),
            web.patch(one, self._trickle),
            web.delete(one, self._end),
        ]

    async def _options(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers={"Accept-Post": SDP, **self._links()})

    async def _open(self, request: web.Request) -> web.Response:
        try:
            session = await self._sessions.open(await text(request, SDP), request[WHO])
        except Refused as error:
            later = {hdrs.RETRY_AFTER: str(error.retry)} if error.retry else {}
            return refusal(error.status, str(error), **later)
        except Unsuitable as error:
            return refusal(400, str(error))
        answer = session.peer.localDescription.sdp
        headers = {
            hdrs.LOCATION: f"{self._path}/{session.id}",
            hdrs.ETAG: f'"{ufrag_of(answer)}"',
            "Accept-Patch": FRAGMENT,
            **self._links(),
        }
        return web.Response(status=201, text=answer, content_type=SDP, headers=headers)

    async def _trickle(self, request: web.Request) -> web.Response:
        session = self._session(request)
        ours = f'"{ufrag_of(session.peer.localDescription.sdp)}"'
        if request.headers.get(hdrs.IF_MATCH, "*") not in ("*", ours):
            return refusal(412, "this is another ICE session")
        try:
            fragment = description.fragment(await text(request, FRAGMENT))
            if fragment.ufrag not in ("", ufrag_of(session.peer.remoteDescription.sdp)):
                return refusal(422, "an ICE restart is not possible; connect again")
            await peer.trickle(session.peer, fragment)
        except Unsuitable as error:
            return refusal(400, str(error))
        return web.Response(status=204)

    async def _end(self, request: web.Request) -> web.Response:
        await self._sessions.end(self._session(request))
        return web.Response(status=200)

    def _session(self, request: web.Request) -> Session:
        session = self._sessions.session(request.match_info["id"])
        if session is None:
            raise web.HTTPNotFound(reason="this connection has ended")
        return session

    def _links(self) -> dict[str, str]:
        links = ", ".join(relay.link for relay in self._ice.relays())
        return {hdrs.LINK: links} if links else {}


async def text(request: web.Request, kind: str) -> str:
    """Return the body of a request. Raises an HTTP error, or Unsuitable when it is no text."""
    if request.content_type != kind:
        raise web.HTTPUnsupportedMediaType(reason=f"send {kind}")
    body = await request.read()
    if len(body) > MOST_SDP:
        raise web.HTTPRequestEntityTooLarge(MOST_SDP, len(body))
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Unsuitable("the body is not UTF-8 text") from None
