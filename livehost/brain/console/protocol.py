"""The console's websocket protocol, version 1: every message that may cross `/ws`.

In:  text frames.   Out: checked messages; docs/protocol.md explains them, schema.json is made of
them by `python -m livehost.brain.desk.schema`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from livehost.brain.command import Role

VERSION = 1
MOST_FRAME = 256 * 1024  # bytes of one message from a browser
DEADLINE_MS = 5_000
MOST_DEADLINE_MS = 120_000

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
CODES = (
    "args",
    "busy",
    "expired",
    "failed",
    "gate",
    "gone",
    "id",
    "lease",
    "moved",
    "problems",
    "refused",
    "role",
    "stale",
    "timeout",
    "unknown",
    "unsure",
)
"""Why a command was not carried out; parts of the show may have further words."""


class Message(BaseModel):
    """One text frame."""

    model_config = ConfigDict(frozen=True, extra="ignore")


# --- from the browser -----------------------------------------------------------------------------


class Since(Message):
    """The last message that a client took in before it lost the connection.

    Attributes:
        epoch: of the server's process, from its hello.
        seq: of the last snapshot or update.
    """

    epoch: str = Field(max_length=64)
    seq: int = Field(ge=0)


class Hello(Message):
    """The first message of a client.

    Attributes:
        protocol: versions that it speaks.
        tab: random, kept by one tab over reconnects; a lease belongs to it. Made up if missing.
        client: its name and version, for the log.
        since: where to go on; None or too old gets a snapshot.
    """

    type: Literal["hello"]
    protocol: list[int] = Field(min_length=1, max_length=16)
    tab: Id | None = None
    client: str = Field("", max_length=100)
    since: Since | None = None


class Command(Message):
    """Do something. Exactly one `ack` follows for each id.

    Attributes:
        id: chosen by the client, never used by it before; sent again, it gets the same ack.
        name: see docs/operator-api.md.
        deadline_ms: how long after `at_ms` it may still be begun, and has to be done.
        at_ms: the server's clock when the operator asked for it, as known from `time_ms` of
            hello and pong; None counts from the arrival.
    """

    type: Literal["command"]
    id: Id
    name: str = Field(max_length=64)
    args: dict[str, Any] = {}
    deadline_ms: int = Field(DEADLINE_MS, ge=1, le=MOST_DEADLINE_MS)
    at_ms: float | None = Field(None, ge=0, allow_inf_nan=False)


class Resync(Message):
    """Send a snapshot: a sequence number was left out."""

    type: Literal["resync"]


class Ping(Message):
    """Answered by a pong with the same `t`."""

    type: Literal["ping"]
    t: float = Field(0, allow_inf_nan=False)


FromClient = Annotated[Hello | Command | Resync | Ping, Field(discriminator="type")]


# --- to the browser -------------------------------------------------------------------------------


class Known(Message):
    """A command that this user may give.

    Attributes:
        role: the least that may give it.
        does: one line in English.
    """

    name: str
    role: Role
    does: str


class Welcome(Message):
    """The answer to hello.

    Attributes:
        protocol: the version that is spoken from here on.
        epoch: random, of this process: sequence numbers of another one mean nothing.
        user, role, tab: who the client is.
        commands: what it may do.
        time_ms: the server's clock.
        ping_seconds: a client that sends nothing for three times as long is taken for gone.
    """

    type: Literal["hello"] = "hello"
    protocol: int = VERSION
    server: str
    room: str
    epoch: str
    user: str
    role: Role
    tab: str
    commands: list[Known]
    time_ms: float
    ping_seconds: float


class Snapshot(Message):
    """Everything: the state, the last chat and the last sentences.

    Attributes:
        status: like `GET /api/status`, without nulls; `outputs` by name; with the `rundown`.
        recent: like `GET /api/recent`.
    """

    type: Literal["snapshot"] = "snapshot"
    seq: int
    status: dict[str, Any]
    recent: dict[str, Any]


class Event(Message):
    """Something that happened.

    Attributes:
        at: ISO 8601, UTC.
        kind: see docs/protocol.md; unknown ones are to be ignored.
    """

    at: str
    kind: str
    data: dict[str, Any]


class Update(Message):
    """What changed and what happened since the message with the number before.

    Attributes:
        patch: of `status`, RFC 7396.
        events: in order.
        left_out: chat events that were left out of a flood; they stand in the counts of `status`.
    """

    type: Literal["update"] = "update"
    seq: int
    patch: dict[str, Any] = {}
    events: list[Event] = []
    left_out: int = 0


class Ack(Message):
    """What became of a command.

    Attributes:
        message: one line for the operator, in English.
        code: "" when it was carried out, else a word of `CODES`.
        repeated: the id was answered before; nothing was done this time.
    """

    type: Literal["ack"] = "ack"
    id: str
    ok: bool
    message: str = ""
    code: str = ""
    data: dict[str, Any] = {}
    repeated: bool = False


class Pong(Message):
    """The answer to ping."""

    type: Literal["pong"] = "pong"
    t: float
    time_ms: float


class Wrong(Message):
    """A message that was not understood; the connection is closed after too many."""

    type: Literal["error"] = "error"
    code: Literal["message", "protocol", "order"]
    message: str


FromServer = Annotated[
    Welcome | Snapshot | Update | Ack | Pong | Wrong, Field(discriminator="type")
]

CLOSE_PROTOCOL = 4000
"""No version in common."""
CLOSE_GARBAGE = 4001
"""Too many messages that were none."""
CLOSE_SILENT = 4003
"""Nothing was heard of the client for too long."""
CLOSE_LEFT = 4004
"""The session ended: logged out, revoked, or expired."""


# --- reading and writing --------------------------------------------------------------------------

ClientMessage = Hello | Command | Resync | Ping
ServerMessage = Welcome | Snapshot | Update | Ack | Pong | Wrong
_from_client: TypeAdapter[ClientMessage] = TypeAdapter(FromClient)
_from_server: TypeAdapter[ServerMessage] = TypeAdapter(FromServer)
M = TypeVar("M")


def from_client(frame: str) -> ClientMessage:
    """Read a client's message. Raises ValueError with one line when it is none."""
    return _read(_from_client, frame)


def from_server(frame: str) -> ServerMessage:
    """Read a server's message. Raises ValueError with one line when it is none."""
    return _read(_from_server, frame)


def _read(adapter: TypeAdapter[M], frame: str) -> M:
    try:
        return adapter.validate_python(json.loads(frame))
    except ValidationError as error:
        item = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(part)[:40] for part in item["loc"])
        raise ValueError(f"{key}: {item['msg']}"[:300]) from None
    except (ValueError, RecursionError):
        raise ValueError("not a JSON object") from None


def schemas() -> dict[str, Any]:
    """Return the JSON schema of both directions."""
    return {
        "client": _from_client.json_schema(),
        "server": _from_server.json_schema(mode="serialization"),
    }
