"""Put ready-made H.264 and AAC into a container; needs PyAV only, so that a child starts light.

In:  stream parameters, encoded packets.   Out: FLV or MP4 in a file, or FLV over RTMP.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, BinaryIO, Literal, Protocol

import av
from av.packet import PacketSideData

from livehost.avc import record_in

TIME_BASE = Fraction(1, 48_000)


class Parameters(Protocol):
    """What `livehost.media.StreamHeader` has; here by shape, because importing it costs 20 MB."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def fps(self) -> str: ...
    @property
    def video_extradata(self) -> bytes: ...
    @property
    def audio_extradata(self) -> bytes: ...
    @property
    def sample_rate(self) -> int: ...


class Muxer:
    """One container being written. Blocks: use it in a child process or a thread of its own.

    Args:
        target: URL, path or open binary file.
        container: short name of an FFmpeg muxer.
        options: muxer options, as FFmpeg names them.
        tags: metadata of the whole file.
    """

    def __init__(
        self,
        target: str | BinaryIO,
        container: Literal["flv", "mp4"],
        header: Parameters,
        options: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        # One write per packet: FFmpeg would otherwise hold back up to 32 kB.
        merged = {"flush_packets": "1", **(options or {})}
        self._out: Any = av.open(target, "w", format=container, options=merged)
        self._out.metadata.update(tags or {})
        self._streams = _add_streams(self._out, header)
        self._record = header.video_extradata

    def start(self) -> None:
        """Connect or create, and write the header. Raises OSError."""
        self._out.start_encoding()

    def write(
        self, kind: str, pts: int, dts: int, duration: int, keyframe: bool, payload: bytes
    ) -> None:
        """Write one packet; times in 48 kHz samples. Raises OSError."""
        packet: Any = av.Packet(payload)
        packet.stream = self._streams[kind]
        packet.time_base = TIME_BASE
        packet.pts, packet.dts, packet.duration = pts, dts, duration
        packet.is_keyframe = keyframe
        if kind == "video" and keyframe:
            self._renew(packet, payload)
        self._out.mux_one(packet)

    def _renew(self, packet: Any, payload: bytes) -> None:
        """Tell the far end of an encoder's new parameters; FLV has them beside the pictures."""
        record = record_in(payload)
        if record and record != self._record:
            self._record = record
            packet.set_sidedata(_new_extradata(record))

    def close(self) -> None:
        """Write the trailer. Raises OSError."""
        self._out.close()


def _add_streams(out: Any, header: Parameters) -> dict[str, Any]:
    # PyAV sets extradata only by copying a stream, so there has to be one to copy.
    with av.open(io.BytesIO(flv_head(header)), "r", format="flv") as source:
        video = out.add_stream_from_template(source.streams.video[0])
        audio = out.add_stream_from_template(source.streams.audio[0])
    video.width, video.height = header.width, header.height
    video.codec_context.framerate = Fraction(header.fps)
    return {"video": video, "audio": audio}


def _new_extradata(record: bytes) -> PacketSideData:
    # PyAV makes side data only by reading some, so there has to be a stream that has it.
    avc, frame = b"\x17\x00\x00\x00\x00", b"\x17\x01\x00\x00\x00" + b"\0\0\0\x02\x65\x88"
    tags = [_flv_tag(9, part) for part in (avc + record, avc + record, frame)]
    stream = b"FLV\x01\x01\x00\x00\x00\x09" + bytes(4) + b"".join(tags)
    with av.open(io.BytesIO(stream), "r", format="flv") as source:
        return next(source.demux(video=0)).get_sidedata("new_extradata")


def flv_head(header: Parameters) -> bytes:
    """Return an FLV file of both sequence headers and no frames.

    Source: Adobe Flash Video File Format Specification 10.1, annex E.
    """
    avc = b"\x17\x00\x00\x00\x00" + header.video_extradata  # key frame + AVC, sequence header
    aac = b"\xaf\x00" + header.audio_extradata  # AAC, sequence header
    return b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4) + _flv_tag(9, avc) + _flv_tag(8, aac)


def _flv_tag(kind: int, body: bytes) -> bytes:
    head = struct.pack(">B", kind) + len(body).to_bytes(3, "big") + bytes(7)
    return head + body + struct.pack(">I", len(head) + len(body))
