"""Place a photo on a plate: which part fills the stream, how deep it is, what the head carries.

In:  a photo, its landmarks, the person's matte.   Out: plate, depth and weights, all of one size.

Depth is the landmarks' own inside the face and a smooth guess round it: hair and ears lie back near
the neck's axis, shoulders a little before it. Within the few degrees that a photo bears, nobody
sees more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo import marks
from livehost.avatar.photo.basis import basis, fit
from livehost.avatar.photo.field import smooth, spread
from livehost.avatar.photo.picture import Photo

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

WIDE = 1080  # plate pixels of the frame's width
HEAD_SHARE = 0.30  # of the frame's height, where the photo has room for it
HEADROOM = 0.12
BESIDE = 0.125  # frame heights on either side that a wide stream shows
CROWN = 0.28  # face heights of forehead and hair above the landmarks, where the matte has none
LEAST_CROWN, MOST_CROWN = 0.12, 0.55
NECK = (0.02, 0.50)  # head heights below the chin over which the head's motion ends
HALO = 0.11  # head heights outside the head over which a kept background comes to rest
CAMERA = 23.0  # units of 10 cm from the middle of the neck to the camera
BEHIND = 0.15  # units that the neck's axis lies before the basis's origin
KEPT_MOTION = 0.6  # of the head's motion, where what is behind it would be seen to bend
TURNED_MOTION = (8.0, 22.0, 0.5)  # from how many degrees to the side a head moves less; at most
SIDE_FADE = 48  # plate pixels over which a kept background ends beside the frame


@dataclass(frozen=True, slots=True)
class Plate:
    """A placed photo; coordinates are plate pixels.

    Attributes:
        rgba: (H, W, 4) uint8.
        landmarks: (478, 3).
        matte: (H, W) float32, the person.
        frame: x, y, width, height of what fills a 9:16 stream.
        crown: row of the top of the head, hair included.
        zoom: plate pixels per photo pixel.
        unit: plate pixels of 10 cm at the face.
    """

    rgba: U8
    landmarks: F64
    matte: F32
    frame: tuple[int, int, int, int]
    crown: float
    zoom: float
    unit: float

    @property
    def chin(self) -> float:
        """Row of the chin."""
        return float(self.landmarks[marks.CHIN, 1])

    @property
    def head(self) -> float:
        """Height of the head in plate pixels."""
        return self.chin - self.crown


Background = Literal["keep", "cut"]


def crown_of(landmarks: F64, matte: F32) -> float:
    """Return the row of the top of the head: of the matte above the face, within reason."""
    oval = landmarks[list(marks.OVAL), :2]
    (left, top), (right, bottom) = oval.min(0), oval.max(0)
    tall = float(bottom - top)
    inside = slice(max(0, int(left)), max(1, int(right)))
    rows = np.flatnonzero((matte[:, inside] > 0.5).mean(1) > 0.12)
    guess = top - CROWN * tall
    seen = float(rows[0]) if len(rows) else guess
    if not top - MOST_CROWN * tall <= seen <= top - LEAST_CROWN * tall:
        seen = guess
    return max(0.0, seen)


def framed(landmarks: F64, matte: F32, size: tuple[int, int], background: Background) -> F64:
    """Return x, y, width, height in photo pixels of what fills a 9:16 stream.

    A kept background must fill the frame; a person who was cut out may have nothing beside her
    and above, but must reach down to its lower edge.
    """
    height, width = size
    crown, chin = crown_of(landmarks, matte), float(landmarks[marks.CHIN, 1])
    middle = float(landmarks[list(marks.OVAL), 0].mean())
    tall = (chin - crown) / HEAD_SHARE
    most = (height - crown) / (1 - HEADROOM)
    if background == "keep":
        tall = min(tall, height, width * 16 / 9)
        top = min(max(0.0, crown - HEADROOM * tall), height - tall)
        wide = tall * 9 / 16
        left = min(max(0.0, middle - wide / 2), width - wide)
        return np.array([left, top, wide, tall])
    tall = min(tall, max(most, 1.25 * (chin - crown)))
    wide = tall * 9 / 16
    return np.array([middle - wide / 2, crown - HEADROOM * tall, wide, tall])


def placed(photo: Photo, landmarks: F64, matte: F32, background: Background) -> Plate:
    """Return the photo on its plate."""
    height, width = matte.shape
    left, top, wide, tall = framed(landmarks, matte, (height, width), background)
    zoom = WIDE / wide
    # The frame, and what the photo has beside it.
    first = min(left, max(0.0, left - BESIDE * tall * 16 / 9))
    last = max(left + wide, min(float(width), left + wide + BESIDE * tall * 16 / 9))
    size = round((last - first) * zoom), round(tall * zoom)
    move = np.array(
        [[zoom, 0, 0.5 * zoom - 0.5 - first * zoom], [0, zoom, 0.5 * zoom - 0.5 - top * zoom]]
    )
    rgb, shown = _moved(photo.rgb, move, size), _moved(np.ones_like(matte), move, size, outside=0)
    person = np.clip(_moved(matte, move, size, outside=0), 0, 1)
    alpha = person if background == "cut" else shown * _sides(size, (left - first) * zoom, WIDE)
    marked = (landmarks - (first, top, 0)) * zoom
    rgba = np.dstack([rgb, np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint8)])
    frame = (round((left - first) * zoom), 0, WIDE, size[1])
    frame = (min(frame[0], size[0] - WIDE), *frame[1:])
    return Plate(
        rgba=rgba.astype(np.uint8),
        landmarks=marked,
        matte=person.astype(np.float32),
        frame=frame,
        crown=(crown_of(landmarks, matte) - top) * zoom,
        zoom=float(zoom),
        unit=fit(marked).unit,
    )


def _moved(
    picture: NDArray[Any], move: F64, size: tuple[int, int], outside: float | None = None
) -> NDArray[Any]:
    """Return the picture on the plate; averaged where it shrinks."""
    zoom = float(move[0, 0])
    if zoom < 0.75:  # bilinear fetching alone would skip pixels
        share = max(zoom, 1 / 16)
        columns, rows = picture.shape[1], picture.shape[0]
        small = round(columns * share), round(rows * share)
        picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA))
        ratio = zoom * columns / small[0]
        shift = move[:, 2] - (0.5 * zoom - 0.5) + (0.5 * ratio - 0.5)
        move = np.array([[ratio, 0, shift[0]], [0, ratio, shift[1]]])
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    how = cv2.INTER_CUBIC if zoom > 1 and outside is None else cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(picture, move, size, flags=how, borderMode=border))


def _sides(size: tuple[int, int], left: float, wide: int) -> F64:
    """Return (1, columns): 1 in the frame, fading at the plate's own edges beside it."""
    x = np.arange(size[0]) + 0.5
    beside = (x < left) | (x > left + wide)
    fade = smooth(np.minimum(x, size[0] - x) / SIDE_FADE)
    return np.where(beside, fade, 1.0)[None]


