"""What every request has to pass: Host and Origin, who it is, the role; and the answer's headers.

In:  requests.   Out: the handler's answer, or 401 / 403 as JSON.

Where nothing is asked for, only a loopback address is served, and `Host` must name it: a page
elsewhere that rebinds its own name to 127.0.0.1 still sends that name. Where people log in, a
rebound name has no cookie of ours, so a wildcard bind may be reached under any name.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from livehost.brain.command import Role, Who
from livehost.brain.console.access import Access
from livehost.brain.console.answers import refusal
from livehost.brain.console.peer import Peer, Proxies
from livehost.errors import ConfigError

SHORTEST_TOKEN = 16
OPEN = frozenset({"/", "/login", "/healthz", "/api/login", "/api/logout"})
"""Paths for everybody, beside /static/: they show nothing of the show."""
PAGES = frozenset({"/", "/login"})
"""Links from elsewhere may lead here."""
SAFE = frozenset({"GET", "HEAD"})
NEEDS = {
    "/api/chat": Role.OPERATOR,
    "/api/heard": Role.OPERATOR,
    "/api/sessions": Role.OWNER,
}
"""The role for a path and what is under it; a viewer's for all others. Each command has its own."""

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(self), geolocation=()",
    "Server": "livehost",
}

WHO = web.RequestKey("who", Who)
"""Who is behind a request that was let through."""
PEER = web.RequestKey("peer", Peer)
"""Where a request comes from."""

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_loopback(host: str) -> bool:
    """Say whether `host` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(host: str, token: str | None, asked: bool = False) -> None:
    """Refuse a console that others could reach without a token worth the name, or a login.

    Args:
        asked: there are users.

    Raises:
        ConfigError: nothing is asked for beyond loopback, or a token is too short anywhere.
    """
    if token and len(token) < SHORTEST_TOKEN:
        raise ConfigError(
            f"console: the token has {len(token)} characters; use {SHORTEST_TOKEN} or more"
        )
    if not (token or asked or is_loopback(host)):
        raise ConfigError(
            f"console: {host} can be reached from other machines; add users (livehost user add), "
            f"set a token of {SHORTEST_TOKEN} or more characters in the environment variable of "
            "console.token_env, or use 127.0.0.1"
        )


class Guard:
    """The checks of one console.

    Args:
        host: the bound address.
        access: knows who comes.
        proxies: whom to believe about that.
    """

    def __init__(self, host: str, access: Access, proxies: Proxies) -> None:
        self._access = access
        self._proxies = proxies
        self._hosts = None if proxies else _names(host)
        self.refused: Counter[str] = Counter()
        """How many requests were refused, by cause."""

    @web.middleware
    async def middleware(self, request: web.Request, handler: Reply) -> web.StreamResponse:
        """Let `request` through to `handler`, or answer 401 or 403."""
        peer = request[PEER] = self._proxies.peer(request)
        if not self._known_host(peer):
            return self._refuse("host", 403, "this console does not answer to that host name")
        if not self._own_origin(request, peer):
            return self._refuse("origin", 403, "requests from other sites are not taken")
        who = self._access.who(request, peer)
        if who is not None:
            request[WHO] = who
        if request.path in OPEN or request.path.startswith("/static/"):
            return await handler(request)
        if who is None:
            answer = self._refuse("token", 401, "log in, or send a token")
            answer.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
            return answer
        if not who.role.may(needed := _needed(request.path)):
            return self._refuse("role", 403, f"this needs the role {needed}")
        return await handler(request)

    def _own_origin(self, request: web.Request, peer: Peer) -> bool:
        """Say whether no page of another site is behind `request`.

        What a browser sends by itself (a cookie) is not enough to change anything.
        """
        if not _same_origin(request, peer):
            return False
        changes = request.method not in SAFE or request.path == "/ws"
        if not changes or not self._access.by_cookie(request):
            return True
        return hdrs.ORIGIN in request.headers or self._access.proves_origin(request)

    def _refuse(self, cause: str, status: int, why: str) -> web.Response:
        self.refused[cause] += 1
        return refusal(status, why)

    def _known_host(self, peer: Peer) -> bool:
        # Any port: a tunnel (ssh -L) changes it, and rebinding cannot change the name.
        return self._hosts is None or _hostname(peer.host) in self._hosts


def _needed(path: str) -> Role:
    found = (role for known, role in NEEDS.items() if path == known or path.startswith(f"{known}/"))
    return next(found, Role.VIEWER)


def _names(host: str) -> frozenset[str] | None:
    """Return the names the console answers to; None is any (a wildcard bind, token required)."""
    if host in ("", "0.0.0.0", "::"):
        return None
    return frozenset({host.lower(), "localhost", "127.0.0.1", "::1"})


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_origin(request: web.Request, peer: Peer) -> bool:
    site = request.headers.get("Sec-Fetch-Site", "none")
    navigation = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path in PAGES
    if site not in ("none", "same-origin") and not navigation:
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == peer.host.lower()
    except ValueError:
        return False


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on `response` (an `on_response_prepare` signal)."""
    response.headers.update(SECURITY_HEADERS)
    if (peer := request.get(PEER)) and peer.secure:
        response.headers[hdrs.STRICT_TRANSPORT_SECURITY] = "max-age=31536000"
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
