"""The voice of any server with the OpenAI-compatible `/audio/speech`, streamed.

In:  a sentence, [voice.openai] of the room.   Out: its speech at the room's loudness.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from livehost.brain.voice.reading import Reading, pace_of, sound_key
from livehost.brain.voice.remote import Ask, Server
from livehost.brain.voice.shape import Loudness, Shaper, most_samples
from livehost.brain.voice.speech import Chunk, Sentence
from livehost.brain.voice.waveform import Compressed, Decoder, Samples
from livehost.config import Room
from livehost.errors import ConfigError

_COMPRESSED = ("opus", "mp3")


class OpenAI:
    """See the module; `Engine` for what every engine promises."""

    name = "openai"

    def __init__(self, room: Room) -> None:
        """Check the settings; the server is asked by the first sentence. Raises ConfigError."""
        settings = self._settings = room.voice.openai
        if not settings.base_url:
            raise ConfigError(f"{room.file}: voice.openai.base_url: is required")
        self._secret = _secret(room)
        self._words = Reading(room, settings.normalise)
        self._speed, self._lufs = room.voice.speed, room.audio.loudness_lufs
        rate = None if settings.format in _COMPRESSED else settings.rate
        self._server = Server(self.name, settings, rate)
        self._loudness = Loudness()

    def key(self, sentence: Sentence) -> str:
        """Return what decides how `sentence` sounds. Raises Unspeakable."""
        body = self._body(self._words.of(sentence), sentence)
        url, rate = self._settings.base_url, self._settings.rate
        return sound_key(
            self.name, body=body, url=url, rate=rate, words=self._words.rules, lufs=self._lufs
        )

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`."""
        text = self._words.of(sentence)
        body = self._body(text, sentence)
        ask = Ask(self._settings.base_url.rstrip("/") + "/audio/speech", body, secret=self._secret)
        most = most_samples(text, pace_of(self._speed, sentence))
        shaper = Shaper(self._loudness, self._lufs, most)
        async with aclosing(self._server.speak(ask, self._decoder, shaper)) as made:
            async for chunk in made:
                yield chunk

    def close(self) -> None:
        """Let go of the connection."""
        self._server.close()

    def _body(self, text: str, sentence: Sentence) -> dict[str, Any]:
        settings = self._settings
        how = (settings.styles or {}).get(sentence.emotion, settings.instructions)
        return {
            "model": settings.model,
            "voice": settings.voice,
            "input": text,
            "response_format": settings.format,
            "speed": round(pace_of(self._speed, sentence), 3),
            **({"instructions": how} if how else {}),
            **(settings.extra or {}),
        }

    def _decoder(self) -> Decoder:
        if self._settings.format in _COMPRESSED:
            return Compressed(self._settings.format)
        return Samples(self._settings.rate)


def _secret(room: Room) -> str:
    name = room.voice.openai.api_key_env
    secret = os.environ.get(name, "").strip() if name else ""
    if name and not (secret and secret.isascii() and secret.isprintable()):
        raise ConfigError(
            f"{room.file}: voice.openai.api_key_env: the environment variable {name} "
            "is not set, or holds no key"
        )
    return secret
