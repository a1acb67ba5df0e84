"""The second shipped host and his room."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from livehost.avatar.load import Avatar, load_avatar
from livehost.brain.catalog import load_catalog
from livehost.config import Room, load_toml
from livehost.stage.layout import layout
from tests.demo_shop import DEMO

HOSTS = Path(__file__).parent.parent / "avatars"


@pytest.fixture(scope="module")
def yunzhou() -> Avatar:
    return load_avatar(HOSTS / "yunzhou")


def room(folder: Path) -> Room:
    shutil.copytree(DEMO, folder, dirs_exist_ok=True)
    for name in ("jacket", "bottle", "nuts"):
        (folder / "media" / f"{name}.png").touch()
    file = folder / "evening.toml"
    return load_toml(file, Room, file=file.resolve())


def test_his_rundown_loads_and_says_who_he_is(tmp_path):
    catalog = load_catalog(room(tmp_path / "demo"))
    said = "".join(line.text for part in catalog.segments for line in part.lines)
    assert "AI生成的数字人" in said and "云舟" in said
    assert "小荷" not in said


def test_his_room_names_a_voice_that_is_there():
    evening = load_toml(DEMO / "evening.toml", Room, file=(DEMO / "evening.toml").resolve())
    assert evening.near(Path(evening.voice.name)).is_file()
    assert evening.near(evening.avatar.path).resolve() == (HOSTS / "yunzhou").resolve()
    assert evening.scene.studio == "walnut"


def test_he_loads_with_the_shapes_of_the_first_host(yunzhou):
    first = load_avatar(HOSTS / "xiaohe")
    assert yunzhou.mouth.coefs == first.mouth.coefs and yunzhou.eyes.coefs == first.eyes.coefs
    assert set(yunzhou.visemes) == set(first.visemes)
    assert set(yunzhou.emotions) == set(first.emotions)


def test_his_frame_holds_him(yunzhou):
    frame = yunzhou.frame
    height, width = yunzhou.plate.shape[:2]
    assert frame.x + frame.width <= width and frame.y + frame.height <= height
    crown = int(np.nonzero(yunzhou.plate[..., 3].max(1) > 128)[0][0])
    assert frame.y < crown < frame.y + frame.height // 4
    assert layout(720, 1280).upright


def test_his_mouth_and_eyes_lie_on_his_face(yunzhou):
    for region in (yunzhou.mouth, yunzhou.eyes):
        x, y, wide, high = region.box
        assert yunzhou.plate[y : y + high, x : x + wide, 3].mean() > 0.75 * 255
        shown = np.nonzero(region.mask > 128)
        assert len(shown[0]) > 0.2 * region.mask.size
        edge = np.concatenate([region.mask[[0, -1]].ravel(), region.mask[:, [0, -1]].ravel()])
        assert edge.max() < 16  # the seam is soft on every side


def test_his_collar_stays_with_the_shoulders(yunzhou):
    weight = yunzhou.head_weight.astype(np.float32)
    top = float(weight.max())
    assert weight[560, 540] > 0.95 * top  # between the eyes
    assert weight[1200, 300] < 0.05 * top  # sleeve
    assert weight[820, 400] < 0.4 * top  # collar beside the neck
