"""Who may talk to the console: token, Host and Origin, and the headers on every answer.

In:  requests.   Out: the handler's answer, or 401 / 403 as JSON.

Without a token only a loopback address is served, and `Host` must name it: a page elsewhere that
rebinds its own name to 127.0.0.1 still sends that name. With a token nothing is ambient (no
cookie), so a wildcard bind may be reached under any name.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from livehost.brain.command import LOCAL, Role, Who
from livehost.brain.console.answers import refusal
from livehost.errors import ConfigError

SHORTEST_TOKEN = 16
OPEN = frozenset({"/", "/healthz"})
"""Paths that need no token, beside /static/: they show nothing of the show."""

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
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "livehost",
}

WHO = web.RequestKey("who", Who)
"""Who is behind a request that was let through."""
TAB = "X-Livehost-Tab"
"""Header that names the tab behind a request, as its websocket's hello does."""

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def is_loopback(host: str) -> bool:
    """Say whether `host` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(host: str, token: str | None) -> None:
    """Refuse a console that others could reach without a token worth the name.

    Raises:
        ConfigError: no token beyond loopback, or one that is too short anywhere.
    """
    if token and len(token) < SHORTEST_TOKEN:
        raise ConfigError(
            f"console: the token has {len(token)} characters; use {SHORTEST_TOKEN} or more"
        )
    if not token and not is_loopback(host):
        raise ConfigError(
            f"console: {host} can be reached from other machines; set a token of "
            f"{SHORTEST_TOKEN} or more characters in the environment variable of "
            "console.token_env, or use 127.0.0.1"
        )


class Guard:
    """The checks of one console.

    Args:
        host: the bound address.
        token: None serves without one.
    """

    def __init__(self, host: str, token: str | None) -> None:
        check_address(host, token)
        self._token = token.encode() if token else None
        self._hosts = _names(host)
        self.refused: Counter[str] = Counter()
        """How many requests were refused, by cause."""

    def allows(self, request: web.Request) -> bool:
        """Say whether `request` carries the token, or none is asked for."""
        if self._token is None:
            return True
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            given = request.query.get("token", "") if request.path == "/live.mp4" else ""
        return hmac.compare_digest(given.strip().encode(errors="replace"), self._token)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Reply) -> web.StreamResponse:
        """Let `request` through to `handler`, or answer 401 or 403."""
        if not self._known_host(request):
            return self._refuse("host", 403, "this console does not answer to that host name")
        if not _same_origin(request):
            return self._refuse("origin", 403, "requests from other sites are not taken")
        is_open = request.path in OPEN or request.path.startswith("/static/")
        if not is_open and not self.allows(request):
            answer = self._refuse("token", 401, "the token is missing or wrong")
            answer.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
            return answer
        request[WHO] = self.who(request)
        return await handler(request)

    def who(self, request: web.Request) -> Who:
        """Return who is behind a request that was let through."""
        name = LOCAL.name if self._token is None else "token"
        tab = request.headers.get(TAB, "http")[:64]
        return Who(name, Role.OWNER, request.remote or "", f"{name}:{tab}")

    def _refuse(self, cause: str, status: int, why: str) -> web.Response:
        self.refused[cause] += 1
        return refusal(status, why)

    def _known_host(self, request: web.Request) -> bool:
        # Any port: a tunnel (ssh -L) changes it, and rebinding cannot change the name.
        return self._hosts is None or _hostname(request.headers.get(hdrs.HOST, "")) in self._hosts


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


def _same_origin(request: web.Request) -> bool:
    """Say whether no page of another site is behind `request`."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    navigation = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path == "/"
    if site not in ("none", "same-origin") and not navigation:
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get(hdrs.HOST, "").lower()
    except ValueError:
        return False


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the security headers on `response` (an `on_response_prepare` signal)."""
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
