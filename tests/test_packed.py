"""Pictures in one piece of memory: what FFmpeg gets without a copy, and what it does not."""

import numpy as np
import pytest

from livehost import config
from livehost.media import Yuv
from livehost.stage.encode import open_encoder
from livehost.stage.packed import black, empty, in_one, pack


def noise(width=16, height=10):
    dice = np.random.default_rng(3)
    half = height // 2, width // 2
    shapes = (height, width), half, half
    return Yuv(*(dice.integers(0, 256, shape, np.uint8) for shape in shapes))


def flat_of(picture):
    return np.concatenate([plane.ravel() for plane in (picture.y, picture.u, picture.v)])


def test_a_packed_copy_is_the_same_picture_and_is_handed_on_as_it_is():
    picture = noise()
    copy = pack(picture)
    whole = in_one(copy)
    assert np.array_equal(whole, flat_of(picture))
    assert np.shares_memory(whole, copy.y) and np.shares_memory(whole, copy.v)
    assert not np.shares_memory(whole, picture.y)


def strange(form):
    picture = noise()
    copy = pack(picture)
    match form:
        case "apart":
            return picture
        case "swapped":
            return Yuv(copy.y, copy.v, copy.u)
        case "upside down":
            return Yuv(copy.y[::-1], copy.u, copy.v)
        case "another's chroma":
            return Yuv(copy.y, picture.u, copy.v)
        case "part of a larger one":
            return Yuv(noise(32, 20).y[:10, :16], copy.u, copy.v)


@pytest.mark.parametrize(
    "form", ["apart", "swapped", "upside down", "another's chroma", "part of a larger one"]
)
def test_planes_that_are_not_in_one_piece_are_copied_in_their_order(form):
    picture = strange(form)
    assert np.array_equal(in_one(picture), flat_of(picture))


def test_black_is_black():
    picture = black(8, 4)
    assert set(picture.y.ravel()) == {16} and set(picture.u.ravel()) == {128}
    assert empty(8, 6).v.shape == (3, 4)


def test_the_encoder_makes_the_same_of_both():
    def encoded(form):
        encoder = open_encoder(
            config.Video(width=208, height=176, encoder="libx264"), config.Audio()
        )
        return [p.data for n in range(3) for p in encoder.video(n, form(noise(208, 176)))]

    assert encoded(pack) == encoded(lambda picture: picture)
