"""A fast English voice: hibari, a small student of Kokoro that needs 2 % of a core.

In:  an English sentence.   Out: its speech at the room's loudness, phone timings included.

It speaks no Chinese: such a sentence is refused, and the next voice of the chain has it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from livehost.brain.voice.g2p import english
from livehost.brain.voice.level import Leveller, fade_ends
from livehost.brain.voice.lexicon import load_texts
from livehost.brain.voice.normalise import VERSION, spoken_english
from livehost.brain.voice.onnx_graph import Port, cut
from livehost.brain.voice.phones import TICK_SAMPLES, phones
from livehost.brain.voice.speech import Chunk, Sentence, Unfit, Unspeakable, checked, chunks
from livehost.clock import SAMPLE_RATE
from livehost.config import Room
from livehost.errors import BackendBroken, LivehostError
from livehost.media import Phone

_RATE = 24_000
_EXPECTED_LUFS = -26.4  # one channel, before any gain
_DURATIONS = Port("/Clip_output_0", 1)  # units of 25 ms for each id, two ticks
_SPECTRA = ("lh", "theta", "ln", "lr", "phi", "f0")
_SILENT = 10 ** (-50 / 20)
_HEAD, _TAIL = 5, 8  # ticks kept around the speech
_PAUSE = SAMPLE_RATE // 6
_MOST_SYMBOLS = 400
_LONG_NUMBER = re.compile(r"\d{13,}")  # nobody says these as one number; read by the digit


class Hibari:
    """See the module; `Engine` for what every engine promises."""

    name = "hibari"

    def __init__(self, room: Room) -> None:
        """Take the settings; the model is loaded by the first sentence. Raises ConfigError."""
        lexicon = room.voice.lexicon and room.near(room.voice.lexicon)
        self._lexicon = load_texts(lexicon, chinese=False)
        self._lufs = room.audio.loudness_lufs
        self._speed = room.voice.speed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice-hibari")
        self._session: Any = None

    def key(self, sentence: Sentence) -> str:
        """Return what decides how `sentence` sounds. Raises Unspeakable."""
        text = self._lexicon.replace(checked(sentence))
        values = (self.name, VERSION, self._lufs, self._pace(sentence), text)
        return hashlib.sha256(repr(values).encode()).hexdigest()

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`. Raises Unfit for Chinese."""
        if re.search("[\u3400-\u9fff]", checked(sentence)):
            raise Unfit("hibari speaks English only")
        loop = asyncio.get_running_loop()
        try:
            pcm, said = await loop.run_in_executor(self._thread, self._speech, sentence)
        except LivehostError:
            raise
        except Exception as error:  # the seam to native code
            raise BackendBroken(f"hibari failed: {error}") from error
        for chunk in chunks(pcm, self.name, said):
            yield chunk

    def close(self) -> None:
        """Let go of the thread; work in it is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _pace(self, sentence: Sentence) -> float:
        return min(2.0, max(0.5, self._speed * sentence.speed))

    def _speech(self, sentence: Sentence) -> tuple[NDArray[np.float32], tuple[Phone, ...]]:
        text = self._lexicon.replace(sentence.text)
        text = _LONG_NUMBER.sub(lambda digits: " ".join(digits[0]), text)
        symbols = english(spoken_english(text))[:_MOST_SYMBOLS]
        if not any(symbol.isalpha() for symbol in symbols):
            raise Unspeakable("nothing of this text can be said aloud")
        wave, ticks = self._synthesise(symbols, self._pace(sentence))
        silences = _silences(wave)
        span = _sounding(silences, len(wave) * 2 // TICK_SAMPLES)
        said = phones(symbols, [0] * len(symbols), ticks, silences, span)
        pcm = soxr.resample(wave, _RATE, SAMPLE_RATE)[span[0] * TICK_SAMPLES :]
        pcm = pcm[: (span[1] - span[0]) * TICK_SAMPLES].astype(np.float32)
        level = Leveller(self._lufs, _EXPECTED_LUFS).level(pcm)
        voiced = np.pad(fade_ends(level, head=True, tail=True), (0, _PAUSE))
        return voiced, (*said, Phone("sil", len(pcm), len(voiced)))

    def _synthesise(self, symbols: str, pace: float) -> tuple[NDArray[np.float32], list[int]]:
        from hibari import dsp  # noqa: PLC0415  (loaded in the thread, only when it speaks)

        session, ids = self._loaded()
        feed = {"ids": np.array([[0, *(ids[s] for s in symbols if s in ids), 0]], np.int64)}
        feed["speed"] = np.array([pace], np.float32)
        *spectra, units = session.run([*_SPECTRA, _DURATIONS.name], feed)
        wave = dsp.synth(*(part[0] for part in spectra), np.random.default_rng(0))
        return wave.astype(np.float32), [2 * int(n) for n in units[:-1]]

    def _loaded(self) -> tuple[Any, dict[str, int]]:
        if self._session is None:
            self._session = _load()
        session: tuple[Any, dict[str, int]] = self._session
        return session


def _load() -> tuple[Any, dict[str, int]]:
    """Return the network with its durations as one more output, and its alphabet."""
    import hibari  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415

    model = Path(hibari.__file__).parent / "assets" / "hibari.onnx"
    outputs = [*(Port(name, 3) for name in _SPECTRA), _DURATIONS]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    graph = cut(model.read_bytes(), [], outputs)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return session, json.loads((model.parent / "vocab.json").read_text("utf-8"))


def _silences(wave: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return (start, end) ticks of 12.5 ms in which the wave is below -50 dB of its peak."""
    step = TICK_SAMPLES // 2
    peaks = np.abs(wave[: len(wave) // step * step]).reshape(-1, step).max(axis=1)
    silent = np.concatenate([[False], peaks < _SILENT * peaks.max(), [False]])
    edges = np.flatnonzero(silent[1:] != silent[:-1]).reshape(-1, 2)
    return [(int(start), int(end)) for start, end in edges]


def _sounding(silences: list[tuple[int, int]], length: int) -> tuple[int, int]:
    start = silences[0][1] if silences and silences[0][0] == 0 else 0
    end = silences[-1][0] if silences and silences[-1][1] == length else length
    return max(0, start - _HEAD), min(length, end + _TAIL)
