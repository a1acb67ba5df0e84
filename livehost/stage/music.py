"""The built-in background music: a quiet original loop, played by sums of sines.

In:  nothing.   Out: (n, 2) int16 at 48 kHz whose end flows into its beginning.

Every note and echo that runs over the end is added to the start, so the loop has no seam.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE

Sound = NDArray[np.float32]

BEATS_A_MINUTE = 80
BARS = 24
_BEAT = SAMPLE_RATE * 60 // BEATS_A_MINUTE  # samples
_BAR = 4 * _BEAT
LENGTH = BARS * _BAR
"""Samples in the loop: 72 seconds."""

_CHORDS = {
    "C": (36, (55, 59, 62, 64)),  # Cmaj9: bass and voicing as MIDI notes
    "Am": (33, (55, 59, 60, 64)),
    "F": (41, (52, 55, 57, 60)),
    "G": (43, (53, 57, 59, 64)),
    "Em": (40, (55, 59, 62, 64)),
    "Dm": (38, (53, 57, 60, 64)),
}
_SONG = ("C", "Am", "F", "G", "C", "Em", "F", "G", "Am", "Em", "F", "C",
         "Dm", "G", "C", "Am", "F", "Em", "Dm", "G", "F", "G", "C", "C")  # fmt: skip
_SCALE = (72, 74, 76, 79, 81, 84)  # C major pentatonic for the melody
_PLUCKS = (0.0, 1.5, 2.5, 3.0)  # beats of a bar on which a chord note is plucked


@cache
def loop(seed: int = 20) -> NDArray[np.int16]:
    """Return the loop; the same for the same seed, not to be written to."""
    dice = np.random.default_rng(seed)
    tape = np.zeros((2, LENGTH), np.float32)
    for bar, name in enumerate(_SONG):
        _play_bar(tape, bar, name, dice)
    _melody(tape, dice)
    wet = _room(tape, dice)
    tape += 0.32 * wet
    tape /= max(float(np.abs(tape).max()), 1e-9)
    return np.ascontiguousarray((tape.T * 26_000).astype(np.int16))


def _play_bar(tape: Sound, bar: int, name: str, dice: np.random.Generator) -> None:
    bass, voicing = _CHORDS[name]
    start = bar * _BAR
    for index, note in enumerate(voicing):
        late = index * 620 + int(dice.integers(240))
        _add(tape, start + late, _keys(note), 0.11, 0.35 + 0.1 * index)
    for beat, level in ((0.0, 0.20), (2.5, 0.12)):
        _add(tape, start + round(beat * _BEAT), _bass(bass), level, 0.5)
    for index, beat in enumerate(_PLUCKS):
        note = voicing[(index + bar) % 4] + 12
        at = start + round(beat * _BEAT) + int(dice.integers(300))
        _add(tape, at, _pluck(note), 0.055 * dice.uniform(0.8, 1.1), (0.68, 0.3)[index % 2])
    if bar >= 4:
        for at, hit, level in _brushes(dice):
            _add(tape, start + at, hit, level, 0.56)


def _brushes(dice: np.random.Generator) -> Iterator[tuple[int, Sound, float]]:
    """Yield the brushed beat of one bar: place in samples, sound, level."""
    for beat in range(4):
        yield beat * _BEAT, _brush(0.20), 0.014 if beat % 2 else 0.008
        swing = round((beat + 0.62) * _BEAT) + int(dice.integers(200))
        yield swing, _brush(0.07), 0.007
    for beat in (1, 3):
        yield beat * _BEAT, _brush(0.03), 0.03


def _melody(tape: Sound, dice: np.random.Generator) -> None:
    """A few bell notes in the middle bars, wandering by steps."""
    place = 2
    for bar in (*range(4, 8), *range(12, 16), *range(18, 22)):
        for beat in (0.5, 2.0, 3.5)[: 2 + bar % 2]:
            place = int(np.clip(place + dice.integers(-2, 3), 0, len(_SCALE) - 1))
            at = bar * _BAR + round(beat * _BEAT)
            _add(tape, at, _bell(_SCALE[place]), 0.034, 0.4 + 0.05 * place)


def _add(tape: Sound, at: int, note: Sound, level: float, pan: float) -> None:
    """Add a mono note at sample `at`, wrapping round; `pan` 0 is left, 1 right."""
    sides = np.array([np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)], np.float32) * level
    at %= LENGTH
    fits = min(len(note), LENGTH - at)
    for channel in (0, 1):
        tape[channel, at : at + fits] += note[:fits] * sides[channel]
        tape[channel, : len(note) - fits] += note[fits:] * sides[channel]


def _time(seconds: float) -> Sound:
    return np.arange(int(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _hertz(note: int) -> float:
    return float(440 * 2 ** ((note - 69) / 12))


def _shaped(wave: Sound, attack: float) -> Sound:
    """Return the wave with a soft start and an end at zero."""
    rise, fall = int(attack * SAMPLE_RATE), SAMPLE_RATE // 20
    wave[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    wave[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return np.asarray(wave, np.float32)


@cache
def _keys(note: int) -> Sound:
    """An electric piano: a sine bent by another, whose bend dies away."""
    t, hertz = _time(3.4), _hertz(note)
    bend = 1.1 * np.exp(-t * 3.0) * np.sin(2 * np.pi * hertz * 2 * t)
    tremor = 1 + 0.10 * np.sin(2 * np.pi * 4.1 * t)
    wave = np.sin(2 * np.pi * hertz * t + bend) * np.exp(-t * 1.05) * tremor
    warm = 0.30 * np.sin(2 * np.pi * hertz * 1.003 * t) * np.exp(-t * 0.7)
    return _shaped(np.asarray(wave + warm, np.float32), 0.012)


@cache
def _bass(note: int) -> Sound:
    t, hertz = _time(1.9), _hertz(note)
    wave = np.sin(2 * np.pi * hertz * t) + 0.28 * np.sin(4 * np.pi * hertz * t) * np.exp(-t * 4)
    return _shaped(np.asarray(wave * np.exp(-t * 1.5), np.float32), 0.015)


@cache
def _pluck(note: int) -> Sound:
    """A nylon string: partials that die faster the higher they are."""
    t, hertz = _time(1.6), _hertz(note)
    wave = np.zeros_like(t)
    for partial in range(1, 7):
        fade = np.exp(-t * (2.2 + 1.5 * partial))
        wave += fade * np.sin(2 * np.pi * hertz * partial * t + partial) / partial**1.6
    return _shaped(wave, 0.004)


@cache
def _bell(note: int) -> Sound:
    t, hertz = _time(2.4), _hertz(note)
    wave = np.sin(2 * np.pi * hertz * t) * np.exp(-t * 2.0)
    wave += 0.22 * np.sin(2 * np.pi * hertz * 2.76 * t) * np.exp(-t * 6.0)
    return _shaped(np.asarray(wave, np.float32), 0.006)


@cache
def _brush(seconds: float) -> Sound:
    """A stroke of the brushes: bright noise, rising and falling."""
    t = _time(seconds + 0.06)
    noise = np.random.default_rng(round(seconds * 1000)).standard_normal(len(t))
    bright = np.diff(noise, prepend=0.0)
    soft = np.convolve(bright, np.ones(3) / 3, mode="same")
    shape = np.minimum(t / (0.3 * seconds), 1) * np.exp(-t * 3.2 / seconds)
    return _shaped(np.asarray(soft * shape, np.float32), 0.002)


def _room(tape: Sound, dice: np.random.Generator) -> Sound:
    """Return the tape as a small soft room answers it (circular convolution)."""
    t = _time(1.3)
    out = np.zeros_like(tape)
    for channel in (0, 1):
        answer = dice.standard_normal(len(t)).astype(np.float32) * np.exp(-t * 4.6)
        answer = np.convolve(answer, np.ones(7, np.float32) / 7, mode="same")
        answer[: SAMPLE_RATE // 60] = 0
        answer /= np.sqrt(np.sum(answer**2))
        spectrum = np.fft.rfft(tape[channel]) * np.fft.rfft(answer, LENGTH)
        out[channel] = np.fft.irfft(spectrum, LENGTH)
    return out
