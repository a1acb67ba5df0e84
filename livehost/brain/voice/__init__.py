"""Text to speech: one `Voice` for the room, a cache over a chain of engines.

In:  a `Sentence`.   Out: 48 kHz speech in chunks of at most 200 ms, phone timings included.

To add an engine: one file beside `tone.py` and one line in `ENGINES`; the contract tests judge it.
"""

from __future__ import annotations

from collections.abc import Callable

from livehost.brain.voice.cache import SpeechCache
from livehost.brain.voice.consented import Consented, consent_for
from livehost.brain.voice.coqui import Coqui
from livehost.brain.voice.cosyvoice import Cosyvoice
from livehost.brain.voice.fallback import FallbackVoice
from livehost.brain.voice.hibari import Hibari
from livehost.brain.voice.kokoro import Kokoro
from livehost.brain.voice.openai import OpenAI
from livehost.brain.voice.silent import Silent
from livehost.brain.voice.sovits import Sovits
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
    "check_voice",
    "make_engine",
    "make_voice",
]

ENGINES: dict[str, Callable[[Room], Engine]] = {
    "kokoro": Kokoro,
    "hibari": Hibari,
    "coqui": Coqui,
    "openai": OpenAI,
    "sovits": Sovits,
    "cosyvoice": Cosyvoice,
    "tone": Tone,
    "silent": Silent,
}
"""Every engine by the name it has in the room file."""


def make_engine(room: Room, name: str, *, running: bool = False) -> Engine:
    """Return one engine of the room, with the consent that its voice needs.

    Args:
        running: the show is on air already: a consent that has ended since is no error; the
            engine is there and refuses to speak.

    Raises:
        ConfigError: no such engine, its settings are wrong, or it lacks consent.
    """
    if name not in ENGINES:
        raise ConfigError(
            f"{room.file}: voice: no engine {name}; there are {', '.join(sorted(ENGINES))}"
        )
    engine = ENGINES[name](room)
    try:
        consent = consent_for(room, name)
        if consent and not running:
            consent.check()
    except ConfigError:
        engine.close()
        raise
    return Consented(engine, consent) if consent else engine


def names(room: Room) -> list[str]:
    """Return the room's engines, best first, each once."""
    return list(dict.fromkeys((room.voice.engine, *room.voice.fallback)))


def check_voice(room: Room) -> list[str]:
    """Return what is wrong with the room's engines, one line each; no model is loaded."""
    problems: list[str] = []
    for name in names(room):
        try:
            make_engine(room, name).close()
        except ConfigError as error:
            problems += error.problems
    return problems


def make_voice(room: Room, *, running: bool = False) -> SpeechCache:
    """Return the room's voice; models are loaded when it first speaks.

    Args:
        running: see `make_engine`.

    Raises:
        ConfigError: an engine is not known, its settings are wrong, or it lacks consent.
    """
    engines = [make_engine(room, name, running=running) for name in names(room)]
    folder = room.cache_dir / "speech"
    bound = room.voice.cache_mb * 1_000_000
    first = engines[0]
    consent = first.consent if isinstance(first, Consented) else None
    return SpeechCache(folder, bound, first, FallbackVoice(engines), consent)
