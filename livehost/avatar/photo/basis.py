"""The 51 face units as moves of landmarks, fitted to one face in a picture.

In:  landmarks of a face, package data.   Out: where each landmark goes when a blendshape is 1.

basis.npz holds 468 landmarks on the MakeHuman base mesh and their moves under the ARKit face units
(both CC0 1.0); docs/decisions/avatar-photo.md says how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo import marks

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

DATA = Path(__file__).with_name("basis.npz")
OPENING = ("jawOpen", "mouthClose", "mouthFunnel", "mouthUpperUp", "mouthLowerDown")
"""Blendshapes that part the lips; under all others they stay in touch."""
CLOSED_LID = 0.93  # of the way that the upper lid goes; the lower one comes the rest
OVERLAP = 0.09  # of an eye's height that a shut lid reaches over the lower one
CREASE_SHARE = 0.3  # of the lid's way that the fold above it goes
STRETCH = (0.8, 1.25)  # how much wider or narrower than the basis a mouth may count


@dataclass(frozen=True, slots=True)
class Basis:
    """Package data.

    Attributes:
        points: (468, 3), x to the picture's right, y up, z to the camera; about 10 cm.
        moves: (names, 468, 3) in the same unit.
    """

    points: F64
    moves: F64
    names: tuple[str, ...]


@cache
def basis() -> Basis:
    """Return the basis."""
    with np.load(DATA) as data:
        names = tuple(str(name) for name in data["names"])
        return Basis(data["points"].astype(np.float64), data["moves"].astype(np.float64), names)


@dataclass(frozen=True, slots=True)
class Moves:
    """How one face in a picture moves.

    Attributes:
        points: (468, 2) where its landmarks are, in pixels.
        unit: pixels of one unit of the basis (10 cm).
        by_name: (468, 2) pixels, x right and y down, at 1.
    """

    points: F64
    unit: float
    by_name: dict[str, F64]


def fit(landmarks: NDArray[np.floating]) -> Moves:
    """Fit the basis to (478, 3) landmarks in pixels (y down, z smaller is nearer)."""
    base = basis()
    seen = landmarks[: marks.SKIN].astype(np.float64) * (1, -1, -1)
    lips = marks.UPPER_LIP | marks.LOWER_LIP
    rigid = np.array([n for n in range(marks.SKIN) if n not in lips])
    scale, turn = _similarity(base.points[rigid], seen[rigid])
    flat = (base.moves @ (scale * turn).T)[..., :2] * (1, -1)
    points = landmarks[: marks.SKIN, :2].astype(np.float64)
    by_name = dict(zip(base.names, _proportioned(flat, points, scale), strict=True))
    for name, move in by_name.items():
        if not name.startswith(OPENING):
            _keep_in_touch(move)
    for side in ("Left", "Right"):
        by_name[f"eyeBlink{side}"] = _blink(points, side)
    return Moves(points, scale, by_name)


def _similarity(source: F64, target: F64) -> tuple[float, F64]:
    """Return scale and rotation from `source` to `target`.

    Source: Umeyama, "Least-squares estimation of transformation parameters", PAMI 1991.
    """
    a, b = source - source.mean(0), target - target.mean(0)
    u, singular, v = np.linalg.svd(b.T @ a)
    sign = np.diag([1, 1, np.sign(np.linalg.det(u @ v))])
    return float((singular * np.diag(sign)).sum() / (a**2).sum()), u @ sign @ v


def _proportioned(flat: F64, points: F64, scale: float) -> F64:
    """Return the moves, wider or narrower at the lips as this mouth is."""
    left, right = marks.CORNERS
    usual = np.linalg.norm(basis().points[left] - basis().points[right]) * scale
    share = np.clip(np.linalg.norm(points[left] - points[right]) / usual, *STRETCH)
    lips = sorted(marks.UPPER_LIP | marks.LOWER_LIP | set(marks.CORNERS))
    flat = flat.copy()
    flat[:, lips, 0] *= share
    return flat


def _keep_in_touch(move: F64) -> None:
    """Have facing points of both lips move as one."""
    upper, lower = list(marks.UPPER_INNER), list(marks.LOWER_INNER)
    move[upper] = move[lower] = (move[upper] + move[lower]) / 2


def _blink(points: F64, side: str) -> F64:
    """Return the move that shuts one eye, from where its lids are."""
    move = np.zeros_like(points)
    upper, lower = list(marks.UPPER_LID[side]), list(marks.LOWER_LID[side])
    gap = points[lower] - points[upper]
    over = OVERLAP * float(np.linalg.norm(gap, axis=1).max())
    move[upper], move[lower] = CLOSED_LID * gap, -(1 - CLOSED_LID) * gap
    move[upper[1:-1], 1] += over
    move[list(marks.CREASE[side])] = CREASE_SHARE * gap[1:-1]
    return move
