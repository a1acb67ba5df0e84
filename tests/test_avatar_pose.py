"""Cameras: a head that moved as known is found where it is."""

import cv2
import numpy as np
import pytest

from livehost.avatar.video import pose
from livehost.avatar.video.pose import Aligner, Rectifier, calmed, cameras, reference

_DICE = np.random.default_rng(2)
HEIGHT = 200.0


def face():
    """478 points on a head like an egg: nose to the camera, ears behind."""
    x, y = _DICE.uniform(-70, 70, 478), _DICE.uniform(-100, 100, 478)
    x[list(pose.LIPS)] = 30 * np.cos(np.linspace(0, 2 * np.pi, 20, endpoint=False))
    y[list(pose.LIPS)] = 45 + 12 * np.sin(np.linspace(0, 2 * np.pi, 20, endpoint=False))
    turn = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    x[list(pose.OVAL)], y[list(pose.OVAL)] = 72 * np.sin(turn), -100 * np.cos(turn)
    y[list(pose.EYES)] = -25
    z = (x / 70) ** 2 * 50 + (y / 100) ** 2 * 20
    return np.column_stack([x + 180, y + 300, z]).astype(np.float32)


FACE = face()


def turned(points, yaw, pitch, scale=1.0, shift=(0.0, 0.0)):
    """Points seen by a distant camera after the head turned about its middle."""
    a, b = np.radians([yaw, pitch])
    around_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    middle = np.array([180, 300, 40])
    seen = scale * (points - middle) @ (around_y @ around_x).T + middle + (*shift, 0)
    return seen.astype(np.float32)


def film(frames=40, noise=0.0):
    turn = 2 * np.pi * np.arange(frames) / frames
    sway = [(np.sin(t), np.cos(t)) for t in turn]
    points = np.stack([turned(FACE, 8 * s, 4 * c, 1 + 0.03 * s, (6 * s, 4 * c)) for s, c in sway])
    return points + _DICE.normal(0, noise, points.shape).astype(np.float32) if noise else points


def seen(found, points):
    space = np.column_stack([points[:, :2], pose.depth(reference(FACE)), np.ones(478)])
    return np.einsum("nki,pi->npk", found, space)


def test_a_turning_head_is_followed():
    points = film()
    found = cameras(reference(FACE), points)
    lips = list(pose.LIPS)
    away = np.linalg.norm(seen(found, FACE)[:, lips] - points[:, lips, :2], axis=-1)
    assert away.max() < 1.0  # calming flattens a fast swing a little


def test_trembling_landmarks_do_not_shake_the_mouth():
    still = film(1).repeat(60, axis=0)
    noisy = still + _DICE.normal(0, 1.0, still.shape).astype(np.float32)
    lips = seen(cameras(reference(FACE), noisy), FACE)[:, list(pose.LIPS)].mean(1)
    assert np.linalg.norm(np.diff(lips, axis=0), axis=1).max() < 0.12


def test_calming_goes_round():
    rows = np.zeros((20, 1), np.float32)
    rows[0] = 1
    out = calmed(rows, 1.0)[:, 0]
    assert np.isclose(out.sum(), 1) and np.isclose(out[1], out[-1]) and out[0] > out[1] > 0.1


def test_the_relief_is_smooth_and_has_the_nose_in_front():
    ref = reference(FACE)
    relief = pose.relief(ref, (100, 250, 160, 160))
    middle = relief[:, relief.shape[1] // 2].mean()
    assert relief[:, 0].mean() > middle + 15 and relief[:, -1].mean() > middle + 15
    assert np.abs(np.diff(relief, axis=1)).max() < 15


def picture():
    """Something like a face for the aligner: shading, and some edges in it."""
    y, x = np.mgrid[0:640, 0:360].astype(np.float32)
    skin = 150 + 40 * np.exp(-(((x - 180) / 60) ** 2) - ((y - 300) / 90) ** 2)
    for at, side, level in [
        ((180, 345), (30, 8), 90),
        ((160, 310), (6, 4), 100),
        ((200, 310), (6, 4), 100),
    ]:
        spot = np.exp(-(((x - at[0]) / side[0]) ** 4) - ((y - at[1]) / side[1]) ** 4)
        skin += (level - skin) * spot
    return cv2.GaussianBlur(skin, (0, 0), 1.2).astype(np.uint8)


STILL = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32)


def moved(luma, matrix):
    centred = matrix.copy()
    centred[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(luma, centred, luma.shape[::-1], flags=cv2.INTER_CUBIC)


@pytest.mark.parametrize("light", [1.0, 0.8])
def test_the_picture_corrects_landmarks_that_are_off(light):
    luma = picture()
    matrix = cv2.getRotationMatrix2D((180, 340), 2.0, 1.01)
    matrix[:, 2] += 3.4, -2.2
    frame = np.clip(moved(luma, matrix) * light, 0, 255).astype(np.uint8)
    guess = STILL.copy()
    guess[:, 3] = 2.0, -1.0  # landmarks that saw most of the shift and none of the turn
    found, alike = Aligner(reference(FACE), luma)(frame, guess)
    mouth = np.array([[160, 345, 0, 1], [180, 345, 0, 1], [200, 345, 0, 1]])
    right = mouth[:, [0, 1, 3]] @ matrix.T
    assert np.abs(mouth @ found.T - right).max() < 0.45
    assert np.abs(mouth @ guess.T - right).max() > 1
    assert alike > 0.95


def test_a_hand_before_the_mouth_is_unlike_and_moves_nothing():
    luma = picture()
    frame = luma.copy()
    frame[290:420, 110:250] = _DICE.integers(0, 255, (130, 140))
    found, alike = Aligner(reference(FACE), luma)(frame, STILL)
    assert alike < 0.6
    assert np.abs(found[:, 3]).max() < 20


def test_a_face_is_brought_back_to_where_it_was():
    luma = picture()
    matrix = cv2.getRotationMatrix2D((180, 340), 5.0, 1.05)
    camera = np.zeros((2, 4), np.float32)
    camera[:, [0, 1, 3]] = matrix
    back = Rectifier(reference(FACE), (120, 250, 120, 150))(moved(luma, matrix), camera)
    away = np.abs(back.astype(int) - luma[250:400, 120:240])
    assert np.percentile(away, 99) < 8 and away.mean() < 1
