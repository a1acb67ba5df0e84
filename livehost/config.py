"""The room file: every setting of one livestream room, its default and its check.

In:  a TOML path.   Out: a frozen `Room` with absolute paths, or ConfigError with every problem.
"""

from __future__ import annotations

import os
from datetime import timedelta, timezone, tzinfo
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator

from livehost.config_actions import Action, Title, own
from livehost.config_chat import Chat
from livehost.config_console import Console
from livehost.config_voice import Coqui, CosyVoice, Personal, Sovits, SpeechApi
from livehost.errors import ConfigError
from livehost.table import Model as Model  # noqa: PLC0414  (exported on)
from livehost.toml_file import key_lines as key_lines  # noqa: PLC0414
from livehost.toml_file import load_toml as load_toml  # noqa: PLC0414

REQUIRED_LABEL = "AI生成 · 数字人"
"""Shown at all times over an AI avatar (直播电商监督管理办法 art. 37, GB 45438-2025)."""


Even = Annotated[int, AfterValidator(lambda n: n if n % 2 == 0 else _refuse("must be even"))]


def _refuse(why: str) -> Any:
    raise ValueError(why)


class Video(Model):
    """[video]: the picture and its encoding."""

    width: Even = Field(720, ge=160, le=3840)
    height: Even = Field(1280, ge=160, le=3840)
    fps: str = "25"
    """Frames per second; "25", "30" or "30000/1001"."""
    bitrate_kbps: int = Field(2500, ge=100, le=50_000)
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast"] = "veryfast"
    encoder: Literal["auto", "libx264", "h264_nvenc"] = "auto"
    """auto takes h264_nvenc when it opens, libx264 otherwise."""
    keyframe_seconds: float = Field(2.0, gt=0, le=10)

    @field_validator("fps")
    @classmethod
    def _rate(cls, value: str) -> str:
        try:
            rate = Fraction(value)
        except (ValueError, ZeroDivisionError):
            raise ValueError('write it like "25" or "30000/1001"') from None
        if not 1 <= rate <= 60:
            raise ValueError("must be between 1 and 60")
        return value

    @property
    def rate(self) -> Fraction:
        """`fps` as an exact number."""
        return Fraction(self.fps)


class Audio(Model):
    """[audio]: AAC and loudness."""

    bitrate_kbps: int = Field(128, ge=32, le=320)
    loudness_lufs: float = Field(-16.0, ge=-40, le=-8)
    """Integrated loudness of speech on air (EBU R 128)."""


class Avatar(Model):
    """[avatar]: who is on air."""

    path: Path
    """Folder with avatar.toml."""
    expression: float = Field(1.0, ge=0, le=1.5)
    """How far emotions move the face; 0: the resting face only."""
    gestures: float = Field(1.0, ge=0, le=1.5)
    """How far nods, tilts and raised brows go with what is said; 0: none."""
    network: Path | None = None
    """TOML file that names a lip-sync network and your weights; None: the avatar's own mouth."""


class Voice(Personal):
    """[voice]: who speaks."""

    engine: str = "kokoro"
    name: str = "zf_xiaoxiao"
    speed: float = Field(1.0, ge=0.5, le=2.0)
    lexicon: Path | None = None
    """TOML file with [words]: how brands and odd words are said."""
    fallback: tuple[str, ...] = ("silent",)
    """Engines tried in order when the first one fails; "silent" shows the caption only."""
    quality: Literal["live", "studio"] = "live"
    """Kokoro: "studio" makes the sound as published, at ten times the cost."""
    pitch: float = Field(0.0, ge=-4, le=4)
    """Kokoro: semitones."""
    expression: float = Field(1.0, ge=0, le=1.5)
    """Kokoro: how far emotions change the voice; 0: not at all."""
    cache_mb: int = Field(1024, ge=16)
    coqui: Coqui = Coqui()
    openai: SpeechApi = SpeechApi()
    sovits: Sovits = Sovits()
    cosyvoice: CosyVoice = CosyVoice()

    def files(self) -> list[tuple[str, Path | None]]:
        """Return (key, path) of every file and folder that the engines' tables name."""
        wavs = [(f"voice.coqui.speaker_wav.{n}", p) for n, p in enumerate(self.coqui.speaker_wav)]
        return [
            *wavs,
            ("voice.consent", self.consent),
            ("voice.coqui.model", self.coqui.model),
            ("voice.coqui.consent", self.coqui.consent),
            ("voice.openai.consent", self.openai.consent),
            ("voice.sovits.consent", self.sovits.consent),
            ("voice.sovits.recording", self.sovits.recording),
            ("voice.cosyvoice.consent", self.cosyvoice.consent),
            ("voice.cosyvoice.prompt_wav", self.cosyvoice.prompt_wav),
        ]


