"""Can an avatar be made from this photo, and how good will it be?

In:  a photo and the faces found in it.   Out: findings with values, verdicts and advice.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.landmarks import Found
from livehost.avatar.making import Finding, Verdict
from livehost.avatar.photo import marks
from livehost.avatar.photo.picture import Photo

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]

SECOND = 0.12  # of the largest face's area, from which another one is in the way
LYING = 50  # degrees from which a picture counts as lying, not a head as tilted
GOOD, FAIR, BAD = Verdict.GOOD, Verdict.FAIR, Verdict.BAD
HEIGHT_ADVICE = "put the camera at eye level; turn a picture that stands on its head"
INSIDE, NECK = 0.02, 0.22  # face heights between the face and the photo's edge; below the chin
STANDARD = 256  # face pixels at which sharpness is measured


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where on a measure is fair, and bad."""

    fair: float
    bad: float

    def of(self, value: float) -> Verdict:
        """Return what `value` is."""
        rising = self.bad >= self.fair
        if value >= self.bad if rising else value <= self.bad:
            return BAD
        return FAIR if (value >= self.fair if rising else value <= self.fair) else GOOD


SIZE = Bounds(260, 110)  # pixels from hairline to chin
SHARP = Bounds(18, 5)  # variance of the Laplacian
YAW, ROLL = Bounds(10, 24), Bounds(8, 20)  # degrees
TILT = Bounds(0.20, 0.34)  # how far the nose's foreshortening is off
PARTED = Bounds(0.045, 0.12)  # of the mouth's width
SHUT = Bounds(0.45, 0.62)  # score of a blink
GAZE = Bounds(0.5, 0.8)
SMILE = Bounds(0.55, 2.0)
COVERED = Bounds(0.16, 0.45)  # of the face between brows and nose, or below
OTHER_COLOUR = 22  # a and b of CIE Lab in 8 bits
CONTRAST = Bounds(13, 6)  # standard deviation of grey levels between the lids
UNEVEN = Bounds(1.9, 4.0)  # brighter side over darker
DARK, BURNT = Bounds(70, 28), Bounds(0.05, 0.25)  # level of the skin; share of it that is white


def faces(found: tuple[Found, ...]) -> Finding:
    """Judge how many faces there are, and whether they stand upright."""
    if not found:
        advice = (
            "use a photo of one person from the front, the whole face in light, nothing before it"
        )
        return Finding("face", "none found", BAD, advice)
    areas = [each.box[2] * each.box[3] for each in found]
    others = sum(area > SECOND * areas[0] for area in areas[1:])
    if others:
        return Finding("face", f"{1 + others} faces", BAD, "cut the photo to one person")
    if abs(_lean(found[0].points.astype(np.float64))) > LYING:
        advice = "the picture lies on its side or head; turn it upright and save it again"
        return Finding("face", "one, not upright", BAD, advice)
    return Finding("face", "one", GOOD)


def _lean(points: F64) -> float:
    """Return by how many degrees the line through the eyes is turned, -180..180."""
    x, y = points[263, :2] - points[33, :2]
    return float(np.degrees(np.arctan2(y, x)))


def judge(photo: Photo, face: Found) -> list[Finding]:
    """Return what can be said about one face in a photo."""
    points = face.points.astype(np.float64)
    crop = _standard(photo.rgb, points)
    return [
        _whole(points, photo.rgb.shape[:2]),
        _size(points),
        _sharpness(crop[0]),
        *_turned(face, points),
        _mouth(points),
        *_eyes(face),
        _expression(face),
        _occlusion(*crop),
        _eyes_seen(*crop),
        *_light(*crop),
        *([_grey()] if photo.grey else []),
    ]


def _whole(points: F64, size: tuple[int, ...]) -> Finding:
    """Judge whether the photo holds the whole face and enough of the neck for a jaw that opens."""
    (left, top), (right, bottom) = points[:, :2].min(0), points[:, :2].max(0)
    tall = bottom - top
    beside, below = min(left, top, size[1] - right), size[0] - bottom
    if beside < INSIDE * tall or below < NECK * tall:
        advice = "the whole head with neck and shoulders must be in the photo"
        return Finding("face in the photo", "cut off", BAD, advice)
    return Finding("face in the photo", "whole", GOOD)


