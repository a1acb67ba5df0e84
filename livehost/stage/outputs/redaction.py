"""Keep stream keys out of everything a person or a log may see.

In:  output URLs, text that may quote them.   Out: the same without keys, queries and passwords.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

HIDDEN = "***"
_LEAST = 3  # shorter secrets would blank half the text, and hide nothing anyhow


def redact(url: str) -> str:
    """Return `url` with only what is needed to recognise it: rtmp://host/app/***.

    A path that is not a URL comes back unchanged.
    """
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return HIDDEN
    app = [name for name in parts.path.split("/") if name][:-1][:1]
    where = f"{host}:{port}" if port else host
    return "/".join([f"{parts.scheme}://{where}", *app, HIDDEN])


def scrub(text: str, url: str) -> str:
    """Return `text` with every secret part of `url` hidden, however it is quoted in it."""
    if "://" not in url:
        return text
    for secret in _secrets(url):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: str) -> list[str]:
    """Return the secret parts, longest first, so that no part survives inside another."""
    rest = url.split("://", 1)[1]
    authority, _, path = rest.partition("/")
    userinfo = authority.rpartition("@")[0]
    app, _, key = path.partition("/")
    key = key or app  # with one name in the path nobody knows which it is
    stream, _, query = key.partition("?")
    pieces = [key, stream, query, *stream.split("/"), userinfo, userinfo.partition(":")[2]]
    pieces += [value for pair in query.split("&") for value in (pair, pair.partition("=")[2])]
    pieces += [unquote(piece) for piece in pieces]
    return sorted({p for p in pieces if len(p) >= _LEAST}, key=len, reverse=True)
