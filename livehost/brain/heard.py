"""Sentences that an operator listens to before they are published: sound kept for a few minutes.

In:  speech.   Out: WAV by a random name.
"""

from __future__ import annotations

import io
import secrets
import wave
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE

MOST_KEPT = 12
MOST_SECONDS = 40.0


class Heard:
    """The last sentences that were listened to."""

    def __init__(self) -> None:
        self._sounds: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, pcm: NDArray[np.float32]) -> str:
        """Keep speech, (n,) 48 kHz mono; return its name."""
        name = secrets.token_urlsafe(12)
        self._sounds[name] = wav(pcm[: round(MOST_SECONDS * SAMPLE_RATE)])
        while len(self._sounds) > MOST_KEPT:
            self._sounds.popitem(last=False)
        return name

    def get(self, name: str) -> bytes | None:
        """Return a WAV file by its name; None: it is not kept any more."""
        return self._sounds.get(name)


def wav(pcm: NDArray[np.float32]) -> bytes:
    """Return (n,) 48 kHz mono as a WAV file of 16 bits."""
    samples = np.round(np.clip(np.nan_to_num(pcm), -1, 1) * 32_767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(samples.tobytes())
    return file.getvalue()
