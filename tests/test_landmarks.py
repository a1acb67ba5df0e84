"""Landmarks of the shipped host, drawn by her own renderer, and of pictures without a face."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from livehost.avatar import landmarks, load_avatar
from livehost.avatar.landmarks import MISSING, POINTS, Landmarker
from livehost.colour import yuv_to_rgb
from livehost.errors import ConfigError
from livehost.media import BLENDSHAPES, SHAPE, Face, HeadPose, Quality
from livehost.stage.render import make_renderer

HOST = Path(__file__).parents[1] / "avatars" / "xiaohe"
UPPER_LIP, LOWER_LIP = 13, 14  # inner lips, middle

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mediapipe") is None, reason="MediaPipe is missing: make setup-avatar"
)


@pytest.fixture(scope="module")
def landmarker():
    with Landmarker() as landmarker:
        yield landmarker


@pytest.fixture(scope="module")
def renderer():
    return make_renderer(load_avatar(HOST), 540, 960)


def drawn(renderer, shapes=None, **pose):
    """Return (960, 540, 3) RGB of the host on grey."""
    wanted = np.zeros(len(BLENDSHAPES), np.float32)
    for name, value in (shapes or {}).items():
        wanted[SHAPE[name]] = value
    for _ in range(12):  # the head goes to its pose over some ticks
        layer = renderer.render(Face(wanted, HeadPose(**pose)), Quality.FULL)
    rgb = np.full((960, 540, 3), 190, np.float32)
    height, width = layer.alpha.shape
    part = rgb[layer.top : layer.top + height, layer.left : layer.left + width]
    share = layer.alpha[..., None] / 255
    part[:] = part * (1 - share) + yuv_to_rgb(layer.picture) * share
    return rgb.astype(np.uint8)


def test_the_host_is_found_once_looking_at_the_camera(landmarker, renderer):
    (face,) = landmarker.find(drawn(renderer))
    assert face.points.shape == (POINTS, 3)
    yaw, _, roll = face.angles
    assert abs(yaw) < 3 and abs(roll) < 3
    left, _, width, height = face.box
    assert 150 < left < left + width < 390
    assert 0.8 < height / width < 1.6


def test_blendshapes_follow_what_is_drawn(landmarker, renderer):
    (rest,) = landmarker.find(drawn(renderer))
    (wide,) = landmarker.find(drawn(renderer, {"jawOpen": 0.8}))
    (blink,) = landmarker.find(drawn(renderer, {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}))
    assert wide.scores["jawOpen"] > rest.scores["jawOpen"] + 0.25
    gap = [face.points[LOWER_LIP, 1] - face.points[UPPER_LIP, 1] for face in (rest, wide)]
    assert gap[1] > gap[0] + 8
    assert blink.scores["eyeBlinkLeft"] > rest.scores["eyeBlinkLeft"] + 0.25


@pytest.mark.parametrize(("axis", "index"), [("yaw", 0), ("pitch", 1), ("roll", 2)])
def test_angles_are_signed_as_the_head_pose_is(landmarker, renderer, axis, index):
    (one,) = landmarker.find(drawn(renderer, **{axis: -3}))
    (other,) = landmarker.find(drawn(renderer, **{axis: 3}))
    assert other.angles[index] > one.angles[index] + 2


def test_two_faces_come_largest_first(landmarker, renderer):
    head = drawn(renderer)[150:650, 90:450]
    both = np.full((500, 660, 3), 190, np.uint8)
    both[50:465, :300], both[:, 300:] = cv2.resize(head, (300, 415)), head
    first, second = landmarker.find(both)
    assert first.box[0] > 300 > second.box[0] + second.box[2]
    assert first.box[2] > 1.1 * second.box[2]


def test_no_face_is_no_face(landmarker):
    assert landmarker.find(np.full((200, 300, 3), 128, np.uint8)) == ()


def test_a_missing_package_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(landmarks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as told:
        Landmarker()
    assert str(told.value) == MISSING
    assert "\n" not in MISSING


def test_what_the_library_prints_does_not_reach_the_user():
    """In a process of its own: the library prints at its first use."""
    picture = "np.full((64, 64, 3), 90, np.uint8)"
    code = (
        "import sys, numpy as np\n"
        "from livehost.avatar.landmarks import Landmarker\n"
        f"with Landmarker() as eyes: eyes.find({picture})\n"
        "print('ours', file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stderr, ran.stdout) == ("ours\n", "")
