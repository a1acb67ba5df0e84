"""From a photo to an avatar folder: find, judge, cut out, place, draw, write.

In:  a picture file, what is asked for.   Out: the folder and the report in it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.landmarks import Found, Landmarker
from livehost.avatar.making import Asked, Finding, Report, Verdict, fresh_folder
from livehost.avatar.photo import eyes, folder, graph, marks, mouth, plate
from livehost.avatar.photo.basis import fit
from livehost.avatar.photo.field import Grid, smooth
from livehost.avatar.photo.find import find_faces
from livehost.avatar.photo.judge import faces, judge, side_of
from livehost.avatar.photo.matte import matte
from livehost.avatar.photo.picture import Photo, read
from livehost.avatar.photo.region import Place
from livehost.avatar.photo.sheet import AT_REST, Artist, Drawn, sheet

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

REST_OF_TICK_MS = 9.0  # of a tick that is not the decoders': warping, scene, encoder
HEAD_FAIR = 0.50  # of the frame's height
PLAIN = 26.0  # grey levels, standard deviation
SEEN = 0.3  # pixels of motion from which a part of a region is drawn
FEATHER = 5  # pixels over which a region's edge ends


def make(source: Path, out: Path, asked: Asked) -> Report:
    """Make the avatar at `out` from the photo at `source`.

    Raises:
        ConfigError: the photo is of no use, each reason on a line with what to do; the consent
            does not hold; `out` is taken; MediaPipe is missing. Nothing is left behind.
    """
    asked.claim.checked((source,))
    photo = read(source)
    with Landmarker() as landmarker:
        found = find_faces(landmarker, photo.rgb)
    findings = [faces(found)]
    Report(source.name, tuple(findings)).demand()
    findings += judge(photo, found[0])
    Report(source.name, tuple(findings)).demand()
    with fresh_folder(out, replace=asked.replace) as filling:
        report = _made(filling, out, asked, photo, found[0], Report(source.name, tuple(findings)))
        report.write(filling)
    return report


def _made(
    filling: Path, out: Path, asked: Asked, photo: Photo, face: Found, report: Report
) -> Report:
    points = face.points.astype(np.float64)
    person = matte(photo.rgb, points)
    if photo.alpha is not None:
        person = np.minimum(person, photo.alpha.astype(np.float32) / 255)
    placed = plate.placed(photo, points, person, asked.background)
    regions = _regions(placed, grey=photo.grey)
    placed = _rested(placed, regions)
    artist = Artist(placed, regions)
    visemes = json.loads(folder.SHAPES.read_text("utf-8"))["visemes"]
    likeness = asked.claim.keys(out, datetime.now().astimezone().date())
    maps = plate.depth(placed), plate.head_weight(placed, asked.background), plate.torso(placed)
    bears = plate.motion(asked.background, side_of(face))
    folder.write(filling, asked, likeness, placed, maps, regions, bears)
    findings = (*report.findings, *_framing(placed, asked), _cost(artist))
    return Report(report.source, findings, sheet(artist, placed, visemes))


# --- the regions ----------------------------------------------------------------------------------


def _regions(placed: plate.Plate, *, grey: bool) -> tuple[Drawn, ...]:
    points, size = placed.landmarks, placed.matte.shape
    moves = fit(points)
    eyes_at = eyes.region(points, (size[0], size[1]))
    mouth_at = mouth.region(points, eyes_at.box[1] + eyes_at.box[3], (size[0], size[1]))
    lips = mouth.drawing(placed.rgba, moves, mouth_at, light(placed, grey=grey))
    if grey and isinstance(lips.inside, graph.Inside):
        lips = replace(lips, inside=lips.inside.without_colour())
    lids = eyes.drawing(placed.rgba, points, moves, eyes_at)
    return (
        Drawn("mouth", mouth_at, mouth.COEFS, graph.build(lips), mask_of(mouth_at, lips)),
        Drawn("eyes", eyes_at, eyes.COEFS, graph.build(lids), mask_of(eyes_at, lids)),
    )


def light(placed: plate.Plate, *, grey: bool) -> F32:
    """Return (3,): how white looks in the face's light, by its skin and the white of the eyes."""
    rgb, points = placed.rgba[..., :3], placed.landmarks[:, :2]
    skin = np.median([_around(rgb, points[n], 0.03 * placed.head) for n in CHEEKS], axis=0) / 255
    white = max(_white(rgb, points, side) for side in eyes.SIDES)
    level = float(np.clip(max(1.3 * skin.mean(), 1.15 * white), 0.45, 1.0))  # dark skin: the eyes
    tint = np.clip(skin / max(1e-3, float(skin.mean())), 0.5, 1.5) ** (0.0 if grey else 0.55)
    return np.asarray(level * tint / tint.max(), np.float32)


CHEEKS = (50, 280, 101, 330, 4, 151)


