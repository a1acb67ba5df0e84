"""From a video to a host on air: judged by MediaPipe, which had no part in drawing her."""

import importlib.util
import json
import re
from functools import partial

import cv2
import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.avatar.landmarks import Landmarker
from livehost.avatar.making import Asked, Claim, Verdict
from livehost.avatar.video import film, make, pose
from livehost.avatar.video.seam import FADE
from livehost.avatar.video.watch import LOWER, UPPER
from livehost.colour import yuv_to_rgb
from livehost.errors import ConfigError
from livehost.media import Face, Quality
from livehost.stage.render import make_renderer
from livehost.stage.render.loop import DISSOLVE_TICKS
from tests import footage

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mediapipe") is None, reason="MediaPipe is missing: make setup-avatar"
)

SIZE = footage.SIZE
NOBODY = Claim(ai_generated=True)


@pytest.fixture(scope="module")
def pictures():
    return footage.host(135)


@pytest.fixture(scope="module")
def made(pictures, tmp_path_factory):
    """The report and the folder of a host made from six seconds of film."""
    folder = tmp_path_factory.mktemp("video")
    source = footage.write(folder / "person.mp4", pictures)
    asked = Asked("filmed", NOBODY, title="小影", licence="CC0-1.0")
    return make(source, folder / "host", asked), folder / "host"


@pytest.fixture(scope="module")
def avatar(made):
    return load_avatar(made[1])


@pytest.fixture(scope="module")
def landmarker():
    with Landmarker() as landmarker:
        yield landmarker


def face(avatar, viseme, tick):
    return Face(avatar.visemes[viseme], tick=tick)


def settled(renderer, given):
    """The picture of one tick when what was shown before has dissolved."""
    return [renderer.render(given, Quality.FULL) for _ in range(DISSOLVE_TICKS + 2)][-1].picture


def shown(renderer, given):
    return yuv_to_rgb(settled(renderer, given))


def gap(found):
    points = found.points
    height = np.linalg.norm(points[152, :2] - points[10, :2])
    return np.linalg.norm(points[LOWER, :2] - points[UPPER, :2]) / height


def test_the_folder_is_a_whole_avatar(made, avatar):
    report, folder = made
    assert avatar.name == "filmed" and avatar.eyes is None and avatar.loop is not None
    assert avatar.plate.shape == (640, 360, 4) and avatar.kind == "ai"
    assert 100 <= avatar.loop.frames <= 135
    assert avatar.frame.width == 360 and avatar.frame.height == 640
    assert report.verdict is not Verdict.BAD
    for name in ("report.txt", "report.json", "sheet.jpg"):
        assert (folder / name).stat().st_size > 100


def test_the_report_says_what_was_measured(made):
    said = json.loads((made[1] / "report.json").read_text("utf-8"))
    measures = {finding["measure"] for finding in said["findings"]}
    assert {"length", "picture", "frames", "face", "loop", "face in the film"} <= measures
    assert {"sharpness", "frontality", "brightness"} <= measures
    assert {"face followed", "lips at rest", "colour match", "expected speed"} <= measures
    assert len(measures) == len(said["findings"])
    poor = [each for each in said["findings"] if each["verdict"] != "good"]
    assert all(each["advice"] for each in poor)


