"""The film that repeats: cut from footage, its end gone over into its beginning, and written.

In:  footage and a stretch of it.   Out: an H.264 file, and its frames as they will be seen on air.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

from livehost.avatar.video.footage import FPS, Footage, Shot
from livehost.avatar.video.morph import between
from livehost.avatar.video.seam import FADE, Stretch
from livehost.colour import rgb_to_yuv, yuv_to_rgb
from livehost.errors import BackendBroken, ConfigError
from livehost.media import Yuv

U8 = NDArray[np.uint8]

KEYFRAME = 50
"""Frames between keyframes: so many are decoded at most to enter anywhere."""
CRF = 14
NEAR = 0.12
"""Share of the way to a filmed picture within which that picture is taken as it is."""


def frames(footage: Footage, cut: Stretch, size: tuple[int, int]) -> Iterator[U8]:
    """Yield the frames of the film, (h, w, 3) uint8 RGB, `cut.frames` of them.

    Raises:
        ConfigError: the footage cannot be decoded as it could before.
    """
    taken = _taken(footage, cut, size)
    yield from _there_and_back(taken) if cut.mirrored else _faded(taken, cut.length)


def _taken(footage: Footage, cut: Stretch, size: tuple[int, int]) -> Iterator[U8]:
    end = cut.begin + cut.length + (0 if cut.mirrored else FADE)
    count = 0
    for shot in footage.shots(size):
        if shot.index >= end:
            break
        if shot.index >= cut.begin:
            count += 1
            yield still(shot)
    if count < end - cut.begin:
        raise ConfigError(f"{footage.path}: it changed while it was read; try again")


def still(shot: Shot) -> U8:
    """Return the picture of exactly the moment of `shot`."""
    if shot.share < NEAR or shot.share > 1 - NEAR or shot.stale:
        return shot.nearest
    return between(shot.before, shot.after, shot.share)


def _there_and_back(taken: Iterator[U8]) -> Iterator[U8]:
    kept = []
    for picture in taken:
        kept.append(_packed(picture))
        yield picture
    yield from (_unpacked(picture) for picture in kept[-2:0:-1])


def _packed(picture: U8) -> Yuv:
    """Return half the bytes: minutes of pictures do not fit into memory, seconds should."""
    return rgb_to_yuv(picture)


def _unpacked(picture: Yuv) -> U8:
    return yuv_to_rgb(picture)


def _faded(taken: Iterator[U8], length: int) -> Iterator[U8]:
    """Yield from the end of the fade on; the fade comes last, and leads to the first frame."""
    head: list[U8] = []
    for n, picture in enumerate(taken):
        if n < FADE:
            head.append(picture)
        if FADE <= n < length:
            yield picture
        if n >= length:
            at = (n - length + 1) / (FADE + 1)
            yield between(picture, head[n - length], at * at * (3 - 2 * at))


def write(pictures: Iterator[U8], path: Path) -> int:
    """Write a film without sound; return its frames.

    Raises:
        BackendBroken: the encoder does not open.
        ConfigError: the file cannot be written.
    """
    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
            return _written(out, pictures)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from error
    except av.FFmpegError as error:
        raise BackendBroken(f"{path}: cannot be encoded: {error}") from error


def _written(out: Any, pictures: Iterator[U8]) -> int:
    stream, count = None, 0
    for picture in pictures:
        stream = stream or _stream(out, picture.shape[1], picture.shape[0])
        frame = av.VideoFrame.from_ndarray(_i420(picture), format="yuv420p")
        frame.pts, frame.time_base = count, Fraction(1, FPS)
        out.mux(stream.encode(frame))
        count += 1
    if stream is not None:
        out.mux(stream.encode(None))
    return count


def _stream(out: Any, width: int, height: int) -> Any:
    stream = out.add_stream("libx264", rate=FPS)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, FPS)
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    context.thread_count = 2
    # Decoded on air, each tick: no B frames, no CABAC, no loop filter to pay for.
    stream.options = {
        "crf": str(CRF), "preset": "medium", "tune": "fastdecode",
        "x264-params": f"keyint={KEYFRAME}:min-keyint={KEYFRAME}:scenecut=0:bframes=0:ipratio=1.1",
    }  # fmt: skip
    return stream


def _i420(picture: U8) -> U8:
    planes = rgb_to_yuv(picture)
    width = picture.shape[1]
    flat = [planes.y.ravel(), planes.u.ravel(), planes.v.ravel()]
    return np.concatenate(flat).reshape(-1, width)


def read(path: Path) -> Iterator[U8]:
    """Yield the frames of a film as (h, w, 3) uint8 RGB, as they are on air.

    Raises:
        ConfigError: it cannot be decoded.
    """
    try:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield yuv_to_rgb(_planes(frame))
    except (av.FFmpegError, OSError) as error:
        raise ConfigError(f"{path}: cannot be decoded: {error}") from error


def _planes(frame: Any) -> Yuv:
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
            : plane.height, : plane.width
        ]
        for plane in frame.planes
    )
    return Yuv(y.copy(), u.copy(), v.copy())
