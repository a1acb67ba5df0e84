import dataclasses
import tomllib
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from livehost.avatar import load_avatar, photo
from livehost.avatar.landmarks import Found, Landmarker
from livehost.avatar.making import Asked, Claim, Verdict
from livehost.avatar.photo import build, eyes, field, graph, mouth, plate, region, split, teeth
from livehost.avatar.photo.basis import basis, fit
from livehost.avatar.photo.find import find_faces
from livehost.avatar.photo.matte import matte
from livehost.avatar.photo.onnx_file import Graph
from livehost.brain.voice.kokoro import find_vector
from livehost.brain.voice.say import default_room
from livehost.config import Avatar as RoomAvatar
from livehost.errors import ConfigError
from livehost.media import Face, HeadPose, Quality
from livehost.stage.render import make_renderer

DATA = Path(__file__).parent / "data" / "photo"


def stored():
    """Return what MediaPipe finds in the test photo."""
    with np.load(DATA / "host.npz") as data:
        scores = dict(zip(map(str, data["names"]), map(float, data["scores"]), strict=True))
        return Found(data["points"], scores, data["matrix"])


@pytest.fixture(scope="module")
def rgb():
    return np.asarray(Image.open(DATA / "host.jpg"))


@pytest.fixture(scope="module")
def drawn(rgb):
    """Return the two regions of the test photo as (place, drawing, session), by name."""
    points = stored().points.astype(np.float64)
    moves = fit(points)
    above = eyes.region(points, rgb.shape[:2])
    below = mouth.region(points, above.box[1] + above.box[3], rgb.shape[:2])
    light = np.array([0.95, 0.93, 0.9], np.float32)
    pictures = {
        "mouth": (below, mouth.drawing(rgb, moves, below, light), mouth.COEFS),
        "eyes": (above, eyes.drawing(rgb, points, moves, above), eyes.COEFS),
    }
    return {
        name: (where, drawing, coefs, onnxruntime.InferenceSession(graph.build(drawing)))
        for name, (where, drawing, coefs) in pictures.items()
    }


def draw(drawn, name, **shapes):
    """Return (h, w, 3) of a region with blendshapes; a name without a side means both."""
    _, _, coefs, session = drawn[name]
    given = [
        next((v for k, v in shapes.items() if c in (k, f"{k}Left", f"{k}Right")), 0.0)
        for c in coefs
    ]
    out = session.run(None, {"coefs": np.array([given], np.float32)})[0]
    return out[0].transpose(1, 2, 0)


def lips(drawn, picture):
    """Return the part of a mouth's picture right between the resting lips' corners."""
    where = drawn["mouth"][0]
    local = where.local(stored().points[:, :2].astype(np.float64))
    (left, top), (right, _) = local[61], local[291]
    tall = (right - left) * 0.5
    return picture[int(top - 0.2 * tall) : int(top + tall), int(left + 4) : int(right - 4)]


# --- parts ----------------------------------------------------------------------------------------


def test_models_written_by_hand_run():
    made = Graph()
    weights = made.constant(np.array([[1.0, -2.0], [3.0, 0.5]]))
    moved = made.add("Transpose", made.add("MatMul", "in", weights), perm=(1, 0))
    first, _ = made.split("Split", moved, outputs=2, axis=0)
    made.output("out", made.add("Cast", made.add("Floor", first), to=1))
    session = onnxruntime.InferenceSession(made.model(("in", (1, 2)), ("out", (1, 1))))
    assert session.run(None, {"in": np.array([[2.5, 1.0]], np.float32)})[0] == [[5.0]]


def test_splines_carry_a_turn_on_exactly():
    random = np.random.default_rng(3)
    points, at = random.uniform(0, 100, (20, 2)), random.uniform(-50, 150, (30, 2))
    turn = np.array([[0.1, -0.3], [0.2, 0.05]])
    found = field.spread(points, (points @ turn + 7)[None], at, 100.0)
    np.testing.assert_allclose(found[0], at @ turn + 7, atol=1e-6)


def test_moves_end_at_the_edge_of_a_region():
    grid = field.Grid(90, 61)
    window = grid.window().reshape(grid.shape)
    assert window[0].max() == window[:, 0].max() == window[-1].max() == window[:, -1].max() == 0
    assert window.max() == 1
    for matrix, axis in zip(grid.enlarging(), (1, 0), strict=True):
        np.testing.assert_allclose(matrix.sum(axis), 1, atol=1e-9)


