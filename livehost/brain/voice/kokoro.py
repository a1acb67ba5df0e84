"""The standard voice: Kokoro-82M, Mandarin with English in it, phone timings included.

In:  a sentence.   Out: its speech at the room's loudness, clause by clause.

The prosody of the whole sentence is computed first, so the phones of all of it come with the
first chunk; the waveform is then made from pause to pause, the first stretch short.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

import livehost
from livehost.brain.voice import normalise
from livehost.brain.voice.g2p import Symbols, english, transcribe, vocabulary
from livehost.brain.voice.kokoro_model import (
    SAMPLE_RATE,
    STYLE_ROWS,
    Encoder,
    Live,
    Piecewise,
    Prosody,
    Sound,
    Studio,
    load_vector,
)
from livehost.brain.voice.level import Leveller, fade_ends
from livehost.brain.voice.lexicon import load_lexicon
from livehost.brain.voice.phones import AHEAD, SILENCE, TICK_SAMPLES, phones
from livehost.brain.voice.prosody import MANNERS, STYLES, Style, blended, shaped
from livehost.brain.voice.speech import Chunk, Sentence, Unspeakable, checked, chunks
from livehost.clock import SAMPLE_RATE as OUTPUT_RATE
from livehost.config import Room
from livehost.errors import BackendBroken, ConfigError, LivehostError
from livehost.media import Phone
from livehost.models import manifest, sha256, verify

_CLAUSE_TOKENS = 200
"""Tokens that are given one prosody, about 45 characters; longer sentences are split before."""
_FIRST_CLAUSE_TOKENS = 70
"""About 15 characters: the first clause is short, so that the first sound comes soon."""
_LEAST_CLAUSE_TOKENS = 20
"""A first clause shorter than this takes the next one along: "好，" alone sounds clipped."""
_EXPECTED_LUFS = -18.0  # one channel, before any gain
_HEAD, _TAIL = 5, 8  # ticks of silence kept around a clause: 60 and 100 ms
_PIECES = (64, 160)  # ticks: a piece of a clause lasts 0.8 s at least, later ones 2 s
_SOUND_VERSION = 2
SHIPPED = Path(livehost.__file__).parents[1] / "avatars" / "xiaohe" / "voice"
"""Raise it when the same symbols would sound different: cached speech is then made anew."""

_PAUSE_SECONDS = {".": 0.18, "!": 0.18, "?": 0.18, "…": 0.25, ";": 0.12, ":": 0.08, ",": 0.06}
"""Silence added after a clause, by its last mark."""

T = TypeVar("T")
Args = TypeVarTuple("Args")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A clause with its prosody, what of it is kept, and the samples of silence after it."""

    prosody: Prosody
    span: tuple[int, int]
    phones: list[Phone]
    pause: int


@dataclass(frozen=True, slots=True)
class _Models:
    encoder: Encoder
    sound: Sound


