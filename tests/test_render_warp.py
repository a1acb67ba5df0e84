"""The head turns as the scene it was rendered from would turn, and nothing tears."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.colour import yuv_to_rgb
from livehost.media import Body, Face, HeadPose, Quality, rest_face
from livehost.stage.render import make_renderer
from livehost.stage.render.band import Band
from livehost.stage.render.ease import MOST_TICKS
from livehost.stage.render.surface import surface
from livehost.stage.render.texture import Texture
from livehost.stage.render.warp import PITCH_LIMIT, YAW_LIMIT, Warp, rotation

HERE = Path(__file__).parent
RENDERED = HERE / "test_render_yaw5.png"  # the scene at yaw 5, 0.6 of the plate, box below
BOX, SCALE = (250, 270, 580, 640), 0.6
EXTREMES = [(y, p, r) for y in (-90, 90) for p in (-90, 90) for r in (-90, 90)]

BODY = Body(breath=0.5, lean=0.6, shrug=0.4)


@pytest.fixture(scope="module")
def avatar():
    return load_avatar(HERE.parent / "avatars" / "xiaohe")


@pytest.fixture(scope="module")
def shape(avatar):
    return surface(avatar)


@pytest.fixture(scope="module")
def texture(avatar):
    return Texture(avatar, 360, 640)


def turned(**pose):
    return Face(rest_face().shapes, HeadPose(**pose))


def over(layer, background):
    alpha = layer.alpha[..., None] / 255
    return yuv_to_rgb(layer.picture) * alpha + background * (1 - alpha)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a - b) ** 2))


def test_a_turned_head_looks_like_a_render_of_the_turned_head(avatar):
    truth = cv2.imread(str(RENDERED), cv2.IMREAD_UNCHANGED).astype(float)
    truth = truth[..., 2::-1] * truth[..., 3:] / 255 + 128 * (1 - truth[..., 3:] / 255)
    size = round(avatar.frame.width * SCALE), round(avatar.frame.height * SCALE) // 2 * 2
    renderer = make_renderer(avatar, *size)

    def shown(face, quality):
        for _ in range(MOST_TICKS + 1):
            layer = renderer.render(face, quality)
        full = np.full((size[1], size[0], 3), 128.0)
        rows, columns = layer.alpha.shape
        full[layer.top : layer.top + rows, layer.left : layer.left + columns] = over(layer, 128)
        x, y = ((BOX[n] - (avatar.frame.x, avatar.frame.y)[n]) * SCALE for n in (0, 1))
        return full[round(y) : round(y) + truth.shape[0], round(x) : round(x) + truth.shape[1]]

    features = np.s_[90:265, 105:245]
    still = shown(rest_face(), Quality.PLATE)
    warped = shown(turned(yaw=5.2), Quality.FULL)  # the soft limit takes 0.2
    assert psnr(truth[features], still[features]) < 19
    assert psnr(truth[features], warped[features]) > 24.5
    assert psnr(truth[:300], warped[:300]) > psnr(truth[:300], still[:300]) + 2


def test_the_neutral_pose_moves_nothing(shape, texture):
    _, _, width, height = texture.box
    field = Warp(shape, texture.view, (0, 0, width, height)).field(HeadPose(), Body())
    assert np.abs(field).max() < 1 / 64


def test_maps_of_the_neutral_pose_are_the_pixels_themselves(shape, texture):
    warp = Warp(shape, texture.view, (40, 20, 96, 64))
    field = warp.field(HeadPose(), Body())
    luma, chroma = warp.maps(field), warp.maps(field, step=2)
    assert luma.shape == (64, 96, 2) and chroma.shape == (32, 48, 2)
    for positions, left, top in ((luma, 40, 20), (chroma, 20, 10)):
        rows, columns = positions.shape[:2]
        want = np.stack(np.meshgrid(np.arange(columns) + left, np.arange(rows) + top), axis=-1)
        assert np.abs(positions - want).max() < 1 / 64


def test_the_inverse_is_an_inverse(shape, texture):
    """What a pixel fetches must be what the pose carries there."""
    _, _, width, height = texture.box
    warp = Warp(shape, texture.view, (0, 0, width, height))
    pose = HeadPose(yaw=4, pitch=-3, roll=2, tx=0.01)
    back = warp.field(pose, BODY)
    tighter = back.copy()
    for _ in range(30):
        tighter = warp._inverse(warp._forward(pose, BODY), start=tighter)
    assert np.abs(tighter - back).max() < 0.5


def test_poses_are_limited_softly():
    wild = rotation(HeadPose(yaw=1000))
    assert np.degrees(np.arcsin(wild[0, 2])) == pytest.approx(YAW_LIMIT, abs=0.01)
    gentle = rotation(HeadPose(pitch=0.5 * PITCH_LIMIT))
    assert np.degrees(np.arcsin(-gentle[1, 2])) == pytest.approx(0.5 * PITCH_LIMIT, abs=0.01)
    angles = [np.arcsin(rotation(HeadPose(yaw=y))[0, 2]) for y in np.linspace(0, 30, 200)]
    assert (np.diff(angles) >= 0).all()
    assert np.array_equal(rotation(HeadPose(yaw=float("nan"))), np.eye(3, dtype=np.float32))


@pytest.mark.parametrize("lean", [-2.0, 2.0])
@pytest.mark.parametrize("pose", EXTREMES)
def test_no_pose_opens_a_hole_or_folds_the_face(shape, texture, pose, lean):
    """Neighbouring pixels come from neighbouring pixels: never swapped, never far apart."""
    _, _, width, height = texture.box
    yaw, pitch, roll = pose
    warp = Warp(shape, texture.view, (0, 0, width, height))
    luma = warp.maps(warp.field(HeadPose(yaw, pitch, roll, 1.0, 1.0), Body(1.0, lean, 1.0)))
    seen = texture.alpha == 255
    across = np.diff(luma[..., 0], axis=1)[seen[:, 1:]]
    down = np.diff(luma[..., 1], axis=0)[seen[1:]]
    assert across.min() > 0 and down.min() > 0
    assert across.max() < 2.4 and down.max() < 2.4


def test_inside_the_silhouette_she_stays_opaque(avatar):
    renderer = make_renderer(avatar, 360, 640)
    still = renderer.render(rest_face(), Quality.PLATE).alpha
    inner = cv2.erode(np.where(still == 255, 255, 0).astype(np.uint8), np.ones((41, 41)))
    for yaw, pitch, roll in EXTREMES:
        for _ in range(2):
            layer = renderer.render(turned(yaw=yaw, pitch=pitch, roll=roll), Quality.FULL)
        assert (layer.alpha[inner == 255] == 255).all()


def test_the_bands_meet_without_a_seam(avatar, shape):
    """Head, chest and hem, drawn apart, look like one warp of everything."""
    renderer = make_renderer(avatar, 360, 640)
    pose, body = HeadPose(yaw=4, pitch=2, roll=-3, tx=0.02), Body(0.8, 0.7, 0.5)
    layer = renderer.render(Face(rest_face().shapes, pose, body), Quality.FULL)
    texture = renderer._texture
    whole = Band(shape, texture, (0, 0, *texture.box[2:]), 0.0)
    whole.follow(pose, body)
    once = texture.layer()
    whole.draw(texture, once)
    # Above the shoulders there is only the head, on a grid that lies a little differently.
    shoulders = renderer._chest.box[1]
    apart = np.abs(over(layer, 128) - over(once, 128))[shoulders - 4 :]
    assert apart.max() <= 9 and apart.mean() < 0.1


def test_chest_follows_the_breath_in_steps_that_nobody_sees(avatar):
    renderer = make_renderer(avatar, 720, 1280)
    pictures = [
        renderer.render(Face(rest_face().shapes, body=Body(n / 50)), Quality.FULL).picture.y
        for n in range(51)
    ]
    steps = [np.abs(a.astype(int) - b).max() for a, b in pairwise(pictures)]
    whole = np.abs(pictures[0].astype(int) - pictures[-1]).max()
    assert max(steps) < 0.25 * whole


def centre_of(layer, rows):
    """Return the middle column of what is opaque in some rows."""
    cover = layer.alpha[rows].astype(float)
    return (cover * np.arange(cover.shape[1])).sum() / cover.sum()


def test_all_of_her_leans_about_the_hips(avatar):
    renderer = make_renderer(avatar, 720, 1280)
    rest = renderer.render(rest_face(), Quality.FULL)
    shifts = {}
    for lean in (-0.7, 0.7):
        layer = renderer.render(Face(rest_face().shapes, body=Body(lean=lean)), Quality.FULL)
        height = len(layer.alpha)
        bands = [slice(int(height * a), int(height * a) + 40) for a in (0.05, 0.5, 0.9)]
        shifts[lean] = [centre_of(layer, band) - centre_of(rest, band) for band in bands]
    head, chest, hem = shifts[0.7]
    assert 16 > head > 1.5 * chest > 2 * hem > 0
    assert shifts[-0.7] == pytest.approx([-head, -chest, -hem], abs=0.5)


def test_a_shrug_lifts_the_shoulders_and_leaves_the_face_alone(avatar):
    renderer = make_renderer(avatar, 720, 1280)
    rest = renderer.render(rest_face(), Quality.FULL)
    up = renderer.render(Face(rest_face().shapes, body=Body(shrug=1.0)), Quality.FULL)
    face_rows = int(0.25 * len(rest.alpha))
    seen = rest.alpha[:face_rows] == 255
    moved = np.abs(up.picture.y[:face_rows].astype(int) - rest.picture.y[:face_rows])
    assert np.percentile(moved[seen], 99) <= 2
    edge = rest.alpha.shape[1] // 5  # a column of the shoulder
    tops = [np.argmax(layer.alpha[:, edge] > 128) for layer in (rest, up)]
    assert 2 <= tops[0] - tops[1] <= 12


def test_a_lean_comes_in_steps_that_nobody_sees(avatar):
    renderer = make_renderer(avatar, 720, 1280)
    faces = [Face(rest_face().shapes, body=Body(lean=0.7 * n / 50)) for n in range(51)]
    pictures = [renderer.render(face, Quality.FULL).picture.y for face in faces]
    steps = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(pictures)]
    whole = np.abs(pictures[0].astype(int) - pictures[-1]).mean()
    assert 0 < max(steps) < 0.2 * whole
