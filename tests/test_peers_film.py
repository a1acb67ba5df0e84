"""A network's mouth on a host who was filmed: painted on the plate, carried into each frame."""

from dataclasses import replace

import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.errors import ConfigError
from livehost.media import Quality, rest_face
from livehost.stage.render import make_renderer
from livehost.stage.render.part import GLIDE_TICKS
from livehost.stage.render.peers.crop import place
from tests import filmed
from tests.test_peers_render import (
    Count,
    described,
    generator,
    noise,
    picture,
    sounds,
    whole,
)

SIZE, TICK = filmed.SIZE, 1920
FACE = 115, 145, 120, 136
WHITE = np.ones((3, 96, 96))


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    return load_avatar(filmed.make(tmp_path_factory.mktemp("filmed") / "host"))


@pytest.fixture
def network(tmp_path):
    def make(draw, **keys):
        models = {"generator": generator(tmp_path / "g.onnx", 96, draw)}
        return described(tmp_path, models, **{"box": FACE, **keys})

    return make


def speaking(sound, tick):
    return replace(rest_face(), sound=sound, tick=tick)


def mark():
    """A bright square in the picture of a face, on the lips."""
    pixels = np.zeros((3, 96, 96))
    pixels[:, 62:68, 46:52] = 1
    return pixels


def at(index, x, y):
    """Where a point of the plate, between pixels, is seen in a frame."""
    return filmed.motion(index) @ (x, y, 1)


@pytest.mark.parametrize("first", [0, 13, 37])
def test_a_mark_goes_where_the_face_goes(avatar, network, first):
    marked = network(picture(mark()))
    where, renderer = place(avatar, marked), make_renderer(avatar, *SIZE, network=marked)
    for tick, sound in enumerate(sounds(marked, noise(TICK * 12), 8), first):
        layer = renderer.render(speaking(sound, tick), Quality.FULL)
    u, v = where.x + 49 * where.width / 96, where.y + 65 * where.height / 96
    x, y = at(tick % filmed.FRAMES, u, v)
    left, top = round(x) - 9, round(y) - 9
    part = np.maximum(0, layer.picture.y[top : top + 18, left : left + 18].astype(float) - 17)
    assert part.max() > 120
    rows, columns = np.mgrid[0:18, 0:18] + 0.5
    assert abs((part * columns).sum() / part.sum() + left - x) < 0.6
    assert abs((part * rows).sum() / part.sum() + top - y) < 0.6


def test_at_rest_and_with_nothing_to_change_she_looks_as_filmed(avatar, network):
    same = network(whole)
    renderer = make_renderer(avatar, *SIZE, network=same)
    plain = make_renderer(avatar, *SIZE)
    for tick, sound in enumerate(sounds(same, noise(TICK * 12), 8)):
        film = plain._reel.frame(tick).y.astype(int)
        resting = make_renderer(avatar, *SIZE, network=same).render(
            speaking(None, tick), Quality.FULL
        )
        assert np.abs(resting.picture.y - film).mean() < 0.5
        said = renderer.render(speaking(sound, tick), Quality.FULL)
        assert np.abs(said.picture.y - film).mean() < 0.6  # 96 pixels for 120: a little softer


def test_in_silence_nothing_is_asked_and_held_she_shuts_while_the_film_goes_on(
    avatar, network, monkeypatch
):
    white = network(picture(WHITE))
    renderer = make_renderer(avatar, *SIZE, network=white)
    quiet = [
        renderer.render(speaking(each, tick), Quality.FULL)
        for tick, each in enumerate(sounds(white, noise(0), 4))
    ]
    count = Count(monkeypatch)
    x, y, width, height = avatar.mouth.box

    def mouth(layer, tick):
        column, row = at(tick % filmed.FRAMES, x + width / 2, y + height / 3)
        return layer.picture.y[
            round(row) - 2 : round(row) + 3, round(column) - 3 : round(column) + 4
        ]

    assert max(mouth(layer, n).max() for n, layer in enumerate(quiet)) < 225
    loud = sounds(white, noise(TICK * 40), 30)
    for tick in range(6):
        layer = renderer.render(speaking(loud[tick], tick), Quality.FULL)
    assert mouth(layer, 5).min() > 225 and len(count.runs) == 6
    held = [renderer.render(speaking(loud[n], n), Quality.HOLD) for n in range(6, 16)]
    assert len(count.runs) == 6
    assert all(mouth(layer, n).max() < 225 for n, layer in enumerate(held[GLIDE_TICKS:], 10))
    assert not np.array_equal(held[-1].picture.y, held[-2].picture.y)
    still = [renderer.render(speaking(loud[n], n), Quality.PLATE) for n in (16, 17)]
    assert still[0] is still[1]


def test_the_box_of_a_filmed_face_must_be_told(avatar, network):
    with pytest.raises(ConfigError, match=r"box: is required for .*, who was filmed"):
        place(avatar, network(whole).model_copy(update={"box": None}))
