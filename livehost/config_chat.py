"""The settings of chat sources: [chat.door] and each kind of [[chat.source]] in the room file.

In:  TOML tables, names of environment variables.   Out: frozen models; secrets when asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from livehost.errors import ConfigError
from livehost.table import Model

TAKEN_NAMES = frozenset({"http", "stdin", "replay"})
"""Names of the sources that are there without a table."""

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
"""Name of an environment variable that holds a secret; the secret itself never stands here."""
Socket = Annotated[str, Field(pattern=r"^wss?://[^\s/@?#]+(/[^\s?#]*)?$")]
"""ws or wss; no user or password and no query: keys never stand in a room file."""
Web = Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$")]

DouyinMessage = Literal["live_comment", "live_gift", "live_like", "live_fansclub"]


class Door(Model):
    """[chat.door]: where platforms and bridges reach the sources that wait for them."""

    host: str = "127.0.0.1"
    port: int = Field(8090, ge=0, le=65_535)


class Common(Model):
    """What every source has."""

    name: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    """Shown in status and metrics; part of the address where the source is reached."""
    queue: int = Field(2000, ge=10, le=100_000)
    """Messages that wait to be taken in; more are refused and counted."""
    each_second: float = Field(1000.0, gt=0, le=20_000)
    """Messages taken in each second, on average."""

    @field_validator("name")
    @classmethod
    def _is_free(cls, value: str) -> str:
        if value in TAKEN_NAMES:
            raise ValueError(
                f"is the name of a built-in source; not {', '.join(sorted(TAKEN_NAMES))}"
            )
        return value


class Douyin(Common):
    """Douyin open platform: pushes comments, gifts, likes and fans club events to us."""

    kind: Literal["douyin"]
    secret_env: Variable
    """The push secret of the signature."""
    window_seconds: float = Field(300.0, ge=10, le=86_400)
    """A push whose time is further off is refused."""
    room_id: str = ""
    """Pushes for other rooms are left out. Empty takes any."""
    app_id: str = ""
    """With `app_secret_env`: pushes are started, watched and acknowledged."""
    app_secret_env: str = ""
    messages: tuple[DouyinMessage, ...] = (
        "live_comment",
        "live_gift",
        "live_like",
        "live_fansclub",
    )
    """Pushes that are started."""
    api_url: Web = "https://webcast.bytedance.com"
    token_url: Web = "https://developer.toutiao.com/api/apps/v2/token"

    @model_validator(mode="after")
    def _has_both(self) -> Douyin:
        if bool(self.app_id) != bool(self.app_secret_env):
            raise ValueError("app_id and app_secret_env belong together")
        return self


class Kuaishou(Common):
    """Kuaishou open platform: pushes to us."""

    kind: Literal["kuaishou"]
    secret_env: Variable
    """The app secret of the signature."""
    window_seconds: float = Field(300.0, ge=10, le=86_400)


class Bilibili(Common):
    """Bilibili open-live: we start a session and connect to its socket."""

    kind: Literal["bilibili"]
    key_env: Variable
    """The access key id."""
    secret_env: Variable
    """The access key secret."""
    code_env: Variable
    """The host's identity code (身份码)."""
    app_id: int = Field(ge=1)
    api_url: Web = "https://live-open.biliapi.com"


class BarrageGrab(Common):
    """BarrageGrab on this or another machine: we connect to its socket."""

    kind: Literal["barragegrab"]
    url: Socket = "ws://127.0.0.1:8888"
    ping_seconds: float = Field(10.0, ge=1, le=120)


class Dycast(Common):
    """dycast: its page connects to us."""

    kind: Literal["dycast"]
    key_env: Variable
    """The key that the page's address must carry."""


class WebSocket(Common):
    """Any server with our own messages on a socket: we connect."""

    kind: Literal["websocket"]
    url: Socket
    token_env: str = ""
    """Sent as `Authorization: Bearer`."""
    ping_seconds: float = Field(10.0, ge=1, le=120)


class Inbound(Common):
    """Any program that posts our own messages, or sends them on a socket that it opens to us."""

    kind: Literal["inbound"]
    key_env: Variable
    secret_env: str = ""
    """With it, what is posted must be signed as actions are (docs/actions.md), in place of the
    key."""


class Lines(Common):
    """A file of JSON lines that another program appends to."""

    kind: Literal["jsonl"]
    path: Path
    from_start: bool = False
    """Take what the file holds already, too."""


class Replay(Common):
    """A recorded evening."""

    kind: Literal["replay"]
    path: Path
    speed: float = Field(1.0, ge=1, le=100)


Source = Annotated[
    Douyin | Kuaishou | Bilibili | BarrageGrab | Dycast | WebSocket | Inbound | Lines | Replay,
    Field(discriminator="kind"),
]

KINDS: dict[str, type[Common]] = {
    "douyin": Douyin,
    "kuaishou": Kuaishou,
    "bilibili": Bilibili,
    "barragegrab": BarrageGrab,
    "dycast": Dycast,
    "websocket": WebSocket,
    "inbound": Inbound,
    "jsonl": Lines,
    "replay": Replay,
}

SHORTEST_KEY = 16
_OWN_KEYS = (Dycast, Inbound)  # kinds whose secrets the operator makes up


class Chat(Model):
    """[chat]: where messages come from besides POST /api/chat."""

    replay: Path | None = None
    """JSON lines, played with their `at` seconds."""
    stdin: bool = False
    most_bytes: int = Field(16_384, ge=256)
    """Longer messages are rejected and counted."""
    door: Door = Door()
    source: tuple[Source, ...] = ()

    @field_validator("source")
    @classmethod
    def _has_own_names(cls, value: tuple[Common, ...]) -> tuple[Common, ...]:
        names = [source.name for source in value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(
                f"each source needs a name of its own; {', '.join(sorted(twice))} is not"
            )
        return value

    def files(self) -> list[tuple[str, Path | None]]:
        """Return (key, path) of every file that must be there; a followed one may come later."""
        return [
            ("chat.replay", self.replay),
            *(
                (f"chat.source.{n}.path", source.path)
                for n, source in enumerate(self.source)
                if isinstance(source, Replay)
            ),
        ]


def variables(source: Common) -> Iterator[tuple[str, str]]:
    """Yield (key, environment variable) of each secret that `source` needs."""
    for key in type(source).model_fields:
        if key.endswith("_env") and (name := getattr(source, key)):
            yield key, name


def secret(source: Common, key: str) -> str:
    """Return the secret that `key` of `source` names.

    Raises:
        ConfigError: the variable is not set, or holds a key too short to be one.
    """
    name = getattr(source, key)
    value = os.environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"chat source {source.name}: set the environment variable {name} ({key})")
    if isinstance(source, _OWN_KEYS) and len(value) < SHORTEST_KEY:
        raise ConfigError(
            f"chat source {source.name}: the key in {name} has {len(value)} characters; "
            f"use {SHORTEST_KEY} or more"
        )
    return value


def problems(chat: Chat) -> Iterator[str]:
    """Yield what keeps a source from starting: one line for each missing or short secret."""
    for source in chat.source:
        for key, _ in variables(source):
            try:
                secret(source, key)
            except ConfigError as error:
                yield str(error)
