"""The eyes of a photo: two sheets of skin split along the lids, over eyeballs that look about.

In:  a plate, the landmarks on it, how they move.   Out: a region and the drawing of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo import marks
from livehost.avatar.photo.basis import Moves
from livehost.avatar.photo.field import smooth, spread
from livehost.avatar.photo.graph import Drawing, Limits, Rows, Sheet
from livehost.avatar.photo.region import Place, place
from livehost.avatar.photo.split import Cut, curve

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

COEFS = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft",
    "eyeWideRight", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
SIDES = ("Right", "Left")  # as they lie in the picture
LOOK = {"Out": (1.0, 0.0), "In": (-1.0, 0.0), "Up": (0.0, -0.8), "Down": (0.0, 0.8)}
"""Iris radii that the iris moves at 1; x towards the temple. An iris is 11.8 mm wide."""
RIGID = 1.2  # iris radii round its centre that move as one
BEFORE_EYE = 0.9  # of what else moves a lid that a blink takes away
BESIDE, ABOVE, UNDER = 0.10, 0.13, 0.075  # of the face's height, round brows and lids
LASHES = 0.10  # of the eye's height past a lid's edge that moves like the edge
GUARDS = (1, -2, -6)  # times that far: outwards over the lashes, inwards over the eyeball


def region(landmarks: F64, plate: tuple[int, int]) -> Place:
    """Return where eyes and brows are drawn."""
    oval = landmarks[list(marks.OVAL), :2]
    height = float(np.ptp(oval[:, 1]))
    brows = landmarks[[*marks.BROWS["Right"], *marks.BROWS["Left"]], :2]
    lids = landmarks[[*marks.LOWER_LID["Right"], *marks.LOWER_LID["Left"]], 1].max()
    (left, top), (right, _) = brows.min(0), brows.max(0)
    left, right = min(left, landmarks[33, 0]), max(right, landmarks[263, 0])
    side = BESIDE * height
    return place(left - side, top - ABOVE * height, right + side, lids + UNDER * height, plate)


def drawing(plate: U8, landmarks: F64, moves: Moves, where: Place) -> Drawing:
    """Return what the eyes' decoder draws."""
    points = where.local(landmarks[:, :2])
    picture = where.picture(plate)
    cut = _cut(points, where.grid.width)
    upper_matte, lower_matte = cut.mattes(where.grid.height)
    lids = {side: [*marks.UPPER_LID[side][1:-1]] for side in SIDES}
    lowers = {side: [*marks.LOWER_LID[side][1:-1]] for side in SIDES}
    fields = [_field(moves, points, where, gone) for gone in (lowers, lids)]
    rest = np.zeros_like(fields[0][0])
    balls = _eyeballs(picture, points, cut)
    return Drawing(
        grid=where.grid,
        upper=Sheet(_joined(picture, upper_matte), fields[0], rest),
        lower=Sheet(_joined(picture, lower_matte), fields[1], rest),
        inside=Sheet(balls, _gaze(points, where), rest),
        rows=_rows(points, where),
        limits=_limits(),
    )


def _joined(picture: F32, matte: F32) -> F32:
    return np.dstack([picture, matte]).astype(np.float32)


def _cut(points: F64, width: int) -> Cut:
    upper = np.concatenate([points[list(marks.UPPER_LID[side])] for side in SIDES])
    lower = np.concatenate([points[list(marks.LOWER_LID[side])] for side in SIDES])
    holes = tuple(
        (float(points[marks.UPPER_LID[side][0], 0]), float(points[marks.UPPER_LID[side][-1], 0]))
        for side in SIDES
    )
    return Cut(curve(upper, width), curve(lower, width), holes)


def _height(points: F64) -> float:
    """Return how far the lids are apart, the wider eye's."""
    gaps = [np.linalg.norm(points[a] - points[b]) for a, b in ((159, 145), (386, 374))]
    return float(max(gaps))


def _rows(points: F64, where: Place) -> Rows:
    lids = [n for side in SIDES for n in (*marks.UPPER_LID[side], *marks.LOWER_LID[side])]
    top, bottom, tall = points[lids, 1].min(), points[lids, 1].max(), _height(points)
    height = where.grid.height
    first = int(np.clip(top - 0.5 * tall - 6, 1, height - 8))
    end = int(np.clip(bottom + 0.5 * tall + 8, first + 2, height - 3))
    return Rows(first, end, end)


def _field(moves: Moves, points: F64, where: Place, gone: dict[str, list[int]]) -> F64:
    """Return (k, nodes, 2) of one sheet; `gone` are the landmarks of the other lids."""
    grid = where.grid
    skin = points[: marks.SKIN]
    reach = 0.25 * max(grid.width, grid.height)
    near = ((skin > -reach) & (skin < (grid.width + reach, grid.height + reach))).all(1)
    without = {n for side in SIDES for n in gone[side]}
    kept = [n for n in np.flatnonzero(near) if n not in without]
    doubled = [n for n in kept if n in _LIDS]
    away = np.array([_outwards(points, int(n)) for n in doubled])
    guards = [skin[doubled] + away * far for far in GUARDS]
    control = np.concatenate([skin[kept], *guards])
    names = [*kept, *doubled * len(GUARDS)]
    table = np.zeros((len(COEFS), len(control), 2))
    for row, name in enumerate(COEFS):
        table[row] = moves.by_name[name][names] * float(where.scale)
    found = spread(control, table, grid.nodes(), float(grid.width))
    return np.asarray(found * grid.window()[None, :, None])


