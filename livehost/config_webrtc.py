"""[console.webrtc] of the room file: who may watch and speak by WebRTC, and over which addresses.

In:  values from TOML.   Out: frozen models.
"""

from __future__ import annotations

from pydantic import Field, field_validator

from livehost.table import Model


class IceServer(Model):
    """[[console.webrtc.ice_server]]: one STUN or TURN server, for both sides."""

    urls: tuple[str, ...] = Field(min_length=1)
    """stun:HOST:PORT, turn:HOST:PORT?transport=udp or turns:HOST:PORT?transport=tcp."""
    username: str = ""
    password_env: str = ""
    """Environment variable with the password of `username`; viewers are told it."""
    secret_env: str = ""
    """Environment variable with the secret shared with the TURN server (coturn's
    static-auth-secret): viewers are given passwords that expire. Rather this than a password."""


class WebRtc(Model):
    """[console.webrtc]: the live picture in half a second, and the operator's microphone."""

    viewers: int = Field(8, ge=0, le=64)
    """How many may watch at once; more get the picture by HTTP. 0: nobody."""
    microphone: bool = True
    """An operator may speak for the host."""
    addresses: tuple[str, ...] = ()
    """Addresses of this machine that viewers reach; empty: the console's own."""
    ports: tuple[int, int] | None = None
    """First and last UDP port, one for each viewer; None: any."""
    ice_server: tuple[IceServer, ...] = ()
    relay_only: bool = False
    """Send through the TURN server alone, so that no viewer learns this machine's address."""

    @field_validator("ports")
    @classmethod
    def _is_a_range(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value and not 1024 <= value[0] <= value[1] <= 65_535:
            raise ValueError("write the first and the last port, like [50000, 50100]")
        return value
