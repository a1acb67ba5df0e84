"""Smooth noise in space: hairlines and folds that are not ruled.

In:  points.   Out: values, always the same for the same seed.
"""

from __future__ import annotations

import numpy as np

from livehost.avatar.recipe.space import F64, Ints

_PRIMES = (73_856_093, 19_349_663, 83_492_791)
_SEEDS = 2_654_435_761
_BITS = 0x7FFF_FFFF


def lattice(points: F64, seed: int) -> F64:
    """Return (n,) value noise in about -1..1 of `points` (n, 3); one cell is a unit."""
    cell = np.floor(points).astype(np.int64)
    share = points - cell
    share = share * share * (3 - 2 * share)
    out = np.zeros(len(points))
    for corner in range(8):
        step = np.array([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
        weight = np.prod(np.where(step, share, 1 - share), 1)
        out += _value(cell + step, seed) * weight
    return out


def ridge(points: F64, seed: int) -> F64:
    """Return noise with sharp crests, as cloth folds."""
    return np.asarray(1 - 2 * np.abs(lattice(points, seed)))


def _value(cells: Ints, seed: int) -> F64:
    """Return a fixed random value in -1..1 for each cell (n, 3)."""
    mixed = np.bitwise_xor.reduce(cells * np.array(_PRIMES), axis=1)
    mixed = (mixed ^ (seed * _SEEDS & 0xFFFF_FFFF)) & _BITS
    mixed = (mixed * 1_103_515_245 + 12_345) & _BITS
    mixed = (mixed ^ (mixed >> 13)) * 1_274_126_177 & _BITS
    return np.asarray((mixed >> 8 & 0xFFFF) / 32_767.5 - 1)