def _around(rgb: U8, point: F64, reach: float) -> F64:
    x, y, side = int(point[0]), int(point[1]), max(2, int(reach))
    patch = rgb[max(0, y - side) : y + side, max(0, x - side) : x + side]
    return np.median(patch.reshape(-1, 3), axis=0) if patch.size else np.full(3, 160.0)


def _white(rgb: U8, points: F64, side: str) -> float:
    """Return how bright the white of one eye is, 0..1."""
    rim = points[[*marks.UPPER_LID[side], *marks.LOWER_LID[side][::-1]]]
    mask = np.zeros(rgb.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(rim).astype(np.int32)], (1,))
    seen = rgb[mask > 0]
    return float(np.percentile(seen.mean(-1), 85)) / 255 if len(seen) else 0.7


def mask_of(where: Place, drawn: graph.Drawing) -> U8:
    """Return where the decoder's picture is used: what moves, and what is between the sheets."""
    grid: Grid = where.grid
    down, across = grid.enlarging()
    moved = np.zeros((grid.height, grid.width))
    for part in (drawn.upper, drawn.lower):
        most = np.linalg.norm(np.concatenate([part.moves, part.rest[None]]), axis=-1).max(0)
        moved = np.maximum(moved, down @ most.reshape(grid.shape) @ across)
    seen = (moved > SEEN).astype(np.uint8) | (drawn.lower.picture[..., 3] < 1).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * FEATHER + 1, 2 * FEATHER + 1))
    soft = cv2.GaussianBlur(cv2.dilate(seen, kernel).astype(np.float64), (0, 0), FEATHER / 2)
    y, x = np.mgrid[0 : grid.height, 0 : grid.width] + 0.5
    edge = np.minimum(np.minimum(x, grid.width - x), np.minimum(y, grid.height - y))
    return np.rint(soft * smooth(edge / FEATHER) * 255).astype(np.uint8)


def _rested(placed: plate.Plate, regions: tuple[Drawn, ...]) -> plate.Plate:
    """Return the plate with the face that the decoders draw at rest: lips that were apart touch."""
    rested = Artist(placed, regions).face(AT_REST)
    return replace(placed, rgba=np.dstack([rested, placed.rgba[..., 3]]))


# --- what is said of them -------------------------------------------------------------------------


def _framing(placed: plate.Plate, asked: Asked) -> list[Finding]:
    share = placed.head / placed.frame[3]
    verdict = Verdict.FAIR if share > HEAD_FAIR else Verdict.GOOD
    advice = (
        "" if verdict is Verdict.GOOD else "leave room round the head: photograph down to the hips"
    )
    seen = f"the head is {100 * share:.0f} % of the frame's height"
    return [
        Finding("framing", seen, verdict, advice),
        _resolution(placed),
        *_cut_off(placed, asked),
    ]


def _resolution(placed: plate.Plate) -> Finding:
    enlarged = placed.zoom * 720 / plate.WIDE
    verdict = Verdict.GOOD if enlarged <= 1.15 else Verdict.FAIR
    advice = "" if verdict is Verdict.GOOD else "use a larger photo, or come closer"
    return Finding("resolution at 720x1280", f"{100 / enlarged:.0f} %", verdict, advice)


def _cut_off(placed: plate.Plate, asked: Asked) -> list[Finding]:
    """Say what shows when the background is cut away."""
    if asked.background == "keep":
        return []
    return [_shoulders(placed), _behind(placed)]


def _behind(placed: plate.Plate) -> Finding:
    """Say how even the background beside the head is: an uneven one is cut out badly."""
    rows = slice(max(0, int(placed.crown)), int(placed.chin))
    seen = placed.matte[rows] < 0.05
    luma = placed.rgba[rows, :, :3][seen].mean(-1) if seen.any() else np.zeros(1)
    spread = float(luma.std())
    if spread < PLAIN:
        return Finding("background", "plain", Verdict.GOOD)
    advice = "look for pieces of it round the hair; use a plain wall, or --background keep"
    return Finding("background", "busy", Verdict.FAIR, advice)


def _shoulders(placed: plate.Plate) -> Finding:
    x, _, width, height = placed.frame
    rows = slice(0, int(0.75 * height))
    columns = np.flatnonzero((placed.matte[rows] > 0.5).any(0))
    if len(columns) and columns[0] > x + 2 and columns[-1] < x + width - 3:
        return Finding("shoulders", "whole", Verdict.GOOD)
    advice = "leave room beside the shoulders"
    return Finding("shoulders", "cut off by the frame", Verdict.FAIR, advice)


def _cost(artist: Artist) -> Finding:
    spent = sum(artist.milliseconds())
    rate = 1000 / (spent + REST_OF_TICK_MS)
    verdict = Verdict.GOOD if rate >= 40 else Verdict.FAIR if rate >= 25 else Verdict.BAD
    seen = f"about {rate:.0f} fps on one core of this machine ({spent:.1f} ms for the face)"
    advice = "" if verdict is Verdict.GOOD else "use a stream of 25 fps, or a faster machine"
    return Finding("expected speed", seen, verdict, advice)
