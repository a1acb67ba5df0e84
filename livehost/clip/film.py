"""Write an MP4 that plays everywhere: H.264 high and AAC, index in front, label in the metadata.

In:  a picture and its samples of sound per tick.   Out: one file, complete or not there.

Unlike a live stream a file has time: B frames, look-ahead and one quality from end to end. The
number of threads is fixed, so that the file does not depend on how many cores the machine has.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE
from livehost.errors import BackendBroken, ConfigError, OutputLost
from livehost.media import Yuv

AAC_SAMPLES = 1024  # per access unit
THREADS = 4
KEYFRAME_SECONDS = 4
_FLAGS = "faststart+use_metadata_tags"


@dataclass(frozen=True, slots=True)
class Grade:
    """How well pictures and sound are kept.

    Attributes:
        preset: of x264.
        crf: constant quality.
        bitrate_kbps: a mean rate instead of `crf`.
        sound_kbps: of AAC.
    """

    preset: str = "veryfast"
    crf: int = 20
    bitrate_kbps: int | None = None
    sound_kbps: int = 128


class Film:
    """One file being written under a temporary name; call it from one thread.

    Args:
        path: appears when the film is closed; what is there is replaced.

    Raises:
        ConfigError: nothing can be written there.
        BackendBroken: an encoder does not open.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        grade: Grade,
        tags: Mapping[str, str],
    ) -> None:
        self._path, self._partial = path, partial_of(path)
        _probe(path, self._partial)
        self._ticks = self._samples = 0
        self._held = np.zeros((0, 2), np.int16)
        try:
            self._out: Any = av.open(
                str(self._partial), "w", format="mp4", options={"movflags": _FLAGS}
            )
            self._out.metadata.update(tags)
            self._video = _video(self._out, size, fps, grade)
            self._audio = _audio(self._out, grade)
            self._out.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self._partial.unlink(missing_ok=True)
            raise BackendBroken(f"cannot encode: {_said(error)}") from error
        self._frame = av.VideoFrame(*size, "yuv420p")
        self._planes = [
            np.frombuffer(memoryview(plane), np.uint8)
            .reshape(plane.height, plane.line_size)[:, : plane.width]
            for plane in self._frame.planes
        ]  # fmt: skip

    def add(self, picture: Yuv, pcm: NDArray[np.int16]) -> None:
        """Write the next tick.

        Args:
            pcm: (n, 2) int16, its sound.

        Raises:
            OutputLost: the file cannot be written; a full disk, most likely.
        """
        for plane, drawn in zip(self._planes, (picture.y, picture.u, picture.v), strict=True):
            plane[:] = drawn  # x264 copies the frame before encode() returns
        self._frame.pts = self._ticks
        self._ticks += 1
        self._mux(self._video, self._frame)
        self._held = np.concatenate([self._held, pcm])
        while len(self._held) >= AAC_SAMPLES:
            self._sound(AAC_SAMPLES)

    def close(self) -> int:
        """Write what the encoders hold and the index; return the file's bytes.

        Raises OutputLost; then nothing is left of the file.
        """
        if len(self._held):
            self._sound(len(self._held))
        for stream in (self._video, self._audio):
            self._mux(stream, None)
        try:
            self._out.close()
            _check(self._partial, self._ticks)
            written = self._partial.stat().st_size
            self._partial.replace(self._path)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._lost(error) from error
        return written

    def abandon(self) -> None:
        """Remove what was written; does nothing after `close`."""
        with contextlib.suppress(av.FFmpegError, OSError, ValueError):
            self._out.close()  # why it ended is known; an error here is only its echo
        self._partial.unlink(missing_ok=True)

    def _sound(self, samples: int) -> None:
        frame = av.AudioFrame("fltp", "stereo", samples)
        for channel, plane in enumerate(frame.planes):
            wave = np.frombuffer(memoryview(plane), np.float32)[:samples]
            np.multiply(self._held[:samples, channel], np.float32(1 / 32768), out=wave)
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples
        self._samples += samples
        self._held = self._held[samples:]
        self._mux(self._audio, frame)

    def _mux(self, stream: Any, frame: Any) -> None:
        try:
            self._out.mux(stream.encode(frame))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> OutputLost:
        return OutputLost(f"{self._path}: cannot be written: {_said(error)}")


def partial_of(path: Path) -> Path:
    """Return the name under which a film is written until it is complete."""
    return path.with_name(path.name + ".partial")


def tags_of(path: Path) -> dict[str, str]:
    """Return the metadata of a finished film, {} if it cannot be read."""
    try:
        with av.open(str(path)) as container:
            return dict(container.metadata)
    except (av.FFmpegError, OSError, ValueError):
        return {}


def _probe(path: Path, partial: Path) -> None:
    """See whether `path` can be written. Raises ConfigError."""
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file that ends in .mp4")
    try:
        with partial.open("wb"):
            pass
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _check(path: Path, ticks: int) -> None:
    """Read the index of a finished file. Raises ValueError when pictures are missing."""
    with av.open(str(path)) as container:
        if container.streams.video[0].frames != ticks:
            raise ValueError("it is not complete")


def _video(out: Any, size: tuple[int, int], fps: Fraction, grade: Grade) -> Any:
    options = {"preset": grade.preset, "profile": "high"}
    if grade.bitrate_kbps is None:
        options["crf"] = str(grade.crf)
    else:
        options["maxrate"] = str(grade.bitrate_kbps * 1500)
        options["bufsize"] = str(grade.bitrate_kbps * 2000)
    stream = out.add_stream("libx264", rate=fps, options=options)
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt, context.time_base = "yuv420p", 1 / fps
    context.sample_aspect_ratio = Fraction(1, 1)
    context.bit_rate = (grade.bitrate_kbps or 0) * 1000
    context.gop_size = round(fps * KEYFRAME_SECONDS)
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    context.flags |= Flags.closed_gop
    context.thread_count = THREADS
    return stream


def _audio(out: Any, grade: Grade) -> Any:
    stream = out.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", format="fltp")
    stream.codec_context.bit_rate = grade.sound_kbps * 1000
    stream.codec_context.time_base = Fraction(1, SAMPLE_RATE)
    return stream


def _said(error: Exception) -> str:
    number = getattr(error, "errno", None)
    said = os.strerror(number) if number and number > 0 else str(error)
    return said or type(error).__name__
