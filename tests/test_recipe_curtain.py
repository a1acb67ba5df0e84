"""The renewed host: curtain hair, soft brows, her body as it was rendered, cuts of a blazer."""

from pathlib import Path

import numpy as np
import pytest

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.brows import brow_strands, lash_roots
from livehost.avatar.recipe.camera import plate_camera
from livehost.avatar.recipe.complexion import paint_skin
from livehost.avatar.recipe.hair_lay import Laid, lifted, through
from livehost.avatar.recipe.hairdresser import grow_hair
from livehost.avatar.recipe.hairline import inside
from livehost.avatar.recipe.host import load_host
from livehost.avatar.recipe.pattern import FITTED, STRAIGHT
from livehost.avatar.recipe.surface import Hit
from livehost.avatar.recipe.teeth import make_arch, make_teeth
from tests.recipe_head import Ball, load_data

HOST = load_host(Path(__file__).parents[1] / "avatars" / "recipes" / "xiaohe.toml")
FEW = {"strands": 900, "neck": 60, "baby": 80}


@pytest.fixture(scope="module")
def data():
    return load_data()


@pytest.fixture(scope="module")
def body(data):
    return Body(HOST, data)


class Floor:
    """Clothes for strands: a level plane."""

    def __init__(self, height):
        self.height = height

    def nearest(self, point):
        foot = np.array([point[0], self.height, point[2]])
        return Hit(foot, np.array([0, 1.0, 0]), 0, float(abs(point[1] - self.height)))


def grown(body, cloth=None, seed=7, **keys):
    hair = HOST.hair.model_copy(update=FEW | keys)
    host = HOST.model_copy(update={"hair": hair})
    return grow_hair(Body(host, body.data), Ball(), np.random.default_rng(seed), cloth)


@pytest.fixture(scope="module")
def hairdo(body):
    return grown(body)


def test_the_renewed_body_is_the_one_that_was_rendered(body):
    assert np.abs(body.base).sum() == pytest.approx(119877.83800788443, abs=1e-4)
    assert (body.eye_height, body.crown, body.chin) == pytest.approx(
        (6.223547, 7.37255, 5.21712), abs=1e-6
    )
    assert plate_camera(body).px == pytest.approx(207.847158, abs=1e-5)


def test_curtain_hair_is_the_same_every_time_and_another_by_another_seed(body, hairdo):
    again, other = grown(body), grown(body, seed=8)
    assert np.array_equal(hairdo.strands, again.strands)
    assert np.array_equal(hairdo.radius, again.radius)
    assert hairdo.strands.shape != other.strands.shape
    assert np.isfinite(hairdo.strands).all() and np.isfinite(hairdo.baby).all()
    assert len(hairdo.strands) == len(hairdo.radius) == len(hairdo.light) > 800


def test_curtain_hair_begins_on_the_scalp_and_reaches_its_hem(body, hairdo):
    roots = hairdo.strands[: -FEW["neck"], 0]
    assert inside(body, roots).min() > -0.05
    ends = body.eye_height - hairdo.strands[..., 1].min(1)
    assert np.quantile(ends, 0.99) == pytest.approx(2.4, abs=0.25)
    shorter = body.eye_height - grown(body, hem=1.9).strands[..., 1].min(1)
    assert np.quantile(shorter, 0.5) < np.quantile(ends, 0.5) - 0.1


def test_hair_leaves_the_middle_of_the_face_free(body, hairdo):
    points = hairdo.strands.reshape(-1, 3)
    low, high = body.eye_height - 0.8, body.eye_height + 0.25
    face = (points[:, 1] > low) & (points[:, 1] < high) & (points[:, 2] > 0.5)
    assert np.abs(points[face][:, 0]).min() > 0.45
    assert face.sum() > 200  # bangs, beside it


