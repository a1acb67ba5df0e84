"""STUN and TURN servers that a WHIP or WHEP server names in `Link` headers.

In:  headers.   Out: what aiortc is made with.

Source: RFC 9725 4.6; RFC 8288 (Link).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiortc import RTCIceServer
from aiortc.rtcicetransport import parse_stun_turn_uri

MOST = 8
_LINK = re.compile(r'<((?:stun|turn)s?:[^>]+)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s,;"]+))*)')
_PARAMETER = re.compile(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,;"]+))')


def ice_servers(links: Iterable[str]) -> list[RTCIceServer]:
    """Return the servers that `Link` headers name, without those that cannot be read."""
    found = []
    for url, rest in (match.groups() for line in links for match in _LINK.finditer(line)):
        named = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        if named.get("rel") == "ice-server" and _readable(url):
            found.append(RTCIceServer(url, named.get("username"), named.get("credential")))
    return found[:MOST]


def _readable(url: str) -> bool:
    try:
        parse_stun_turn_uri(url)
    except ValueError:
        return False
    return True
