"""The voice of a GPT-SoVITS server (its `api_v2.py`): a voice cloned from a short recording.

In:  a sentence, [voice.sovits] of the room.   Out: its speech at the room's loudness.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from livehost.brain.voice.reading import Reading, pace_of, sound_key
from livehost.brain.voice.remote import Ask, Server
from livehost.brain.voice.shape import Loudness, Shaper, most_samples
from livehost.brain.voice.speech import Chunk, Sentence
from livehost.brain.voice.waveform import Samples
from livehost.config import Room
from livehost.errors import ConfigError
from livehost.models import sha256


class Sovits:
    """See the module; `Engine` for what every engine promises."""

    name = "sovits"

    def __init__(self, room: Room) -> None:
        """Check the settings; the server is asked by the first sentence. Raises ConfigError."""
        settings = self._settings = room.voice.sovits
        missing = [key for key in ("base_url", "ref_audio_path") if not getattr(settings, key)]
        if missing:
            raise ConfigError(*(f"{room.file}: voice.sovits.{key}: is required" for key in missing))
        self._language = settings.text_lang or room.language
        self._words = Reading(room, settings.normalise)
        self._speed, self._lufs = room.voice.speed, room.audio.loudness_lufs
        self._recording = sha256(room.near(settings.recording)) if settings.recording else ""
        self._server = Server(self.name, settings, settings.rate)
        self._loudness = Loudness()

    def key(self, sentence: Sentence) -> str:
        """Return what decides how `sentence` sounds. Raises Unspeakable."""
        return sound_key(
            self.name,
            body=self._body(self._words.of(sentence), sentence),
            url=self._settings.base_url,
            rate=self._settings.rate,
            recording=self._recording,
            words=self._words.rules,
            lufs=self._lufs,
        )

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`."""
        text = self._words.of(sentence)
        ask = Ask(self._settings.base_url.rstrip("/") + "/tts", self._body(text, sentence))
        most = most_samples(text, pace_of(self._speed, sentence))
        shaper = Shaper(self._loudness, self._lufs, most)
        decoder = lambda: Samples(self._settings.rate)  # noqa: E731
        async with aclosing(self._server.speak(ask, decoder, shaper)) as made:
            async for chunk in made:
                yield chunk

    def close(self) -> None:
        """Let go of the connection."""
        self._server.close()

    def _body(self, text: str, sentence: Sentence) -> dict[str, Any]:
        settings = self._settings
        return {
            "text": text,
            "text_lang": self._language,
            "ref_audio_path": settings.ref_audio_path,
            "prompt_text": settings.prompt_text,
            "prompt_lang": settings.prompt_lang,
            "speed_factor": round(pace_of(self._speed, sentence), 3),
            "media_type": "wav",
            "streaming_mode": settings.streaming_mode,
            "text_split_method": settings.text_split_method,
            "top_k": settings.top_k,
            "top_p": settings.top_p,
            "temperature": settings.temperature,
            "seed": settings.seed,
        }
