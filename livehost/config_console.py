"""[console] of the room file: where the operator's page is served, and to whom.

In:  values from TOML.   Out: frozen models.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from livehost.config_webrtc import WebRtc
from livehost.table import Model


class Console(Model):
    """[console]: the operator's address and who may use it."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    token_env: str = "LIVEHOST_TOKEN"
    """Environment variable with a token for owners; without it and without users, host has to be a
    loopback address."""
    users: Path | None = None
    """File of `livehost user`; None uses $XDG_CONFIG_HOME/livehost/users.toml."""
    session_hours: float = Field(12.0, gt=0, le=720)
    """A login unused for so long is over."""
    tls_cert: Path | None = None
    """PEM file with the certificate and its chain: the page is served by HTTPS. Read again when it
    changes."""
    tls_key: Path | None = None
    """PEM file with its key."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks of proxies in front: their X-Forwarded-* headers are believed. Behind a
    proxy everybody has to log in."""
    webrtc: WebRtc = WebRtc()

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for given in value:
            try:
                ipaddress.ip_network(given, strict=False)
            except ValueError:
                raise ValueError(f"{given} is not an address like 10.0.0.1 or 10.0.0.0/8") from None
        return value

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("give both tls_cert and tls_key, or none of them")
        return self

    def files(self) -> list[tuple[str, Path | None]]:
        """Return (key, path) of the files that have to be there."""
        return [("console.tls_cert", self.tls_cert), ("console.tls_key", self.tls_key)]
