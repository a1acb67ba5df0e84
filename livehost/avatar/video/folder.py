"""Write the folder of a filmed host, as every renderer loads it.

In:  plate, track, mouth; the film is there already.   Out: files, sealed by their hashes.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from shutil import copyfile

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.folder import about, save_png
from livehost.avatar.likeness import LikenessKeys
from livehost.avatar.load import MANIFEST
from livehost.avatar.loop import Track, write_track
from livehost.avatar.making import Asked
from livehost.avatar.photo.folder import SHAPES
from livehost.avatar.photo.sheet import Drawn
from livehost.avatar.seal import seal
from livehost.avatar.video.footage import FPS
from livehost.avatar.video.pose import Box
from livehost.errors import ConfigError
from livehost.table import toml_string

FILM = "loop.mp4"
PERSON = "Made from a video of a person by livehost on {on}; the inside of the mouth is drawn."
NOBODY = "Made by livehost on {on} from a video of nobody real; the inside of the mouth is drawn."


def write(
    folder: Path,
    asked: Asked,
    likeness: LikenessKeys,
    plate: NDArray[np.uint8],
    frame: Box,
    track: Track,
    mouth: Drawn,
) -> None:
    """Write everything that `load_avatar` wants, beside `FILM`.

    Args:
        plate: (H, W, 3) RGB.
        frame: what of it fills an upright stream.

    Raises:
        ConfigError: it cannot be written.
    """
    opaque = np.full(plate.shape[:2], 255, np.uint8)
    try:
        save_png(folder / "plate.png", np.dstack([plate[..., ::-1], opaque]))
        save_png(folder / "mouth_mask.png", mouth.mask)
        (folder / "mouth.onnx").write_bytes(mouth.model)
        write_track(folder / "track.npz", track)
        copyfile(SHAPES, folder / "shapes.json")
        text = _manifest(asked, likeness, frame, len(track.camera), mouth)
        (folder / MANIFEST).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error.strerror}") from error
    seal(folder)


def _manifest(asked: Asked, likeness: LikenessKeys, frame: Box, frames: int, mouth: Drawn) -> str:
    told = NOBODY if likeness.declared == "ai-generated" else PERSON
    coefs = ", ".join(toml_string(name) for name in mouth.coefs)
    return "\n".join([
        *about(asked, likeness, told.format(on=f"{date.today():%Y-%m-%d}")),
        "[frame]",
        f"x = {frame[0]}",
        f"y = {frame[1]}",
        f"width = {frame[2]}",
        f"height = {frame[3]}",
        "",
        "[loop]",
        f'file = "{FILM}"',
        'track = "track.npz"',
        f"fps = {FPS}",
        f"frames = {frames}",
        "",
        "[mouth]",
        f"box = {list(mouth.where.box)}",
        f"scale = {float(mouth.where.scale)!r}",
        'model = "mouth.onnx"',
        'mask = "mouth_mask.png"',
        f"coefs = [{coefs}]",
        "",
        "[files]",
        "",
    ])  # fmt: skip
