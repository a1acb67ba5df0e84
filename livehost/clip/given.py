"""Files that a clip was given to look and sound like: judged before anything is rendered.

In:  paths.   Out: nothing, or an error. On air the stage would use its own instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from livehost.config import Scene
from livehost.errors import ConfigError
from livehost.stage.backdrop import CLIPS
from livehost.stage.pictures import read

LEAST_MUSIC_SECONDS = 1.0


def read_text(path: Path) -> str:
    """Return the text of a file, without a byte order mark. Raises ConfigError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text; save it as UTF-8") from error


def check_scene(scene: Scene) -> None:
    """Check background and music, whose paths are absolute. Raises ConfigError."""
    if scene.background:
        check_background(Path(scene.background))
    if scene.music:
        check_music(Path(scene.music))


def check_background(path: Path) -> None:
    """Raise ConfigError when `path` is no picture, and no clip with pictures in it."""
    with _told(path, "picture or clip"):
        if path.suffix.lower() in CLIPS:
            _one_picture(path)
        else:
            read(path)


def check_music(path: Path) -> None:
    """Raise ConfigError when a second of sound cannot be read from `path`."""
    with _told(path, "sound file"):
        seconds = 0.0
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise ValueError("it holds no sound")
            for frame in container.decode(container.streams.audio[0]):
                seconds += frame.samples / frame.sample_rate
                if seconds >= LEAST_MUSIC_SECONDS:
                    return
        raise ValueError("it is shorter than one second")


def _one_picture(path: Path) -> None:
    with av.open(str(path)) as container:
        if not container.streams.video or next(container.decode(video=0), None) is None:
            raise ValueError("it holds no picture")


@contextmanager
def _told(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, av.FFmpegError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{path}: is not a {kind} that can be used: {why}") from error
