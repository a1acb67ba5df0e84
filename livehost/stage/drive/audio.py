"""A mouth from sound alone, for voices that give no phone timings: microphones, foreign engines.

In:  the voice of one tick and what follows it.   Out: mouth shapes.

A network says which visemes are to be heard and in what shares; the shapes are the avatar's own.
The share of a closure or of silence must only be clear, not whole, to shut the lips fully: a mean
of what might be said never shuts a mouth.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livehost.errors import BackendBroken
from livehost.media import BLENDSHAPES, SHAPE
from livehost.stage.drive import mel
from livehost.stage.drive.hearing import FUTURE, PAST, STRIDE, Hearing, load_hearing
from livehost.stage.drive.loudness import LoudnessMouth
from livehost.stage.drive.phones import SILENCE
from livehost.stage.drive.timings import GROUP_OF, GROUPS, OPENERS, PURSED

Values = NDArray[np.float32]

CLOSURES = ("f", "m")
"""Visemes that shut the lips, or put the teeth on them."""
CLOSING = (0.3, 0.6)
"""Share of a closure at which lips begin to shut, and at which they are shut."""
RESTING = (0.5, 0.85)
"""The same for the share of silence."""
EVENT = 0.5  # a tendency above this is a raised brow or a blink
_SPAN = PAST + FUTURE + 1 + STRIDE  # frames of two neighbouring moments
_KEPT = _SPAN + 25  # frames: a tick may be half a second long
_MOMENT = STRIDE * mel.HOP  # samples from one moment to the next
_JAW, _PRESS = GROUPS.index("jaw"), GROUPS.index("press")
_PUCKER = SHAPE["mouthPucker"]
_log = logging.getLogger(__name__)


class Follower(Protocol):
    """A mouth that follows sound.

    Attributes:
        accent: whether a syllable that stands out began in the last tick; None: cannot tell.
        blink: whether a phrase ended in it, where people like to blink.
    """

    accent: bool | None
    blink: bool

    def shapes(self, pcm: Values, ahead: Values, period: float) -> Values:
        """Return (53,) float32: the mouth in the middle of this tick.

        Args:
            pcm: (n,) float32, the voice in this tick; NaN counts as silence, what is beyond full
                scale as full scale.
            ahead: (m,) float32, what follows, as far as it is known.
            period: seconds since the last call.
        """

    def reset(self) -> None:
        """Forget what was heard: another sentence begins."""


def follower(visemes: Mapping[str, Values]) -> Follower:
    """Return the network's mouth; the hand-made one, with a warning, where it cannot be loaded."""
    try:
        return AudioMouth(load_hearing(), visemes)
    except BackendBroken as error:
        _log.warning("mouth from sound: model not usable, by loudness", extra={"why": str(error)})
        return LoudnessMouth(visemes)


class AudioMouth:
    """Follows a voice; remembers the last 0.6 s of it.

    Without what follows, the mouth is a little late.

    Args:
        visemes: the avatar's targets; one that it lacks is taken for silence.
    """

    def __init__(self, hearing: Hearing, visemes: Mapping[str, Values]) -> None:
        self._hearing = hearing
        rest = visemes.get(SILENCE, np.zeros(len(BLENDSHAPES), np.float32))
        self._targets = np.stack([visemes.get(name, rest) for name in hearing.visemes])
        index = hearing.visemes.index
        self._silence = index(SILENCE)
        self._closures = [(index(name), visemes.get(name, rest)) for name in CLOSURES]
        self.accent: bool | None = False
        self.blink = False
        self.reset()

    def reset(self) -> None:
        self._pcm = np.zeros(mel.WINDOW // 2, np.float32)  # not yet in `_frames`
        self._frames = np.zeros((0, mel.BANDS), np.float32)
        self._first = 0  # number of the first of them; frame k lies around sample k * HOP
        self._heard = 0  # samples
        self._brow = self._lid = 0.0

    def shapes(self, pcm: Values, ahead: Values, period: float) -> Values:
        frames = self._listen(_clean(pcm), _clean(ahead))
        at = max(0.0, (self._heard - len(pcm) / 2) / _MOMENT)
        moment, part = int(at), at - int(at)
        shares, more = self._hearing.hear(self._around(moment * STRIDE, frames))
        weights = np.array([1 - part, part], np.float32)
        reach, brow, lid = (float(value) for value in weights @ more)
        self.accent, self._brow = self._brow <= EVENT < brow, brow
        self.blink, self._lid = self._lid <= EVENT < lid, lid
        return self._composed(np.tensordot(weights, shares, 1), reach)

    def _listen(self, pcm: Values, ahead: Values) -> Values:
        """Take in the sound of a tick; return the frames known, with those of what follows."""
        self._heard += len(pcm)
        self._pcm = np.concatenate([self._pcm, pcm])
        done = mel.frames(self._pcm)
        self._pcm = self._pcm[len(done) * mel.HOP :]
        self._frames = np.concatenate([self._frames, done])
        past = max(0, len(self._frames) - _KEPT)
        self._frames, self._first = self._frames[past:], self._first + past
        return np.concatenate([self._frames, mel.frames(np.concatenate([self._pcm, ahead]))])

    def _around(self, frame: int, frames: Values) -> Values:
        """Return what the network is given for the moments at `frame` and behind it."""
        start = frame - PAST - self._first  # of `frames`
        low, high = max(0, start), min(len(frames), start + _SPAN)
        heard = np.zeros((mel.BANDS + 1, _SPAN), np.float32)
        if high > low:
            heard[:-1, low - start : high - start] = frames[low:high].T
            heard[-1, low - start : high - start] = 1
        return heard

    def _composed(self, shares: Values, reach: float) -> Values:
        """Return the shapes of (groups, visemes) shares."""
        shapes = (shares[GROUP_OF].T * self._targets).sum(0)
        shapes[list(OPENERS)] *= reach
        rounded = float(shapes[_PUCKER])
        for viseme, target in self._closures:
            hold = _ramp(float(shares[_PRESS, viseme]), CLOSING)
            shapes += hold * (target - shapes)
        shapes[_PUCKER] = max(shapes[_PUCKER], min(rounded, PURSED))
        shapes *= 1 - _ramp(float(shares[_JAW, self._silence]), RESTING)
        return np.asarray(np.clip(shapes, 0, 1), np.float32)


def _clean(pcm: Values) -> Values:
    return np.clip(np.nan_to_num(pcm), -1, 1).astype(np.float32)


def _ramp(value: float, between: tuple[float, float]) -> float:
    x = min(1.0, max(0.0, (value - between[0]) / (between[1] - between[0])))
    return x * x * (3 - 2 * x)
