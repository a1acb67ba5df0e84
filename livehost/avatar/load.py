"""Load an avatar folder and check everything in it.

In:  a folder with avatar.toml.   Out: an `Avatar`, or a ConfigError that says what is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from livehost.avatar.likeness import likeness_consent
from livehost.avatar.loop import Loop, load_loop
from livehost.avatar.manifest import DepthKeys, Manifest, RegionKeys, Shapes
from livehost.config import load_toml
from livehost.consent import Consent
from livehost.errors import ConfigError
from livehost.media import BLENDSHAPES, SHAPE
from livehost.models import verify

MANIFEST = "avatar.toml"
REQUIRED_EMOTIONS = ("neutral", "friendly_smile")


@dataclass(frozen=True, slots=True)
class Camera:
    """The pinhole camera of the plate, in scene units (x image right, y up, z to the camera).

    A point projects to `cx + X * focal_px / depth`, `cy - (Y - cam_y) * focal_px / depth` with
    `depth = cam_z - Z`.
    """

    focal_px: float
    cx: float
    cy: float
    cam_y: float
    cam_z: float
    pivot: tuple[float, float, float]


NO_CAMERA = Camera(1.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Framing:
    """The box of the plate, in plate pixels, that fills a 9:16 stream.

    `width` always fills the stream's width; another aspect shows more or less below `y`.
    """

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the plate that a decoder draws.

    Attributes:
        box: x, y, width, height in plate pixels.
        model: ONNX file for CPUs, input "coefs" [1, n] float32, output "rgb" [1, 3, h, w] float32
            in 0..1, or "yuv" [1, 3 h / 2, w] uint8: I420, bt709 limited range.
        coefs: the n blendshapes it takes, in order.
        scale: decoder pixels per plate pixel.
        mask: (h, w) uint8, how much of the decoder's picture covers the plate; soft edge.
        precise: the decoder that `model` stands for, in float32, output "rgb"; for accelerators.
    """

    box: tuple[int, int, int, int]
    model: Path
    coefs: tuple[str, ...]
    scale: float
    mask: NDArray[np.uint8]
    precise: Path


@dataclass(frozen=True, slots=True)
class Avatar:
    """A loaded and checked avatar.

    Attributes:
        plate: (H, W, 4) uint8 RGBA, straight alpha.
        depth: (H, W) float32, distance from the camera along its axis; inf is background. Flat
            where the manifest has none: heads in a loop turn by themselves.
        head_weight: (H, W) uint8, 255 moves rigidly with the head, 0 stays.
        torso: (H, W) uint8, 255 rises with a breath; None: all that does not move with the head.
        motion: share of the head's usual motion that the plate bears.
        consent: of the person whose face it is, to be asked while it is shown; None: nobody's.
        eyes: None when the eyes are the film's.
        visemes, emotions: (53,) float32 targets, ordered as `BLENDSHAPES`.
        ipa: phone to the visemes it passes through.
    """

    name: str
    kind: str
    folder: Path
    plate: NDArray[np.uint8]
    depth: NDArray[np.float32]
    head_weight: NDArray[np.uint8]
    camera: Camera
    mouth: Region
    eyes: Region | None
    visemes: dict[str, NDArray[np.float32]]
    emotions: dict[str, NDArray[np.float32]]
    ipa: dict[str, tuple[str, ...]]
    frame: Framing
    loop: Loop | None = None
    torso: NDArray[np.uint8] | None = None
    motion: float = 1.0
    consent: Consent | None = None


def load_avatar(folder: Path, room: str = "") -> Avatar:
    """Load the avatar in `folder`.

    Args:
        room: whose host it is to be; a consent may name rooms. "" does not ask.

    Raises:
        ConfigError: a file is missing, changed, or does not fit the others, or the person whose
            face it is does not agree (any more); one line each.
    """
    manifest = load_toml(folder / MANIFEST, Manifest)
    consent = likeness_consent(manifest.likeness, folder, room)
    if consent:
        consent.check()
    _verify_files(folder, manifest)
    plate = _plate(folder / manifest.plate)
    size = (plate.shape[0], plate.shape[1])
    shapes = _shapes(folder / manifest.shapes)
    _check_boxes(folder, manifest, size)
    return Avatar(
        name=manifest.name,
        kind=manifest.kind,
        folder=folder,
        plate=plate,
        depth=_depth(folder / manifest.depth_map, manifest.depth, size),
        head_weight=_weight(folder, manifest, size),
        camera=Camera(**manifest.camera.model_dump()) if manifest.camera else NO_CAMERA,
        mouth=_region(folder, manifest.mouth),
        eyes=_region(folder, manifest.eyes) if manifest.eyes else None,
        visemes={name: dense(sparse) for name, sparse in shapes.visemes.items()},
        emotions={name: dense(sparse) for name, sparse in shapes.emotions.items()},
        ipa=shapes.ipa,
        frame=Framing(**manifest.frame.model_dump()),
        loop=load_loop(folder, manifest.loop) if manifest.loop else None,
        torso=_grey(folder / manifest.torso, size) if manifest.torso else None,
        motion=manifest.motion,
        consent=consent,
    )


