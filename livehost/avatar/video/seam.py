"""The stretch of a video that can be repeated: quiet, lips closed, its end like its beginning.

In:  what was seen, moment by moment.   Out: where to cut, and how far the two ends are apart.

All pairs of usable moments are compared, over the length of the cross-fade, by the landmarks of the
face and by the whole picture, both in units of what usually changes from one moment to the next.
Source: the idea of Schödl et al., "Video textures", SIGGRAPH 2000.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.video.footage import FPS
from livehost.avatar.video.watch import STEADY, Moment, Seen, unlike

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

FADE = 12
"""Moments over which the end goes over into the beginning: 0.48 s."""
LEAST_SECONDS, MOST_SECONDS = 4.0, 30.0
GOOD_SECONDS = 10.0
"""Shorter loops are taken only when they join better: viewers notice what comes again."""
CLOSED_GAP, CLOSED_JAW = 0.016, 0.08
MOST_YAW, MOST_ROLL = 22.0, 18.0
MOST_UNLIKE = 0.35
MOST_CHANGE = 12.0
"""Times the usual change of the picture that is a cut between scenes."""
FAR = 10.0
"""Seam, in usual changes per moment, from which the film is rather played there and back: a fade
that has farther to go can be seen."""
PIECE_SECONDS = 2 * MOST_SECONDS
"""Moments that are compared with each other at once: memory grows with the square."""
_LEAST_PICTURE, _LEAST_FACE = 0.25, 0.0012  # of noise: levels, share of the face's height


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the footage that can be repeated.

    Attributes:
        begin: the first moment.
        length: moments of the loop, without the `FADE` after it that is mixed into its beginning.
        seam: distance of its ends in usual changes from one moment to the next.
        mirrored: it is played there and back; nothing is mixed.
    """

    begin: int
    length: int
    seam: float
    mirrored: bool = False

    @property
    def frames(self) -> int:
        """How many frames the film will have."""
        return 2 * self.length - 2 if self.mirrored else self.length


def usable(moments: list[Moment], size: tuple[int, int]) -> dict[str, Mask]:
    """Return by fault, "" for all of them, which moments are free of it.

    Args:
        size: width and height of the video.
    """
    faces = [moment.face for moment in moments]
    there = np.array([face is not None for face in faces])
    chips = [face.chip for face in faces if face]
    hidden = np.zeros(len(faces), bool)
    if chips:
        hidden[there] = unlike(chips) > MOST_UNLIKE
    out = {
        "no face": there,
        "face not whole in the picture": ~there | np.array([_inside(face, size) for face in faces]),
        "turned away": ~there | np.array([_frontal(face) for face in faces]),
        "mouth open": ~there | np.array([_closed(face) for face in faces]),
        "something before the mouth": ~hidden,
        "no picture": np.array([not moment.stale for moment in moments]),
        "cut": ~_cuts(moments),
    }
    out[""] = np.logical_and.reduce(list(out.values()))
    return out


def _inside(face: Seen | None, size: tuple[int, int]) -> bool:
    if face is None:
        return False
    low, high = face.points[:, :2].min(0), face.points[:, :2].max(0)
    return bool((low > 0).all() and (high < size).all())


def _frontal(face: Seen | None) -> bool:
    return face is not None and abs(face.angles[0]) < MOST_YAW and abs(face.angles[2]) < MOST_ROLL


def _closed(face: Seen | None) -> bool:
    return face is not None and face.gap < CLOSED_GAP and face.scores["jawOpen"] < CLOSED_JAW


def _cuts(moments: list[Moment]) -> Mask:
    """Return where another scene begins."""
    steps = np.array([np.abs(b.thumb - a.thumb).mean() for a, b in _pairs(moments)])
    out = np.zeros(len(moments), bool)
    if len(steps):
        out[1:] = steps > max(MOST_CHANGE * float(np.median(steps)), 12.0)
    return out


def _pairs(moments: list[Moment]) -> list[tuple[Moment, Moment]]:
    return list(itertools.pairwise(moments))


def find(moments: list[Moment], fine: Mask) -> Stretch | None:
    """Return the best stretch of moments that are all `fine`; None when none is long enough."""
    least, most = round(LEAST_SECONDS * FPS), round(MOST_SECONDS * FPS)
    best: tuple[float, Stretch] | None = None
    for begin, end in _pieces(fine):
        if end - begin <= least // 2 + 1:  # too short even for there and back
            continue
        for rated in (_faded(moments[begin:end], least, most), _mirrored(moments[begin:end], most)):
            if rated and (best is None or rated[0] < best[0]):
                cost, found = rated
                at = Stretch(begin + found.begin, found.length, found.seam, found.mirrored)
                best = cost, at
    return best[1] if best else None


