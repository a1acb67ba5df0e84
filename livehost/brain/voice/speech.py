"""What goes into a voice and what comes out of it.

In:  one `Sentence`.   Out: `Chunk`s of at most 200 ms, as soon as each is ready.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livehost.errors import LivehostError, Transient
from livehost.media import CHUNK_SAMPLES, Phone

MOST_CHARACTERS = 600
"""Longest text of one `Sentence`; longer texts are split into sentences first."""


class Unspeakable(LivehostError):
    """This text cannot be spoken by any voice: nothing is left of it, or it is far too long.

    A rejection of the text, not a fault of a voice: skip the sentence, try no other voice.
    """


class Unfit(Transient):
    """This voice does not speak such a text (another language, say); the next one may.

    A property of the voice, not a fault of it: it is not rested and not reported.
    """


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing to say.

    Attributes:
        text: as it is written, 1 to `MOST_CHARACTERS` characters.
        emotion: a preset of the avatar; voices that have no emotions ignore it.
        speed: factor on the room's speed, 0.5 to 2.
        stressed: names in the text to emphasise, where the voice can.
        intensity: how strongly the emotion is felt, 0 to 1.
    """

    text: str
    emotion: str = "neutral"
    speed: float = 1.0
    stressed: tuple[str, ...] = ()
    intensity: float = 1.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one spoken sentence.

    Attributes:
        pcm: (n,) float32 in [-1, 1], 48 kHz mono, 0 < n <= CHUNK_SAMPLES.
        phones: the whole sentence's phones on its first chunk; empty on the others, and when
            the voice has no timings.
        voice: the engine that spoke it.
    """

    pcm: NDArray[np.float32]
    phones: tuple[Phone, ...] = ()
    voice: str = ""


class Voice(Protocol):
    """Something that speaks. Safe to call again after any error."""

    name: str

    def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`.

        Several sentences may be asked for at once; their work is done one after the other.
        Cancelling, or closing the generator, ends the work on it within milliseconds.

        Raises:
            Unspeakable: the text has nothing to say; see there.
            Unfit: this voice cannot say such a text, another one may.
            BackendTimeout: no sound within the engine's own deadline.
            BackendBroken: this engine cannot go on (model file damaged, server gone, ...). In
                mid-sentence it is the only error; what was made ends without a click.
        """


class Engine(Voice, Protocol):
    """A voice that makes speech itself, so that its speech can be kept in a cache."""

    def key(self, sentence: Sentence) -> str:
        """Return everything that decides how `sentence` sounds: equal keys, equal speech.

        Raises Unspeakable.
        """

    def close(self) -> None:
        """Let go of threads and models; idempotent."""


def checked(sentence: Sentence) -> str:
    """Return the text of `sentence`, stripped. Raises Unspeakable when it is empty or too long."""
    text = sentence.text.strip()
    if not text:
        raise Unspeakable("there is no text to say")
    if len(text) > MOST_CHARACTERS:
        raise Unspeakable(
            f"{len(text)} characters in one sentence; split it, {MOST_CHARACTERS} is the most"
        )
    return text


def chunks(pcm: NDArray[np.float32], voice: str, phones: tuple[Phone, ...] = ()) -> list[Chunk]:
    """Return (n,) samples as chunks of at most 200 ms, the phones on the first."""
    starts = range(0, len(pcm), CHUNK_SAMPLES)
    return [Chunk(pcm[at : at + CHUNK_SAMPLES], () if at else phones, voice) for at in starts]
