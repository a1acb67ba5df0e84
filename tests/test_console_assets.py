"""The page's files over HTTP: compressed, kept by browsers, never old."""

from __future__ import annotations

import asyncio
import gzip
import re

import pytest

from livehost.brain.console.assets import Assets
from livehost.brain.console.server import STATIC
from tests.console_desk import TOKEN, FakeDesk, serving

pytestmark = pytest.mark.real

NAMES = sorted(path.name for path in STATIC.iterdir())


async def fetch(client, path, **headers):
    """Return status, headers and the bytes as they were sent."""
    headers.setdefault("Accept-Encoding", "identity")
    async with client.get(path, headers=headers, auto_decompress=False) as answer:
        return answer.status, answer.headers, await answer.read()


def test_every_file_is_the_same_with_and_without_compression():
    async def main():
        async with serving(FakeDesk()) as (console, client):
            version = console._assets.version
            for name in NAMES:
                path = f"/static/{version}/{name}"
                _, plain, body = await fetch(client, path)
                _, packed, sent = await fetch(client, path, **{"Accept-Encoding": "br, gzip"})
                assert "Content-Encoding" not in plain
                same = gzip.decompress(sent) if packed.get("Content-Encoding") else sent
                assert same == body and len(sent) <= len(body)
                assert packed["Content-Type"] == plain["Content-Type"]
                assert (packed.get("Content-Encoding") == "gzip") == (not name.endswith(".png"))
                for headers in (plain, packed):
                    assert headers["Vary"] == "Accept-Encoding"
                    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
                    assert "script-src 'self'" in headers["Content-Security-Policy"]
                    assert headers["X-Content-Type-Options"] == "nosniff"
                if not name.endswith(".html"):
                    assert body == (STATIC / name).read_bytes()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [("gzip", True), ("deflate, GZIP;q=0.5", True), ("*", True), ("gzip; q=0", False),
     ("br", False), ("", False), ("gzipped", False)],
)  # fmt: skip
def test_only_who_takes_gzip_gets_it(accepted, zipped):
    async def main():
        async with serving(FakeDesk()) as (_, client):
            _, headers, _ = await fetch(client, "/static/main.js", **{"Accept-Encoding": accepted})
            assert ("Content-Encoding" in headers) is zipped

    asyncio.run(main())


def test_what_a_browser_has_is_not_sent_again():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            for path in ("/", "/login", "/static/main.js"):
                for accepted in ("gzip", "identity"):
                    given = {"Accept-Encoding": accepted}
                    _, first, _ = await fetch(client, path, **given)
                    assert first["Cache-Control"] == "no-cache"
                    for known in (first["ETag"], f'"other", W/{first["ETag"]}', "*"):
                        status, again, body = await fetch(
                            client, path, **given, **{"If-None-Match": known}
                        )
                        assert (status, body, again["ETag"]) == (304, b"", first["ETag"])
                        assert "Content-Security-Policy" in again
                    status, _, body = await fetch(client, path, **given, **{"If-None-Match": '"x"'})
                    assert status == 200 and body
            plain = (await fetch(client, "/"))[1]["ETag"]
            packed = (await fetch(client, "/", **{"Accept-Encoding": "gzip"}))[1]["ETag"]
            assert plain != packed, "one must not be shown in place of the other"

    asyncio.run(main())


def test_pages_name_the_files_that_are_there_and_need_no_login():
    async def main():
        async with serving(FakeDesk(), TOKEN) as (console, client):
            for page in ("/", "/login"):
                text = (await fetch(client, page))[2].decode()
                links = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
                assert len(links) >= 3 and all(console._assets.version in link for link in links)
                for link in links:
                    assert (await fetch(client, link))[0] == 200
            gone, headers, _ = await fetch(client, "/static/0123456789abcdef/main.js")
            assert (gone, headers["Cache-Control"]) == (200, "no-cache"), "of an earlier version"
            for path in ("/static/", "/static/none.js", "/static/a/b/main.js", "/static/x/"):
                status, headers, _ = await fetch(client, path)
                assert (status, headers["Cache-Control"]) == (404, "no-store")
            async with client.head("/static/main.js") as answer:
                assert answer.status == 200 and await answer.read() == b""

    asyncio.run(main())


def test_another_text_in_any_file_is_another_version(tmp_path):
    (tmp_path / "index.html").write_text('<script src="/static/a.js"></script>')
    (tmp_path / "a.js").write_text('import "./b.js";')
    (tmp_path / "b.js").write_text("1")
    first = Assets(tmp_path).version
    assert Assets(tmp_path).version == first
    (tmp_path / "b.js").write_text("2")
    assert Assets(tmp_path).version != first