class Scene(Model):
    """[scene]: what surrounds the host."""

    background: Path | None = None
    """Picture or looping clip; None paints the built-in studio."""
    studio: Literal["shop", "walnut"] = "shop"
    """Which built-in studio: a light shop, or walnut in the evening."""
    music: Path | None = None
    music_db: float = Field(-26.0, ge=-60, le=0)
    """Level of the music under speech, in dB full scale, before ducking is released; -60: none."""
    title: str = ""
    """Room title in the top bar."""
    captions: bool = True
    label: str = REQUIRED_LABEL
    """May say more than the required label, never less."""
    slate: Path | None = None
    """Picture shown when the operator takes the host off; None paints one."""
    accent: str = Field("#d8434e", pattern=r"^#[0-9a-fA-F]{6}$")

    @field_validator("label")
    @classmethod
    def _keeps_the_duty(cls, value: str) -> str:
        missing = [part for part in ("AI生成", "数字人") if part not in value]
        if missing:
            raise ValueError(f"must contain {' and '.join(missing)} (required by law for AI hosts)")
        return value


class Reply(Model):
    """[reply]: who answers questions."""

    engine: Literal["grounded", "openai", "local"] = "grounded"
    base_url: str = ""
    model: str = ""
    """Its name on the server; for "local" a .gguf file or a folder, relative to the room file."""
    api_key_env: str = ""
    """Name of the environment variable that holds the key; the key itself never stands here."""
    timeout_seconds: float = Field(4.0, gt=0, le=60)
    """To the first sentence; the grounded engine answers after that."""
    max_tokens: int = Field(160, ge=16, le=2048)
    threads: int = Field(1, ge=1, le=64)
    """Of a local model."""
    context: int = Field(4096, ge=1024, le=131072)
    """Tokens of prompt and answer together, of a local model."""
    most_tokens_per_hour: int = Field(0, ge=0)
    """Asked and answered, by a cautious estimate; then the card answers alone. 0: no limit."""
    warm: bool | None = None
    """Send what every prompt begins with ahead, at the start and with each product, so that the
    first answer comes sooner; None: to a local .gguf model only."""


_CHINA = "Asia/Shanghai"


def time_zone(name: str) -> tzinfo:
    """Return a time zone; China's is known even where the system has no table of them.

    Raises:
        ValueError: there is no such zone here.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if name == _CHINA:
            return timezone(timedelta(hours=8), _CHINA)
        raise ValueError("unknown; write it like Asia/Shanghai or Europe/Berlin") from None


class ShowFaq(Model):
    """[[show.faq]]: a question about the show or the shop, not about a product."""

    ask: tuple[str, ...] = Field(min_length=1, max_length=40)
    """The ways viewers ask it."""
    answer: str = Field(min_length=1, max_length=200)
    """Said as it stands, when the gate lets it."""


class Show(Model):
    """[show]: what is sold, in which order."""

    products: tuple[str, ...] = ("products/*.toml",)
    """Globs relative to the room file."""
    rundown: Path = Path("rundown.toml")
    wordlists: tuple[str, ...] = ()
    """Extra gate lists, globs relative to the room file."""
    experiments: Path | None = None
    """TOML file with [[experiment]], see docs/experiments.md."""
    notice_minutes: float = Field(15.0, ge=1, le=60)
    """How often the host says that she is an AI host."""
    gives_way_seconds: float = Field(1.0, ge=0, le=5)
    """In which a script sentence gives way to an answer, in a pause if one comes; 0: at its end."""
    interrupt: Literal["now", "sentence", "segment"] = "now"
    """Where answers are let in, unless a segment says otherwise: in a pause, at a sentence's or at
    the segment's end."""
    time_zone: str = "Asia/Shanghai"
    """Of the times of day in the rundown."""
    quiet_seconds: float = Field(60.0, ge=10, le=3600)
    """Without a comment, after which the chat is quiet and fillers may be said."""
    filler_minutes: float = Field(3.0, ge=0.5, le=240)
    """Between two fillers."""
    busy_per_minute: float = Field(30.0, ge=2, le=10_000)
    """Comments from which the chat is busy: optional lines are left out, thanks are fewer."""
    faq: tuple[ShowFaq, ...] = ()
    """[[show.faq]]: questions about the show or the shop."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        time_zone(value)
        return value


class Output(Model):
    """[[output]]: one place the stream goes to."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,32}$")
    url: str = ""
    url_env: str = ""
    """Environment variable with the full URL including the stream key."""

    def target(self) -> str:
        """Return the URL. Raises ConfigError when neither key gives one."""
        url = self.url or os.environ.get(self.url_env, "")
        if not url:
            raise ConfigError(f"output {self.name}: set url or the environment variable in url_env")
        return url


