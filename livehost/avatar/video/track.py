"""Follow the mouth through a film that repeats: where it is, in what light, whether it is seen.

In:  the frames of the film, a finder of faces.   Out: the track, and the plate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.landmarks import Found
from livehost.avatar.loop import SHADES, Track
from livehost.avatar.video import pose
from livehost.avatar.video.pose import Aligner, Box, Rectifier, Reference, reference
from livehost.avatar.video.watch import LOWER, UPPER, Finder
from livehost.colour import rgb_to_yuv
from livehost.errors import ConfigError

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Frames = Callable[[], Iterable[U8]]
"""Gives the frames of the film from the first, each time it is called."""

CALM_POSE, CALM_SHADE = 0.7, 1.5
"""Frames (sigma) over which cameras and shades are calmed."""
ALIKE, UNLIKE = 0.75, 0.45
"""Correlation with the reference from which the mouth is seen well, and up to which not at all."""
FEWEST = 12
"""Frames at the film's end that are mixtures, which no plate is made from."""


@dataclass(frozen=True, slots=True)
class Faces:
    """The landmarks of a whole film.

    Attributes:
        points: (n, 478, 3) float32, in pixels of the film.
        reference: number of the frame that the plate is.
        ref: its landmarks.
    """

    points: F32
    reference: int
    ref: Reference


@dataclass(frozen=True, slots=True)
class Fit:
    """How well the face could be followed.

    Attributes:
        alike: (n,) correlation of each frame's face with the reference's.
        error: (n,) pixels between landmarks and cameras.
        drift: (n,) pixels that the lips move on the face.
        border: (n,) levels of luma that are left at the border of the region.
    """

    alike: F32
    error: F32
    drift: F32
    border: F32


def faces(frames: Frames, find: Finder) -> Faces:
    """Find the face in every frame, and the frame to make the plate of.

    Raises:
        ConfigError: a frame shows no face.
    """
    found: list[Found] = []
    for number, picture in enumerate(frames()):
        seen = find(picture)
        if not seen:
            raise ConfigError(f"frame {number} of the loop shows no face; film with more light")
        found.append(seen[0])
    points = np.stack([face.points for face in found])
    best = _best(found)
    # The plate's own landmarks, calmed by those of its neighbours in time, decide everything.
    near = points[[(best + step) % len(points) for step in (-1, 0, 1)]]
    near = near - near.mean(1, keepdims=True) + points[best].mean(0)
    return Faces(points, best, reference(np.asarray(near.mean(0), np.float32)))


def _best(found: list[Found]) -> int:
    """Return the frame with a usual pose, closed lips and open eyes."""
    angles = np.array([face.angles for face in found])
    off = np.abs(angles - np.median(angles, axis=0)).sum(1)
    gaps = np.array([_gap(face) for face in found])
    lids = np.array([face.scores.get("eyeBlinkLeft", 0.0) for face in found])
    smile = np.array([face.scores.get("mouthSmileLeft", 0.0) for face in found])
    cost = off / 3 + 60 * gaps + lids + 2 * np.abs(smile - np.median(smile))
    if len(cost) > 2 * FEWEST:
        cost[-FEWEST:] = np.inf
    return int(np.argmin(cost))


def _gap(face: Found) -> float:
    apart = np.linalg.norm(face.points[UPPER, :2] - face.points[LOWER, :2])
    return float(apart) / max(1.0, face.box[3])


def picture(frames: Frames, number: int) -> U8:
    """Return frame `number`."""
    for at, found in enumerate(frames()):
        if at == number:
            return found
    raise ValueError(f"there is no frame {number}")


def follow(frames: Frames, seen: Faces, plate: U8, box: Box, mask: U8) -> tuple[Track, Fit]:
    """Return the track of a region of the plate through the film.

    Args:
        box: of the region.
        mask: how much of the region covers the plate, of any size.
    """
    ref = seen.ref
    luma = rgb_to_yuv(plate).y
    found = pose.cameras(ref, seen.points)
    align = Aligner(ref, luma)
    better, alike = [], []
    for camera, frame in zip(found, frames(), strict=True):
        fitted, how = align(rgb_to_yuv(frame).y, camera)
        better.append(fitted)
        alike.append(how)
    found = _calmed(np.stack(better), ref)
    shading = Shading(ref, plate, box, mask)
    shades, borders = shading.of(frames, found)
    seen_by = _seen(np.array(alike, np.float32))
    track = Track(found, pose.relief(ref, box), shades, seen_by)
    error, drift = pose.errors(ref, found, seen.points), pose.drift(ref, found, seen.points)
    return track, Fit(np.array(alike, np.float32), error, drift, borders)


