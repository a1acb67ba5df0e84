"""A film of the host that repeats, and where her mouth is in each of its frames.

In:  the [loop] table and the files it names.   Out: a checked `Loop`.

Of the head only its motion is kept. A point of the plate at (x, y), of the relief z there, is seen
in frame n at `camera[n] @ (x, y, z, 1)`: a weak-perspective camera, which carries the turning of a
face, nose before cheeks, in eight numbers.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.avatar.manifest import LoopKeys
from livehost.errors import ConfigError

F32 = NDArray[np.float32]

SHADES = 8
"""Cells of a shade on each side of the mouth's box."""
SHADE_STEP = 0.5
"""Levels that one step of a stored shade is."""


@dataclass(frozen=True, slots=True)
class Track:
    """Where the mouth of the plate is in each frame.

    Attributes:
        camera: (n, 2, 4) float32, plate pixels to film pixels; the plate has the film's size.
        relief: (rows, columns) float32, z of the face over the mouth's box in plate pixels, smaller
            is nearer.
        shade: (n, SHADES, SHADES, 3) float32, levels of y, u and v to add to the plate's colours,
            over the mouth's box, to have those of the frame.
        seen: (n,) float32, 1 where the mouth can be seen, 0 where something is before it.
    """

    camera: F32
    relief: F32
    shade: F32
    seen: F32


@dataclass(frozen=True, slots=True)
class Loop:
    """A film that may be repeated.

    Attributes:
        film: H.264 without sound.
        fps: frames per second.
        frames: how many there are.
        track: of the mouth.
    """

    film: Path
    fps: int
    frames: int
    track: Track


def load_loop(folder: Path, keys: LoopKeys) -> Loop:
    """Return the loop that `keys` names. Raises ConfigError."""
    track = read_track(folder / keys.track, keys.frames)
    return Loop(folder / keys.file, keys.fps, keys.frames, track)


def read_track(path: Path, frames: int) -> Track:
    """Return the track in `path`, which must be of so many frames. Raises ConfigError."""
    try:
        with np.load(path, allow_pickle=False) as parts:
            track = Track(
                np.asarray(parts["camera"], np.float32),
                np.asarray(parts["relief"], np.float32),
                np.asarray(parts["shade"], np.float32) * np.float32(SHADE_STEP),
                np.asarray(parts["seen"], np.float32),
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path}: is not a track of a mouth") from error
    _check(path, track, frames)
    return track


def write_track(path: Path, track: Track) -> None:
    """Write `track`; shades are rounded to `SHADE_STEP`. Raises OSError."""
    shade = np.clip(np.rint(track.shade / SHADE_STEP), -128, 127).astype(np.int8)
    camera, relief = track.camera.astype(np.float32), track.relief.astype(np.float32)
    seen = track.seen.astype(np.float16)
    np.savez_compressed(path, camera=camera, relief=relief, shade=shade, seen=seen)


def _check(path: Path, track: Track, frames: int) -> None:
    shapes = {
        "camera": (track.camera, (frames, 2, 4)),
        "shade": (track.shade, (frames, SHADES, SHADES, 3)),
        "seen": (track.seen, (frames,)),
    }
    wrong = [
        f"{path}: {name} is {part.shape}, must be {shape}"
        for name, (part, shape) in shapes.items()
        if part.shape != shape
    ]
    if track.relief.ndim != 2 or min(track.relief.shape) < 2:
        wrong.append(f"{path}: relief is {track.relief.shape}, must be a grid")
    parts = (track.relief, *(part for part, _ in shapes.values()))
    if not all(np.isfinite(part).all() for part in parts):
        wrong.append(f"{path}: holds numbers that are none")
    if not wrong and np.abs(np.linalg.det(track.camera[:, :, :2])).min() < 1e-3:
        wrong.append(f"{path}: camera has a frame in which the face is flat")
    if wrong:
        raise ConfigError(*wrong)
