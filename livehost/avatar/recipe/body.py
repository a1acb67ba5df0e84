"""One person: the base mesh with an identity, a resting face and arms that hang down.

In:  a host's parameters, the MakeHuman data.   Out: vertices for any face and any turn of the head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from livehost.avatar.recipe.host import Host, Lids, Posture
from livehost.avatar.recipe.mesh import Faces, MakeHuman
from livehost.avatar.recipe.space import (
    F64,
    Ints,
    about_x,
    about_y,
    about_z,
    blob,
    nearest,
    smooth,
    unit,
)

Coefs = Mapping[str, float]
_FOREARM = ("lowerarm", "wrist", "finger", "metacarpal")
_ARM = ("upperarm", *_FOREARM)
_LENGTHEN = 0.45  # of the forearm, so that the hands leave the frame
_FORWARD = math.radians(-14)  # bend of the elbow towards the camera


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the head: `points` (n, 3) -> points, with its rotation and centre."""

    rotation: F64
    pivot: F64
    low: float
    height: float
    still: bool

    def bend(self, points: F64) -> F64:
        """Return `points` (..., 3) turned; below the neck less and less."""
        if self.still:
            return points
        share = np.clip((points[..., 1] - self.low) / self.height, 0, 1)
        share = (share * share * (3 - 2 * share))[..., None]
        return np.asarray(points * (1 - share) + self.rigid(points) * share)

    def rigid(self, points: F64) -> F64:
        """Return `points` (..., 3) turned as the skull is."""
        return np.asarray((points - self.pivot) @ self.rotation.T + self.pivot)


class Body:
    """The host's body.

    Attributes:
        base: (19158, 3) vertices at rest.
        eyes: centre of the eyeball on each side, "l" and "r".
        arms: (19158,) how far each vertex follows an arm.
        eye_radius, eye_height, chin, crown: landmarks.
    """

    def __init__(self, host: Host, data: MakeHuman) -> None:
        self.host, self.data = host, data
        self.base, self.arms = _posed(_shaped(host, data), data, host.posture)
        self.eyes = {side: self._eye(side) for side in "lr"}
        self.eye_radius = float(np.ptp(self.base[data.members("helper-l-eye")][:, 1]) / 2)
        self.eye_height = float((self.eyes["l"][1] + self.eyes["r"][1]) / 2)
        skin = self.base[data.members("body")]
        middle = skin[np.abs(skin[:, 0]) < 0.05]
        self.crown = float(middle[:, 1].max() + host.camera.hair_room)
        self.chin = self._chin(middle)

    @property
    def skin(self) -> Faces:
        """The faces of the skin."""
        return self.data.groups["body"]

    def triangles(self) -> Ints:
        """Return the skin's faces (2 n, 3), each quad cut in two."""
        quads = self.skin.corners
        return np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3)

    def members(self, group: str) -> Ints:
        """Return the vertices of `group`."""
        return self.data.members(group)

    def face(self, coefs: Coefs) -> F64:
        """Return (19158, 3) vertices that show these blendshapes (0..1, `x_tongueUp` too)."""
        lids, out = self.host.lids, self.base.copy()
        for name, weight in coefs.items():
            if weight and not name.startswith("x_"):
                reach = lids.reach if name.startswith("eyeBlink") else 1
                out += weight * reach * self.data.unit(name)
        self._raise_tongue(out, coefs.get("x_tongueUp", 0))
        self._close_lids(out, coefs, lids)
        return out

    def turn(self, yaw: float = 0, pitch: float = 0, roll: float = 0) -> Turn:
        """Return the turn of the head by these radians."""
        neck = self.host.neck
        rotation = about_y(yaw) @ about_x(pitch) @ about_z(roll)
        still = yaw == pitch == roll == 0
        return Turn(rotation, np.array(neck.pivot), neck.low, neck.height, still)

    def _eye(self, side: str) -> F64:
        return np.asarray(self.base[self.members(f"helper-{side}-eye")].mean(0))

    def _chin(self, middle: F64) -> float:
        below = self.eye_height - middle[:, 1]
        front = (below > 0.6) & (below < 1.25) & (middle[:, 2] > 1.12)
        return float(middle[front][:, 1].min())

    def _raise_tongue(self, out: F64, amount: float) -> None:
        """Lift the tip of the tongue towards the ridge behind the upper teeth."""
        if not amount:
            return
        tongue = self.members("helper-tongue")
        _, height, ahead = self.base[tongue].T
        tip = np.clip((ahead - 0.72) / 0.42, 0, 1)
        upper = (height - height.min()) / np.ptp(height)
        out[tongue, 1] += amount * tip * (0.015 + 0.075 * upper)
        out[tongue, 2] += amount * 0.05 * tip

    def _close_lids(self, out: F64, coefs: Coefs, lids: Lids) -> None:
        """Take back what the resting face opens, so that a full blink is shut."""
        for side in ("Left", "Right"):
            blink = coefs.get(f"eyeBlink{side}", 0)
            if blink:
                out -= blink * lids.rest * self.data.unit(f"eyeWide{side}")


