"""Who may talk to the console: tokens, host names, foreign pages."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.console import Console
from livehost.brain.console.guard import SHORTEST_TOKEN, is_loopback
from livehost.errors import ConfigError
from tests.console_desk import TOKEN, FakeDesk, serving

pytestmark = pytest.mark.real

PROTECTED = [
    ("GET", "/api/status"),
    ("GET", "/api/recent"),
    ("GET", "/metrics"),
    ("GET", "/live.mp4"),
    ("POST", "/api/chat"),
    ("POST", "/api/command"),
    ("GET", "/nothing"),
]
OPEN = [("GET", "/"), ("GET", "/healthz"), ("GET", "/static/index.html")]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def codes(requests, token=None, host="127.0.0.1"):
    """Return the status of each (method, path, headers), and what the guard counted."""

    async def main():
        async with serving(FakeDesk(), token, host) as (console, client):
            found = []
            for method, path, headers in requests:
                async with client.request(
                    method, path, headers=headers, json={"name": "skip", "text": "x"}
                ) as answer:
                    found.append(answer.status)
            return found, dict(console._guard.refused)

    return asyncio.run(main())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": "Bearer \u00ff\u00fe"},
        {"Cookie": f"token={TOKEN}"},
    ],
    ids=["none", "empty", "longer", "shorter", "basic", "bare", "odd", "cookie"],
)
def test_nothing_is_shown_or_done_without_the_token(headers):
    found, refused = codes([(m, p, headers) for m, p in PROTECTED], TOKEN)
    assert set(found) == {401}
    assert refused == {"token": len(PROTECTED)}


def test_token_opens_everything():
    found, refused = codes([(m, p, BEARER) for m, p in PROTECTED], TOKEN)
    assert found == [200, 200, 200, 503, 200, 200, 404]
    assert refused == {}


def test_page_and_health_need_no_token():
    found, _ = codes([(m, p, {}) for m, p in OPEN], TOKEN)
    assert found == [200, 200, 200]


def test_health_tells_strangers_no_reasons():
    async def main():
        desk = FakeDesk()
        desk.values = {"stage": {"connected": False}}
        async with serving(desk, TOKEN) as (_, client):
            stranger = await (await client.get("/healthz")).json()
            operator = await (await client.get("/healthz", headers=BEARER)).json()
        assert stranger == {"ok": False}
        assert operator["reasons"] == ["the stage is not connected"]

    asyncio.run(main())


def test_token_in_the_address_is_taken_for_the_picture_only():
    found, _ = codes(
        [("GET", f"{path}?token={TOKEN}", {}) for path in ("/live.mp4", "/api/status")], TOKEN
    )
    assert found == [503, 401]


def test_without_a_token_loopback_needs_none():
    found, _ = codes([("GET", "/api/status", {})])
    assert found == [200]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:9999", 200),
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("[::1]:8080", 200),
        ("evil.example", 403),
        ("evil.example:8080", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("user@evil.example", 403),
        ("[::1", 403),
        ("", 403),
        ("10.0.0.1", 403),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/status", "/healthz", "/live.mp4"])
def test_rebound_name_gets_nothing(path, host, status):
    ((found,), refused) = codes([("GET", path, {"Host": host})])
    assert found == (503 if path == "/live.mp4" and status == 200 else status)
    assert refused == ({} if status == 200 else {"host": 1})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},  # another port is another origin
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [*PROTECTED[:-1], ("GET", "/healthz")])
def test_page_of_another_site_gets_nothing(method, path, headers):
    for token in (None, TOKEN):
        found, refused = codes([(method, path, headers | BEARER)], token)
        assert found == [403]
        assert refused == {"origin": 1}


def test_own_page_and_links_to_it_work():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            origin = f"http://127.0.0.1:{client._base_url.port}"
            own = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
            link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
            body = {"name": "skip"}
            assert (await client.post("/api/command", json=body, headers=own)).status == 200
            assert (await client.get("/", headers=link)).status == 200

    asyncio.run(main())


def test_wildcard_bind_answers_to_any_name_with_the_token():
    requests = [
        ("GET", "/api/status", {"Host": "studio.example", **BEARER}),
        ("GET", "/api/status", {"Host": "studio.example"}),
    ]
    found, _ = codes(requests, TOKEN, "0.0.0.0")
    assert found == [200, 401]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "studio.example", ""])
@pytest.mark.parametrize("token", [None, "", "short", "x" * (SHORTEST_TOKEN - 1)])
def test_reachable_console_without_a_real_token_refuses_to_start(host, token):
    with pytest.raises(ConfigError, match="token") as caught:
        Console(FakeDesk(), host, 8080, token)
    assert str(SHORTEST_TOKEN) in str(caught.value)
    assert not token or token not in str(caught.value)


def test_short_token_is_refused_on_loopback_too():
    with pytest.raises(ConfigError, match="5 characters"):
        Console(FakeDesk(), "127.0.0.1", 8080, "short")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.1.1", "localhost.x.y"])
def test_not_loopback(host):
    assert not is_loopback(host)


@given(st.text(max_size=30))
def test_any_host_text_has_an_answer(host):
    assert is_loopback(host) in (True, False)
