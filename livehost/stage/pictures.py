"""Pictures that somebody gave us: read, turned to size, and never trusted.

In:  a path.   Out: (h, w, 4) float32 straight RGBA in 0 .. 1, or None when it cannot be read.
"""

from __future__ import annotations

import io
import logging
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

log = logging.getLogger(__name__)

Rgba = NDArray[np.float32]

MOST_BYTES = 64 * 1024 * 1024
MOST_PIXELS = 64 * 1000 * 1000


class Pictures:
    """The last few pictures at the size they are shown; read again when their file changes.

    Attributes:
        failures: pictures that could not be read since start.
    """

    def __init__(self, most: int = 8) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, int, int, int], Rgba | None] = OrderedDict()
        self.failures = 0

    def cover(self, path: Path, width: int, height: int) -> Rgba | None:
        """Return the picture scaled and cropped to fill `width` x `height`, or None."""
        key = (str(path), _stamp(path), width, height)
        if key not in self._kept:
            self._kept[key] = self._read(path, width, height)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _read(self, path: Path, width: int, height: int) -> Rgba | None:
        try:
            return covered(read(path), width, height)
        except (OSError, ValueError, cv2.error, Image.DecompressionBombError) as error:
            self.failures += 1
            log.warning("picture cannot be shown", extra={"path": str(path), "why": str(error)})
            return None


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def read(path: Path) -> NDArray[np.uint8]:
    """Return a picture file as (h, w, 4) uint8 straight RGBA.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a picture, or larger than 64 MB or 64 megapixels.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES >> 20} MB")
    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as image:  # reads the header only
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"more than {MOST_PIXELS // 1_000_000} megapixels")
    turned = data.startswith(b"\xff\xd8")  # JPEG: obey the camera's orientation
    flag = cv2.IMREAD_COLOR if turned else cv2.IMREAD_UNCHANGED
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if pixels is None:
        raise ValueError("is not a picture that can be decoded")
    return _rgba(pixels)


def _rgba(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    deep = (pixels >> 8) if pixels.dtype == np.uint16 else pixels  # type: ignore[operator]
    eight = deep.astype(np.uint8)
    channels = 1 if eight.ndim == 2 else eight.shape[2]
    code = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}[channels]
    return np.asarray(cv2.cvtColor(eight, code), np.uint8)


def covered(rgba: NDArray[np.uint8], width: int, height: int) -> Rgba:
    """Return the picture scaled to fill `width` x `height`, its middle kept."""
    rows, columns = rgba.shape[:2]
    scale = max(width / columns, height / rows)
    size = max(width, round(columns * scale)), max(height, round(rows * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(rgba, size, interpolation=method)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    part = scaled[top : top + height, left : left + width]
    return part.astype(np.float32) / np.float32(255)
