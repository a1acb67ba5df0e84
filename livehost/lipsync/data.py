"""Speech whose every phone is known: many voices of the published model read sentences.

In:  voice vectors.   Out: one .npz for each clause (`Clip`).

    python -m livehost.lipsync.data clips --voices voices/zf_*.bin voices/af_*.bin --seconds 75

Voices take turns, so that a run that is stopped early has something of each; started again it
goes on where it was. Speed and, in part, effort are drawn for each clause.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livehost.brain.voice import normalise
from livehost.brain.voice.codes import HAN
from livehost.brain.voice.g2p import Symbols, transcribe, vocabulary
from livehost.brain.voice.kokoro import clauses, english_symbols
from livehost.brain.voice.kokoro_model import (
    MOST_TOKENS,
    SAMPLE_RATE,
    STYLE_ROWS,
    Encoder,
    Studio,
    load_vector,
)
from livehost.brain.voice.lexicon import load_lexicon
from livehost.brain.voice.phones import phones
from livehost.brain.voice.say import default_room
from livehost.media import Phone
from livehost.vocoder.texts import sentences

_HEAD, _TAIL = 5, 8  # ticks of silence kept around a clause, as on air
_SHORTEST, _LOUDEST = 30, 1.5
_SPEEDS = (0.8, 1.35)
_HAN = re.compile(f"[{HAN}]")
_ENGLISH = {"z": 0.2, "a": 1.0, "b": 1.0}
"""Share of English sentences by a voice's first letter; half for voices of other languages."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clause.

    Attributes:
        voice: who speaks.
        pcm: (n,) float32 at 24 kHz.
        phones: in samples at 48 kHz.
        pitch, energy: (ticks,) float32, one in 12.5 ms: Hz, 0 where there is none, and log energy,
            about -9 in silence and 0 to 10 in speech.
    """

    voice: str
    pcm: NDArray[np.float32]
    phones: tuple[Phone, ...]
    pitch: NDArray[np.float32]
    energy: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.pcm) / SAMPLE_RATE


def save(clip: Clip, path: Path) -> None:
    """Write a clip, atomically."""
    partial = path.with_suffix(".tmp.npz")
    np.savez_compressed(
        partial,
        voice=clip.voice,
        pcm=np.round(np.clip(clip.pcm, -1, 1) * 32767).astype(np.int16),
        ipa=np.array([p.ipa for p in clip.phones]),
        spans=np.array([(p.start, p.end, p.stress) for p in clip.phones], np.int64).reshape(-1, 3),
        pitch=clip.pitch.astype(np.float16),
        energy=clip.energy.astype(np.float16),
    )
    partial.replace(path)


def load(path: Path) -> Clip:
    """Return the clip in a file."""
    with np.load(path) as file:
        rows = zip(file["ipa"].tolist(), file["spans"].tolist(), strict=True)
        return Clip(
            str(file["voice"]),
            file["pcm"].astype(np.float32) / 32767,
            tuple(Phone(ipa, *span) for ipa, span in rows),
            file["pitch"].astype(np.float32),
            file["energy"].astype(np.float32),
        )


def folder(path: Path) -> list[Clip]:
    """Return all clips in a folder, by name."""
    files = sorted(f for f in path.glob("*.npz") if not f.name.endswith(".tmp.npz"))
    return [load(file) for file in files]


def texts(voice: str, seed: int) -> Iterator[list[Symbols]]:
    """Yield clauses for a voice to read, in the languages that it can be heard in."""
    share, lexicon = _ENGLISH.get(voice[:1], 0.5), load_lexicon(None)
    for text in sentences(seed, share):
        if _HAN.search(text):
            if share == 1.0:
                continue
            symbols = transcribe(normalise.spoken(lexicon.replace(text)), lexicon)
        else:
            symbols = english_symbols(normalise.spoken_english(text))
        yield from clauses(symbols)


class Reader:
    """Reads clauses with the published model."""

    def __init__(self) -> None:
        cache = default_room().cache_dir
        self._encoder, self._decoder = Encoder(cache), Studio(cache)

    def read(
        self, voice: str, vector: NDArray[np.float32], clause: list[Symbols], seed: int
    ) -> Clip | None:
        """Return a clip; None when it is too short or came out broken."""
        text = "".join(part.text for part in clause)
        known = vocabulary()
        ids = [known[symbol] for symbol in text]
        if not 1 < len(ids) <= MOST_TOKENS:
            return None
        rng = np.random.default_rng(seed)
        speed = float(rng.uniform(*_SPEEDS)) if rng.random() < 0.6 else 1.0
        style = vector[min(len(ids), STYLE_ROWS) - 1]
        prosody = self._encoder.encode(ids, style, speed)
        low, high = prosody.sounding(_HEAD, _TAIL)
        if high - low < _SHORTEST:
            return None
        pcm = self._decoder.begin(prosody, (low, high))((low, high))
        if not np.isfinite(pcm).all() or np.abs(pcm).max() > _LOUDEST:
            return None
        stress = [part.stress for part in clause for _ in part.text]
        ticks = [int(n) for n in prosody.ticks[:-1]]
        said = phones(text, stress, ticks, prosody.silences, (low, high))
        return Clip(
            voice,
            pcm,
            tuple(said),
            prosody.pitch[0, low:high],
            prosody.energy[0, low:high],
        )


class _Turns:
    """What one voice has read so far."""

    def __init__(self, vector: Path, out: Path, seed: int) -> None:
        self.voice, self._out = vector.stem, out
        self._vector = load_vector(vector)
        self._seeds = random.Random(f"{seed} {self.voice}")
        self._texts = texts(self.voice, self._seeds.getrandbits(32))
        self._number = 0
        self.seconds = 0.0

    def go_on(self, reader: Reader) -> None:
        """Read one more clause, unless it is there already."""
        clause, seed = next(self._texts), self._seeds.getrandbits(32)
        path = self._out / f"{self.voice}-{self._number:04d}.npz"
        self._number += 1
        if not path.exists() and (clip := reader.read(self.voice, self._vector, clause, seed)):
            save(clip, path)
        if path.exists():
            self.seconds += load(path).seconds


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--voices", type=Path, nargs="+", required=True, help="voice vectors")
    parser.add_argument("--seconds", type=float, default=75, help="of speech, each voice")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    reader = Reader()
    turns = [_Turns(path, options.out, options.seed) for path in options.voices]
    while waiting := [turn for turn in turns if turn.seconds < options.seconds]:
        for turn in waiting:
            turn.go_on(reader)
        print(f"{sum(turn.seconds for turn in turns):.0f} s", flush=True)


if __name__ == "__main__":
    main()
