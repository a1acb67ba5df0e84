"""What the viewer hears: the voice, music that steps back for it, and a room that is never silent.

In:  mono float voice, tick by tick.   Out: (n, 2) int16 at 48 kHz, peaks below -1 dBFS.

All state runs on across ticks: gains are ramps without steps, the music goes on where it was.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE
from livehost.config import Audio, Scene
from livehost.stage import music

log = logging.getLogger(__name__)

Stereo = NDArray[np.float32]

CEILING = 0.891
"""-1 dBFS; nothing leaves louder."""

STEP = 240  # samples (5 ms) between two gain decisions
RELEASED_DB = 5.0  # how much louder the music is while nobody speaks
ROOM_DB = -72.0  # level of the room tone
NO_MUSIC_DB = -60.0  # there is none at this level
MOST_MUSIC_SECONDS = 300
SPEAKING = 10 ** (-45 / 20)  # voice above this level ducks the music
HOLD_STEPS = 60  # 300 ms: pauses between phrases do not raise the music
FADE_SECONDS = 0.1  # in which the music comes or goes
ATTACK_SECONDS, RELEASE_SECONDS = 0.04, 0.9
LIMIT_RELEASE_SECONDS = 0.15
KNEE = 0.80
_NONE = np.zeros((SAMPLE_RATE, 2), np.int16)
_JOIN = SAMPLE_RATE // 2  # samples over which a music file's end fades into its beginning


class Mixer:
    """Mixes one room's sound.

    Attributes:
        bad_samples: samples of voice that were not numbers, replaced by silence.
        bad_blocks: ticks whose voice had the wrong length.
        music: there is music behind the voice; it comes and goes within `FADE_SECONDS`.
    """

    def __init__(self, audio: Audio, scene: Scene, near: Callable[[str | Path], Path]) -> None:
        wanted = scene.music_db > NO_MUSIC_DB
        self._music = Loop(_music(near(scene.music) if scene.music else None) if wanted else _NONE)
        self._music_gain = 10 ** (scene.music_db / 20) / max(_loudness(self._music.pcm), 1e-4)
        self._tone = Loop(_room_tone())
        self._duck = Duck()
        self._limiter = Limiter()
        self._level = 1.0  # of the music: 0 when it is off
        self.music = True
        self.bad_samples = 0
        self.bad_blocks = 0

    def mix(self, samples: int, voice: NDArray[np.float32]) -> NDArray[np.int16]:
        """Return the next `samples` of sound with `voice` (samples,) mixed in; never raises."""
        spoken = self._checked(samples, voice)
        ducked = self._duck.gains(spoken)
        bed = self._music.take(samples) * (self._music_gain * ducked * self._fade(samples))[:, None]
        out = self._limiter.limit(bed + spoken[:, None])
        out += self._tone.take(samples) * np.float32(10 ** ((ROOM_DB + 20) / 20))
        return np.rint(out * 32_767).astype(np.int16)

    def _fade(self, samples: int) -> NDArray[np.float32] | np.float32:
        """Return the gain that brings the music in or takes it out."""
        target = 1.0 if self.music else 0.0
        if self._level == target:
            return np.float32(target)
        before, step = self._level, samples / SAMPLE_RATE / FADE_SECONDS
        self._level = min(1.0, before + step) if self.music else max(0.0, before - step)
        return np.linspace(before, self._level, samples, dtype=np.float32)

    def snapshot(self) -> dict[str, float]:
        """Return counters and levels."""
        return {
            "bad_voice_samples": self.bad_samples,
            "bad_voice_blocks": self.bad_blocks,
            "limited_db": round(20 * float(np.log10(self._limiter.gain)), 2),
        }

    def _checked(self, samples: int, voice: NDArray[np.float32]) -> NDArray[np.float32]:
        flat = np.asarray(voice, np.float32).reshape(-1)
        if len(flat) != samples:
            self.bad_blocks += 1
            flat = np.pad(flat[:samples], (0, max(0, samples - len(flat))))
        if (wrong := samples - int(np.count_nonzero(np.isfinite(flat)))) > 0:
            if not self.bad_samples:
                log.warning("voice holds samples that are not numbers; they become silence")
            self.bad_samples += wrong
            flat = np.nan_to_num(flat, nan=0.0, posinf=0.0, neginf=0.0)
        return np.asarray(np.clip(flat, -4, 4), np.float32)


class Loop:
    """A sound that starts again at its end.

    Args:
        pcm: (n, 2) int16, n > 0.
    """

    def __init__(self, pcm: NDArray[np.int16]) -> None:
        self.pcm = pcm
        self._at = 0

    def take(self, samples: int) -> Stereo:
        """Return the next (samples, 2) float32 in -1 .. 1."""
        begin, end = self._at, self._at + samples
        self._at = end % len(self.pcm)
        part = self.pcm[begin:end]
        if len(part) < samples:
            part = self.pcm.take(np.arange(begin, end), axis=0, mode="wrap")
        return np.asarray(part * np.float32(1 / 32_768), np.float32)


class Duck:
    """The gain of the music: 1 under speech, `RELEASED_DB` above it in pauses.

    The level is judged every 5 ms; between two judgements the gain is a straight line.
    """

    def __init__(self) -> None:
        self._gain = 10 ** (RELEASED_DB / 20)
        self._hold = 0

    def gains(self, voice: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n,) gains for the ticks' `voice` (n,)."""
        edges, spans = _steps(len(voice))
        loud = np.sqrt(np.add.reduceat(voice * voice, edges[:-1]) / spans) > SPEAKING
        knots = [self._gain]
        for speaks, span in zip(loud.tolist(), spans.tolist(), strict=True):
            knots.append(self._step(speaks, span / SAMPLE_RATE))
        gains = np.interp(np.arange(1, len(voice) + 1), edges, knots)
        return np.asarray(gains, np.float32)

    def _step(self, speaks: bool, seconds: float) -> float:
        self._hold = HOLD_STEPS if speaks else max(0, self._hold - 1)
        target = 1.0 if self._hold else 10 ** (RELEASED_DB / 20)
        time = ATTACK_SECONDS if target < self._gain else RELEASE_SECONDS
        self._gain += (target - self._gain) * _share(seconds, time)
        return self._gain


