"""The frames of a film at the stream's size, in order or from anywhere.

In:  an H.264 file.   Out: 4:2:0 planes.

A frame is decoded when it is asked for: in order that is one picture's work. Elsewhere the film is
entered at the keyframe before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.errors import BackendBroken
from livehost.media import Yuv
from livehost.stage.render.texture import even_down

U8 = NDArray[np.uint8]

FACE_AT = 0.42
"""Share of the height at which the mouth lies where the stream shows less than the framing."""


NEAR = 12
"""Frames that are decoded and left out rather than the film entered again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of the film fills the stream.

    Attributes:
        left, top, width, height: in film pixels, all even.
        across, down: stream pixels per film pixel.
    """

    left: int
    top: int
    width: int
    height: int
    across: float
    down: float


def place(avatar: Avatar, width: int, height: int) -> Place:
    """Return the part of the framing that fills a stream of `width` x `height`."""
    frame, (rows, columns) = avatar.frame, avatar.plate.shape[:2]
    scale = max(width / frame.width, height / frame.height)
    wide = min(even_down(width / scale + 1), even_down(columns))
    high = min(even_down(height / scale + 1), even_down(rows))
    left = even_down(frame.x + (frame.width - wide) / 2)
    top = float(frame.y)
    if high < 0.9 * frame.height:
        mouth = avatar.mouth.box
        top = max(top, mouth[1] + mouth[3] / 2 - FACE_AT * high)
    left = min(max(0, left), even_down(columns - wide))
    row = min(max(0, even_down(top)), even_down(rows - high))
    return Place(left, row, wide, high, width / wide, height / high)


class Reel:
    """Decodes one film; call it from one thread.

    Raises:
        BackendBroken: it cannot be decoded, or is not what the manifest says.
    """

    def __init__(self, path: Path, at: Place, width: int, height: int, fps: int) -> None:
        self._path, self._fps, self._at = path, fps, at
        self._size = width, height
        self._container: Any = None
        self._decoded: Iterator[tuple[int, Any]] = iter(())
        self._next = -1 - NEAR
        self._shown: tuple[int, Yuv] | None = None

    def frame(self, index: int) -> Yuv:
        """Return frame `index`; the planes are not written again. Raises BackendBroken."""
        if self._shown is None or self._shown[0] != index:
            try:
                self._shown = index, self._fitted(self._decode(index))
            except (av.FFmpegError, OSError, ValueError, IndexError) as error:
                self.close()
                raise BackendBroken(f"{self._path}: cannot be decoded: {error}") from error
        return self._shown[1]

    def close(self) -> None:
        """Let go of the file; the next frame opens it again."""
        container, self._container = self._container, None
        self._next, self._decoded = -1 - NEAR, iter(())
        if container is not None:
            with contextlib.suppress(av.FFmpegError):
                container.close()

    def _decode(self, index: int) -> Any:
        if not 0 <= index - self._next <= NEAR:
            self._decoded = self._from(index)
        for number, frame in self._decoded:
            if number >= index:
                self._next = number + 1
                return frame
        raise ValueError(f"it ends before frame {index}")

    def _from(self, index: int) -> Iterator[tuple[int, Any]]:
        """Enter the film at the keyframe before `index`."""
        if self._container is None:
            self._container = av.open(str(self._path))
            # More threads would give pictures late, and take the encoder's core.
            self._container.streams.video[0].thread_count = 1
        stream = self._container.streams.video[0]
        base = stream.time_base * self._fps
        self._container.seek(round(index / base), stream=stream)
        for frame in self._container.decode(stream):
            yield round((frame.pts or 0) * base), frame

    def _fitted(self, frame: Any) -> Yuv:
        """Return the part of a frame that fills the stream, at its size, in planes of our own."""
        if frame.format.name != "yuv420p":
            frame = frame.reformat(format="yuv420p")
        at, (width, height) = self._at, self._size
        sizes = [(width, height), (width // 2, height // 2), (width // 2, height // 2)]
        parts = [_cut(plane, at, step) for plane, step in zip(frame.planes, (1, 2, 2), strict=True)]
        y, u, v = (_scaled(part, size) for part, size in zip(parts, sizes, strict=True))
        return Yuv(y, u, v)


def _cut(plane: Any, at: Place, step: int) -> U8:
    whole = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    rows = slice(at.top // step, (at.top + at.height) // step)
    columns = slice(at.left // step, (at.left + at.width) // step)
    part = whole[: plane.height, : plane.width][rows, columns]
    if part.shape != (at.height // step, at.width // step):
        raise ValueError("its size is not the plate's")
    return part


def _scaled(part: U8, size: tuple[int, int]) -> U8:
    if part.shape[::-1] == size:
        return part.copy()
    shrinks = size[0] < part.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)
