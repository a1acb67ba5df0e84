"""A speaking mouth on top of an emotion, without one spoiling the other.

In:  mouth shapes from speech, an emotion.   Out: blendshapes in [0, 1].

Plain addition opens lips that must be shut and stretches a rounded mouth into a grin. So an open
mouth needs less of the emotion's own opening and smile, a rounded one less of its width, a shut
one nothing that opens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livehost.media import BLENDSHAPES, SHAPE

Shapes = NDArray[np.float32]


def _indices(*prefixes: str) -> NDArray[np.intp]:
    return np.array([n for n, name in enumerate(BLENDSHAPES) if name.startswith(prefixes)])


_OPEN = _indices("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel")
_SMILE = _indices("mouthSmile")
_WIDE = _indices("mouthSmile", "mouthDimple", "mouthStretch")
_MOUTH = _indices("jaw", "mouth", "tongue", "x_tongue")
_JAW, _PRESS = SHAPE["jawOpen"], SHAPE["mouthPressLeft"]
_PUCKER, _FUNNEL = SHAPE["mouthPucker"], SHAPE["mouthFunnel"]
SHUT_SMILE = 0.42  # a wider smile parts the lips; on shut ones it is a grimace


def mix(mouth: Shapes, emotion: Shapes, activity: float) -> Shapes:
    """Return (53,) float32.

    Args:
        mouth: (53,) what speech asks for.
        emotion: (53,) the emotion, already at its strength.
        activity: 0 in silence to 1 in speech; an emotion opens the mouth only while it speaks.
    """
    opened = min(1.0, float(mouth[_JAW]) / 0.5)
    shut = max(0.0, 1 - 4 * float(mouth[_JAW])) * min(1.0, float(mouth[_PRESS]) / 0.25)
    rounded = min(1.0, 1.3 * float(max(mouth[_PUCKER], mouth[_FUNNEL])))
    felt = emotion.copy()
    felt[_MOUTH] *= 1 - 0.25 * shut
    felt[_OPEN] *= activity * (1 - 0.6 * opened) * (1 - shut)
    felt[_SMILE] *= 1 - 0.4 * opened
    felt[_WIDE] *= 1 - 0.65 * rounded
    felt[_SMILE] = np.minimum(felt[_SMILE], SHUT_SMILE + (1 - SHUT_SMILE) * activity)
    out = mouth + felt
    out[_SMILE] = np.minimum(out[_SMILE], 0.35 + 0.65 * (1 - opened))
    return np.clip(out, 0, 1, out=out)
