"""The command line's client against a real console, and against nobody."""

from __future__ import annotations

import asyncio
import socket

import pytest

from livehost.brain.console import Outcome, client
from livehost.errors import ConfigError, LivehostError, Transient
from tests.console_desk import TOKEN, FakeDesk, serving

pytestmark = pytest.mark.real


def test_say_and_status():
    async def main():
        desk = FakeDesk()
        async with serving(desk, TOKEN) as (console, _):
            address = console.address.removeprefix("http://").rstrip("/")
            assert await client.say(address, TOKEN, "你好") == "done"
            assert await client.say(console.address, TOKEN, "again") == "done"
            assert (await client.status(address, TOKEN))["room"] == "demo"
        assert desk.commands == [("say", {"text": "你好"}), ("say", {"text": "again"})]

    asyncio.run(main())


def test_refusal_is_told_in_the_shows_words():
    async def main():
        desk = FakeDesk()
        desk.outcome = Outcome(False, "not said: 最好 is a superlative")
        async with serving(desk) as (console, _):
            with pytest.raises(LivehostError, match="最好 is a superlative"):
                await client.say(console.address, None, "最好")

    asyncio.run(main())


@pytest.mark.parametrize("token", [None, "wrong-wrong-wrong-wrong"])
def test_wrong_token_is_a_configuration_error(token):
    async def main():
        async with serving(FakeDesk(), TOKEN) as (console, _):
            with pytest.raises(ConfigError, match="LIVEHOST_TOKEN") as caught:
                await client.status(console.address, token)
            assert TOKEN not in str(caught.value)

    asyncio.run(main())


def test_nobody_there_says_so():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Transient, match=f"nobody answers on 127.0.0.1:{port}; is livehost run"):
        asyncio.run(client.status(f"127.0.0.1:{port}", None))


@pytest.mark.parametrize("address", ["", "127.0.0.1:99999", "not an address", "http://"])
def test_address_that_is_none_is_one_clear_line(address):
    with pytest.raises(LivehostError) as caught:
        asyncio.run(client.status(address, None))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "said", [b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]
)
def test_somebody_else_there_says_so(said):
    async def main():
        async def other(reader, writer):
            writer.write(said)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(other, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(LivehostError) as caught:
                await client.status(f"127.0.0.1:{port}", None)
        assert "\n" not in str(caught.value)
        assert str(port) in str(caught.value)

    asyncio.run(main())


def test_silence_is_a_transient_error(monkeypatch):
    async def main():
        async with await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(Transient, match="did not answer within"):
                await client.status(f"127.0.0.1:{port}", None)

    monkeypatch.setattr(client, "SECONDS", 0.2)
    asyncio.run(main())
