"""How a sentence is said: speed, melody and effort, by its emotion, its words and its end.

In:  durations, pitch and energy from the encoder.   Out: pitch and energy to make the sound from.

An emotion is a blend of two voices' manners of speaking (not of their sound) and a movement of
speed, pitch and energy. Emphasised words are lifted a little, questions rise at their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEMITONE = float(np.log(2) / 12)
VOICED = 10.0  # Hz
SPEECH = -5.0  # log energy below which a tick is silent

_EDGE = 4  # ticks over which a lift begins and ends
_LIFT_PITCH, _LIFT_ENERGY = 1.2, 0.25  # semitones and log energy of an emphasised word
_RISE, _RISE_TICKS = 2.0, 32  # semitones over the last 400 ms of a question
_PITCH_BOUNDS = (60.0, 500.0)  # Hz
_MOST_MOVED = 4.0  # semitones up or down in all: what the vocoder was trained for


@dataclass(frozen=True, slots=True)
class Style:
    """A manner of speaking, relative to the voice's own.

    Attributes:
        speed: factor.
        pitch: semitones.
        melody: factor on the movement of pitch around its mean.
        energy: added to the log energy: how much effort is in the voice, not how loud it is.
        like: whose manner is mixed in ("lively" or "calm", see `MANNERS`), and its share, 0 to 1.
    """

    speed: float = 1.0
    pitch: float = 0.0
    melody: float = 1.0
    energy: float = 0.0
    like: tuple[str, float] = ("", 0.0)

    def scaled(self, amount: float) -> Style:
        """Return the style in part (0 is the voice's own manner) or exaggerated (up to 1.5)."""
        name, share = self.like
        return Style(
            1 + (self.speed - 1) * amount,
            self.pitch * amount,
            1 + (self.melody - 1) * amount,
            self.energy * amount,
            (name, min(0.6, share * amount)),
        )


STYLES = {
    "neutral": Style(),
    "friendly_smile": Style(1.0, 0.3, 1.06, 0.05, ("lively", 0.15)),
    "excited": Style(1.06, 0.8, 1.12, 0.25, ("lively", 0.35)),
    "surprised": Style(1.02, 1.0, 1.12, 0.15, ("lively", 0.25)),
    "thinking": Style(0.94, -0.2, 0.95, -0.1, ("calm", 0.2)),
    "calm": Style(0.95, -0.3, 0.95, -0.1, ("calm", 0.25)),
    "apologetic": Style(0.94, -0.5, 0.9, -0.2, ("calm", 0.3)),
}
"""By the avatar's emotions; other names are neutral."""

MANNERS = {
    "zf_": {"lively": "zf_xiaoyi", "calm": "zf_xiaobei"},
    "zm_": {"lively": "zm_yunxi", "calm": "zm_yunyang"},
}
"""Kokoro voices that lend their manner, by the language and sex of the voice that speaks: only
voices of one sort mix well."""


def blended(
    voice: NDArray[np.float32], other: NDArray[np.float32] | None, share: float
) -> NDArray[np.float32]:
    """Return a (256,) voice vector that sounds like `voice` and speaks a `share` like `other`.

    The first half of a vector is the sound of a voice, the second half its manner.
    """
    if other is None or not share:
        return voice
    half = len(voice) // 2
    manner = (1 - share) * voice[half:] + share * other[half:]
    return np.concatenate([voice[:half], manner]).astype(np.float32)


def shaped(
    pitch: NDArray[np.float32],
    energy: NDArray[np.float32],
    style: Style,
    lifted: Sequence[tuple[int, int]] = (),
    question: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return pitch (1, ticks) in Hz and log energy (1, ticks) moved as asked.

    Args:
        lifted: (start, end) ticks of emphasised words.
        question: the clause ends in a question mark.
    """
    hertz, level = pitch[0], energy[0]
    voiced = (hertz > VOICED) & (level > SPEECH)
    if not voiced.any():
        return pitch, energy
    log_pitch = np.log(np.maximum(hertz, 1.0))
    move = (log_pitch - log_pitch[voiced].mean()) * (style.melody - 1) + style.pitch * SEMITONE
    effort = np.full(len(level), style.energy)
    for start, end in lifted:
        bump = _bump(len(level), start, end)
        move += bump * _LIFT_PITCH * SEMITONE
        effort += bump * _LIFT_ENERGY
    if question:
        last = int(np.flatnonzero(voiced)[-1]) + 1
        ramp = np.clip((np.arange(len(level)) - (last - _RISE_TICKS)) / _RISE_TICKS, 0, 1)
        move += ramp * _RISE * SEMITONE
    move = np.clip(move, -_MOST_MOVED * SEMITONE, _MOST_MOVED * SEMITONE)
    moved = np.where(voiced, np.clip(hertz * np.exp(move), *_PITCH_BOUNDS), hertz)
    louder = np.where(level > SPEECH, level + effort, level)
    return moved[None].astype(np.float32), louder[None].astype(np.float32)


def _bump(length: int, start: int, end: int) -> NDArray[np.float64]:
    """Return 1 within a stretch, with smooth edges outside it."""
    at = np.arange(length)
    into = np.clip((at - (start - _EDGE)) / _EDGE, 0, 1)
    out = np.clip(((end + _EDGE) - at) / _EDGE, 0, 1)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * into * out))
