"""How a host looks, measured on her own pictures: `python -m benchmarks.looks [--avatar FOLDER]`.

In:  an avatar.   Out: JSON: flicker, contours of shut lips, sharpness, colour at the borders, grain
of shut lids, the brightest crease of a smile.

flicker: pictures of a mouth that moves for 0.6 s; how much each pixel's change changes, over how
much it changes. Even motion comes to little, noise to 1.73 (the root of three).
contours: dark lines down the middle of shut lips: one, or the lips are drawn twice.
sharpness: detail of the decoded mouth at rest over that of the plate in the same place.
border: levels of luma by which decoded and plate differ where they meet, over all visemes.
grain: standard deviation, in levels of luma, of what is finer than a fold on the skin of shut lids.
crease: levels of luma by which an upright line on a smiling cheek is brighter than beside it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from livehost.avatar import Avatar, Region, load_avatar
from livehost.media import BLENDSHAPES, SHAPE, Face, Quality
from livehost.stage.render import make_renderer
from livehost.stage.render.texture import View, view

F32 = NDArray[np.float32]

SIZE = (1080, 1920)
TICKS = 15
MOVES = {
    "open": {"jawOpen": 0.6, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3},
    "smile": {"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6, "jawOpen": 0.15},
    "round": {"mouthPucker": 0.7, "mouthFunnel": 0.3, "jawOpen": 0.2},
}
SHUT = ("m", "b", "p")
DARK_LINE, BESIDE = 24.0, 8  # levels, and pixels to both sides: narrower than any shadow
NEAR = 40  # pixels from the lips' line in which another one would be theirs, not the nose's
EDGE = (0.02, 0.15)  # of the mask: where the decoded picture begins to count
SHUT_EYES = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
COVERED, WHITES = 15.0, 31  # levels that a lid changes; pixels of white that are as light as skin
DARK, LASHES = 0.8, 9  # of the skin's luma: lashes and what is so near them, pixels
CHEEK = (0.22, 0.62)  # of the mouth's box: the width from its sides, and its height from the top
LINE = 31  # pixels that a crease is narrower than


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--avatar", type=Path, default=Path("avatars/xiaohe"))
    given = parser.parse_args()
    result = {"machine": machine.facts(), "looks": measure(load_avatar(given.avatar))}
    print(json.dumps(result, indent=2))


def measure(avatar: Avatar) -> dict[str, Any]:
    """Return all measures of an avatar at 1080x1920."""
    return {
        "flicker": {name: round(flicker(avatar, shapes), 3) for name, shapes in MOVES.items()},
        "contours": {name: contours(avatar, name) for name in SHUT if name in avatar.visemes},
        "sharpness": round(sharpness(avatar), 3),
        "border": border(avatar),
        "grain": None if avatar.eyes is None else round(grain(avatar), 2),
        "crease": round(crease(avatar), 1),
    }


def flicker(avatar: Avatar, shapes: dict[str, float]) -> float:
    """Return the change of change over the change, while the mouth goes to `shapes`."""
    film = [_mouth(avatar, picture) for picture in _film(avatar, _ramp(shapes))]
    pictures = np.stack(film)
    first, second = np.diff(pictures, axis=0), np.diff(pictures, 2, axis=0)
    return float(np.sqrt(np.mean(second**2) / np.mean(first**2)))


def contours(avatar: Avatar, viseme: str) -> int:
    """Return the dark lines down the middle of a mouth that says `viseme`."""
    (picture,) = _film(avatar, [avatar.visemes[viseme]])
    mouth = _mouth(avatar, picture)
    middle = mouth.shape[1] // 2
    profile = np.asarray(mouth[:, middle - 4 : middle + 5].mean(1), np.float32)
    at = int(np.argmax(_depth(profile))) + BESIDE
    return dark_lines(profile[max(0, at - NEAR) : at + NEAR])


def dark_lines(profile: F32) -> int:
    """Return how often a profile is `DARK_LINE` levels darker than on both sides of it."""
    dark = _depth(profile) > DARK_LINE
    return int(np.count_nonzero(np.diff(np.concatenate([[False], dark]).astype(np.int8)) > 0))


def _depth(profile: F32) -> F32:
    """Return how much darker each value is than both values `BESIDE` it."""
    sides = np.minimum(profile[: -2 * BESIDE], profile[2 * BESIDE :])
    return np.asarray(sides - profile[BESIDE:-BESIDE], np.float32)


def sharpness(avatar: Avatar) -> float:
    """Return the energy of the decoded mouth's gradients at rest over the plate's."""
    (drawn,) = _film(avatar, [avatar.visemes["sil"]])
    plate = make_renderer(avatar, *SIZE).render(_face(avatar.visemes["sil"]), Quality.PLATE)
    detail = [_detail(_mouth(avatar, picture)) for picture in (drawn, plate.picture.y)]
    return float(detail[0] / detail[1])


def border(avatar: Avatar) -> dict[str, float]:
    """Return mean and 99th percentile of the step, in levels, at the edge of mouth and eyes."""
    plate = _film(avatar, [avatar.visemes["sil"]], Quality.PLATE)[0].astype(np.float32)
    steps = []
    for picture in _film(avatar, list(avatar.visemes.values())):
        change = np.abs(cv2.blur(picture.astype(np.float32) - plate, (5, 5)))
        steps += [_at(avatar, region, change) for region in _regions(avatar)]
    every = np.concatenate(steps)
    return {
        "mean": round(float(every.mean()), 3),
        "p99": round(float(np.percentile(every, 99)), 3),
    }


def grain(avatar: Avatar) -> float:
    """Return the grain of the skin of shut lids.

    Raises:
        ValueError: the avatar has no eyes.
    """
    if avatar.eyes is None:
        raise ValueError("the avatar has no eyes to shut")
    film = _film(avatar, [avatar.visemes["sil"], _shapes(SHUT_EYES)])
    opened, shut = (_part(avatar, avatar.eyes, picture) for picture in film)
    lids = cv2.morphologyEx(
        (np.abs(shut - opened) > COVERED).astype(np.uint8),
        cv2.MORPH_CLOSE,
        np.ones((WHITES, WHITES)),
    )
    bare = (lids > 0) & (shut > DARK * np.median(shut))
    skin = cv2.erode(bare.astype(np.uint8), np.ones((LASHES, LASHES), np.uint8)) > 0
    return float((shut - cv2.GaussianBlur(shut, (0, 0), 2))[skin].std())


def crease(avatar: Avatar) -> float:
    """Return the brightest crease of the widest smile among the emotions, against a still face."""
    wide = SHAPE["mouthSmileLeft"]
    smile = max(avatar.emotions.values(), key=lambda shapes: float(shapes[wide]))
    rest, smiling = (
        _lines(_mouth(avatar, p)) for p in _film(avatar, [avatar.visemes["sil"], smile])
    )
    height, width = rest.shape
    aside, down = round(CHEEK[0] * width), round(CHEEK[1] * height)
    change = (smiling - rest)[:down]
    return float(max(change[:, :aside].max(), change[:, -aside:].max()))


def _lines(picture: F32) -> F32:
    """Return by how much narrow upright lines are brighter than what is beside them."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 2)
    return np.asarray(
        smooth - cv2.morphologyEx(smooth, cv2.MORPH_OPEN, np.ones((1, LINE))), np.float32
    )


