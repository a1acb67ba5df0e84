"""What a clip is made of: every setting with its default and its check.

In:  values from flags or from a row of a batch file, over a room.   Out: a checked `Job`.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from livehost import config
from livehost.brain import sentences
from livehost.brain.voice import ENGINES
from livehost.config import Room, Scene, Video
from livehost.errors import ConfigError
from livehost.table import Model

LEAST_FPS, MOST_FPS = 23, 60
_FORMAT = 1
"""Raise it when the same settings would give another clip: batches are then made anew."""
_SIZE = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]


def _size(value: str) -> str:
    match = _SIZE.fullmatch(value.strip())
    if not match:
        raise ValueError('write it like "1080x1920"')
    sides = int(match[1]), int(match[2])
    if any(side % 2 or not 160 <= side <= 3840 for side in sides):
        raise ValueError("both sides must be even and between 160 and 3840")
    return f"{sides[0]}x{sides[1]}"


def _fps(value: str) -> str:
    try:
        rate = Fraction(value)
    except (ValueError, ZeroDivisionError):
        raise ValueError('write it like "48" or "30000/1001"') from None
    if not LEAST_FPS <= rate <= MOST_FPS:
        raise ValueError(f"must be between {LEAST_FPS} and {MOST_FPS}")
    return value


class Clip(Model):
    """One clip. None takes what the room says."""

    text: str = ""
    """What is said."""
    audio: Path | None = None
    """A recording that is said in place of a text: any file FFmpeg can decode."""
    subtitles: Path | None = None
    """SRT file with the captions of `audio`."""
    avatar: Path | None = None
    """Folder with avatar.toml."""
    voice: str = ""
    """A voice of the room's engine, an engine, or engine:voice."""
    speed: float | None = Field(None, ge=0.5, le=2)
    voice_quality: Literal["live", "studio"] | None = None
    """Kokoro: "studio" makes the sound as published, at eight times the cost."""
    language: Literal["zh", "en"] | None = None
    emotion: str = ""
    """A preset of the avatar for all of it; empty: each sentence has its own, from its words."""
    expression: float | None = Field(None, ge=0, le=1.5)
    """How far emotions move the face."""
    gestures: float | None = Field(None, ge=0, le=1.5)
    """How far nods, tilts and raised brows go with what is said."""
    size: Annotated[str, AfterValidator(_size)] = "1080x1920"
    fps: Annotated[str, AfterValidator(_fps)] = "25"
    captions: bool = True
    title: str | None = None
    label: str | None = None
    """May say more than the required label, never less."""
    background: str | None = None
    """Picture, clip that loops, or #rrggbb; "studio" is the painted one."""
    desk: bool | None = None
    """The desk before the host; None: with the painted studio only."""
    music: str | None = None
    """Sound file that loops; "studio" is the built-in one, "none" is none."""
    music_db: float | None = Field(None, ge=-60, le=0)
    lead_seconds: float = Field(0.4, ge=0, le=10)
    """Before the first word."""
    tail_seconds: float = Field(0.6, ge=0, le=10)
    """After the last word."""
    seed: int = Field(1, ge=0, lt=2**63)
    """Of all that is random: blinks, looks, nods. Equal settings give equal files."""
    crf: int = Field(20, ge=0, le=40)
    """Constant quality of x264: lower is better and larger."""
    bitrate_kbps: int | None = Field(None, ge=100, le=100_000)
    """A mean bitrate in place of `crf`."""
    preset: Preset = "veryfast"
    producer: str = Field("livehost", max_length=200)
    """ContentProducer of the file's AIGC label."""
    produce_id: str = Field("", max_length=200)
    """ProduceID of the label; empty takes a number made from the settings."""
    propagator: str = Field("", max_length=200)
    propagate_id: str = Field("", max_length=200)

    @field_validator("fps", "size", mode="before")
    @classmethod
    def _written(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _says_something(self) -> Clip:
        if bool(self.text.strip()) == (self.audio is not None):
            raise ValueError("give either a text or a recording (audio) to say")
        if self.subtitles and not self.audio:
            raise ValueError("subtitles go with audio; a text is its own caption")
        return self

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = self.size.split("x")
        return int(width), int(height)


FIELDS = tuple(Clip.model_fields)


@dataclass(frozen=True, slots=True)
class Job:
    """A clip whose every setting is known.

    Attributes:
        room: avatar, voice, picture and sound as the stage takes them.
        colour: of a plain background, "#rrggbb"; "" for none.
        texts: the sentences of its text; empty for a recording.
        digest: hex; equal for equal settings and input files.
    """

    clip: Clip
    room: Room
    colour: str
    texts: tuple[str, ...]
    digest: str


def job(values: Mapping[str, Any], base: Room, folder: Path, name: Callable[[str], str]) -> Job:
    """Return the clip that `values` describe.

    Args:
        base: takes what `values` leave open.
        folder: relative paths start there.
        name: how to name a setting in a message.

    Raises:
        ConfigError: one line per problem.
    """
    clip = _clip(values, folder, name)
    texts = tuple(sentences.split(clip.text)) if clip.text else ()
    if clip.text and not texts:
        raise ConfigError(f"{name('text')}: nothing of this text can be said aloud")
    colour = (clip.background or "") if _COLOUR.fullmatch(clip.background or "") else ""
    room = _room(clip, base, name)
    return Job(clip, room, colour, texts, _digest(clip, room))


def _clip(values: Mapping[str, Any], folder: Path, name: Callable[[str], str]) -> Clip:
    given = dict(values)
    if source := given.pop("text_file", None):
        given["text"] = _text(str(source), folder, name("text_file"))
    try:
        clip = Clip.model_validate(given)
    except ValidationError as error:
        raise ConfigError(*(_problem(item, name) for item in error.errors())) from error
    changes: dict[str, Any] = {}
    for key in ("audio", "subtitles", "avatar"):
        if given := getattr(clip, key):
            changes[key] = _existing(folder / given, name(key))
    for key, words in (("background", ("studio",)), ("music", ("studio", "none"))):
        given = getattr(clip, key)
        if given and given not in words and not _COLOUR.fullmatch(given):
            changes[key] = str(_existing(folder / given, name(key)))
    return clip.model_copy(update=changes)


def _text(source: str, folder: Path, name: str) -> str:
    """Return the text of a file; "-" is standard input. Raises ConfigError."""
    try:
        given = sys.stdin.buffer.read() if source == "-" else (folder / source).read_bytes()
        return given.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: {source} is not UTF-8 text; save it as UTF-8") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{name}: {source} cannot be read: {why}") from error


