"""The CPU's decoders: what they are taught, how they add up, and that they draw what she draws."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

from livehost.avatar import load_avatar
from livehost.avatar.asked import Asked, partner
from livehost.avatar.sums import Plan, decompose, flat, main, tile_pixels
from livehost.avatar.sums_graph import RUN, Shares, Tile, write
from livehost.colour import rgb_to_yuv
from livehost.media import BLENDSHAPES, SHAPE

XIAOHE = Path(__file__).parents[1] / "avatars" / "xiaohe"
NAMES = ("eyeBlinkLeft", "eyeBlinkRight", "eyeLookInLeft", "eyeLookOutRight", "browInnerUp")


def given(free):
    rows = np.eye(5, dtype=np.float32)
    return Asked(NAMES, rows, rows[:2], rows[4:], free)


def test_rows_are_coefficients_and_the_same_every_time():
    first, again = (given(0.5).rows(200, np.random.default_rng(3)) for _ in range(2))
    assert first.shape == (200, 5) and first.dtype == np.float32
    assert first.min() >= 0 and first.max() <= 1
    assert np.array_equal(first, again)


def test_nothing_moves_at_will_that_may_not():
    held = Asked(NAMES, np.zeros((1, 5), np.float32), *[np.zeros((1, 5), np.float32)] * 2, free=0)
    assert not held.rows(50, np.random.default_rng(0))[:, 2:].any()


def test_eyes_often_blink_and_a_mouth_has_no_lids():
    rest = np.zeros((1, 5), np.float32)
    rows = Asked(NAMES, rest, rest, rest, free=0).rows(2000, np.random.default_rng(0))
    lids = rows[:, :2]
    assert np.array_equal(lids[:, 0], lids[:, 1])
    assert 0.12 < (lids[:, 0] > 0).mean() < 0.18
    assert 0.4 < (lids[lids[:, 0] > 0, 0] == 1).mean() < 0.6
    names = ("jawOpen", *NAMES[2:])
    mouth = Asked(names, *[np.zeros((1, 4), np.float32)] * 3, free=0)
    assert not mouth.rows(200, np.random.default_rng(0)).any()


def test_both_sides_move_together_mostly():
    rest = np.zeros((1, 5), np.float32)
    rows = Asked(NAMES, rest, rest, rest, free=1).rows(400, np.random.default_rng(0))
    for left, right in ((0, 1), (2, 3)):
        moved = rows[:, left] > 0
        together = np.isclose(rows[moved, left], rows[moved, right])
        assert 0.5 < together.mean() < 1


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("eyeBlinkLeft", "eyeBlinkRight"),
        ("mouthSmileRight", "mouthSmileLeft"),
        ("eyeLookOutLeft", "eyeLookInRight"),
        ("eyeLookInLeft", "eyeLookOutRight"),
        ("eyeLookInRight", "eyeLookOutLeft"),
        ("jawOpen", ""),
    ],
)
def test_partners(name, other):
    assert partner(name) == other
    assert not other or other in BLENDSHAPES


@pytest.mark.parametrize("tiles", [(1, 1), (2, 2), (1, 3)])
def test_tiles_hold_every_moving_pixel_once(tiles):
    height, width = 32, 48
    moving = np.random.default_rng(0).random(height * width * 3 // 2) < 0.05
    found = tile_pixels(moving, (height, width), tiles)
    together = np.concatenate(found)
    assert len(found) == tiles[0] * tiles[1]
    assert len(np.unique(together)) == len(together)
    assert set(np.flatnonzero(moving)) <= set(together)
    for pixels in found:
        runs = pixels.reshape(-1, RUN)
        assert (runs == runs[:, :1] + np.arange(RUN)).all() and not (runs[:, 0] % RUN).any()


def test_a_tile_is_a_part_of_the_picture():
    everything = np.ones(32 * 64 * 3 // 2, bool)
    quarters = tile_pixels(everything, (32, 64), (2, 2))
    seen = np.zeros(32 * 64 * 3 // 2, int)
    seen[quarters[3]] = 1
    y = seen[: 32 * 64].reshape(32, 64)
    assert y[16:, 32:].all() and y.sum() == 16 * 32
    assert seen.sum() == 16 * 32 * 3 // 2


def test_pictures_that_are_sums_are_taken_apart_and_put_together():
    random = np.random.default_rng(0)
    mask = np.full((16, 16), 255, np.uint8)
    parts, shares = random.normal(0, 1, (3, 384)), random.normal(0, 12, (200, 3))
    pictures = np.clip(120 + shares @ parts, 0, 255).round().astype(np.uint8)
    plan = Plan(tiles=(1, 1), pictures=3, components=150)
    tiles, mean, found = decompose(pictures, mask, plan)
    (tile,) = tiles
    again = np.tile(mean, (200, 1))
    again[:, tile.pixels] += found @ tile.sums
    assert np.abs(again - pictures).mean() < 1


def test_i420_is_the_planes_one_after_the_other():
    picture = rgb_to_yuv(np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8))
    row = flat(picture.y, picture.u, picture.v)
    assert np.array_equal(row[:24].reshape(4, 6), picture.y)
    assert np.array_equal(row[30:].reshape(2, 3), picture.v)


def test_wrong_samples_exit_with_2(tmp_path, capsys):
    assert main([str(XIAOHE), "mouth", str(tmp_path), "--out", str(tmp_path / "x.onnx")]) == 2
    assert "not a folder of samples" in capsys.readouterr().err


# --- the shipped ones -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def avatar():
    return load_avatar(XIAOHE)


def draw(model, coefs):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, {"coefs": coefs[None]})[0]


def luma(region, coefs):
    """Return (fast, precise) luma of one picture, in grey levels."""
    height = region.mask.shape[0]
    rgb = draw(region.precise, coefs)[0].transpose(1, 2, 0)
    precise = rgb_to_yuv((rgb * 255 + 0.5).clip(0, 255).astype(np.uint8)).y
    return draw(region.model, coefs)[0][:height].astype(float), precise.astype(float)


@pytest.mark.parametrize("name", ["mouth", "eyes"])
def test_every_viseme_and_emotion_looks_as_the_decoder_draws_it(avatar, name):
    region = getattr(avatar, name)
    indexes = [SHAPE[coef] for coef in region.coefs]
    share = region.mask / 255
    for target in [*avatar.visemes.values(), *avatar.emotions.values()]:
        for strength in (0.5, 1.0):
            fast, precise = luma(region, strength * target[indexes])
            error = np.mean(((fast - precise) * share) ** 2)
            assert 10 * np.log10(255**2 / error) > 42


def test_lids_shut_and_eyes_look_as_the_decoder_draws_them(avatar):
    names = avatar.eyes.coefs
    for moved in (["eyeBlinkLeft", "eyeBlinkRight"], ["eyeLookOutLeft", "eyeLookInRight"],
                  ["eyeLookUpLeft", "eyeLookUpRight"]):  # fmt: skip
        for amount in (0.3, 0.6, 1.0):
            coefs = np.zeros(len(names), np.float32)
            coefs[[names.index(one) for one in moved]] = amount
            fast, precise = luma(avatar.eyes, coefs)
            difference = cv2.blur(fast, (3, 3)) - cv2.blur(precise, (3, 3))
            error = np.mean((difference * avatar.eyes.mask / 255) ** 2)
            assert 10 * np.log10(255**2 / error) > 38


# --- with onnx ------------------------------------------------------------------------------------


def test_the_graph_adds_up_what_it_was_given(tmp_path):
    pytest.importorskip("onnx")
    random = np.random.default_rng(0)
    height, width, k, pictures = 16, 32, 4, 5
    tiles_of = tile_pixels(np.ones(height * width * 3 // 2, bool), (height, width), (2, 2))[:3]
    mean = random.uniform(60, 180, height * width * 3 // 2).astype(np.float32)
    tiles = [
        Tile(pixels, random.normal(0, 1, (pictures, len(pixels))).astype(np.float32), mean[pixels])
        for pixels in tiles_of
    ]
    weights = [
        random.normal(0, 1, shape).astype(np.float32) for shape in ((k, 8), (8, 15), (k, 15))
    ]
    biases = [random.normal(0, 1, n).astype(np.float32) for n in (8, 15)]
    network = Shares(
        np.full(k, 0.5, np.float32), np.full(k, 2, np.float32), [(weights[0], biases[0])],
        (weights[1], biases[1]), weights[2], np.full(15, 40, np.float32),
    )  # fmt: skip
    write(tmp_path / "sums.onnx", network, tiles, mean, (height, width))
    for _ in range(5):
        coefs = random.random(k).astype(np.float32)
        drawn = draw(tmp_path / "sums.onnx", coefs)
        assert drawn.shape == (1, 24, 32) and drawn.dtype == np.uint8
        scaled = (coefs - 0.5) / 2
        hidden = scaled @ weights[0] + biases[0]
        hidden /= 1 + np.exp(-hidden)
        shares = hidden @ weights[1] + biases[1] + scaled @ weights[2]
        expected = mean.copy()
        for n, tile in enumerate(tiles):
            expected[tile.pixels] += shares[5 * n : 5 * n + 5] @ tile.sums
        assert np.abs(drawn.ravel() - expected).max() < 1.5