def test_the_sheet_shows_the_film_and_the_sounds(made):
    sheet = cv2.imread(str(made[1] / "sheet.jpg"))
    rows = np.array_split(sheet, 2)
    tiles = [np.array_split(row, 6, axis=1) for row in rows]
    green = (sheet[..., 1].astype(int) - sheet[..., 2]) > 60
    assert green[: len(green) // 2].sum() > 200 > green[len(green) // 2 :].sum()
    mouths = [tile[150:210, 70:150].astype(int) for tile in tiles[1]]
    assert np.abs(mouths[1] - mouths[0]).max() > 60  # "a" is not "sil"


def test_landmarks_lie_where_the_track_puts_them(avatar, landmarker):
    (plate,) = landmarker.find(avatar.plate[..., :3].copy())
    ref = pose.reference(plate.points)
    space = np.column_stack([plate.points[:, :2], pose.depth(ref), np.ones(478)])
    lips = list(pose.LIPS)
    away = []
    for index, picture in enumerate(film.read(avatar.loop.film)):
        if index % 12 == 0:
            (found,) = landmarker.find(picture)
            seen = space[lips] @ avatar.loop.track.camera[index].T
            away.append(np.linalg.norm(seen - found.points[lips, :2], axis=1).mean() / ref.height)
    assert np.median(away) < 0.012 and max(away) < 0.025


def test_lips_open_and_shut_on_the_moving_head(avatar, landmarker):
    renderer = make_renderer(avatar, *SIZE)
    gaps = {viseme: [] for viseme in ("sil", "a", "m")}
    for tick in range(0, avatar.loop.frames, 15):
        for viseme, seen in gaps.items():
            (found,) = landmarker.find(shown(renderer, face(avatar, viseme, tick)))
            seen.append(gap(found))
    assert max(gaps["sil"]) < 0.016 and max(gaps["m"]) < 0.02
    assert min(gaps["a"]) > 0.03


def test_the_chin_goes_down_with_the_jaw(avatar, landmarker):
    renderer = make_renderer(avatar, *SIZE)
    chins = []
    for viseme in ("sil", "a"):
        (found,) = landmarker.find(shown(renderer, face(avatar, viseme, 20)))
        chins.append((found.points[152, 1] - found.points[1, 1]) / found.box[3])
    assert chins[1] > chins[0] + 0.01


def test_the_seam_is_not_seen(avatar):
    """From the last frame to the first no more moves than from one frame to the next anyway, or a
    quarter of a level, which a keyframe changes where nothing moves."""
    frames = [picture.astype(int) for picture in film.read(avatar.loop.film)]
    pairs = zip(frames, [*frames[1:], frames[0]], strict=True)
    moved = [np.abs(cv2.blur((b - a).astype(np.float32), (9, 9))).mean() for a, b in pairs]
    usual = np.percentile(moved[: -FADE - 1], 99)
    assert max(moved[-FADE - 1 :]) <= max(usual, 0.25)


def test_the_border_of_the_mouth_is_not_seen(avatar):
    renderer = make_renderer(avatar, *SIZE)
    for tick in range(0, avatar.loop.frames, 10):
        drawn = settled(renderer, face(avatar, "sil", tick)).y
        plain = renderer._reel.frame(tick).y
        away = [cv2.blur(each.astype(np.float32), (5, 5)) for each in (drawn, plain)]
        away = np.abs(away[0] - away[1])
        edge = cv2.morphologyEx(
            (drawn != plain).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((41, 41))
        )
        edge = edge - cv2.erode(edge, np.ones((7, 7)))
        assert edge.sum() > 100 and round(np.percentile(away[edge > 0], 99), 1) <= 2


def test_what_is_not_the_mouth_is_the_film(avatar):
    renderer = make_renderer(avatar, *SIZE)
    drawn = renderer.render(face(avatar, "a", 33), Quality.FULL).picture.y
    plain = renderer._reel.frame(33).y
    left, top, width, height = renderer._lips.box
    outside = np.ones_like(drawn, bool)
    outside[top : top + height, left : left + width] = False
    assert np.array_equal(drawn[outside], plain[outside])


def test_whose_face_it_is_stands_in_the_folder(made):
    text = (made[1] / "avatar.toml").read_text("utf-8")
    assert 'declared = "ai-generated"' in text and 'title = "小影"' in text
    assert re.search(r"provenance = .*from a video of nobody real", text)


# --- what cannot be used --------------------------------------------------------------------------


def refused(tmp_path, pictures, **options):
    source = footage.write(tmp_path / "person.mp4", pictures, **options)
    with pytest.raises(ConfigError) as caught:
        make(source, tmp_path / "host", Asked("filmed", NOBODY))
    assert [each.name for each in tmp_path.iterdir()] == ["person.mp4"]
    assert all("\n" not in line for line in caught.value.problems)
    return str(caught.value)


def test_nobody_in_the_picture(tmp_path, pictures):
    wall = [picture[400:, :] for picture in pictures[:70]]
    assert "face: none found" in refused(tmp_path, wall)


def test_two_people(tmp_path, pictures):
    pair = [np.hstack([picture, picture[:, ::-1]]) for picture in pictures[:70]]
    assert "more than one in" in refused(tmp_path, pair)


def test_too_short(tmp_path, pictures):
    said = refused(tmp_path, pictures[:40])
    assert "length: 1.6 s" in said and "film 10 to 60 seconds" in said


def test_a_face_that_leaves_the_picture(tmp_path, pictures):
    walking = [np.roll(picture, 9 * n, axis=1) for n, picture in enumerate(pictures[:70])]
    said = refused(tmp_path, walking)
    assert "no quiet stretch of 2 s" in said and "in the picture" in said


def test_a_person_who_speaks(tmp_path):
    speaking = footage.host(70, viseme=lambda tick: "aoiu"[tick // 4 % 4])
    said = refused(tmp_path, speaking)
    assert "lips: no quiet stretch" in said and "do not speak" in said


def test_a_background_cannot_be_cut_away(tmp_path, pictures):
    source = footage.write(tmp_path / "person.mp4", pictures[:5])
    with pytest.raises(ConfigError, match="keeps its background"):
        make(source, tmp_path / "host", Asked("filmed", NOBODY, background="cut"))


def test_nobody_said_whose_face_it_is(tmp_path, pictures):
    source = footage.write(tmp_path / "person.mp4", pictures[:5])
    with pytest.raises(ConfigError, match="--consent"):
        make(source, tmp_path / "host", Asked("filmed", Claim()))


def test_a_folder_that_is_there_is_kept(tmp_path, made, pictures):
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    source = footage.write(tmp_path / "person.mp4", pictures[:115])
    with pytest.raises(ConfigError, match="is there already"):
        make(source, folder, Asked("filmed", NOBODY))
    assert (folder / "mine.txt").read_text() == "keep"


# --- whatever it was filmed with ------------------------------------------------------------------


def lying(tmp_path, pictures):
    flat = footage.write(tmp_path / "lying.mp4", [np.rot90(each) for each in pictures])
    return footage.turned(flat, 1)


WAYS = {
    "lying": lying,
    "ten bits": lambda at, given: footage.write(at / "a.mp4", given, pix_fmt="yuv420p10le"),
    "one keyframe": lambda at, given: footage.write(at / "a.mp4", given, g="9999"),
    "sixty a second": lambda at, given: footage.write(
        at / "a.mp4", [each for each in given for _ in range(2)], fps=50
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_file_becomes_a_host(tmp_path, pictures, way):
    source = WAYS[way](tmp_path, pictures[:120])
    report = make(source, tmp_path / "host", Asked("filmed", NOBODY))
    avatar = load_avatar(tmp_path / "host")
    assert avatar.plate.shape == (640, 360, 4) and report.verdict is not Verdict.BAD
    again = partial(film.read, avatar.loop.film)
    assert sum(1 for _ in again()) == avatar.loop.frames
