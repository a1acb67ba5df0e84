"""Faster or slower speech at the same pitch, for voices that cannot be told.

In:  a decoder's samples.   Out: the same, stretched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
import numpy as np

from livehost.brain.voice.waveform import Decoder, Pcm
from livehost.clock import SAMPLE_RATE


class Stretched:
    """A decoder whose sound is changed in tempo (FFmpeg's atempo, a WSOLA)."""

    def __init__(self, decoder: Decoder, pace: float) -> None:
        """Args: pace: 0.5 to 2; 2 is twice as fast."""
        self._decoder = decoder
        self._graph = av.filter.Graph()
        self._source = self._graph.add_abuffer(
            sample_rate=SAMPLE_RATE, format="flt", layout="mono", channels=1
        )
        tempo = self._graph.add("atempo", f"{pace:.4f}")
        self._sink = self._graph.add("abuffersink")
        self._source.link_to(tempo)
        tempo.link_to(self._sink)
        self._graph.configure()

    def feed(self, data: bytes) -> Pcm:
        return self._stretched(self._decoder.feed(data))

    def end(self) -> Pcm:
        rest = self._stretched(self._decoder.end())
        self._source.push(None)
        return np.concatenate([rest, *self._made()])

    def _stretched(self, pcm: Pcm) -> Pcm:
        if len(pcm):
            frame = av.AudioFrame.from_ndarray(pcm[None], "flt", "mono")
            frame.sample_rate = SAMPLE_RATE
            self._source.push(frame)
        return np.concatenate([np.zeros(0, np.float32), *self._made()])

    def _made(self) -> Iterator[Pcm]:
        with suppress(BlockingIOError, EOFError):  # nothing more now; nothing more at all
            while True:
                frame: Any = self._sink.pull()
                yield frame.to_ndarray()[0]
