"""The voice of a local coqui-tts model: VITS and most others by the sentence, XTTS streamed.

In:  a sentence, [voice.coqui] of the room, `pip install livehost[coqui]`.
Out: its speech at the room's loudness.

PyTorch works in the engine's own thread, on one core.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple

import av
import numpy as np

from livehost.brain.voice.reading import Reading, pace_of, sound_key
from livehost.brain.voice.shape import Loudness, Pcm, Shaper, most_samples
from livehost.brain.voice.speech import Chunk, Sentence, Unfit, chunks
from livehost.brain.voice.waveform import Resampler
from livehost.config import Room
from livehost.errors import BackendBroken, ConfigError, LivehostError
from livehost.models import sha256

T = TypeVar("T")
Args = TypeVarTuple("Args")

NEEDED = ("TTS", "torch", "torchaudio", "torchcodec")
"""Packages that the engine needs."""
_CHECKPOINTS = ("model.pth", "model_file.pth", "best_model.pth")
_XTTS_CHINESE = "zh-cn"
_XTTS_RATE = 22_050  # Hz, of the recordings that XTTS listens to
_LEAST_IDS = 3  # a blank at each end is no text


class Model(Protocol):
    """A loaded model."""

    rate: int

    def speak(self, text: str, pace: float) -> Generator[Pcm]:
        """Yield samples at `rate`. Raises anything."""


class Coqui:
    """See the module; `Engine` for what every engine promises."""

    name = "coqui"

    def __init__(self, room: Room) -> None:
        """Check the settings; the model is loaded by the first sentence. Raises ConfigError."""
        settings = room.voice.coqui
        if missing := missing_packages():
            raise ConfigError(
                f"{room.file}: voice.engine: coqui needs {', '.join(missing)}; "
                "install livehost[coqui]"
            )
        if settings.model is None:
            raise ConfigError(f"{room.file}: voice.coqui.model: is required")
        self._folder = room.near(settings.model)
        self._wavs = [room.near(path) for path in settings.speaker_wav]
        self._checkpoint = _checkpoint(room, self._folder)
        self._speaker = settings.speaker
        self._language = settings.language or room.language
        self._words = Reading(room, settings.normalise)
        self._speed, self._lufs = room.voice.speed, room.audio.loudness_lufs
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice-coqui")
        self._model: Model | None = None
        self._loudness = Loudness()
        self._fixed = self._sound_of_the_model()

    def key(self, sentence: Sentence) -> str:
        """Return what decides how `sentence` sounds. Raises Unspeakable."""
        pace = pace_of(self._speed, sentence)
        return sound_key(self.name, text=self._words.of(sentence), speed=pace, **self._fixed)

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`. A closed one ends at the model's next piece."""
        text, pace = self._words.of(sentence), pace_of(self._speed, sentence)
        shaper = Shaper(self._loudness, self._lufs, most_samples(text, pace))
        try:
            async with aclosing(self._made(text, pace, shaper)) as made:
                async for pcm in made:
                    for chunk in chunks(pcm, self.name):
                        yield chunk
        except LivehostError:
            for chunk in chunks(shaper.broken() if shaper.begun else _NOTHING, self.name):
                yield chunk
            raise
        if not shaper.begun:
            raise BackendBroken("coqui: the model makes only silence of this text")

    async def _made(self, text: str, pace: float, shaper: Shaper) -> AsyncGenerator[Pcm, None]:
        """Yield the shaped sound."""
        model = await self._run(self._loaded)
        pieces, resampler = model.speak(text, pace), Resampler(model.rate)
        try:
            while (pcm := await self._run(_next, pieces, resampler, shaper)) is not None:
                yield pcm
        finally:
            with suppress(RuntimeError):  # the engine is closed already
                self._thread.submit(pieces.close)
        yield await self._run(_ended, resampler, shaper)

    def close(self) -> None:
        """Let go of the thread; work in it is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _sound_of_the_model(self) -> dict[str, Any]:
        stat = self._checkpoint.stat()
        return {
            "model": sha256(self._folder / "config.json"),
            "weights": (self._checkpoint.name, stat.st_size, stat.st_mtime_ns),
            "speaker": self._speaker,
            "wavs": [sha256(path) for path in self._wavs],
            "language": self._language,
            "words": self._words.rules,
            "lufs": self._lufs,
        }

    def _loaded(self) -> Model:
        if self._model is None:
            load = _Xtts if _kind(self._folder) == "xtts" else _Whole
            self._model = load(self._checkpoint, self._speaker, self._wavs, self._language)
        return self._model

    async def _run(self, work: Callable[[*Args], T], *args: *Args) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, *args)
        except LivehostError:
            raise
        except Exception as error:  # the seam to coqui-tts and PyTorch
            raise BackendBroken(f"coqui: {_line(error)}") from error


_NOTHING = np.zeros(0, np.float32)


def missing_packages() -> list[str]:
    """Return which of the packages that the engine needs are not installed."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def _checkpoint(room: Room, folder: Path) -> Path:
    """Return the file with the weights. Raises ConfigError."""
    where = f"{room.file}: voice.coqui.model: {folder}"
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{where} has no config.json; give the folder of a coqui-tts model")
    named = [folder / name for name in _CHECKPOINTS if (folder / name).is_file()]
    others = sorted(folder.glob("*.pth"))
    if not named and len(others) != 1:
        raise ConfigError(f"{where} has no model.pth, but {len(others)} other .pth files")
    return (named or others)[0]


def _kind(folder: Path) -> str:
    from TTS.config import load_config  # noqa: PLC0415

    return str(load_config(str(folder / "config.json")).model)


