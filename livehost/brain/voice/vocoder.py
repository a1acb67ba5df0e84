"""The vocoder: decoder features to a waveform, ten times cheaper than Kokoro's own generator.

In:  features, pitch and energy at 80 Hz.   Out: 24 kHz samples.

A source-filter model. The source is known: a pulse train at the pitch, and white noise. A small
network predicts, for every 6.25 ms, the complex spectrum that filters the pulses and the
magnitudes that shape the noise; the inverse STFT of the sum is the speech. The network never has
to learn oscillation. The phase of the pulses runs over the whole clause in float64 and the noise
is a function of its place in the clause, so a clause sounds the same however it is cut.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

SAMPLE_RATE = 24_000
TICK = 300
"""Samples of one frame of features: 80 Hz."""
WINDOW, HOP = 600, 150
BINS = WINDOW // 2 + 1
FEATURES = 512
INPUTS = FEATURES + 3
"""Channels of the network: features, log pitch, voiced, energy."""
VOICED = 10.0
"""Hz; below it a frame has no pitch."""
MOST_FRAMES = 400
"""Ticks made at once, 5 s: bounds the memory of long clauses."""
CONTEXT = 24
"""Ticks on each side that a tick depends on, rounded up (the kernels of the network reach 20)."""

_TOP = 11_500.0  # Hz, the highest harmonic
_LOWEST = 60.0  # Hz, pitch is taken as at least this
_SCALE = 4.0  # the network is trained on speech four times as loud
_NOISE_BLOCK = 4096  # samples per key of the noise generator
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def inputs(
    features: NDArray[np.float32], pitch: NDArray[np.float32], energy: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what the network sees, (INPUTS, ticks) float32.

    Args:
        features: (512, ticks).
        pitch: (ticks,) Hz, 0 where there is none.
        energy: (ticks,) log.
    """
    voiced = (pitch > VOICED).astype(np.float32)
    log_pitch = np.log(np.maximum(pitch, _LOWEST)) * voiced / 5
    rows = np.stack([log_pitch, voiced, energy / 5]).astype(np.float32)
    return np.concatenate([features.astype(np.float32), rows])


def pulses(pitch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a flat band-limited pulse train of unit power, (ticks * 300,), 0 where unvoiced.

    All harmonics up to 11.5 kHz, in closed form (Dirichlet kernel). Its phase is the one that
    Kokoro's own sine source has, so that speech made with it is in phase with Kokoro's.
    """
    hertz = pitch.ravel().astype(np.float64)
    phase = _spread(np.cumsum(hertz) * (2 * np.pi * TICK / SAMPLE_RATE)) / 2
    count = np.repeat(np.maximum(1, np.floor(_TOP / np.maximum(hertz, _LOWEST))), TICK)
    sine = np.sin(phase)
    at_peak = np.abs(sine) < 1e-6
    kernel = np.sin((2 * count + 1) * phase) / np.where(at_peak, 1.0, sine)
    kernel = np.where(at_peak, 2 * count + 1, kernel)
    train = (kernel - 1) / 2 / np.sqrt(count / 2) * np.repeat(hertz > VOICED, TICK)
    return np.asarray(train, np.float32)


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate from ticks to samples, linearly between the middles of ticks."""
    at = np.clip((np.arange(len(values) * TICK) + 0.5) / TICK - 0.5, 0, len(values) - 1)
    return np.asarray(np.interp(at, np.arange(len(values)), values))


def noise(first: int, count: int) -> NDArray[np.float32]:
    """Return white noise of unit power: samples `first` to `first + count` of the one sequence."""
    blocks = range(first // _NOISE_BLOCK, (first + count - 1) // _NOISE_BLOCK + 1)
    parts = [
        np.random.Generator(np.random.Philox(key=block)).standard_normal(_NOISE_BLOCK, np.float32)
        for block in blocks
    ]
    start = first - blocks.start * _NOISE_BLOCK
    return np.concatenate(parts)[start : start + count]


def stft(wave: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Return (frames, BINS), frame n centred on sample n * HOP; len(wave) / HOP frames."""
    padded = np.pad(wave, (WINDOW // 2, WINDOW // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(wave) // HOP]
    return np.asarray(np.fft.rfft(frames * _HANN, axis=1), np.complex64)


def istft(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Return (frames * HOP,) samples of which `spectrum` is the STFT."""
    frames = np.fft.irfft(spectrum, axis=1).astype(np.float32) * _HANN
    count = len(frames)
    wave = np.zeros((count + 3, HOP), np.float32)
    weight = np.zeros((count + 3, HOP), np.float32)
    for part in range(WINDOW // HOP):
        columns = slice(part * HOP, (part + 1) * HOP)
        wave[part : part + count] += frames[:, columns]
        weight[part : part + count] += _HANN[columns] ** 2
    wave /= np.maximum(weight, 1e-3)
    return wave.ravel()[WINDOW // 2 : WINDOW // 2 + count * HOP]


class Vocoder:
    """One voice's network, loaded. Calls are native and for one thread.

    Args:
        model: ONNX, "features" (1, INPUTS, ticks) float32 to "filters" (1, 2 * ticks, 3 * BINS):
            log magnitudes and phases of the pulse filter, log magnitudes of the noise.
    """

    def __init__(self, model: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )

    def sound(
        self,
        seen: NDArray[np.float32],
        train: NDArray[np.float32],
        span: tuple[int, int],
        options: onnxruntime.RunOptions | None = None,
    ) -> NDArray[np.float32]:
        """Return the samples of ticks `span` of a clause, ((last - first) * 300,) float32.

        Args:
            seen: (INPUTS, ticks) of the whole clause.
            train: (ticks * 300,) its pulses.
        """
        first, last = span
        steps = [*range(first, last, MOST_FRAMES), last]
        parts = [self._piece(seen, train, low, high, options) for low, high in pairwise(steps)]
        return np.concatenate(parts)

    def _piece(
        self,
        seen: NDArray[np.float32],
        train: NDArray[np.float32],
        low: int,
        high: int,
        options: onnxruntime.RunOptions | None,
    ) -> NDArray[np.float32]:
        start, end = max(0, low - CONTEXT), min(seen.shape[1], high + CONTEXT)
        (filters,) = self._session.run(
            None, {"features": np.ascontiguousarray(seen[None, :, start:end])}, options
        )
        spectrum = filtered(
            np.asarray(filters, np.float32)[0],
            stft(train[start * TICK : end * TICK]),
            stft(noise(start * TICK, (end - start) * TICK)),
        )
        wave = istft(spectrum)[(low - start) * TICK : (high - start) * TICK]
        return np.asarray(wave / _SCALE, np.float32)


def filtered(
    filters: NDArray[np.float32], train: NDArray[np.complex64], hiss: NDArray[np.complex64]
) -> NDArray[np.complex64]:
    """Return the spectrum of speech from the network's answer and both sources, (frames, BINS)."""
    gain = np.exp(np.clip(filters[:, :BINS], -12, 5))
    turn = filters[:, BINS : 2 * BINS]
    breath = np.exp(np.clip(filters[:, 2 * BINS :], -12, 3))
    return np.asarray(gain * np.exp(1j * turn) * train + breath * hiss, np.complex64)
