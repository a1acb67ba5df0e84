"""Where speech may be broken off, and where it may be taken up again.

In:  samples of speech.   Out: sample positions.

By energy alone, so that it holds for every voice, with phone timings or without.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE

FRAME = SAMPLE_RATE // 100
"""Samples of one measure of energy, 10 ms."""
PAUSE_SEEN = SAMPLE_RATE * 2 // 5
"""Samples behind a place that must be known to tell whether it lies in a pause."""
_QUIET = 0.0056  # RMS below which a frame is silent, -45 dBFS
_SHORTEST = 10  # frames of a pause; the closure of a stop is shorter
_LED_IN = 4  # frames of silence left before speech that is taken up again


def energy(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the RMS of every whole frame of (n,) samples."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray(np.sqrt((frames * frames).mean(axis=1)), np.float32)


def pauses(pcm: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) in samples of every pause."""
    quiet = np.concatenate([[False], energy(pcm) < _QUIET, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2)
    for start, end in edges:
        if end - start >= _SHORTEST:
            yield int(start) * FRAME, int(end) * FRAME


def break_off(pcm: NDArray[np.float32], within: int) -> int:
    """Return where to stop `pcm` that sounds from now on, at most `within` samples away.

    In the first pause; where there is none, at the quietest moment of the second half.
    """
    if first := next(((s, e) for s, e in pauses(pcm) if s < within), None):
        return min(first[0] + 3 * FRAME, within)
    levels = energy(pcm[:within])
    if not len(levels):
        return min(len(pcm), within)
    half = len(levels) // 2
    return (half + int(levels[half:].argmin())) * FRAME


def take_up(pcm: NDArray[np.float32], heard: int) -> int:
    """Return from where to say a sentence again of which `heard` samples of `pcm` were heard.

    From the end of the last pause that was reached; from its beginning when there was none.
    """
    reached = [end for start, end in pauses(pcm) if 0 < start <= heard]
    return max(0, reached[-1] - _LED_IN * FRAME) if reached else 0