_LIDS = {
    n for lids in (marks.UPPER_LID, marks.LOWER_LID) for row in lids.values() for n in row[1:-1]
}
_UPPER = {n for row in marks.UPPER_LID.values() for n in row[1:-1]}


def _outwards(points: F64, lid: int) -> F64:
    """Return how far from a lid's edge its lashes still move like the edge."""
    step = LASHES * _height(points)
    return np.array([0.0, -step if lid in _UPPER else step])


def _gaze(points: F64, where: Place) -> F64:
    """Return (k, nodes, 2): how the eyeballs turn, the iris as one and the corners not at all."""
    nodes = where.grid.nodes()
    table = np.zeros((len(COEFS), len(nodes), 2))
    for side, temple in (("Right", -1.0), ("Left", 1.0)):
        centre, radius = _iris(points, side)
        corners = points[[marks.UPPER_LID[side][0], marks.UPPER_LID[side][-1]], 0]
        away = nodes[:, 0] - centre[0]
        free = np.where(away > 0, corners.max() - centre[0], centre[0] - corners.min())
        rigid = RIGID * radius
        share = smooth(1 - (np.abs(away) - rigid) / np.maximum(free * 1.25 - rigid, 2))
        tall = smooth(2.2 - np.abs(nodes[:, 1] - centre[1]) / (2.2 * radius))
        for look, (x, y) in LOOK.items():
            row = COEFS.index(f"eyeLook{look}{side}")
            table[row] = (share * tall)[:, None] * np.array([x * temple, y]) * radius
    return table


def _iris(points: F64, side: str) -> tuple[F64, float]:
    centre, *rim = (points[n] for n in marks.IRIS[side])
    return centre, float(np.mean([np.linalg.norm(each - centre) for each in rim]))


def _eyeballs(picture: F32, points: F64, cut: Cut) -> F32:
    """Return the picture with what lids cover of the eyeballs filled in."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width] + 0.5
    out = picture.copy()
    for side, (first, last) in zip(SIDES, cut.holes, strict=True):
        within = (x > first + 0.5) & (x < last - 0.5)
        kept = within & (y > cut.upper + 0.6) & (y < cut.lower - 0.4)
        seen = within & (y > cut.upper + 1.6) & (y < cut.lower - 0.8)  # no lashes in it
        if not seen.any():
            continue
        centre, radius = _iris(points, side)
        ball = (np.abs(x - (first + last) / 2) < 0.75 * (last - first)) & (
            np.abs(y - centre[1]) < 3 * radius
        )
        out = np.where((ball & ~kept)[..., None], _continued(picture, seen, centre, radius), out)
    return np.asarray(out, np.float32)


def _continued(picture: F32, seen: NDArray[np.bool_], centre: F64, radius: float) -> F32:
    """Return what lies beyond the seen part: iris by its rings, white by the nearest white."""
    height, width = seen.shape
    y, x = np.mgrid[0:height, 0:width] + 0.5
    away = np.hypot(x - centre[0], y - centre[1])
    white = seen & (away > 1.12 * radius)
    source = white if white.sum() > 8 else seen
    filled = cv2.GaussianBlur(_nearest(picture, source), (0, 0), 1.5)
    rings = np.arange(0, int(radius) + 3)
    iris = seen & (away < radius + 2)
    ring = np.array([_ring(picture, iris, away, int(r)) for r in rings])
    for channel in range(3):
        column = ring[:, channel]
        known = np.isfinite(column)
        if known.any():
            value = np.interp(away, rings[known] + 0.5, column[known])
            share = np.clip((radius + 0.6 - away) / 1.2, 0, 1)
            filled[..., channel] += (value - filled[..., channel]) * share
    return np.asarray(filled, np.float32)


def _ring(picture: F32, iris: NDArray[np.bool_], away: F64, radius: int) -> F64:
    there = iris & (away >= radius) & (away < radius + 1)
    return np.median(picture[there], axis=0) if there.any() else np.full(3, np.nan)


def _nearest(picture: F32, source: NDArray[np.bool_]) -> F32:
    """Return each pixel's nearest colour of `source`."""
    _, labels = cv2.distanceTransformWithLabels(
        np.where(source, 0, 1).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros((int(labels.max()) + 1, 3), np.float32)
    lookup[labels[source]] = picture[source]
    return np.asarray(lookup[labels], np.float32)


def _limits() -> Limits:
    count = len(COEFS)
    less = np.zeros((count, count))
    for side in SIDES:
        blink = COEFS.index(f"eyeBlink{side}")
        for name in ("eyeSquint", "eyeWide", "eyeLookDown", "eyeLookUp"):
            less[blink, COEFS.index(f"{name}{side}")] = BEFORE_EYE
    return Limits(np.full(count, 10.0), np.zeros((count, count)), less)
