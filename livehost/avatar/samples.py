"""Labelled renders of one region of a face: what a decoder learns from and is judged by.

In:  a folder with NNNN.png, coefs.npy, names.json, splits.json.   Out: arrays.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.errors import ConfigError

Crop = tuple[int, int, int, int]
"""x, y, width, height in pixels of the sample images."""


OPENERS = ("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel", "tongueOut", "mouthRoll")


@dataclass(frozen=True, slots=True)
class Samples:
    """The renders of one region.

    Attributes:
        images: (n, h, w, 3) uint8 RGB, already cropped.
        coefs: (n, k) float32, the blendshapes each image shows.
        names: the k blendshape names.
        train, test: indices; the test part is never trained on.
        labels: what each sample is, for reports.
    """

    images: NDArray[np.uint8]
    coefs: NDArray[np.float32]
    names: tuple[str, ...]
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    labels: tuple[str, ...]


def load_samples(folder: Path, crop: Crop | None = None) -> Samples:
    """Read a folder of samples.

    Args:
        crop: the part of each image to keep; None keeps all.

    Raises:
        ConfigError: a file is missing, or the counts do not agree.
    """
    try:
        names = json.loads((folder / "names.json").read_text("utf-8"))
        splits = json.loads((folder / "splits.json").read_text("utf-8"))
        coefs = np.load(folder / "coefs.npy", allow_pickle=False).astype(np.float32)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: is not a folder of samples: {error}") from error
    _check(folder, names, coefs)
    images = np.stack([_image(folder / f"{n:04d}.png", crop) for n in range(len(coefs))])
    return Samples(
        images,
        coefs,
        tuple(names["coefs"]),
        np.array(splits["train"], np.int64),
        np.array(splits["test"], np.int64),
        tuple(names["labels"]),
    )


def _check(folder: Path, names: dict[str, Any], coefs: NDArray[np.float32]) -> None:
    want = (len(names["labels"]), len(names["coefs"]))
    if coefs.shape != want:
        raise ConfigError(f"{folder}/coefs.npy: shape is {coefs.shape}, names.json says {want}")


def _image(path: Path, crop: Crop | None) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ConfigError(f"{path}: is missing or not a picture")
    if crop:
        x, y, width, height = crop
        picture = picture[y : y + height, x : x + width]
    return np.asarray(picture, np.uint8)


def closed_lips(samples: Samples) -> NDArray[np.bool_]:
    """Return which samples show closed lips: nothing that opens them is above 0.1."""
    if "jawOpen" not in samples.names:
        return np.zeros(len(samples.coefs), np.bool_)
    openers = [n for n, name in enumerate(samples.names) if name.startswith(OPENERS)]
    jaw = samples.coefs[:, samples.names.index("jawOpen")]
    return np.asarray((samples.coefs[:, openers] < 0.1).all(1) & (jaw < 0.02))


def parse_crop(text: str) -> Crop:
    """Return the crop written as "x,y,width,height". Raises argparse.ArgumentTypeError."""
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError("give x,y,width,height in pixels") from None
    return x, y, width, height