def face_consent(folder: Path, room: str = "") -> Consent | None:
    """Return the consent behind the face of an avatar that is not loaded; None when none is needed.

    Raises:
        ConfigError: there is no avatar in `folder`.
    """
    return likeness_consent(load_toml(folder / MANIFEST, Manifest).likeness, folder, room)


def dense(sparse: dict[str, float]) -> NDArray[np.float32]:
    """Return (53,) float32 from blendshape weights by name; missing ones are 0."""
    out = np.zeros(len(BLENDSHAPES), np.float32)
    for name, weight in sparse.items():
        out[SHAPE[name]] = weight
    return out


def _verify_files(folder: Path, manifest: Manifest) -> None:
    problems = []
    for name in manifest.named():
        if name not in manifest.files:
            problems.append(f"{folder / MANIFEST}: files: {name} has no sha256")
            continue
        try:
            verify(_inside(folder, name), manifest.files[name])
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(*problems)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{folder / MANIFEST}: {name} lies outside the avatar's folder")
    return path


def _read(path: Path) -> NDArray[np.generic]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ConfigError(f"{path}: is not a picture that can be read")
    return np.asarray(picture)


def _plate(path: Path) -> NDArray[np.uint8]:
    picture = _read(path)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 4:
        raise ConfigError(f"{path}: must be an 8-bit RGBA picture (is {_form(picture)})")
    return np.ascontiguousarray(picture[..., [2, 1, 0, 3]]).astype(np.uint8, copy=False)


def _grey(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    picture = _read(path)
    if picture.dtype != np.uint8 or picture.shape != size:
        raise ConfigError(f"{path}: must be 8-bit grey of {_wide(size)} (is {_form(picture)})")
    return picture.astype(np.uint8, copy=False)


def _weight(folder: Path, manifest: Manifest, size: tuple[int, int]) -> NDArray[np.uint8]:
    if manifest.loop:
        return np.zeros(size, np.uint8)
    return _grey(folder / manifest.headweight, size)


def _depth(path: Path, keys: DepthKeys | None, size: tuple[int, int]) -> NDArray[np.float32]:
    if keys is None:
        return np.ones(size, np.float32)
    if keys.far <= keys.near:
        raise ConfigError(f"{path.parent / MANIFEST}: depth.far: must be above depth.near")
    picture = _read(path)
    if picture.dtype != np.uint16 or picture.shape != size:
        raise ConfigError(f"{path}: must be 16-bit grey of {_wide(size)} (is {_form(picture)})")
    if not picture.any():
        raise ConfigError(f"{path}: is empty: every pixel is background")
    steps = (picture.astype(np.float32) - 1) / 65_534
    distance = keys.near + steps * (keys.far - keys.near)
    return np.where(picture == 0, np.inf, distance).astype(np.float32)


def _region(folder: Path, keys: RegionKeys) -> Region:
    width, height = (round(side * keys.scale) for side in keys.box[2:])
    mask = _grey(folder / keys.mask, (height, width))
    model, precise = folder / keys.model, folder / (keys.precise or keys.model)
    return Region(keys.box, model, keys.coefs, keys.scale, mask, precise)


def _shapes(path: Path) -> Shapes:
    try:
        shapes = Shapes.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(f"{path}: {where or 'file'}: {said}") from error
    lost = sorted({v for row in shapes.ipa.values() for v in row} - set(shapes.visemes))
    missing = [name for name in REQUIRED_EMOTIONS if name not in shapes.emotions]
    if lost or missing or "sil" not in shapes.visemes:
        what = f"visemes {lost}" if lost else f"emotions {missing}" if missing else "viseme sil"
        raise ConfigError(f"{path}: missing {what}")
    return shapes


def _check_boxes(folder: Path, manifest: Manifest, size: tuple[int, int]) -> None:
    frame = manifest.frame
    boxes = {
        "frame": (frame.x, frame.y, frame.width, frame.height),
        "mouth.box": manifest.mouth.box,
    }
    if manifest.eyes:
        boxes["eyes.box"] = manifest.eyes.box
    outside = [
        f"{folder / MANIFEST}: {key}: reaches outside the plate of {_wide(size)}"
        for key, (x, y, width, height) in boxes.items()
        if x + width > size[1] or y + height > size[0]
    ]
    if outside:
        raise ConfigError(*outside)


def _wide(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"


def _form(picture: NDArray[np.generic]) -> str:
    return f"{picture.dtype} of shape {picture.shape}"
