"""The built-in studio in its colours."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from livehost.config import Scene
from livehost.stage.layout import layout
from livehost.stage.looks import LOOKS, SHOP, WALNUT
from livehost.stage.studio import paint_desk, studio

PLACES = layout(144, 256)


def test_every_studio_of_the_config_has_a_look():
    choices = get_args(Scene.model_fields["studio"].annotation)
    assert set(choices) == set(LOOKS)
    assert LOOKS[Scene().studio] is SHOP


def test_an_unknown_studio_is_refused():
    with pytest.raises(ValueError, match="studio"):
        Scene(studio="attic")


def test_the_default_look_is_the_shop():
    assert np.array_equal(studio(PLACES), studio(PLACES, SHOP))


def test_the_same_look_paints_the_same_room_twice():
    assert np.array_equal(studio(PLACES, WALNUT), studio(PLACES, WALNUT))


def test_walnut_is_darker_and_as_warm():
    shop, walnut = studio(PLACES, SHOP), studio(PLACES, WALNUT)
    assert walnut.shape == shop.shape
    assert walnut.mean() < 0.9 * shop.mean()
    assert walnut[..., 0].mean() > walnut[..., 2].mean()


def test_the_desk_follows_the_look():
    shop, walnut = paint_desk(PLACES, SHOP), paint_desk(PLACES, WALNUT)
    assert shop.solid_top == walnut.solid_top
    top = slice(shop.solid_top, None)
    assert walnut.picture.y[top].mean() < 0.8 * shop.picture.y[top].mean()


def test_lamps_shine_in_every_room():
    for look in LOOKS.values():
        assert studio(PLACES, look)[: PLACES.height // 5].max() > 0.9
