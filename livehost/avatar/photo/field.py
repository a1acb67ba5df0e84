"""Moves of landmarks, spread over a grid: how every part of a region moves with each blendshape.

In:  control points and their moves.   Out: displacements at the nodes of a coarse grid, and the
matrices that enlarge them to pixels.

Coordinates are continuous pixels of the region: pixel i covers [i, i + 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

CELL = 4  # pixels between nodes
SMOOTHING = 5e-5  # of the spline, in squared region widths; takes noise out of neighbouring points
MARGIN = 0.12  # of the region's shorter side, over which all moves end


@dataclass(frozen=True, slots=True)
class Grid:
    """Nodes every `CELL` pixels over a region of `width` x `height` pixels."""

    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of nodes; the last ones lie on or beyond the edge."""
        return -(-self.height // CELL) + 1, -(-self.width // CELL) + 1

    def nodes(self) -> F64:
        """Return (rows * columns, 2): where the nodes are, x and y."""
        rows, columns = self.shape
        x, y = np.meshgrid(np.arange(columns) * CELL, np.arange(rows) * CELL)
        return np.stack([x.ravel(), y.ravel()], 1).astype(np.float64)

    def window(self) -> F64:
        """Return (rows * columns,): 1 inside, smoothly 0 at the region's edge."""
        margin = MARGIN * min(self.width, self.height)
        x, y = self.nodes().T
        inside = np.minimum(np.minimum(x, self.width - x), np.minimum(y, self.height - y))
        return smooth(inside / margin)

    def enlarging(self) -> tuple[F64, F64]:
        """Return (height, rows) and (columns, width): they turn nodes into pixel centres."""
        rows, columns = self.shape
        return _cubic(self.height, rows), _cubic(self.width, columns).T


def smooth(share: NDArray[np.floating]) -> F64:
    """Return 0 for shares up to 0, 1 from 1 on, without a corner in between."""
    part = np.clip(share, 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float64)


def spread(points: F64, moves: F64, at: F64, size: float) -> F64:
    """Return (k, n, 2): the moves of control points carried on to `at`, by thin plate splines.

    Args:
        points: (m, 2) distinct control points.
        moves: (k, m, 2).
        at: (n, 2).
        size: pixels that count as one, for the numbers' sake.

    Source: Bookstein, "Principal warps", PAMI 1989.
    """
    count = len(points)
    here, there = points / size, at / size
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bend(here, here) + SMOOTHING * np.eye(count)
    system[:count, count:] = np.c_[np.ones(count), here]
    system[count:, :count] = system[:count, count:].T
    known = np.zeros((count + 3, moves.shape[0] * 2))
    known[:count] = moves.transpose(1, 0, 2).reshape(count, -1)
    weights = np.linalg.solve(system, known)
    found = np.c_[_bend(there, here), np.ones(len(at)), there] @ weights
    return np.asarray(found.reshape(len(at), -1, 2).transpose(1, 0, 2))


def _bend(one: F64, other: F64) -> F64:
    squared = ((one[:, None] - other[None]) ** 2).sum(-1)
    return np.asarray(0.5 * squared * np.log(np.maximum(squared, 1e-20)))


def _cubic(pixels: int, nodes: int) -> F64:
    """Return (pixels, nodes): Catmull-Rom weights of the nodes at each pixel's centre."""
    at = (np.arange(pixels) + 0.5) / CELL
    first = np.floor(at).astype(int)
    part = at - first
    weights = np.stack(
        [
            -0.5 * part**3 + part**2 - 0.5 * part,
            1.5 * part**3 - 2.5 * part**2 + 1,
            -1.5 * part**3 + 2 * part**2 + 0.5 * part,
            0.5 * part**3 - 0.5 * part**2,
        ]
    )
    out = np.zeros((pixels, nodes))
    for step in range(4):
        node = np.clip(first + step - 1, 0, nodes - 1)
        np.add.at(out, (np.arange(pixels), node), weights[step])
    return out
