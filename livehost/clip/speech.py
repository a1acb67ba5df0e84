"""What is said in a clip, as the stage takes it: the sentences of a text, or a recording.

In:  a voice and sentences, or a sound file.   Out: `Speech` pieces, in order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from livehost.brain.utterance import PAUSE
from livehost.brain.voice import Sentence, Unspeakable, Voice
from livehost.clip.recording import Recording
from livehost.clock import SAMPLE_RATE
from livehost.errors import ConfigError
from livehost.wire import Speech

CLIP = 1  # number of the one utterance of a clip

Pieces = AsyncGenerator[Speech, None]


async def read_aloud(
    voice: Voice, texts: Sequence[str], emotion: str, intensity: float = 1.0
) -> Pieces:
    """Yield the speech of `texts`, with a pause between two of them.

    Raises:
        ConfigError: nothing in `texts` can be said.
        BackendBroken: the voice failed.
    """
    said = 0
    for number, text in enumerate(texts):
        told = Speech(CLIP, number, _silence(0), False, text, (), emotion, intensity)
        try:
            async with aclosing(_sentence(voice, told)) as pieces:
                async for piece in pieces:
                    yield piece
        except Unspeakable:
            continue
        said += 1
        follows = number < len(texts) - 1
        yield Speech(CLIP, number, _silence(PAUSE if follows else 0.0), last=True)
    if not said:
        raise ConfigError("nothing of this text can be said aloud")


async def _sentence(voice: Voice, told: Speech) -> Pieces:
    """Yield one sentence; `told` is what its first piece says of it."""
    first = True
    async with aclosing(voice.speak(Sentence(told.text, told.emotion))) as chunks:
        async for chunk in chunks:
            pcm = np.rint(np.clip(np.nan_to_num(chunk.pcm), -1, 1) * 32_767).astype(np.int16)
            text, phones = (told.text, chunk.phones) if first else ("", ())
            yield Speech(
                CLIP, told.sentence, pcm, False, text, phones, told.emotion, told.intensity
            )
            first = False


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


async def play(recording: Recording, emotion: str, intensity: float = 1.0) -> Pieces:
    """Yield a recording as one sentence without phones: the sound drives the lips.

    Raises ConfigError: the file has changed since it was judged.
    """
    for pcm in recording.pieces():
        yield Speech(CLIP, 0, pcm, False, "", (), emotion, intensity)
    yield Speech(CLIP, 0, _silence(0), last=True)
