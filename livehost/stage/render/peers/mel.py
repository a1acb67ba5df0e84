"""Log-mel frames as the published networks were trained on.

In:  (n,) float32 samples at 16 kHz.   Out: (bands, frames) float32.

Source: Wav2Lip, hparams.py and audio.py (Prajwal et al., 2020); Whisper, audio.py (Radford et al.,
2022). Mel scale and normalisation are Slaney's, Auditory Toolbox, 1998.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

RATE = 16_000
BANDS = 80
WINDOW, HOP = 800, 200
"""Wav2Lip: samples of a frame and from one to the next."""
FRAMES = 16
"""Wav2Lip: frames that one picture is made from."""
SPAN = WINDOW + (FRAMES - 1) * HOP + 1
"""Wav2Lip: samples that they cover, one more for the pre-emphasis."""
_EMPHASIS, _MOST = 0.97, 4.0
_FLOOR_DB, _REFERENCE_DB = -100.0, 20.0
_LOW, _HIGH = 55.0, 7_600.0  # Hz

LONGEST = 30 * RATE
"""Whisper: samples that it is always given."""
STEP = 160
"""Whisper: samples from one frame to the next; two frames make one feature."""
_WHISPER_WINDOW = 400
_DEEP = 8.0  # decades below the loudest that count as silence


def wav2lip(voice: F32) -> F32:
    """Return (BANDS, FRAMES), in -4..4, of (SPAN,) samples."""
    filters, window = _tables(WINDOW, _LOW, _HIGH)
    bright = voice[1:] - np.float32(_EMPHASIS) * voice[:-1]
    cut = np.lib.stride_tricks.sliding_window_view(bright, WINDOW)[::HOP]
    size = np.abs(np.fft.rfft(cut * window, axis=1)).astype(np.float32)
    floor = 10 ** (_FLOOR_DB / 20)
    level = 20 * np.log10(np.maximum(floor, size @ filters)) - _REFERENCE_DB
    share = (level - _FLOOR_DB) / -_FLOOR_DB
    return np.asarray(np.clip(2 * _MOST * share - _MOST, -_MOST, _MOST).T, np.float32)


def whisper(voice: F32) -> F32:
    """Return (BANDS, 3000) of up to 30 s of sound, with silence behind it."""
    filters, window = _tables(_WHISPER_WINDOW, 0.0, RATE / 2)
    half, count = _WHISPER_WINDOW // 2, LONGEST // STEP
    heard = min(count, (len(voice) + half) // STEP + 1)  # frames with some of the sound
    lacking = max(0, (heard - 1) * STEP + half - len(voice))
    padded = np.pad(np.pad(voice, (0, lacking)), (half, 0), mode="reflect")
    cut = np.lib.stride_tricks.sliding_window_view(padded, _WHISPER_WINDOW)[::STEP][:heard]
    spectrum = np.fft.rfft(cut * window, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    out = np.full((count, BANDS), -10.0, np.float32)
    out[:heard] = np.log10(np.maximum(power @ filters, 1e-10))
    return np.asarray((np.maximum(out, out.max() - _DEEP) + 4) / 4, np.float32).T


@cache
def _tables(window: int, low: float, high: float) -> tuple[F32, F32]:
    """Return (bins, BANDS) filters of equal area, and a periodic Hann window."""
    edges = _hertz(np.linspace(_mel(low), _mel(high), BANDS + 2))
    bins = np.arange(window // 2 + 1)[:, None] * RATE / window
    below, middle, above = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - below) / (middle - below), (above - bins) / (above - middle)
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (above - below)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return filters.astype(np.float32), hann.astype(np.float32)


_LINEAR, _KNEE = 200 / 3, 1_000.0  # Hz per mel below the knee; logarithmic above
_PER_MEL = np.log(6.4) / 27


def _mel(hertz: float) -> float:
    if hertz < _KNEE:
        return hertz / _LINEAR
    return float(_KNEE / _LINEAR + np.log(hertz / _KNEE) / _PER_MEL)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _KNEE / _LINEAR
    return np.where(mel < knee, mel * _LINEAR, _KNEE * np.exp(_PER_MEL * (mel - knee)))