def _next(pieces: Generator[Pcm], resampler: Resampler, shaper: Shaper) -> Pcm | None:
    """Return the next piece, shaped; None after the last one."""
    piece = next(pieces, None)
    return None if piece is None else shaper.add(resampler.feed(piece))


def _ended(resampler: Resampler, shaper: Shaper) -> Pcm:
    return np.concatenate([shaper.add(resampler.feed(_NOTHING, last=True)), shaper.end()])


def _line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    hint = ""
    if isinstance(error, OSError | ImportError) and "torch" in text:
        hint = "; torch, torchaudio and torchcodec must be of one build (all CPU or all CUDA)"
    return f"{text:.160}{hint}"


class _Whole:
    """VITS and other models that make a sentence in one go."""

    def __init__(self, checkpoint: Path, speaker: str, wavs: list[Path], language: str) -> None:
        from TTS.utils.synthesizer import Synthesizer  # noqa: PLC0415

        _quiet_on_one_core()
        folder = checkpoint.parent
        self._made = Synthesizer(
            tts_checkpoint=str(checkpoint), tts_config_path=str(folder / "config.json")
        )
        self._wavs = [str(path) for path in wavs]
        self._speaker, self._language = speaker, language
        self._many_languages = bool(getattr(self._made.tts_model, "language_manager", None))
        self._scale = float(getattr(self._made.tts_model, "length_scale", 0.0) or 0.0)
        self.rate = int(self._made.output_sample_rate)

    def speak(self, text: str, pace: float) -> Generator[Pcm]:
        """See `Model`."""
        language = self._language if self._many_languages else ""
        tokenizer = getattr(self._made.tts_model, "tokenizer", None)
        if tokenizer and len(tokenizer.text_to_ids(text, language or None)) < _LEAST_IDS:
            raise Unfit("coqui: the model has no sounds for this text")
        if self._scale:
            self._made.tts_model.length_scale = self._scale / pace
        wave = self._made.tts(
            text,
            speaker_name=self._speaker or None,
            speaker_wav=self._wavs or None,
            language_name=language,
            split_sentences=False,
        )
        yield np.asarray(wave, np.float32)


class _Xtts:
    """XTTS: speech comes in pieces while it is made."""

    def __init__(self, checkpoint: Path, speaker: str, wavs: list[Path], language: str) -> None:
        from TTS.config import load_config  # noqa: PLC0415
        from TTS.tts.models.xtts import Xtts  # noqa: PLC0415

        _quiet_on_one_core()
        folder = checkpoint.parent
        config = load_config(str(folder / "config.json"))
        self._xtts = Xtts(config)
        self._xtts.load_checkpoint(
            config, checkpoint_dir=str(folder), checkpoint_path=str(checkpoint), eval=True
        )
        self._language = _XTTS_CHINESE if language == "zh" else language
        self._latents, self._embedding = self._voice(speaker, wavs)
        self.rate = int(config.model_args.output_sample_rate)

    def _voice(self, speaker: str, wavs: list[Path]) -> tuple[Any, Any]:
        if wavs:
            return self._cloned(wavs)
        speakers = getattr(self._xtts.speaker_manager, "speakers", {})
        if speaker not in speakers:
            there = ", ".join(sorted(speakers)[:8]) or "none"
            raise BackendBroken(
                f"coqui: xtts needs speaker_wav, or speaker, one of: {there}; not {speaker!r}"
            )
        chosen = speakers[speaker]
        return chosen["gpt_cond_latent"], chosen["speaker_embedding"]

    def _cloned(self, wavs: list[Path]) -> tuple[Any, Any]:
        """Return what `get_conditioning_latents` does; the files are read without torchcodec."""
        import torch  # noqa: PLC0415

        config = self._xtts.config
        heard = [torch.from_numpy(_recording(path, config.max_ref_len))[None] for path in wavs]
        each = [self._xtts.get_speaker_embedding(pcm, _XTTS_RATE) for pcm in heard]
        latents = self._xtts.get_gpt_cond_latents(
            torch.cat(heard, dim=-1),
            _XTTS_RATE,
            length=config.gpt_cond_len,
            chunk_length=config.gpt_cond_chunk_len,
        )
        return latents, torch.stack(each).mean(dim=0)

    def speak(self, text: str, pace: float) -> Generator[Pcm]:
        """See `Model`."""
        for piece in self._xtts.inference_stream(
            text, self._language, self._latents, self._embedding, speed=pace
        ):
            yield piece.cpu().numpy().astype(np.float32).ravel()


def _recording(path: Path, seconds: int) -> Pcm:
    """Return the first `seconds` of a recording at `_XTTS_RATE`, mono. Raises BackendBroken."""
    resampler = av.AudioResampler("flt", "mono", _XTTS_RATE)
    parts: list[Pcm] = []
    try:
        with av.open(str(path)) as file:
            for frame in file.decode(audio=0):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                if sum(map(len, parts)) > seconds * _XTTS_RATE:
                    break
    except (av.FFmpegError, IndexError) as error:
        raise BackendBroken(f"coqui: {path}: is no recording") from error
    pcm: Pcm = np.concatenate(parts)[: seconds * _XTTS_RATE] if parts else _NOTHING
    if len(pcm) < _XTTS_RATE:
        raise BackendBroken(f"coqui: {path}: is shorter than a second")
    return pcm


def _quiet_on_one_core() -> None:
    """Leave the other cores to the stage, and keep the library's word on every letter out of the
    log."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    logging.getLogger("TTS").setLevel(logging.ERROR)
