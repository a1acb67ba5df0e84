"""The settings of actions and titles: addresses that are told what happens, names of the stream.

In:  TOML tables, names of environment variables.   Out: frozen models; secrets when asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, model_validator

from livehost.config_chat import Variable, Web
from livehost.errors import ConfigError
from livehost.table import Model

Event = Literal[
    "show.began",
    "show.ended",
    "segment.began",
    "product.shown",
    "flash_sale.began",
    "flash_sale.ended",
]

SHORTEST_SECRET = 16


class Action(Model):
    """[[action]]: an address that gets a signed request for each event, see docs/actions.md."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    """Shown in status and metrics."""
    url: Web | None = None
    url_env: Variable | None = None
    """Environment variable with the address, where the address itself is a secret."""
    secret_env: Variable | None = None
    """Environment variable with the secret of the signature; without one nothing is signed."""
    events: tuple[Event, ...] = ()
    """What is sent; empty sends everything."""
    timeout_seconds: float = Field(5.0, gt=0, le=60)
    """For one answer."""
    queue: int = Field(1000, ge=10, le=100_000)
    """Events that wait; then the oldest give way and are counted."""
    late_seconds: float = Field(10.0, ge=0, le=86_400)
    """An event that a newer one made idle is left out when it is later than this."""
    keep_hours: float = Field(24.0, gt=0, le=720)
    """How long delivery is tried."""

    @model_validator(mode="after")
    def _has_one_address(self) -> Action:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("needs url or url_env, and not both")
        return self

    def address(self) -> str:
        """Return the URL. Raises ConfigError; what is in the variable is never quoted."""
        if self.url:
            return self.url
        found = os.environ.get(self.url_env or "", "").strip()
        parts = _split(found)
        if parts is None:
            raise ConfigError(
                f"action {self.name}: set the environment variable {self.url_env} to an address "
                "that begins with http:// or https:// (url_env)"
            )
        return found

    def secret(self) -> str:
        """Return the secret of the signature, "" for none. Raises ConfigError."""
        if self.secret_env is None:
            return ""
        value = os.environ.get(self.secret_env, "").strip()
        if len(value) < SHORTEST_SECRET:
            raise ConfigError(
                f"action {self.name}: set the environment variable {self.secret_env} to a secret "
                f"of {SHORTEST_SECRET} or more characters (secret_env)"
            )
        return value


class Title(Model):
    """[[title]]: a title and a cover that the stream has on its platform, for the report."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")
    text: str = Field("", max_length=200)
    """As it stands on the platform."""
    cover: str = Field("", max_length=500)
    """Name or path of the cover, as you know it; never opened."""
    since: AwareDatetime | None = None
    """From when it is on; None waits for the operator's `title_on`."""


T = TypeVar("T", bound=Model)


def own(values: tuple[T, ...], key: str) -> tuple[T, ...]:
    """Return `values` if each has a name of its own under `key`. Raises ValueError."""
    names = [getattr(value, key) for value in values]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each needs its own {key}; {', '.join(twice)} stands twice")
    return values


def shown(url: str) -> str:
    """Return what of an address may be shown: scheme, host and port."""
    parts = _split(url)
    if parts is None:
        return ""
    scheme, host, port = parts
    return f"{scheme}://{host}" + (f":{port}" if port else "")


def _split(url: str) -> tuple[str, str, int | None] | None:
    """Return scheme, host and port of a web address; None of anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return parts.scheme, f"[{host}]" if ":" in host else host, port


def problems(actions: tuple[Action, ...]) -> Iterator[str]:
    """Yield what keeps an action from being carried out: one line each."""
    for action in actions:
        for ask in (action.address, action.secret):
            try:
                ask()
            except ConfigError as error:
                yield str(error)
