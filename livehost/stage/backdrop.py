"""What lies behind the host: the painted studio, a picture, or a clip that loops.

In:  scene settings.   Out: a `Yuv` of the frame's size, changed by `advance` when it moves.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from livehost.config import Scene
from livehost.media import Yuv
from livehost.stage import planes
from livehost.stage.layout import Layout
from livehost.stage.pictures import Pictures
from livehost.stage.studio import dithered

log = logging.getLogger(__name__)

AHEAD = 6  # pictures of a clip decoded ahead
CLIPS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".flv", ".m4v", ".gif", ".ts"})


class Backdrop(Protocol):
    """The picture behind everything.

    Attributes:
        picture: planes of the frame's size; never changed in place.
        late: ticks at which a clip had no new picture ready.
    """

    picture: Yuv
    late: int

    def advance(self, tick: int) -> bool:
        """Go on to `tick`; return whether `picture` is another one now. Waits only if patient."""
        ...

    def close(self) -> None:
        """Let go of threads and files."""
        ...


class Still:
    """A picture that does not move."""

    def __init__(self, picture: Yuv) -> None:
        self.picture = picture
        self.late = 0

    def advance(self, tick: int) -> bool:
        """Stay."""
        return False

    def close(self) -> None:
        """Nothing to let go of."""


class Clip:
    """A video file in a loop, decoded by a thread a few pictures ahead.

    Args:
        first: shown until the first picture is decoded, and kept when decoding fails.
        rate: pictures a second on air; the clip's own are repeated or left out to match.
        patient: wait for the picture of each tick; for work that has no clock.
    """

    def __init__(
        self, path: Path, layout: Layout, rate: Fraction, first: Yuv, patient: bool = False
    ) -> None:
        self.picture = first
        self.late = 0
        self._path = path
        self._size = layout.width, layout.height
        self._rate = rate
        self._ahead: queue.Queue[Yuv] = queue.Queue(AHEAD)
        self._shown = 0  # pictures decoded since start; the decoding thread's own
        self._patient = patient
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._decode, name="backdrop", daemon=True)
        self._thread.start()

    def advance(self, tick: int) -> bool:
        """Take the next picture, if it is ready or there is patience."""
        try:
            picture = self._awaited() if self._patient else self._ahead.get_nowait()
        except queue.Empty:
            self.late += 1
            return False
        changed, self.picture = picture is not self.picture, picture
        return changed

    def _awaited(self) -> Yuv:
        """Return the next picture. Raises queue.Empty when none will come."""
        while self._thread.is_alive():
            try:
                return self._ahead.get(timeout=0.2)
            except queue.Empty:
                continue
        return self._ahead.get_nowait()

    def close(self) -> None:
        """Stop decoding."""
        self._closed.set()

    def _decode(self) -> None:
        try:
            while not self._closed.is_set():
                before = self._shown
                for picture in self._loop_once():
                    self._put(picture)
                if self._shown == before:
                    log.warning("background clip holds no picture", extra={"path": str(self._path)})
                    return
        except (OSError, av.FFmpegError, ValueError) as error:
            log.warning(
                "background clip cannot be decoded; its last picture stays",
                extra={"path": str(self._path), "why": str(error)},
            )

    def _put(self, picture: Yuv) -> None:
        while not self._closed.is_set():
            try:
                self._ahead.put(picture, timeout=0.5)
            except queue.Full:
                continue
            self._shown += 1
            return

    def _loop_once(self) -> Iterator[Yuv]:
        """Yield one picture per tick for one run of the clip."""
        with av.open(str(self._path)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            due, start, seconds = 0, 0.0, 0.0
            shown: Yuv | None = None
            for number, frame in enumerate(container.decode(stream)):
                seconds = frame.time if frame.time is not None else number / 25
                while shown is not None and due < (seconds - start) * float(self._rate) - 1e-6:
                    yield shown
                    due += 1
                if shown is None:
                    start = seconds
                shown = _fitted(frame, *self._size)
            if shown is not None:
                last = 1 / float(stream.average_rate or 25)
                for _ in range(max(1, round((seconds - start + last) * float(self._rate)) - due)):
                    yield shown


def _fitted(frame: av.VideoFrame, width: int, height: int) -> Yuv:
    """Return a decoded frame scaled to fill the picture, its middle kept."""
    scale = max(width / frame.width, height / frame.height)
    wide = max(width, planes.even(frame.width * scale))
    high = max(height, planes.even(frame.height * scale))
    turned = frame.reformat(wide, high, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    left, top = planes.even((wide - width) / 2), planes.even((high - height) / 2)
    box = planes.Box(left, top, left + width, top + height)
    parts = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        for plane in turned.planes
    ]
    y, u, v = (planes.cut(part, box, step) for part, step in zip(parts, (1, 2, 2), strict=True))
    return Yuv(y.copy(), u.copy(), v.copy())


def open_backdrop(
    scene: Scene,
    near: Callable[[str | Path], Path],
    layout: Layout,
    rate: Fraction,
    room: NDArray[np.float32],
    patient: bool = False,
) -> Backdrop:
    """Return the backdrop that `scene.background` asks for; `room` when it cannot be read.

    Args:
        room: (h, w, 3) sRGB 0 .. 1 of the frame's size, the painted studio.
        patient: see `Clip`.
    """
    path = near(scene.background) if scene.background else None
    if path is not None and path.suffix.lower() in CLIPS:
        return Clip(path, layout, rate, planes.opaque(dithered(room)), patient)
    if path is not None:
        picture = Pictures().cover(path, layout.width, layout.height)
        if picture is not None:
            return Still(planes.opaque(dithered(picture[..., :3])))
    return Still(planes.opaque(dithered(room)))
