"""The sound's encoders: AAC-LC for RTMP, files and fMP4; Opus for WebRTC, while somebody wants it.

In:  48 kHz stereo PCM without a gap.   Out: `Packet`s on the sample clock.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import av
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE
from livehost.errors import BackendBroken
from livehost.media import Packet

AAC_SAMPLES = 1024  # per access unit
OPUS_SAMPLES = 960  # 20 ms, what WebRTC expects
OPUS_KBPS = 96
_BASE = Fraction(1, SAMPLE_RATE)


class SoundEncoder:
    """One encoder that takes sound in units of a fixed length.

    Args:
        kind: of its packets.
        context: the open encoder.
        unit: samples in each packet.
    """

    def __init__(self, kind: Literal["audio", "opus"], context: Any, unit: int) -> None:
        self._kind: Literal["audio", "opus"] = kind
        self._context = context
        self._unit_samples = unit
        self.extradata: bytes = context.extradata or b""
        self._start: int | None = None
        self._held = np.zeros((0, 2), np.int16)
        self._next = 0  # index of the first sample in `_held`

    def encode(self, first_sample: int, pcm: NDArray[np.int16]) -> list[Packet]:
        """See `Encoder.audio`."""
        if self._start is None:
            self._start = self._next = first_sample
        if first_sample != self._next + len(self._held):
            expected = self._next + len(self._held)
            raise ValueError(f"sound at sample {first_sample}, expected {expected}")
        self._held = np.concatenate([self._held, pcm])
        packets: list[Packet] = []
        while len(self._held) >= self._unit_samples:
            packets += self._unit(self._held[: self._unit_samples])
            self._held = self._held[self._unit_samples :]
        return packets

    def flush(self) -> list[Packet]:
        """See `Encoder.flush`. The last access unit is filled up with silence."""
        last: list[Packet] = []
        if len(self._held):
            padded = np.zeros((self._unit_samples, 2), np.int16)
            padded[: len(self._held)] = self._held
            last, self._held = self._unit(padded), self._held[:0]
        return last + self._packets(None)

    def _unit(self, pcm: NDArray[np.int16]) -> list[Packet]:
        frame = self._frame(pcm)
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, _BASE, self._next
        self._next += self._unit_samples
        return self._packets(frame)

    def _frame(self, pcm: NDArray[np.int16]) -> Any:
        frame = av.AudioFrame("fltp", "stereo", self._unit_samples)
        for channel, plane in enumerate(frame.planes):
            wave = np.frombuffer(memoryview(plane), np.float32)
            np.multiply(pcm[:, channel], np.float32(1 / 32768), out=wave[: len(pcm)])
        return frame

    def _packets(self, frame: Any) -> list[Packet]:
        made = translated(self._context.name, lambda: self._context.encode(frame))
        return [
            Packet(self._kind, packet.pts, packet.pts, self._unit_samples, True, bytes(packet))
            for packet in made
            # The encoder starts with some priming before the first sample, and already counts it
            # in pts; a player hears nothing in it.
            if packet.pts >= (self._start or 0)
        ]


class AudioEncoder(SoundEncoder):
    """AAC-LC, 48 kHz stereo. Raises BackendBroken when it does not open."""

    def __init__(self, bitrate_kbps: int) -> None:
        context = translated("aac", lambda: _aac(bitrate_kbps))
        super().__init__("audio", context, AAC_SAMPLES)


class OpusEncoder(SoundEncoder):
    """Opus, 48 kHz stereo, 20 ms. Raises BackendBroken when it does not open."""

    def __init__(self) -> None:
        super().__init__("opus", translated("opus", _opus), OPUS_SAMPLES)

    def _frame(self, pcm: NDArray[np.int16]) -> Any:
        frame = av.AudioFrame("s16", "stereo", self._unit_samples)
        wave = np.frombuffer(memoryview(frame.planes[0]), np.int16)
        wave[: 2 * len(pcm)] = pcm.reshape(-1)
        return frame


def translated(name: str, call: Callable[[], Any]) -> Any:
    """Run a call into FFmpeg; its errors become BackendBroken."""
    try:
        return call()
    except (av.FFmpegError, OSError, ValueError, RuntimeError, MemoryError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise BackendBroken(f"{name}: {said}") from error


def _aac(bitrate_kbps: int) -> Any:
    context: Any = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format = SAMPLE_RATE, "stereo", "fltp"
    context.time_base = _BASE
    context.bit_rate = bitrate_kbps * 1000
    context.flags |= Flags.global_header
    context.open()
    return context


def _opus() -> Any:
    context: Any = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = SAMPLE_RATE, "stereo", "s16"
    context.time_base = _BASE
    context.bit_rate = OPUS_KBPS * 1000
    # Complexity 5 costs half of 10, and at 96 kbit/s nobody hears which it was.
    context.options = {"frame_duration": "20", "compression_level": "5"}
    context.open()
    return context
