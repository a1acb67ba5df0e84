"""The mouth of a photo: two sheets of skin split along the lips, over teeth, tongue and dark.

In:  a plate, the landmarks on it, how they move.   Out: a region and the drawing of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo import marks, teeth
from livehost.avatar.photo.basis import Moves
from livehost.avatar.photo.field import spread
from livehost.avatar.photo.graph import Drawing, Inside, Limits, Plane, Rows, Sheet
from livehost.avatar.photo.region import Place, place
from livehost.avatar.photo.split import Cut, curve, snapped

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

COEFS = (
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut", "x_tongueUp",
)  # fmt: skip
UNDER_LINE, OVER_LINE = 0.8, 1.0  # mm that the upper lip reaches below the line, the lower above
CLEAN = (1.0, 3.2)  # mm below the line between which the lower lip's own colour begins
GUARD = (3.0, 8.0)  # mm past a lip's edge up to which its sheet moves like the edge
TEETH_SHOW = 2.6  # mm of the upper teeth below the line of the lips
LOWER_TEETH = -1.0  # mm: where the lower ones end at rest, behind the upper
JAW_SHARE = 0.93  # of the lower lip's way that the lower teeth go
TONGUE_UP, TONGUE_OUT = -9.0, 4.0  # mm that the tongue rises towards the teeth; comes out
SHADE_MM = 3.0
OUT_SIDE, OUT_BELOW = 1.22, 1.7  # of the face's outline, where nothing moves any more
PARTED = 0.045  # of the mouth's width, from which lips count as apart
REST = "rest"  # a move that is always made
LESS_SMILE = 0.5  # of a smile that a jaw all the way down takes away


def region(landmarks: F64, top: float, plate: tuple[int, int]) -> Place:
    """Return where the mouth is drawn: from `top`, under the eyes, to below the chin."""
    oval = landmarks[list(marks.OVAL), :2]
    (left, _), (right, chin) = oval.min(0), oval.max(0)
    width, height = right - left, float(np.ptp(oval[:, 1]))
    middle = (landmarks[list(marks.CORNERS), 0].mean() + (left + right) / 2) / 2
    half = 0.44 * width
    return place(middle - half, top, middle + half, chin + 0.30 * height, plate)


def drawing(plate: U8, moves: Moves, where: Place, light: F32) -> Drawing:
    """Return what the mouth's decoder draws.

    Args:
        light: (3,) what a white thing looks like in the face's light, 0..1.
    """
    points = where.local(moves.points)
    picture = where.picture(plate)
    lips = _lips(picture, points)
    mm, cut = lips.mm, lips.cut()
    upper_matte, lower_matte = cut.mattes(where.grid.height)
    moves = Moves(moves.points, moves.unit, {**moves.by_name, REST: _shutting(moves.points, lips)})
    upper = _field(moves, points, where, marks.LOWER_LIP, (marks.UPPER_INNER, mm))
    lower = _field(moves, points, where, marks.UPPER_LIP, (marks.LOWER_INNER, -mm))
    above = lips.cleaned(picture, lips.upper, -1) if lips.parted else picture
    rows = _rows((lips.upper + lips.lower) / 2, 50 * mm, where)
    return Drawing(
        grid=where.grid,
        upper=Sheet(_joined(above, upper_matte), upper[:-1], upper[-1]),
        lower=Sheet(
            _joined(lips.cleaned(picture, lips.lower, 1), lower_matte), lower[:-1], lower[-1]
        ),
        inside=_inside(moves, points, where, light, mm, rows),
        rows=rows,
        limits=_limits(),
    )


@dataclass(frozen=True, slots=True)
class _Lips:
    """Where the lips are, in the region's pixels.

    Attributes:
        upper, lower: (width,) the row of each lip's inner edge; the same when they touch.
        hole: first and last column between which they can part.
        mm: pixels per millimetre.
        parted: they do not touch in the photo.
    """

    upper: F64
    lower: F64
    hole: tuple[float, float]
    mm: float
    parted: bool

    def cut(self) -> Cut:
        """Return the cut: each lip reaches a little past the line where they meet."""
        x = np.arange(len(self.upper)) + 0.5
        within = np.minimum(x - self.hole[0], self.hole[1] - x)
        past = self.mm * np.clip(within / (4 * self.mm), 0, 1)
        return Cut(self.upper + UNDER_LINE * past, self.lower - OVER_LINE * past, (self.hole,))

    def cleaned(self, picture: F32, line: F64, side: int) -> F32:
        """Return the picture with a lip's own colour carried past its edge.

        Args:
            line: the lip's edge.
            side: 1 for the lower lip, which lies below the edge; -1 for the upper.
        """
        mm, (first, last) = self.mm, self.hole
        height, width = picture.shape[:2]
        clean = line + side * self._clean(picture, line, side)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        past = (y + 0.5 - line) * side > -5 * mm
        inside = (x + 0.5 > first) & (x + 0.5 < last) & past
        # Mirrored at the first clean row, so that the lip's grain goes on.
        mirrored = np.minimum(2 * side * clean - side * (y + 1), side * clean + mm)
        source = np.where(inside, side * np.maximum(side * y, mirrored), y)
        filled = cv2.remap(picture, x, source.astype(np.float32), cv2.INTER_LINEAR)
        return np.asarray(filled, np.float32)

    def _clean(self, picture: F32, line: F64, side: int) -> float:
        """Return how far from the edge the shadow between the lips ends, in pixels."""
        mm = self.mm
        columns = np.arange(int(self.hole[0] + 10 * mm), int(self.hole[1] - 10 * mm))
        away = np.arange(0, CLEAN[1] * mm, 0.5)
        rows = np.rint(line[columns] + side * away[:, None] - 0.5)
        rows = np.clip(rows, 0, len(picture) - 1).astype(int)
        luma = np.median(picture[rows, columns].mean(-1), axis=1)
        bright = luma >= luma[0] + 0.85 * (luma.max() - luma[0])
        return float(max(CLEAN[0] * mm, away[int(bright.argmax())]))


def _lips(picture: F32, points: F64) -> _Lips:
    """Find the lips' edges: the dark line between them, or each one's own when they are apart."""
    width = picture.shape[1]
    upper, lower = points[list(marks.UPPER_INNER)], points[list(marks.LOWER_INNER)]
    corners = points[list(marks.CORNERS)]
    mm = float(np.linalg.norm(corners[1] - corners[0])) / teeth.MOUTH_MM
    hole = float((upper[0, 0] + lower[0, 0]) / 2), float((upper[-1, 0] + lower[-1, 0]) / 2)
    beside = np.array([20 * mm, 0])

    def edge(inner: F64) -> F64:
        ends = corners[:1] - beside, corners[:1], inner, corners[1:], corners[1:] + beside
        return curve(np.concatenate(ends), width)

    gap = float(np.linalg.norm(upper[3:8] - lower[3:8], axis=1).mean()) / (teeth.MOUTH_MM * mm)
    if gap > PARTED:
        return _Lips(edge(upper), edge(lower), hole, mm, parted=True)
    luma = picture @ np.array([0.3, 0.59, 0.11], np.float32)
    line = snapped(luma, edge((upper + lower) / 2), hole, round(2.2 * mm))
    return _Lips(line, line, hole, mm, parted=False)


def _shutting(points: F64, lips: _Lips) -> F64:
    """Return (468, 2) plate pixels: how lips that are apart in the photo come to touch."""
    move = np.zeros((marks.SKIN, 2))
    if lips.parted:
        upper, lower = list(marks.UPPER_INNER), list(marks.LOWER_INNER)
        gap = points[lower] - points[upper]
        move[upper], move[lower] = gap / 2, -gap / 2
    return move


def _joined(picture: F32, matte: F32) -> F32:
    return np.dstack([picture, matte]).astype(np.float32)


def _field(
    moves: Moves,
    points: F64,
    where: Place,
    without: frozenset[int],
    edge: tuple[tuple[int, ...], float],
) -> F64:
    """Return (k + 1, nodes, 2): the moves of one sheet in the region's pixels, the last at rest.

    Args:
        without: landmarks of the other lip.
        edge: landmarks along the lip's inner edge, and what a millimetre past it is in rows.
    """
    grid = where.grid
    reach = 0.2 * max(grid.width, grid.height)
    near = ((points > -reach) & (points < (grid.width + reach, grid.height + reach))).all(1)
    kept = [n for n in np.flatnonzero(near) if n not in without]
    inner = list(edge[0][1:-1])
    guards = [points[inner] + (0, far * edge[1]) for far in GUARD]
    names = np.array([*kept, *inner * len(GUARD)], int)
    control = np.concatenate([points[kept], *guards, _still(points)])
    table = np.zeros((len(COEFS) + 1, len(control), 2))
    for row, name in enumerate((*COEFS, REST)):
        if name in moves.by_name:
            table[row, : len(names)] = moves.by_name[name][names] * float(where.scale)
    found = spread(control, table, grid.nodes(), float(grid.width))
    return np.asarray(found * grid.window()[None, :, None])


def _still(points: F64) -> F64:
    """Return points round the face that never move."""
    oval = points[list(marks.OVAL)]
    middle = oval.mean(0)
    away = oval - middle
    grown = np.where(away[:, 1:] > 0, OUT_SIDE + (OUT_BELOW - OUT_SIDE) * _below(away), OUT_SIDE)
    return np.asarray(middle + away * grown)


def _below(away: F64) -> F64:
    """Return (n, 1): 1 for points right below the middle, 0 for those beside it."""
    down = away[:, 1:] / np.linalg.norm(away, axis=1, keepdims=True)
    return np.asarray(np.clip(down, 0, 1) ** 2)


def _rows(line: F64, mouth: float, where: Place) -> Rows:
    height = where.grid.height
    middle = line[len(line) // 4 : -len(line) // 4]
    first = int(np.clip(middle.min() - 0.30 * mouth, 8, height - 12))
    end = int(np.clip(middle.max() + 0.32 * mouth, first + 2, height - 4))
    return Rows(first, end, int(np.clip(middle.max() + 1.0 * mouth, end + 1, height - 1)))


def _inside(moves: Moves, points: F64, where: Place, light: F32, mm: float, rows: Rows) -> Inside:
    corners = points[[78, 308]]
    left = max(0, int(corners[:, 0].min() - 12 * mm))
    right = min(where.grid.width, int(corners[:, 0].max() + 12 * mm) + 1)
    middle = points[[13, 14]].mean(0) - (left, rows.first)
    size = rows.hole_end - rows.first, right - left

    def canvas(down: float) -> teeth.Canvas:
        return teeth.Canvas(*size, (float(middle[0]), float(middle[1] + down * mm)), mm, light)

    return Inside(
        left=left,
        back=teeth.throat(canvas(0)),
        moving=(
            Plane(teeth.tongue(canvas(0)), _shift(moves, where, mm, tongue=True)),
            Plane(teeth.lower_teeth(canvas(LOWER_TEETH)), _shift(moves, where, mm, tongue=False)),
        ),
        front=teeth.upper_teeth(canvas(TEETH_SHOW)),
        shade_rows=max(1, round(SHADE_MM * mm)),
    )


def _shift(moves: Moves, where: Place, mm: float, *, tongue: bool) -> F64:
    """Return (k, 2): where the jaw carries what hangs on it."""
    shift = np.zeros((len(COEFS), 2))
    for row, name in enumerate(COEFS):
        if name.startswith("jaw") and name in moves.by_name:
            lip = moves.by_name[name][[14, 17]].mean(0)
            shift[row] = JAW_SHARE * float(where.scale) * lip
        if tongue and name in ("x_tongueUp", "tongueOut"):
            shift[row, 1] = mm * (TONGUE_UP if name == "x_tongueUp" else -TONGUE_OUT)
    return shift


def _limits() -> Limits:
    count, jaw = len(COEFS), COEFS.index("jawOpen")
    floor, most, less = np.full(count, 10.0), np.zeros((count, count)), np.zeros((count, count))
    close = COEFS.index("mouthClose")
    floor[close], most[jaw, close] = 0, 1  # more would push the lips through each other
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        less[jaw, COEFS.index(name)] = LESS_SMILE
    return Limits(floor, most, less)
