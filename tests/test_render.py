"""The renderer draws the host where she belongs, whatever it is asked."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livehost.avatar import load_avatar
from livehost.colour import rgb_to_yuv, yuv_to_rgb
from livehost.media import BLENDSHAPES, SHAPE, Body, Face, HeadPose, Quality, rest_face
from livehost.stage.render import make_renderer
from livehost.stage.render.ease import MOST_TICKS, STRIDE, Ease
from livehost.stage.render.part import GLIDE_TICKS
from livehost.stage.render.session import Session

AVATAR = Path(__file__).parents[1] / "avatars" / "xiaohe"
SIZE = (360, 640)


@pytest.fixture(scope="module")
def avatar():
    return load_avatar(AVATAR)


@pytest.fixture
def renderer(avatar):
    return make_renderer(avatar, *SIZE)


def face(viseme=None, avatar=None, **pose):
    shapes = avatar.visemes[viseme] if viseme else np.zeros(len(BLENDSHAPES), np.float32)
    return Face(shapes, HeadPose(**pose))


def same(a, b):
    return all(
        np.array_equal(x, y)
        for x, y in ((a.picture.y, b.picture.y), (a.picture.u, b.picture.u), (a.alpha, b.alpha))
    )


def psnr(a, b):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((a.astype(float) - b.astype(float)) ** 2)))


@pytest.mark.parametrize("size", [(720, 1280), (1080, 1920), (1280, 720), (360, 640)])
def test_the_layer_fits_the_frame_and_is_even(avatar, size):
    layer = make_renderer(avatar, *size).render(rest_face(), Quality.FULL)
    height, width = layer.alpha.shape
    assert layer.left >= 0 and layer.top >= 0
    assert layer.left + width <= size[0] and layer.top + height <= size[1]
    assert not (width % 2 or height % 2 or layer.left % 2 or layer.top % 2)
    assert layer.picture.u.shape == layer.alpha_uv.shape == (height // 2, width // 2)
    assert layer.alpha.max() == 255


def test_the_plate_is_the_avatars_plate(avatar):
    """At the plate's own scale nothing may be resampled beyond the colour conversion."""
    width, height = avatar.frame.width // 2 * 2, avatar.frame.height // 2 * 2
    layer = make_renderer(avatar, width, height).render(rest_face(), Quality.PLATE)
    rows, columns = layer.alpha.shape
    x, y = avatar.frame.x + layer.left, avatar.frame.y + layer.top
    plate = avatar.plate[y : y + rows, x : x + columns]
    solid = plate[..., 3] == 255
    shown = yuv_to_rgb(layer.picture)
    assert psnr(shown[solid], plate[..., :3][solid]) > 38


