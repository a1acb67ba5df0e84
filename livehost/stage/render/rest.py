"""The face that may stand still: lips closed, eyes open.

In:  the shapes of a moment.   Out: the shapes to hold.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livehost.media import BLENDSHAPES

F32 = NDArray[np.float32]

KEPT = ("mouthSmile", "mouthDimple", "mouthFrown")
"""What a closed mouth may go on doing: a face that is held should not change its mood."""


def _indices(*prefixes: str) -> NDArray[np.intp]:
    return np.array([n for n, name in enumerate(BLENDSHAPES) if name.startswith(prefixes)])


_MOUTH = np.setdiff1d(_indices("jaw", "mouth", "tongue", "x_tongue"), _indices(*KEPT))
_LIDS = _indices("eyeBlink")


def closed(shapes: F32, silent: F32) -> F32:
    """Return `shapes` with the mouth of `silent`; all (53,)."""
    out = shapes.copy()
    out[_MOUTH] = silent[_MOUTH]
    return out


def awake(shapes: F32) -> F32:
    """Return `shapes` (53,) with open lids."""
    out = shapes.copy()
    out[_LIDS] = 0
    return out
