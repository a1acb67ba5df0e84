"""The flags of `livehost render`; light, because every command reads them.

In:  an argument parser.   Out: the same, with flags; and their values as settings by name.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_NAMES = {"bitrate_kbps": "bitrate", "lead_seconds": "lead", "tail_seconds": "tail"}
_PATHS = ("text_file", "audio", "subtitles", "avatar")
_WORDS = ("studio", "none", "")
EXAMPLE = (
    'livehost render --text "大家好，欢迎来到直播间！" --out hello.mp4 --size 1080x1920 --fps 48\n'
    "         livehost render --batch clips.csv --out-dir clips"
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add everything that `livehost render` takes."""
    _add_said(parser)
    _add_written(parser)
    look = parser.add_argument_group("look")
    look.add_argument("--size", metavar="WxH", help="default 1080x1920")
    look.add_argument("--fps", metavar="N", help="23 to 60; default 25")
    look.add_argument(
        "--captions", action=argparse.BooleanOptionalAction, help="what is said, written; default"
    )
    look.add_argument("--title", help="line at the top left")
    look.add_argument("--label", help='in place of "AI生成 · 数字人"; must contain both words')
    look.add_argument(
        "--background", metavar="FILE|#rrggbb", help="picture, looping clip or colour"
    )
    look.add_argument(
        "--desk", action=argparse.BooleanOptionalAction,
        help="before the host; default: with the painted studio only",
    )  # fmt: skip
    look.add_argument("--seed", metavar="N", help="of blinks, looks and nods; default 1")
    sound = parser.add_argument_group("sound")
    sound.add_argument("--music", metavar="FILE|studio|none", help="loops under the voice")
    sound.add_argument("--music-db", metavar="DB", help="its level under speech; default -26")
    sound.add_argument(
        "--lead", dest="lead_seconds", metavar="SECONDS", help="before the first word"
    )
    sound.add_argument("--tail", dest="tail_seconds", metavar="SECONDS", help="after the last word")
    _add_file(parser)


def _add_said(parser: argparse.ArgumentParser) -> None:
    said = parser.add_argument_group("what is said")
    either = said.add_mutually_exclusive_group()
    either.add_argument("--text", metavar="TEXT")
    either.add_argument("--text-file", metavar="FILE", help="UTF-8 text; - reads standard input")
    either.add_argument("--audio", metavar="FILE", help="a recording; the sound drives the lips")
    either.add_argument("--batch", type=Path, metavar="FILE", help="many: .toml, .csv or .jsonl")
    said.add_argument("--subtitles", metavar="FILE.srt", help="captions of --audio")
    who = parser.add_argument_group("who says it")
    who.add_argument("--room", type=Path, metavar="ROOM.toml", help="whose settings hold otherwise")
    who.add_argument("--avatar", metavar="FOLDER")
    who.add_argument("--voice", metavar="[ENGINE:]NAME", help="see livehost voice list")
    who.add_argument("--speed", metavar="N", help="0.5 to 2")
    who.add_argument("--voice-quality", metavar="live|studio", help="studio: better, and slower")
    who.add_argument("--language", metavar="zh|en")
    who.add_argument(
        "--emotion", metavar="NAME", help="for all of it; default: from each sentence's words"
    )
    who.add_argument("--expression", metavar="N", help="0 to 1.5: how far emotions move the face")
    who.add_argument("--gestures", metavar="N", help="0 to 1.5: how far nods and brows go with it")


def _add_written(parser: argparse.ArgumentParser) -> None:
    out = parser.add_argument_group("where it goes")
    out.add_argument("--out", type=Path, metavar="FILE.mp4")
    out.add_argument("--out-dir", type=Path, metavar="FOLDER", help="of a batch")
    out.add_argument("--srt", action="store_true", help="also write the captions as .srt")
    out.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_file(parser: argparse.ArgumentParser) -> None:
    file = parser.add_argument_group("file")
    file.add_argument("--crf", metavar="N", help="quality, 0 (best) to 40; default 20")
    file.add_argument(
        "--bitrate", dest="bitrate_kbps", metavar="KBPS", help="mean bitrate in place of --crf"
    )
    file.add_argument("--preset", metavar="NAME", help="of x264; default veryfast")
    file.add_argument("--producer", help="ContentProducer of the file's AIGC label")
    file.add_argument("--produce-id", help="ProduceID; default: made from the settings")
    file.add_argument("--propagator", help="ContentPropagator")
    file.add_argument("--propagate-id", help="PropagateID")


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the flags that were given as settings; relative paths start at the working folder."""
    others = {"run", "batch", "room", "out", "out_dir", "srt", "quiet"}
    values = {
        key: value for key, value in vars(given).items() if key not in others and value is not None
    }
    for key in (*_PATHS, "background", "music"):
        value = values.get(key)
        if value is not None and not _is_word(key, value):
            values[key] = str(Path(value).absolute())
    return values


def _is_word(key: str, value: str) -> bool:
    if key == "text_file":
        return value == "-"
    return key in {"background", "music"} and (value in _WORDS or value.startswith("#"))


def flag(key: str) -> str:
    """Return the flag of a setting, as it is written."""
    return "--" + _NAMES.get(key, key).replace("_", "-")
