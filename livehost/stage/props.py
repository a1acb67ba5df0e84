"""Things that stand about in the studio, painted with light: vases, boxes, leaves, lamps.

In:  a picture in linear light and where to put the thing.   Out: the picture, changed in place.

Everything is shaded in linear light with values beyond 1 for lamps, so that a lens blur turns
them into discs of light the way a camera does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.stage.planes import Colour

Light = NDArray[np.float32]  # (h, w, 3) or (h, w), linear, 0 .. beyond 1
Profile = Callable[[Light], Light]

KEY = np.array([-0.50, -0.45, 0.74], np.float32)  # towards the key light: left, above, front


def linear(tint: Colour) -> Light:
    """Return an sRGB colour in linear light."""
    return np.asarray(tint, np.float32) ** np.float32(2.2)


@dataclass(frozen=True, slots=True)
class Spot:
    """A window of a picture with its own coordinates.

    Attributes:
        part: view of the pixels.
        x, y: (h, w) pixel centres from the spot's own origin.
    """

    part: Light
    x: Light
    y: Light


def spot(picture: Light, left: float, top: float, right: float, bottom: float) -> Spot | None:
    """Return the pixels of a box, coordinates from its top left corner; None outside."""
    height, width = picture.shape[:2]
    x0, y0 = max(int(left) - 1, 0), max(int(top) - 1, 0)
    x1, y1 = min(int(right) + 2, width), min(int(bottom) + 2, height)
    if x0 >= x1 or y0 >= y1:
        return None
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    return Spot(picture[y0:y1, x0:x1], x + 0.5 - left, y + 0.5 - top)


def over(part: Light, cover: Light, light: Light) -> None:
    """Put `light` over `part` where `cover` (h, w) is 1."""
    cover = np.clip(cover, 0, 1)[..., None]
    part *= 1 - cover
    part += cover * light


def lathe(
    picture: Light,
    middle: float,
    bottom: float,
    size: tuple[float, float],
    profile: Profile,
    tint: Colour,
    gloss: float = 0.25,
    ambient: float = 0.35,
) -> None:
    """Paint a turned object (vase, bottle, pot) standing on `bottom`.

    Args:
        size: full width and height, pixels.
        profile: radius 0 .. 1 at height 0 (top) .. 1 (bottom).
        gloss: strength of the highlight.
        ambient: light that comes from everywhere.
    """
    width, height = size
    window = spot(picture, middle - width / 2, bottom - height, middle + width / 2, bottom)
    if window is None:
        return
    level = np.clip(window.y / height, 0, 1)
    radius = np.maximum(profile(level) * width / 2, 0.01)
    slope = (profile(np.clip(level + 0.02, 0, 1)) - profile(np.clip(level - 0.02, 0, 1))) * width
    across = (window.x - width / 2) / radius
    cover = np.clip((1 - np.abs(across)) * radius + 0.5, 0, 1)
    cover *= np.clip(window.y + 0.5, 0, 1) * np.clip(height - window.y + 0.5, 0, 1)
    across = np.clip(across, -0.999, 0.999)
    front = np.sqrt(1 - across**2)
    rise = -slope / (0.08 * height)
    length = np.sqrt(1 + rise**2 * 0.25)
    facing = (across * KEY[0] + front * KEY[2] + rise * 0.5 * KEY[1]) / length
    shine = np.clip(facing, 0, 1) ** 24 * gloss * 2.2
    occlusion = 0.72 + 0.28 * np.clip((1 - level) * 4, 0, 1)
    lit = (ambient + 0.95 * np.clip(facing, 0, 1)) * occlusion
    light = lit[..., None] * linear(tint) + shine[..., None]
    over(window.part, cover.astype(np.float32), light.astype(np.float32))


def box(
    picture: Light, left: float, bottom: float, size: tuple[float, float], tint: Colour,
    band: Colour | None = None,
) -> None:  # fmt: skip
    """Paint a carton or a book seen from the front, with an optional printed band."""
    width, height = size
    window = spot(picture, left, bottom - height, left + width, bottom)
    if window is None:
        return
    x, y = window.x, window.y
    cover = np.clip(np.minimum(np.minimum(x, width - x), np.minimum(y, height - y)) + 0.5, 0, 1)
    lit = 1.12 - 0.42 * x / width - 0.16 * y / height
    lit *= np.where((x < 1.6) | (y < 1.6), 1.25, 1.0)
    paper = np.broadcast_to(linear(tint), (*x.shape, 3)).copy()
    if band is not None:
        paper[(y > 0.30 * height) & (y < 0.58 * height)] = linear(band)
    over(window.part, cover, lit[..., None].astype(np.float32) * paper)


def leaf(
    picture: Light, at: tuple[float, float], angle: float, size: tuple[float, float], tint: Colour
) -> None:
    """Paint one leaf from its stem `at`, along `angle` (radians, 0 is right, up is negative)."""
    length, width = size
    tip = at[0] + length * float(np.cos(angle)), at[1] + length * float(np.sin(angle))
    left, top = min(at[0], tip[0]) - width / 2, min(at[1], tip[1]) - width / 2
    window = spot(
        picture, left, top, max(at[0], tip[0]) + width / 2, max(at[1], tip[1]) + width / 2
    )
    if window is None:
        return
    dx, dy = window.x - (at[0] - left), window.y - (at[1] - top)
    along = (dx * np.cos(angle) + dy * np.sin(angle)) / length
    aside = -dx * np.sin(angle) + dy * np.cos(angle)
    shape = width / 2 * np.sin(np.pi * np.clip(along, 0, 1) ** 0.8)
    cover = np.clip(shape - np.abs(aside) + 0.5, 0, 1) * ((along > 0) & (along < 1))
    turn = aside / np.maximum(shape, 0.5)
    lit = 0.55 + 0.35 * along - 0.30 * turn * np.cos(angle) - 0.14 * np.exp(-((turn * 7) ** 2))
    over(window.part, cover, np.clip(lit, 0.1, 2)[..., None] * linear(tint))


def branch(
    picture: Light, root: tuple[float, float], angle: float, length: float, count: int,
    size: tuple[float, float], tint: Colour, bend: float, dice: np.random.Generator,
) -> None:  # fmt: skip
    """Paint a twig with leaves on both sides."""
    x, y = root
    step = length / count
    for index in range(count):
        angle += bend / count
        nx, ny = x + step * np.cos(angle), y + step * np.sin(angle)
        _twig(picture, (x, y), (nx, ny), tint)
        x, y = float(nx), float(ny)
        grown = 0.65 + 0.35 * np.sin(np.pi * (index + 1) / (count + 1))
        for side in (-1, 1):
            lean = angle + side * dice.uniform(0.5, 1.0)
            shade = dice.uniform(0.75, 1.2)
            own = (tint[0] * shade, tint[1] * shade, tint[2] * shade)
            leaf(picture, (x, y), lean, (size[0] * grown, size[1] * grown), own)
    leaf(picture, (x, y), angle, size, tint)


def _twig(
    picture: Light, start: tuple[float, float], end: tuple[float, float], tint: Colour
) -> None:
    dark = (linear(tint) * 0.45).tolist()
    points = [(round(x * 8), round(y * 8)) for x, y in (start, end)]
    cv2.line(picture, points[0], points[1], dark, 2, cv2.LINE_AA, 3)


def glow(
    picture: Light, middle: tuple[float, float], radius: float, tint: Colour, power: float
) -> None:
    """Add light that falls off from a point; `radius` is where a quarter is left."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    distance = np.hypot(x - middle[0], y - middle[1]) / radius
    picture += (power / (1 + 3 * distance**2))[..., None].astype(np.float32) * linear(tint)


def lamp(picture: Light, middle: tuple[float, float], radius: float, power: float) -> None:
    """Paint a globe that shines."""
    window = spot(picture, middle[0] - radius, middle[1] - radius,
                  middle[0] + radius, middle[1] + radius)  # fmt: skip
    if window is None:
        return
    distance = np.hypot(window.x - radius, window.y - radius) / radius
    face = power * (0.55 + 0.45 * np.sqrt(np.clip(1 - distance**2, 0, 1)))
    warm = linear((1.0, 0.86, 0.66))
    over(window.part, np.clip((1 - distance) * radius + 0.5, 0, 1), face[..., None] * warm)


def lens(picture: Light, radius: float) -> Light:
    """Return the picture as a lens sees it out of focus: blurred with a disc of `radius` pixels."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius - np.hypot(x, y) + 0.5, 0, 1).astype(np.float32)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT).astype(
        np.float32
    )


def film(light: Light) -> Light:
    """Return linear light as sRGB 0 .. 1 with soft shoulders.

    Source: K. Narkowicz, ACES filmic tone mapping curve (2016).
    """
    toned = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)
    return np.asarray(np.clip(toned, 0, 1) ** np.float32(1 / 2.2), np.float32)
