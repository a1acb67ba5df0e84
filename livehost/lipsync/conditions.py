"""What a mouth is measured in: clean speech, speech made hard to hear, sound without speech.

In:  clips.   Out: sounds at 48 kHz, the same every time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import soxr

from livehost.clock import SAMPLE_RATE
from livehost.lipsync import augment
from livehost.lipsync.augment import LEVEL, Sound
from livehost.lipsync.data import Clip
from livehost.stage import music

Heard = list[tuple[Clip, Sound]]

_SECONDS = 20


def plain(clips: list[Clip]) -> Heard:
    """Return each clip as it goes on air."""
    return [(clip, augment.at_level(clip)) for clip in clips]


def hard(clips: list[Clip]) -> Iterator[tuple[str, Heard]]:
    """Yield the name of each condition and the clips in it."""
    random = np.random.default_rng(7)

    def noisy(sound: Sound) -> Sound:
        return sound + augment.coloured(len(sound), random) * np.float32(LEVEL * 10 ** (-15 / 20))

    def over_music(sound: Sound) -> Sound:
        start = int(random.integers(music.LENGTH))
        bed = np.take(augment.loop(), np.arange(start, start + len(sound)), mode="wrap")
        return sound + bed * np.float32(LEVEL * 10 ** (-12 / 20) / np.sqrt((bed**2).mean()))

    changes: dict[str, Callable[[Sound], Sound]] = {
        "noise at 15 dB": noisy,
        "music at 12 dB": over_music,
        "in a room": lambda sound: augment.in_a_room(sound, random),
        "8 kHz": _telephone,
        "12 dB softer": lambda sound: sound * np.float32(0.25),
        "clipped": lambda sound: np.clip(sound * 8, -0.5, 0.5),
    }
    for name, change in changes.items():
        yield name, [(clip, change(sound).astype(np.float32)) for clip, sound in plain(clips)]


def _telephone(sound: Sound) -> Sound:
    narrow = soxr.resample(soxr.resample(sound, SAMPLE_RATE, 8_000), 8_000, SAMPLE_RATE)
    return np.asarray(np.pad(narrow, (0, max(0, len(sound) - len(narrow))))[: len(sound)])


def speechless() -> Iterator[tuple[str, Sound]]:
    """Yield the name of each sound without speech, and the sound."""
    random = np.random.default_rng(11)
    length = _SECONDS * SAMPLE_RATE
    silence = np.zeros(length, np.float32)
    yield "digital silence", silence
    for name, level in (
        ("room noise, -60 dB", -60),
        ("noise, -40 dB", -40),
        ("noise, -25 dB", -25),
    ):
        sound = augment.coloured(length, random)
        yield name, np.asarray(sound * 10 ** (level / 20), np.float32)
    bed = augment.loop()[:length]
    yield "music, -20 dB", np.asarray(bed * LEVEL / np.sqrt((bed**2).mean()), np.float32)
    chords = augment.chords(length, random)
    yield "chords, -20 dB", np.asarray(chords * LEVEL / np.sqrt((chords**2).mean()), np.float32)
    hum = augment.tones(length, random)
    yield "hum, -30 dB", np.asarray(hum * 0.03 / np.sqrt((hum**2).mean()), np.float32)
