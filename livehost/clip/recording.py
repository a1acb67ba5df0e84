"""A recording that the host says: any sound file, checked, brought to the level of speech.

In:  a file.   Out: 48 kHz mono int16 in pieces; or an error that says why it cannot be used.

The file is read twice, once to judge it and once to play it, and never held as a whole: an hour
takes no more memory than a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from livehost.brain.voice.level import BOTH_CHANNELS, block_powers, limit, loudness_of
from livehost.clock import SAMPLE_RATE
from livehost.errors import ConfigError
from livehost.media import CHUNK_SAMPLES

LEAST_SECONDS = 0.2
SILENT_LUFS = -60.0
MOST_GAIN_DB = 30.0
MOST_DAMAGED = 0.02  # share of a file's packets
_BLOCK = 20 * CHUNK_SAMPLES  # judged and levelled at once

F32 = NDArray[np.float32]


class Recording:
    """A sound file that can be said.

    Args:
        target_lufs: loudness on air, with the voice in both channels.

    Attributes:
        samples: its length at 48 kHz.

    Raises:
        ConfigError: it cannot be decoded, is silent, too short, or holds what is no sound.
    """

    def __init__(self, path: Path, target_lufs: float) -> None:
        self._path = path
        self.samples = 0
        powers = [block_powers(block) for block in self._counted()]
        if self.samples < LEAST_SECONDS * SAMPLE_RATE:
            raise ConfigError(f"{path}: is shorter than {LEAST_SECONDS} s")
        measured = loudness_of(np.concatenate(powers))
        if measured < SILENT_LUFS:
            raise ConfigError(f"{path}: is silent; nothing is heard in it")
        gain_db = np.clip(target_lufs - BOTH_CHANNELS - measured, -MOST_GAIN_DB, MOST_GAIN_DB)
        self._gain = np.float32(10 ** (gain_db / 20))

    def pieces(self) -> Iterator[NDArray[np.int16]]:
        """Yield the sound in pieces of at most 200 ms. Raises ConfigError."""
        for block in self._blocks():
            pcm = np.rint(limit(block * self._gain) * 32_767).astype(np.int16)
            yield from (pcm[at : at + CHUNK_SAMPLES] for at in range(0, len(pcm), CHUNK_SAMPLES))

    def _counted(self) -> Iterator[F32]:
        for block in self._blocks():
            wrong = np.flatnonzero(~np.isfinite(block))
            if len(wrong):
                at = (self.samples + int(wrong[0])) / SAMPLE_RATE
                raise ConfigError(f"{self._path}: holds samples that are not numbers at {at:.2f} s")
            self.samples += len(block)
            yield block

    def _blocks(self) -> Iterator[F32]:
        """Yield the sound in blocks of four seconds, the last one shorter."""
        held: list[F32] = []
        for part in self._decoded():
            held.append(part)
            if sum(map(len, held)) >= _BLOCK:
                whole = np.concatenate(held)
                last = len(whole) - len(whole) % _BLOCK
                yield from np.split(whole[:last], last // _BLOCK)
                held = [whole[last:]]
        rest = np.concatenate(held) if held else np.zeros(0, np.float32)
        if len(rest):
            yield rest

    def _decoded(self) -> Iterator[F32]:
        try:
            with av.open(str(self._path)) as container:
                if not container.streams.audio:
                    raise ConfigError(f"{self._path}: holds no sound")
                yield from self._frames(container)
        except (OSError, EOFError, av.FFmpegError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"{self._path}: is not a sound file that can be read: {why}"
            ) from error

    def _frames(self, container: Any) -> Iterator[F32]:
        turn = av.AudioResampler("flt", "mono", SAMPLE_RATE)
        count = damaged = 0
        for packet in container.demux(container.streams.audio[0]):
            count += 1
            try:
                frames = packet.decode()
            except av.InvalidDataError:
                damaged += 1
                continue
            for frame in frames:
                yield from (part.to_ndarray()[0] for part in turn.resample(frame))
        yield from (part.to_ndarray()[0] for part in turn.resample(None))
        if damaged > max(1, MOST_DAMAGED * count):
            raise ConfigError(f"{self._path}: is damaged: {damaged} of {count} packets")
