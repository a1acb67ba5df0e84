"""From a URL or path to an output.

In:  what the operator wrote.   Out: an `Output` with the right kind of link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from livehost.errors import ConfigError
from livehost.media import StreamHeader
from livehost.stage.outputs import file, rtmp, whip
from livehost.stage.outputs.aigc import label_tags
from livehost.stage.outputs.loop import Limits, Link, Output
from livehost.stage.outputs.redaction import redact

Connect = Callable[[], AbstractAsyncContextManager[Link]]


def make_output(
    name: str,
    url: str,
    header: StreamHeader,
    on_keyframe_wanted: Callable[[], None] | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Output:
    """Return an output that is not running yet.

    Args:
        url: rtmp:// or rtmps:// with its key, whip+https://TOKEN@host/path (whip+http:// too), or
            a path that ends in .mp4 or .flv.
        on_keyframe_wanted: called when a link is up; without it the first picture waits for the
            encoder's next keyframe.
        tags: metadata of the stream or file; None labels it as AI-generated.

    Raises:
        ConfigError: nothing can be sent to such a URL.
    """
    given = label_tags() if tags is None else tags
    sound = "audio"
    if url.lower().startswith("whip"):
        connect, sound = _whip(name, url, header, on_keyframe_wanted), "opus"
    else:
        connect = (_rtmp if "://" in url else _file)(name, url, header, given)
    return Output(name, redact(url), connect, on_keyframe_wanted, sound=sound, limits=limits)


def _whip(
    name: str, url: str, header: StreamHeader, on_keyframe_wanted: Callable[[], None] | None
) -> Connect:
    try:
        target = whip.target(url)
    except ValueError as error:
        why = f"output {name}: {redact(url)}: write whip+https://TOKEN@host/path"
        raise ConfigError(why) from error
    return partial(whip.connect, target, header, on_keyframe_wanted)


def _rtmp(name: str, url: str, header: StreamHeader, tags: Mapping[str, str]) -> Connect:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"output {name}: {redact(url)}: bad host or port") from error
    if parts.scheme not in ("rtmp", "rtmps") or not host:
        raise ConfigError(
            f"output {name}: {redact(url)}: write rtmp://host/app/key, rtmps://host/app/key, "
            "whip+https://TOKEN@host/path or a path that ends in .mp4 or .flv"
        )
    return partial(rtmp.connect, rtmp.Target(url, tags), header)


def _file(name: str, url: str, header: StreamHeader, tags: Mapping[str, str]) -> Connect:
    path = Path(url)
    if path.suffix.lower() not in (".mp4", ".flv"):
        raise ConfigError(f"output {name}: {url}: a recording must end in .mp4 or .flv")
    return file.Recorder(file.Target(path, tags), header).connect