def test_sheets_cover_everything_but_the_hole():
    line = np.full(100, 30.0)
    hole = np.clip(np.minimum(np.arange(100) - 30, 70 - np.arange(100)), 0, 8.0)
    upper, lower = split.Cut(line - hole, line + hole, ((30.0, 70.0),)).mattes(60)
    covered = upper + lower * (1 - upper)
    assert covered[:, :28].min() == covered[:, 73:].min() == 1
    assert covered[30, 50] == 0
    assert covered[10, 50] == covered[50, 50] == 1


def test_the_line_between_lips_is_found_where_it_is_dark():
    luma = np.full((40, 80), 0.7, np.float32)
    true = (20 + 3 * np.sin(np.arange(80) / 12)).astype(int)
    luma[true, np.arange(80)] = 0.2
    found = split.snapped(luma, np.full(80, 20.0), (5, 75), 5)
    assert np.abs(found[12:68] - 0.5 - true[12:68]).max() <= 1


def test_the_basis_is_a_face_that_is_the_same_on_both_sides():
    base = basis()
    left, right = (base.moves[base.names.index(f"mouthSmile{side}")] for side in ("Left", "Right"))
    assert left[291, 1] > 0.1 and right[61, 1] > 0.1
    np.testing.assert_allclose(left[291] * (-1, 1, 1), right[61], atol=2e-3)
    opened = base.moves[base.names.index("jawOpen")]
    assert opened[14, 1] < -0.3 and abs(opened[13, 1]) < 0.01


def test_lips_stay_in_touch_unless_a_blendshape_opens_them():
    moves = fit(stored().points)
    for name in ("mouthPressLeft", "mouthRollUpper", "mouthSmileLeft", "mouthShrugLower"):
        np.testing.assert_array_equal(moves.by_name[name][13], moves.by_name[name][14])
    gap = [
        (moves.by_name[name][14] - moves.by_name[name][13])[1] for name in ("jawOpen", "mouthClose")
    ]
    assert gap[0] > 20 and gap[0] == pytest.approx(-gap[1], rel=0.05)


def test_teeth_have_an_end_and_gums_behind_it():
    canvas = teeth.Canvas(60, 100, (50.0, 30.0), 1.5, np.ones(3, np.float32))
    upper, lower = teeth.upper_teeth(canvas), teeth.lower_teeth(canvas)
    assert upper[34:, 50, 3].max() < 0.1 and upper[24, 47, 3] > 0.9
    assert lower[:26, 50, 3].max() < 0.1 and lower[36, 47, 3] > 0.9
    assert upper[24, 47, :3].min() > 0.7  # a tooth is light, and the gum above it red
    assert upper[3, 50, 0] > 1.5 * upper[3, 50, 1]


# --- what the decoders draw -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mouth", "eyes"])
def test_at_rest_the_photo_is_drawn(drawn, name):
    where, drawing = drawn[name][:2]
    photo_ = drawing.upper.picture[..., :3]
    error = np.abs(draw(drawn, name) - photo_)
    assert error.mean() < 0.002
    assert np.percentile(error, 99.5) < 0.06
    assert where.grid.width * where.grid.height <= region.MOST_PIXELS


def test_the_jaw_opens_the_mouth_more_and_more(drawn):
    def dark(jaw):
        return float((lips(drawn, draw(drawn, "mouth", jawOpen=jaw)).mean(-1) < 0.25).mean())

    shares = [dark(jaw) for jaw in (0.0, 0.3, 0.6, 0.9)]
    assert shares[0] < 0.01
    assert shares[1] > 0.03
    assert shares == sorted(shares)
    assert shares[3] > 3 * shares[1]


@pytest.mark.parametrize(
    "shapes",
    [
        {
            "mouthPress": 0.32,
            "mouthRollLower": 0.08,
            "mouthRollUpper": 0.05,
            "mouthShrugLower": 0.14,
        },
        {"jawOpen": 0.5, "mouthClose": 0.5},
        {"mouthClose": 1.0},
        {"mouthSmile": 0.8},
        {"mouthPucker": 0.9},
    ],
)
def test_shut_lips_leave_no_gap(drawn, shapes):
    where = drawn["mouth"][0]
    local = where.local(stored().points[:, :2].astype(np.float64))
    column = int(local[13, 0])
    rest, shut = draw(drawn, "mouth"), draw(drawn, "mouth", **shapes)
    middle = slice(column - 8, column + 9)
    assert shut[:, middle].mean(-1).min() > rest[:, middle].mean(-1).min() - 0.10