def test_bangs_are_led_over_the_temples(body, hairdo):
    def before_the_temple(one):
        points = one.strands[:, 8:14].reshape(-1, 3) - [0, body.eye_height, 0]
        near = (np.abs(points[:, 0]) > 0.5) & (points[:, 2] > 0.75)
        return (near & (np.abs(points[:, 1] - 0.3) < 0.2)).sum()

    assert before_the_temple(hairdo) > 2 * before_the_temple(grown(body, bangs=0))


def test_about_a_quarter_of_the_locks_is_lighter(hairdo):
    assert 0.1 < hairdo.light.mean() < 0.4


def test_long_hair_lies_on_the_clothes(body, hairdo):
    level = body.eye_height - 1.6

    def sunk(one):
        heights = one.strands[..., 1] - level
        return ((heights > -0.45) & (heights < 0)).sum()

    assert sunk(hairdo) > 1000
    assert sunk(grown(body, Floor(level))) < 0.4 * sunk(hairdo)


def test_points_are_lifted_only_where_they_are_too_low():
    points = np.array([[0, 1.0, 0], [0, 0.1, 0], [0, -0.2, 0], [0, -0.9, 0]])
    high = np.full(4, 0.3)
    alone = lifted(points.copy(), Laid(Floor(0), None), high, high)
    assert alone[:, 1] == pytest.approx([1, 0.3, 0.3, -0.9])  # the last is too deep
    dressed = lifted(points.copy(), Laid(Floor(0), Floor(0.4)), high, high)
    assert dressed[:, 1] == pytest.approx([1, 0.7, 0.7, -0.9])


def test_a_curve_passes_its_ends_and_places_evenly_spread():
    places = np.random.default_rng(3).normal(size=(5, 4, 3))
    assert np.allclose(through(places, 20)[:, [0, -1]], places[:, [0, -1]])
    line = np.array([[[0, 0, 0], [1, 0, 0], [2, 0, 0], [3.0, 0, 0]]])
    assert np.allclose(through(line, 7)[0, :, 0], np.linspace(0, 3, 7))


def test_soft_brows_lie_above_the_eyes(body):
    brows = brow_strands(body, Ball()).strands
    assert 800 < len(brows) < 2 * HOST.brows.count
    height = brows[:, 0, 1] - body.eye_height
    assert height.min() > 0.1 and height.max() < 0.26


def test_colour_without_redness_is_the_skin_that_is_asked_for(body):
    skin = HOST.skin.model_copy(
        update={"cheeks": 0, "nose": (0, 0), "chin": 0, "ears": 0, "forehead": 0}
    )
    plain = Body(HOST.model_copy(update={"skin": skin}), body.data)
    colour, _ = paint_skin(plain, lash_roots(body))
    cheek = np.abs(body.base - [0.43, body.eye_height - 0.33, 1.05]).max(1) < 0.1
    assert cheek.any() and np.abs(colour[cheek, :3] - HOST.skin.colour).max() < 0.05
    red, _ = paint_skin(body, lash_roots(body))
    assert (red[cheek, 1] < colour[cheek, 1]).all()


def test_upper_teeth_are_as_high_as_the_parameters_say(body):
    arch = make_arch(body, upper=True, lips=5.616)
    crowns = make_teeth(arch).points[: 12 * 280].reshape(12, 280, 3)
    assert np.ptp(crowns[0, :, 1]) == pytest.approx(HOST.teeth.heights[0], abs=0.006)
    assert arch.curve == HOST.teeth.curve


def test_the_fitted_cut_is_narrower_in_every_way():
    assert FITTED.off < STRAIGHT.off and FITTED.tee.off < STRAIGHT.tee.off
    assert FITTED.sleeve[0] < STRAIGHT.sleeve[0] and FITTED.princess and not STRAIGHT.princess
    for cut in (FITTED, STRAIGHT):
        heights = [y for _, y in cut.lapel]
        assert heights == sorted(heights) and heights[-1] < cut.gorge
