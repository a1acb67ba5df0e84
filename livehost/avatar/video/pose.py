"""Where the face of one frame is in every other: a weak-perspective camera per frame.

In:  landmarks of each frame of a film that repeats.   Out: cameras, and the relief of the face.

A camera takes a point (x, y) of the reference, with the relief z there, to a frame. Its eight
numbers are fitted to landmarks, which tremble, and then to the picture itself, which does not.
Source: Evangelidis and Psarakis, "Parametric image alignment using enhanced correlation
coefficient", PAMI 2008, as in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""x, y, width, height in pixels of the film."""

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""Outlines of the face and of the lips, each once round."""
EYES = (33, 133, 362, 263)
RELIEF = 24
"""Nodes of the relief on each side of its box."""
NEAR = 0.55
"""Heights of a face over which a landmark's say falls off with its distance from the mouth."""
LIPS_SAY = 0.4
SETTLED = 1.2
"""Frames (sigma) over which the cameras of landmarks are calmed."""
MOST_OFF = 0.05
"""Heights of a face that the picture may be away from where its landmarks are."""
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)


@dataclass(frozen=True, slots=True)
class Reference:
    """The frame that the plate is.

    Attributes:
        points: (478, 3) float32 landmarks.
        centre: middle of the mouth.
        height: of the face, from brow to chin, in pixels.
    """

    points: F32
    centre: tuple[float, float]
    height: float


def reference(points: F32) -> Reference:
    """Return the reference with these landmarks."""
    x, y = points[list(LIPS), :2].mean(0)
    height = float(np.linalg.norm(points[152, :2] - points[10, :2]))
    return Reference(points, (float(x), float(y)), height)


def cameras(ref: Reference, points: F32) -> F32:
    """Return (n, 2, 4) cameras from landmarks (n, 478, 3), calmed; the last frame joins the first.

    The relief counts from the mouth's own depth, so that the lean does not move the mouth.
    """
    space = _space(ref)
    say = _say(ref)[:, None]
    solve = np.linalg.pinv(space * say)
    fitted = np.einsum("ij,njk->nki", solve, points[:, :, :2] * say)
    return _uncentred(calmed(np.asarray(fitted, np.float32), SETTLED), ref)


def depth(ref: Reference) -> F32:
    """Return (478,) z of the landmarks, 0 at the mouth."""
    z = ref.points[:, 2]
    return np.asarray(z - z[list(LIPS)].mean(), np.float32)


def relief(ref: Reference, box: Box) -> F32:
    """Return (RELIEF, RELIEF) z over `box`: a smooth surface through the landmarks."""
    x, y = np.meshgrid(
        np.linspace(box[0], box[0] + box[2], RELIEF), np.linspace(box[1], box[1] + box[3], RELIEF)
    )
    nodes = np.stack([x.ravel(), y.ravel()], axis=1)
    apart = ((nodes[:, None] - ref.points[None, :, :2]) ** 2).sum(-1)
    # The nearest landmark sets the scale: beside the face its edge goes on.
    apart -= apart.min(1, keepdims=True)
    shares = np.exp(-apart / (2 * (0.05 * ref.height) ** 2))
    z = (shares * depth(ref)).sum(1) / shares.sum(1)
    return np.asarray(z.reshape(RELIEF, RELIEF), np.float32)


def errors(ref: Reference, found: F32, points: F32) -> F32:
    """Return (n,): pixels (rms) between landmarks and where the cameras see them, mouth and eyes
    left out."""
    seen = _seen(ref, found)
    away = np.linalg.norm(points[:, :, :2] - seen, axis=-1)
    still = _say(ref) > 0.5
    return np.asarray(np.sqrt((away[:, still] ** 2).mean(1)), np.float32)


def drift(ref: Reference, found: F32, points: F32) -> F32:
    """Return (n,): pixels (rms) that the lips have moved on the face since the reference."""
    seen = _seen(ref, found)[:, list(LIPS)]
    away = np.linalg.norm(points[:, list(LIPS), :2] - seen, axis=-1)
    return np.asarray(np.sqrt((away**2).mean(1)), np.float32)


def calmed(rows: F32, sigma: float) -> F32:
    """Return `rows` smoothed along their first axis, which is a circle."""
    reach = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    parts = (
        np.float32(share) * np.roll(rows, -step, axis=0)
        for share, step in zip(kernel, range(-reach, reach + 1), strict=True)
    )
    return np.asarray(sum(parts), np.float32)


# --- by the picture -------------------------------------------------------------------------------


