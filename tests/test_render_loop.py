"""A host who was filmed: her film goes round, and her mouth stays on her face."""

import itertools
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from livehost import cli
from livehost.avatar import load_avatar
from livehost.avatar.measure import OnnxDecoder
from livehost.colour import yuv_to_rgb
from livehost.errors import BackendBroken, ConfigError
from livehost.media import BLENDSHAPES, Face, Quality, rest_face
from livehost.stage import planes
from livehost.stage.glance import towards_card
from livehost.stage.layout import layout
from livehost.stage.program import Host, Plan
from livehost.stage.render import make_renderer
from livehost.stage.render.decoder import DecoderRenderer
from livehost.stage.render.loop import DISSOLVE_TICKS, LoopRenderer
from livehost.stage.render.part import GLIDE_TICKS
from livehost.stage.render.reel import place
from tests import filmed

SIZE, FRAMES = filmed.SIZE, filmed.FRAMES


@pytest.fixture(scope="module")
def avatar(tmp_path_factory):
    return load_avatar(filmed.make(tmp_path_factory.mktemp("filmed") / "host"))


@pytest.fixture
def renderer(avatar):
    return make_renderer(avatar, *SIZE)


def face(avatar, viseme, tick):
    return Face(avatar.visemes[viseme], tick=tick)


def rgb(layer):
    return yuv_to_rgb(layer.picture).astype(float)


def spoken(avatar, viseme, index):
    """What frame `index` must look like: the mouth drawn on the plate, then all of it moved."""
    model = OnnxDecoder(avatar.mouth.model)
    shapes = avatar.visemes[viseme][[BLENDSHAPES.index(name) for name in avatar.mouth.coefs]]
    drawn = model.draw(shapes[None])[0]
    x, y, width, height = avatar.mouth.box
    mask = cv2.resize(avatar.mouth.mask, (width, height), interpolation=cv2.INTER_AREA)[..., None]
    mouth = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA)
    plate = avatar.plate[..., :3].copy()
    under = plate[y : y + height, x : x + width]
    under[:] = (under + (mouth.astype(float) - under) * (mask / 255) + 0.5).astype(np.uint8)
    return filmed.moved(plate, filmed.motion(index)).astype(float)


def region(avatar, index, grow=0):
    """The even box of the stream that the mouth moves in, as a slice."""
    x, y, width, height = avatar.mouth.box
    ends = np.array([[x, y, 1], [x + width, y, 1], [x, y + height, 1], [x + width, y + height, 1]])
    at = ends @ filmed.motion(index).T
    low, high = np.floor(at.min(0)).astype(int) - grow, np.ceil(at.max(0)).astype(int) + grow
    return np.s_[low[1] : high[1], low[0] : high[0]]


def psnr(a, b):
    return 10 * np.log10(255**2 / max(1e-9, np.mean((a - b) ** 2)))


@pytest.mark.parametrize("index", [0, 7, 13, 25, 38, 49])
def test_the_mouth_goes_where_the_head_goes(avatar, renderer, index):
    shown = rgb(renderer.render(face(avatar, "a", index), Quality.FULL))
    part = region(avatar, index)
    right = spoken(avatar, "a", index)
    elsewhere = spoken(avatar, "a", (index + 12) % FRAMES)
    assert psnr(shown[part], right[part]) > 33
    assert psnr(shown[part], elsewhere[part]) < 28


def test_nothing_but_the_mouth_is_touched(avatar, renderer):
    index = 20
    shown = rgb(renderer.render(face(avatar, "a", index), Quality.FULL))
    plain = filmed.moved(avatar.plate[..., :3].copy(), filmed.motion(index)).astype(float)
    around = np.ones(shown.shape[:2], bool)
    around[region(avatar, index, grow=2)] = False
    assert psnr(shown[around], plain[around]) > 38
    still = rgb(make_renderer(avatar, *SIZE).render(face(avatar, "sil", index), Quality.FULL))
    assert np.array_equal(shown[around], still[around])


def test_the_border_of_the_mouth_cannot_be_seen(avatar, renderer):
    """Drawn or filmed, the skin round a resting mouth is the same within two levels."""
    index = 31
    drawn = renderer.render(face(avatar, "sil", index), Quality.FULL).picture.y
    plain = renderer._reel.frame(index).y
    left, top, width, height = renderer._lips.box
    edge = np.zeros_like(drawn)
    cv2.rectangle(edge, (left + 6, top + 6), (left + width - 7, top + height - 7), 255, 6)
    lit = cv2.erode((plain > 150).astype(np.uint8), np.ones((9, 9)))  # not what her hair shades
    away = [cv2.blur(each.astype(np.float32), (5, 5)) for each in (drawn, plain)]
    seen = np.abs(away[0] - away[1])[(edge > 0) & (lit > 0)]
    assert len(seen) > 300 and np.percentile(seen, 98) <= 2


