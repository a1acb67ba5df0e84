"""Speech as it comes in life: another pitch and pace, rooms, noise, music, levels, telephones.

In:  clean clips with their labels.   Out: `Example`s: log-mel frames and labels on one clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from livehost.brain.voice.kokoro_model import SAMPLE_RATE as VOICE_RATE
from livehost.clock import SAMPLE_RATE
from livehost.lipsync.data import Clip
from livehost.lipsync.labels import RATE, Labels
from livehost.stage import music
from livehost.stage.drive import mel

Sound = NDArray[np.float32]
Random = np.random.Generator

LEVEL = 0.1  # RMS that speech has before its gain is drawn
_STEP = SAMPLE_RATE // RATE
_CUTS = (3_400, 4_000, 5_500, 7_000, 11_000)  # Hz
_SPEECHLESS = 0.12  # share of examples in which nobody speaks
_BANDS = np.arange(mel.BANDS, dtype=np.float32)
_CHORDS = ((0, 4, 7), (0, 3, 7), (0, 4, 7, 11), (0, 3, 7, 10), (0, 5, 7), (0, 7))


@dataclass(frozen=True, slots=True)
class Example:
    """One stretch of sound.

    Attributes:
        frames: (2 * n, BANDS) float32, frame k around sample k * HOP.
        labels: n of them, the first at sample 0.
    """

    frames: Sound
    labels: Labels


def example(clip: Clip, labels: Labels, others: list[Clip], random: Random) -> Example:
    """Return a clip as it might be heard, or a stretch without speech of the same length.

    Args:
        others: whose voices may babble in the background.
    """
    speech, labels = paced(clip, labels, random)
    if random.random() < _SPEECHLESS:
        sound = _background(len(speech), [], random) * float(10 ** random.uniform(-3, -0.5))
        return plain(_level(sound, random), _still(labels, len(labels.brow)))
    speech, labels = _surrounded(speech, labels, random)
    if random.random() < 0.35:
        speech = in_a_room(speech, random)
    if random.random() < 0.6:
        speech = speech + _behind(speech, others, random)
    if random.random() < 0.35:
        speech = _narrow(speech, random)
    return plain(_level(speech, random), labels)


def plain(sound: Sound, labels: Labels) -> Example:
    """Return an example of 48 kHz `sound` as it is."""
    count = min(len(labels.brow), len(sound) // _STEP)
    padded = np.pad(sound, (mel.WINDOW // 2, mel.WINDOW // 2))
    return Example(mel.frames(padded)[: 2 * count], _each(labels, lambda rows: rows[:count]))


def at_level(clip: Clip) -> Sound:
    """Return a clip at 48 kHz and `LEVEL`."""
    return _loud(soxr.resample(clip.pcm, VOICE_RATE, SAMPLE_RATE))


def _loud(sound: Sound) -> Sound:
    """Bring speech to `LEVEL`, by the louder half of it."""
    power = np.sort((sound[: len(sound) // 480 * 480].reshape(-1, 480) ** 2).mean(axis=1))
    rms = float(np.sqrt(power[len(power) // 2 :].mean())) if len(power) else 0.0
    return np.asarray(sound * (LEVEL / max(rms, 1e-5)), np.float32)


def paced(clip: Clip, labels: Labels, random: Random) -> tuple[Sound, Labels]:
    """Play a clip faster and higher, or slower and lower."""
    factor = float(random.uniform(0.8, 1.25)) if random.random() < 0.6 else 1.0
    sound = _loud(soxr.resample(clip.pcm, VOICE_RATE * factor, SAMPLE_RATE, quality="MQ"))
    if factor == 1.0:
        return sound, labels
    count = int(len(labels.brow) / factor)
    where = np.minimum(np.arange(count) * factor, len(labels.brow) - 1)
    here = where.astype(int)
    there = np.minimum(here + 1, len(labels.brow) - 1)
    part = (where - here).astype(np.float32)

    def between(rows: Sound) -> Sound:
        share = part.reshape(-1, *[1] * (rows.ndim - 1))
        return np.asarray(rows[here] * (1 - share) + rows[there] * share, np.float32)

    return sound, _each(labels, between)


def other_voice(frames: Sound, random: Random) -> Sound:
    """Return (n, BANDS) frames as from another throat, through another microphone.

    Formants are moved by up to 13 %, levels by a smooth curve of some decibels; at times a few
    bands are lost. Source: Jaitly and Hinton, Vocal tract length perturbation, 2013; Park et al.,
    SpecAugment, 2019.
    """
    if random.random() < 0.6:
        where = np.interp(mel.centres() * random.uniform(0.87, 1.13), mel.centres(), _BANDS)
        here = np.minimum(where.astype(int), mel.BANDS - 2)
        part = (where - here).astype(np.float32)
        frames = frames[:, here] * (1 - part) + frames[:, here + 1] * part
    if random.random() < 0.6:
        waves = np.cos(np.pi * np.outer(np.arange(4), (_BANDS + 0.5) / mel.BANDS))
        frames = frames + (random.normal(size=4) * 0.6 @ waves).astype(np.float32)
    if random.random() < 0.3:
        frames, low = frames.copy(), int(random.integers(mel.BANDS - 4))
        frames[:, low : low + int(random.integers(1, 6))] = mel.SILENT
    return np.asarray(np.maximum(frames, mel.SILENT), np.float32)


def _surrounded(sound: Sound, labels: Labels, random: Random) -> tuple[Sound, Labels]:
    """Put silence before and behind."""
    before, after = int(random.uniform(0, 0.6) * RATE), int(random.uniform(0.2, 1.0) * RATE)
    joined = [_still(labels, before), labels, _still(labels, after)]
    longer = {
        f.name: np.concatenate([getattr(part, f.name) for part in joined]) for f in fields(labels)
    }
    padded = np.pad(sound, (before * _STEP, after * _STEP))
    return padded, Labels(**longer)


def _still(labels: Labels, count: int) -> Labels:
    """Return `count` labels of a mouth at rest."""
    still = _each(labels, lambda rows: np.zeros((count, *rows.shape[1:]), np.float32))
    still.shares[:, :, 0] = 1
    return still


def _each(labels: Labels, change: Callable[[Sound], Sound]) -> Labels:
    return Labels(**{f.name: change(getattr(labels, f.name)) for f in fields(labels)})


def in_a_room(sound: Sound, random: Random) -> Sound:
    """Add an echo that decays exponentially, darker than the voice."""
    decay = random.uniform(0.12, 0.6)  # seconds to -60 dB
    length = int(decay * SAMPLE_RATE)
    tail = random.normal(size=length) * 10 ** (-3 * np.arange(length) / length)
    tail = np.convolve(tail, np.ones(6) / 6, mode="same")
    tail[: int(random.uniform(0.002, 0.02) * SAMPLE_RATE)] = 0
    tail *= 10 ** (random.uniform(-16, 0) / 20) / np.sqrt((tail**2).sum())
    return (sound + _convolved(sound, tail)).astype(np.float32)


def _convolved(sound: Sound, with_: NDArray[np.float64]) -> NDArray[np.float64]:
    size = _size(len(sound) + len(with_))
    both = np.fft.rfft(sound, size) * np.fft.rfft(with_, size)
    return np.asarray(np.fft.irfft(both, size)[: len(sound)])


def _size(least: int) -> int:
    """Return a length from `least` on that is quick to transform."""
    power = 1 << max(2, (least - 1).bit_length())
    return min(size for size in (power, power // 8 * 5, power // 4 * 3) if size >= least)


def _behind(speech: Sound, others: list[Clip], random: Random) -> Sound:
    """Return something softer than the speech that sounds along with it."""
    ratio = random.uniform(4, 38)  # dB
    return _background(len(speech), others, random) * np.float32(LEVEL * 10 ** (-ratio / 20))


def _background(length: int, others: list[Clip], random: Random) -> Sound:
    """Return noise, music or, if there are `others`, babble, with an RMS of 1."""
    kind = random.choice(("noise", "hum", "loop", "chords", "babble" if others else "noise"))
    if kind == "noise":
        sound = coloured(length, random)
    elif kind == "hum":
        sound = 0.3 * coloured(length, random) + tones(length, random)
    elif kind == "loop":
        start = random.integers(music.LENGTH)
        sound = np.take(loop(), np.arange(start, start + length), mode="wrap")
    elif kind == "chords":
        sound = chords(length, random)
    else:
        sound = _babble(length, others, random)
    return np.asarray(sound / max(float(np.sqrt((sound**2).mean())), 1e-6), np.float32)


def coloured(length: int, random: Random) -> Sound:
    """Return noise from white to brown."""
    size = _size(length)
    spectrum = np.fft.rfft(random.standard_normal(size, np.float32))
    hertz = np.maximum(np.arange(len(spectrum)) * SAMPLE_RATE / size, 40)
    noise = np.fft.irfft(spectrum * hertz ** random.uniform(-1.0, 0.1), size)[:length]
    return np.asarray(noise / noise.std(), np.float32)


def tones(length: int, random: Random) -> Sound:
    """Return a steady hum with overtones: mains, fans, beeps."""
    hertz, at = random.uniform(50, 900), np.arange(length, dtype=np.float32) / SAMPLE_RATE
    sound = np.zeros(length, np.float32)
    for overtone in range(1, int(random.integers(2, 9))):
        sound += np.sin(2 * np.pi * hertz * overtone * at) / overtone
    return sound


def chords(length: int, random: Random) -> Sound:
    """Return notes that are struck or held, in chords, with a drum in half of it."""
    sound, at = np.zeros(length, np.float32), 0
    beat = int(SAMPLE_RATE * random.uniform(0.25, 0.9))
    held, bright = random.uniform(0.3, 4), int(random.integers(2, 8))
    drum = random.random() < 0.5
    while at < length:
        size = min(2 * beat, length - at)
        time = np.arange(size, dtype=np.float32) / SAMPLE_RATE
        root = int(random.integers(40, 72))
        for note in _CHORDS[random.integers(len(_CHORDS))]:
            hertz = 440 * 2 ** ((root + note - 69) / 12)
            for overtone in range(1, bright):
                wave = np.sin(2 * np.pi * hertz * overtone * time) * np.exp(-time / held)
                sound[at : at + size] += wave / overtone**1.3
        sound[at : at + 240] *= np.linspace(0, 1, min(240, size), dtype=np.float32)
        if drum:
            hit = random.normal(size=size) * np.exp(-time * 30)
            sound[at : at + size] += hit.astype(np.float32) * 2
        at += beat
    return sound


@cache
def loop() -> Sound:
    """Return the built-in music, in one channel."""
    return np.asarray(music.loop().mean(axis=1) / 32768, np.float32)


def _babble(length: int, others: list[Clip], random: Random) -> Sound:
    sound = np.zeros(length, np.float32)
    for _ in range(random.integers(3, 7)):
        voice = at_level(others[random.integers(len(others))])
        start = random.integers(len(voice))
        sound += np.take(voice, np.arange(start, start + length), mode="wrap")
    return sound


def _narrow(sound: Sound, random: Random) -> Sound:
    """Cut off what a telephone or a strong coder cuts off."""
    size = _size(len(sound))
    spectrum = np.fft.rfft(sound, size)
    hertz = np.arange(len(spectrum)) * SAMPLE_RATE / size
    cut = random.choice(_CUTS)
    gain = 1 / (1 + np.minimum(hertz / cut, 10) ** 40)
    if cut < 4_500:
        gain *= 1 / (1 + (250 / np.maximum(hertz, 1)) ** 6)
    return np.asarray(np.fft.irfft(spectrum * gain, size)[: len(sound)], np.float32)


def _level(sound: Sound, random: Random) -> Sound:
    """Draw a gain from -18 to 6 dB, clip what is too loud, shift by some DC now and then."""
    louder = sound * np.float32(10 ** (random.uniform(-18, 6) / 20))
    if random.random() < 0.1:
        louder = np.clip(louder * 6, -0.5, 0.5)
    if random.random() < 0.1:
        louder = louder + np.float32(random.uniform(-0.1, 0.1))
    return np.asarray(np.clip(louder, -1, 1), np.float32)
