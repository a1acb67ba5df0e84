"""The pictures of a video: upright, in steady time, in ordinary colours, however it was filmed.

In:  a file that FFmpeg may be able to decode.   Out: RGB pictures at `FPS`, and what the file is.

Phones turn pictures by a flag, vary their frame rate, and film in 10 bits with a curve for bright
screens; damaged files have gaps. All of that ends here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.video.hdr import CURVES, to_sdr
from livehost.errors import ConfigError

U8 = NDArray[np.uint8]

FPS = 25
MOST_SECONDS = 180.0
"""Of a video that are looked at; a loop of 30 seconds is found long before."""
GAP_SECONDS = 0.25
"""Time without a picture after which motion is lost."""
MOST_DAMAGED = 0.05
"""Share of packets that may be damaged."""
_BT601, _BT709 = 5, 1  # AVColorSpace
_UNKNOWN = 2
_HD_LINES = 720

EXPORT = "export it again as an MP4 with H.264 (any phone or editor can), and try that file"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a video file is.

    Attributes:
        width, height: as it is looked at, turned and with square pixels.
        fps: mean frames per second.
        turned: degrees that the file says it must be turned by.
        curve: transfer curve of a high dynamic range, "" for ordinary video.
        bits: of a colour component.
        interlaced: made of half pictures.
    """

    width: int
    height: int
    fps: float
    codec: str
    turned: int = 0
    curve: str = ""
    bits: int = 8
    interlaced: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """The picture of one moment.

    Attributes:
        index: of the moment, at `FPS`.
        before, after: (h, w, 3) uint8 RGB, the pictures around it; may be the same.
        share: how far the moment lies between them, 0..1.
        stale: nothing was filmed near it.
    """

    index: int
    before: U8
    after: U8
    share: float
    stale: bool = False

    @property
    def nearest(self) -> U8:
        """The picture that was filmed nearest to the moment."""
        return self.before if self.share < 0.5 else self.after


@dataclass(slots=True)
class Losses:
    """What could not be decoded.

    Attributes:
        packets: read.
        damaged: of these.
        why: what was said about the first.
    """

    packets: int = 0
    damaged: int = 0
    why: str = ""


@dataclass(slots=True)
class Footage:
    """A video that can be decoded; every call of `shots` begins anew.

    Attributes:
        losses: of the last pass over it.
    """

    path: Path
    facts: Facts
    losses: Losses = field(default_factory=Losses)

    def shots(self, size: tuple[int, int]) -> Iterator[Shot]:
        """Yield the picture of each moment at `size` (width, height), up to `MOST_SECONDS`.

        Raises:
            ConfigError: nothing can be decoded, or too little.
        """
        self.losses = Losses()
        before: tuple[float, U8] | None = None
        index = 0
        for seconds, frame in self._timed():
            after = seconds, _picture(frame, size, self.facts)
            if before is None:
                before = after
            while index / FPS <= after[0]:
                yield _between(index, before, after)
                index += 1
            before = after
        if before is None:
            raise ConfigError(self._nothing())
        if self.losses.damaged > max(1, MOST_DAMAGED * self.losses.packets):
            share = self.losses.damaged / self.losses.packets
            raise ConfigError(
                f"{self.path}: {share:.0%} of it is damaged ({self.losses.why}); "
                "copy the file again from the camera, or film again"
            )

    def _nothing(self) -> str:
        why = f" ({self.losses.why})" if self.losses.why else ""
        return f"{self.path}: holds no picture that can be decoded{why}; {EXPORT}"

    def _timed(self) -> Iterator[tuple[float, Any]]:
        """Yield decoded frames with their time since the first, ascending."""
        period, first, last = 1 / self.facts.fps, None, -math.inf
        for frame in self._frames():
            seconds = frame.time
            if seconds is None:
                seconds = last + period if math.isfinite(last) else 0.0
            if seconds <= last:
                continue
            first = seconds if first is None else first
            last = seconds
            if seconds - first > MOST_SECONDS:
                return
            yield seconds - first, frame

    def _frames(self) -> Iterator[Any]:
        """Yield all that can be decoded; damaged packets are counted and left out."""
        try:
            with av.open(str(self.path)) as container:
                stream = container.streams.video[0]
                if stream.codec_context is None:
                    raise ValueError("its kind of video is unknown")
                stream.thread_type = "AUTO"
                yield from self._decoded(container.demux(stream))
        except (av.FFmpegError, OSError, ValueError, IndexError) as error:
            self._lost(error)

    def _decoded(self, packets: Iterator[Any]) -> Iterator[Any]:
        for packet in packets:
            self.losses.packets += packet.size > 0
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                self._lost(error)
                continue
            for frame in frames:
                if frame.is_corrupt:  # after damage, or before the first keyframe
                    self._lost("pictures are missing parts")
                else:
                    yield frame

    def _lost(self, error: Exception | str) -> None:
        self.losses.damaged += 1
        self.losses.why = self.losses.why or _said(error)