def _existing(path: Path, name: str) -> Path:
    try:
        if path.exists():
            return path.resolve()
    except (OSError, ValueError):
        pass
    raise ConfigError(f"{name}: {path} does not exist")


def _problem(item: Any, name: Callable[[str], str]) -> str:
    key = str(item["loc"][0]) if item["loc"] else ""
    said = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        return f"{name(key)}: unknown setting; there are {', '.join(FIELDS)}"
    shown = f" (is {item['input']!r:.80})" if key else ""
    return f"{name(key or 'text')}: {said}{shown}"


# --- over a room ----------------------------------------------------------------------------------


def _room(clip: Clip, base: Room, name: Callable[[str], str]) -> Room:
    width, height = clip.sides
    return base.model_copy(
        update={
            "avatar": _avatar(clip, base),
            "language": clip.language or base.language,
            "video": Video(width=width, height=height, fps=clip.fps, encoder="libx264"),
            "voice": _voice(clip, base),
            "scene": _scene(clip, base, name),
        }
    )


def _avatar(clip: Clip, base: Room) -> config.Avatar:
    given = {key: getattr(clip, key) for key in ("expression", "gestures")}
    changes = {key: value for key, value in given.items() if value is not None}
    path = clip.avatar or base.near(base.avatar.path)
    return base.avatar.model_copy(update={"path": path, **changes})


def _voice(clip: Clip, base: Room) -> config.Voice:
    engine, _, voice = clip.voice.rpartition(":")
    if not engine and voice in ENGINES:
        engine, voice = voice, ""
    return base.voice.model_copy(
        update={
            "engine": engine or base.voice.engine,
            "name": voice or base.voice.name,
            "speed": base.voice.speed if clip.speed is None else clip.speed,
            "quality": clip.voice_quality or base.voice.quality,
            "fallback": (),  # a clip with the wrong voice is worse than none
        }
    )


def _scene(clip: Clip, base: Room, name: Callable[[str], str]) -> Scene:
    given = {key: getattr(clip, key) for key in ("title", "label", "music_db")}
    values = {key: value for key, value in given.items() if value is not None}
    try:
        scene = Scene.model_validate({**base.scene.model_dump(), **values})
    except ValidationError as error:
        raise ConfigError(*(_problem(item, name) for item in error.errors())) from error
    changes: dict[str, Any] = {"captions": clip.captions and base.scene.captions}
    if clip.background is not None:
        changes["background"] = _file(clip.background)
    if clip.music is not None:
        changes["music"] = _file(clip.music)
    if clip.music == "none" or not (clip.music or scene.music):
        changes["music_db"] = -60.0
    return scene.model_copy(update=changes)


def _file(given: str) -> Path | None:
    """Return a path, None for words and colours."""
    return None if given in {"", "studio", "none"} or _COLOUR.fullmatch(given) else Path(given)


# --- what it depends on ---------------------------------------------------------------------------


def _digest(clip: Clip, room: Room) -> str:
    avatar = room.near(room.avatar.path) / "avatar.toml"
    files = {
        "avatar": avatar,  # names the hashes of all its files
        "network": room.avatar.network and room.near(room.avatar.network),  # so does this
        "audio": clip.audio,
        "subtitles": clip.subtitles,
        "background": room.scene.background and room.near(room.scene.background),
        "music": room.scene.music and room.near(room.scene.music),
        "lexicon": room.voice.lexicon and room.near(room.voice.lexicon),
    }
    parts = {
        "format": _FORMAT,
        "clip": clip.model_dump(mode="json", exclude={"audio", "subtitles", "avatar"}),
        "avatar": room.avatar.model_dump(mode="json", exclude={"path", "network"}),
        "voice": room.voice.model_dump(mode="json"),
        "scene": room.scene.model_dump(mode="json", exclude={"background", "music"}),
        "sound": room.audio.model_dump(mode="json"),
        "language": room.language,
        "files": {key: _hash(path) for key, path in files.items() if path},
    }
    for key in ("background", "music"):
        parts["clip"][key] = "" if getattr(room.scene, key) else parts["clip"][key]  # type: ignore[index]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