def test_upper_teeth_stay_and_lower_teeth_go_with_the_jaw(drawn):
    inside = drawn["mouth"][1].inside
    jaw, smile = mouth.COEFS.index("jawOpen"), mouth.COEFS.index("mouthSmileLeft")
    for moving in inside.moving:
        assert moving.shift[jaw, 1] > 20
        assert not moving.shift[smile].any()
    tongue = inside.moving[0].shift[mouth.COEFS.index("x_tongueUp"), 1]
    assert tongue < 0 == inside.moving[1].shift[mouth.COEFS.index("x_tongueUp"), 1]


def eye(drawn, picture, side):
    where = drawn["eyes"][0]
    local = where.local(stored().points[:, :2].astype(np.float64))
    rim = local[[*eyes.marks.UPPER_LID[side], *eyes.marks.LOWER_LID[side]]]
    (left, top), (right, bottom) = rim.min(0) + 1, rim.max(0) - 1
    return picture[int(top) : int(bottom) + 1, int(left) : int(right) + 1].mean(-1)


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_lids_cover_the_whole_eye(drawn, side):
    open_, half, shut = (
        eye(drawn, draw(drawn, "eyes", eyeBlink=share), side) for share in (0, 0.5, 1)
    )
    rows = len(open_)
    assert open_.std() > 0.2  # white and iris
    assert shut[: rows // 2].std() < 0.1  # skin
    assert half[: rows // 3].std() < open_[: rows // 3].std()


@pytest.mark.parametrize(("side", "temple"), [("Left", 1), ("Right", -1)])
def test_the_iris_follows_the_gaze(drawn, side, temple):
    def middle(**shapes):
        dark = np.clip(0.45 - eye(drawn, draw(drawn, "eyes", **shapes), side), 0, None)
        inner = dark[2:-2, 3:-3]
        return float((inner * np.arange(inner.shape[1])).sum() / inner.sum())

    rest = middle()
    out, in_ = middle(**{f"eyeLookOut{side}": 0.5}), middle(**{f"eyeLookIn{side}": 0.5})
    assert (out - rest) * temple > 1.0
    assert (in_ - rest) * temple < -1.0


def test_lips_that_are_apart_in_the_photo_are_shut(rgb):
    """The lower face is moved down by hand, and the landmarks with it: a gap of teeth between."""
    points = stored().points.astype(np.float64)
    line, gap = int(points[[13, 14], 1].mean()), 9
    apart = rgb.copy()
    apart[line + gap :] = rgb[line:-gap]
    apart[line : line + gap] = (235, 230, 220)
    low = {n for n in range(478) if points[n, 1] > line + 0.5} | set(mouth.marks.LOWER_INNER[1:-1])
    lower = sorted(low - mouth.marks.UPPER_LIP)
    points[lower, 1] += gap
    moves = fit(points)
    place_ = mouth.region(points, points[[145, 374], 1].max() + 20, rgb.shape[:2])
    light = np.array([0.95, 0.93, 0.9], np.float32)
    drawing = mouth.drawing(apart, moves, place_, light)
    session = onnxruntime.InferenceSession(graph.build(drawing))
    out = session.run(None, {"coefs": np.zeros((1, len(mouth.COEFS)), np.float32)})[0][0]
    column = int(place_.local(points[[13], :2])[0, 0])
    before = drawing.upper.picture[..., 2][:, column - 5 : column + 6]
    local = place_.local(points[:, :2])
    rows = slice(int(local[13, 1]) - 3, int(local[14, 1]) + 3)
    assert before[rows].max() > 0.8 or place_.picture(apart)[rows, column, 2].max() > 0.8
    assert out[2][rows, column - 5 : column + 6].max() < 0.72  # no white of teeth is left


# --- plate ----------------------------------------------------------------------------------------


def test_a_person_is_told_from_a_plain_wall(rgb):
    person = matte(rgb, stored().points.astype(np.float64))
    assert person[300, 360] == 1 and person[950, 360] == 1
    assert person[:100].max() < 0.05 and person[200:400, :60].max() < 0.05
    top = plate.crown_of(stored().points.astype(np.float64), person)
    assert 110 < top < 160  # hair begins at 130


@pytest.mark.parametrize("size", [(1000, 720), (720, 1000), (600, 400), (3000, 800)])
@pytest.mark.parametrize("background", ["keep", "cut"])
def test_a_frame_is_upright_and_holds_the_head(size, background):
    points = np.zeros((478, 3))
    points[:, :2] = stored().points[:, :2] * (0.4 * min(size) / 720) + (
        0.2 * size[1],
        0.1 * size[0],
    )
    person = np.zeros(size, np.float32)
    left, top, wide, tall = plate.framed(points, person, size, background)
    assert tall / wide == pytest.approx(16 / 9)
    crown, chin = plate.crown_of(points, person), points[152, 1]
    assert top <= crown and chin < top + tall
    assert left < points[:, 0].mean() < left + wide
    if background == "keep":
        assert left >= -1e-6 and top >= -1e-6
        assert left + wide <= size[1] + 1e-6 and top + tall <= size[0] + 1e-6


def test_a_head_that_is_turned_in_the_photo_moves_less():
    assert plate.motion("cut", 0) == 1
    assert plate.motion("keep", 0) == plate.KEPT_MOTION
    assert plate.motion("cut", 30) == 0.5 < plate.motion("cut", 15) < 1


# --- whole ----------------------------------------------------------------------------------------


class Seeing:
    """Stands for MediaPipe: finds the stored face."""

    def __init__(self, *faces):
        self.faces = faces

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def sees(monkeypatch):
    """Have the import see these faces."""

    def given(*faces):
        monkeypatch.setattr(build, "Landmarker", Seeing)
        monkeypatch.setattr(build, "find_faces", lambda _landmarker, _rgb: faces)

    given(stored())
    return given


@pytest.mark.parametrize("background", ["keep", "cut"])
def test_a_photo_becomes_an_avatar_that_any_renderer_shows(tmp_path, sees, background):
    out = tmp_path / "me"
    asked = Asked("me", Claim(own_face="Wang Li"), title='"小王"', background=background)
    report = photo.make(DATA / "host.jpg", out, asked)
    assert report.verdict is not Verdict.BAD
    assert {"face", "face size", "sharpness", "frontality", "occlusion", "expected speed"} <= {
        each.measure for each in report.findings
    }
    assert {p.name for p in out.iterdir()} >= {"report.txt", "report.json", "sheet.jpg"}
    said = tomllib.loads((out / "avatar.toml").read_text("utf-8"))
    assert said["kind"] == "person" and said["title"] == '"小王"'
    assert said["likeness"]["who"] == "Wang Li"
    avatar = load_avatar(out)
    edge = avatar.plate[5:60, avatar.frame.x + 5 : avatar.frame.x + 60, 3]
    assert edge.min() == (255 if background == "keep" else 0) == edge.max()
    _moves_on_air(avatar, background)


def _moves_on_air(avatar, background):
    renderer = make_renderer(avatar, 360, 640)
    still = renderer.render(Face(np.zeros(53, np.float32)), Quality.FULL)
    turned = renderer.render(Face(avatar.visemes["a"], HeadPose(yaw=5, roll=3)), Quality.FULL)
    change = np.abs(turned.picture.y.astype(int) - still.picture.y)
    assert change[120:400].max() > 40
    if background == "keep":
        assert change[:30, :40].max() <= 2  # the wall stays


def test_a_picture_that_bears_less_is_turned_less(tmp_path, sees):
    asked = Asked("me", Claim(ai_generated=True), background="cut")
    photo.make(DATA / "host.jpg", tmp_path / "me", asked)
    avatar = load_avatar(tmp_path / "me")
    shown = {}
    for share in (0.0, 0.4, 1.0):
        renderer = make_renderer(dataclasses.replace(avatar, motion=share), 360, 640)
        rest = renderer.render(Face(np.zeros(53, np.float32)), Quality.FULL)
        turned = renderer.render(Face(np.zeros(53, np.float32), HeadPose(yaw=5)), Quality.FULL)
        shown[share] = np.abs(turned.picture.y.astype(int) - rest.picture.y).mean()
    assert shown[0.0] == 0 < shown[0.4] < shown[1.0]


def test_a_host_without_voices_speaks_with_the_shipped_ones(tmp_path):
    room = default_room().model_copy(update={"avatar": RoomAvatar(path=tmp_path)})
    assert find_vector(room).is_file()
    (tmp_path / "voice").mkdir()
    with pytest.raises(ConfigError, match="no voice"):
        find_vector(room)


@pytest.mark.slow
def test_the_same_photo_makes_the_same_avatar(tmp_path, sees):
    for name in ("one", "two"):
        photo.make(DATA / "host.jpg", tmp_path / name, Asked("me", Claim(ai_generated=True)))
    sealed = [
        tomllib.loads((tmp_path / n / "avatar.toml").read_text())["files"] for n in ("one", "two")
    ]
    assert sealed[0] == sealed[1]


def test_a_photo_of_no_use_leaves_nothing_behind(tmp_path, sees):
    asked = Asked("me", Claim(ai_generated=True))
    sees()
    with pytest.raises(ConfigError, match="face: none found"):
        photo.make(DATA / "host.jpg", tmp_path / "me", asked)
    sees(stored(), stored())
    with pytest.raises(ConfigError, match="2 faces; cut the photo to one person"):
        photo.make(DATA / "host.jpg", tmp_path / "me", asked)
    assert list(tmp_path.iterdir()) == []


def test_nobody_looks_at_a_photo_before_somebody_says_whose_it_is(tmp_path, sees):
    with pytest.raises(ConfigError, match="who is in the picture"):
        photo.make(tmp_path / "not even there.jpg", tmp_path / "me", Asked("me", Claim()))


def test_a_grey_photo_gets_a_grey_mouth(tmp_path, sees):
    Image.open(DATA / "host.jpg").convert("L").save(tmp_path / "grey.png")
    report = photo.make(
        tmp_path / "grey.png", tmp_path / "me", Asked("me", Claim(ai_generated=True))
    )
    assert "colour" in {f.measure for f in report.findings}
    model = onnxruntime.InferenceSession(tmp_path / "me" / "mouth.onnx")
    coefs = np.zeros((1, len(mouth.COEFS)), np.float32)
    coefs[0, mouth.COEFS.index("jawOpen")] = 0.7
    spread = np.ptp(model.run(None, {"coefs": coefs})[0][0], axis=0)
    assert np.percentile(spread, 99.9) < 0.09  # a lip's shadow is a little red


# --- with MediaPipe -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def landmarker():
    try:
        with Landmarker() as found:
            yield found
    except ConfigError as error:
        pytest.skip(str(error))


def test_mediapipe_sees_what_the_avatar_does(drawn, rgb, landmarker):
    def shown(**shapes):
        out = rgb.copy()
        for name in ("mouth", "eyes"):
            x, y, width, height = drawn[name][0].box
            picture = cv2.resize(draw(drawn, name, **shapes), (width, height)) * 255
            out[y : y + height, x : x + width] = picture
        return landmarker.find(out)[0]

    def gap(face):
        points = face.points[:, :2]
        wide = np.linalg.norm(points[61] - points[291])
        return np.linalg.norm(points[13] - points[14]) / wide

    rest, some, wide = shown(), shown(jawOpen=0.3), shown(jawOpen=0.7)
    assert gap(rest) < 0.04 and 0.12 < gap(some) < gap(wide)
    assert wide.scores["jawOpen"] > 0.4 > rest.scores["jawOpen"]
    assert gap(shown(mouthPress=0.32, mouthRollLower=0.08, mouthShrugLower=0.14)) < 0.06
    assert shown(mouthSmile=0.7).scores["mouthSmileLeft"] > rest.scores["mouthSmileLeft"] + 0.4
    shut = shown(eyeBlink=1.0)
    for side in ("Left", "Right"):
        assert shut.scores[f"eyeBlink{side}"] > 0.5 > rest.scores[f"eyeBlink{side}"] + 0.3
    look = shown(eyeLookOutLeft=0.6, eyeLookInRight=0.6)
    assert look.scores["eyeLookOutLeft"] > rest.scores["eyeLookOutLeft"] + 0.2


def test_small_faces_in_large_photos_are_found(rgb, landmarker):
    large = np.full((1500, 2400, 3), (120, 140, 120), np.uint8)
    large[300:700, 1500:1788] = cv2.resize(rgb, (288, 400), interpolation=cv2.INTER_AREA)
    faces = find_faces(landmarker, large)
    assert len(faces) == 1
    usual = stored().points[:, :2] * 0.4 + (1500, 300)
    assert np.abs(faces[0].points[:, :2] - usual).mean() < 3
    assert find_faces(landmarker, np.full((400, 400, 3), 90, np.uint8)) == ()


def test_a_real_persons_photo_from_a_package(tmp_path, landmarker):
    pytest.importorskip("matplotlib", reason="its sample data holds a portrait")
    import matplotlib.cbook

    path = Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    report = photo.make(path, tmp_path / "test", Asked("test", Claim(own_face="a test fixture")))
    assert report.verdict is Verdict.FAIR  # a small picture
    assert load_avatar(tmp_path / "test").kind == "person"
