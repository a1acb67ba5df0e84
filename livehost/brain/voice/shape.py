"""One sentence's raw speech made fit for air, piece by piece: trimmed, levelled, without clicks.

In:  (n,) float32 at 48 kHz mono in pieces of any size.   Out: the same, a little later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livehost.brain.voice.level import Leveller, limit, loudness
from livehost.clock import SAMPLE_RATE
from livehost.errors import BackendBroken

Pcm = NDArray[np.float32]

_SILENT = 10 ** (-50 / 20)
_HEAD, _TAIL = SAMPLE_RATE * 6 // 100, SAMPLE_RATE // 10  # silence kept around the speech
_LONGEST_PAUSE = SAMPLE_RATE  # inside a sentence
_FIRST, _LATER = SAMPLE_RATE * 3 // 10, SAMPLE_RATE * 6 // 10  # samples given out at once
_KEPT = SAMPLE_RATE // 50  # always held back, so that a stream that breaks off can be faded
_RAMP = SAMPLE_RATE // 100  # over which a change of gain is spread
_PROBE = np.full(1, 1e-6, np.float32)  # too quiet to count in the loudness
_GRACE_SECONDS, _SECONDS_PER_CHARACTER = 15.0, 0.8
_WEIGHT, _SPOKEN_FIRST = 0.4, -20.0


def most_samples(text: str, pace: float) -> int:
    """Return the longest that `text` may take: more is a model that babbles on."""
    seconds = _GRACE_SECONDS + _SECONDS_PER_CHARACTER * len(text) / pace
    return round(seconds * SAMPLE_RATE)


class Loudness:
    """How loud an engine speaks before any gain, learned from sentence to sentence."""

    def __init__(self) -> None:
        self._lufs = _SPOKEN_FIRST
        self._known = False

    def leveller(self, target_lufs: float) -> Leveller:
        """Return a leveller for the next sentence."""
        weight = 2.0 if self._known else _WEIGHT
        return Leveller(target_lufs, self._lufs, weight)

    def learn(self, lufs: float) -> None:
        """Take in what the last sentence measured, in one channel."""
        self._lufs = lufs if not self._known else (self._lufs + lufs) / 2
        self._known = True


class Shaper:
    """One sentence.

    Attributes:
        begun: some of it was given out.
        seconds: given in so far.
    """

    def __init__(self, loudness: Loudness, target_lufs: float, most: int) -> None:
        """Args: most: samples; a longer sentence is a fault."""
        self._loudness = loudness
        self._leveller = loudness.leveller(target_lufs)
        self._most = most
        self._held: Pcm = np.zeros(0, np.float32)
        self._taken = 0
        self._speaking = False
        self._gain: float | None = None
        self._measured: list[float] = []  # LUFS of each piece before any gain
        self.begun = False

    @property
    def seconds(self) -> float:
        return self._taken / SAMPLE_RATE

    def add(self, pcm: Pcm) -> Pcm:
        """Return what can go on air now; (n,), n may be 0. Raises BackendBroken."""
        self._taken += len(pcm)
        if self._taken > self._most:
            seconds = self._most / SAMPLE_RATE
            raise BackendBroken(f"speaks for more than {seconds:.0f} s, too long for its text")
        if not np.isfinite(pcm).all():
            raise BackendBroken("sends samples that are not numbers")
        self._held = np.concatenate([self._held, pcm])
        if not self._speaking:
            self._skip_silence()
        parts = [self._held[:0]]
        while samples := self._ready():
            parts.append(self._given(samples))
        return np.concatenate(parts)

    def end(self) -> Pcm:
        """Return the rest, without the silence after it; nothing if it was all silence."""
        if not self._speaking:
            return self._held[:0]
        self._held = self._held[: self._sounding() + _TAIL]
        out = self._given(len(self._held))
        self._learn()
        return _faded(out, head=False)

    def broken(self) -> Pcm:
        """Return the rest of a sentence that breaks off here, faded out."""
        return _faded(self._given(len(self._held)), head=False)

    def _skip_silence(self) -> None:
        loud = np.flatnonzero(np.abs(self._held) > _SILENT)
        self._speaking = bool(len(loud))
        first = int(loud[0]) if len(loud) else len(self._held)
        self._held = self._held[max(0, first - _HEAD) :]

    def _sounding(self) -> int:
        """Return how many held samples come before the silence at the end."""
        loud = np.flatnonzero(np.abs(self._held) > _SILENT)
        return int(loud[-1]) + 1 if len(loud) else 0

    def _ready(self) -> int:
        """Return how many samples to give out: none, or a piece of always the same size, so that
        levels do not depend on how the sound comes in. No silence that may be the end."""
        if not self._speaking:
            return 0
        sounding = self._sounding()
        silence = len(self._held) - sounding
        if silence > _LONGEST_PAUSE:
            self._held = self._held[: sounding + _LONGEST_PAUSE]
        ready = min(sounding, len(self._held) - _KEPT)
        piece = _LATER if self.begun else _FIRST
        return piece if ready >= piece else 0

    def _given(self, samples: int) -> Pcm:
        if not samples:
            return self._held[:0]
        piece, self._held = self._held[:samples], self._held[samples:]
        out = self._levelled(piece)
        out = out if self.begun else _faded(out, tail=False)
        self.begun = True
        return out

    def _levelled(self, piece: Pcm) -> Pcm:
        """Level `piece`; the gain moves from the last one's over some milliseconds."""
        self._measured.append(loudness(piece))
        out = self._leveller.level(piece)
        gain = float(self._leveller.level(_PROBE)[0] / _PROBE[0])
        if self._gain is not None and len(out) >= _RAMP:
            out = out.copy()
            out[:_RAMP] *= np.linspace(self._gain / gain, 1, _RAMP, dtype=np.float32)
        self._gain = gain
        return limit(out)

    def _learn(self) -> None:
        """Tell the mean loudness of the pieces, those that were silence left out."""
        heard = [10 ** (lufs / 10) for lufs in self._measured if np.isfinite(lufs)]
        if self._taken > SAMPLE_RATE and heard:
            self._loudness.learn(10 * float(np.log10(np.mean(heard))))


def _faded(pcm: Pcm, *, head: bool = True, tail: bool = True) -> Pcm:
    """Return `pcm` with fades of up to 20 ms at the ends asked for."""
    out = pcm.copy()
    ramp = np.linspace(0, 1, min(_KEPT, len(pcm)), dtype=np.float32)
    if head:
        out[: len(ramp)] *= ramp
    if tail and len(ramp):
        out[-len(ramp) :] *= ramp[::-1]
    return out
