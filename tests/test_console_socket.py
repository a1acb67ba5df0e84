"""The console's websocket: hello, snapshot, updates, acks, on real loopback sockets."""

from __future__ import annotations

import asyncio

import pytest

from livehost.brain.command import Outcome
from livehost.brain.console.client import Client
from tests.console_desk import FakeDesk, serving

pytestmark = pytest.mark.real

HELLO = {"type": "hello", "protocol": [1]}


async def hello(client, **more):
    socket = await client.ws_connect("/ws")
    await socket.send_json({**HELLO, **more})
    return socket, await socket.receive_json(), await socket.receive_json()


async def answer_to(socket, message):
    await socket.send_json(message)
    while (got := await socket.receive_json())["type"] not in ("ack", "error", "pong"):
        pass
    return got


def test_hello_is_answered_with_who_what_and_everything():
    async def main():
        desk = FakeDesk()
        desk.values["now"] = None
        async with serving(desk) as (_, client):
            _, welcome, snapshot = await hello(client, tab="tab-1")
        assert welcome["type"] == "hello" and welcome["protocol"] == 1
        assert welcome["role"] == "owner" and welcome["tab"] == "tab-1"
        assert {c["name"] for c in welcome["commands"]} == set(desk.table)
        assert snapshot["type"] == "snapshot"
        assert snapshot["status"]["outputs"] == {"douyin": {"state": "live"}}
        assert "now" not in snapshot["status"]
        assert snapshot["recent"] == desk.lately

    asyncio.run(main())


def test_changes_and_events_follow_in_numbered_updates():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            socket, _, snapshot = await hello(client)
            desk.values = {**desk.values, "mode": "slate", "outputs": []}
            desk.news.tell("gate", rule="superlative", found="<b>最好</b>")
            update = await socket.receive_json()
            assert update["seq"] == snapshot["seq"] + 1
            assert update["patch"] == {"mode": "slate", "outputs": {"douyin": None}}
            gate, output = update["events"]
            assert (gate["kind"], gate["data"]["found"]) == ("gate", "<b>最好</b>")
            assert (output["kind"], output["data"]["state"]) == ("output", "gone")

    asyncio.run(main())


def test_command_gets_exactly_one_ack_and_the_same_one_again():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            socket, *_ = await hello(client)
            say = {"type": "command", "id": "a1", "name": "say", "args": {"text": "你好"}}
            first = await answer_to(socket, say)
            again = await answer_to(socket, say)
            other, *_ = await hello(client)
            third = await answer_to(other, say)
            reused = await answer_to(socket, {**say, "args": {"text": "x"}})
        assert first["ok"] and first["message"] == "done" and not first["repeated"]
        assert again == third == {**first, "repeated": True}
        assert not reused["ok"] and reused["code"] == "id"
        assert len(desk.commands) == 1

    asyncio.run(main())


def test_client_follows_and_commands():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (console, _), Client(console.address) as show:
            assert show.status["room"] == "demo"
            assert (await show.command("skip")).message == "done"
            desk.outcome = Outcome(False, "no", code="gate")
            refused = await show.command("say", {"text": "x"})
            assert (refused.ok, refused.code, refused.message) == (False, "gate", "no")
            desk.values = {**desk.values, "mode": "live"}
            await show.until(lambda: show.status.get("mode") == "live")
            desk.news.tell("chat", id="1", text="hi")
            async for event in show.events():
                assert event.data == {"id": "1", "text": "hi"}
                break

    asyncio.run(main())
