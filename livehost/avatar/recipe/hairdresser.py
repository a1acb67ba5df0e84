"""Chooses how hair is grown by its style.

In:  a body, its surface, that of its clothes.   Out: the hairdo, or none.
"""

from __future__ import annotations

import numpy as np

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.hair import Hairdo, long_hair
from livehost.avatar.recipe.hair_curtain import curtain_hair
from livehost.avatar.recipe.hair_short import short_hair
from livehost.avatar.recipe.looks import CurtainHair, LongHair, ShortHair
from livehost.avatar.recipe.surface import Surface


def grow_hair(
    body: Body, surface: Surface, random: np.random.Generator, cloth: Surface | None = None
) -> Hairdo | None:
    """Return the host's hair; None on a shaven head.

    Args:
        cloth: what long hair falls over.
    """
    keys = body.host.hair
    if isinstance(keys, LongHair):
        return long_hair(body, surface, keys, random)
    if isinstance(keys, CurtainHair):
        return curtain_hair(body, surface, cloth, keys, random)
    if isinstance(keys, ShortHair):
        return short_hair(body, surface, keys, random)
    return None
