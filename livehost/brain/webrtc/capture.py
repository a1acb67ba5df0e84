"""What a microphone hears, made fit for air: only speech, at one level, without peaks.

In:  20 ms pieces of sound.   Out: pieces of speech, and where a stretch of it begins and ends.

The level is measured as EBU R 128 does, while there is speech, and followed slowly. A stretch that
begins takes along what was heard just before it, a reserve against an uneven network.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.brain.voice.level import BOTH_CHANNELS, block_powers, fade_ends, limit, loudness_of
from livehost.clock import SAMPLE_RATE

Sound = NDArray[np.float32]

PIECE = SAMPLE_RATE // 50
BEFORE = 4  # pieces taken along from before speech was noticed
HOLD = 25  # pieces of quiet that end a stretch of speech
LEAST_DB = -50.0  # full scale; quieter is never speech
OVER_NOISE_DB = 10.0  # speech stands out so far
FLOOR_DB = (-75.0, -40.0)
LEARNING = 15  # first pieces, of which the quietest is taken for noise
FLOOR_RISE_DB = 0.05  # per piece: noise that has grown is taken for noise after a while
EXPECTED_LUFS = -26.0  # of one channel of a browser's microphone
MEASURED = 20  # pieces in one measurement, 400 ms
EVERY = 5  # pieces of speech between two
TRUST = 0.15  # share of a new measurement
GAIN_DB = (-20.0, 24.0)
SLEW_DB = 0.12  # per piece


@dataclass(frozen=True, slots=True)
class Taken:
    """Speech to be sent.

    Attributes:
        pcm: (n,) int16.
        begins: nothing was sent before it.
        ends: a pause follows.
    """

    pcm: NDArray[np.int16]
    begins: bool = False
    ends: bool = False


class Capture:
    """Follows one microphone.

    Args:
        target_lufs: as heard on air, in both channels.

    Attributes:
        speaking: a stretch of speech is under way.
        level_db: of the last piece, full scale.
        gain_db: that is given now.
    """

    def __init__(self, target_lufs: float) -> None:
        self._target = target_lufs - BOTH_CHANNELS
        self._floor = FLOOR_DB[1]
        self._learnt = 0
        self._before: deque[Sound] = deque(maxlen=BEFORE)
        self._voiced: deque[Sound] = deque(maxlen=MEASURED)
        self._since = 0  # pieces of speech since the last measurement
        self._measured = EXPECTED_LUFS
        self._quiet = 0
        self.speaking = False
        self.level_db = -120.0
        self.gain_db = self._wanted()

    def take(self, pcm: Sound, ready: bool = True) -> Taken | None:
        """Take a piece of sound; return what is to be sent now.

        Args:
            pcm: (n,) float32 in [-1, 1].
            ready: speech may begin.
        """
        sound = np.clip(np.nan_to_num(pcm), -1, 1).astype(np.float32)
        self.level_db = _decibels(sound)
        heard = self._is_speech()
        if not self.speaking:
            return self._outside(sound, ready and heard)
        self._quiet = 0 if heard else self._quiet + 1
        if heard:
            self._measure(sound)
        if self._quiet < HOLD:
            return Taken(self._levelled(sound))
        self.speaking = False
        return Taken(self._levelled(fade_ends(sound, head=False, tail=True)), ends=True)

    def reset(self) -> None:
        """Forget the stretch that is under way: it was lost."""
        self.speaking = False
        self._before.clear()

    def _outside(self, sound: Sound, begins: bool) -> Taken | None:
        if not begins:
            self._before.append(sound)
            return None
        self.speaking, self._quiet = True, 0
        whole = np.concatenate([*self._before, sound])
        self._before.clear()
        return Taken(self._levelled(fade_ends(whole, head=True, tail=False)), begins=True)

    def _is_speech(self) -> bool:
        self._learnt += 1
        heard = self.level_db > max(LEAST_DB, self._floor + OVER_NOISE_DB)
        risen = min(self.level_db, self._floor + FLOOR_RISE_DB)
        self._floor = min(max(risen, FLOOR_DB[0]), FLOOR_DB[1])
        return heard and self._learnt > LEARNING

    def _measure(self, sound: Sound) -> None:
        self._voiced.append(sound)
        self._since += 1
        if len(self._voiced) < MEASURED or self._since < EVERY:
            return
        self._since = 0
        lufs = loudness_of(block_powers(np.concatenate(self._voiced)))
        if np.isfinite(lufs):
            self._measured += TRUST * (lufs - self._measured)

    def _wanted(self) -> float:
        return float(np.clip(self._target - self._measured, *GAIN_DB))

    def _levelled(self, sound: Sound) -> NDArray[np.int16]:
        before = self.gain_db
        self.gain_db += float(np.clip(self._wanted() - before, -SLEW_DB, SLEW_DB))
        gains = np.linspace(before, self.gain_db, len(sound), dtype=np.float32)
        out = limit(sound * np.float32(10) ** (gains / np.float32(20)))
        return np.rint(out * 32_767).astype(np.int16)


def _decibels(sound: Sound) -> float:
    power = float(np.mean(sound * sound)) if len(sound) else 0.0
    return 10 * float(np.log10(max(power, 1e-12)))
