"""`livehost avatar make` and `livehost avatar check`.

In:  flags.   Out: an avatar folder or a report on one, lines on standard output, an exit code.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from enum import Enum
from pathlib import Path
from typing import NoReturn

import av
from PIL import Image, UnidentifiedImageError

from livehost.avatar.load import Avatar, load_avatar
from livehost.avatar.making import Asked, Claim, Report
from livehost.errors import ConfigError

PICTURE_ENDINGS = {".heic", ".heif", ".avif", ".psd", ".svg", ".raw", ".dng", ".cr2", ".nef"}
NOT_FILMS = ("tty", "image2")  # FFmpeg draws any text as a film of letters
TERMINATED = 143  # what a shell says of a command that SIGTERM ended
HEIF = (b"ftypheic", b"ftypheix", b"ftypheif", b"ftypmif1", b"ftypheim", b"ftyphevc")


class Source(Enum):
    """What an avatar is made from."""

    PICTURE = "picture"
    VIDEO = "video"


def make(given: argparse.Namespace) -> int:
    """Make an avatar from a picture or a video; return the exit code.

    Raises:
        ConfigError: flags or the input are of no use; one line each says why and what to do.
    """
    claim = Claim(given.consent, given.own_face, given.ai_generated)
    asked = Asked(
        name=given.name,
        claim=claim,
        title=given.title,
        background=given.background,
        licence=given.licence,
        seed=given.seed,
        replace=given.replace,
    )
    out: Path = given.out or Path("avatars") / given.name
    source = source_of(given.source)
    claim.checked((given.source,))
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        report = _made(source, given.source, out, asked)
    finally:
        signal.signal(signal.SIGTERM, before)
    print(*report.lines(), sep="\n")
    print(f'{out}: made; look at {out / "sheet.jpg"}, then set avatar.path = "{out}" in a room')
    return 0


def _leave(*_: object) -> NoReturn:
    """Go through every `finally`: what was begun is removed."""
    sys.exit(TERMINATED)


def _made(source: Source, path: Path, out: Path, asked: Asked) -> Report:
    if source is Source.PICTURE:
        from livehost.avatar import photo  # noqa: PLC0415

        return photo.make(path, out, asked)
    from livehost.avatar import video  # noqa: PLC0415

    return video.make(path, out, asked)


def source_of(path: Path) -> Source:
    """Return what is in the file at `path`; its ending does not count.

    Raises:
        ConfigError: it is missing, or nothing that can be read.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    try:
        with Image.open(path):
            return Source.PICTURE
    except UnidentifiedImageError:
        pass
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ConfigError(f"{path}: is a damaged picture ({error}); save it again") from error
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:12] in HEIF or path.suffix.lower() in PICTURE_ENDINGS:
        raise ConfigError(f"{path}: pictures of this kind cannot be read; save it as JPEG or PNG")
    if _is_video(path):
        return Source.VIDEO
    raise ConfigError(f"{path}: is neither a picture nor a video that can be read")


def _is_video(path: Path) -> bool:
    try:
        with av.open(str(path)) as container:
            return bool(container.streams.video) and container.format.name not in NOT_FILMS
    except (av.FFmpegError, OSError, ValueError):
        return False


def check(given: argparse.Namespace) -> int:
    """Load an avatar as a room would, and say what is known of it; return the exit code.

    Raises:
        ConfigError: it cannot go on air; one line each.
    """
    avatar = load_avatar(given.folder)
    print(f"{given.folder}: ok")
    print(*(f"  {line}" for line in _about(avatar)), sep="\n")
    return 0


def _about(avatar: Avatar) -> list[str]:
    height, width = avatar.plate.shape[:2]
    lines = [f"name: {avatar.name} ({avatar.kind})", f"plate: {width}x{height}"]
    for what, region in (("mouth", avatar.mouth), ("eyes", avatar.eyes)):
        if region is not None:
            rows, columns = region.mask.shape
            lines.append(f"{what}: {columns}x{rows}, {len(region.coefs)} blendshapes")
    report = avatar.folder / "report.json"
    try:
        said = json.loads(report.read_text("utf-8")) if report.is_file() else {"findings": []}
        lines += [f"{f['measure']}: {f['value']} ({f['verdict']})" for f in said["findings"]]
    except (ValueError, KeyError, TypeError):
        lines.append(f"{report.name}: cannot be read")
    return lines
