"""The last resort: no sound, for as long as reading takes, so that the caption is still shown.

In:  a sentence.   Out: silence.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np

from livehost.brain.voice.speech import Chunk, Sentence, checked, chunks
from livehost.clock import SAMPLE_RATE
from livehost.config import Room
from livehost.media import Phone

_SECONDS_PER_CHARACTER = 0.18
_LEAST, _MOST = 0.5, 12.0  # seconds


class Silent:
    """See the module; `Engine` for what every engine promises."""

    name = "silent"

    def __init__(self, room: Room) -> None:
        pass

    def key(self, sentence: Sentence) -> str:
        """Return what decides the length. Raises Unspeakable."""
        return f"{self.name} {len(checked(sentence))} {sentence.speed}"

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Be silent for the time that `sentence` takes to read."""
        seconds = len(checked(sentence)) * _SECONDS_PER_CHARACTER / sentence.speed
        samples = int(min(_MOST, max(_LEAST, seconds)) * SAMPLE_RATE)
        silence = (Phone("sil", 0, samples),)
        for chunk in chunks(np.zeros(samples, np.float32), self.name, silence):
            yield chunk

    def close(self) -> None:
        """Nothing to let go of."""
