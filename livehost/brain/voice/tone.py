"""A voice for tests and plumbing: each character is a short note.

In:  a sentence.   Out: a tone with phone timings, the same for the same sentence.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np

from livehost.brain.voice.speech import Chunk, Sentence, checked, chunks
from livehost.clock import SAMPLE_RATE
from livehost.config import Room
from livehost.media import Phone

_NOTE_SECONDS = 0.12
_SCALE = (220.0, 247.5, 275.0, 330.0, 371.3)  # Hz, pentatonic


class Tone:
    """See the module; `Engine` for what every engine promises."""

    name = "tone"

    def __init__(self, room: Room) -> None:
        pass

    def key(self, sentence: Sentence) -> str:
        """Return what decides the sound. Raises Unspeakable."""
        return f"{self.name} {sentence.speed} {checked(sentence)}"

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Play `sentence`."""
        text = checked(sentence)
        note = int(_NOTE_SECONDS * SAMPLE_RATE / sentence.speed)
        time = np.arange(note) / SAMPLE_RATE
        shape = 0.2 * np.sin(np.pi * np.arange(note) / note)
        notes = [shape * np.sin(2 * np.pi * _SCALE[ord(c) % 5] * time) for c in text]
        said = tuple(
            Phone("a" if c.isalnum() else "sil", n * note, (n + 1) * note)
            for n, c in enumerate(text)
        )
        for chunk in chunks(np.concatenate(notes).astype(np.float32), self.name, said):
            yield chunk

    def close(self) -> None:
        """Nothing to let go of."""