def _shaped(host: Host, data: MakeHuman) -> F64:
    """Return the base mesh with identity and resting face."""
    out = data.vertices.copy()
    for name, weight in host.identity.items():
        out += weight * data.target(name)
    for name, weight in host.resting.items():
        out += weight * data.unit(name)
    if host.posture.chin is not None:
        out[:, 1] += host.posture.chin - _raw_chin(out, data)
    if host.neck.apple:
        apple = blob(out, (0, 4.86, 0.75), (0.07, 0.09, 0.25)) * (out[:, 2] > 0.3)
        out[:, 2] += host.neck.apple * apple
    return out


def _raw_chin(points: F64, data: MakeHuman) -> float:
    """Return the height of the chin of a body that is not posed yet."""
    skin = points[data.members("body")]
    below = points[data.members("helper-l-eye")][:, 1].mean() - skin[:, 1]
    front = (np.abs(skin[:, 0]) < 0.05) & (skin[:, 2] > 1.0)
    return float(skin[front & (below > 0.6) & (below < 1.45)][:, 1].min())


def _posed(points: F64, data: MakeHuman, posture: Posture) -> tuple[F64, F64]:
    """Return `points` with the arms down, and how far each follows an arm."""
    arms = np.zeros(len(points))
    for side, sign in (("L", 1), ("R", -1)):
        points, arm = _arm_down(points, data, posture, side, sign)
        arms += arm
    eyes = points[data.members("helper-l-eye")][:, 1].mean()
    height = points[:, 1]
    points[:, 0] *= 1 - posture.slim * (1 - smooth(eyes - 1.72, eyes - 1.25, height))
    outer = smooth(0.75, 1.35, np.abs(points[:, 0]))
    points[:, 1] += posture.shoulders * np.exp(-(((height - (eyes - 1.5)) / 0.35) ** 2)) * outer
    return points, arms


def _arm_down(
    points: F64, data: MakeHuman, posture: Posture, side: str, sign: int
) -> tuple[F64, F64]:
    """Return `points` with one arm down, bent at the elbow; and how far each follows it."""
    arm, forearm = data.weights(_ARM, side), data.weights(_FOREARM, side)
    _borrow(points, data, sign, arm, forearm)
    elbow = points[(forearm > 0.4) & (forearm < 0.6)].mean(0)
    along = unit([sign * 1.0, -1.25, 0])
    below = points - elbow
    below = below + np.clip(below @ along, 0, 9)[:, None] * along * _LENGTHEN
    bent = below @ (about_z(-sign * math.radians(posture.elbow)) @ about_x(_FORWARD)).T + elbow
    points = points * (1 - forearm[:, None]) + bent * forearm[:, None]
    shoulder = np.array([sign * posture.shoulder[0], *posture.shoulder[1:]])
    hung = (points - shoulder) @ about_z(-sign * math.radians(posture.arm)).T + shoulder
    return np.asarray(points * (1 - arm[:, None]) + hung * arm[:, None]), arm


def _borrow(points: F64, data: MakeHuman, sign: int, arm: F64, forearm: F64) -> None:
    """Give the helpers (clothes), which have no weights, those of the skin near them."""
    skin = data.members("body")
    known = skin[points[skin][:, 0] * sign > 0.5]
    helpers = np.setdiff1d(np.arange(len(points)), skin)
    helpers = helpers[(points[helpers][:, 0] * sign > 0.8) & (arm[helpers] == 0)]
    near, apart = nearest(points[known], points[helpers], 4)
    share = 1 / (apart + 0.02)
    share /= share.sum(1, keepdims=True)
    arm[helpers] = (arm[known[near]] * share).sum(1)
    forearm[helpers] = (forearm[known[near]] * share).sum(1)
