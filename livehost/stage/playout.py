"""Speech that waits to go on air, taken out one tick at a time.

In:  `Speech` pieces from the wire.   Out: for each tick its voice samples, what is being said, and
exact reports of what began and what was heard.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livehost.media import Phone, Sound
from livehost.pauses import break_off
from livehost.wire import Heard, Speech

FADE_SAMPLES = 960  # 20 ms: a cut that does not click
AHEAD_SAMPLES = 5_760  # 120 ms: how far a mouth that follows sound may look ahead
_ENDS_ITSELF = 12_000  # a sentence that ends so soon after the place to break it off is let end
_REMEMBERED = 256  # ended sentences whose late pieces are refused

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Spoken:
    """What sounds during one tick.

    Attributes:
        utterance, sentence: which sentence.
        text: its caption.
        phones: all its phones; empty when the voice has no timings.
        emotion: a preset of the avatar.
        start: index within the sentence of the tick's first sample; negative when the sentence
            begins inside the tick.
        pcm: (n,) float32, the voice in this tick.
        intensity: how strongly the emotion is felt, 0 to 1.
        ahead: (n,) float32, what follows `pcm` as far as it is known, up to `AHEAD_SAMPLES`.
    """

    utterance: int
    sentence: int
    text: str
    phones: tuple[Phone, ...]
    emotion: str
    start: int
    pcm: NDArray[np.float32]
    intensity: float = 1.0
    ahead: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class Pulled:
    """One tick's worth of speech.

    Attributes:
        pcm: (samples,) float32 in [-1, 1]; silence where nothing is said.
        spoken: the sentence that sounds, or None.
        started: sentences whose first sample lies in this tick.
        heard: sentences that ended in this tick.
        starved: a sentence is on air but its samples had not arrived.
        sound: what sounds around it, from a playout that is asked to tell.
    """

    pcm: NDArray[np.float32]
    spoken: Spoken | None
    started: tuple[Key, ...] = ()
    heard: tuple[Heard, ...] = ()
    starved: bool = False
    sound: Sound | None = None


@dataclass(slots=True)
class _Sentence:
    """A sentence as far as it has arrived."""

    first: Speech
    pieces: deque[NDArray[np.float32]] = field(default_factory=deque)
    waiting: int = 0  # samples in pieces
    played: int = 0
    complete: bool = False

    @property
    def key(self) -> Key:
        return self.first.utterance, self.first.sentence

    def add(self, speech: Speech) -> None:
        if len(speech.pcm):
            self.pieces.append(speech.pcm.astype(np.float32) * np.float32(1 / 32768))
            self.waiting += len(speech.pcm)
        self.complete = self.complete or speech.last

    def take(self, most: int) -> NDArray[np.float32]:
        """Remove and return up to `most` samples."""
        parts: list[NDArray[np.float32]] = []
        left = min(most, self.waiting)
        self.waiting -= left
        self.played += left
        while left:
            piece = self.pieces.popleft()
            if len(piece) > left:
                self.pieces.appendleft(piece[left:])
                piece = piece[:left]
            parts.append(piece)
            left -= len(piece)
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def peek(self, most: int) -> NDArray[np.float32]:
        """Return up to `most` samples that come next, without taking them."""
        parts: list[NDArray[np.float32]] = []
        for piece in self.pieces:
            if most <= 0:
                break
            parts.append(piece[:most])
            most -= len(piece)
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def break_off(self, within: int) -> int:
        """Return at which of its samples to stop, at most `within` from now."""
        if self.complete and self.waiting <= within + _ENDS_ITSELF:
            return self.played + self.waiting
        ahead = np.concatenate([*self.pieces, np.zeros(0, np.float32)])
        return self.played + break_off(ahead[: within + _ENDS_ITSELF], within)

    def report(self, interrupted: bool) -> Heard:
        utterance, sentence = self.key
        return Heard(utterance, sentence, self.played, self.played + self.waiting, interrupted)


class Playout:
    """FIFO of sentences; the sender keeps `queued` below 2 s by watching `Progress`.

    Args:
        most_samples: beyond this, pieces are refused and counted: a sender that ignores its
            window must not fill the memory.
    """

    def __init__(self, most_samples: int = 60 * 48_000) -> None:
        self._sentences: deque[_Sentence] = deque()
        self._most = most_samples
        self._ended: deque[Key] = deque(maxlen=_REMEMBERED)
        self._cut: list[_Sentence] = []
        self._cut_at = 0  # sample of the first of them
        self.paused = False
        self.queued = 0
        """Samples waiting."""
        self.taken = 0
        """Samples that left the queue since the start, played or cut."""
        self.refused = 0
        """Pieces refused: too much queued, or late pieces of a sentence already cut."""

    @property
    def on_air(self) -> Key | None:
        """The sentence that sounds now."""
        head = self._sentences[0] if self._sentences else None
        return head.key if head and head.played else None

    def push(self, speech: Speech) -> None:
        """Queue one piece."""
        key = (speech.utterance, speech.sentence)
        if key in self._ended or self.queued + len(speech.pcm) > self._most:
            self.refused += 1
            return
        if any(sentence.key == key for sentence in self._cut):
            self.refused += 1
            return
        sentence = next((s for s in self._sentences if s.key == key), None)
        if sentence is None:
            sentence = _Sentence(speech)
            self._sentences.append(sentence)
        sentence.add(speech)
        self.queued += len(speech.pcm)

    def cut(self, within: int = 0) -> None:
        """Fade out within 20 ms and drop everything queued until now.

        Args:
            within: 0: at the next pull. Else in the next pause of the sentence that sounds, at
                most so many samples from now; a sentence about to end is heard to its end.
        """
        self._cut = list(self._sentences)
        head = self._sentences[0] if self._sentences else None
        self._cut_at = head.break_off(within) if head and head.played and within else 0

    def pull(self, samples: int) -> Pulled:
        """Take the next `samples` samples of air time."""
        if self._cut and self._due(self._cut[0], samples):
            return self._pull_cut(samples)
        pcm = np.zeros(samples, np.float32)
        started: list[Key] = []
        heard: list[Heard] = []
        spoken: tuple[_Sentence, int] | None = None
        filled, starved = 0, False
        while filled < samples and (sentence := self._next()):
            if not sentence.played and sentence.waiting:
                started.append(sentence.key)
            begin = sentence.played - filled
            part = sentence.take(samples - filled)
            pcm[filled : filled + len(part)] = part
            filled += len(part)
            self._account(len(part))
            if len(part):
                spoken = sentence, begin
            if sentence.waiting:
                continue
            if not sentence.complete:
                starved = sentence.played > 0
                spoken = spoken or ((sentence, begin) if starved else None)
                break
            heard.append(self._end(sentence, interrupted=False))
        told = self._describe(spoken, pcm, self.ahead(AHEAD_SAMPLES)) if spoken else None
        return Pulled(pcm, told, tuple(started), tuple(heard), starved)

    def _due(self, head: _Sentence, samples: int) -> bool:
        """Whether a cut comes in the next `samples`, also because nothing more is there."""
        return head.played + samples >= self._cut_at or head.waiting < samples

    def _pull_cut(self, samples: int) -> Pulled:
        dropped, self._cut = self._cut, []
        pcm = np.zeros(samples, np.float32)
        spoken = None
        if (head := dropped[0]).played:
            begin = head.played
            part = head.take(min(max(FADE_SAMPLES, self._cut_at - begin), samples))
            if head.waiting or not head.complete:
                part = part * np.linspace(1, 0, len(part), dtype=np.float32)
            pcm[: len(part)] = part
            self._account(len(part))
            spoken = head, begin
        ended = head.complete and not head.waiting and head.played > 0
        heard = [
            self._end(sentence, interrupted=sentence is not head or not ended)
            for sentence in dropped
        ]
        silence = np.zeros(AHEAD_SAMPLES, np.float32)
        told = self._describe(spoken, pcm, silence) if spoken else None
        return Pulled(pcm, told, (), tuple(heard))

    def ahead(self, samples: int) -> NDArray[np.float32]:
        """Return what will sound next: silence behind the last sentence, unless that goes on.

        It is shorter than `samples` when more is not known.
        """
        out = np.zeros(samples, np.float32)
        known = 0
        for sentence in self._sentences:
            if self.paused and not sentence.played:
                break
            part = sentence.peek(samples - known)
            out[known : known + len(part)] = part
            known += len(part)
            if known == samples:
                break
            if not sentence.complete:
                return out[:known]
        return out

    def _next(self) -> _Sentence | None:
        if not self._sentences:
            return None
        head = self._sentences[0]
        return None if self.paused and not head.played else head

    def _end(self, sentence: _Sentence, *, interrupted: bool) -> Heard:
        report = sentence.report(interrupted)
        self._account(sentence.waiting)
        self._sentences.remove(sentence)
        self._ended.append(sentence.key)
        return report

    def _account(self, samples: int) -> None:
        self.queued -= samples
        self.taken += samples

    @staticmethod
    def _describe(
        spoken: tuple[_Sentence, int], pcm: NDArray[np.float32], ahead: NDArray[np.float32]
    ) -> Spoken:
        sentence, start = spoken
        first = sentence.first
        return Spoken(
            first.utterance,
            first.sentence,
            first.text,
            first.phones,
            first.emotion,
            start,
            pcm,
            first.intensity,
            ahead,
        )
