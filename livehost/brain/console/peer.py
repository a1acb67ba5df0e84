"""Where a request really comes from: its address, and the scheme and name that the browser used.

In:  requests, and which proxies are to be believed.   Out: a `Peer`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import hdrs, web


@dataclass(frozen=True, slots=True)
class Peer:
    """The far end of a request.

    Attributes:
        address: of the browser; "" if unknown.
        secure: it came by HTTPS.
        host: name and port that the browser asked for.
    """

    address: str
    secure: bool
    host: str


class Proxies:
    """Believes X-Forwarded-For, -Proto and -Host of trusted proxies, and of nobody else."""

    def __init__(self, trusted: Iterable[str] = (), secure: bool = False) -> None:
        """Trust addresses and networks; `secure`: the console itself speaks TLS."""
        self._trusted = [ipaddress.ip_network(given, strict=False) for given in trusted]
        self._secure = secure

    def __bool__(self) -> bool:
        return bool(self._trusted)

    def peer(self, request: web.Request) -> Peer:
        """Return who is behind a request."""
        address, host = request.remote or "", request.headers.get(hdrs.HOST, "")
        if not self._believes(address):
            return Peer(address, self._secure, host)
        chain = [part.strip() for part in _joined(request, hdrs.X_FORWARDED_FOR).split(",")]
        for before in reversed(chain):
            if not before:
                break
            address = before
            if not self._believes(before):
                break
        scheme = _last(request, hdrs.X_FORWARDED_PROTO)
        host = _last(request, hdrs.X_FORWARDED_HOST) or host
        return Peer(address[:64], scheme == "https" if scheme else self._secure, host)

    def _believes(self, address: str) -> bool:
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._trusted)


def _joined(request: web.Request, name: str) -> str:
    return ",".join(request.headers.getall(name, []))


def _last(request: web.Request, name: str) -> str:
    """Return what the proxy next to us said."""
    return _joined(request, name).rpartition(",")[2].strip().lower()
