"""Renders pictures with Cycles, many workers into one folder, any of them stopped at any time.

In:  a scene, jobs.   Out: PNG files, each written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livehost.avatar.recipe.blender import bpy
from livehost.avatar.recipe.host import PLATE, Box, Grade
from livehost.avatar.recipe.scene import Scene
from livehost.errors import Transient
from livehost.lock import hold

STOP = "STOP"
"""A file of this name in the work folder ends every worker after its picture."""


@dataclass(frozen=True, slots=True)
class Shot:
    """How a picture is taken.

    Attributes:
        box: x, y, width, height in plate pixels.
        samples: light paths for each pixel.
        scale: pixels of the picture for each pixel of the plate.
        careful: denoise at the highest quality.
        denoise: at all.
    """

    box: Box
    samples: int
    scale: float = 1
    careful: bool = False
    denoise: bool = True


def render(scene: Scene, shot: Shot, path: Path, threads: int = 1) -> None:
    """Take a picture of what `scene` shows; `path` appears when it is whole."""
    part = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    _cycles(scene.scene.cycles, shot)
    _film(scene.scene, scene.body.host.grade, threads)
    _crop(scene.scene.render, shot)
    scene.scene.render.filepath = str(part)
    bpy().ops.render.render(write_still=True)
    part.replace(path)


def _cycles(cycles: Any, shot: Shot) -> None:
    settings = {
        "samples": shot.samples,
        "seed": 0,  # one pattern of noise for all pictures: what moves is the face alone
        "use_denoising": shot.denoise,
        "denoiser": "OPENIMAGEDENOISE",
        "denoising_prefilter": "FAST",
        "denoising_quality": "HIGH" if shot.careful else "BALANCED",
        "max_bounces": 5,
        "diffuse_bounces": 3,
        "glossy_bounces": 3,
        "transmission_bounces": 4,
        "transparent_max_bounces": 6,
        "use_adaptive_sampling": False,
        "use_animated_seed": False,
        "caustics_reflective": False,
        "caustics_refractive": False,
        "debug_bvh_type": "DYNAMIC_BVH",
    }
    for name, value in settings.items():
        setattr(cycles, name, value)


def _film(scene: Any, grade: Grade, threads: int) -> None:
    film = scene.render
    film.engine, film.threads_mode, film.threads = "CYCLES", "FIXED", threads
    film.use_persistent_data = film.film_transparent = True
    film.use_stamp = False
    film.image_settings.file_format, film.image_settings.color_mode = "PNG", "RGBA"
    film.image_settings.compression = 15
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look, scene.view_settings.exposure = grade.look, grade.exposure


def _crop(film: Any, shot: Shot) -> None:
    width, height = PLATE
    x, y, box_width, box_height = shot.box
    film.resolution_x, film.resolution_y = round(width * shot.scale), round(height * shot.scale)
    film.resolution_percentage = 100
    film.use_border = film.use_crop_to_border = True
    film.border_min_x, film.border_max_x = x / width, (x + box_width) / width
    film.border_min_y, film.border_max_y = 1 - (y + box_height) / height, 1 - y / height


@dataclass(frozen=True, slots=True)
class Job:
    """One picture: where it goes and how it is made there."""

    path: Path
    make: Callable[[Path], None]


def work(jobs: Iterable[Job], folder: Path, say: Callable[[str], None]) -> int:
    """Make the pictures that do not exist yet; return how many this worker made.

    Several workers may share a folder: each picture is held by a lock that ends with its worker.
    Stops early when `folder` has a file named STOP.
    """
    made = 0
    for job in jobs:
        if (folder / STOP).exists():
            say(f"stopped by {folder / STOP}")
            break
        if job.path.exists():
            continue
        with _held(job.path) as mine:
            if mine and not job.path.exists():
                job.make(job.path)
                made += 1
                say(f"{job.path.name} done")
    return made


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Hold a picture for this worker; False when another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_suffix(".lock")
    try:
        descriptor = hold(lock, f"{path}: another worker makes it")
    except Transient:
        yield False
        return
    try:
        yield True
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)