def test_a_tick_looks_the_same_whatever_came_before(avatar):
    one, other = make_renderer(avatar, *SIZE), make_renderer(avatar, *SIZE)
    for tick in range(12):
        first = one.render(face(avatar, "o", tick), Quality.FULL)
    second = other.render(face(avatar, "o", 11), Quality.FULL)
    assert np.array_equal(first.picture.y, second.picture.y)
    assert np.array_equal(first.picture.u, second.picture.u)


def test_the_film_goes_round_without_a_jump(avatar, renderer):
    pictures = [
        renderer.render(face(avatar, "sil", tick), Quality.FULL).picture.y.astype(int)
        for tick in range(FRAMES - 10, FRAMES + 10)
    ]
    steps = [np.abs(b - a).mean() for a, b in itertools.pairwise(pictures)]
    assert min(steps) > 0 and max(steps) < 2 * np.median(steps)


def test_the_rate_of_the_stream_is_kept(avatar):
    twice = make_renderer(avatar, *SIZE, Fraction(50))
    first = twice.render(face(avatar, "sil", 6), Quality.FULL)
    again = twice.render(face(avatar, "sil", 7), Quality.FULL)
    assert again is first  # the same frame with the same mouth is not drawn again
    plain = make_renderer(avatar, *SIZE)
    assert np.array_equal(
        first.picture.y, plain.render(face(avatar, "sil", 3), Quality.FULL).picture.y
    )


def test_missing_ticks_dissolve(avatar, renderer):
    before = renderer.render(face(avatar, "sil", 0), Quality.FULL).picture.y.astype(int)
    far = make_renderer(avatar, *SIZE).render(face(avatar, "sil", 25), Quality.FULL)
    jump = np.abs(far.picture.y.astype(int) - before).mean()
    last, steps = before, []
    for tick in range(25, 25 + DISSOLVE_TICKS + 3):
        now = renderer.render(face(avatar, "sil", tick), Quality.FULL).picture.y.astype(int)
        steps.append(np.abs(now - last).mean())
        last = now
    assert jump > 3 and max(steps) < 0.5 * jump
    direct = make_renderer(avatar, *SIZE).render(face(avatar, "sil", tick), Quality.FULL)
    assert np.array_equal(last, direct.picture.y)


def lips(renderer, layer):
    left, top, width, height = renderer._lips.box
    return layer.picture.y[top : top + height, left : left + width].astype(int)


@pytest.mark.parametrize("level", [Quality.FULL, Quality.MOUTH_ONLY, Quality.MOUTH_HALF])
def test_every_level_that_speaks_opens_the_mouth(avatar, renderer, level):
    for tick in range(8):
        shown = renderer.render(face(avatar, "a", tick), level)
    shut = make_renderer(avatar, *SIZE).render(face(avatar, "sil", 7), Quality.FULL)
    assert np.abs(lips(renderer, shown) - lips(renderer, shut)).max() > 40


def test_a_held_face_shuts_its_mouth_while_the_film_goes_on(avatar, renderer):
    for tick in range(4):
        opened = renderer.render(face(avatar, "a", tick), Quality.FULL)
    for tick in range(4, 5 + GLIDE_TICKS):
        held = renderer.render(face(avatar, "a", tick), Quality.HOLD)
    shut = make_renderer(avatar, *SIZE).render(face(avatar, "sil", tick), Quality.FULL)
    assert np.abs(lips(renderer, held) - lips(renderer, shut)).max() <= 3
    assert np.abs(held.picture.y.astype(int) - opened.picture.y).mean() > 0.3


def test_the_plate_stands_still_and_the_way_back_dissolves(avatar, renderer):
    for tick in range(4):
        renderer.render(face(avatar, "a", tick), Quality.FULL)
    plate = renderer.render(face(avatar, "a", 4), Quality.PLATE)
    assert renderer.render(face(avatar, "o", 30), Quality.PLATE) is plate
    back = renderer.render(face(avatar, "sil", 31), Quality.FULL)
    direct = make_renderer(avatar, *SIZE).render(face(avatar, "sil", 31), Quality.FULL)
    jump = np.abs(direct.picture.y.astype(int) - plate.picture.y).mean()
    assert np.abs(back.picture.y.astype(int) - plate.picture.y).mean() < 0.3 * jump


def test_the_first_picture_may_be_the_plate(avatar, renderer):
    shown = renderer.render(rest_face(), Quality.PLATE)
    shut = make_renderer(avatar, *SIZE).render(face(avatar, "sil", 0), Quality.FULL)
    assert np.abs(shown.picture.y.astype(int) - shut.picture.y).max() <= 3