def test_turning_the_head_moves_the_head_and_not_the_torso(renderer):
    still = renderer.render(rest_face(), Quality.FULL)
    turned = renderer.render(Face(rest_face().shapes, HeadPose(yaw=5)), Quality.FULL)
    head = np.s_[: still.alpha.shape[0] // 3]
    assert psnr(still.picture.y[head], turned.picture.y[head]) < 40
    torso = np.s_[still.alpha.shape[0] // 2 :]
    assert np.array_equal(still.picture.y[torso], turned.picture.y[torso])


def test_a_positive_yaw_moves_the_nose_to_the_image_right(avatar, renderer):
    """The nose is nearer to the camera than the pivot, so it moves with the sign of the yaw."""

    def brightness_centre(layer):
        rows = layer.picture.y[60:150].astype(float) * layer.alpha[60:150]
        return (rows * np.arange(rows.shape[1])).sum() / rows.sum()

    centres = [
        brightness_centre(renderer.render(Face(rest_face().shapes, HeadPose(yaw=y)), Quality.FULL))
        for y in (-5, 0, 5)
    ]
    assert centres[0] < centres[1] < centres[2]


def test_breath_moves_shoulders_and_leaves_the_face_alone(renderer):
    out = renderer.render(Face(rest_face().shapes, body=Body(0.0)), Quality.FULL)
    deep = renderer.render(Face(rest_face().shapes, body=Body(1.0)), Quality.FULL)
    seen = (out.alpha > 0) | (deep.alpha > 0)
    changed = (seen & (np.abs(out.picture.y.astype(int) - deep.picture.y) > 8)).any(axis=1)
    face_rows = int(0.25 * len(changed))
    assert changed.any() and not changed[:face_rows].any()
    assert not changed[int(len(changed) * 0.75) :].any()


def test_edges_of_decoded_regions_cannot_be_seen_at_rest(avatar):
    """The border of a region may not step by more than a level or two."""
    width, height = avatar.frame.width // 2 * 2, avatar.frame.height // 2 * 2
    renderer = make_renderer(avatar, width, height)
    plate = renderer.render(rest_face(), Quality.PLATE).picture.y.astype(int)
    drawn = renderer.render(rest_face(), Quality.FULL)
    left, top, wide, high = avatar.mouth.box
    x, y = left - avatar.frame.x - drawn.left, top - avatar.frame.y - drawn.top
    border = np.zeros_like(drawn.alpha)
    cv2.rectangle(border, (x + 3, y + 3), (x + wide - 3, y + high - 3), 255, 4)
    seen = (border > 0) & (drawn.alpha == 255)
    smooth = [cv2.blur(p.astype(np.float32), (5, 5)) for p in (drawn.picture.y, plate)]
    difference = np.abs(smooth[0] - smooth[1])
    assert np.percentile(difference[seen], 99) <= 2


def test_the_ladder_holds_what_it_says(avatar, renderer):
    first = renderer.render(face("a", avatar, yaw=2), Quality.FULL)
    mouth = renderer.render(face("m", avatar, yaw=-4), Quality.MOUTH_ONLY)
    assert np.array_equal(first.alpha, mouth.alpha) and not same(first, mouth)
    held = settled(renderer, face("o", avatar, yaw=4), Quality.HOLD)
    assert same(held, settled(renderer, face("sil", avatar, yaw=2), Quality.MOUTH_ONLY))
    plate = renderer.render(face("o", avatar, yaw=4), Quality.PLATE)
    assert same(plate, make_renderer(avatar, *SIZE).render(rest_face(), Quality.PLATE))


def settled(renderer, given, quality):
    """The last of so many pictures that nothing glides any more."""
    return [renderer.render(given, quality) for _ in range(GLIDE_TICKS + 1)][-1]


def lips(renderer, layer):
    left, top, width, height = renderer._mouth.box
    return layer.picture.y[top : top + height, left : left + width].astype(int)


@pytest.mark.parametrize("level", [Quality.FULL, Quality.MOUTH_ONLY, Quality.MOUTH_HALF])
def test_a_mouth_that_is_held_is_shut_first(avatar, renderer, level):
    shut = lips(renderer, renderer.render(face("sil", avatar), Quality.FULL))
    for viseme in "iaaaaa":
        opened = renderer.render(face(viseme, avatar), level)
    held = settled(renderer, face("a", avatar), Quality.HOLD)
    assert np.abs(lips(renderer, opened) - shut).max() > 40
    assert np.abs(lips(renderer, held) - shut).max() <= 3
    assert renderer.render(face("o", avatar), Quality.HOLD) is held
    again = settled(renderer, face("a", avatar), level)
    again = settled(renderer, face("a", avatar), level)
    assert np.abs(lips(renderer, again) - lips(renderer, opened)).max() <= 3


def test_a_smile_stays_when_the_mouth_is_held(avatar, renderer):
    smile = avatar.emotions["friendly_smile"].copy()
    for name in ("mouthUpperUpLeft", "mouthUpperUpRight"):
        smile[SHAPE[name]] = 0  # as the drive does while nobody speaks
    smiling = renderer.render(Face(smile), Quality.FULL)
    assert psnr(smiling.picture.y, settled(renderer, Face(smile), Quality.HOLD).picture.y) > 50


@pytest.mark.parametrize("level", [Quality.HOLD, Quality.MOUTH_ONLY, Quality.MOUTH_HALF])
def test_eyes_that_are_held_are_open(avatar, renderer, level):
    def eyes(layer):
        left, top, width, height = renderer._eyes.box
        return layer.picture.y[top : top + height, left : left + width].astype(int)

    awake = eyes(renderer.render(face("sil", avatar), Quality.FULL))
    shapes = np.zeros(len(BLENDSHAPES), np.float32)
    shapes[[SHAPE["eyeBlinkLeft"], SHAPE["eyeBlinkRight"]]] = 1
    shut = eyes(renderer.render(Face(shapes), Quality.FULL))
    held = eyes(settled(renderer, Face(shapes), level))
    assert np.abs(shut - awake).max() > 40
    assert np.abs(held - awake).max() <= 3


def test_a_layer_says_where_it_differs_from_the_one_before(avatar):
    renderer, random = make_renderer(avatar, *SIZE), np.random.default_rng(0)
    levels = [Quality.FULL] * 4 + [Quality.MOUTH_ONLY, Quality.MOUTH_HALF, Quality.HOLD]
    levels += [Quality.PLATE]
    last, noted = renderer.render(rest_face(), Quality.FULL), 0
    for _ in range(80):
        pose = HeadPose(*random.normal(0, (2, 1.5, 1, 0.01, 0.01)))
        given = Face(avatar.visemes[random.choice(list("aiumo"))], pose, random.random())
        layer = renderer.render(given, random.choice(levels))
        if layer is last:
            continue
        if layer.before is not None:
            assert layer.before() is last
            assert unchanged(last, layer)
            noted += 1
        last = layer
    assert noted > 40


def unchanged(before, now):
    """Return whether two layers are equal outside the boxes that the second one names."""
    elsewhere = np.ones(now.alpha.shape, bool)
    for left, top, width, height in now.changed:
        assert not (left % 2 or top % 2 or width % 2 or height % 2)
        elsewhere[top : top + height, left : left + width] = False
    halves = elsewhere[::2, ::2]
    luma = ((before.picture.y, now.picture.y), (before.alpha, now.alpha))
    chroma = ((before.picture.u, now.picture.u), (before.alpha_uv, now.alpha_uv))
    return all((a == b)[elsewhere].all() for a, b in luma) and all(
        (a == b)[halves].all() for a, b in chroma
    )


def test_half_rate_blends_between_two_mouths(avatar, renderer):
    closed = renderer.render(face("m", avatar), Quality.MOUTH_ONLY).picture.y.astype(int)
    between = renderer.render(face("a", avatar), Quality.MOUTH_HALF).picture.y.astype(int)
    opened = renderer.render(face("u", avatar), Quality.MOUTH_HALF).picture.y.astype(int)
    spread = np.abs(opened - closed).mean()
    assert 0.2 * spread < np.abs(between - closed).mean() < 0.8 * spread


def test_half_rate_arrives_at_the_mouth_it_was_given(avatar, renderer):
    """A level that ends half the way must not leave the mouth there."""
    wanted = renderer.render(face("a", avatar), Quality.FULL)
    renderer.render(face("m", avatar), Quality.FULL)
    renderer.render(face("a", avatar), Quality.MOUTH_HALF)
    for quality in (Quality.MOUTH_HALF, Quality.MOUTH_ONLY, Quality.FULL):
        assert same(wanted, renderer.render(face("a", avatar), quality)), quality


def test_half_rate_decodes_every_second_mouth(avatar, renderer, monkeypatch):
    renderer.render(face("m", avatar), Quality.FULL)
    runs, run = [], Session.run
    monkeypatch.setattr(Session, "run", lambda self, x: runs.append(1) or run(self, x))
    for viseme in "aiuoaiuo":
        renderer.render(face(viseme, avatar), Quality.MOUTH_HALF)
    assert len(runs) == 4


def test_nothing_is_drawn_again_that_looks_the_same(avatar, renderer):
    first = renderer.render(face("a", avatar, yaw=1), Quality.FULL)
    assert renderer.render(face("a", avatar, yaw=1), Quality.FULL) is first
    assert renderer.render(face("a", avatar), Quality.MOUTH_ONLY) is first


def test_the_mouth_alone_is_what_all_of_her_would_be(avatar, renderer):
    """Drawing a part of the picture may not leave out anything that changed."""
    pose = {"yaw": 20.0, "pitch": 20.0, "roll": -20.0, "tx": 1.0, "ty": 1.0}
    renderer.render(face("m", avatar, **pose), Quality.FULL)
    alone = renderer.render(face("a", avatar, **pose), Quality.MOUTH_ONLY)
    fresh = make_renderer(avatar, *SIZE)
    assert same(alone, fresh.render(face("a", avatar, **pose), Quality.FULL))


def test_layers_that_were_handed_out_are_never_written_again(avatar, renderer):
    first = renderer.render(face("m", avatar), Quality.FULL)
    kept = [first.picture.y.copy(), first.picture.u.copy(), first.alpha.copy()]
    for quality in (Quality.FULL, Quality.MOUTH_ONLY, Quality.MOUTH_HALF, Quality.PLATE):
        renderer.render(face("a", avatar, yaw=-3), quality)
    after = (first.picture.y, first.picture.u, first.alpha)
    assert all(np.array_equal(a, b) for a, b in zip(kept, after, strict=True))


@pytest.mark.parametrize("held", [Quality.HOLD, Quality.MOUTH_ONLY, Quality.PLATE])
def test_the_head_eases_back_after_a_hold(renderer, held):
    start = HeadPose(yaw=-2) if held is not Quality.PLATE else HeadPose()
    renderer.render(Face(rest_face().shapes, HeadPose(yaw=-2)), Quality.FULL)
    for _ in range(GLIDE_TICKS + 1):
        before = renderer.render(Face(rest_face().shapes, start), held).picture.y
    steps = []
    for _ in range(MOST_TICKS + 1):
        now = renderer.render(Face(rest_face().shapes, HeadPose(yaw=2)), Quality.FULL).picture.y
        steps.append(np.abs(now.astype(float) - before).mean())
        before = now
    assert 0 < max(steps) < 0.1 * sum(steps)
    assert steps[-1] == 0


def test_an_eased_head_starts_and_stops_softly_and_never_rushes():
    ease, poses = Ease(), []
    ease.follow(HeadPose(yaw=2, pitch=-1), Body(0.5))
    ease.hold()
    for _ in range(MOST_TICKS + 1):
        poses.append(ease.follow(HeadPose(yaw=-1, pitch=1), Body())[0].yaw)
    steps = -np.diff([2, *poses])
    assert poses[-1] == -1 and (steps >= 0).all()
    assert steps.max() <= STRIDE[0] * 1.01
    assert max(steps[0], steps[steps > 0][-1]) < 0.2 * steps.max()


def test_a_head_that_is_far_away_comes_back_in_three_seconds():
    ease = Ease()
    ease.put(HeadPose(yaw=90.0, tx=5.0), Body(1.0, 9.0))
    for _ in range(MOST_TICKS):
        pose, body = ease.follow(HeadPose(yaw=float("nan")), Body(float("inf"), float("nan")))
    assert pose == HeadPose() and body == Body()


def test_a_renderer_goes_on_from_what_another_has_shown(avatar, renderer):
    for n in range(20):
        last = renderer.render(face("a", avatar, yaw=3, tx=0.01 * n / 20), Quality.FULL)
    after = make_renderer(avatar, *SIZE)
    after.begin(renderer.shown)
    first = after.render(face("a", avatar, yaw=-3), Quality.FULL)
    assert psnr(first.picture.y, last.picture.y) > 40
    far = make_renderer(avatar, *SIZE).render(face("a", avatar, yaw=-3), Quality.FULL)
    assert psnr(far.picture.y, last.picture.y) < 30


def test_after_the_plate_she_starts_from_the_plate(avatar, renderer):
    renderer.render(face("a", avatar, yaw=5), Quality.FULL)
    plate = renderer.render(rest_face(), Quality.PLATE)
    assert renderer.render(face("a", avatar, yaw=5), Quality.HOLD) is plate
    still = np.ones_like(plate.alpha, bool)
    mouth = renderer.render(face("i", avatar, yaw=5), Quality.MOUTH_ONLY)
    still[np.abs(mouth.picture.y.astype(int) - plate.picture.y) > 0] = False
    rows = np.flatnonzero(~still.all(axis=1))
    assert 0 < rows[-1] - rows[0] < 0.2 * len(still)


def test_no_dark_fringe_under_the_silhouette(renderer):
    """Pixels that are half covered keep the colour of the body, not black."""
    layer = renderer.render(Face(rest_face().shapes, HeadPose(yaw=4, roll=3)), Quality.FULL)
    jacket = np.s_[int(layer.alpha.shape[0] * 0.5) : int(layer.alpha.shape[0] * 0.6)]
    alpha, y = layer.alpha[jacket], layer.picture.y[jacket]
    edge = (alpha > 20) & (alpha < 200)
    assert edge.any() and np.median(y[edge]) > 0.8 * np.median(y[alpha == 255])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_numbers_at_all_make_a_picture(data):
    renderer = _shared()
    numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)
    shapes = np.zeros(len(BLENDSHAPES), np.float32)
    for name in data.draw(st.lists(st.sampled_from(BLENDSHAPES), max_size=6)):
        shapes[SHAPE[name]] = data.draw(numbers)
    pose = HeadPose(*(data.draw(numbers) for _ in range(5)))
    body = Body(*(data.draw(numbers) for _ in range(3)))
    layer = renderer.render(Face(shapes, pose, body), data.draw(st.sampled_from(Quality)))
    assert layer.alpha.max() == 255


_KEPT = []


def _shared():
    if not _KEPT:
        _KEPT.append(make_renderer(load_avatar(AVATAR), *SIZE))
    return _KEPT[0]


def test_the_same_faces_give_the_same_pictures(avatar):
    def film():
        renderer = make_renderer(avatar, *SIZE)
        return [renderer.render(face(v, avatar, yaw=n), Quality.FULL) for n, v in enumerate("aimu")]

    assert all(same(a, b) for a, b in zip(film(), film(), strict=True))


def test_colours_survive_the_planes():
    colours = np.stack(np.meshgrid(*[np.linspace(0, 255, 8)] * 3), axis=-1).reshape(16, 32, 3)
    colours = colours.astype(np.uint8)
    rgb = np.kron(colours, np.ones((8, 8, 1), np.uint8))
    back = yuv_to_rgb(rgb_to_yuv(rgb))[4::8, 4::8]
    assert np.abs(back.astype(int) - colours).max() <= 4


def test_white_and_black_are_limited_range():
    for value, luma in ((255, 235), (0, 16)):
        planes = rgb_to_yuv(np.full((4, 4, 3), value, np.uint8))
        assert (planes.y == luma).all() and (planes.u == 128).all() and (planes.v == 128).all()
