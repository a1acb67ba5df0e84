"""Pictures whose three planes lie in one piece of memory, as FFmpeg wants them.

In:  planes.   Out: the same in one piece, copied only where they are not yet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livehost.media import Yuv

U8 = NDArray[np.uint8]

_BLACK = (16, 128, 128)  # Y, U, V


def empty(width: int, height: int) -> Yuv:
    """Return a packed picture of whatever the memory held; both sides even."""
    return _planes(np.empty(width * height * 3 // 2, np.uint8), width, height)


def black(width: int, height: int) -> Yuv:
    """Return a packed black picture."""
    picture = empty(width, height)
    for plane, level in zip((picture.y, picture.u, picture.v), _BLACK, strict=True):
        plane[:] = level
    return picture


def pack(picture: Yuv) -> Yuv:
    """Return a packed copy."""
    height, width = picture.y.shape
    copy = empty(width, height)
    copy.y[:], copy.u[:], copy.v[:] = picture.y, picture.u, picture.v
    return copy


def in_one(picture: Yuv) -> U8:
    """Return (n,) memory with y, u and v one after the other: the picture's own, or a copy."""
    flat = picture.y.base
    height, width = picture.y.shape
    if isinstance(flat, np.ndarray) and flat.shape == (width * height * 3 // 2,):
        whole = _planes(flat, width, height)
        if all(_at(a) == _at(b) for a, b in zip(_all(whole), _all(picture), strict=True)):
            return flat
    return np.concatenate([plane.reshape(-1) for plane in _all(picture)])


def _planes(flat: U8, width: int, height: int) -> Yuv:
    luma, chroma = width * height, width * height // 4
    u, v = flat[luma : luma + chroma], flat[luma + chroma :]
    half = height // 2, width // 2
    return Yuv(flat[:luma].reshape(height, width), u.reshape(half), v.reshape(half))


def _all(picture: Yuv) -> tuple[U8, U8, U8]:
    return picture.y, picture.u, picture.v


def _at(plane: U8) -> tuple[int, tuple[int, ...], tuple[int, ...], np.dtype[np.uint8]]:
    return plane.ctypes.data, plane.shape, plane.strides, plane.dtype
