"""What the mouth should do at each moment of a clip, from its phones and its prosody.

In:  a `Clip`.   Out: `Labels` at 50 Hz.

Lips come from the timing-driven curves. Their targets enter those curves linearly, so the share
that each viseme has in each group of muscles is found by drawing the curve once for each viseme,
with a target of 1 in one blendshape of every group. Brows lean on the pitch and effort of the
voice, eyelids on the ends of phrases: tendencies, which no recording of faces backs.
Source: Guaitella et al., Are eyebrow movements linked to voice variations?, 2009; Nakano and
Kitazawa, Eyeblink entrainment at breakpoints of speech, 2010.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar, load_avatar
from livehost.brain.voice.say import default_room
from livehost.clock import SAMPLE_RATE
from livehost.lipsync.data import Clip
from livehost.media import BLENDSHAPES, SHAPE, Phone
from livehost.stage.drive.phones import SILENCE
from livehost.stage.drive.timings import STEP, Articulator

Values = NDArray[np.float32]

RATE = 50
"""Labels in a second."""
_EVERY = round(1 / RATE / STEP)
_PROBES = [
    SHAPE[name]
    for name in ("jawLeft", "mouthFunnel", "mouthSmileLeft", "mouthPressLeft", "x_tongueUp")
]
"""One blendshape of each group, which no rule of the curves treats apart."""
_TICK = 1 / 80  # seconds between values of pitch and energy
_ACCENT_APART, _ACCENT_LENGTH, _ACCENT_LEAST = 1.2, 0.12, 1.0  # seconds, seconds, deviations
_BLINK_LENGTH, _BLINK_PAUSE, _BLINK_AFTER = 0.2, 0.12, 0.8  # seconds


@dataclass(frozen=True, slots=True)
class Labels:
    """Attributes: at each of n moments, `1 / RATE` seconds apart, from the clip's first sample.

    shapes: (n, 53) the reference avatar's curve.
    shares: (n, groups, visemes) what the curve is made of; each row sums to 1.
    brow, blink: (n,) tendencies, 0 to 1.
    """

    shapes: Values
    shares: Values
    brow: Values
    blink: Values


def reference() -> Avatar:
    """Return the avatar whose curves are the labels."""
    return load_avatar(default_room().avatar.path)


class Labeller:
    """Makes labels with the visemes of a reference avatar.

    Attributes:
        visemes: in the order of `Labels.shares`, silence first.
    """

    def __init__(self, avatar: Avatar) -> None:
        self.visemes = (SILENCE, *(name for name in avatar.visemes if name != SILENCE))
        self._whole = Articulator(avatar.visemes, avatar.ipa)
        self._parts = [
            Articulator(_only(self.visemes, viseme), avatar.ipa) for viseme in self.visemes
        ]

    def label(self, clip: Clip) -> Labels:
        """Return the labels of a clip."""
        count = int(clip.seconds * RATE) + 1
        shares = np.stack([self._drawn(p, clip, count)[:, _PROBES] for p in self._parts], axis=2)
        shares[:, :, 0] += 1e-6  # behind the end of the curve
        shares /= shares.sum(axis=2, keepdims=True)
        return Labels(
            self._drawn(self._whole, clip, count),
            shares.astype(np.float32),
            _brow(clip, count),
            _blink(clip.phones, count),
        )

    @staticmethod
    def _drawn(articulator: Articulator, clip: Clip, count: int) -> Values:
        points = articulator.curve(clip.phones).points[::_EVERY][:count]
        return np.pad(points, ((0, count - len(points)), (0, 0)))


def _only(visemes: tuple[str, ...], one: str) -> Mapping[str, Values]:
    """Return targets of 0, but 1 for viseme `one` in the probed blendshapes."""
    targets = {name: np.zeros(len(BLENDSHAPES), np.float32) for name in visemes}
    targets[one][_PROBES] = 1
    return targets


def _brow(clip: Clip, count: int) -> Values:
    """Return bumps at syllables that stand out by pitch and effort, never close together."""
    voiced = clip.pitch > 50
    out = np.zeros(count, np.float32)
    if voiced.sum() < 20:
        return out
    pitch = np.log(np.maximum(clip.pitch, 50))
    stands = 0.7 * _deviation(pitch, voiced) + 0.5 * _deviation(clip.energy, voiced)
    stands = np.convolve(np.where(voiced, stands, 0), np.hanning(17) / 8, mode="same")
    moments = np.arange(count) / RATE
    for at in _peaks(stands):
        bump = np.exp(-(((moments - at) / _ACCENT_LENGTH) ** 2))
        out = np.maximum(out, bump.astype(np.float32))
    return out


def _deviation(values: Values, where: NDArray[np.bool_]) -> Values:
    spread = max(float(values[where].std()), 1e-3)
    return np.asarray((values - np.median(values[where])) / spread, np.float32)


def _peaks(values: Values) -> list[float]:
    """Return seconds of the highest values, `_ACCENT_APART` from each other."""
    left, out = values.copy(), []
    apart = round(_ACCENT_APART / _TICK)
    while (top := int(left.argmax())) is not None and left[top] > _ACCENT_LEAST:
        out.append(top * _TICK)
        left[max(0, top - apart) : top + apart] = -np.inf
    return out


def _blink(phones: tuple[Phone, ...], count: int) -> Values:
    """Return 1 where a phrase has just ended."""
    out, began = np.zeros(count, np.float32), 0.0
    for phone in phones:
        start, end = phone.start / SAMPLE_RATE, phone.end / SAMPLE_RATE
        if phone.ipa != SILENCE or (end - start < _BLINK_PAUSE and phone is not phones[-1]):
            continue
        if start - began > _BLINK_AFTER:
            out[round(start * RATE) : round((start + _BLINK_LENGTH) * RATE)] = 1
        began = end
    return out
