"""Fits the renders of a region to the plate and lays them out for training.

In:  raw renders of a region, what lies behind it, the plate.   Out: a folder of samples.

A region is rendered without hair and outfit. A smooth gain map, from rest to plate, adds the
shading they give; where the render is transparent, what lies behind shows; outside the part that
ever moves, and where hair hangs before the face, every sample is the plate.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.recipe.host import PLATE, Box, Grade, RegionKeys
from livehost.avatar.recipe.plate import F32, U8, read_graded
from livehost.avatar.recipe.sampling import Sample
from livehost.errors import ConfigError

HELD_OUT = 0.08
"""Share of the samples that is never trained on; drawn from the random ones alone."""
_SPLIT_SEED = 1
_LOOKED_AT = 400  # samples that say which pixels move; the order is random, so they say it all
_SPECK = 60  # pixels
_MOVES = 11  # grey levels by which a pixel must change to move
_GAMMA = 2.2
_LEAST = 6  # random samples without which nothing can be held out
_FOLD, _FOLD_LEFT = 19, 0.12  # pixels that a bright fold is narrower than, and what stays of it

_ALIKE, _UNLIKE = 22, 24  # grey levels by which hair in front is told from the face


@dataclass(frozen=True, slots=True)
class Shown:
    """What the plate shows of a region.

    Attributes:
        plate: (1920, 1080, 4) BGRA.
        behind: the region of the plate with the face hidden, at the plate's scale.
        hair: (1920, 1080) whether a pixel shows hair.
    """

    plate: U8
    behind: U8
    hair: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fit:
    """How renders of a region become samples.

    Attributes:
        plate: (h, w, 3) the plate at the samples' scale.
        gain: (h, w, 3) what a render is multiplied by.
        behind: (h, w, 3) what shows through a render.
        moving: (h, w, 1) in 0..1, where samples differ from the plate.
    """

    plate: F32
    gain: F32
    behind: F32
    moving: F32

    def apply(self, picture: U8) -> U8:
        """Return the sample (h, w, 3) of a render (h, w, 4)."""
        colour = np.clip(picture[..., :3].astype(np.float32) * self.gain, 0, 255)
        alpha = picture[..., 3:].astype(np.float32) / 255
        clear = (alpha[..., 0] < 0.99).astype(np.float32)
        edge = cv2.dilate(clear, np.ones((3, 3)))[..., None]
        soft = cv2.GaussianBlur(colour * alpha, (0, 0), 0.75)
        soft_alpha = cv2.GaussianBlur(alpha, (0, 0), 0.75)[..., None]
        sharp = (colour * alpha + self.behind * (1 - alpha)) * (1 - edge)
        whole = sharp + (soft + self.behind * (1 - soft_alpha)) * edge
        out = self.plate * (1 - self.moving) + whole * self.moving
        return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8)

    def mask(self, keys: RegionKeys) -> U8:
        """Return `moving` as 0..255 at the samples' scale."""
        return _reduced(np.clip(self.moving[..., 0] * 255, 0, 255).astype(np.uint8), keys)


def make_fit(shown: Shown, rest: U8, others: Sequence[U8], keys: RegionKeys) -> Fit:
    """Return the fit of a region, at the renders' scale.

    Args:
        rest: the render (h, w, 4) of the resting face.
        others: renders that say which pixels move.
    """
    x, y, width, height = keys.box
    size = (rest.shape[1], rest.shape[0])
    box = (slice(y, y + height), slice(x, x + width))
    below = _at(shown.plate[box][..., :3], size).astype(np.float32)
    back = _at(shown.behind.astype(np.float32), size)
    gain, moving = _gain(below, rest), _moving(rest, others, keys.oversample)
    if keys.covered:
        hair = _at(shown.hair[box].astype(np.float32), size) > 0.5
        fitted = rest[..., :3].astype(np.float32) * gain
        moving = moving * (1 - _covered(below, fitted, back, hair))
    return Fit(below, gain, _behind(below, rest, back), moving)


def _reduced(picture: U8, keys: RegionKeys) -> U8:
    """Return what is rendered at the samples' scale."""
    return _at(picture, keys.size)


