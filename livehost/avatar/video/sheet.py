"""A contact sheet of a filmed host: the film and where its mouth is, then the mouth's sounds.

In:  frames, a track, an artist.   Out: one picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo.folder import SHAPES
from livehost.avatar.photo.sheet import Artist
from livehost.avatar.video import pose
from livehost.avatar.video.footage import FPS
from livehost.avatar.video.pose import Reference

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

TILE, TALL, COLUMNS = 220, 260, 6
VISEMES = ("sil", "a", "i", "o", "u", "m")
_GREEN, _DARK, _WHITE = (60, 220, 90), (20, 20, 20), (255, 255, 255)


def sheet(frames: Iterable[U8], cameras: F32, ref: Reference, artist: Artist) -> U8:
    """Return (h, w, 3): frames with the outline of the lips, then visemes on the plate."""
    wanted = {round(n * len(cameras) / COLUMNS): n for n in range(COLUMNS)}
    rows: list[list[U8]] = [[], []]
    for number, frame in enumerate(frames):
        if number in wanted:
            rows[0].append(_tracked(frame, cameras[number], ref, number))
    known = json.loads(SHAPES.read_text("utf-8"))["visemes"]
    still = np.eye(2, 4, dtype=np.float32)
    still[:, 3], still[:, 2] = 0, 0
    rows[1] = [_tile(artist.face(known[name]), still, ref, f"says {name}") for name in VISEMES]
    return np.vstack([np.hstack(row) for row in rows])


def _tracked(frame: U8, camera: F32, ref: Reference, number: int) -> U8:
    lips = ref.points[list(pose.LIPS)]
    space = np.column_stack([lips[:, :2], pose.depth(ref)[list(pose.LIPS)], np.ones(len(lips))])
    seen = np.rint((space @ camera.T) * 16).astype(np.int32)
    marked = frame.copy()
    outline = [np.asarray(seen, np.int32)]
    cv2.polylines(marked, outline, True, _GREEN, 1, cv2.LINE_AA, 4)
    return _tile(marked, camera, ref, f"{number / FPS:.1f} s")


def _tile(picture: U8, camera: F32, ref: Reference, name: str) -> U8:
    """Return the face, at the size of a tile."""
    oval = ref.points[list(pose.OVAL), :2]
    middle = camera @ np.array([*oval.mean(0), 0, 1], np.float32)
    scale = TALL / (1.45 * ref.height)
    matrix = np.array([[scale, 0, TILE / 2], [0, scale, TALL / 2]])
    matrix[:, 2] -= scale * middle
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = np.asarray(cv2.warpAffine(picture, matrix, (TILE, TALL), flags=how), np.uint8)
    cv2.rectangle(small, (0, 0), (TILE, 20), _DARK, -1)
    cv2.putText(small, name, (6, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _WHITE, 1, cv2.LINE_AA)
    return small