# --- depth and weights ----------------------------------------------------------------------------


def depth(plate: Plate) -> F64:
    """Return (H, W): distance from the camera in units of 10 cm, finite everywhere."""
    points = plate.landmarks[: marks.SKIN]
    z = -points[:, 2] / plate.unit
    z += basis().points[:, 2].mean() - z.mean()
    oval = plate.landmarks[list(marks.OVAL), :2]
    middle, wide = oval.mean(0), float(np.ptp(oval[:, 0]))
    ring = middle + (oval - middle) * 1.38
    rows, columns = plate.matte.shape
    far = [(x, y) for x in (-columns, 2.0 * columns) for y in (-rows, rows / 2, 2.0 * rows)]
    chest = [(middle[0] + s * wide, plate.chin + d * wide) for s in (-1, 0, 1) for d in (1.0, 2.0)]
    control = np.concatenate([points[::3, :2], ring, far, chest])
    deep = np.concatenate(
        [z[::3], np.full(len(ring), 0.1), np.full(len(far), 0.1), np.full(6, 0.6)]
    )
    step = 12
    x, y = np.meshgrid(np.arange(0, columns + step, step), np.arange(0, rows + step, step))
    at = np.stack([x.ravel(), y.ravel()], 1).astype(float)
    table = np.stack([deep, np.zeros_like(deep)], 1)[None]
    found = spread(control, table, at, wide)[0, :, 0].reshape(x.shape)
    full = cv2.resize(found, (x.shape[1] * step, x.shape[0] * step), interpolation=cv2.INTER_CUBIC)
    half = step // 2
    return np.asarray(CAMERA - np.clip(full[half : half + rows, half : half + columns], -0.6, 1.8))


def head_weight(plate: Plate, background: Background) -> F64:
    """Return (H, W) in 0..1: 1 moves with the head; neck and, if kept, background come to rest."""
    rows, columns = plate.matte.shape
    y = np.arange(rows)[:, None]
    first, last = (plate.chin + share * plate.head for share in NECK)
    weight = np.broadcast_to(1 - smooth((y - first) / (last - first)), (rows, columns))
    if background == "cut":
        return np.asarray(weight)
    away = cv2.distanceTransform((_head(plate) < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    halo = smooth(1 - away.astype(np.float64) / (HALO * plate.head))
    return np.asarray(weight * halo)


def _head(plate: Plate) -> F32:
    """Return the head's part of the matte: near the face, so that a slip of it stays near."""
    oval = plate.landmarks[list(marks.OVAL), :2]
    middle = np.array([oval[:, 0].mean(), (plate.crown + plate.chin) / 2])
    axes = round(0.80 * float(np.ptp(oval[:, 0]))), round(0.78 * plate.head)
    near = np.zeros(plate.matte.shape, np.float32)
    at = round(float(middle[0])), round(float(middle[1]))
    cv2.ellipse(near, at, axes, 0, 0, 360, (1,), -1)
    face = np.zeros_like(near)
    cv2.fillPoly(face, [np.rint(oval).astype(np.int32)], (1,))
    below = np.arange(len(near))[:, None] > plate.chin
    return np.asarray(np.maximum(np.where(below, 1, near) * plate.matte, face), np.float32)


def motion(background: Background, side: float) -> float:
    """Return the share of the head's usual motion that the picture bears.

    Args:
        side: degrees that the head is turned in the photo.
    """
    first, last, least = TURNED_MOTION
    turned = 1 - (1 - least) * float(np.clip((side - first) / (last - first), 0, 1))
    return round(turned * (KEPT_MOTION if background == "keep" else 1.0), 2)


def torso(plate: Plate) -> F64:
    """Return (H, W) in 0..1: what rises with a breath before a background that stays."""
    soft = cv2.GaussianBlur(plate.matte, (0, 0), 0.03 * plate.head)
    below = smooth((np.arange(len(soft))[:, None] - plate.chin) / (0.35 * plate.head))
    return np.asarray(soft * below)
