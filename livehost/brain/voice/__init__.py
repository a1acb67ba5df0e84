"""Text to speech: one `Voice` for the room, a cache over a chain of engines.

In:  a `Sentence`.   Out: 48 kHz speech in chunks of at most 200 ms, phone timings included.

To add an engine: one file beside `tone.py` and one line in `ENGINES`; the contract tests judge it.
"""

from __future__ import annotations

from collections.abc import Callable

from livehost.brain.voice.cache import SpeechCache
from livehost.brain.voice.fallback import FallbackVoice
from livehost.brain.voice.hibari import Hibari
from livehost.brain.voice.kokoro import Kokoro
from livehost.brain.voice.silent import Silent
from livehost.brain.voice.speech import Chunk, Engine, Sentence, Unspeakable, Voice
from livehost.brain.voice.tone import Tone
from livehost.config import Room
from livehost.errors import ConfigError

__all__ = [
    "ENGINES",
    "Chunk",
    "Engine",
    "Sentence",
    "SpeechCache",
    "Unspeakable",
    "Voice",
    "make_voice",
]

ENGINES: dict[str, Callable[[Room], Engine]] = {
    "kokoro": Kokoro,
    "hibari": Hibari,
    "tone": Tone,
    "silent": Silent,
}
"""Every engine by the name it has in the room file."""


def make_voice(room: Room) -> SpeechCache:
    """Return the room's voice; models are loaded when it first speaks.

    Raises:
        ConfigError: an engine is not known, or the settings of one are wrong.
    """
    names = list(dict.fromkeys((room.voice.engine, *room.voice.fallback)))
    if unknown := [name for name in names if name not in ENGINES]:
        raise ConfigError(
            f"{room.file}: voice: no engine {unknown[0]}; there are {', '.join(sorted(ENGINES))}"
        )
    engines = [ENGINES[name](room) for name in names]
    folder = room.cache_dir / "speech"
    bound = room.voice.cache_mb * 1_000_000
    return SpeechCache(folder, bound, engines[0], FallbackVoice(engines))
