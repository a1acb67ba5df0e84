"""The voice as networks hear it: 16 kHz, cut anywhere, always the same for the same moment.

In:  a `Sound` and stream samples.   Out: samples at 16 kHz.

Nothing is remembered from tick to tick, so what a network hears of a moment does not depend on
when it was asked, nor on how many ticks were drawn at once.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE
from livehost.media import Sound

F32 = NDArray[np.float32]

RATE = 16_000
PER = SAMPLE_RATE // RATE
"""Stream samples for one of 16 kHz; sample k lies at stream sample k * PER."""
MARGIN = 72
"""Stream samples on each side that one of 16 kHz depends on."""
_PASS = 7_500.0  # Hz; speech above is nothing to a lip, what is above 8 kHz would fold back
_KAISER = 7.0


def span(first: int, count: int) -> tuple[int, int]:
    """Return the stream samples, from and to, that `count` samples of 16 kHz depend on."""
    return first * PER - MARGIN, (first + count - 1) * PER + MARGIN + 1


def cut(sound: Sound, begin: int, end: int) -> F32:
    """Return stream samples `begin`..`end`; silence where nothing is known."""
    out = np.zeros(end - begin, np.float32)
    low, high = max(begin, sound.first), min(end, sound.first + len(sound.pcm))
    if low < high:
        out[low - begin : high - begin] = sound.pcm[low - sound.first : high - sound.first]
    return out


def heard(sound: Sound, first: int, count: int) -> F32:
    """Return `count` samples at 16 kHz from sample `first` on; NaN is silence."""
    given = np.clip(np.nan_to_num(cut(sound, *span(first, count))), -1, 1)
    windows = np.lib.stride_tricks.sliding_window_view(given, 2 * MARGIN + 1)[::PER]
    return np.asarray(windows @ _filter(), np.float32)


@cache
def _filter() -> F32:
    at = np.arange(-MARGIN, MARGIN + 1)
    taps = np.sinc(2 * _PASS / SAMPLE_RATE * at) * np.kaiser(2 * MARGIN + 1, _KAISER)
    return np.asarray(taps / taps.sum(), np.float32)
