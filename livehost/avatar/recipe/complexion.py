"""The colour of the skin at each vertex: flush, lids, lash line, the scalp's shadow.

In:  a body and its lashes.   Out: vertex colours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.brows import LashRoots
from livehost.avatar.recipe.hairline import inside
from livehost.avatar.recipe.host import Skin
from livehost.avatar.recipe.looks import Colour
from livehost.avatar.recipe.space import F64, Vector, blob, smooth

_SCALP = (0.035, 0.022, 0.018)
_LASH_LINE = (0.06, 0.03, 0.025)


@dataclass(slots=True)
class Paint:
    """Colours (n, 3) that are painted over."""

    points: F64
    colour: F64

    def over(self, share: F64, colour: Vector) -> None:
        """Blend `colour` in by `share` (n,)."""
        self.colour = self.colour * (1 - share[:, None]) + np.asarray(colour) * share[:, None]

    def spot(self, centre: Vector, size: Vector, share: float, colour: Vector) -> None:
        """Blend a soft spot of `colour` in."""
        self.over(share * blob(self.points, centre, size), colour)


def paint_skin(body: Body, lashes: LashRoots) -> tuple[F64, F64]:
    """Return colour and surface of each vertex, (n, 4) each.

    The surface's channels: how oily the skin is, how much scalp, where a beard would grow.
    """
    keys, points = body.host.skin, body.base
    paint = Paint(points, np.tile(np.array(keys.colour), (len(points), 1)))
    _flush(paint, body)
    for side, sign in (("l", 1), ("r", -1)):
        _lids(paint, body.eyes[side], sign, keys)
    scalp = _scalp(body)
    sides, top = keys.scalp
    dark = sides + (top - sides) * smooth(0.35, 0.7, points[:, 1] - body.eye_height)
    paint.over(dark * scalp, _SCALP)
    paint.over(_lash_line(points, lashes, keys.lash_line), _LASH_LINE)
    surface = np.stack([_oil(body), scalp, _beard(body), scalp * 0 + 1], 1)
    return np.concatenate([paint.colour, np.ones((len(points), 1))], 1), surface


def _flush(paint: Paint, body: Body) -> None:
    eye, keys = body.eye_height, body.host.skin
    red, (sides, tip) = keys.flush, keys.nose
    for sign in (1, -1):
        paint.spot((sign * 0.43, eye - 0.33, 1.05), (0.17, 0.13, 0.4), keys.cheeks, red)
        paint.spot((sign * keys.ears_at, eye - 0.1, 0.3), (0.1, 0.3, 0.3), keys.ears, red)
        paint.spot((sign * 0.10, eye - 0.42, 1.4), (0.05, 0.05, 0.2), sides, red)
    paint.spot((0, eye - 0.32, 1.6), (0.10, 0.10, 0.25), tip, red)
    paint.spot((0, 5.18, 1.25), (0.16, 0.08, 0.3), keys.chin, red)
    yellow = _toned(keys, (0.72, 0.46, 0.33))
    paint.spot((0, eye + 0.3765, 1.25), (0.4, 0.2, 0.5), keys.forehead, yellow)


def _toned(keys: Skin, colour: Colour) -> F64:
    """Return `colour`, which suits the skin `lids_for`, for this one."""
    return np.asarray(np.array(colour) * (np.array(keys.colour) / np.array(keys.lids_for)))


def _lids(paint: Paint, eye: F64, sign: int, keys: Skin) -> None:
    upper, outer = keys.lids
    spots: tuple[tuple[Vector, Vector, float, Colour], ...] = (
        ((sign * 0.03, 0.075, 0.1), (0.15, 0.045, 0.3), upper, (0.38, 0.19, 0.15)),
        ((sign * 0.13, 0.05, 0.1), (0.07, 0.05, 0.3), outer, (0.30, 0.14, 0.11)),
        ((0, -0.16, 0.1), (0.14, 0.045, 0.3), 0.16, (0.45, 0.23, 0.19)),
    )
    for offset, size, share, colour in spots:
        paint.spot(eye + np.asarray(offset), size, share, _toned(keys, colour))


def _beard(body: Body) -> F64:
    """Return 0..1: where a shaven beard shades the skin."""
    spots: tuple[tuple[Vector, Vector, float], ...] = (
        ((0, -0.555, 1.45), (0.20, 0.045, 0.3), 0.9),
        ((0, -0.99, 1.3), (0.26, 0.13, 0.35), 1.0),
        ((0.33, -0.93, 1.05), (0.20, 0.16, 0.35), 0.9),
        ((-0.33, -0.93, 1.05), (0.20, 0.16, 0.35), 0.9),
        ((0.60, -0.72, 0.65), (0.14, 0.24, 0.35), 0.8),
        ((-0.60, -0.72, 0.65), (0.14, 0.24, 0.35), 0.8),
        ((0, -1.12, 0.95), (0.40, 0.12, 0.4), 0.7),
    )
    eye = np.array([0, body.eye_height, 0])
    layers = [share * blob(body.base, eye + np.asarray(at), size) for at, size, share in spots]
    return np.asarray(np.clip(np.max(layers, 0), 0, 1))


def _scalp(body: Body) -> F64:
    points = body.base
    near = (points[:, 1] > body.eye_height - 0.7) & (np.abs(points[:, 0]) < 0.78)
    return smooth(-0.02, 0.16, inside(body, points)) * near


def _lash_line(points: F64, lashes: LashRoots, dark: tuple[float, float]) -> F64:
    out = np.zeros(len(points))
    apart = np.linalg.norm(points[lashes.vertices] - lashes.roots[:, None], axis=2)
    line = np.exp(-((apart / 0.022) ** 2)) * np.where(lashes.upper, *dark)[:, None]
    np.maximum.at(out, lashes.vertices, line)
    return out


def _oil(body: Body) -> F64:
    points, eye = body.base, body.eye_height
    oil = blob(points, (0, eye - 0.2, 1.5), (0.10, 0.35, 0.3))
    oil = oil + 0.8 * blob(points, (0, 6.55, 1.3), (0.3, 0.15, 0.4))
    for sign in (1, -1):
        oil = oil + 0.4 * blob(points, (sign * 0.4, eye - 0.25, 1.1), (0.15, 0.12, 0.3))
    return np.clip(oil, 0, 1)