def _size(points: F64) -> Finding:
    tall = float(np.ptp(points[list(marks.OVAL), 1]))
    advice = "come closer, or send the camera's own file and not a preview of it"
    return _finding("face size", tall, SIZE, f"{tall:.0f} px from forehead to chin", advice)


def _standard(rgb: U8, points: F64) -> tuple[U8, F64]:
    """Return the face at a standard size, and its landmarks there."""
    oval = points[list(marks.OVAL), :2]
    low, high = np.maximum(oval.min(0) - 8, 0), oval.max(0) + 8
    left, top = (int(n) for n in low)
    right, bottom = (int(n) for n in high)
    scale = STANDARD / max(1.0, float(np.ptp(oval[:, 1])))
    face = rgb[top:bottom, left:right]
    size = max(8, round(face.shape[1] * scale)), max(8, round(face.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(face, size, interpolation=how), np.uint8), (
        points[:, :2] - (left, top)
    ) * scale


def _sharpness(face: U8) -> Finding:
    luma = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    value = float(cv2.Laplacian(cv2.GaussianBlur(luma, (0, 0), 0.8), cv2.CV_32F).var())
    advice = "hold the camera still, focus on the eyes, use more light"
    return _finding("sharpness", value, SHARP, f"{value:.0f}", advice)


def _turned(face: Found, points: F64) -> list[Finding]:
    lean = _lean(points)
    side = side_of(face)
    nod = _foreshortening(points)
    seen = f"turned {side:.0f} degrees to the side"
    return [
        _finding("frontality", side, YAW, seen, "look straight into the camera"),
        _finding("tilt", abs(lean), ROLL, f"{abs(lean):.0f} degrees", "hold the head upright"),
        _finding(
            "height of the camera", abs(nod), TILT, f"{nod:+.2f}",
            HEIGHT_ADVICE,
        ),
    ]  # fmt: skip


def side_of(face: Found) -> float:
    """Return by how many degrees the head is turned to either side."""
    return max(abs(face.angles[0]), abs(_asymmetry(face.points.astype(np.float64))))


def _asymmetry(points: F64) -> float:
    """Return the yaw in degrees that the nose's place between the face's sides speaks of."""
    right, left, nose = points[234, :2], points[454, :2], points[marks.NOSE_TIP, :2]
    across = left - right
    share = float((nose - right) @ across) / max(1e-6, float(across @ across))
    return float(np.degrees(np.arcsin(np.clip((share - 0.5) / 0.55, -1, 1))))


def _foreshortening(points: F64) -> float:
    """Return how far eyes-nose against nose-chin is off what is usual, in natural logarithms."""
    eyes = points[[33, 133, 362, 263], 1].mean()
    nose, chin = points[marks.NOSE_TIP, 1], points[marks.CHIN, 1]
    usual = 0.62
    return float(np.log(max(1e-3, (nose - eyes) / max(1e-3, chin - nose)) / usual))


def parted(points: F64) -> float:
    """Return how far the lips are apart, in widths of the mouth."""
    gap = points[list(marks.UPPER_INNER[3:8]), :2] - points[list(marks.LOWER_INNER[3:8]), :2]
    wide = np.linalg.norm(points[marks.CORNERS[0], :2] - points[marks.CORNERS[1], :2])
    return float(np.linalg.norm(gap, axis=1).mean() / max(1e-6, wide))


def _mouth(points: F64) -> Finding:
    value = parted(points)
    seen = f"open by {100 * value:.0f} % of its width"
    advice = "use a photo with the lips closed: teeth and tongue are drawn when the host speaks"
    return _finding("mouth", value, PARTED, seen, advice)


def _eyes(face: Found) -> list[Finding]:
    shut = max(face.scores.get(f"eyeBlink{side}", 0.0) for side in ("Left", "Right"))
    looks = [v for name, v in face.scores.items() if name.startswith("eyeLook")]
    away = max(looks, default=0.0)
    return [
        _finding("eyes", shut, SHUT, f"{100 * shut:.0f} % shut", "open both eyes"),
        _finding("gaze", away, GAZE, f"{100 * away:.0f} % away", "look into the lens"),
    ]


def _expression(face: Found) -> Finding:
    smile = (face.scores.get("mouthSmileLeft", 0) + face.scores.get("mouthSmileRight", 0)) / 2
    advice = "a calm face leaves more room for feelings on air"
    return _finding("expression", smile, SMILE, f"{100 * smile:.0f} % smile", advice)


def _occlusion(face: U8, points: F64) -> Finding:
    """Judge how much of the skin has another colour than the rest; a beard or a fringe may be."""
    skin = _skin(face, points) > 0
    lab = cv2.cvtColor(cv2.GaussianBlur(face, (0, 0), 2), cv2.COLOR_RGB2LAB).astype(np.float64)
    advice = "nothing may hide the face: no mask, hand, microphone, dark glasses or hair before it"
    row = np.arange(len(face))[:, None]
    brows, nose = points[[70, 300], 1].mean(), points[2, 1]
    middle, lower = skin & (row > brows) & (row <= nose), skin & (row > nose)
    if not middle.any() or not lower.any():
        return Finding("occlusion", "the face is not seen", BAD, advice)
    usual = np.median(lab[middle], axis=0)
    strange = np.hypot(lab[..., 1] - usual[1], lab[..., 2] - usual[2]) > OTHER_COLOUR
    share = float(max(strange[middle].mean(), strange[lower].mean()))
    return _finding("occlusion", share, COVERED, f"{100 * share:.0f} % of the skin", advice)


def _eyes_seen(face: U8, points: F64) -> Finding:
    """Judge whether iris and white can be told apart: not behind dark glasses or hair."""
    luma = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float64)
    spread = []
    for side in ("Left", "Right"):
        mask = np.zeros(luma.shape, np.uint8)
        rim = points[[*marks.UPPER_LID[side], *marks.LOWER_LID[side][::-1]]]
        cv2.fillPoly(mask, [np.rint(rim).astype(np.int32)], (1,))
        spread.append(float(luma[mask > 0].std()) if mask.any() else 0.0)
    advice = "take dark glasses off, and hair out of the eyes"
    return _finding("contrast of the eyes", min(spread), CONTRAST, f"{min(spread):.0f}", advice)


