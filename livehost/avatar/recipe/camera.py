"""The pinhole camera of the plate.

In:  a body, how large its head shall be.   Out: pixels of points, keys for avatar.toml.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.host import PLATE
from livehost.avatar.recipe.space import F64

DISTANCE = 22.0
"""From the camera to the plane of the face, in units."""
PLANE = 1.0
"""z of that plane."""


@dataclass(frozen=True, slots=True)
class PlateCamera:
    """Looks along -z from (0, height, DISTANCE + PLANE), shifted up or down like a view camera.

    Attributes:
        px: plate pixels per unit in the plane of the face.
        height: of the lens.
        middle: height that is in the middle row of the plate.
    """

    px: float
    height: float
    middle: float

    @property
    def z(self) -> float:
        """Where the lens is."""
        return DISTANCE + PLANE

    @property
    def focal_px(self) -> float:
        """Focal length in plate pixels."""
        return self.px * DISTANCE

    @property
    def centre(self) -> tuple[float, float]:
        """The pixel straight ahead of the lens."""
        width, height = PLATE
        return width / 2, height / 2 - (self.height - self.middle) * self.px

    def project(self, points: F64) -> F64:
        """Return (..., 3): x right, y down in plate pixels, distance along the axis."""
        depth = self.z - points[..., 2]
        x0, y0 = self.centre
        x = x0 + points[..., 0] * self.focal_px / depth
        y = y0 - (points[..., 1] - self.height) * self.focal_px / depth
        return np.stack([x, y, depth], -1)

    def direction(self, x: float, y: float) -> tuple[float, float, float]:
        """Return the way from the lens through plate pixel (x, y), in the body's axes."""
        x0, y0 = self.centre
        return (x - x0) / self.px, (y0 - y) / self.px, -DISTANCE


def plate_camera(body: Body) -> PlateCamera:
    """Return the camera that shows the head of `body` as large and as high as its host says."""
    keys = body.host.camera
    px = keys.head_px / (body.crown - body.chin)
    shown = PLATE[1] / px
    middle = body.crown + keys.top_px / px - shown / 2
    return PlateCamera(px, keys.height, middle)
