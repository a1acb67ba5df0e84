"""Cut a region's picture into an upper and a lower sheet along lips or lids.

In:  two curves across the region: where the upper sheet ends and where the lower one begins.
Out: mattes in 0..1.

Where the curves are apart there is a hole between the sheets; beyond its corners they are one, and
the sheets fade into each other over a wider and wider seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo.field import smooth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

EDGE = 0.8  # pixels that a lip's or lid's edge takes
SEAM_GROWTH, SEAM_MOST = 0.35, 6.0  # pixels of seam per pixel beyond a corner, and at most


@dataclass(frozen=True, slots=True)
class Cut:
    """Edges by column of the region, and the columns between which a hole can open.

    Attributes:
        upper, lower: (width,) the row at which the upper sheet ends and the lower begins.
        holes: first and last position of each hole.
    """

    upper: F64
    lower: F64
    holes: tuple[tuple[float, float], ...]

    def mattes(self, height: int) -> tuple[F32, F32]:
        """Return the alphas of the upper and the lower sheet, (height, width) each."""
        y = np.arange(height)[:, None] + 0.5
        seam = self._seam()
        upper = smooth(0.5 + (self.upper - y) / _slanted(self.upper, seam))
        hole = smooth(0.5 + (self.lower - y) / _slanted(self.lower, seam)) * self._within()
        return upper.astype(np.float32), (1 - hole).astype(np.float32)

    def _seam(self) -> F64:
        """Return (width,): over how many pixels an edge is soft."""
        past = np.clip(EDGE + SEAM_GROWTH * self._beyond(), EDGE, SEAM_MOST)
        return np.asarray(past * 2)

    def _within(self) -> F64:
        """Return (width,): 1 in a hole's columns, 0 elsewhere, over one pixel."""
        return np.clip(0.5 - self._beyond(), 0, 1)

    def _beyond(self) -> F64:
        """Return (width,): pixels from the nearest hole, negative inside one."""
        x = np.arange(len(self.upper)) + 0.5
        past = [np.maximum(first - x, x - last) for first, last in self.holes]
        return np.asarray(np.min(past, axis=0))


def _slanted(edge: F64, seam: F64) -> F64:
    """Return the seam as it is measured straight down, where the edge is steep."""
    slope = np.clip(np.gradient(edge), -3, 3)
    return np.asarray(seam * np.sqrt(1 + slope**2))


def curve(points: F64, width: int) -> F64:
    """Return (width,): the row of a line through `points` at each column's middle.

    Args:
        points: (n, 2), left to right; the line is smooth through them and flat beyond.
    """
    order = np.argsort(points[:, 0])
    x, y = points[order, 0], points[order, 1]
    at = np.arange(width) + 0.5
    line = np.interp(at, x, y)
    inside = (at > x[0]) & (at < x[-1])
    soft = np.convolve(np.pad(line, 2, mode="edge"), np.array([1, 4, 6, 4, 1]) / 16, "valid")
    return np.asarray(np.where(inside, soft, line))


def snapped(luma: F32, line: F64, span: tuple[float, float], reach: int) -> F64:
    """Return the line, moved by at most `reach` rows to the darkest smooth path near it.

    Args:
        luma: (height, width) in 0..1.
        span: columns in which it may move.

    Source: dynamic programming over columns, as in Avidan and Shamir, SIGGRAPH 2007.
    """
    columns = np.arange(max(0, int(span[0])), min(luma.shape[1], int(span[1]) + 1))
    offsets = np.arange(-reach, reach + 1)
    rows = np.clip(np.rint(line[columns, None] - 0.5) + offsets, 0, luma.shape[0] - 1).astype(int)
    cost = luma[rows, columns[:, None]] + 0.02 * np.abs(offsets) / max(1, reach)
    total, came = cost.copy(), np.zeros(cost.shape, int)
    for n in range(1, len(columns)):
        step = total[n - 1][None] + 0.03 * np.abs(offsets[:, None] - offsets[None])
        came[n] = step.argmin(1)
        total[n] += step.min(1)
    path = np.zeros(len(columns), int)
    path[-1] = total[-1].argmin()
    for n in range(len(columns) - 1, 0, -1):
        path[n - 1] = came[n, path[n]]
    moved = line.copy()
    found = rows[np.arange(len(columns)), path] + 0.5
    soft = np.convolve(np.pad(found, 2, mode="edge"), np.array([1, 4, 6, 4, 1]) / 16, "valid")
    ease = smooth(np.minimum(np.arange(len(columns)), np.arange(len(columns))[::-1]) / 4)
    moved[columns] = line[columns] + ease * (soft - line[columns])
    return moved
