"""Write an avatar folder, as every renderer loads it.

In:  a plate, its depth and weights, the decoders.   Out: files, sealed by their hashes.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copyfile

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.folder import about, save_png
from livehost.avatar.likeness import LikenessKeys
from livehost.avatar.load import MANIFEST
from livehost.avatar.making import Asked
from livehost.avatar.photo import marks
from livehost.avatar.photo.plate import BEHIND, CAMERA, Plate
from livehost.avatar.photo.sheet import Drawn
from livehost.avatar.seal import seal

F64 = NDArray[np.float64]

SHAPES = Path(__file__).with_name("shapes.json")
FACE_Z = 1.2  # units that the face lies before the basis's origin
PERSON = "Made on {on} by livehost from one photo of a person; the mouth's inside is drawn."
NOBODY = "Made on {on} by livehost from a picture of nobody real; the mouth's inside is drawn."


def write(
    folder: Path,
    asked: Asked,
    likeness: LikenessKeys,
    plate: Plate,
    maps: tuple[F64, F64, F64],
    regions: tuple[Drawn, ...],
    motion: float,
) -> None:
    """Write everything that `load_avatar` wants.

    Args:
        motion: share of the head's usual motion that the picture bears.
        maps: distance from the camera; head weight; what a breath moves. The last one is kept
            only where the background is.
    """
    deep, weight, torso = maps
    save_png(folder / "plate.png", plate.rgba[..., [2, 1, 0, 3]])
    near, far = float(deep.min()) - 0.01, float(deep.max()) + 0.01
    steps = np.rint((deep - near) / (far - near) * 65_534).astype(np.uint16) + 1
    steps[plate.rgba[..., 3] == 0] = 0
    save_png(folder / "depth.png", steps)
    save_png(folder / "headweight.png", _grey(weight))
    if asked.background == "keep":
        save_png(folder / "torso.png", _grey(torso))
    for region in regions:
        (folder / f"{region.name}.onnx").write_bytes(region.model)
        save_png(folder / f"{region.name}_mask.png", region.mask)
    copyfile(SHAPES, folder / "shapes.json")
    about = _about(asked, likeness, motion)
    text = "\n".join([*about, *_measures(plate, (near, far), regions), "[files]", ""])
    (folder / MANIFEST).write_text(text, "utf-8")
    seal(folder)


def _about(asked: Asked, likeness: LikenessKeys, motion: float) -> list[str]:
    """Return the manifest's lines on who it is."""
    told = NOBODY if likeness.declared == "ai-generated" else PERSON
    kept = ['torso = "torso.png"  # 255 rises with a breath'] * (asked.background == "keep")
    share = f"motion = {motion}  # share of the head's usual motion that the photo bears"
    return about(asked, likeness, told.format(on=likeness.on), *kept, share)


def _measures(plate: Plate, reach: tuple[float, float], regions: tuple[Drawn, ...]) -> list[str]:
    """Return the manifest's lines on where things are."""
    x, y, width, height = plate.frame
    middle = float(plate.landmarks[list(marks.OVAL), 0].mean())
    return [
        *("[frame]", f"x = {x}", f"y = {y}", f"width = {width}", f"height = {height}", ""),
        *("[depth]  # units of 10 cm", f"near = {reach[0]:.4f}", f"far = {reach[1]:.4f}", ""),
        "[camera]",
        f"focal_px = {plate.unit * (CAMERA - FACE_Z):.3f}",
        *(f"cx = {middle:.2f}", f"cy = {plate.chin:.2f}", "cam_y = 0.0", f"cam_z = {CAMERA}"),
        f"pivot = [0.0, 0.1, {BEHIND}]",
        "",
        *(line for region in regions for line in (*_region(region), "")),
    ]


def _region(region: Drawn) -> list[str]:
    coefs = ", ".join(f'"{name}"' for name in region.coefs)
    return [
        f"[{region.name}]",
        f"box = {list(region.where.box)}",
        f"scale = {float(region.where.scale)!r}",
        f'model = "{region.name}.onnx"',
        f'mask = "{region.name}_mask.png"',
        f"coefs = [{coefs}]",
    ]


def _grey(share: F64) -> NDArray[np.uint8]:
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)