def _calmed(cameras: F32, ref: Reference) -> F32:
    """Return cameras calmed about the mouth: turning must not move it."""
    point = np.array([*ref.centre, 0, 1], np.float32)
    mouth = cameras @ point
    turned = cameras.copy()
    turned[:, :, 3] -= mouth
    calm, mouth = pose.calmed(turned, CALM_POSE), pose.calmed(mouth, CALM_POSE)
    calm[:, :, 3] = mouth - calm[:, :, :3] @ point[:3]
    return calm


def _seen(alike: F32) -> F32:
    """Return 1 where the mouth is seen, 0 where something is before it, with soft ends."""
    usual = min(1.0, float(np.median(alike)) / 0.9)
    share = np.clip((alike / max(0.1, usual) - UNLIKE) / (ALIKE - UNLIKE), 0, 1)
    low = np.min([np.roll(share, step) for step in range(-2, 3)], axis=0)
    return np.clip(pose.calmed(low.astype(np.float32), 1.0), 0, 1)


class Shading:
    """How far a frame's colours are from the plate's, over a region and without its lips."""

    def __init__(self, ref: Reference, plate: U8, box: Box, mask: U8) -> None:
        self._rectify = Rectifier(ref, box)
        left, top, width, height = box
        self._plate = _levels(plate[top : top + height, left : left + width])
        cover = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
        self._weight = _skin(ref, box) * (cover > 0)
        self._share = cover.astype(np.float32) / 255
        self._edge = ((cover > 8) & (cover < 128)).astype(np.float32)

    def of(self, frames: Frames, cameras: F32) -> tuple[F32, F32]:
        """Return (n, SHADES, SHADES, 3) levels, and (n,) levels left at the region's border."""
        shades, rests = [], []
        for frame, camera in zip(frames(), cameras, strict=True):
            away = _levels(self._rectify(frame, camera)) - self._plate
            shades.append(_coarse(away, self._weight))
            rests.append(away[..., 0])
        calm = pose.calmed(np.stack(shades), CALM_SHADE)
        left = [self._left(rest, shade) for rest, shade in zip(rests, calm, strict=True)]
        return calm, np.array(left, np.float32)

    def _left(self, away: F32, shade: F32) -> float:
        """Return the smooth part of what the shade does not explain, as far as it is seen at the
        border."""
        size = away.shape[1], away.shape[0]
        rest = away - cv2.resize(shade[..., 0], size, interpolation=cv2.INTER_LINEAR)
        smooth = cv2.GaussianBlur(rest * self._edge, (0, 0), 3)
        under = cv2.GaussianBlur(self._edge, (0, 0), 3)
        inside = self._edge > 0
        seen = self._share * np.abs(smooth / np.maximum(under, 1e-3))
        return float(np.percentile(seen[inside], 95))


def _levels(rgb: U8) -> F32:
    """Return (h, w, 3) float32 y, u, v of RGB, chroma as large as luma."""
    height, width = rgb.shape[:2]
    even = rgb[: height // 2 * 2, : width // 2 * 2]
    planes = rgb_to_yuv(np.ascontiguousarray(even))
    parts = [
        cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
        for part in (planes.y, planes.u, planes.v)
    ]
    return np.asarray(cv2.merge(parts), np.float32)


def _skin(ref: Reference, box: Box) -> F32:
    """Return (h, w) float32: 1 on skin that speaking leaves alone, little elsewhere."""
    face = pose.face_mask(ref, box).astype(np.float32) / 255
    outline = ref.points[list(pose.LIPS), :2]
    wide = outline.mean(0) + 1.35 * (outline - outline.mean(0))
    face[pose.filled(np.asarray(wide, np.float32), box) > 0] = 0
    return np.asarray(np.maximum(face, 0.05), np.float32)


def _coarse(away: F32, weight: F32) -> F32:
    """Return (SHADES, SHADES, 3): the weighted mean of `away` about each cell."""
    sigma = 0.7 * max(away.shape[:2]) / SHADES
    # Outliers, a hair or a shifted edge, must not tint their surroundings.
    bounded = np.clip(away, -24, 24) * weight[..., None]
    over = cv2.GaussianBlur(bounded, (0, 0), sigma)
    under = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
    smooth = over / np.maximum(under, 1e-4)
    return np.asarray(
        cv2.resize(smooth, (SHADES, SHADES), interpolation=cv2.INTER_AREA), np.float32
    )
