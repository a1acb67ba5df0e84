"""Tell the person from what is behind.

In:  a picture, the landmarks of the face in it.   Out: how much each pixel belongs to the person.

GrabCut, told by the landmarks where head and shoulders must be and where nobody is, then a guided
filter that lets the edge follow the hair. Sources: Rother, Kolmogorov, Blake, "GrabCut", SIGGRAPH
2004; He, Sun, Tang, "Guided image filtering", PAMI 2013.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.photo import marks

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

WORK = 560  # pixels of the longer side while cutting
ROUNDS = 5
REFINE = 1_400  # pixels of the longer side while following the hair


def matte(rgb: U8, points: F64) -> F32:
    """Return (H, W) float32 in 0..1.

    Args:
        points: (478, 2 or more) landmarks in pixels.
    """
    height, width = rgb.shape[:2]
    scale = min(1.0, WORK / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    labels = _seeds(points[:, :2] * scale, size)
    cv2.setRNGSeed(1)
    one, other = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(small[..., ::-1])
    cv2.grabCut(bgr, labels, (0, 0, 1, 1), one, other, ROUNDS, cv2.GC_INIT_WITH_MASK)
    inside = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    inside = _whole(inside, points[marks.NOSE_TIP, :2] * scale)
    return _refined(rgb, inside)


def _seeds(points: F64, size: tuple[int, int]) -> U8:
    """Return GrabCut's labels: face and neck surely, head and shoulders probably."""
    width, height = size
    labels = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    oval = points[list(marks.OVAL)]
    middle, (face_w, face_h) = oval.mean(0), np.ptp(oval, axis=0)
    chin = points[marks.CHIN]
    away = [cv2.GC_BGD]
    reach = (middle[0] - 1.35 * face_w, middle[0] + 1.35 * face_w)
    top = middle[1] - 1.25 * face_h
    labels[: max(0, int(top))] = away
    rows = slice(0, max(0, int(chin[1] - 0.1 * face_h)))
    labels[rows, : max(0, int(reach[0]))] = away
    labels[rows, max(0, int(reach[1])) :] = away
    body = np.array([
        [chin[0] - 0.55 * face_w, chin[1] + 0.25 * face_h],
        [chin[0] + 0.55 * face_w, chin[1] + 0.25 * face_h],
        [chin[0] + 1.5 * face_w, chin[1] + 0.8 * face_h], [chin[0] + 1.7 * face_w, height + 9],
        [chin[0] - 1.7 * face_w, height + 9], [chin[0] - 1.5 * face_w, chin[1] + 0.8 * face_h],
    ])  # fmt: skip
    _fill(labels, body, cv2.GC_PR_FGD)
    hair = middle - np.array([0, 0.14 * face_h])
    axes = round(0.68 * face_w), round(0.76 * face_h)
    cv2.ellipse(labels, _pixel(hair), axes, 0, 0, 360, (cv2.GC_PR_FGD,), -1)
    core = np.array([
        [chin[0] - 0.2 * face_w, chin[1]], [chin[0] + 0.2 * face_w, chin[1]],
        [chin[0] + 0.55 * face_w, chin[1] + 1.1 * face_h], [chin[0] + 0.7 * face_w, height + 9],
        [chin[0] - 0.7 * face_w, height + 9], [chin[0] - 0.55 * face_w, chin[1] + 1.1 * face_h],
    ])  # fmt: skip
    _fill(labels, core, cv2.GC_FGD)
    _fill(labels, middle + (oval - middle) * 0.97, cv2.GC_FGD)
    return labels


def _fill(labels: U8, corners: F64, label: int) -> None:
    cv2.fillPoly(labels, [np.rint(corners).astype(np.int32)], (label,))


def _pixel(point: F64) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _whole(inside: U8, nose: F64) -> U8:
    """Return the part round the nose, without holes and specks."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    inside = np.asarray(cv2.morphologyEx(inside, cv2.MORPH_OPEN, kernel), np.uint8)
    _, parts = cv2.connectedComponents(inside)
    rows, columns = inside.shape
    at = parts[min(rows - 1, max(0, int(nose[1]))), min(columns - 1, max(0, int(nose[0])))]
    kept = (parts == at).astype(np.uint8) if at else inside
    kept = np.asarray(cv2.morphologyEx(kept, cv2.MORPH_CLOSE, kernel), np.uint8)
    outside = np.pad(1 - kept, ((1, 0), (1, 1)), constant_values=1)  # the floor may be shut in
    _, gaps = cv2.connectedComponents(outside)
    return np.asarray(gaps[1:, 1:-1] != gaps[0, 0], np.uint8)


def _refined(rgb: U8, inside: U8) -> F32:
    """Return the matte at the picture's size, its edge drawn by the picture."""
    height, width = rgb.shape[:2]
    scale = min(1.0, REFINE / max(height, width))
    size = round(width * scale), round(height * scale)
    guide = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    rough = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    radius = max(2, round(0.008 * max(size)))
    blurred = np.asarray(cv2.GaussianBlur(rough, (0, 0), radius / 3), np.float32)
    soft = _guided(guide.mean(-1), blurred, radius)
    soft = np.clip((soft - 0.12) / 0.76, 0, 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    least, most = cv2.erode(rough, kernel), cv2.dilate(rough, kernel)
    soft = np.clip(soft, np.where(least > 0.5, 1, 0), np.where(most > 0.5, 1, 0))
    return np.asarray(cv2.resize(soft.astype(np.float32), (width, height)), np.float32)


def _guided(guide: F32, source: F32, radius: int, strength: float = 1e-4) -> F32:
    def mean(plane: NDArray[np.floating]) -> F32:
        return np.asarray(cv2.blur(plane, (2 * radius + 1, 2 * radius + 1)), np.float32)

    at, of = mean(guide), mean(source)
    slope = (mean(guide * source) - at * of) / (mean(guide * guide) - at * at + strength)
    return mean(slope) * guide + mean(of - slope * at)
