"""A voice that was made from a person speaks only while that person agrees.

In:  any engine, the consent record that the room names for it.
Out: the same engine, refused from the first sentence after the consent ended.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from livehost.brain.voice.persons import owner
from livehost.brain.voice.speech import Chunk, Engine, Sentence
from livehost.config import Room
from livehost.config_voice import Personal
from livehost.consent import Consent, NoConsent, Scope, Use
from livehost.errors import ConfigError


class Consented:
    """See the module; `Engine` for what every engine promises.

    Attributes:
        consent: what it needs to speak.
    """

    def __init__(self, engine: Engine, consent: Consent) -> None:
        self.name = engine.name
        self.consent = consent
        self._engine = engine
        self._owner = owner(consent)

    def key(self, sentence: Sentence) -> str:
        """Return the engine's key behind its owner's, so that all that is kept of a person can be
        found; another one without consent, so that nothing of it is played.

        Raises Unspeakable.
        """
        begins = "refused-" if self.consent.problem() else self._owner
        return begins + self._engine.key(sentence)

    async def speak(self, sentence: Sentence) -> AsyncGenerator[Chunk, None]:
        """Speak `sentence`; see `Voice.speak`. Raises NoConsent."""
        if problem := self.consent.problem():
            raise NoConsent(problem)
        async with aclosing(self._engine.speak(sentence)) as made:
            async for chunk in made:
                yield chunk

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()


def consent_for(room: Room, name: str) -> Consent | None:
    """Return the consent that engine `name` needs in this room; None when it is nobody's voice.

    Raises:
        ConfigError: the room names no record. Whether the record holds is not looked at.
    """
    settings, recordings = _behind(room, name)
    if not (settings.person or settings.consent or recordings):
        return None
    if settings.consent is None:
        table = "voice" if settings is room.voice else f"voice.{name}"
        raise ConfigError(
            f"{room.file}: {table}.consent: this voice is made from a person: name the record of "
            "her or his consent, see docs/voice.md"
        )
    files = tuple(path for path in recordings if path is not None)
    return Consent(room.near(settings.consent), Use(Scope.VOICE, room.name, files))


def consents(room: Room) -> dict[str, Consent]:
    """Return the consents that the room's voices need, by engine. Raises ConfigError."""
    engines = dict.fromkeys((room.voice.engine, *room.voice.fallback))
    needed = {name: consent_for(room, name) for name in engines}
    return {name: consent for name, consent in needed.items() if consent}


def _behind(room: Room, name: str) -> tuple[Personal, tuple[Path | None, ...]]:
    """Return an engine's settings and the recordings it clones; None: one that is not here."""
    voice = room.voice
    recordings: tuple[Path | None, ...] = ()
    if name == "coqui":
        recordings = tuple(room.near(path) for path in voice.coqui.speaker_wav)
        return voice.coqui, recordings
    if name == "openai":
        return voice.openai, ()
    if name == "sovits":
        here = voice.sovits.recording
        return voice.sovits, (room.near(here) if here else None,)
    if name == "cosyvoice":
        wav = voice.cosyvoice.prompt_wav
        cloned = voice.cosyvoice.mode != "sft"
        return voice.cosyvoice, (room.near(wav) if wav else None,) if cloned else ()
    return (voice, ()) if name == "kokoro" else (Personal(), ())