class Kokoro:
    """See the module; `Engine` for what every engine promises."""

    name = "kokoro"

    def __init__(self, room: Room) -> None:
        """Check the settings; models are loaded by the first sentence. Raises ConfigError."""
        self._vector_path = find_vector(room)
        self._vector = load_vector(self._vector_path)
        self._manners = _manners(self._vector_path)
        self._vocoder = _vocoder(room, self._vector_path)
        self._pitch = room.voice.pitch
        self._expression = room.voice.expression
        self._lexicon = load_lexicon(room.voice.lexicon and room.near(room.voice.lexicon))
        self._english_room = room.language == "en"
        self._speed = room.voice.speed
        self._lufs = room.audio.loudness_lufs
        self._cache_dir = room.cache_dir
        self._models: _Models | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voice-kokoro")
        self._fixed = {
            "engine": self.name,
            "versions": (_SOUND_VERSION, normalise.VERSION),
            "voice": sha256(self._vector_path)[:16],
            "vocoder": sha256(self._vocoder)[:16] if self._vocoder else "",
            "pitch": self._pitch,
            "lufs": self._lufs,
        }

    def key(self, sentence: Sentence) -> str:
        """Return what decides how `sentence` sounds. Raises Unspeakable."""
        text, is_english = self._spoken(sentence)
        style = self._style(sentence)
        values = {
            **self._fixed,
            "text": text,
            "en": is_english,
            "speed": self._pace(sentence, style),
            "style": astuple(style),
            "stressed": sentence.stressed,
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`."""
        stretches = await self._run(self._plan, sentence)
        leveller = Leveller(self._lufs, _EXPECTED_LUFS)
        told = tuple(_joined(stretches))
        for stretch in stretches:
            made = await self._run(self._begin, stretch)
            for piece in stretch.prosody.pieces(stretch.span, *_PIECES):
                pcm = await self._run(self._sound, stretch, made, piece, leveller)
                for chunk in chunks(pcm, self.name, told):
                    yield chunk
                told = ()

    def close(self) -> None:
        """Let go of the thread; work in it is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # --- text -----------------------------------------------------------------------------------

    def _spoken(self, sentence: Sentence) -> tuple[str, bool]:
        written = checked(sentence)
        text = self._lexicon.replace(written)
        if self._is_english(written):
            return normalise.spoken_english(written if _HAN.search(text) else text), True
        return normalise.spoken(text), False

    def _is_english(self, text: str) -> bool:
        return not _HAN.search(text) and (self._english_room or bool(_ENGLISH.search(text)))

    def _symbols(self, sentence: Sentence) -> list[Symbols]:
        text, is_english = self._spoken(sentence)
        if is_english:
            said = english_symbols(text)
        else:
            said = transcribe(text, self._lexicon, sentence.stressed)
        if not any(symbol.isalpha() for part in said for symbol in part.text):
            raise Unspeakable("nothing of this text can be said aloud")
        return said

    def _style(self, sentence: Sentence) -> Style:
        return STYLES.get(sentence.emotion, Style()).scaled(self._expression * sentence.intensity)

    def _pace(self, sentence: Sentence, style: Style) -> float:
        return min(2.0, max(0.5, self._speed * sentence.speed * style.speed))

    # --- in the thread --------------------------------------------------------------------------

    async def _run(self, work: Callable[[*Args, onnxruntime.RunOptions], T], *args: *Args) -> T:
        """Do native work in the engine's thread; cancelling ends it between two operators."""
        options = onnxruntime.RunOptions()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, work, *args, options)
        except asyncio.CancelledError:
            options.terminate = True
            raise
        except ConfigError as error:
            raise BackendBroken(str(error)) from error
        except LivehostError:
            raise
        except Exception as error:  # the seam to native code
            raise BackendBroken(f"kokoro failed: {error}") from error

    def _plan(self, sentence: Sentence, options: onnxruntime.RunOptions) -> list[_Stretch]:
        symbols = self._symbols(sentence)
        style = self._style(sentence)
        pace = self._pace(sentence, style)
        return [self._stretch(clause, style, pace, options) for clause in clauses(symbols)]

    def _loaded(self) -> _Models:
        if self._models is None:
            folder = self._cache_dir
            sound = Live(folder, self._vocoder) if self._vocoder else Studio(folder)
            self._models = _Models(Encoder(folder), sound)
        return self._models

    def _vector_of(self, tokens: int, style: Style) -> NDArray[np.float32]:
        """Return the voice's vector for a clause: Kokoro's depends on its number of tokens."""
        row = min(tokens, STYLE_ROWS) - 1
        name, share = style.like
        other = self._manners.get(name)
        return blended(self._vector[row], None if other is None else other[row], share)

    def _stretch(
        self,
        clause: list[Symbols],
        style: Style,
        pace: float,
        options: onnxruntime.RunOptions,
    ) -> _Stretch:
        text = "".join(part.text for part in clause)
        stress = [part.stress for part in clause for _ in part.text]
        ids = vocabulary()
        prosody = self._loaded().encoder.encode(
            [ids[symbol] for symbol in text], self._vector_of(len(text), style), pace, options
        )
        ticks = [int(n) for n in prosody.ticks[:-1]]
        pitch, energy = shaped(
            prosody.pitch,
            prosody.energy,
            replace(style, pitch=style.pitch + self._pitch),
            list(_lifted(stress, ticks)),
            question=text.strip()[-1:] == "?",
        )
        prosody = replace(prosody, pitch=pitch, energy=energy)
        span = prosody.sounding(_HEAD, _TAIL)
        said = phones(text, stress, ticks, prosody.silences, span)
        pause = _PAUSE_SECONDS.get(text.strip()[-1:], 0.0) / pace
        return _Stretch(prosody, span, said, round(pause * OUTPUT_RATE))

    def _begin(self, stretch: _Stretch, options: onnxruntime.RunOptions) -> Piecewise:
        return self._loaded().sound.begin(stretch.prosody, stretch.span, options)

    def _sound(
        self,
        stretch: _Stretch,
        made: Piecewise,
        piece: tuple[int, int],
        leveller: Leveller,
        options: onnxruntime.RunOptions,
    ) -> NDArray[np.float32]:
        wave = made(piece, options)
        pcm = soxr.resample(wave, SAMPLE_RATE, OUTPUT_RATE)
        pcm = leveller.level(_exactly(pcm, len(wave) * 2))
        last = piece[1] == stretch.span[1]
        pcm = fade_ends(pcm, head=piece[0] == stretch.span[0], tail=last)
        return np.pad(pcm, (0, stretch.pause if last else 0))


def _lifted(stress: list[int], ticks: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) ticks of emphasised words; `ticks` begins with the silence before."""
    ends = np.cumsum(ticks)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], stress, [0]]))).reshape(-1, 2)
    for first, behind in edges:
        yield max(0, int(ends[first]) - AHEAD), max(0, int(ends[behind]) - AHEAD)


_HAN = re.compile("[\u3400-\u9fff\U00020000-\U0002fa1f\ue000-\uf8ff]")
_ENGLISH = re.compile(r"[A-Za-z]{2}")


def _exactly(pcm: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """soxr may round the last sample away."""
    return np.pad(pcm[:samples], (0, max(0, samples - len(pcm)))).astype(np.float32)


def english_symbols(text: str) -> list[Symbols]:
    """Return the symbols of an English sentence, split after its marks."""
    return [Symbols(part) for part in re.split(r"(?<=[;:,.!?—…] )", english(text))]


def clauses(symbols: list[Symbols]) -> Iterator[list[Symbols]]:
    """Group symbols into clauses that are given one prosody each: a short one, then long ones."""
    held: list[Symbols] = []
    most = _FIRST_CLAUSE_TOKENS
    for phrase in _phrases(symbols):
        if _tokens(held) >= _LEAST_CLAUSE_TOKENS and _tokens(held) + _tokens(phrase) > most:
            yield held
            held, most = [], _CLAUSE_TOKENS
        held = [*held, *phrase]
    if held:
        yield held


def _phrases(symbols: list[Symbols]) -> Iterator[list[Symbols]]:
    """Split after marks, and at the next word where a phrase alone is too long."""
    phrase: list[Symbols] = []
    for part in (bit for each in symbols for bit in _short(each)):
        if _tokens(phrase) + len(part.text) > _CLAUSE_TOKENS:
            yield phrase
            phrase = []
        phrase.append(part)
        if re.search(r"[;:,.!?—…] ?$", part.text):
            yield phrase
            phrase = []
    if phrase:
        yield phrase


def _short(part: Symbols) -> Iterator[Symbols]:
    for at in range(0, len(part.text), _CLAUSE_TOKENS):
        yield Symbols(part.text[at : at + _CLAUSE_TOKENS], part.stress)


def _tokens(symbols: list[Symbols]) -> int:
    return sum(len(part.text) for part in symbols)


def _joined(stretches: list[_Stretch]) -> Iterator[Phone]:
    """Yield the phones of all clauses, one after the other, with the pauses between them."""
    at = 0
    for stretch in stretches:
        for phone in stretch.phones:
            yield Phone(phone.ipa, at + phone.start, at + phone.end, phone.stress)
        at += (stretch.span[1] - stretch.span[0]) * TICK_SAMPLES
        if stretch.pause:
            yield Phone(SILENCE, at, at + stretch.pause, 0)
        at += stretch.pause


def find_vector(room: Room) -> Path:
    """Return the voice vector's file: `voice.name` is a path, or a name in the avatar's folder.

    Raises ConfigError.
    """
    name = room.voice.name
    if "/" in name or name.endswith(".bin"):
        path = room.near(name)
        if not path.is_file():
            raise ConfigError(f"{room.file}: voice.name: {path} does not exist")
        return path
    folder = room.near(room.avatar.path) / "voice"
    folder = folder if folder.is_dir() else SHIPPED  # hosts that users make bring none
    path = folder / f"{name}.bin"
    if not path.is_file():
        there = ", ".join(sorted(p.stem for p in folder.glob("*.bin"))) or "none"
        raise ConfigError(
            f"{room.file}: voice.name: no voice {name} in {folder} (there: {there}); "
            "give one of these or a path to a Kokoro voice (.bin)"
        )
    return path


def _manners(vector: Path) -> dict[str, NDArray[np.float32]]:
    """Return the vectors beside `vector` whose manner may be mixed in, by the manner's name."""
    names = MANNERS.get(vector.stem[:3], {})
    paths = {manner: vector.with_name(f"{name}.bin") for manner, name in names.items()}
    return {
        manner: load_vector(path)
        for manner, path in paths.items()
        if path != vector and path.is_file()
    }


def _vocoder(room: Room, vector: Path) -> Path | None:
    """Return the vocoder of a voice, None for the studio quality. Raises ConfigError."""
    path = vector.with_suffix(".onnx")
    if room.voice.quality == "studio" or not path.is_file():
        return None
    known = manifest().get(f"vocoder-{vector.stem}")
    return verify(path, known.sha256) if known and known.file == path.name else path