def _pieces(fine: Mask) -> Iterator[tuple[int, int]]:
    """Yield runs; of a long one, pieces that overlap by half."""
    piece = round(PIECE_SECONDS * FPS)
    for begin, end in runs(fine):
        for at in range(begin, max(begin + 1, end - piece // 2), piece // 2):
            yield at, min(at + piece, end)


def runs(fine: Mask) -> list[tuple[int, int]]:
    """Return the begin and the end of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], fine, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _faded(moments: list[Moment], least: int, most: int) -> tuple[float, Stretch] | None:
    """Return the best pair of ends that can go over into each other, with its cost."""
    last = len(moments) - FADE
    if last <= least:
        return None
    apart = distances(moments)
    seams = np.zeros((last, last), np.float32)
    for k in range(FADE):
        seams += apart[k : last + k, k : last + k] / np.float32(FADE)
    begin, end = np.mgrid[:last, :last]
    length = end - begin
    cost = np.where((length >= least) & (length <= most), seams + _short(length), np.inf)
    at = int(np.argmin(cost))
    one, other = divmod(at, last)
    if not np.isfinite(cost[one, other]):
        return None
    return float(cost[one, other]), Stretch(one, other - one, float(seams[one, other]))


def _mirrored(moments: list[Moment], most: int) -> tuple[float, Stretch] | None:
    """Return a stretch to be played there and back, turning where least moves."""
    steps = np.diag(distances(moments), 1)
    speed = np.convolve(steps, np.ones(5) / 5, "same")
    half = min(most // 2, len(moments) - 1)
    least = round(LEAST_SECONDS * FPS / 2)
    if half <= least:
        return None
    begin, end = np.mgrid[: len(steps), : len(steps)]
    length = end - begin
    turning = np.maximum(speed[:, None], speed[None, :])
    cost = np.where((length >= least) & (length <= half), turning + _short(2 * length), np.inf)
    one, other = divmod(int(np.argmin(cost)), len(steps))
    if not np.isfinite(cost[one, other]):
        return None
    seam = float(turning[one, other])
    return FAR + float(cost[one, other]), Stretch(one, other - one + 1, seam, True)


def _short(length: NDArray[np.int64]) -> F32:
    """Return what being short costs, 0 from `GOOD_SECONDS` on."""
    return np.asarray(2 * np.clip(1 - length / (GOOD_SECONDS * FPS), 0, 1), np.float32)


def distances(moments: list[Moment]) -> F32:
    """Return (n, n): how unlike two moments are, in usual changes from one to the next."""
    faces = [moment.face for moment in moments if moment.face]
    high = float(np.median([face.height for face in faces]))
    points = np.stack([face.points[list(STEADY), :2] / high for face in faces])
    lids = np.array([_lids(face) for face in faces])
    # MediaPipe trembles by more than a quiet head moves: three moments together say where it is.
    points = _calm(points.reshape(len(faces), -1))
    thumbs = np.stack([moment.thumb.ravel() for moment in moments])
    face = _relative(_apart(points), _LEAST_FACE * len(STEADY) ** 0.5)
    picture = _relative(_apart(thumbs), _LEAST_PICTURE * thumbs.shape[1] ** 0.5)
    blink = np.abs(lids[:, None] - lids[None, :]) * 2
    return np.asarray((face + picture) / 2 + blink, np.float32)


def _lids(face: Seen) -> float:
    return (face.scores["eyeBlinkLeft"] + face.scores["eyeBlinkRight"]) / 2


def _calm(rows: F32) -> F32:
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    return np.asarray((padded[:-2] + padded[1:-1] + padded[2:]) / 3, np.float32)


def _apart(rows: F32) -> F32:
    """Return (n, n) Euclidean distances of (n, k)."""
    rows = (rows - rows.mean(0)).astype(np.float32)
    squares = (rows * rows).sum(1)
    apart = squares[:, None] + squares[None, :] - 2 * rows @ rows.T
    return np.asarray(np.sqrt(np.maximum(apart, 0)), np.float32)


def _relative(apart: F32, least: float) -> F32:
    usual = float(np.median(np.diag(apart, 1))) if len(apart) > 1 else 0.0
    return np.asarray(apart / max(usual, least), np.float32)
