"""What is seen of the person, moment by moment: where the face is, what it does, what moves.

In:  footage, a finder of faces.   Out: numbers per moment, light enough to keep for minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.landmarks import Found
from livehost.avatar.video.footage import Footage, Shot, fitted

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Finder = Callable[[U8], tuple[Found, ...]]

SHORT, LONG = 540, 960
"""Sides of the pictures that faces are looked for in."""
THUMB = (36, 64)
CHIP = 40
"""Side of the lower face, brought to one place, that tells whether something is before it."""
SECOND = 0.4
"""Size against the largest face from which another face counts."""
UPPER, LOWER, CHIN, BROW = 13, 14, 152, 10
STEADY = (6, 197, 195, 5, 4, 1, 2, 98, 327, 33, 133, 362, 263, 168, 8, 9, 151, 234, 454, 93, 323)
"""Points that speaking does not move: nose, corners of the eyes, forehead, before the ears."""
_CORNERS = (33, 263, 152)  # outer corners of the eyes, chin


@dataclass(frozen=True, slots=True)
class Seen:
    """The main face of one moment.

    Attributes:
        points: (478, 3) float32, in pixels of the video at `scale` 1.
        scores: jawOpen, the two blinks, mouthSmile left and right, as seen.
        angles: yaw, pitch, roll in degrees.
        gap: between the lips, share of the face's height.
        chip: (CHIP, CHIP) uint8, the lower face in one place.
        sharp: variance of the Laplacian of the face at one size.
        light: mean luma of the face, and the share of it that is burnt out.
    """

    points: F32
    scores: dict[str, float]
    angles: tuple[float, float, float]
    gap: float
    chip: U8
    sharp: float
    light: tuple[float, float]

    @property
    def height(self) -> float:
        """From brow to chin, in pixels of the video."""
        return float(np.linalg.norm(self.points[CHIN, :2] - self.points[BROW, :2]))


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of the footage.

    Attributes:
        face: None when there is none.
        others: further faces of about the same size.
        thumb: the whole picture, `THUMB`, grey.
        stale: nothing was filmed near it.
    """

    face: Seen | None
    others: int
    thumb: F32
    stale: bool


def watch(
    footage: Footage, find: Finder, told: Callable[[int], None] = lambda _: None
) -> list[Moment]:
    """Return every moment of `footage`. Raises ConfigError when it cannot be decoded.

    Args:
        told: called with the number of moments seen.
    """
    size = fitted(footage.facts, SHORT, LONG)
    scale = footage.facts.width / size[0]
    out: list[Moment] = []
    for shot in footage.shots(size):
        out.append(_moment(shot, find, scale))
        told(len(out))
    return out


def _moment(shot: Shot, find: Finder, scale: float) -> Moment:
    rgb = shot.nearest
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    thumb = cv2.resize(grey, THUMB, interpolation=cv2.INTER_AREA).astype(np.float32)
    faces = find(rgb)
    if not faces:
        return Moment(None, 0, thumb, shot.stale)
    main = faces[0]
    return Moment(_seen(main, grey, scale), _others(faces), thumb, shot.stale)


def _others(faces: tuple[Found, ...]) -> int:
    return sum(face.box[3] > SECOND * faces[0].box[3] for face in faces[1:])


def _seen(face: Found, grey: U8, scale: float) -> Seen:
    points = face.points
    high = float(np.linalg.norm(points[CHIN, :2] - points[BROW, :2]))
    kept = ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight")
    x, y, wide, tall = (round(side) for side in face.box)
    inside = grey[max(0, y) : y + tall, max(0, x) : x + wide]
    return Seen(
        points * np.float32(scale),
        {name: face.scores.get(name, 0.0) for name in kept},
        face.angles,
        float(np.linalg.norm(points[LOWER, :2] - points[UPPER, :2])) / max(1.0, high),
        _chip(grey, points),
        _sharpness(inside),
        (float(inside.mean()), float((inside > 250).mean())) if inside.size else (0.0, 0.0),
    )


def _chip(grey: U8, points: F32) -> U8:
    """Return nose to chin, brought to one place by the eyes and the chin."""
    source = points[list(_CORNERS), :2].astype(np.float32)
    target = np.array([[4, -14], [CHIP - 4, -14], [CHIP / 2, CHIP - 4]], np.float32)
    matrix = cv2.getAffineTransform(source, target)
    chip = cv2.warpAffine(grey, matrix, (CHIP, CHIP), flags=cv2.INTER_AREA)
    return np.asarray(chip, np.uint8)


def _sharpness(face: U8) -> float:
    """Return the variance of the Laplacian at a height of 160, which compares sizes fairly."""
    if min(face.shape, default=0) < 16:
        return 0.0
    scale = 160 / face.shape[0]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    one = cv2.resize(face, None, fx=scale, fy=scale, interpolation=how)
    return float(cv2.Laplacian(one, cv2.CV_32F).var())


def unlike(chips: Iterable[U8]) -> F32:
    """Return (n,): 1 - correlation of each chip with the usual one; high where a hand is."""
    stack = np.stack([chip.astype(np.float32).ravel() for chip in chips])
    usual = np.median(stack, axis=0)
    stack = stack - stack.mean(1, keepdims=True)
    usual = usual - usual.mean()
    norms = np.linalg.norm(stack, axis=1) * np.linalg.norm(usual) + 1e-6
    return np.asarray(1 - stack @ usual / norms, np.float32)
