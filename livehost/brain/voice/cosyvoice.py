"""The voice of CosyVoice's own FastAPI server: built-in speakers, or one cloned from a recording.

In:  a sentence, [voice.cosyvoice] of the room.   Out: its speech at the room's loudness.

The server answers with raw 16-bit samples at the model's rate and knows no speed: a tempo other
than 1 is made here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from livehost.brain.voice.reading import Reading, pace_of, sound_key
from livehost.brain.voice.remote import Ask, Part, Server
from livehost.brain.voice.shape import Loudness, Shaper, most_samples
from livehost.brain.voice.speech import Chunk, Sentence
from livehost.brain.voice.tempo import Stretched
from livehost.brain.voice.waveform import Decoder, Samples
from livehost.config import Room
from livehost.errors import ConfigError
from livehost.models import sha256

_NEEDS = {
    "sft": ("speaker",),
    "zero_shot": ("prompt_wav", "prompt_text"),
    "cross_lingual": ("prompt_wav",),
    "instruct2": ("prompt_wav", "instruct"),
}
_MOST_PROMPT_BYTES = 16_000_000


class Cosyvoice:
    """See the module; `Engine` for what every engine promises."""

    name = "cosyvoice"

    def __init__(self, room: Room) -> None:
        """Check the settings and read the recording; the server is asked by the first sentence.

        Raises ConfigError.
        """
        settings = self._settings = room.voice.cosyvoice
        needed = ("base_url", *_NEEDS[settings.mode])
        if missing := [key for key in needed if not getattr(settings, key)]:
            why = f"is required for mode {settings.mode}"
            raise ConfigError(*(f"{room.file}: voice.cosyvoice.{key}: {why}" for key in missing))
        self._prompt, self._prompt_hash = _recording(room)
        self._words = Reading(room, settings.normalise)
        self._speed, self._lufs = room.voice.speed, room.audio.loudness_lufs
        self._server = Server(self.name, settings, settings.rate)
        self._loudness = Loudness()

    def key(self, sentence: Sentence) -> str:
        """Return what decides how `sentence` sounds. Raises Unspeakable."""
        settings = self._settings
        return sound_key(
            self.name,
            text=self._words.of(sentence),
            mode=settings.mode,
            fields=self._fields(sentence),
            prompt=self._prompt_hash,
            speed=pace_of(self._speed, sentence),
            server=(settings.base_url, settings.rate),
            words=self._words.rules,
            lufs=self._lufs,
        )

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`."""
        text = self._words.of(sentence)
        pace = pace_of(self._speed, sentence)
        fields = {"tts_text": text, **self._fields(sentence)}
        form = tuple(Part(name, value) for name, value in fields.items())
        if self._prompt:
            form = (*form, Part("prompt_wav", self._prompt, "prompt.wav"))
        url = f"{self._settings.base_url.rstrip('/')}/inference_{self._settings.mode}"
        shaper = Shaper(self._loudness, self._lufs, most_samples(text, pace))

        def decoder() -> Decoder:
            plain = Samples(self._settings.rate)
            return plain if pace == 1.0 else Stretched(plain, pace)

        async with aclosing(self._server.speak(Ask(url, form=form), decoder, shaper)) as made:
            async for chunk in made:
                yield chunk

    def close(self) -> None:
        """Let go of the connection."""
        self._server.close()

    def _fields(self, sentence: Sentence) -> dict[str, str]:
        """Return the form's fields beside the text and the recording."""
        settings = self._settings
        instruct = (settings.styles or {}).get(sentence.emotion, settings.instruct)
        fields = {
            "sft": {"spk_id": settings.speaker},
            "zero_shot": {"prompt_text": settings.prompt_text},
            "cross_lingual": {},
            "instruct2": {"instruct_text": instruct},
        }
        return fields[settings.mode]


def _recording(room: Room) -> tuple[bytes, str]:
    """Return the reference recording and its hash; nothing when the mode has none."""
    given = room.voice.cosyvoice.prompt_wav
    if room.voice.cosyvoice.mode == "sft" or given is None:
        return b"", ""
    path = room.near(given)
    try:
        if path.stat().st_size > _MOST_PROMPT_BYTES:
            raise ConfigError(f"{room.file}: voice.cosyvoice.prompt_wav: {path} is too large")
        return path.read_bytes(), sha256(path)
    except OSError as error:
        raise ConfigError(
            f"{room.file}: voice.cosyvoice.prompt_wav: {path}: {error.strerror}"
        ) from error
