"""Playout that also tells what sounds around each tick, for renderers that hear.

In:  speech, as `Playout`.   Out: the same ticks, each with the voice before and after it.

What is queued is heard ahead for nothing. A window may ask for more certainty: then everything is
taken from the queue some ticks early, and goes on air as much later.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from livehost.clock import SAMPLE_RATE, Timeline
from livehost.media import Sound
from livehost.stage.playout import Key, Playout, Pulled


@dataclass(frozen=True, slots=True)
class Window:
    """How much a renderer wants to hear.

    Attributes:
        before, after: seconds before and after the beginning of a tick.
        ticks: how many ticks' beginnings it is told, the tick's own included.
        held: seconds by which everything is held back so that what follows is surely known.
    """

    before: float
    after: float
    ticks: int = 1
    held: float = 0.0


class Ear(Playout):
    """A playout whose ticks carry their sound; pull them in order, from tick 0 on."""

    def __init__(self, timeline: Timeline, window: Window) -> None:
        super().__init__()
        self._timeline, self._ticks = timeline, window.ticks
        self._before = round(window.before * SAMPLE_RATE)
        self._after = round(window.after * SAMPLE_RATE)
        self._held = math.ceil(window.held * timeline.fps)
        self._coming: deque[Pulled] = deque()
        self._pulled = 0  # ticks taken from the queue
        self._voice: NDArray[np.float32] = np.zeros(0, np.float32)  # as far as it was taken
        self._reached = 0  # stream sample behind it

    @property
    def on_air(self) -> Key | None:
        coming = (pulled.spoken for pulled in self._coming if pulled.spoken)
        return next(((said.utterance, said.sentence) for said in coming), super().on_air)

    def pull(self, samples: int) -> Pulled:
        while len(self._coming) <= self._held:
            self._coming.append(self._take())
        tick = self._pulled - len(self._coming)
        return replace(self._coming.popleft(), sound=self._around(tick))

    def _take(self) -> Pulled:
        pulled = super().pull(self._timeline.samples(self._pulled))
        self._pulled += 1
        self._reached += len(pulled.pcm)
        self._voice = np.concatenate([self._voice, pulled.pcm])
        return pulled

    def _around(self, tick: int) -> Sound:
        at = self._timeline.first_sample
        first = at(tick) - self._before
        self._voice = self._voice[max(0, first - (self._reached - len(self._voice))) :]
        begin = self._reached - len(self._voice)
        ahead = self.ahead(max(0, at(tick) + self._after - self._reached))
        out = np.zeros(self._before + self._after, np.float32)
        heard = np.concatenate([self._voice, ahead])[: first + len(out) - begin]
        out[begin - first : begin - first + len(heard)] = heard
        known = min(self._reached + len(ahead), first + len(out))
        return Sound(out, first, known, tuple(at(tick + n) for n in range(self._ticks)))