def _skin(face: U8, points: F64) -> U8:
    """Return a mask of the face without brows, eyes, lips and the rim."""
    mask = np.zeros(face.shape[:2], np.uint8)
    oval = points[list(marks.OVAL)]
    cv2.fillPoly(
        mask, [np.rint(oval.mean(0) + 0.9 * (oval - oval.mean(0))).astype(np.int32)], (255,)
    )
    lips = [61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91]
    holes = [points[lips]]
    holes += [points[[*marks.UPPER_LID[s], *marks.LOWER_LID[s][::-1]]] for s in ("Left", "Right")]
    holes += [points[list(marks.BROWS[s])] for s in ("Left", "Right")]
    for hole in holes:
        grown = cv2.convexHull((hole.mean(0) + 1.3 * (hole - hole.mean(0))).astype(np.int32))
        cv2.fillConvexPoly(mask, grown, (0,))
    return mask


def _light(face: U8, points: F64) -> list[Finding]:
    luma = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float64)
    skin = _skin(face, points) > 0
    if not skin.any():
        return []
    x = np.arange(luma.shape[1])[None]
    middle = points[marks.NOSE_TIP, 0]
    halves = [
        np.median(luma[skin & side]) for side in (x < middle, x >= middle) if (skin & side).any()
    ]
    ratio = (max(halves) + 4) / (min(halves) + 4) if len(halves) == 2 else 1.0
    level, burnt = float(np.median(luma[skin])), float((luma[skin] > 250).mean())
    return [
        _finding(
            "light from both sides", ratio, UNEVEN, f"{ratio:.1f} to 1", "face a window or a lamp"
        ),
        _finding("brightness", level, DARK, f"{level:.0f} of 255", "use more light"),
        _finding(
            "burnt-out skin", burnt, BURNT, f"{100 * burnt:.0f} %", "use less or softer light"
        ),
    ]


def _grey() -> Finding:
    return Finding("colour", "none", FAIR, "teeth and mouth will be grey too")


def _finding(measure: str, value: float, bounds: Bounds, seen: str, advice: str) -> Finding:
    verdict = bounds.of(value)
    return Finding(measure, seen, verdict, "" if verdict is GOOD else advice)
