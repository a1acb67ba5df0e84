"""Puts the plate together from its renders, and its maps beside it.

In:  raw renders of head and body, measured depth.   Out: plate, depth, head weight as arrays.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.camera import PlateCamera
from livehost.avatar.recipe.depth import OUTFIT, TOP, head_weight
from livehost.avatar.recipe.host import PLATE, Grade, Neck
from livehost.avatar.recipe.stages import BODY, HEAD
from livehost.errors import ConfigError

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
_LUMA = np.array([0.114, 0.587, 0.299], np.float32)  # of blue, green, red
_FEATHER = 30  # of the head's edge over the body, and 41 of blur
CLOTHES = (TOP, OUTFIT)
_TYPICAL = 22.5  # distance at which background pixels are thought


def read_graded(path: Path, grade: Grade) -> U8:
    """Return a render (h, w, 4) BGRA with the last touch of colour.

    Raises:
        ConfigError: it is missing.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise ConfigError(f"{path}: is missing; run the stage that renders it")
    curve = np.clip(255 * (np.arange(256) / 255) ** grade.gamma + 0.5, 0, 255).astype(np.uint8)
    colour = curve[picture[..., :3]].astype(np.float32)
    grey = (colour @ _LUMA)[..., None]
    vivid = np.clip(grey + (colour - grey) * np.float32(grade.saturation) + 0.5, 0, 255)
    return np.concatenate([vivid.astype(np.uint8), picture[..., 3:]], 2)


def compose_plate(folder: Path, grade: Grade) -> U8:
    """Return the plate (1920, 1080, 4) BGRA, straight alpha: the fine head over the body."""
    whole = _placed(read_graded(folder / "body.png", grade), BODY)
    head = _placed(read_graded(folder / "head.png", grade), HEAD)
    share = _head_share()
    whole = whole * (1 - share) + head * share
    alpha = whole[..., 3:]
    straight = np.where(alpha > 0, whole[..., :3] / np.maximum(alpha / 255, 1e-4), 0)
    plate = np.clip(np.concatenate([straight, alpha], 2) + 0.5, 0, 255).astype(np.uint8)
    return _bled(plate)


def _placed(picture: U8, box: tuple[int, int, int, int]) -> F32:
    """Return a picture on an empty plate, premultiplied."""
    x, y, width, height = box
    if picture.shape[:2] != (height, width):
        raise ConfigError(f"a render of {picture.shape[1::-1]} pixels must be {(width, height)}")
    out = np.zeros((PLATE[1], PLATE[0], 4), np.float32)
    out[y : y + height, x : x + width] = picture
    out[..., :3] *= out[..., 3:] / 255
    return out


def _head_share() -> F32:
    """Return (1920, 1080, 1): where the head's render is used; hard at the top of the hair."""
    x, y, width, height = HEAD
    share = np.zeros((PLATE[1], PLATE[0]), np.float32)
    share[y + 2 : y + height - _FEATHER, x + _FEATHER : x + width - _FEATHER] = 1
    share = np.asarray(cv2.blur(share, (41, 41)))
    share[: y + 80] = share[: y + 80] > 0
    out = np.zeros_like(share)
    out[y : y + height, x : x + width] = share[y : y + height, x : x + width]
    return out[..., None]


def _bled(plate: U8) -> U8:
    """Carry colour a little way under transparent pixels, so that filters do not darken edges."""
    hole = (plate[..., 3] < 8)[..., None]
    known = cv2.blur((plate[..., :3] * ~hole).astype(np.float32), (9, 9))
    count = cv2.blur((~hole).astype(np.float32), (9, 9))[..., None]
    spread = np.clip(known / np.maximum(count, 1e-6), 0, 255).astype(np.uint8)
    plate[..., :3] = np.where(hole & (count > 0), spread, plate[..., :3])
    return plate


def load_camera(path: Path) -> PlateCamera:
    """Read the plate's camera. Raises ConfigError when it is missing."""
    try:
        keys = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: is missing; run --stage plate") from error
    return PlateCamera(keys["px"], keys["height"], keys["middle"])


@dataclass(frozen=True, slots=True)
class PlateMaps:
    """Maps of the plate's size.

    Attributes:
        depth: distance, inf where the plate is empty.
        weight: 0..1, how much a pixel turns with the head.
        label: what a pixel shows, 0 is background.
    """

    depth: F32
    weight: F32
    label: U8


