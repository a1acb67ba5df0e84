"""What shows when lips part: teeth, gums, tongue and the dark behind, drawn in the picture's light.

In:  the size of a mouth in pixels and the light on the face.   Out: pictures with alpha.

Nobody's teeth: plain shapes with the sizes of textbooks. Lengths are millimetres; x from the middle
of the mouth, y down from where the upper front teeth end.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

MOUTH_MM = 50.0  # from corner to corner
FINE = 4  # pixels drawn for each one kept, in both directions
# Width, height and how much higher than the front ones each ends: the arch runs back.
UPPER_ROW = (
    (8.4, 10.2, 0.0), (6.3, 8.8, 0.7), (6.4, 9.8, 0.2), (5.0, 8.2, 1.0), (4.0, 7.4, 1.7),
    (3.0, 6.6, 2.3),
)  # fmt: skip
LOWER_ROW = ((5.2, 8.6, 0.0), (5.6, 8.8, 0.1), (5.9, 9.2, -0.2), (4.8, 8.0, 0.5), (4.0, 7.0, 1.0))
ENAMEL = np.array([0.97, 0.94, 0.885])
GUM = np.array([0.66, 0.34, 0.33])
TONGUE = np.array([0.68, 0.33, 0.32])
THROAT, BLACK = np.array([0.21, 0.055, 0.05]), np.array([0.05, 0.015, 0.015])


@dataclass(frozen=True, slots=True)
class Canvas:
    """The pixels to draw on.

    Attributes:
        rows, columns: its size.
        middle: x and y of the origin, in pixels.
        mm: pixels per millimetre.
        light: (3,) what a white thing in the face's light looks like.
    """

    rows: int
    columns: int
    middle: tuple[float, float]
    mm: float
    light: F32

    def places(self) -> tuple[F32, F32]:
        """Return x and y in millimetres of the fine pixels."""
        y, x = np.mgrid[0 : self.rows * FINE, 0 : self.columns * FINE].astype(np.float32)
        x, y = (x + 0.5) / FINE - self.middle[0], (y + 0.5) / FINE - self.middle[1]
        return x / np.float32(self.mm), y / np.float32(self.mm)

    def kept(self, colour: F32, alpha: F32) -> F32:
        """Return (rows, columns, 4), lit, from fine pixels."""
        size = self.columns, self.rows
        weighed = cv2.resize(colour * alpha[..., None], size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        weighed, small = (cv2.GaussianBlur(part, (0, 0), 0.55) for part in (weighed, small))
        straight = weighed / np.maximum(small, 1e-3)[..., None] * self.light
        return np.dstack([straight, small]).astype(np.float32)


def upper_teeth(canvas: Canvas) -> F32:
    """Return (rows, columns, 4): the upper row with its gum."""
    x, y = canvas.places()
    colour, alpha, roots = _row(x, -y, UPPER_ROW)
    gum = np.clip((-y - roots) * 4, 0, 1) * np.clip((27 - np.abs(x)) * 2, 0, 1)
    shade = (0.92 - 0.35 * (np.abs(x) / 27) ** 2)[..., None]
    painted = GUM * shade
    colour = colour + (painted - colour) * gum[..., None]
    return canvas.kept(colour.astype(np.float32), np.maximum(alpha, gum).astype(np.float32))


def lower_teeth(canvas: Canvas) -> F32:
    """Return (rows, columns, 4): the lower row, a little darker, with its gum."""
    x, y = canvas.places()
    colour, alpha, roots = _row(x, y, LOWER_ROW)
    gum = np.clip((y - roots) * 4, 0, 1) * np.clip((23 - np.abs(x)) * 2, 0, 1)
    colour = colour * 0.84 + (GUM * 0.72 - colour * 0.84) * gum[..., None]
    return canvas.kept(colour.astype(np.float32), np.maximum(alpha, gum).astype(np.float32))


def _row(x: F32, up: F32, teeth: tuple[tuple[float, float, float], ...]) -> tuple[F32, F32, F32]:
    """Return colour, alpha and how high the gum begins, of teeth that stand on `up` = 0."""
    across = np.abs(x)
    most = sum(width for width, _, _ in teeth)
    falloff = 1 - 0.42 * (across / 30) ** 1.6
    colour = (ENAMEL * 0.62 * falloff[..., None]).astype(np.float32)
    behind = np.clip((most - across) * 2, 0, 1) * np.clip((up - 0.2 * across**0.6 - 0.6) * 2, 0, 1)
    alpha, roots = behind * (up < 9), np.full_like(x, 4.0)
    left = 0.0
    for width, height, raised in teeth:
        share = (across - left - width / 2) / (width / 2)
        along = (up - raised) / height
        body = np.clip((1 - np.abs(share) ** 12) * 4, 0, 1)
        corner = 0.09 * np.abs(share) ** 4 - 0.015 * (1 - share**2)
        tip = np.clip((along - corner) * height * 2.2, 0, 1)
        tooth = body * tip * (along < 1.25)
        shaded = (1 - 0.13 * np.abs(share) ** 3) * (1 - 0.10 * np.clip(along - 0.55, 0, 1))
        shaded = shaded * (1 - 0.07 * np.clip(1 - along / 0.16, 0, 1))
        shaded = shaded * falloff
        tint = ENAMEL - np.array([0.0, 0.012, 0.05]) * np.clip(along, 0, 1)[..., None]
        colour += (tint * shaded[..., None] - colour) * tooth[..., None]
        alpha = np.maximum(alpha, tooth)
        inside = np.abs(share) <= 1
        arch = raised + height * (0.93 - 0.16 * np.abs(share) ** 2.5)
        roots = np.where(inside, arch, roots)
        left += width
    return colour.astype(np.float32), alpha.astype(np.float32), roots.astype(np.float32)


def tongue(canvas: Canvas) -> F32:
    """Return (rows, columns, 4): the tongue as it rests behind the lower teeth."""
    x, y = canvas.places()
    middle = (x / 19) ** 2 + ((y - 14) / 12.5) ** 2
    alpha = np.clip((1 - middle) * 5, 0, 1)
    lit = 0.80 + 0.22 * np.exp(-((x / 11) ** 2 + ((y - 6) / 4) ** 2))
    lit = lit * (1 - 0.16 * np.exp(-((x / 1.6) ** 2))) * (1 - 0.25 * np.clip((y - 8) / 16, 0, 1))
    colour = TONGUE * lit[..., None]
    return canvas.kept(colour.astype(np.float32), alpha.astype(np.float32))


def throat(canvas: Canvas) -> F32:
    """Return (rows, columns, 3): the dark behind everything."""
    x, y = canvas.places()
    near = np.exp(-((x / 20) ** 2 + ((y - 9) / 12) ** 2))[..., None]
    colour = (BLACK + (THROAT - BLACK) * near).astype(np.float32)
    return canvas.kept(colour, np.ones_like(x))[..., :3]
