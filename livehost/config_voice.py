"""The settings of each voice engine: the sub-tables of [voice] in the room file.

In:  TOML tables.   Out: frozen models; `livehost.config` puts them together and checks the paths.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from livehost.table import Model


class Personal(Model):
    """What is told of every voice that may be a person's."""

    person: bool = False
    """It was made from a person's voice: needs `consent`. So does any reference recording."""
    consent: Path | None = None
    """The consent record, see docs/voice.md."""


class Patience(Model):
    """How long a voice server may take."""

    timeout_seconds: float = Field(6.0, gt=0, le=120)
    """To the first sound."""
    idle_seconds: float = Field(4.0, gt=0, le=60)
    """Between two pieces of sound, and how far it may fall behind."""


Address = Annotated[str, Field(pattern=r"^(https?://[^\s/@?#]+(/[^\s?#]*)?)?$")]
"""http(s), no user or password, no query: keys never stand in a room file."""


class Coqui(Personal):
    """[voice.coqui]: a local coqui-tts model."""

    model: Path | None = None
    """Folder with config.json and the model's files."""
    speaker: str = ""
    speaker_wav: tuple[Path, ...] = ()
    """Recordings of the voice to speak with."""
    language: str = ""
    """As the model names it; empty takes the room's ("zh" is zh-cn for xtts)."""
    normalise: bool = True
    """Spell out numbers, prices and units before the model gets the text."""


class SpeechApi(Personal, Patience):
    """[voice.openai]: any server with the OpenAI-compatible /audio/speech."""

    base_url: Address = ""
    """Ends before /audio/speech."""
    model: str = "tts-1"
    voice: str = "alloy"
    api_key_env: str = ""
    """Name of the environment variable that holds the key; the key itself never stands here."""
    format: Literal["pcm", "wav", "opus", "mp3"] = "pcm"
    rate: int = Field(24_000, ge=8_000, le=96_000)
    """Of pcm and wav, in Hz; a server that says otherwise is refused."""
    instructions: str = ""
    """How to speak, for servers that can be told."""
    styles: dict[str, str] | None = None
    """Instructions by emotion, in place of `instructions`."""
    extra: dict[str, str | int | float | bool] | None = None
    """Further keys of the request."""
    normalise: bool = True


class Sovits(Personal, Patience):
    """[voice.sovits]: a GPT-SoVITS server (api_v2)."""

    base_url: Address = ""
    ref_audio_path: str = ""
    """Reference recording, as the server sees it."""
    recording: Path | None = None
    """The same file on this machine; its hash is part of what the consent is checked against."""
    prompt_text: str = ""
    """What is said in the reference recording."""
    prompt_lang: str = "zh"
    text_lang: str = ""
    """Empty takes the room's language."""
    streaming_mode: int = Field(2, ge=0, le=3)
    """0: whole sentences; 1 to 3: sooner, at lower quality."""
    text_split_method: str = "cut5"
    top_k: int = Field(15, ge=1, le=100)
    top_p: float = Field(1.0, gt=0, le=1)
    temperature: float = Field(1.0, gt=0, le=2)
    seed: int = Field(-1, ge=-1)
    rate: int | None = Field(None, ge=8_000, le=96_000)
    """In Hz; None takes what the server says."""
    normalise: bool = True


class CosyVoice(Personal, Patience):
    """[voice.cosyvoice]: CosyVoice's own FastAPI server."""

    base_url: Address = ""
    mode: Literal["sft", "zero_shot", "cross_lingual", "instruct2"] = "sft"
    speaker: str = "中文女"
    """sft: a voice of the model."""
    prompt_wav: Path | None = None
    """The other modes: reference recording, sent with every sentence."""
    prompt_text: str = ""
    """zero_shot: what is said in it."""
    instruct: str = ""
    """instruct2: how to speak."""
    styles: dict[str, str] | None = None
    """instruct2: how to speak by emotion, in place of `instruct`."""
    rate: int = Field(24_000, ge=8_000, le=96_000)
    """Of the model: 22050 for CosyVoice 1, 24000 for CosyVoice 2 and later."""
    normalise: bool = True
