"""What voice servers send, decoded as it comes: raw and WAV samples, MP3, Ogg Opus.

In:  bytes in pieces of any size.   Out: float32 samples at 48 kHz, mono.

Sizes in a WAV header are not believed where they cannot be right: servers that stream do not know
them and write 0, all ones, or those of their first piece.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from livehost.brain.voice.ogg import Ogg
from livehost.clock import SAMPLE_RATE
from livehost.errors import BackendBroken

Pcm = NDArray[np.float32]

_NOTHING: Pcm = np.zeros(0, np.float32)
_SNIFF = 64  # bytes that tell sound from text
_MOST_HEADER = 65_536
_UNKNOWN_SIZE = 0x7FFF_0000  # a data size of this or more, or 0, means "until the end"
_INTEGERS, _FLOATS, _EXTENSIBLE = 1, 3, 0xFFFE
_MOST_DAMAGED = 3  # packets of compressed sound
_MAGIC = {b"OggS": "Ogg", b"ID3": "MP3", b"fLaC": "FLAC", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3"}


class Decoder(Protocol):
    """Turns one answer of a server into samples."""

    def feed(self, data: bytes) -> Pcm:
        """Return the samples that are complete now; (n,), n may be 0. Raises BackendBroken."""

    def end(self) -> Pcm:
        """Return the rest. Raises BackendBroken."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How samples lie in the bytes.

    Attributes:
        rate: Hz.
        kind: numpy's name of a sample.
    """

    rate: int
    channels: int = 1
    kind: str = "<i2"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return np.dtype(self.kind).itemsize * self.channels


class Resampler:
    """Any rate to 48 kHz, piece by piece, without seams."""

    def __init__(self, rate: int) -> None:
        self._stream = None
        if rate != SAMPLE_RATE:
            self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, pcm: Pcm, last: bool = False) -> Pcm:
        """Return what is ready of `pcm`, all of it when it is the `last`."""
        if self._stream is None or not (len(pcm) or last):
            return pcm
        out: Pcm = self._stream.resample_chunk(pcm, last=last)
        return out


class Samples:
    """Raw 16-bit samples, or a WAV file: which of them it is, the first bytes tell."""

    def __init__(self, rate: int | None) -> None:
        """Args: rate: Hz that the settings promise; None believes the WAV header."""
        self._rate = rate
        self._held = b""
        self._layout: Layout | None = None
        self._left: int | None = None  # bytes of the WAV's data as declared; None: until the end
        self._over = False
        self._resampler: Resampler | None = None

    def feed(self, data: bytes) -> Pcm:
        if self._over:
            return _NOTHING
        self._held += data
        if self._layout is None and not self._begin():
            return _NOTHING
        return self._resampled(self._samples())

    def end(self) -> Pcm:
        if self._layout is None and self._held and not self._begin(final=True):
            raise BackendBroken("ends within its WAV header")
        if self._layout is None:
            return _NOTHING
        return self._resampled(self._samples(), last=True)

    # --- what it is -----------------------------------------------------------------------------

    def _begin(self, final: bool = False) -> bool:
        """Find out what comes; False while more bytes are needed. Raises BackendBroken."""
        if len(self._held) < _SNIFF and not final:
            return False
        if not self._held.startswith(b"RIFF"):
            refuse_other(self._held)
            if self._rate is None:
                raise BackendBroken("does not say its sample rate; set `rate`")
            self._layout = Layout(self._rate)
            return True
        return self._header()

    def _header(self) -> bool:
        found = _wav_header(self._held)
        if found is None:
            if len(self._held) > _MOST_HEADER:
                raise BackendBroken("sends a WAV header without sound in it")
            return False
        layout, start, size = found
        if self._rate is not None and layout.rate != self._rate:
            raise BackendBroken(f"sends {layout.rate} Hz, but `rate` is {self._rate}")
        if self._layout not in {None, layout}:
            raise BackendBroken("changes its format in mid-sentence")
        self._layout = layout
        self._held = self._held[start:]
        self._left = size if 0 < size < _UNKNOWN_SIZE else None
        return True

    # --- samples --------------------------------------------------------------------------------

    def _samples(self) -> Pcm:
        parts = list(self._parts())
        return np.concatenate(parts) if parts else _NOTHING

    def _parts(self) -> Iterator[Pcm]:
        """Yield what is complete; go on behind a WAV's declared end if sound is there."""
        yield self._take()
        while self._left is not None and self._left < self._frame and len(self._held) >= 4:
            if self._held.startswith(b"RIFF"):
                if not self._header():
                    return
            elif self._held[:4].isascii() and self._held[:4].strip().isalnum():
                self._over, self._held = True, b""  # LIST, id3: no sound follows
                return
            else:
                self._left = None
            yield self._take()

    @property
    def _frame(self) -> int:
        return self._layout.frame_bytes if self._layout else 1

    def _take(self) -> Pcm:
        layout = self._layout or Layout(SAMPLE_RATE)
        most = len(self._held) if self._left is None else min(self._left, len(self._held))
        whole = most - most % self._frame
        raw, self._held = self._held[:whole], self._held[whole:]
        if self._left is not None:
            self._left -= whole
        values = np.frombuffer(raw, layout.kind)
        scaled = values / np.float32(32768) if layout.kind == "<i2" else values
        mono: Pcm = scaled.reshape(-1, layout.channels).mean(axis=1).astype(np.float32)
        return mono

    def _resampled(self, pcm: Pcm, last: bool = False) -> Pcm:
        if self._resampler is None:
            self._resampler = Resampler(self._layout.rate if self._layout else SAMPLE_RATE)
        return self._resampler.feed(pcm, last)


