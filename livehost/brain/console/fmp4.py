"""Fragmented MP4 for browsers from packets that are encoded already.

In:  `StreamHeader`, then `Packet`s.   Out: one initialisation segment, then fragments.

No I/O, no clock, no copy of the media but one. Box numbers are those of ISO/IEC 14496-12
(file format), 14496-15 (avc1, avcC) and 14496-14 (mp4a, esds).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from livehost.errors import WireLost
from livehost.media import Packet, StreamHeader

TIMESCALE = 48_000  # ticks of every duration and timestamp per second, as in `Packet`
_VIDEO, _AUDIO = 1, 2  # track ids
_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC, _DEPENDENT = 0x02000000, 0x01010000  # sample flags, 14496-12 8.8.3.1


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof and mdat.

    Attributes:
        data: the bytes.
        keyframe: its first picture is a keyframe, so that a viewer may start here.
        span_samples: media time it covers, 48 kHz samples.
    """

    data: bytes
    keyframe: bool
    span_samples: int


class Fragmenter:
    """Cut a packet stream into fragments; each keyframe begins one.

    Args:
        header: the stream's parameters.
        span_samples: a fragment is closed by the first picture this long after its first one.

    Raises:
        WireLost: the header holds no AVC or AAC configuration.
    """

    def __init__(self, header: StreamHeader, span_samples: int = TIMESCALE // 8) -> None:
        self.init = init_segment(header)
        """The initialisation segment (ftyp and moov)."""
        self.mime = mime(header)
        """Content type with codecs, for `MediaSource`."""
        self._span = span_samples
        self._sequence = 0
        self._video: list[Packet] = []
        self._audio: list[Packet] = []
        self._last_video = -1
        self._last_audio = -1
        self.misfits = 0
        """Packets left out: before the first keyframe, or not later than the one before."""

    def add(self, packet: Packet) -> Fragment | None:
        """Take one packet; return the fragment that it closes, if any."""
        if not self._fits(packet):
            self.misfits += 1
            return None
        closes = self._closes(packet)
        fragment = self._close(packet) if closes else None
        if packet.kind == "video":
            self._video.append(packet)
            self._last_video = packet.dts
        else:
            self._audio.append(packet)
            self._last_audio = packet.dts
        return fragment

    def _fits(self, packet: Packet) -> bool:
        if packet.kind == "audio":
            return self._last_video >= 0 and packet.dts > self._last_audio
        if self._last_video < 0 and not packet.keyframe:
            return False
        return packet.dts > self._last_video

    def _closes(self, packet: Packet) -> bool:
        held = self._video or self._audio
        if not held:
            return False
        if packet.kind == "audio":  # no pictures for a second: sound goes on by itself
            return packet.dts - held[0].dts >= TIMESCALE
        return packet.keyframe or packet.dts - held[0].dts >= self._span

    def _close(self, by: Packet) -> Fragment:
        until = by.dts if by.kind == "video" else None
        self._sequence += 1
        held = self._video or self._audio
        fragment = Fragment(
            _fragment(self._sequence, self._video, self._audio, until),
            bool(self._video) and self._video[0].keyframe,
            max(by.dts - held[0].dts, 0),
        )
        self._video, self._audio = [], []
        return fragment


def mime(header: StreamHeader) -> str:
    """Return the content type with codecs (RFC 6381) of `header`. Raises WireLost."""
    avc, aac = header.video_extradata, header.audio_extradata
    if len(avc) < 7 or avc[0] != 1 or len(aac) < 2:
        raise WireLost("the stage sent a stream header without AVC or AAC configuration")
    return f'video/mp4; codecs="avc1.{avc[1:4].hex()}, mp4a.40.{aac[0] >> 3}"'


def init_segment(header: StreamHeader) -> bytes:
    """Return ftyp and moov for `header`. Raises WireLost as `mime` does."""
    mime(header)
    movie = struct.pack(">4I2I", 0, 0, TIMESCALE, 0, 0x10000, 0x01000000) + bytes(8)
    return _box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6isommp41") + _box(
        b"moov",
        _full(b"mvhd", 0, 0, movie + _UNITY + bytes(24) + struct.pack(">I", 3)),
        _video_track(header),
        _audio_track(header),
        _box(b"mvex", _extends(_VIDEO), _extends(_AUDIO)),
    )


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _extends(track: int) -> bytes:
    return _full(b"trex", 0, 0, struct.pack(">5I", track, 1, 0, 0, 0))


