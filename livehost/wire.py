"""The narrow door between brain and stage: framed messages over a local socket.

In:  message dataclasses.   Out: the same, at the other end; nothing else crosses.

A frame is two big-endian u32 (header bytes, payload bytes), a UTF-8 JSON header whose `t` names
the message, then the payload (PCM or an encoded packet).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livehost.errors import WireLost
from livehost.media import Packet, Phone, StreamHeader

MOST_HEADER = 256 * 1024  # bytes
MOST_PAYLOAD = 8 * 1024 * 1024  # bytes
_LENGTHS = struct.Struct(">II")


# --- brain -> stage -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of one spoken sentence, in order; the last piece says so.

    Attributes:
        utterance: id, unique for the life of the state file.
        sentence: index within the utterance, from 0.
        pcm: (n,) int16, 48 kHz mono, n <= CHUNK_SAMPLES.
        last: no more pieces of this sentence follow.
        text: the caption, on the first piece only.
        phones: the whole sentence's phones, on the first piece only; empty when the voice has
            no timings (the audio then drives the lips).
        emotion: a preset of the avatar, on the first piece.
        intensity: how strongly it is felt, 0 to 1, on the first piece.
    """

    utterance: int
    sentence: int
    pcm: NDArray[np.int16]
    last: bool = False
    text: str = ""
    phones: tuple[Phone, ...] = ()
    emotion: str = "neutral"
    intensity: float = 1.0


class CueKind(StrEnum):
    """What a `Cue` asks the stage for; `data` keys in brackets."""

    PRODUCT = "product"  # show this card [name, price, ..., ends: ISO time, after: card]; {} hides
    QUESTION = "question"  # show the chat message being answered [nickname, text]; {} hides it
    NOTICE = "notice"  # show one line of news [text]; {} hides it
    CUT = "cut"  # drop speech, silence now or in the next pause [within: most seconds to it]
    PAUSE = "pause"  # hold speech after the current sentence; music and idle life go on
    RESUME = "resume"
    SLATE = "slate"  # show the slate instead of the host [on: bool; cut: bool, no fade]
    LAYERS = "layers"  # leave these out of the picture [hidden: list of "captions", "card", ...]
    MUSIC = "music"  # play the music behind the host, or be silent there [on: bool]
    OUTPUT_ADD = "output_add"  # [name, url]; takes the place of one that has the name
    OUTPUT_REMOVE = "output_remove"  # [name]
    KEYFRAME = "keyframe"  # make a keyframe soon, for somebody who has just joined
    OPUS = "opus"  # send the sound in Opus, too [on: bool]
    STREAM = "stream"  # send the encoded stream, from a keyframe made for it on [on: bool]


@dataclass(frozen=True, slots=True)
class Cue:
    """Something to change on the picture or in playout.

    Attributes:
        kind: what.
        data: JSON values, see `CueKind`.
        utterance, sentence: apply when this sentence starts to sound; None applies at once.
    """

    kind: CueKind
    data: dict[str, Any] = field(default_factory=dict)
    utterance: int | None = None
    sentence: int | None = None


