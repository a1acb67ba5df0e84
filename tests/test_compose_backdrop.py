"""Backgrounds and slates that somebody gives us."""

import functools
import time

import av
import cv2
import numpy as np
import pytest

from livehost.colour import rgb_to_yuv
from livehost.config import Scene, Video
from livehost.stage import compose
from livehost.stage.backdrop import AHEAD, Clip
from livehost.stage.compose import Composer
from livehost.stage.layout import layout

SIZE = 240, 426


@pytest.fixture(scope="module", autouse=True)
def paint_once():
    """Paint the studio and the desk of each frame once: they never differ."""
    patch = pytest.MonkeyPatch()
    patch.setattr(compose, "studio", functools.cache(compose.studio))
    patch.setattr(compose, "paint_desk", functools.cache(compose.paint_desk))
    yield
    patch.undo()


def composer(folder, **scene):
    video = Video(width=SIZE[0], height=SIZE[1])
    return Composer(video, Scene(**scene), lambda path: folder / path)


def write_clip(path, levels, fps=25, size=(64, 48)):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"crf": "1", "preset": "ultrafast"}
        for level in levels:
            rgb = np.full((size[1], size[0], 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        container.mux(stream.encode(None))


def take(clip, count):
    """Return the middle luma of the next `count` pictures of a clip."""
    levels, until = [], time.monotonic() + 20
    while len(levels) < count and time.monotonic() < until:
        late = clip.late
        clip.advance(len(levels))
        if clip.late == late:
            levels.append(int(clip.picture.y[100, 100]))
    return levels


@pytest.fixture
def first():
    return rgb_to_yuv(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))


def test_a_picture_fills_the_frame(tmp_path):
    rgb = np.zeros((300, 400, 3), np.uint8)
    rgb[:, 150:250] = 200
    cv2.imwrite(str(tmp_path / "back.png"), rgb)
    picture = composer(tmp_path, background="back.png").compose(0, None, "", 0)
    assert abs(int(picture.y[150, SIZE[0] // 2]) - 188) < 3
    assert picture.y.shape == SIZE[::-1]


@pytest.mark.parametrize("name", ["missing.png", "broken.jpg", "missing.mp4", "broken.mp4"])
def test_unreadable_backgrounds_leave_the_studio(tmp_path, name, caplog):
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"not a picture" * 100)
    scenery = composer(tmp_path, background=name)
    plain = composer(tmp_path).compose(0, None, "", 0)
    assert np.array_equal(scenery.compose(0, None, "", 0).y, plain.y)
    deadline = time.monotonic() + 5
    while not caplog.records and time.monotonic() < deadline:
        scenery.compose(1, None, "", 0)
    assert any("cannot be" in record.message for record in caplog.records)


def test_a_clip_loops_in_step_with_the_ticks(tmp_path, first):
    write_clip(tmp_path / "clip.mp4", [40, 120, 200])
    clip = Clip(tmp_path / "clip.mp4", layout(*SIZE), Video().rate, first)
    levels = take(clip, 9)
    clip.close()
    steps = [16 + round(level * 219 / 255) for level in (40, 120, 200)]
    assert np.abs(np.array(levels) - steps * 3).max() <= 3


def test_a_slower_clip_is_repeated_to_the_rate_on_air(tmp_path, first):
    write_clip(tmp_path / "slow.mp4", [40, 200], fps=5)
    clip = Clip(tmp_path / "slow.mp4", layout(*SIZE), Video().rate, first)
    levels = take(clip, 6)
    clip.close()
    assert levels[0:5] == levels[0:1] * 5
    assert levels[5] > levels[0] + 50


def test_a_clip_decodes_only_a_few_pictures_ahead(tmp_path, first):
    write_clip(tmp_path / "clip.mp4", range(0, 250, 5))
    clip = Clip(tmp_path / "clip.mp4", layout(*SIZE), Video().rate, first)
    take(clip, 1)
    assert clip._ahead.maxsize == AHEAD
    clip.close()


def test_a_clip_moves_the_picture_and_the_label_stays(tmp_path):
    write_clip(tmp_path / "clip.mp4", [30, 220])
    scenery = composer(tmp_path, background="clip.mp4")
    label = scenery._label.layer
    seen, deadline = set(), time.monotonic() + 20
    while not {42, 205} <= seen and time.monotonic() < deadline:
        picture = scenery.compose(len(seen), None, "", 0)
        box = picture.y[label.top : label.top + label.alpha.shape[0], label.left :]
        ink = (label.alpha == 255) & (label.picture.y > 225)
        assert (box[:, : ink.shape[1]][ink] == label.picture.y[ink]).all()
        level = int(picture.y[200, 10])
        seen.update((level - 1, level, level + 1))
    assert {42, 205} <= seen


def test_the_slate_is_the_given_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "slate.png"), np.full((50, 50, 3), 128, np.uint8))
    scenery = composer(tmp_path, slate="slate.png")
    scenery.slate(True)
    scenery.settle()
    for tick in range(20):
        picture = scenery.compose(tick, None, "", 0)
    assert abs(int(picture.y[300, 100]) - 126) <= 1
    scenery.slate(False)
    scenery.settle()
    for tick in range(20, 40):
        picture = scenery.compose(tick, None, "", 0)
    assert np.array_equal(picture.y, composer(tmp_path).compose(0, None, "", 0).y)


def test_the_slate_fades_in_and_a_cut_shows_all_of_it_with_the_next_picture(tmp_path):
    cv2.imwrite(str(tmp_path / "slate.png"), np.full((50, 50, 3), 128, np.uint8))
    scenery = composer(tmp_path, slate="slate.png")

    def spot(tick):
        return int(scenery.compose(tick, None, "", 0).y[300, 100])

    room = spot(0)
    scenery.slate(True)
    fading = [spot(tick) for tick in range(1, 20)]
    assert abs(fading[0] - room) < 12 and abs(fading[-1] - 126) <= 1
    scenery.slate(False)
    assert [spot(tick) for tick in range(20, 40)][-1] == room
    scenery.slate(True, cut=True)
    shown = spot(40)
    assert abs(shown - 126) <= 1 and spot(41) == shown
    scenery.slate(True)  # said again to the same stage, by a new brain
    assert {spot(tick) for tick in range(42, 60)} == {shown}
    scenery.slate(False)
    spot(60)
    scenery.slate(True)
    assert spot(61) != shown
    scenery.slate(True, cut=True)  # in the middle of a fade
    assert spot(62) == shown and spot(63) == shown


def test_the_painted_slate_says_that_she_comes_back(tmp_path):
    scenery = composer(tmp_path)
    scenery.slate(True)
    scenery.settle()
    for tick in range(20):
        picture = scenery.compose(tick, None, "", 0)
    assert "主播稍后回来" in scenery.texts
    words = picture.y[150:260]
    assert (words > 200).sum() > 800
    assert np.median(words) < 120