def plate_maps(path: Path, plate: U8, camera: PlateCamera, neck: Neck) -> PlateMaps:
    """Return the measured maps `path` (npz) at the plate's size, without holes.

    Raises:
        ConfigError: the file is missing.
    """
    try:
        half = np.load(path)
    except OSError as error:
        raise ConfigError(f"{path}: is missing; run --stage plate") from error
    depth = cv2.resize(half["depth"], PLATE, interpolation=cv2.INTER_NEAREST)
    weight = cv2.resize(half["weight"], PLATE, interpolation=cv2.INTER_LINEAR)
    label = cv2.resize(half["label"], PLATE, interpolation=cv2.INTER_NEAREST)
    known, visible = np.isfinite(depth), plate[..., 3] > 0
    near, holes = _nearest_known(known), visible & ~known
    depth[holes] = depth.ravel()[near[holes]]
    weight[holes] = weight.ravel()[near[holes]]
    label[holes] = label.ravel()[near[holes]]
    depth[~visible] = np.inf
    label[~visible] = 0
    rows = _row_weight(camera, neck)
    weight = np.where(visible, weight, rows)
    if neck.cloth < 1:
        weight = np.where(rows >= 1, 1, _solid_edge(weight, plate[..., 3] > 250))
        cloth = visible & np.isin(label, CLOTHES) & (rows < 1)
        weight = _held_cloth(weight, cloth, visible, neck.cloth)
    return PlateMaps(depth, weight.astype(np.float32), label)


def _solid_edge(weight: F32, opaque: NDArray[np.bool_]) -> F32:
    """Return weights whose outline has those of what is inside it."""
    core = cv2.erode(opaque.astype(np.uint8), np.ones((9, 9))).astype(np.float32)
    return np.where(core < 0.5, _mean_over(weight, core, 4, weight), weight).astype(np.float32)


def _held_cloth(
    weight: F32, cloth: NDArray[np.bool_], visible: NDArray[np.bool_], follow: float
) -> F32:
    """Return weights by which `cloth` follows the head only so far, without a jump at the neck."""
    held = np.where(cloth, weight * follow, weight)
    near = cv2.GaussianBlur(cloth.astype(np.float32), (0, 0), 10) > 0.02
    soft = _mean_over(held, visible.astype(np.float32), 7, held)
    return np.where(near, soft, weight).astype(np.float32)


def _mean_over(value: F32, share: F32, sigma: float, otherwise: F32) -> F32:
    """Return the blurred mean of `value` over `share`; `otherwise` where there is none."""
    total = cv2.GaussianBlur((value * share).astype(np.float32), (0, 0), sigma)
    count = np.asarray(cv2.GaussianBlur(share, (0, 0), sigma), np.float32)
    return np.where(count > 0.01, total / np.maximum(count, 1e-4), otherwise).astype(np.float32)


def _nearest_known(known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return for each pixel the flat index of the nearest known one."""
    empty = (~known).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.int64)
    table[labels[known]] = np.flatnonzero(known.ravel())
    return np.asarray(table[labels])


def _row_weight(camera: PlateCamera, neck: Neck) -> F32:
    """Return (1920, 1): the weight of background pixels, by their row."""
    down = np.arange(PLATE[1]) - camera.centre[1]
    height = camera.height - down / camera.focal_px * _TYPICAL
    return head_weight(height.astype(np.float32), neck)[:, None]


def encode_depth(depth: F32) -> tuple[NDArray[np.uint16], float, float]:
    """Return 16-bit depth (0 is background) and the distances of values 1 and 65535.

    Steps of the half-size map are smoothed within a surface; the low four bits, which only
    noise fills, are dropped.
    """
    known = np.isfinite(depth)
    filled = np.where(known, depth, np.median(depth[known])).astype(np.float32)
    soft = filled
    for _ in range(3):
        soft = np.asarray(cv2.bilateralFilter(soft, 9, 0.05, 3), np.float32)
    soft = np.where(known & (np.abs(soft - filled) < 0.03), soft, filled)
    near = math.floor(float(depth[known].min()) * 100) / 100
    far = max(math.ceil(float(depth[known].max()) * 100) / 100, near + 0.01)
    steps = 1 + np.round((soft - near) / (far - near) * 65534).clip(0, 65534)
    return np.where(known, steps.astype(np.uint16) // 16 * 16 + 8, 0).astype(np.uint16), near, far
