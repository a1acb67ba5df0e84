"""Speak a text into a WAV file, to hear what the room's voice makes of it.

In:  a room file (or none), a text.   Out: a WAV file, and one line of numbers.
"""

from __future__ import annotations

import asyncio
import time
import wave
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import livehost
from livehost.brain import sentences
from livehost.brain.voice import Engine, Sentence, Unspeakable, make_engine
from livehost.clock import SAMPLE_RATE
from livehost.config import Avatar, Room, load_room
from livehost.errors import ConfigError


@dataclass(slots=True)
class Report:
    """What was made.

    Attributes:
        sentences: spoken; the rest of the text had nothing to say.
        audio: seconds of speech; first: seconds until the first sound; took: seconds in all,
            models loaded.
        loading: seconds before that, once in the life of a room.
    """

    engine: str
    sentences: int = 0
    audio: float = 0.0
    first: float = 0.0
    took: float = 0.0
    loading: float = 0.0

    def __str__(self) -> str:
        factor = self.took / self.audio
        return (
            f"{self.engine}: {self.audio:.2f} s of speech in {self.took:.2f} s "
            f"(real-time factor {factor:.2f}, first sound after {self.first:.2f} s, "
            f"loading took {self.loading:.2f} s)"
        )


def say(room: Path | None, text: str, out: Path) -> int:
    """Speak `text` with the engine of `room` into `out` and print how long it took; return 0.

    Args:
        room: None uses the defaults and the host that ships with the product.

    Raises:
        ConfigError: the room, its voice or `out` is wrong.
        Unspeakable: nothing of `text` can be said.
        BackendBroken: the engine failed; no other is tried.
    """
    settings = load_room(room) if room else default_room()
    engine = make_engine(settings, settings.voice.engine)
    try:
        report = asyncio.run(speak_into(engine, text, out))
    except OSError as error:
        raise ConfigError(f"{out}: cannot write: {error.strerror}") from error
    finally:
        engine.close()
    print(f"{report} -> {out}")
    return 0


def default_room() -> Room:
    """Return the settings that hold where no room file is given."""
    here = Path(livehost.__file__).parents[1]
    host = Avatar(path=here / "avatars" / "xiaohe")
    return Room(name="voice", avatar=host, file=here / "defaults")


async def speak_into(engine: Engine, text: str, out: Path) -> Report:
    """Write the speech of `text` to `out`, sentence by sentence.

    Raises Unspeakable, BackendBroken, OSError. A file that was begun is removed then.
    """
    report = Report(engine.name)
    if not (parts := sentences.split(text)):
        raise Unspeakable("nothing of this text can be said aloud")
    partial = out.with_name(out.name + ".partial")
    try:
        with partial.open("wb") as file, wave.open(file, "wb") as sound:
            sound.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
            report.loading = await _load(engine)
            began = time.perf_counter()
            for sentence in parts:
                await _speak_one(engine, sentence, sound, report, began)
        if not report.sentences:
            raise Unspeakable("nothing of this text can be said aloud")
        report.took = time.perf_counter() - began
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return report


async def _load(engine: Engine) -> float:
    """Make the engine load its models, as its first sentence does; return the seconds."""
    began = time.perf_counter()
    async with aclosing(engine.speak(Sentence("a"))) as chunks:
        await anext(chunks)
    return time.perf_counter() - began


async def _speak_one(
    engine: Engine, sentence: str, sound: wave.Wave_write, report: Report, began: float
) -> None:
    try:
        async with aclosing(engine.speak(Sentence(sentence))) as chunks:
            async for chunk in chunks:
                report.first = report.first or time.perf_counter() - began
                report.audio += len(chunk.pcm) / SAMPLE_RATE
                pcm = np.round(np.clip(chunk.pcm, -1, 1) * 32767)
                sound.writeframes(pcm.astype("<i2").tobytes())
    except Unspeakable:
        return
    report.sentences += 1
