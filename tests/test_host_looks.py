"""How the shipped hosts look, in numbers that a viewer would miss if they went."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import looks
from livehost.avatar import load_avatar

HOSTS = sorted(
    path.parent for path in (Path(__file__).parents[1] / "avatars").glob("*/avatar.toml")
)


@pytest.fixture(scope="module", params=HOSTS, ids=lambda path: path.name)
def host(request):
    return load_avatar(request.param)


def test_the_mouth_moves_evenly(host):
    for name, shapes in looks.MOVES.items():
        assert looks.flicker(host, shapes) < 1.1, name


def test_shut_lips_are_one_line(host):
    assert {looks.contours(host, viseme) for viseme in looks.SHUT if viseme in host.visemes} == {1}


def test_the_mouth_is_nearly_as_sharp_as_the_plate(host):
    assert 0.7 < looks.sharpness(host) < 1.3


def test_no_step_of_colour_where_the_decoder_ends(host):
    assert looks.border(host)["p99"] <= 1


def test_shut_lids_are_nearly_as_smooth_as_skin(host):
    assert looks.grain(host) < (1.3 if host.name == "xiaohe" else 2.5)


def test_a_smile_draws_no_bright_line_on_the_cheek(host):
    assert looks.crease(host) < (12 if host.name == "xiaohe" else 25)


def test_lines_are_counted():
    skin = np.full(200, 150, np.float32)
    assert looks.dark_lines(skin) == 0
    skin[80:85] = 90
    assert looks.dark_lines(skin) == 1
    skin[110:114] = 90
    assert looks.dark_lines(skin) == 2
    shadow = 150 - 40 * np.exp(-(((np.arange(200) - 100) / 40) ** 2))
    assert looks.dark_lines(shadow.astype(np.float32)) == 0
