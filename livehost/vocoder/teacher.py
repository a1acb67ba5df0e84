"""Have the published voice read sentences: pairs for training a vocoder.

In:  sentences of `livehost.vocoder.texts`, or a file with one on each line.   Out: one .npz for
each clause: features "x" (512, ticks), pitch "f0" and energy "n" (1, ticks), speech "a" at 24 kHz.

    python -m livehost.vocoder.teacher pairs/1 --voice zf_xiaoxiao.bin --seed 1 --seconds 2700
    python -m livehost.vocoder.teacher held-out --voice zf_xiaoxiao.bin --texts held-out.txt

Stopped, it goes on where it was. The features come from the 8-bit graph that runs on air, the
speech from the same graph in float32. Manner is varied, as styles do on air: other voices' manners
are mixed in, speed, pitch and energy are moved; a file of texts is read plainly.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from livehost.brain.voice import normalise
from livehost.brain.voice.codes import HAN
from livehost.brain.voice.g2p import transcribe, vocabulary
from livehost.brain.voice.kokoro import clauses, english_symbols
from livehost.brain.voice.kokoro_model import (
    MOST_TOKENS,
    SAMPLE_RATE,
    STYLE_ROWS,
    TICK,
    Encoder,
    Prosody,
    load_vector,
    model_file,
)
from livehost.brain.voice.lexicon import load_lexicon
from livehost.brain.voice.prosody import SPEECH, blended
from livehost.brain.voice.say import default_room
from livehost.vocoder.dequantise import dequantised
from livehost.vocoder.texts import sentences

_HEAD, _TAIL, _MARGIN = 5, 8, 2  # ticks kept around a clause, as on air
_KNOT = 40  # ticks between the points of a random movement
_LOUDEST = 1.5
_HAN = re.compile(f"[{HAN}]")


def tokens(texts: Iterator[str]) -> Iterator[list[int]]:
    """Yield the symbols of each clause."""
    lexicon, ids = load_lexicon(None), vocabulary()
    for text in texts:
        if _HAN.search(text):
            symbols = transcribe(normalise.spoken(lexicon.replace(text)), lexicon)
        else:
            symbols = english_symbols(normalise.spoken_english(text))
        for clause in clauses(symbols):
            said = [ids[symbol] for part in clause for symbol in part.text][:MOST_TOKENS]
            if len(said) > 1:
                yield said


class Teacher:
    """Reads clauses.

    Args:
        voice: (510, 256) voice vector; manners: of other voices.
        varied: draw speed, manner, pitch and energy for each clause.
    """

    def __init__(
        self, voice: NDArray[np.float32], manners: list[NDArray[np.float32]], varied: bool
    ) -> None:
        cache = default_room().cache_dir
        self._voice, self._manners, self._varied = voice, manners, varied
        self._encoder = Encoder(cache)
        self._front = onnxruntime.InferenceSession(str(model_file(cache, "kokoro-front")))
        decoder = dequantised(onnx.load(model_file(cache, "kokoro-decoder")))
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            onnx.save(decoder, file.name)
            self._decoder = onnxruntime.InferenceSession(file.name)

    def read(self, said: list[int], seed: int) -> dict[str, NDArray[np.generic]] | None:
        """Return a pair, None when it came out broken."""
        rng = np.random.default_rng(seed)
        row = min(len(said), STYLE_ROWS) - 1
        style, speed = self._voice[row], 1.0
        if self._varied and rng.random() < 0.4 and self._manners:
            other = self._manners[rng.integers(len(self._manners))]
            style = blended(style, other[row], rng.uniform(0, 0.6))
        if self._varied and rng.random() < 0.25:
            speed = rng.uniform(0.85, 1.25)
        prosody = self._encoder.encode(said, style, speed)
        low, high = prosody.sounding(_HEAD + _MARGIN, _TAIL + _MARGIN)
        if self._varied and rng.random() < 0.35:
            prosody = _moved(prosody, rng)
        fed = prosody.fed(low, high)
        (features,) = self._front.run(None, fed)
        speech = np.asarray(self._decoder.run(None, fed)[0], np.float32).ravel()
        if high - low < 20 or not np.isfinite(speech).all() or abs(speech).max() > _LOUDEST:
            return None
        return {
            "x": np.asarray(features, np.float16)[0],
            "f0": prosody.pitch[:, low:high],
            "n": prosody.energy[:, low:high].astype(np.float16),
            "a": speech.astype(np.float16),
        }


def _moved(prosody: Prosody, rng: np.random.Generator) -> Prosody:
    """Return a prosody with pitch and energy bent slowly and at random."""
    ticks = prosody.length
    pitch = prosody.pitch * np.exp(_curve(ticks, 0.09, rng) + rng.normal() * 0.06)
    bent = np.where(prosody.energy > SPEECH, _curve(ticks, 0.4, rng), 0.0)
    energy = prosody.energy + bent
    return replace(prosody, pitch=pitch.astype(np.float32), energy=energy.astype(np.float32))


def _curve(ticks: int, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    knots = rng.normal(size=ticks // _KNOT + 3) * size
    return np.interp(np.arange(ticks), np.arange(len(knots)) * _KNOT, knots)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--voice", type=Path, required=True)
    parser.add_argument("--manners", type=Path, nargs="*", default=[], help="other voices")
    parser.add_argument("--texts", type=Path, help="read these, plainly")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5400)
    parser.add_argument("--english", type=float, default=0.1, help="share of English sentences")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    given = options.texts.read_text("utf-8").splitlines() if options.texts else None
    texts = (
        (line for line in given if line.strip())
        if given
        else sentences(options.seed, options.english)
    )
    manners = [load_vector(path) for path in options.manners]
    teacher = Teacher(load_vector(options.voice), manners, varied=given is None)
    seeds, seconds = random.Random(options.seed), 0.0
    for number, said in enumerate(tokens(texts)):
        seed, path = seeds.getrandbits(32), options.out / f"{number:06d}.npz"
        if not path.exists() and (pair := teacher.read(said, seed)):
            partial = path.with_suffix(".tmp.npz")
            np.savez(partial, **cast("dict[str, Any]", pair))
            partial.replace(path)
        if path.exists():
            with np.load(path) as file:
                seconds += file["f0"].size * TICK / SAMPLE_RATE
        if number % 50 == 0:
            print(f"{number} clauses, {seconds:.0f} s", flush=True)
        if seconds >= options.seconds:
            break


if __name__ == "__main__":
    main()