class Rectifier:
    """Brings the face of a frame back to where the reference has it.

    Args:
        box: what is brought back, in pixels of the film.
    """

    def __init__(self, ref: Reference, box: Box) -> None:
        self.box = box
        left, top, width, height = box
        x, y = np.meshgrid(np.arange(width) + left + 0.5, np.arange(height) + top + 0.5)
        z = cv2.resize(relief(ref, box), (width, height), interpolation=cv2.INTER_LINEAR)
        self._points = np.stack([x, y, z, np.ones_like(x)], axis=-1).astype(np.float32)

    def __call__(self, picture: U8, camera: F32) -> U8:
        """Return the part of `picture`, (h, w) or (h, w, 3), that the box shows."""
        # Pixel centres: pixel i covers [i, i + 1).
        at = self._points @ camera.T - np.float32(0.5)
        found = cv2.remap(
            picture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(found, np.uint8)


class Aligner:
    """Corrects cameras by what the reference looks like around the mouth.

    Args:
        luma: (H, W) uint8, the whole reference.
    """

    def __init__(self, ref: Reference, luma: U8) -> None:
        self._height = ref.height
        box = _around(ref, luma.shape)
        self._rectify = Rectifier(ref, box)
        left, top, width, height = box
        self._wanted = luma[top : top + height, left : left + width]
        self._mask = face_mask(ref, box)

    def __call__(self, luma: U8, camera: F32) -> tuple[F32, float]:
        """Return a better camera for the frame `luma`, and how alike it is then, up to 1.

        The camera stays where the picture says something quite different from the landmarks.
        """
        found = self._rectify(luma, camera)
        start = np.eye(2, 3, dtype=np.float32)
        try:
            alike, moved = cv2.findTransformECC(
                self._wanted, found, start, cv2.MOTION_AFFINE, _STEPS, self._mask, 5
            )
        except cv2.error:  # it does not converge: nothing alike is there
            return camera, 0.0
        left, top, width, height = self._rectify.box
        ends = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float32)
        away = np.abs(ends @ moved.T - ends[:, :2]).max()
        if away > MOST_OFF * self._height:
            return camera, float(alike)
        return _after(camera, np.asarray(moved, np.float32), left + 0.5, top + 0.5), float(alike)


def face_mask(ref: Reference, box: Box) -> U8:
    """Return (h, w) uint8: 255 on the lower face within `box`."""
    oval = ref.points[list(OVAL), :2]
    mask = filled(oval.mean(0) + 0.94 * (oval - oval.mean(0)), box)
    eyes = ref.points[list(EYES), 1].max() + 0.06 * ref.height
    mask[: max(0, round(float(eyes) - box[1]))] = 0
    return mask


def filled(outline: F32, box: Box) -> U8:
    """Return (h, w) uint8: 255 within `outline`, (n, 2), as far as it lies in `box`."""
    mask = np.zeros((box[3], box[2]), np.uint8)
    corners = np.rint(outline - np.array(box[:2], np.float32)).astype(np.int32)
    cv2.fillPoly(mask, [np.asarray(corners, np.int32)], (255,))
    return mask


def _around(ref: Reference, shape: tuple[int, ...]) -> Box:
    oval = ref.points[list(OVAL), :2]
    left, top = np.maximum(0, np.floor(oval.min(0))).astype(int)
    right, bottom = np.minimum((shape[1], shape[0]), np.ceil(oval.max(0)) + 1).astype(int)
    return int(left), int(top), int(right - left), int(bottom - top)


def _after(camera: F32, moved: F32, left: float, top: float) -> F32:
    """Return the camera that sees a point where `camera` sees what `moved` makes of it."""
    corner = np.array([left, top], np.float32)
    turn = moved[:, :2]
    shift = moved[:, 2] + corner - turn @ corner
    out = camera.copy()
    out[:, :2] = camera[:, :2] @ turn
    out[:, 3] = camera[:, :2] @ shift + camera[:, 3]
    return out


# --- fitting --------------------------------------------------------------------------------------


def _space(ref: Reference) -> F64:
    """Return (478, 4): the landmarks of the reference, seen from the mouth, and 1."""
    x, y = ref.points[:, 0] - ref.centre[0], ref.points[:, 1] - ref.centre[1]
    return np.stack([x, y, depth(ref), np.ones_like(x)], axis=1).astype(np.float64)


def _say(ref: Reference) -> F64:
    """Return (478,): how far each landmark counts; what the face moves counts less."""
    away = np.linalg.norm(ref.points[:, :2] - np.array(ref.centre), axis=1)
    say = np.exp(-0.5 * (away / (NEAR * ref.height)) ** 2)
    lips = ref.points[list(LIPS), :2]
    low, high = lips.min(0), lips.max(0)
    say[((ref.points[:, :2] >= low) & (ref.points[:, :2] <= high)).all(1)] *= LIPS_SAY
    say[ref.points[:, 1] < ref.points[list(EYES), 1].max()] *= LIPS_SAY
    return np.asarray(say, np.float64)


def _uncentred(fitted: F32, ref: Reference) -> F32:
    out = fitted.copy()
    out[:, :, 3] -= fitted[:, :, 0] * np.float32(ref.centre[0])
    out[:, :, 3] -= fitted[:, :, 1] * np.float32(ref.centre[1])
    return out


def _seen(ref: Reference, found: F32) -> F32:
    """Return (n, 478, 2): where the cameras see the landmarks of the reference."""
    space = np.concatenate([ref.points[:, :2], depth(ref)[:, None], np.ones((478, 1))], axis=1)
    return np.asarray(np.einsum("nki,pi->npk", found, space), np.float32)