def _at(picture: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return `picture` at `size`; untouched when it has it."""
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _gain(plate: F32, rest: U8) -> F32:
    """Return the ratio of plate to render where both show skin, smoothed."""
    colour = rest[..., :3].astype(np.float32)
    alike = (rest[..., 3] > 250) & (np.abs(plate - colour).max(-1) < 70)
    share = alike.astype(np.float32)[..., None]
    wanted = cv2.GaussianBlur(plate * share, (0, 0), 9)
    given = cv2.GaussianBlur(colour * share, (0, 0), 9)
    ratio = np.where(given > 1, wanted / np.maximum(given, 1), 1)
    return np.asarray(cv2.GaussianBlur(np.clip(ratio, 0.6, 1.5).astype(np.float32), (0, 0), 3))


def _behind(plate: F32, rest: U8, back: F32) -> F32:
    """Return hair and outfit behind the face, as bright as in the plate."""
    alpha, clear = back[..., 3:], (rest[..., 3] < 10).astype(np.uint8)
    colour = back[..., :3] * (alpha / 255)
    open_ = (cv2.erode(clear, np.ones((5, 5))) > 0) & (alpha[..., 0] > 250)
    if open_.sum() > 50:
        ratio = np.median(plate[open_], 0) / np.maximum(np.median(colour[open_], 0), 1)
        colour = colour * np.clip(ratio, 0.3, 1.5)
    seen = cv2.GaussianBlur(clear.astype(np.float32), (0, 0), 1)[..., None] > 0.9
    return np.asarray(np.where(seen | (alpha < 250), plate, colour).astype(np.float32))


def _covered(plate: F32, fitted: F32, back: F32, hair: NDArray[np.bool_]) -> F32:
    """Return (h, w, 1): where hair or clothes lie before the face, with a soft edge."""
    there = (np.abs(plate - back[..., :3]).max(-1) < _ALIKE) | hair
    there &= (back[..., 3] > 128) & (np.abs(plate - fitted).max(-1) > _UNLIKE)
    solid = cv2.morphologyEx(there.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    wider = cv2.dilate(solid, np.ones((5, 5))).astype(np.float32)
    soft = cv2.GaussianBlur(wider, (0, 0), 2)
    return np.asarray(np.clip(soft, 0, 1), np.float32)[..., None]


def _moving(rest: U8, others: Sequence[U8], finer: float) -> F32:
    """Return (h, w, 1): the convex part of the region that ever changes, with a soft edge."""
    still = cv2.GaussianBlur(rest.astype(np.float32), (0, 0), 1.5 * finer)
    most = np.zeros(rest.shape[:2], np.float32)
    for picture in others:
        soft = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.5 * finer)
        most = np.maximum(most, np.abs(soft - still).max(-1))
    moved = cv2.morphologyEx((most > _MOVES).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5)))
    part = _hull(_without_specks(np.asarray(moved, np.uint8), _SPECK * finer**2))
    wider = cv2.dilate(part, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11)))
    share, edge = np.zeros(wider.shape, np.float32), round(8 * finer)
    share[edge:-edge, edge:-edge] = wider[edge:-edge, edge:-edge]
    return np.asarray(cv2.GaussianBlur(share, (0, 0), 3 * finer), np.float32)[..., None]


def _without_specks(moved: U8, least: float) -> U8:
    """Drop patches of `least` pixels or less: render noise."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(moved)
    large = [n for n in range(1, count) if facts[n, cv2.CC_STAT_AREA] > least]
    if not large:
        raise ConfigError("no pixel of the region moves in any sample; render more of them")
    return np.isin(labels, large).astype(np.uint8)


def _hull(moved: U8) -> U8:
    rows, columns = np.nonzero(moved)
    hull = cv2.convexHull(np.stack([columns, rows], 1).astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(np.zeros_like(moved), hull, [1]), np.uint8)


@dataclass(frozen=True, slots=True)
class Renders:
    """The renders of a region that exist: index in the list of samples, and where."""

    samples: Sequence[Sample]
    folder: Path
    grade: Grade

    def found(self) -> list[int]:
        """Return the indices of samples that are rendered."""
        return [n for n in range(len(self.samples)) if self._path(n).exists()]

    def read(self, n: int) -> U8:
        """Return the render of sample `n`."""
        return read_graded(self._path(n), self.grade)

    def rest(self) -> int:
        """Return the index of the sample at rest."""
        return next(n for n, one in enumerate(self.samples) if not any(one.coefs.values()))

    def _path(self, n: int) -> Path:
        return self.folder / f"{n:04d}.png"


def pack_region(
    renders: Renders, shown: Shown, keys: RegionKeys, names: Sequence[str], out: Path
) -> Fit:
    """Write a folder of samples that `livehost.avatar.train` takes; return how they were fitted.

    Args:
        names: the decoder's blendshapes, in order.

    Raises:
        ConfigError: too few renders.
    """
    found = renders.found()
    picked = [renders.samples[n] for n in found]
    split = split_of(picked)
    base = [n for n in found if renders.samples[n].kind != "talking"]
    others = [renders.read(n) for n in base[:_LOOKED_AT]]
    fit = make_fit(shown, renders.read(renders.rest()), others, keys)
    out.mkdir(parents=True, exist_ok=True)
    for place, n in enumerate(found):
        sample = _reduced(fit.apply(renders.read(n)), keys)
        _write(out / f"{place:04d}.png", unfolded(graded_teeth(sample, keys.teeth), keys.folds))
    _write(out / "mask.png", fit.mask(keys))
    coefs = [[one.coefs.get(name, 0.0) for name in names] for one in picked]
    np.save(out / "coefs.npy", np.array(coefs, np.float32))
    about = {
        "roi_xywh": keys.box,
        "plate_size": PLATE,
        "image_scale": keys.scale,
        "count": len(found),
        "coefs": list(names),
        "labels": [one.label for one in picked],
    }
    (out / "names.json").write_text(json.dumps(about, indent=0), "utf-8")
    (out / "splits.json").write_text(json.dumps(split), "utf-8")
    return fit


def graded_teeth(sample: U8, factors: tuple[float, float, float]) -> U8:
    """Return the sample (h, w, 3) BGR with its teeth multiplied by `factors` (linear RGB).

    Teeth are what is pale around the middle of a mouth: all else there has much more red than blue.
    """
    if factors == (1, 1, 1):
        return sample
    colour = sample.astype(np.float32) / 255
    pale = np.clip((colour[..., 0] - colour[..., 2] + 0.10) / 0.05, 0, 1)
    bright = np.clip((colour.max(-1) - 0.30) / 0.15, 0, 1)
    share = cv2.GaussianBlur(pale * bright * _around_lips(sample.shape), (0, 0), 0.8)[..., None]
    toned = (colour**_GAMMA * np.array(factors[::-1], np.float32)).clip(0, 1) ** (1 / _GAMMA)
    return np.asarray(np.round((colour + (toned - colour) * share) * 255).clip(0, 255), np.uint8)


def unfolded(sample: U8, boxes: Sequence[Box]) -> U8:
    """Return the sample (h, w, 3) without narrow upright bright lines in `boxes`, x, y, w, h.

    A cheek's fold that catches the light beside its own shadow looks like a scar on air, where a
    smile is held for minutes.
    """
    if not boxes:
        return sample
    share = np.zeros(sample.shape[:2], np.float32)
    for x, y, width, height in boxes:
        share[y : y + height, x : x + width] = 1 - _FOLD_LEFT
    smooth = cv2.GaussianBlur(sample.astype(np.float32), (0, 0), 1)
    wide = cv2.copyMakeBorder(smooth, 0, 0, _FOLD, _FOLD, cv2.BORDER_REPLICATE)
    without = cv2.morphologyEx(wide, cv2.MORPH_OPEN, np.ones((1, _FOLD), np.uint8))
    line = cv2.GaussianBlur(smooth - without[:, _FOLD:-_FOLD], (0, 0), 1.5)
    out = sample - cv2.GaussianBlur(share, (0, 0), 4)[..., None] * line
    return np.asarray(np.clip(out + 0.5, 0, 255), np.uint8)


def _around_lips(shape: tuple[int, ...]) -> F32:
    """Return (h, w): 1 where lips can be, so that collars and hair at the sides stay."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] / np.array(shape[:2]).reshape(2, 1, 1)
    inside = (rows > 0.14) & (rows < 0.62) & (columns > 0.22) & (columns < 0.78)
    return np.asarray(inside, np.float32)


def split_of(samples: Sequence[Sample]) -> dict[str, list[int]]:
    """Return which samples are trained on and which are held out.

    Raises:
        ConfigError: too few random samples to hold any out.
    """
    random = [n for n, one in enumerate(samples) if one.kind == "random"]
    if len(random) < _LEAST:
        raise ConfigError(f"only {len(random)} random samples are rendered; {_LEAST} are needed")
    base = sum(one.kind != "talking" for one in samples)
    count = max(1, round(HELD_OUT * base))
    picked = np.random.default_rng(_SPLIT_SEED).choice(random, count, replace=False)
    test = sorted(int(n) for n in picked)
    return {"test": test, "train": [n for n in range(len(samples)) if n not in set(test)]}


def contact_sheet(folder: Path, count: int, columns: int) -> U8:
    """Return the first `count` samples of a folder side by side, to look at."""
    paths = sorted(folder.glob("[0-9]*.png"))[:count]
    tiles = [cv2.imread(str(path)) for path in paths]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[n : n + columns]) for n in range(0, len(tiles), columns)]
    return np.asarray(np.vstack(rows), np.uint8)


def _write(path: Path, picture: U8) -> None:
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])