def _wav_header(data: bytes) -> tuple[Layout, int, int] | None:
    """Return (layout, first byte of sound, declared bytes); None while it is not complete."""
    layout, at = None, 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"data":
            if layout is None:
                raise BackendBroken("sends a WAV file without a format")
            return layout, at + 8, size
        if name == b"fmt " and at + 24 <= len(data):
            layout = _layout(data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return None


def _layout(fmt: bytes) -> Layout:
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", fmt)
    if tag == _EXTENSIBLE and len(fmt) >= 26:
        (tag,) = struct.unpack_from("<H", fmt, 24)
    kinds = {(_INTEGERS, 16): "<i2", (_FLOATS, 32): "<f4"}
    if (tag, bits) not in kinds or channels not in {1, 2} or not 8_000 <= rate <= 96_000:
        said = f"{bits} bits, {channels} channels, {rate} Hz, format {tag}"
        raise BackendBroken(f"sends a WAV file that is not speech ({said})")
    return Layout(rate, channels, kinds[tag, bits])


def refuse_other(data: bytes) -> None:
    """Raise BackendBroken when `data`, the first bytes of raw sound, is something else."""
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            raise BackendBroken(f"sends {name}; set `format` to what the server sends")
    if text := text_in(data[:_SNIFF]):
        raise BackendBroken(f"answers with text instead of sound: {text}")


def text_in(data: bytes) -> str:
    """Return `data` when it is readable text of some length, else ""."""
    text = data.decode("latin-1").strip()
    readable = all(" " <= character <= "~" or character in "\r\n\t" for character in text)
    return " ".join(text.split()) if len(text) >= 8 and readable else ""


class Compressed:
    """MP3, or Opus in Ogg pages."""

    def __init__(self, kind: str) -> None:
        """Args: kind: "mp3" or "opus"."""
        self._kind = kind
        self._ogg = Ogg() if kind == "opus" else None
        self._first = b""
        self._tag = 0  # bytes of an ID3 tag still to skip
        self._damaged = 0
        self._codec: Any = None
        self._resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)

    def feed(self, data: bytes) -> Pcm:
        if self._codec is None:
            self._first += data
            if len(self._first) < _SNIFF:
                return _NOTHING
            data, self._first = self._first, b""
            self._check(data)
        skipped, self._tag = self._tag, max(0, self._tag - len(data))
        return self._joined(self._frames(data[skipped:]))

    def end(self) -> Pcm:
        if self._codec is None:
            return _NOTHING
        return self._joined(self._frames(None))

    def _check(self, data: bytes) -> None:
        if text := text_in(data[:_SNIFF]):
            raise BackendBroken(f"answers with text instead of sound: {text}")
        if data.startswith(b"RIFF") or (self._ogg is None) == data.startswith(b"OggS"):
            raise BackendBroken(f"does not send {self._kind}; set `format` to what it sends")
        if data.startswith(b"ID3"):
            self._tag = 10 + sum(
                byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True)
            )
        self._codec = av.CodecContext.create(self._kind, "r")

    def _frames(self, data: bytes | None) -> Iterator[Any]:
        for packet in self._packets(data):
            yield from self._decoded(packet)
        if data is None:
            yield from self._decoded(None)

    def _decoded(self, packet: Any) -> list[Any]:
        try:
            frames: list[Any] = self._codec.decode(packet)
        except (av.FFmpegError, ValueError) as error:
            self._damaged += packet is not None
            if self._damaged > _MOST_DAMAGED:
                raise BackendBroken(f"sends damaged {self._kind}") from error
            return []
        return frames

    def _packets(self, data: bytes | None) -> Iterator[Any]:
        if self._ogg is None:
            yield from self._codec.parse(data)
            return
        for packet in self._ogg.packets(data or b""):
            if packet.startswith(b"OpusHead"):
                self._codec.extradata = packet
            elif not packet.startswith(b"OpusTags"):
                yield av.Packet(packet)

    def _joined(self, frames: Iterator[Any]) -> Pcm:
        out = [part.to_ndarray()[0] for frame in frames for part in self._resampler.resample(frame)]
        return np.concatenate(out).astype(np.float32) if out else _NOTHING