class Limiter:
    """Holds peaks, between samples too, under `CEILING`.

    A gain that falls at once and recovers slowly, then a soft knee for what is left.

    Attributes:
        gain: at the end of the last block, at most 1.
    """

    def __init__(self) -> None:
        self.gain = 1.0
        self._last = np.zeros((4, 2), np.float32)

    def limit(self, sound: Stereo) -> Stereo:
        """Return (n, 2) limited; the same delay, none."""
        peaks = self._peaks(sound)
        edges, spans = _steps(len(sound))
        needed = np.minimum(1.0, KNEE / np.maximum(np.maximum.reduceat(peaks, edges[:-1]), 1e-9))
        if self.gain >= 1 and needed.min() >= 1:
            return sound
        knots = [self.gain]
        for index, span in enumerate(spans):
            ahead = needed[index : index + 2].min()
            recovered = 1 - (1 - knots[-1]) * np.exp(-span / SAMPLE_RATE / LIMIT_RELEASE_SECONDS)
            knots.append(float(min(ahead, recovered)))
        self.gain = knots[-1] if knots[-1] < 0.9999 else 1.0
        gains = np.interp(np.arange(1, len(sound) + 1), edges, knots)
        return _soft(sound * gains[:, None].astype(np.float32))

    def _peaks(self, sound: Stereo) -> NDArray[np.float32]:
        """Return the larger of each sample and the point half-way after its neighbour."""
        line = np.concatenate([self._last, sound])
        self._last = line[-4:]
        between = (9 * (line[2:-1] + line[1:-2]) - line[3:] - line[:-3]) / 16
        both = np.maximum(np.abs(sound), np.abs(between[-len(sound) :]))
        # `max(axis=1)` over two columns takes 20 times as long.
        return np.asarray(np.maximum(both[:, 0], both[:, 1]), np.float32)


