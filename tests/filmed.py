"""A filmed host without a person: the shipped one's plate, moved in a way that is known exactly."""

import shutil
from pathlib import Path

import cv2
import numpy as np

from livehost.avatar import load_avatar
from livehost.avatar.loop import SHADES, Track, write_track
from livehost.avatar.video import film
from livehost.models import sha256

XIAOHE = Path(__file__).parents[1] / "avatars" / "xiaohe"
SIZE = (360, 640)
FRAMES = 50
SCALE, LEFT, TOP = 5 / 12, 126, 117
"""Film pixels per plate pixel, and the plate's corner of the film: the mouth has whole pixels."""


def motion(index, frames=FRAMES):
    """The 2x3 matrix of a head that sways: plate pixels to film pixels."""
    turn = 2 * np.pi * index / frames
    matrix = cv2.getRotationMatrix2D((180, 210), 2.5 * np.sin(turn), 1 + 0.02 * np.cos(turn))
    matrix[:, 2] += 6 * np.sin(turn), 4 * np.cos(turn)
    return matrix


def scenery(size):
    """A wall with something on it, so that a shift can be seen everywhere."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    wall = 120 + 30 * np.sin(x / 23) * np.cos(y / 31)
    return np.dstack([wall + 15, wall, wall - 15])


def portrait(avatar, size=SIZE):
    """The plate before a wall, as the stream frames it."""
    small = cv2.resize(avatar.plate, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA)
    left, top = LEFT * SCALE, TOP * SCALE
    matrix = np.array([[1, 0, -left], [0, 1, -top]])
    placed = cv2.warpAffine(small, matrix, size, flags=cv2.INTER_CUBIC).astype(np.float32)
    alpha = placed[..., 3:] / 255
    return (placed[..., :3] * alpha + scenery(size) * (1 - alpha) + 0.5).astype(np.uint8)


def moved(picture, matrix):
    """A picture whose pixel corners, not centres, go where the matrix says."""
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(
        picture, centred, picture.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def mouth_box(avatar):
    x, y, width, height = avatar.mouth.box
    box = ((x - LEFT) * SCALE, (y - TOP) * SCALE, width * SCALE, height * SCALE)
    return tuple(round(side) for side in box)


def mouth_scale(avatar):
    """Return the scale at which both sides of the box round to those of the mask."""
    rows, columns = avatar.mouth.mask.shape
    _, _, width, height = mouth_box(avatar)
    least = max((columns - 0.5) / width, (rows - 0.5) / height)
    most = min((columns + 0.5) / width, (rows + 0.5) / height)
    return (least + most) / 2


def make(folder, size=SIZE, frames=FRAMES, shade=0.0, seen=1.0):
    """Write a whole avatar with a loop into `folder`."""
    avatar = load_avatar(XIAOHE)
    folder.mkdir(parents=True)
    plate = portrait(avatar, size)
    pictures = (moved(plate, motion(n, frames)) for n in range(frames))
    assert film.write(pictures, folder / "loop.mp4") == frames
    camera = np.zeros((frames, 2, 4), np.float32)
    for n in range(frames):
        camera[n][:, [0, 1, 3]] = motion(n, frames)
    write_track(
        folder / "track.npz",
        Track(
            camera,
            np.zeros((4, 4), np.float32),
            np.full((frames, SHADES, SHADES, 3), shade, np.float32),
            np.full(frames, seen, np.float32),
        ),
    )
    rgba = np.dstack([plate[..., ::-1], np.full(plate.shape[:2], 255, np.uint8)])
    cv2.imwrite(str(folder / "plate.png"), rgba)
    for name in ("mouth.sums.onnx", "mouth_mask.png", "shapes.json"):
        shutil.copy(XIAOHE / name, folder / name)
    write_manifest(folder, avatar, size, frames)
    return folder


def write_manifest(folder, avatar, size, frames):
    box = mouth_box(avatar)
    files = sorted(path.name for path in folder.iterdir() if path.name != "avatar.toml")
    sums = "".join(f'"{name}" = "{sha256(folder / name)}"\n' for name in files)
    (folder / "avatar.toml").write_text(
        f"""name = "filmed"
kind = "ai"
licence = "CC0-1.0"

[frame]
x = 0
y = 0
width = {size[0]}
height = {size[1]}

[loop]
fps = 25
frames = {frames}

[mouth]
box = {list(box)}
scale = {mouth_scale(avatar)}
model = "mouth.sums.onnx"
mask = "mouth_mask.png"
coefs = {list(avatar.mouth.coefs)}

[files]
{sums}""".replace("'", '"'),
        "utf-8",
    )