def test_the_next_renderer_goes_on_from_the_last(avatar, renderer):
    for tick in range(21):
        renderer.render(face(avatar, "a", tick), Quality.FULL)
    shown = renderer.shown
    assert shown.tick == 20
    after = make_renderer(avatar, *SIZE)
    after.begin(shown)
    first = after.render(face(avatar, "a", 45), Quality.FULL)
    last = renderer.render(face(avatar, "a", 20), Quality.FULL)
    far = make_renderer(avatar, *SIZE).render(face(avatar, "a", 45), Quality.FULL)
    jump = np.abs(far.picture.y.astype(int) - last.picture.y).mean()
    assert np.abs(first.picture.y.astype(int) - last.picture.y).mean() < 0.3 * jump


def test_numbers_that_are_none_draw_a_face(avatar, renderer):
    shapes = np.full(len(BLENDSHAPES), np.nan, np.float32)
    shown = renderer.render(Face(shapes, tick=3), Quality.FULL)
    assert shown.picture.y.std() > 10


@pytest.mark.parametrize("size", [(720, 1280), (1280, 720), (160, 3840), (640, 640), (362, 638)])
def test_the_picture_fills_every_frame_and_shows_the_mouth(avatar, size):
    layer = make_renderer(avatar, *size).render(rest_face(), Quality.FULL)
    assert layer.solid and layer.alpha.min() == 255 and (layer.left, layer.top) == (0, 0)
    assert layer.picture.y.shape == size[::-1]
    assert layer.picture.u.shape == layer.alpha_uv.shape == (size[1] // 2, size[0] // 2)
    at, (x, y, width, height) = place(avatar, *size), avatar.mouth.box
    middle = (x + width / 2 - at.left) / at.width, (y + height / 2 - at.top) / at.height
    assert 0.1 < middle[0] < 0.9 and 0.1 < middle[1] < 0.9
    assert abs(at.across / at.down - 1) < 0.03


def test_a_solid_layer_is_drawn_as_one_with_alpha(avatar, renderer):
    layer = renderer.render(rest_face(), Quality.FULL)
    box = planes.Box(40, 60, 200, 300)
    under = planes.opaque(np.zeros((*SIZE[::-1], 3), np.uint8))
    one, other = planes.copy(under), planes.copy(under)
    planes.blend(one, layer, box)
    plain = type(layer)(layer.picture, layer.alpha, layer.alpha_uv, 0, 0)
    planes.blend(other, plain, box)
    assert np.array_equal(one.y, other.y) and np.array_equal(one.v, other.v)


def test_the_light_of_the_frame_is_added(tmp_path):
    dark = load_avatar(filmed.make(tmp_path / "dark", frames=4, shade=-20))
    plain = load_avatar(filmed.make(tmp_path / "plain", frames=4))
    shown = [make_renderer(each, *SIZE) for each in (dark, plain)]
    layers = [each.render(rest_face(), Quality.FULL) for each in shown]
    away = lips(shown[0], layers[1]) - lips(shown[0], layers[0])
    assert abs(np.percentile(away, 95) - 20) <= 1 and away.min() >= -1


def test_a_mouth_that_is_hidden_is_left_as_it_was_filmed(tmp_path):
    hidden = load_avatar(filmed.make(tmp_path / "hidden", frames=4, seen=0.0))
    renderer = make_renderer(hidden, *SIZE)
    shown = renderer.render(face(hidden, "a", 1), Quality.FULL)
    assert np.array_equal(shown.picture.y, renderer._reel.frame(1).y)


def test_a_film_that_is_damaged_is_told(tmp_path):
    folder = filmed.make(tmp_path / "host", frames=8)
    avatar = load_avatar(folder)
    renderer = make_renderer(avatar, *SIZE)
    renderer._reel.close()
    (folder / "loop.mp4").write_bytes(b"no film")
    with pytest.raises(BackendBroken, match="cannot be decoded"):
        renderer.render(face(avatar, "a", 5), Quality.FULL)
    with pytest.raises(BackendBroken):
        make_renderer(avatar, *SIZE)


def test_a_film_that_is_shorter_than_promised_is_told(tmp_path):
    folder = filmed.make(tmp_path / "host", frames=8)
    avatar = load_avatar(folder)
    short = filmed.make(tmp_path / "short", frames=4)
    (folder / "loop.mp4").write_bytes((short / "loop.mp4").read_bytes())
    renderer = make_renderer(avatar, *SIZE)
    renderer.render(face(avatar, "a", 3), Quality.FULL)
    with pytest.raises(BackendBroken, match="ends before frame 6"):
        renderer.render(face(avatar, "a", 6), Quality.FULL)


class Room:
    """Scenery that hands the presenter back."""

    def compose(self, tick, presenter, caption, progress):
        return presenter


def test_the_show_goes_on_when_the_film_breaks_off(avatar, monkeypatch):
    opened = []

    def open_renderer():
        opened.append(make_renderer(avatar, *SIZE))
        return opened[-1]

    host = Host(open_renderer, Room(), rest_ticks=2)
    good = host.picture(Plan(0, face(avatar, "a", 0), Quality.FULL))
    monkeypatch.setattr(opened[0]._reel, "frame", lambda _: 1 / 0)
    assert host.picture(Plan(1, face(avatar, "a", 1), Quality.FULL)) is good
    for tick in range(2, 5):
        after = host.picture(Plan(tick, face(avatar, "a", tick), Quality.FULL))
    assert len(opened) == 2 and after is not good and host.failures == 1


def test_each_kind_of_avatar_has_its_renderer(avatar):
    shipped = load_avatar(filmed.XIAOHE)
    assert isinstance(make_renderer(avatar, *SIZE), LoopRenderer)
    assert isinstance(make_renderer(shipped, *SIZE), DecoderRenderer)
    with pytest.raises(ConfigError, match="loop"):
        LoopRenderer(shipped, *SIZE, Fraction(25))
    with pytest.raises(ConfigError, match="eyes"):
        DecoderRenderer(avatar, *SIZE)


def test_a_card_can_be_pointed_at_without_eyes(avatar):
    across, up = towards_card(layout(720, 1280), avatar)
    assert np.isfinite(across) and up < 0


# --- a clip of her -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(avatar, tmp_path_factory):
    """The same clip twice."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("one.mp4", "two.mp4"):
        given = ["--avatar", str(avatar.folder), "--text", "你好呀大家好。", "--voice", "tone"]
        look = ["--size", "180x320", "--no-captions", "--preset", "ultrafast", "--quiet"]
        assert cli.main(["render", "--out", str(folder / name), *given, *look]) == 0
    return folder


def test_a_clip_of_a_filmed_host_is_the_same_each_time(clips):
    assert (clips / "one.mp4").read_bytes() == (clips / "two.mp4").read_bytes()


def test_no_desk_is_painted_before_a_filmed_host(avatar, clips):
    with av.open(str(clips / "one.mp4")) as file:
        first = next(file.decode(video=0)).to_ndarray(format="gray")
    film = make_renderer(avatar, 180, 320).render(face(avatar, "sil", 0), Quality.FULL)
    low = np.s_[int(0.8 * 320) :]
    away = first[low].astype(int) - film.picture.y[low]
    assert np.abs(away - np.median(away)).mean() < 12


# --- loading --------------------------------------------------------------------------------------


def problem(folder):
    with pytest.raises(ConfigError) as caught:
        load_avatar(folder)
    assert all("\n" not in line for line in caught.value.problems)
    return str(caught.value)


def rewritten(folder, **parts):
    with np.load(folder / "track.npz") as kept:
        whole = {**kept, **parts}
    np.savez(folder / "track.npz", **{k: v for k, v in whole.items() if v is not None})
    filmed.write_manifest(folder, load_avatar(filmed.XIAOHE), SIZE, 4)
    return folder


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"camera": np.zeros((3, 2, 4), np.float32)}, "camera is (3, 2, 4), must be (4, 2, 4)"),
        ({"camera": np.zeros((4, 2, 4), np.float32)}, "a frame in which the face is flat"),
        ({"seen": np.full(4, np.nan)}, "numbers that are none"),
        ({"relief": np.zeros(3)}, "relief"),
        ({"shade": None}, "is not a track of a mouth"),
    ],
)
def test_a_track_that_does_not_fit_is_refused(tmp_path, parts, said):
    folder = rewritten(filmed.make(tmp_path / "host", frames=4), **parts)
    assert said in problem(folder)


def test_a_file_that_is_no_track_is_refused(tmp_path):
    folder = filmed.make(tmp_path / "host", frames=4)
    (folder / "track.npz").write_bytes(b"PK\x03\x04 nonsense")
    filmed.write_manifest(folder, load_avatar(filmed.XIAOHE), SIZE, 4)
    assert "is not a track of a mouth" in problem(folder)


def test_only_a_filmed_host_may_lack_eyes_and_depth(tmp_path):
    folder = filmed.make(tmp_path / "host", frames=4)
    path = folder / "avatar.toml"
    path.write_text(path.read_text("utf-8").replace("[loop]\nfps = 25\nframes = 4\n", ""), "utf-8")
    assert "[depth], [camera], [eyes]: missing" in problem(folder)


def test_a_changed_film_is_refused(tmp_path):
    folder = filmed.make(tmp_path / "host", frames=4)
    with (folder / "loop.mp4").open("ab") as file:
        file.write(b"more")
    assert "loop.mp4" in problem(folder)