def _video_track(header: StreamHeader) -> bytes:
    width, height = header.width, header.height
    entry = _box(
        b"avc1",
        bytes(6) + struct.pack(">H", 1) + bytes(16),
        struct.pack(">2H3IH", width, height, 0x480000, 0x480000, 0, 1),
        bytes(32) + struct.pack(">2H", 24, 0xFFFF),
        _box(b"avcC", header.video_extradata),
    )
    media = _full(b"vmhd", 0, 1, bytes(8))
    return _track(_VIDEO, b"vide", media, entry, 0, (width << 16, height << 16))


def _audio_track(header: StreamHeader) -> bytes:
    entry = _box(
        b"mp4a",
        bytes(6) + struct.pack(">H", 1) + bytes(8),
        struct.pack(">4HI", header.channels, 16, 0, 0, header.sample_rate << 16),
        _full(b"esds", 0, 0, _elementary(header.audio_extradata)),
    )
    return _track(_AUDIO, b"soun", _full(b"smhd", 0, 0, bytes(4)), entry, 0x0100, (0, 0))


def _track(
    track: int, handler: bytes, media: bytes, entry: bytes, volume: int, size: tuple[int, int]
) -> bytes:
    head = struct.pack(">5I8x4H", 0, 0, track, 0, 0, 0, 0, volume, 0)
    files = _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1))
    empty = [_full(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    samples = _box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        *empty,
        _full(b"stsz", 0, 0, bytes(8)),
    )
    return _box(
        b"trak",
        _full(b"tkhd", 0, 7, head, _UNITY, struct.pack(">2I", *size)),
        _box(
            b"mdia",
            _full(b"mdhd", 0, 0, struct.pack(">4I2H", 0, 0, TIMESCALE, 0, 0x55C4, 0)),
            _full(b"hdlr", 0, 0, bytes(4), handler, bytes(12), b"livehost\0"),
            _box(b"minf", media, _box(b"dinf", files), samples),
        ),
    )


def _elementary(config: bytes) -> bytes:
    specific = _descriptor(5, config)
    decoder = _descriptor(4, struct.pack(">2B3s2I", 0x40, 0x15, bytes(3), 0, 0), specific)
    return _descriptor(3, struct.pack(">HB", 0, 0), decoder, _descriptor(6, b"\x02"))


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">2B", tag, len(body)) + body


def _fragment(sequence: int, video: list[Packet], audio: list[Packet], until: int | None) -> bytes:
    tracks = [(t, ps) for t, ps in ((_VIDEO, video), (_AUDIO, audio)) if ps]
    moof = _moof(sequence, tracks, until, [0] * len(tracks))  # once for its length
    offsets, at = [], len(moof) + 8
    for _, packets in tracks:
        offsets.append(at)
        at += sum(len(p.data) for p in packets)
    moof = _moof(sequence, tracks, until, offsets)
    media = (p.data for _, packets in tracks for p in packets)
    return b"".join((moof, struct.pack(">I", at - len(moof)), b"mdat", *media))


def _moof(
    sequence: int, tracks: list[tuple[int, list[Packet]]], until: int | None, offsets: list[int]
) -> bytes:
    parts = [
        _box(
            b"traf",
            _full(b"tfhd", 0, 0x020000, struct.pack(">I", track)),
            _full(b"tfdt", 1, 0, struct.pack(">Q", packets[0].dts)),
            _run(packets, until if track == _VIDEO else None, offset),
        )
        for (track, packets), offset in zip(tracks, offsets, strict=True)
    ]
    return _box(b"moof", _full(b"mfhd", 0, 0, struct.pack(">I", sequence)), *parts)


def _run(packets: list[Packet], until: int | None, offset: int) -> bytes:
    """Return trun; each picture lasts until the next, so that a gap shows the last one."""
    ends = [p.dts for p in packets[1:]] + [packets[-1].dts + packets[-1].duration]
    if until is not None:
        ends[-1] = until
    rows = b"".join(
        struct.pack(
            ">3Ii",
            end - p.dts,
            len(p.data),
            _SYNC if p.keyframe else _DEPENDENT,
            p.pts - p.dts,
        )
        for p, end in zip(packets, ends, strict=True)
    )
    return _full(b"trun", 1, 0xF01, struct.pack(">Ii", len(packets), offset), rows)
