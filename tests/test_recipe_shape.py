"""Shapes without Blender: body, teeth, lashes, brows, hair, camera, on a ball for a head."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.brows import brow_strands, lash_roots
from livehost.avatar.recipe.camera import PlateCamera, plate_camera
from livehost.avatar.recipe.complexion import paint_skin
from livehost.avatar.recipe.depth import HAIR, along, empty_map, head_weight, splat
from livehost.avatar.recipe.eyes import YAW, iris_picture, looking
from livehost.avatar.recipe.hair import spline
from livehost.avatar.recipe.hairdresser import grow_hair
from livehost.avatar.recipe.hairline import inside
from livehost.avatar.recipe.host import Brows, Eyes, Neck, Skin, Teeth, load_host
from livehost.avatar.recipe.looks import NoHair
from livehost.avatar.recipe.noise import lattice, ridge
from livehost.avatar.recipe.sampling import load_targets
from livehost.avatar.recipe.space import about_x, about_y, about_z, nearest, smooth, to_blender
from livehost.avatar.recipe.teeth import Arch, gathered, make_gums, make_teeth, rigid
from livehost.errors import ConfigError
from tests.recipe_head import Ball, load_data

RECIPES = Path(__file__).parents[1] / "avatars" / "recipes"
HOST = load_host(RECIPES / "xiaohe-jacket.toml")
UPPER = Arch(0.315, 0.37, 0.866, 5.59, 1, (0, 0, 0, 0.012, 0.016, 0.02))
LOWER = Arch(0.285, 0.345, 0.861, 5.592, -1, (0,) * 6)


@pytest.fixture(scope="module")
def data():
    return load_data()


@pytest.fixture(scope="module")
def body(data):
    return Body(HOST, data)


def test_the_shipped_body_is_the_one_that_was_rendered(body):
    places = [0, 1000, 5000, 9000, 13000, 15000, 19157]
    expected = [
        [-0.31559, 6.26673, 1.26145], [-0.34641, 5.3824, 0.7358], [-1.305788, -7.9919, 1.69465],
        [1.176547, -1.818404, 2.975322], [0.634524, -3.40625, 0.4118], [0.3106, 5.56435, 0.8219],
        [0.233904, -7.9173, 0.2658],
    ]  # fmt: skip
    assert np.abs(body.base[places] - expected).max() < 1e-6
    assert np.abs(body.base).sum() == pytest.approx(119872.36018823882, abs=1e-4)
    assert body.eye_height == pytest.approx(6.223547, abs=1e-6)
    assert (body.crown, body.chin) == pytest.approx((7.37255, 5.21712), abs=1e-6)
    camera = plate_camera(body)
    assert camera.px == pytest.approx(207.847158, abs=1e-5)
    assert camera.middle == pytest.approx(4.341477, abs=1e-5)


def test_the_shipped_face_moves_as_it_was_rendered(body):
    a = load_targets(HOST.shapes).visemes["a"]
    mouth = {name: weight for name, weight in a.items() if not name.startswith("eye")}
    assert np.abs(body.face(mouth)).sum() == pytest.approx(119705.6921682388, abs=1e-4)
    assert np.array_equal(body.face({}), body.base)


def test_a_blink_brings_the_lids_together_and_leaves_the_mouth(body):
    face = body.face({"eyeBlinkLeft": 1.0})
    moved = np.abs(face - body.base).max(1)
    skin = body.members("body")
    near = skin[np.linalg.norm(body.base[skin] - body.eyes["l"], axis=1) < 0.3]
    assert moved[near].max() > 0.1
    assert moved[body.members("helper-tongue")].max() == 0


def test_the_tongue_rises_only_with_its_own_blendshape(body):
    tongue = body.members("helper-tongue")
    up = body.face({"x_tongueUp": 1.0})[tongue] - body.base[tongue]
    assert 0.05 < up[:, 1].max() < 0.1
    tip = body.base[tongue][:, 2].argmax()
    assert up[tip, 1] > 0.01


def test_the_head_turns_and_the_shoulders_stay(body):
    turn = body.turn(yaw=0.2)
    turned = turn.bend(body.base)
    high, low = body.base[:, 1] > 5.4, body.base[:, 1] < 4.5
    assert np.allclose(turned[high], turn.rigid(body.base[high]))
    assert np.array_equal(turned[low], body.base[low])
    nose = np.argmax(np.where(high, body.base[:, 2], 0))
    assert turned[nose, 0] > 0.1  # to the subject's left
    assert body.turn().bend(body.base) is body.base


def with_hair(host, **keys):
    return host.model_copy(update={"hair": host.hair.model_copy(update=keys)})


@pytest.mark.parametrize("name", ["xiaohe-jacket", "yunzhou"])
def test_hair_grows_off_the_head_and_the_same_every_time(data, name):
    few = {"baby": 60, "guides": 40, "framing": 20} if name == "xiaohe-jacket" else {
        "baby": 60, "top": 150, "sides": 150,
    }  # fmt: skip
    host = with_hair(load_host(RECIPES / f"{name}.toml"), **few)
    body, ball = Body(host, data), Ball()
    done = grow_hair(body, ball, np.random.default_rng(7))
    again = grow_hair(body, ball, np.random.default_rng(7))
    other = grow_hair(body, ball, np.random.default_rng(8))
    assert np.array_equal(done.strands, again.strands)
    assert done.strands.shape != other.strands.shape or not np.allclose(done.strands, other.strands)
    assert np.isfinite(done.strands).all() and len(done.strands) > 100 and len(done.baby) > 10
    roots = done.strands[:, 0]
    assert inside(body, roots).min() > -0.2  # nothing grows on the face
    lowest = done.strands[..., 1].min() - body.eye_height
    assert lowest < -1 if name == "xiaohe-jacket" else lowest > -1


def test_a_fringe_falls_over_the_forehead_and_leaves_other_hair_alone(data):
    few = {"baby": 10, "guides": 20, "framing": 5}
    bare = Body(with_hair(HOST, **few), data)
    cut = Body(with_hair(HOST, **few, fringe=80, fringe_end=0.2), data)
    plain = grow_hair(bare, Ball(), np.random.default_rng(7)).strands
    whole = grow_hair(cut, Ball(), np.random.default_rng(7)).strands
    assert np.array_equal(whole[: len(plain)], plain)
    fringe = whole[len(plain) :]
    assert 30 < len(fringe) <= 80
    ends = fringe[:, -1, 1] - cut.eye_height
    assert abs(ends.mean() - 0.15) < 0.1 and fringe[:, -1, 2].min() > 0.3


def test_a_shaven_head_has_no_strands(data):
    host = HOST.model_copy(update={"hair": NoHair(style="none")})
    assert grow_hair(Body(host, data), Ball(), np.random.default_rng(0)) is None


def test_a_host_of_another_height_stands_before_the_same_camera(data):
    man = Body(load_host(RECIPES / "yunzhou.toml"), data)
    assert man.chin == pytest.approx(5.22, abs=0.01)
    camera = plate_camera(man)
    crown = camera.project(np.array([0, man.crown, 1.0]))
    chin = camera.project(np.array([0, man.chin, 1.0]))
    assert abs(crown[1] - 330) < 1 and abs(chin[1] - crown[1] - 448) < 1


def test_brows_lie_on_the_skin_above_the_eyes(body):
    brows = brow_strands(body, Ball())
    assert len(brows.strands) > 900
    height = brows.strands[:, 0, 1] - body.eye_height
    assert height.min() > 0.1 and height.max() < 0.25
    inner = np.abs(brows.strands[:, 0, 0]).min()
    straight = HOST.model_copy(update={"brows": Brows(style="straight", count=100)})
    assert np.abs(brow_strands(Body(straight, body.data), Ball()).strands[..., 0]).min() < inner


def test_lashes_follow_the_lid_down(body):
    lashes = lash_roots(body)
    assert 250 < len(lashes.strands) <= 2 * (130 + 55)
    shut = lashes.follow(body.face({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}) - body.base)
    tips = shut[:, -1, 1] - shut[:, 0, 1]
    before = lashes.strands[:, -1, 1] - lashes.strands[:, 0, 1]
    assert (tips < before)[lashes.upper].mean() > 0.95
    assert np.array_equal(lashes.follow(np.zeros_like(body.base)), lashes.strands)


def test_skin_is_painted_where_a_parameter_says(body):
    lashes = lash_roots(body)
    colour, surface = paint_skin(body, lashes)
    assert colour.shape == surface.shape == (len(body.base), 4)
    assert colour.min() >= 0 and colour.max() <= 1
    pale = Body(HOST.model_copy(update={"skin": Skin(cheeks=0)}), body.data)
    paler, _ = paint_skin(pale, lashes)
    changed = np.abs(paler - colour).max(1) > 0.01
    cheek = np.abs(np.abs(body.base[changed][:, 0]) - 0.43)
    assert changed.any() and cheek.max() < 0.6
    upper_lip = body.base[surface[:, 2] > 0.8][:, 1] - body.eye_height
    assert upper_lip.max() < -0.4  # a beard grows below the nose


def test_noise_is_smooth_and_its_own_for_each_seed():
    random = np.random.default_rng(5)
    points = random.uniform(-9, 9, (4000, 3))
    values = lattice(points, 3)
    assert -1 <= values.min() < -0.5 and 0.5 < values.max() <= 1
    assert np.abs(lattice(points + 1e-4, 3) - values).max() < 1e-3
    assert abs(np.corrcoef(values, lattice(points, 4))[0, 1]) < 0.1
    assert ridge(points, 3).max() <= 1


def test_an_unknown_target_is_one_line(data):
    with pytest.raises(ConfigError, match=r"identity\.nose/nose-of-wax: no such target"):
        data.target("nose/nose-of-wax")


def test_rotations_turn_the_way_their_names_say():
    x, y, z = np.eye(3)
    quarter = math.pi / 2
    assert np.allclose(about_x(quarter) @ y, z)
    assert np.allclose(about_y(quarter) @ z, x)
    assert np.allclose(about_z(quarter) @ x, y)
    assert to_blender(np.array([1.0, 2.0, 3.0])).tolist() == [1, -3, 2]


def test_nearest_points_come_in_order():
    random = np.random.default_rng(0)
    points, query = random.normal(size=(300, 3)), random.normal(size=(1200, 3))
    index, apart = nearest(points, query, 4)
    every = np.linalg.norm(query[:, None] - points[None], axis=2)
    assert np.allclose(np.sort(every, 1)[:, :4], apart, atol=1e-5)
    assert np.allclose(np.take_along_axis(every, index, 1), apart, atol=1e-5)


def test_smooth_goes_from_0_to_1():
    assert smooth(1, 3, np.array([0.0, 1, 2, 3, 9])).tolist() == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize("arch", [UPPER, LOWER], ids=["upper", "lower"])
def test_teeth_bite_at_the_edge_and_mirror(arch):
    teeth = make_teeth(arch)
    assert teeth.faces.max() == len(teeth.points) - 1
    crowns = teeth.points[: 12 * 20 * 14]
    beyond = (crowns[:, 1] - arch.edge) * arch.up
    assert -0.02 < beyond.min() < 0.005  # the biting edge
    assert 0.07 < beyond.max() < 0.12
    centres = crowns.reshape(12, -1, 3).mean(1)
    assert np.abs(centres[:6] - centres[6:] * [-1, 1, 1]).max() < 0.012
    gaps = np.diff(np.sort(centres[:, 0]))
    assert gaps.min() > 0.01  # side by side, never one inside another


def test_a_smile_line_raises_the_canines():
    bent = replace(UPPER, curve=(0, 0, 0.016, 0.03, 0.042, 0.052))
    raised = (make_teeth(bent).points - make_teeth(UPPER).points).reshape(-1, 3)
    moved = raised[: 12 * 280].reshape(12, -1, 3)[:6, :, 1]
    assert np.allclose(moved.T, [0, 0, 0.016, 0.018, 0.026, 0.032])


def test_wide_teeth_leave_no_gap():
    def gap(**keys):
        crowns = make_teeth(replace(UPPER, keys=Teeth(jitter=0, **keys))).points[: 12 * 280]
        first, second = crowns.reshape(12, -1, 3)[[0, 6]]
        return first[:, 0].min() - second[:, 0].max()

    assert gap(width=0.9) > gap() > gap(width=1.065)
    assert gap(width=1.065) < 0 < gap(width=0.9)


@pytest.mark.parametrize("arch", [UPPER, LOWER], ids=["upper", "lower"])
def test_gums_hold_the_teeth(arch):
    gums = make_gums(arch)
    seen = gums.points[gums.points[:, 2] > 1.0]
    beyond = (seen[:, 1] - arch.edge) * arch.up
    assert beyond.min() > 0.02  # below the gum, teeth show
    assert gums.faces.max() == len(gums.points) - 1


def test_an_open_smile_draws_the_teeth_in():
    points = make_teeth(UPPER).points
    smile = {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "jawOpen": 0.3}
    assert np.ptp(gathered(points, smile, Teeth())[:, 0]) < 0.85 * np.ptp(points[:, 0])
    assert np.array_equal(gathered(points, {"jawOpen": 0.5}, Teeth())[:, 0], points[:, 0])
    assert np.array_equal(gathered(points, smile, Teeth(gather=0))[:, 0], points[:, 0])
    always = gathered(points, {}, Teeth(narrow=(0.1, 0.2), recede=(0.03, 0.1)))
    assert np.allclose(always[:, 0], 0.9 * points[:, 0])
    assert np.allclose(always[:, 2], points[:, 2] - 0.03)


def test_a_rigid_motion_is_found():
    points = np.random.default_rng(1).normal(size=(40, 3))
    turn, shift = about_y(0.3) @ about_x(-0.2), np.array([0.1, -0.4, 0.2])
    centre, rotation, moved = rigid(points, points @ turn.T + shift)
    assert np.allclose((points - centre) @ rotation + moved, points @ turn.T + shift)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_a_spline_passes_its_points():
    points = np.random.default_rng(2).normal(size=(4, 3))
    curve = spline(points, 31)
    assert np.allclose(curve[::10], points)


def test_the_camera_projects_and_looks_back():
    camera = PlateCamera(px=207.85, height=6.0, middle=4.34)
    points = np.random.default_rng(3).normal([0, 6, 1], 0.5, (50, 3))
    x, y, depth = camera.project(points).T
    assert np.allclose(depth, camera.z - points[:, 2])
    ways = np.array([camera.direction(a, b) for a, b in zip(x, y, strict=True)])
    seen = [0, camera.height, camera.z] + ways * (depth / 22)[:, None]
    assert np.allclose(seen, points)


def test_the_iris_is_dark_in_the_white_and_the_pupil_black():
    picture = iris_picture(Eyes())
    middle = picture.shape[0] // 2
    assert picture[middle, middle, :3].max() == 0
    assert picture[middle, middle + 150, :3].max() < 0.25  # iris
    assert picture[middle, middle + 400, :3].min() > 0.5  # white
    assert np.array_equal(picture, iris_picture(Eyes()))


def test_an_eye_looks_where_it_is_told():
    ahead = np.array([0, 0, 1.0])
    left = looking({"eyeLookOutLeft": 1.0}, "Left") @ ahead
    assert math.atan2(left[0], left[2]) == pytest.approx(YAW)
    right = looking({"eyeLookInRight": 1.0}, "Right") @ ahead
    assert np.allclose(left, right)
    assert (looking({"eyeLookUpLeft": 1.0}, "Left") @ ahead)[1] > 0.3


def test_strands_are_entered_where_they_are_in_front():
    camera = PlateCamera(px=200.0, height=6.0, middle=6.0)
    found = empty_map()
    points = np.array([[0, 6, 1.0], [0, 6, 1.5], [0, 6, 0.5], [90, 6, 1]])
    splat(found, points, camera, HAIR)
    assert np.isfinite(found.depth).sum() == 1
    assert found.depth[480, 270] == 21.5  # the nearest of three
    assert found.label[480, 270] == HAIR and found.height[480, 270] == 6
    splat(found, points[2:3], camera, 1)
    assert found.label[480, 270] == HAIR


def test_points_along_strands_keep_their_ends():
    strands = np.random.default_rng(4).normal(size=(5, 30, 3))
    points = along(strands, 120)
    assert points.shape == (5, 120, 3)
    assert np.allclose(points[:, [0, -1]], strands[:, [0, -1]])


def test_head_weight_rises_along_the_neck():
    heights = np.array([4.0, 4.55, 4.925, 5.3, 6, np.nan], np.float32)
    assert head_weight(heights, Neck()).tolist() == pytest.approx([0, 0, 0.5, 1, 1, 0])
