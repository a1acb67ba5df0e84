"""The mouth of a filmed host: drawn like a photo's, from the frame that is the plate.

In:  the plate and its landmarks.   Out: a region with its decoder, and pictures of the plate.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo import eyes, graph, mouth
from livehost.avatar.photo.basis import fit
from livehost.avatar.photo.build import light, mask_of
from livehost.avatar.photo.plate import Plate
from livehost.avatar.photo.sheet import Artist, Drawn
from livehost.avatar.video.pose import OVAL, Box, Reference, filled

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

INSIDE = 0.985
"""Of the face's outline, within which the film is covered: what lies beside it, hair and wall, does
not move with the face."""
UNDER_CHIN = 0.22
"""Heights of the face below the chin that a jaw may go down to."""
FEATHER = 0.03
"""Heights of the face (sigma) over which the cover ends."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """What a plate's mouth came to.

    Attributes:
        region: box, decoder and mask.
        artist: draws it onto the plate.
    """

    region: Drawn
    artist: Artist


def made(rgb: U8, ref: Reference, frame: Box) -> Mouth:
    """Return the mouth of the face on the plate `rgb`, (H, W, 3).

    Args:
        frame: what of the plate fills an upright stream.
    """
    placed = _placed(rgb, ref, frame)
    points, size = placed.landmarks, placed.matte.shape
    eyes_at = eyes.region(points, (size[0], size[1]))
    where = mouth.region(points, eyes_at.box[1] + eyes_at.box[3], (size[0], size[1]))
    lips = mouth.drawing(placed.rgba, fit(points), where, light(placed, grey=False))
    cover = np.minimum(
        mask_of(where, lips), on_face(ref, where.box, (where.grid.height, where.grid.width))
    )
    region = Drawn("mouth", where, mouth.COEFS, graph.build(lips), cover)
    return Mouth(region, Artist(placed, (region,)))


def on_face(ref: Reference, box: Box, size: tuple[int, int]) -> U8:
    """Return (h, w) uint8, how much of a box may be covered: the lower face and under the chin.

    Args:
        size: height and width of what is returned.
    """
    oval = ref.points[list(OVAL), :2]
    middle = oval.mean(0)
    low = middle + INSIDE * (oval - middle)
    # From the corners of the mouth down, the outline is drawn out to where an open jaw ends.
    share = (low[:, 1] - ref.centre[1]) / max(1.0, float(low[:, 1].max()) - ref.centre[1])
    low[:, 1] += UNDER_CHIN * ref.height * np.clip(share, 0, 1)
    whole = filled(np.asarray(low, np.float32), box)
    sigma = FEATHER * ref.height
    # Worn away first, so that the soft edge ends at the outline and not beyond.
    worn = cv2.erode(whole, np.ones((3, 3), np.uint8), iterations=max(1, round(1.5 * sigma)))
    soft = cv2.GaussianBlur(worn, (0, 0), sigma)
    return np.asarray(cv2.resize(soft, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _placed(rgb: U8, ref: Reference, frame: Box) -> Plate:
    """Return the frame of a film as a photo that was placed where it is."""
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    points = ref.points.astype(np.float64)
    everywhere = np.ones(rgb.shape[:2], np.float32)
    crown = max(0.0, float(points[10, 1]) - 0.28 * ref.height)
    return Plate(rgba, points, everywhere, frame, crown, 1.0, fit(points).unit)
