"""Which addresses, ports and relay servers WebRTC uses here.

In:  `[console.webrtc]`, the console's address.   Out: what aiortc and a browser are given.

aioice gathers every address of the machine but loopback, on any port. An operator opens few ports,
and a console on loopback must neither open others nor depend on a network.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import StunProtocol, TransportPolicy, server_reflexive_candidate
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtcicetransport import parse_stun_turn_uri

from livehost.config_webrtc import IceServer, WebRtc
from livehost.errors import ConfigError

LOOPBACK = "127.0.0.1"
PASSWORD_HOURS = 12  # for how long a password made from a shared secret is good
GATHER_SECONDS = 3.0  # that a viewer waits for STUN and TURN servers that do not answer
Gather = Callable[..., Awaitable[list[Candidate]]]


@dataclass(frozen=True, slots=True)
class Relay:
    """One STUN or TURN server as it is used now; `repr` hides the password."""

    urls: tuple[str, ...]
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Relay({self.urls})"

    @property
    def link(self) -> str:
        """The values of HTTP `Link` headers that tell a browser (RFC 9725 4.6)."""
        extra = ""
        if self.username:
            name, password = (value.replace('"', "") for value in (self.username, self.password))
            extra = f'; username="{name}"; credential="{password}"; credential-type="password"'
        return ", ".join(f'<{url}>; rel="ice-server"{extra}' for url in self.urls)


class Ice:
    """The ICE settings of one console.

    Args:
        host: the console's address; without addresses of their own viewers come to it.

    Raises:
        ConfigError: a server's address is malformed or its secret is not set.
    """

    def __init__(self, settings: WebRtc, host: str) -> None:
        self._settings = settings
        self._addresses = settings.addresses or _near(host)
        for server in settings.ice_server:
            _check(server)

    def relays(self) -> list[Relay]:
        """Return the servers with passwords that are good from now on."""
        return [_relay(server) for server in self._settings.ice_server]

    def configuration(self) -> RTCConfiguration:
        """Return what a peer connection is made with."""
        servers = [
            RTCIceServer(list(relay.urls), relay.username or None, relay.password or None)
            for relay in self.relays()
        ]
        policy = RTCIceTransportPolicy.RELAY if self._settings.relay_only else None
        return RTCConfiguration(
            iceServers=servers, iceTransportPolicy=policy or RTCIceTransportPolicy.ALL
        )

    def bind(self, peer: RTCPeerConnection) -> None:
        """Let the transports that `peer` has now use our addresses and ports."""
        for transceiver in peer.getTransceivers():
            connection: Any = transceiver.receiver.transport.transport.iceGatherer._connection
            gather = _Gathering(connection, self._addresses, self._settings.ports)
            connection.get_component_candidates = gather.candidates


class _Gathering:
    """Gathers the candidates of one connection, as aioice does, at addresses and ports of ours."""

    def __init__(
        self, connection: Any, addresses: Sequence[str], ports: tuple[int, int] | None
    ) -> None:
        self._connection = connection
        self._relays: Gather = connection.get_component_candidates
        self._addresses, self._ports = addresses, ports

    async def candidates(self, component: int, addresses: list[str]) -> list[Candidate]:
        connection = self._connection
        relays = partial(self._relays, component=component, addresses=[], timeout=GATHER_SECONDS)
        if connection._transport_policy is TransportPolicy.RELAY:
            return await relays()
        chosen = list(self._addresses) or addresses or [LOOPBACK]
        opened = [await self._open(address, component) for address in chosen]
        protocols = [protocol for protocol in opened if protocol is not None]
        connection._protocols += protocols
        found = [protocol.local_candidate for protocol in protocols]
        # At once: servers that do not answer cost a viewer their time together.
        reflexive, relayed = await asyncio.gather(self._reflexive(protocols), relays())
        return found + reflexive + relayed

    async def _open(self, address: str, component: int) -> StunProtocol | None:
        loop = asyncio.get_running_loop()
        for port in self._tried():
            try:
                _, protocol = await loop.create_datagram_endpoint(
                    lambda: StunProtocol(self._connection), local_addr=(address, port)
                )
            except OSError:
                continue
            protocol.local_candidate = _host(protocol, component)
            return protocol
        return None

    def _tried(self) -> Sequence[int]:
        if self._ports is None:
            return (0,)
        first, last = self._ports
        return random.sample(range(first, last + 1), last - first + 1)

    async def _reflexive(self, protocols: list[StunProtocol]) -> list[Candidate]:
        server = self._connection.stun_server
        four = [p for p in protocols if ipaddress.ip_address(p.local_candidate.host).version == 4]
        if server is None or not four:
            return []
        asked = [asyncio.ensure_future(server_reflexive_candidate(p, server)) for p in four]
        done, pending = await asyncio.wait(asked, timeout=GATHER_SECONDS)
        for late in pending:
            late.cancel()
        return [task.result()[0] for task in done if task.exception() is None]


def _host(protocol: StunProtocol, component: int) -> Candidate:
    host, port = protocol.transport.get_extra_info("sockname")[:2]
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )


def _near(host: str) -> tuple[str, ...]:
    """Return the addresses that a console at `host` is reached at; () for all the machine's."""
    if host in ("localhost", "::1"):
        return (LOOPBACK,)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    return () if address.is_unspecified else (host,)


def _check(server: IceServer) -> None:
    for url in server.urls:
        try:
            parse_stun_turn_uri(url)
        except ValueError:
            raise ConfigError(
                f"console.webrtc.ice_server: {url}: write stun:HOST:PORT, turn:HOST:PORT or "
                "turns:HOST:PORT?transport=tcp"
            ) from None
    for name in (server.password_env, server.secret_env):
        if name and not os.environ.get(name):
            raise ConfigError(
                f"console.webrtc.ice_server: the environment variable {name} is not set"
            )


def _relay(server: IceServer) -> Relay:
    if not server.secret_env:
        return Relay(server.urls, server.username, os.environ.get(server.password_env, ""))
    # coturn's "use-auth-secret": the name says until when, the password proves it.
    until = datetime.now(UTC) + timedelta(hours=PASSWORD_HOURS)
    name = f"{int(until.timestamp())}:{server.username or 'livehost'}"
    secret = os.environ.get(server.secret_env, "").encode()
    password = base64.b64encode(hmac.new(secret, name.encode(), hashlib.sha1).digest()).decode()
    return Relay(server.urls, name, password)
