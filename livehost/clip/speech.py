"""What is said in a clip, as the stage takes it: the sentences of a text, or a recording.

In:  a voice and sentences, or a sound file.   Out: `Speech` pieces, in order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from livehost.brain.emotion import Feeling, feeling
from livehost.brain.utterance import PAUSE
from livehost.brain.voice import Sentence, Unspeakable, Voice
from livehost.clip.recording import Recording
from livehost.clock import SAMPLE_RATE
from livehost.errors import ConfigError
from livehost.wire import Speech

CLIP = 1  # number of the one utterance of a clip

Pieces = AsyncGenerator[Speech, None]


async def read_aloud(voice: Voice, texts: Sequence[str], emotion: str) -> Pieces:
    """Yield the speech of `texts`, with a pause between two of them.

    Args:
        emotion: of all of it; "" takes what the words of each one ask for.

    Raises:
        ConfigError: nothing in `texts` can be said.
        BackendBroken: the voice failed.
    """
    said = 0
    for number, text in enumerate(texts):
        try:
            async with aclosing(_sentence(voice, number, text, feeling(text, emotion))) as pieces:
                async for piece in pieces:
                    yield piece
        except Unspeakable:
            continue
        said += 1
        follows = number < len(texts) - 1
        yield Speech(CLIP, number, _silence(PAUSE if follows else 0.0), last=True)
    if not said:
        raise ConfigError("nothing of this text can be said aloud")


async def _sentence(voice: Voice, number: int, text: str, felt: Feeling) -> Pieces:
    emotion, intensity = felt.emotion, felt.intensity
    first = True
    asked = Sentence(text, emotion, intensity=intensity)
    async with aclosing(voice.speak(asked)) as chunks:
        async for chunk in chunks:
            pcm = np.rint(np.clip(np.nan_to_num(chunk.pcm), -1, 1) * 32_767).astype(np.int16)
            caption, phones = (text, chunk.phones) if first else ("", ())
            yield Speech(CLIP, number, pcm, False, caption, phones, emotion, intensity)
            first = False


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


async def play(recording: Recording, emotion: str) -> Pieces:
    """Yield a recording as one sentence without phones: the sound drives the lips.

    Raises ConfigError: the file has changed since it was judged.
    """
    for pcm in recording.pieces():
        yield Speech(CLIP, 0, pcm, emotion=emotion or "neutral")
    yield Speech(CLIP, 0, _silence(0), last=True)