class Record(Model):
    """[record]: a file beside the stream."""

    path: Path | None = None
    """.mp4 (fragmented) or .flv; None records nothing."""


class State(Model):
    """[state]: where the show is remembered."""

    dir: Path | None = None
    """None uses $XDG_STATE_HOME/livehost/<room name>."""
    cache_dir: Path | None = None
    """Speech cache and prepared models; None uses $XDG_CACHE_HOME/livehost."""


class Room(Model):
    """One room file, checked."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    language: Literal["zh", "en"] = "zh"
    avatar: Avatar
    video: Video = Video()
    audio: Audio = Audio()
    voice: Voice = Voice()
    scene: Scene = Scene()
    reply: Reply = Reply()
    show: Show = Show()
    output: tuple[Output, ...] = ()
    record: Record = Record()
    chat: Chat = Chat()
    action: tuple[Action, ...] = ()
    title: tuple[Title, ...] = ()
    console: Console = Console()
    state: State = State()
    file: Path = Path("room.toml")
    """Set by `load_room`."""

    @field_validator("action")
    @classmethod
    def _has_own_names(cls, value: tuple[Action, ...]) -> tuple[Action, ...]:
        return own(value, "name")

    @field_validator("title")
    @classmethod
    def _has_own_ids(cls, value: tuple[Title, ...]) -> tuple[Title, ...]:
        return own(value, "id")

    def near(self, path: str | Path) -> Path:
        """Return `path` made absolute against the room file's folder."""
        return (self.file.parent / path).resolve()

    def globbed(self, patterns: tuple[str, ...]) -> list[Path]:
        """Return the files that match `patterns` beside the room file, sorted, each once."""
        found = {p.resolve() for pattern in patterns for p in self.file.parent.glob(pattern)}
        return sorted(found)

    @property
    def state_dir(self) -> Path:
        """Folder of the state file; not created here."""
        if self.state.dir:
            return self.near(self.state.dir)
        return _xdg("XDG_STATE_HOME", ".local/state") / self.name

    @property
    def users_file(self) -> Path:
        """The file of `livehost user`; it need not exist."""
        if self.console.users:
            return self.near(self.console.users)
        return default_users_file()

    @property
    def cache_dir(self) -> Path:
        """Folder of caches that may be deleted at any time; not created here."""
        if self.state.cache_dir:
            return self.near(self.state.cache_dir)
        return _xdg("XDG_CACHE_HOME", ".cache")


def default_users_file() -> Path:
    """Return the users file of rooms that name none."""
    return _xdg("XDG_CONFIG_HOME", ".config") / "users.toml"


def _xdg(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "livehost"


def load_room(path: Path) -> Room:
    """Read and check a room file. Raises ConfigError with every problem found in it."""
    room = load_toml(path, Room, file=path.resolve())
    missing = [
        f"{path}: {key}: {near} does not exist"
        for key, given in (
            ("avatar.path", room.avatar.path),
            ("avatar.network", room.avatar.network),
            ("voice.lexicon", room.voice.lexicon),
            *room.voice.files(),
            ("scene.background", room.scene.background),
            ("scene.music", room.scene.music),
            ("scene.slate", room.scene.slate),
            ("show.rundown", room.show.rundown),
            ("show.experiments", room.show.experiments),
            *room.chat.files(),
            *room.console.files(),
        )
        if given is not None and not (near := room.near(given)).exists()
    ]
    if missing:
        raise ConfigError(*missing)
    return room