def _soft(sound: Stereo) -> Stereo:
    """Return the sound bent above `KNEE` so that it stays under `CEILING`."""
    size = np.abs(sound)
    room = CEILING - KNEE
    bent = KNEE + room * np.tanh(np.maximum(size - KNEE, 0) / room)
    return np.where(size > KNEE, np.copysign(bent, sound), sound).astype(np.float32)


@functools.lru_cache(maxsize=8)  # ticks have one length, or two that alternate
def _steps(samples: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the borders of the 5 ms steps of a block, 0 and `samples` included, and lengths."""
    edges = np.append(np.arange(0, samples, STEP), samples).astype(np.intp)
    return edges, np.diff(edges)


@functools.lru_cache(maxsize=8)
def _share(seconds: float, time: float) -> float:
    """Return how much of its way something comes that takes `time`."""
    return 1 - float(np.exp(-seconds / time))


def _music(path: Path | None) -> NDArray[np.int16]:
    if path is None:
        return music.loop()
    try:
        return _joined(_decoded(path))
    except (OSError, ValueError, av.FFmpegError) as error:
        log.warning(
            "music cannot be played; the built-in music is used",
            extra={"path": str(path), "why": str(error)},
        )
        return music.loop()


def _decoded(path: Path) -> NDArray[np.int16]:
    """Return the first five minutes of a file as (n, 2) int16 at 48 kHz."""
    turn = av.AudioResampler(format="s16", layout="stereo", rate=SAMPLE_RATE)
    pieces: list[NDArray[np.int16]] = []
    left = MOST_MUSIC_SECONDS * SAMPLE_RATE
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError("holds no sound")
        for frame in container.decode(container.streams.audio[0]):
            for part in turn.resample(frame):
                pieces.append(part.to_ndarray().reshape(-1, 2).astype(np.int16))
                left -= len(pieces[-1])
            if left <= 0:
                break
    whole = np.concatenate(pieces) if pieces else np.zeros((0, 2), np.int16)
    if len(whole) < SAMPLE_RATE:
        raise ValueError("is shorter than one second")
    return whole[: MOST_MUSIC_SECONDS * SAMPLE_RATE]


def _joined(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return the sound with its end faded into its beginning, so that it loops without a seam."""
    span = min(_JOIN, len(pcm) // 4)
    angle = np.linspace(0, np.pi / 2, span, dtype=np.float32)[:, None]
    joint = pcm[-span:] * np.cos(angle) + pcm[:span] * np.sin(angle)
    head = np.clip(np.rint(joint), -32_768, 32_767).astype(np.int16)
    return np.concatenate([head, pcm[span:-span]])


def _loudness(pcm: NDArray[np.int16]) -> float:
    """Return the RMS of a sound without its silent seconds (20 dB under the loudest); 1 is full."""
    whole = len(pcm) // SAMPLE_RATE * SAMPLE_RATE
    seconds = pcm[:whole:4].astype(np.float32).reshape(-1, SAMPLE_RATE // 4 * 2) / 32_768
    levels = np.mean(seconds**2, axis=1)
    return float(np.sqrt(levels[levels >= levels.max() / 100].mean())) if len(levels) else 0.0


def _room_tone() -> NDArray[np.int16]:
    """Return eight seconds of soft dark noise at -20 dBFS that loops without a seam."""
    count = 8 * SAMPLE_RATE
    dice = np.random.default_rng(3)
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    shape = 1 / np.sqrt(1 + (hertz / 400) ** 2) * (hertz > 30)
    out = np.empty((count, 2), np.int16)
    for channel in (0, 1):
        phases = np.exp(2j * np.pi * dice.random(len(hertz)))
        noise = np.fft.irfft(shape * phases, count)
        out[:, channel] = np.rint(noise / np.std(noise) * 3277).clip(-32_767, 32_767)
    return out