def open_footage(path: Path) -> Footage:
    """Return the video at `path`, once its first picture was decoded.

    Raises:
        ConfigError: it is missing, no video, or nothing of it can be decoded.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ConfigError(f"{path}: holds no video, only sound; give a video of a person")
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate or Fraction(FPS)
            codec = stream.codec_context.name if stream.codec_context else "unknown"
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: cannot be read as a video ({_said(error)}); {EXPORT}"
        ) from error
    footage = Footage(path, Facts(2, 2, float(rate), codec))
    first = next(footage._frames(), None)
    if first is None:
        raise ConfigError(footage._nothing())
    return Footage(path, _facts(first, float(rate), codec))


def fitted(facts: Facts, short: int, long: int) -> tuple[int, int]:
    """Return width and height within `short` x `long`, even, never larger than filmed."""
    low, high = sorted((facts.width, facts.height))
    scale = min(1.0, short / low, long / high)
    return _even(facts.width * scale), _even(facts.height * scale)


def _facts(frame: Any, fps: float, codec: str) -> Facts:
    width, height = frame.width, frame.height
    aspect = frame.sample_aspect_ratio if hasattr(frame, "sample_aspect_ratio") else None
    if aspect:
        width = round(width * aspect)
    turned = round(frame.rotation / 90) * 90 % 360
    if turned % 180:
        width, height = height, width
    bits = max(component.bits for component in frame.format.components)
    curve = CURVES.get(int(frame.color_trc), "")
    return Facts(width, height, fps, codec, turned, curve, bits, bool(frame.interlaced_frame))


def _picture(frame: Any, size: tuple[int, int], facts: Facts) -> U8:
    """Return a frame as upright RGB of `size`."""
    width, height = size[::-1] if facts.turned % 180 else size
    matrix = int(frame.colorspace)
    if matrix == _UNKNOWN:  # what players assume
        matrix = _BT709 if min(frame.width, frame.height) >= _HD_LINES else _BT601
    if facts.curve:
        wide = frame.reformat(width, height, "rgb48le", interpolation="AREA")
        rgb = to_sdr(wide.to_ndarray(), facts.curve)
    else:
        small = frame.reformat(width, height, "rgb24", src_colorspace=matrix, interpolation="AREA")
        rgb = small.to_ndarray()
    return np.ascontiguousarray(np.rot90(rgb, facts.turned // 90))


def _between(index: int, before: tuple[float, U8], after: tuple[float, U8]) -> Shot:
    seconds, span = index / FPS, after[0] - before[0]
    share = min(1.0, max(0.0, (seconds - before[0]) / span)) if span > 0 else 1.0
    return Shot(index, before[1], after[1], share, span > GAP_SECONDS)


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)


def _said(error: Exception | str) -> str:
    """Return what is wrong, without FFmpeg's numbers and paths."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:120]
