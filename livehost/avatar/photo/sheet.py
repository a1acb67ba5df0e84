"""Draw a made avatar's faces side by side, and measure what they cost.

In:  a plate and the decoders of its regions.   Out: a contact sheet, milliseconds, a resting plate.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livehost.avatar.photo.plate import Plate
from livehost.avatar.photo.region import Place

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

TILE, COLUMNS = 240, 6
AT_REST: Mapping[str, float] = {}
LOOKS: dict[str, Mapping[str, float]] = {
    "rest": AT_REST,
    "smile": {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "cheekSquintLeft": 0.3,
              "cheekSquintRight": 0.3},
    "eyes half shut": {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5},
    "eyes shut": {"eyeBlinkLeft": 1, "eyeBlinkRight": 1},
    "look left": {"eyeLookInLeft": 0.5, "eyeLookOutRight": 0.5},
    "look right": {"eyeLookInRight": 0.5, "eyeLookOutLeft": 0.5},
    "brows": {"browInnerUp": 0.7, "browOuterUpLeft": 0.7, "browOuterUpRight": 0.7},
}  # fmt: skip
VISEMES = ("a", "i", "o", "u", "m", "f", "eh", "d", "z")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A region with its decoder.

    Attributes:
        model: an ONNX file's bytes.
        mask: (h, w) uint8 of the decoder's size.
    """

    name: str
    where: Place
    coefs: tuple[str, ...]
    model: bytes
    mask: U8


class Artist:
    """Draws faces onto the plate, as the stage would for a head that does not turn."""

    def __init__(self, plate: Plate, regions: tuple[Drawn, ...]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._plate, self._regions = plate, regions
        self._sessions = [
            onnxruntime.InferenceSession(each.model, options, providers=["CPUExecutionProvider"])
            for each in regions
        ]

    def face(self, shapes: Mapping[str, float]) -> U8:
        """Return (H, W, 3): the plate with blendshapes by name."""
        out = self._plate.rgba[..., :3].copy()
        for region, session in zip(self._regions, self._sessions, strict=True):
            given = np.array([[shapes.get(name, 0.0) for name in region.coefs]], np.float32)
            drawn = session.run(None, {"coefs": given})[0][0].transpose(1, 2, 0)
            x, y, width, height = region.where.box
            inside = out[y : y + height, x : x + width]
            large = cv2.resize(drawn, (width, height), interpolation=cv2.INTER_LINEAR) * 255
            share = cv2.resize(region.mask, (width, height))[..., None].astype(np.float32) / 255
            inside[...] = np.rint(inside * (1 - share) + large * share)
        return out

    def milliseconds(self, rounds: int = 12) -> tuple[float, ...]:
        """Return the CPU time of one picture of each region on one thread, its lower quartile."""
        random = np.random.default_rng(1)
        out = []
        for region, session in zip(self._regions, self._sessions, strict=True):
            spent = []
            for _ in range(rounds):
                given = random.uniform(0, 0.3, (1, len(region.coefs))).astype(np.float32)
                before = time.process_time()
                session.run(None, {"coefs": given})
                spent.append((time.process_time() - before) * 1e3)
            out.append(float(np.percentile(spent, 25)))
        return tuple(out)


def sheet(artist: Artist, plate: Plate, visemes: Mapping[str, Mapping[str, float]]) -> U8:
    """Return (h, w, 3): the frame, then faces with their names."""
    looks = {**LOOKS, **{f"says {name}": visemes[name] for name in VISEMES}}
    box = _face_box(plate)
    tiles = [_tile(artist.face(shapes), plate, box, name) for name, shapes in looks.items()]
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[n : n + COLUMNS]) for n in range(0, len(tiles), COLUMNS)]
    faces = np.vstack(rows)
    x, y, width, height = plate.frame
    whole = _on_grey(plate.rgba[y : y + height, x : x + width])
    size = round(faces.shape[0] * whole.shape[1] / whole.shape[0]), faces.shape[0]
    return np.hstack([cv2.resize(whole, size, interpolation=cv2.INTER_AREA), faces])


def _face_box(plate: Plate) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom round the head, within the plate."""
    rows, columns = plate.matte.shape
    middle, half = float(plate.landmarks[:, 0].mean()), 0.62 * plate.head
    left, right = max(0, int(middle - half)), min(columns, int(middle + half))
    top, bottom = max(0, int(plate.crown - 0.05 * plate.head)), int(plate.chin + 0.30 * plate.head)
    return left, top, right, min(rows, bottom)


def _tile(face: U8, plate: Plate, box: tuple[int, int, int, int], name: str) -> U8:
    left, top, right, bottom = box
    rgba = np.dstack([face, plate.rgba[..., 3]])[top:bottom, left:right]
    tall = round(TILE * (bottom - top) / (right - left))
    how = cv2.INTER_AREA if right - left > TILE else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(_on_grey(rgba), (TILE, tall), interpolation=how), np.uint8)
    cv2.rectangle(small, (0, 0), (TILE, 22), (20, 20, 20), -1)
    cv2.putText(
        small, name, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA
    )
    return small


def _on_grey(rgba: U8) -> U8:
    share = rgba[..., 3:].astype(np.float32) / 255
    return np.rint(rgba[..., :3] * share + 150 * (1 - share)).astype(np.uint8)
