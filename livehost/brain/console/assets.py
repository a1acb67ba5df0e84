"""The page's files, read and compressed once: pages that are asked for again, files that never are.

In:  a folder.   Out: responses.

The pages name their files with a version made of all their contents, so that a browser may keep
them for ever and a new livehost is never shown with old scripts.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

PREFIX = "/static/"
KEPT = "public, max-age=31536000, immutable"
ASKED = "no-cache"  # kept, too, but asked for each time


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Attributes:
        zipped: the same, compressed; None where that saves nothing.
        etag: of the plain bytes; that of the compressed ones ends in "-gzip".
    """

    kind: str
    plain: bytes
    zipped: bytes | None
    etag: str


class Assets:
    """The files of a folder, in memory.

    Attributes:
        version: names their contents.
    """

    def __init__(self, folder: Path) -> None:
        read = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        self.version = _hash(b"".join(_hash(body).encode() for body in read.values()))
        self._assets = dict(self._made(read))

    def _made(self, read: Mapping[str, bytes]) -> Iterator[tuple[str, Asset]]:
        named = f'"{PREFIX}{self.version}/'.encode()
        for name, body in read.items():
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            whole = body.replace(f'"{PREFIX}'.encode(), named) if kind == "text/html" else body
            zipped = gzip.compress(whole, mtime=0)
            small = zipped if len(zipped) < 0.9 * len(whole) else None
            kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
            yield name, Asset(kind, whole, small, _hash(whole))

    def routes(self) -> list[web.RouteDef]:
        """Return what is served: each file with the version in its path, and without."""
        return [
            web.get(PREFIX + "{version}/{name}", self._file),
            web.get(PREFIX + "{name}", self._file),
        ]

    async def _file(self, request: web.Request) -> web.Response:
        given = request.match_info
        current = given.get("version") == self.version
        return self.answer(request, given["name"], KEPT if current else ASKED)

    def answer(self, request: web.Request, name: str, keep: str = ASKED) -> web.Response:
        """Return a file as this browser takes it, or 304 when it has it.

        Args:
            keep: the Cache-Control.

        Raises:
            web.HTTPNotFound: there is none of this name.
        """
        asset = self._assets.get(name)
        if asset is None:
            raise web.HTTPNotFound(reason="there is no such file")
        zipped = asset.zipped if _takes_gzip(request) else None
        etag = f"{asset.etag}-gzip" if zipped else asset.etag
        headers = {hdrs.ETAG: f'"{etag}"', hdrs.CACHE_CONTROL: keep, hdrs.VARY: "Accept-Encoding"}
        known = request.if_none_match or ()
        if any(tag.value in ("*", etag) for tag in known):
            return web.Response(status=304, headers=headers)
        if zipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(
            body=zipped or asset.plain, headers={**headers, hdrs.CONTENT_TYPE: asset.kind}
        )


def _takes_gzip(request: web.Request) -> bool:
    """Return whether a browser said that it takes gzip."""
    for given in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, quality = given.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