# --- stage -> brain -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First message on every connection.

    Attributes:
        boot: random id of this stage process; a new one means that playout is empty.
        width, height, fps: the picture on air ("num/den").
        on_air: (utterance, sentence) sounding now, or None.
    """

    boot: str
    width: int
    height: int
    fps: str
    on_air: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A sentence's first sample was handed to the encoder at `tick`."""

    utterance: int
    sentence: int
    tick: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence is over: what was really said, sample-exact.

    Attributes:
        samples: how many of its samples went on air.
        total: how many had arrived; the whole sentence if `interrupted` is False.
        interrupted: it was cut, or playout was lost.
    """

    utterance: int
    sentence: int
    samples: int
    total: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """Playout level, sent while speech waits or sounds: the brain keeps `queued` below 2 s.

    Attributes:
        taken: samples of speech that left the queue (played or cut) since the stage started.
        queued: samples of speech waiting now.
    """

    taken: int
    queued: int


@dataclass(frozen=True, slots=True)
class Health:
    """Snapshot of the stage: counters, output states, quality level (JSON values)."""

    snapshot: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Stream parameters, once on every connection; `Encoded` comes only while it is asked for."""

    header: StreamHeader


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded packet, on its way to a browser or an output child."""

    packet: Packet


Message = Speech | Cue | Hello | Started | Heard | Progress | Health | StreamInfo | Encoded


# --- encoding -----------------------------------------------------------------------------------


def encode(message: Message) -> bytes:
    """Return the frame of `message`."""
    header, payload = _header(message)
    head = json.dumps(
        {"t": type(message).__name__, **header}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    if len(head) > MOST_HEADER or len(payload) > MOST_PAYLOAD:
        raise ValueError(f"{type(message).__name__} is too large for the wire")
    return _LENGTHS.pack(len(head), len(payload)) + head + payload


def decode(head: bytes, payload: bytes) -> Message:
    """Return the message of a frame. Raises WireLost on anything that is not one."""
    try:
        values = json.loads(head)
        message: Message = _DECODERS[values.pop("t")](values, payload)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireLost(f"malformed message on the wire: {error!r}") from error
    return message


def _header(message: Message) -> tuple[dict[str, Any], bytes]:
    match message:
        case Speech():
            phones = [[p.ipa, p.start, p.end, p.stress] for p in message.phones]
            values = _fields(message, "pcm", "phones")
            return {**values, "phones": phones}, np.ascontiguousarray(message.pcm, "<i2").tobytes()
        case StreamInfo():
            header = message.header
            values = _fields(header, "video_extradata", "audio_extradata")
            split = len(header.video_extradata)
            return {**values, "split": split}, header.video_extradata + header.audio_extradata
        case Encoded():
            return _fields(message.packet, "data"), message.packet.data
        case _:
            return _fields(message), b""


def _fields(value: Any, *without: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__ if name not in without}


def _speech(values: dict[str, Any], payload: bytes) -> Speech:
    phones = tuple(Phone(str(i), int(a), int(b), int(s)) for i, a, b, s in values.pop("phones"))
    return Speech(pcm=np.frombuffer(payload, "<i2").astype(np.int16), phones=phones, **values)


def _cue(values: dict[str, Any], _: bytes) -> Cue:
    return Cue(CueKind(values.pop("kind")), **values)


def _hello(values: dict[str, Any], _: bytes) -> Hello:
    on_air = values.pop("on_air")
    return Hello(on_air=(int(on_air[0]), int(on_air[1])) if on_air else None, **values)


def _stream_info(values: dict[str, Any], payload: bytes) -> StreamInfo:
    split = values.pop("split")
    return StreamInfo(
        StreamHeader(video_extradata=payload[:split], audio_extradata=payload[split:], **values)
    )


_DECODERS: dict[str, Any] = {
    "Speech": _speech,
    "Cue": _cue,
    "Hello": _hello,
    "Started": lambda values, _: Started(**values),
    "Heard": lambda values, _: Heard(**values),
    "Progress": lambda values, _: Progress(**values),
    "Health": lambda values, _: Health(**values),
    "StreamInfo": _stream_info,
    "Encoded": lambda values, payload: Encoded(Packet(data=payload, **values)),
}


# --- connection ---------------------------------------------------------------------------------


class Connection:
    """One end of the wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def backlog(self) -> int:
        """Bytes written but not yet taken by the operating system."""
        return self._writer.transport.get_write_buffer_size()

    def post(self, message: Message) -> None:
        """Write `message` without waiting; the caller watches `backlog`."""
        self._writer.write(encode(message))

    async def send(self, message: Message) -> None:
        """Write `message`, waiting while the other end is slow. Raises WireLost."""
        try:
            self.post(message)
            await self._writer.drain()
        except (ConnectionError, OSError) as error:
            raise WireLost("the other process went away") from error

    async def messages(self) -> AsyncIterator[Message]:
        """Yield messages until the other end closes. Raises WireLost when it breaks off."""
        while True:
            try:
                sizes = await self._reader.readexactly(_LENGTHS.size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            head_size, payload_size = _LENGTHS.unpack(sizes)
            if head_size > MOST_HEADER or payload_size > MOST_PAYLOAD:
                raise WireLost(f"frame of {head_size} + {payload_size} bytes on the wire")
            try:
                head = await self._reader.readexactly(head_size)
                payload = await self._reader.readexactly(payload_size)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise WireLost("the wire broke in the middle of a message") from error
            yield decode(head, payload)

    async def close(self) -> None:
        """Close the socket; idempotent."""
        self._writer.close()
        with contextlib.suppress(ConnectionError, OSError):
            await self._writer.wait_closed()


async def connect(path: str) -> Connection:
    """Connect to the stage's socket. Raises WireLost when nobody listens."""
    try:
        return Connection(*await asyncio.open_unix_connection(path))
    except (ConnectionError, FileNotFoundError) as error:
        raise WireLost(f"nobody listens on {path}") from error
