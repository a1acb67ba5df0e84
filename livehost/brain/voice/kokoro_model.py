"""The Kokoro-82M network in parts: what to say when, then the sound of it.

In:  symbols and a voice vector.   Out: durations and pauses at once, the waveform piece by piece.

The published graph is one; it is cut where its encoder ends. The encoder costs a twentieth of the
whole and knows every duration, so lips and pauses are known before the first sound is made, the
silence at both ends is never synthesised, and the waveform can be made up to the next pause only.

The sound is made in one of two ways. `Studio` runs the rest of the graph as it was published, at
about the speed of speech on one core. `Live` runs its first layers and leaves the waveform, nine
tenths of the cost, to a vocoder trained to say the same.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from livehost.brain.voice.onnx_graph import Port, cut
from livehost.brain.voice.vocoder import Vocoder, inputs, pulses
from livehost.errors import ConfigError
from livehost.models import ModelFile, manifest, sha256, verify

SAMPLE_RATE = 24_000
TICK = 300
"""Samples at 24 kHz of half a unit of duration: the step of pitch and energy."""
MOST_TOKENS = 508
STYLE_ROWS, STYLE_SIZE = 510, 256

_DURATIONS = Port("/encoder/Clip_output_0", 2)
_TEXT = Port("/encoder/MatMul_1_output_0", 3)
_PITCH = Port("/encoder/Reshape_output_0", 2)
_ENERGY = Port("/encoder/Reshape_1_output_0", 2)
_FEATURES = Port("/decoder/decoder/decode.3/Div_4_output_0", 3)
_AUDIO = Port("audio", 1)

_SILENT = -5.0  # log energy below which a tick is silent (speech 0 to 10, silence -9)
_SHORTEST_PAUSE = 8  # ticks; a cut between two pieces needs 100 ms of silence
_MARGIN = 2  # ticks made on each side of a cut and thrown away


@dataclass(frozen=True, slots=True)
class Prosody:
    """The encoder's answer for one clause.

    Attributes:
        ticks: (tokens + 2,) int: how long each token lasts, silence at both ends included.
        text: (1, 512, ticks / 2) float32; pitch, energy: (1, ticks) float32.
        style: (1, 256) float32.
        silences: (start, end) ticks of every pause, in order.
    """

    ticks: NDArray[np.int64]
    text: NDArray[np.float32]
    pitch: NDArray[np.float32]
    energy: NDArray[np.float32]
    style: NDArray[np.float32]
    silences: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """Ticks in all."""
        return int(self.energy.shape[1])

    def fed(self, low: int, high: int) -> dict[str, NDArray[np.float32]]:
        """Return what the decoder is given for the ticks `low` to `high` (even)."""
        return {
            _TEXT.name: self.text[:, :, low // 2 : high // 2],
            _PITCH.name: self.pitch[:, low:high],
            _ENERGY.name: self.energy[:, low:high],
            "style": self.style,
        }

    def sounding(self, head: int, tail: int) -> tuple[int, int]:
        """Return (first, last): the ticks that sound, with up to `head` and `tail` around, even."""
        start = self.silences[0][1] if self.silences and self.silences[0][0] == 0 else 0
        end = self.length
        if self.silences and self.silences[-1][1] == end and self.silences[-1][0] > start:
            end = self.silences[-1][0]
        return max(0, start - head) // 2 * 2, min(self.length, end + tail + 1) // 2 * 2

    def pieces(self, span: tuple[int, int], first: int, rest: int) -> Iterator[tuple[int, int]]:
        """Cut `span` in the middle of pauses.

        Args:
            first, rest: least length in ticks of the first piece and of the later ones.
        """
        start, least = span[0], first
        for low, high in self.silences:
            middle = (low + high) // 4 * 2
            long_enough = middle - start >= least and span[1] - middle >= first
            if high - low >= _SHORTEST_PAUSE and long_enough:
                yield start, middle
                start, least = middle, rest
        yield start, span[1]


class Encoder:
    """Says what to say when. Every call is native and for one thread.

    Raises:
        ConfigError: on loading, when a file is missing or damaged.
    """

    def __init__(self, cache_dir: Path, threads: int = 1) -> None:
        self._encoder = _session(model_file(cache_dir, "kokoro-encoder"), threads)

    def encode(
        self,
        tokens: list[int],
        style: NDArray[np.float32],
        speed: float,
        options: onnxruntime.RunOptions | None = None,
    ) -> Prosody:
        """Return durations, pitch and energy of at most `MOST_TOKENS` tokens.

        Args:
            style: (256,) float32, a voice vector's row for this number of tokens.
            options: setting `terminate` on it from another thread ends the call with an error.
        """
        style = style[None]
        durations, text, pitch, energy = self._encoder.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": style,
                "speed": np.array([speed], np.float32),
            },
            options,
        )
        ticks = np.asarray(durations, np.int64).ravel() * 2
        return Prosody(ticks, text, pitch, energy, style, tuple(_pauses(energy[0])))


class Sound(Protocol):
    """Makes the waveform. Every call is native, slow and for one thread."""

    def begin(
        self,
        prosody: Prosody,
        span: tuple[int, int],
        options: onnxruntime.RunOptions | None = None,
    ) -> Piecewise:
        """Return what makes the ticks `span` (even) of a clause, piece by piece."""


class Piecewise(Protocol):
    """Makes pieces of one clause."""

    def __call__(
        self, piece: tuple[int, int], options: onnxruntime.RunOptions | None = None
    ) -> NDArray[np.float32]:
        """Return the waveform of the ticks `piece` (even), (n,) float32 at 24 kHz."""


class Studio:
    """The published decoder. Raises ConfigError on loading, as `Encoder`."""

    def __init__(self, cache_dir: Path, threads: int = 1) -> None:
        self._decoder = _session(model_file(cache_dir, "kokoro-decoder"), threads)

    def begin(
        self,
        prosody: Prosody,
        span: tuple[int, int],
        options: onnxruntime.RunOptions | None = None,
    ) -> Piecewise:
        def sound(
            piece: tuple[int, int], options: onnxruntime.RunOptions | None = None
        ) -> NDArray[np.float32]:
            low, high = _around(prosody, piece)
            (audio,) = self._decoder.run(None, prosody.fed(low, high), options)
            wave: NDArray[np.float32] = np.asarray(audio, np.float32).ravel()
            return wave[(piece[0] - low) * TICK : (piece[1] - low) * TICK]

        return sound


class Live:
    """The first layers of the published decoder, then a vocoder.

    Args:
        vocoder: ONNX file of one voice, see `livehost.vocoder`.

    Raises:
        ConfigError: on loading, as `Encoder`.
    """

    def __init__(self, cache_dir: Path, vocoder: Path, threads: int = 1) -> None:
        self._front = _session(model_file(cache_dir, "kokoro-front"), threads)
        self._vocoder = Vocoder(vocoder, threads)

    def begin(
        self,
        prosody: Prosody,
        span: tuple[int, int],
        options: onnxruntime.RunOptions | None = None,
    ) -> Piecewise:
        low, high = _around(prosody, span)
        (features,) = self._front.run(None, prosody.fed(low, high), options)
        pitch = prosody.pitch[0, low:high]
        seen = inputs(np.asarray(features, np.float32)[0], pitch, prosody.energy[0, low:high])
        train = pulses(pitch)

        def sound(
            piece: tuple[int, int], options: onnxruntime.RunOptions | None = None
        ) -> NDArray[np.float32]:
            return self._vocoder.sound(seen, train, (piece[0] - low, piece[1] - low), options)

        return sound


def _around(prosody: Prosody, span: tuple[int, int]) -> tuple[int, int]:
    return max(0, span[0] - _MARGIN), min(prosody.length, span[1] + _MARGIN)


def _pauses(energy: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    silent = np.concatenate([[False], energy < _SILENT, [False]])
    edges = np.flatnonzero(silent[1:] != silent[:-1])
    for start, end in edges.reshape(-1, 2):
        yield int(start), int(end)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


# --- files --------------------------------------------------------------------------------------


_PARTS: dict[str, tuple[list[Port], list[Port]]] = {
    "kokoro-encoder": ([], [_DURATIONS, _TEXT, _PITCH, _ENERGY]),
    "kokoro-front": ([_TEXT, _PITCH, _ENERGY], [_FEATURES]),
    "kokoro-decoder": ([_TEXT, _PITCH, _ENERGY], [_AUDIO]),
}
"""Where the published graph is cut: inputs and outputs of each part."""


def model_file(cache_dir: Path, name: str) -> Path:
    """Return one part of the model, cut from the installed packages on the first call.

    Raises:
        ConfigError: a package is missing or damaged, or `cache_dir` cannot be written.
    """
    model = manifest()[name]
    path = cache_dir / "models" / f"{name}-{model.sha256[:12]}.onnx"
    if not (path.is_file() and sha256(path) == model.sha256):
        _write(path, cut(_whole(manifest()["kokoro"]), *_PARTS[name]), model)
    return path


def _whole(model: ModelFile) -> bytearray:
    whole = bytearray()  # grown part by part, so that only one part is held twice
    try:
        for package in model.packages:
            whole += (resources.files(package) / model.file).read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise ConfigError(f"voice: {error}; run make setup again") from error
    if hashlib.sha256(whole).hexdigest() != model.sha256:
        raise ConfigError(f"voice: the packages of {model.name} are damaged; run make setup again")
    return whole


def _write(path: Path, content: bytes, model: ModelFile) -> None:
    """Write atomically: another process may be doing the same."""
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise ConfigError(f"voice: {model.name} was cut wrongly from the installed model")
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ConfigError(f"{path}: cannot write the voice model: {error.strerror}") from error


def load_vector(path: Path) -> NDArray[np.float32]:
    """Return a voice vector, (510, 256) float32. Raises ConfigError if the file is not one."""
    known = manifest().get(f"voice-{path.stem}")
    if known and path.name == known.file:
        verify(path, known.sha256)
    try:
        numbers = np.fromfile(path, "<f4")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the voice: {error.strerror}") from error
    if numbers.size != STYLE_ROWS * STYLE_SIZE or not np.isfinite(numbers).all():
        raise ConfigError(f"{path}: a Kokoro voice is {STYLE_ROWS} x {STYLE_SIZE} float32 numbers")
    vector: NDArray[np.float32] = numbers.astype(np.float32).reshape(STYLE_ROWS, STYLE_SIZE)
    return vector