# --- pictures -------------------------------------------------------------------------------------


def _film(
    avatar: Avatar, film: list[F32], quality: Quality = Quality.FULL
) -> list[NDArray[np.uint8]]:
    """Return the luma of each face, head still, all of one size and place."""
    renderer = make_renderer(avatar, *SIZE)
    return [renderer.render(_face(shapes), quality).picture.y.copy() for shapes in film]


def _face(shapes: F32) -> Face:
    return Face(np.asarray(shapes, np.float32))


def _shapes(named: dict[str, float]) -> F32:
    goal = np.zeros(len(BLENDSHAPES), np.float32)
    for name, value in named.items():
        goal[SHAPE[name]] = value
    return goal


def _ramp(shapes: dict[str, float]) -> list[F32]:
    goal = _shapes(shapes)
    return [goal * np.float32(tick / TICKS) for tick in range(TICKS)]


def _regions(avatar: Avatar) -> list[Region]:
    return [region for region in (avatar.mouth, avatar.eyes) if region]


def _mouth(avatar: Avatar, picture: NDArray[np.uint8]) -> F32:
    """Return the part of a picture that the mouth's decoder draws."""
    return _part(avatar, avatar.mouth, picture)


def _part(avatar: Avatar, region: Region, picture: NDArray[np.uint8]) -> F32:
    left, top, width, height = _box(avatar, region)
    return picture[top : top + height, left : left + width].astype(np.float32)


def _at(avatar: Avatar, region: Region, change: F32) -> F32:
    """Return the change at the faint edge of a region's mask."""
    left, top, width, height = _box(avatar, region)
    mask = cv2.resize(region.mask, (width, height)) / 255
    ring = (mask > EDGE[0]) & (mask < EDGE[1])
    return np.asarray(change[top : top + height, left : left + width][ring], np.float32)


def _box(avatar: Avatar, region: Region) -> tuple[int, int, int, int]:
    """Return where a region lies in the layer's planes."""
    frame: View = view(avatar, *SIZE)
    layer = make_renderer(avatar, *SIZE).render(_face(avatar.visemes["sil"]), Quality.PLATE)
    x, y, width, height = region.box
    left = round((x - frame.x) * frame.scale) - layer.left
    top = round((y - frame.y) * frame.scale) - layer.top
    return left, top, round(width * frame.scale), round(height * frame.scale)


def _detail(picture: F32) -> float:
    across, down = np.diff(picture, axis=1), np.diff(picture, axis=0)
    return float(np.mean(across**2) + np.mean(down**2))


if __name__ == "__main__":
    main()
