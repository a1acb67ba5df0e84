"""Packs what was rendered: samples to train on, and the avatar's folder.

In:  a host, its work folder.   Out: WORK/samples/mouth, WORK/samples/eyes, WORK/avatar.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.camera import PlateCamera
from livehost.avatar.recipe.depth import HAIR
from livehost.avatar.recipe.host import Host, RegionKeys
from livehost.avatar.recipe.mesh import PACKAGE
from livehost.avatar.recipe.plate import (
    U8,
    PlateMaps,
    compose_plate,
    encode_depth,
    load_camera,
    plate_maps,
    read_graded,
)
from livehost.avatar.recipe.samples import Renders, Shown, contact_sheet, pack_region
from livehost.avatar.recipe.sampling import (
    EYES_SHAPES,
    MOUTH_SHAPES,
    eyes_samples,
    load_targets,
    mouth_samples,
)
from livehost.avatar.seal import HEADER, seal
from livehost.errors import ConfigError

REGIONS = ("mouth", "eyes")
_UNSEALED = "0" * 64


@dataclass(frozen=True, slots=True)
class Depths:
    """Distances of the least and greatest value of depth.png."""

    near: float
    far: float


def pack(host: Host, folder: Path) -> None:
    """Write samples, plate and maps.

    Raises:
        ConfigError: something is not rendered yet.
    """
    avatar = folder / "avatar"
    avatar.mkdir(parents=True, exist_ok=True)
    plate = compose_plate(folder / "plate", host.grade)
    _write(avatar / "plate.png", plate)
    camera = load_camera(folder / "plate" / "camera.json")
    maps = plate_maps(folder / "plate" / "depth.npz", plate, camera, host.neck)
    depths = _pack_maps(folder, maps)
    _pack_samples(host, folder, plate, maps.label == HAIR)
    text = manifest(host, camera, depths, _models(avatar))
    (avatar / "avatar.toml").write_text(text, "utf-8")
    (avatar / "NOTICE.md").write_text(notice(host), "utf-8")
    (avatar / "shapes.json").write_bytes(host.shapes.read_bytes())


def finish(host: Host, folder: Path) -> bool:
    """Name the decoders that lie in WORK/avatar in its manifest and seal it; False without any.

    Raises:
        ConfigError: the folder is not packed yet.
    """
    avatar = folder / "avatar"
    models = _models(avatar)
    if not all((avatar / f"{region}.onnx").exists() for region in REGIONS):
        return False
    path = avatar / "avatar.toml"
    if not path.exists():
        raise ConfigError(f"{path}: is missing; run --stage pack")
    camera = load_camera(folder / "plate" / "camera.json")
    depths = Depths(**json.loads((folder / "plate" / "depths.json").read_text("utf-8")))
    path.write_text(manifest(host, camera, depths, models), "utf-8")
    seal(avatar)
    return True


def _pack_maps(folder: Path, maps: PlateMaps) -> Depths:
    depth, near, far = encode_depth(maps.depth)
    _write(folder / "avatar" / "depth.png", depth)
    weight = np.clip(maps.weight * 255 + 0.5, 0, 255).astype(np.uint8)
    _write(folder / "avatar" / "headweight.png", weight)
    (folder / "plate" / "depths.json").write_text(json.dumps({"near": near, "far": far}), "utf-8")
    return Depths(near, far)


def _pack_samples(host: Host, folder: Path, plate: U8, hair: NDArray[np.bool_]) -> None:
    targets = load_targets(host.shapes)
    lists = {
        "mouth": (mouth_samples(targets, host.mouth), host.mouth, MOUTH_SHAPES),
        "eyes": (eyes_samples(targets, host.eyes_region), host.eyes_region, EYES_SHAPES),
    }
    for name, (samples, keys, shapes) in lists.items():
        behind = read_graded(folder / "plate" / f"behind_{name}.png", host.grade)
        renders = Renders(samples, folder / name, host.grade)
        out = folder / "samples" / name
        fit = pack_region(renders, Shown(plate, behind, hair), keys, shapes, out)
        x, y, width, height = keys.crop
        mask = fit.mask(keys)
        _write(folder / "avatar" / f"{name}_mask.png", mask[y : y + height, x : x + width])
        _write(folder / f"{name}.png", contact_sheet(out, 81, 9))


def _models(avatar: Path) -> dict[str, str]:
    """Return the keys `model` and `precise` of each region, by the files that exist."""
    out = {}
    for region in REGIONS:
        if (avatar / f"{region}.sums.onnx").exists():
            out[region] = f'model = "{region}.sums.onnx"\nprecise = "{region}.onnx"'
        else:
            out[region] = f'model = "{region}.onnx"'
    return out


def region_box(keys: RegionKeys) -> tuple[int, int, int, int]:
    """Return the box of the crop in plate pixels."""
    x, y, width, height = (round(side / keys.scale) for side in keys.crop)
    return keys.box[0] + x, keys.box[1] + y, width, height


def manifest(host: Host, camera: PlateCamera, depths: Depths, models: dict[str, str]) -> str:
    """Return the text of avatar.toml; its hashes are written by sealing."""
    cx, cy = camera.centre
    frame = "\n".join(f"{key} = {value}" for key, value in host.frame.model_dump().items())
    regions = {"mouth": (host.mouth, MOUTH_SHAPES), "eyes": (host.eyes_region, EYES_SHAPES)}
    tables = "\n".join(
        f"[{name}]\n"
        f"box = {list(region_box(keys))}\n"
        f"scale = {keys.scale!r}\n"
        f"{models[name]}\n"
        f'mask = "{name}_mask.png"\n'
        f"coefs = {_wrapped(shapes)}\n"
        for name, (keys, shapes) in regions.items()
    )
    return f'''# After changing a file on purpose: python -m livehost.avatar.seal <this folder>
name = "{host.name}"
title = {json.dumps(host.title, ensure_ascii=False)}
kind = "ai"
licence = "{host.licence}"
provenance = """
Entirely synthetic: no person was scanned, photographed or imitated. Rendered from procedural
materials, the MakeHuman base mesh and targets, and the ARKit face units (all CC0 1.0); the
decoders were trained on renders of the same scene. See NOTICE.md."""
plate = "plate.png"            # RGBA, straight alpha, sRGB
depth_map = "depth.png"        # 16 bit, see [depth]; 0 is background
headweight = "headweight.png"  # 255 moves with the head, 0 stays
shapes = "shapes.json"         # visemes, emotions, phones

[frame]  # the part of the plate that fills a 9:16 stream
{frame}

[depth]
near = {depths.near}
far = {depths.far}

[camera]  # scene units of about 10 cm; x image right, y up, z to the camera
focal_px = {camera.focal_px:.3f}
cx = {cx}
cy = {cy:.3f}
cam_y = {camera.height}
cam_z = {camera.z}
pivot = {list(map(float, host.neck.pivot))}

{tables}
{HEADER}"plate.png" = "{_UNSEALED}"
'''


def _wrapped(names: tuple[str, ...]) -> str:
    lines, line = [], " "
    for name in names:
        word = f' "{name}",'
        if len(line) + len(word) > 98:
            lines.append(line)
            line = " "
        line += word
    return "\n".join(["[", *lines, line, "]"])


def notice(host: Host) -> str:
    """Return the text of NOTICE.md: what the host is and where it comes from."""
    return f"""# {host.name} ({host.title})

An AI avatar, entirely synthetic: no real person was scanned, photographed or imitated.

* The plate, depth, head weights, masks, shape targets and decoders in this folder are dedicated to
  the public domain under CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/).
* Source geometry: MakeHuman base mesh and targets and ARKit face units, CC0 1.0, as packaged in
  {PACKAGE.replace("==", " ")} (its code, Apache-2.0, is not used).
* Rendered with Blender Cycles (GPL), a build-time tool that leaves no licence on its output.
* The decoders (mouth.onnx, eyes.onnx) are trained from scratch on renders of this scene only;
  docs/avatar-training.md has the training, docs/recipe.md the rest.

Streams that show this host carry the label "AI生成 · 数字人".
"""


def _write(path: Path, picture: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
