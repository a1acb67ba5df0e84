"""One utterance in the making: text, sentence by sentence, judged, then made into speech.

In:  an `Intent`, its writer, a voice.   Out: pieces of speech in a bounded channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livehost.brain.emotion import PLAIN, Feeling, felt
from livehost.brain.intent import Intent
from livehost.brain.sentences import rest
from livehost.channel import Channel
from livehost.clock import SAMPLE_RATE
from livehost.media import CHUNK_SAMPLES, Phone
from livehost.pauses import PAUSE_SEEN, take_up

SPEECH_SAMPLES = 2 * SAMPLE_RATE  # made ahead of the stage
TEXT_AHEAD = 2  # sentences of a stream read ahead of the voice
PAUSE = 0.28  # seconds of silence after a sentence


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence that may be spoken.

    Attributes:
        rule: what stopped the text that stood here before; "" when none did.
    """

    text: str
    rule: str = ""
    found: str = ""
    instead_of: str = ""


class Chunk(Protocol):
    """See `livehost.brain.voice.Chunk`."""

    @property
    def pcm(self) -> NDArray[np.float32]:
        """(n,) 48 kHz mono."""

    @property
    def phones(self) -> tuple[Phone, ...]:
        """Of the sentence, on its first chunk."""


class Speak(Protocol):
    """Makes speech of one sentence."""

    def __call__(self, text: str, feeling: Feeling) -> AsyncGenerator[Chunk]: ...


class Writer(Protocol):
    """Turns intents into words; see `livehost.brain.writer`."""

    def sentences(self, intent: Intent) -> AsyncGenerator[str]:
        """Yield what to say."""
        ...

    def judged(self, text: str, intent: Intent) -> Said:
        """Return what may be said in place of `text`."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a sentence's speech.

    Attributes:
        caption: what of the sentence's text it begins with; "" is all of it.
        begun: the sample that the sentence began with: 0, or where it was taken up.
        feeling: how the sentence is said.
    """

    sentence: int
    pcm: NDArray[np.int16]
    phones: tuple[Phone, ...] = ()
    caption: str = ""
    first: bool = False
    last: bool = False
    begun: int = 0
    feeling: Feeling = PLAIN


class Utterance:
    """Text and speech of one intent; one task group makes both.

    Args:
        ready: called when something to send is there, or when it is known that nothing comes.

    Attributes:
        said: sentences so far.
        written: no more sentences follow.
        error: why it could not be made, or None.
        waited_for: the script has held back for it once already.
        unended: index of the sentence of which pieces were sent but not the last; None: none.
    """

    def __init__(
        self, utterance: int, intent: Intent, ready: Callable[[], None] = lambda: None
    ) -> None:
        self.id = utterance
        self.intent = intent
        self._on_ready = ready
        self._news = asyncio.Event()
        self._wanted = TEXT_AHEAD
        self.pieces: Channel[Piece | None] = Channel(SPEECH_SAMPLES)
        self.said: list[Said] = []
        self.written = False
        self.ready = False
        self.error: Exception | None = None
        self.task: asyncio.Task[None] | None = None
        self.unended: int | None = None
        self.waited_for = False

    async def make(self, writer: Writer, speak: Speak) -> None:
        """Write and speak into `pieces`, ended by None. Never raises: see `error`."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(writer))
                group.create_task(self._speak(speak))
        except ExceptionGroup as failed:
            self.error = _first(failed)
            self.written = True
            await self._end()

    async def _write(self, writer: Writer) -> None:
        async with aclosing(writer.sentences(self.intent)) as sentences:
            async for text in sentences:
                if text.strip():
                    self.said.append(writer.judged(text, self.intent))
                    self._news.set()
                while len(self.said) > self._wanted:
                    await self._wait()
        self.written = True
        self._news.set()

    async def _speak(self, speak: Speak) -> None:
        sentence = 0
        while await self._has(sentence):
            await self._speak_one(sentence, self.said[sentence].text, speak)
            sentence += 1
        await self._end()

    async def _has(self, sentence: int) -> bool:
        """Wait for a sentence; False when the text ends before it."""
        self._wanted = sentence + TEXT_AHEAD
        self._news.set()
        while len(self.said) <= sentence:
            if self.written:
                return False
            await self._wait()
        return True

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _speak_one(self, sentence: int, text: str, speak: Speak) -> None:
        first, begun = True, 0
        feeling = felt(self.intent, text)
        before = self.intent.heard if sentence == 0 else None
        heard = before.samples if before and before.text == text else 0
        async with aclosing(speak(text, feeling)) as chunks:
            async for samples, phones, start in _rest(chunks, heard):
                begun = begun or start
                for pcm in _whole(samples):
                    caption = _caption(text, begun, phones) if first and begun else ""
                    said = phones if first else ()
                    await self._put(
                        Piece(sentence, pcm, said, caption, first, False, begun, feeling)
                    )
                    first = False
        pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.int16)
        for part in _parts(pause[:-1]):
            await self._put(Piece(sentence, part, first=first, begun=begun))
            first = False
        await self._put(Piece(sentence, pause[-1:], last=True, begun=begun))

    async def _put(self, piece: Piece) -> None:
        await self.pieces.put(piece, len(piece.pcm))
        self._note_ready()

    async def _end(self) -> None:
        await self.pieces.put(None, 0.0)
        self._note_ready()

    def _note_ready(self) -> None:
        if not self.ready:
            self.ready = True
            self._on_ready()


def _caption(text: str, begun: int, phones: tuple[Phone, ...]) -> str:
    """Return what is said of `text` when it begins with sample `begun`; `phones` come after it."""
    return rest(text, begun / (begun + phones[-1].end)) if phones else text


async def _rest(
    chunks: AsyncGenerator[Chunk], heard: int
) -> AsyncGenerator[tuple[NDArray[np.float32], tuple[Phone, ...], int]]:
    """Yield (samples, phones, samples left out) of speech of which `heard` samples were heard.

    It is taken up at the end of the last pause that was reached.
    """
    held: list[NDArray[np.float32]] = []
    missing, said = heard and heard + PAUSE_SEEN, tuple[Phone, ...]()
    async for chunk in chunks:
        if missing <= 0:
            yield chunk.pcm, chunk.phones, 0
            continue
        held.append(chunk.pcm)
        missing -= len(chunk.pcm)
        said = said or chunk.phones
        if missing <= 0:
            yield _taken_up(held, said, heard)
    if missing > 0 and held:
        yield _taken_up(held, said, heard)


def _taken_up(
    held: list[NDArray[np.float32]], said: tuple[Phone, ...], heard: int
) -> tuple[NDArray[np.float32], tuple[Phone, ...], int]:
    pcm = np.concatenate(held)
    start = take_up(pcm, heard)
    return pcm[start:], _moved(said, start), start


def _moved(phones: tuple[Phone, ...], start: int) -> tuple[Phone, ...]:
    """Return phones of speech that begins `start` samples later."""
    return tuple(
        Phone(p.ipa, max(0, p.start - start), p.end - start, p.stress)
        for p in phones
        if p.end > start
    )


def _whole(pcm: NDArray[np.float32]) -> list[NDArray[np.int16]]:
    """Return 16-bit pieces of at most 200 ms; what is not a number becomes silence."""
    finite = np.nan_to_num(np.asarray(pcm, np.float32).ravel(), nan=0.0, posinf=1.0, neginf=-1.0)
    return _parts(np.round(np.clip(finite, -1, 1) * 32767).astype(np.int16))


def _parts(pcm: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    return [pcm[n : n + CHUNK_SAMPLES] for n in range(0, len(pcm), CHUNK_SAMPLES)]


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
