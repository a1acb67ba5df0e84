"""Pairs for the vocoder: what it sees of a clause, and what the teacher says.

In:  files of `livehost.vocoder.teacher`.   Out: `Pair`s.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.brain.voice.vocoder import inputs, pulses


@dataclass(frozen=True, slots=True)
class Pair:
    """One clause: what the network sees, its pulses, what the teacher says; half precision."""

    seen: NDArray[np.float16]
    pitch: NDArray[np.float32]
    train: NDArray[np.float16]
    speech: NDArray[np.float16]

    @property
    def ticks(self) -> int:
        """Length at 80 Hz."""
        return int(self.seen.shape[1])


def load(path: Path) -> Pair:
    """Return the pair in a file."""
    with np.load(path) as file:
        pitch = file["f0"].ravel().astype(np.float32)
        seen = inputs(file["x"], pitch, file["n"].ravel().astype(np.float32))
        return Pair(
            seen.astype(np.float16), pitch, pulses(pitch).astype(np.float16), file["a"].ravel()
        )
