"""The console's websocket: hello, snapshot, updates, acks, on real loopback sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livehost.brain.command import LOCAL, Outcome
from livehost.brain.console import protocol
from livehost.brain.console.answers import encoded
from livehost.brain.console.client import Client
from livehost.brain.console.hub import MOST_CHAT, Box
from livehost.brain.console.orders import MOST_KEPT
from livehost.brain.console.patch import difference, lean, patched
from livehost.brain.desk import schema
from livehost.errors import Transient
from tests.console_desk import FakeDesk, serving, taking

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


def planned(segments=50, lines=20):
    """A long rundown, about 90 KB."""
    said = [{"text": f"第{n}句：" + "这件衣服很轻。" * 4, "changed": ""} for n in range(lines)]
    each = [{"id": f"s{n}", "product": None, "spent_seconds": 0, "lines": list(said)}
            for n in range(segments)]  # fmt: skip
    sale = {"id": "night", "on": True, "left_seconds": 300}
    return {"pinned": None, "segments": each, "next": [], "flash_sales": [sale], "fillers": []}


def test_rundown_comes_with_the_state_and_then_what_changed_of_it():
    async def main():
        desk = FakeDesk()
        desk.plan = planned()
        async with serving(desk) as (console, client), Client(console.address) as show:
            socket, _, snapshot = await hello(client)
            told = snapshot["status"]["rundown"]
            assert told["order"] == [f"s{n}" for n in range(50)]
            assert told["segments"]["s3"]["lines"] == desk.plan["segments"][3]["lines"]
            assert told["flash_sales"]["night"]["left_seconds"] == 300
            assert "pinned" not in told and told["fillers"] == []

            async def patch_after(change):
                change()
                while "rundown" not in (update := await socket.receive_json()).get("patch", {}):
                    pass
                return update["patch"]["rundown"]

            segments = desk.plan["segments"]
            time_passes = await patch_after(lambda: segments[3].update(spent_seconds=1))
            assert time_passes == {"segments": {"s3": {"spent_seconds": 1}}}
            lines = [*segments[7]["lines"]]
            lines[2] = {"text": HACK, "changed": "edited"}
            edited = await patch_after(lambda: segments[7].update(lines=lines))
            assert edited == {"segments": {"s7": {"lines": lines}}}
            gone = segments[:20][::-1]
            shorter = await patch_after(lambda: desk.plan.update(segments=gone))
            assert shorter["order"][:2] == ["s19", "s18"] and shorter["segments"]["s20"] is None
            assert len(json.dumps(shorter)) < 1000
            ended = {"id": "night", "on": False, "left_seconds": None}
            over = await patch_after(lambda: desk.plan.update(flash_sales=[ended]))
            assert over == {"flash_sales": {"night": {"on": False, "left_seconds": None}}}
            await show.until(lambda: show.status["rundown"]["flash_sales"]["night"] == {
                "id": "night", "on": False})  # fmt: skip
            assert show.status["rundown"]["segments"]["s7"]["lines"][2]["text"] == HACK
            assert show.status["rundown"]["order"][-1] == "s0"

    asyncio.run(main())


HACK = '</script><img src=x onerror="alert(1)">'


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


# --- deadlines, order, floods ---------------------------------------------------------------------


def test_expired_command_is_refused_and_never_run():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            socket, welcome, _ = await hello(client)
            late = {"type": "command", "id": "late", "name": "skip", "deadline_ms": 1000}
            late["at_ms"] = welcome["time_ms"] - 1500
            ack = await answer_to(socket, late)
            assert (ack["ok"], ack["code"]) == (False, "expired")
            ahead = {**late, "id": "ahead", "at_ms": welcome["time_ms"] + 1e9}
            assert (await answer_to(socket, ahead))["ok"]
            desk.command_seconds = 5
            slow = {"type": "command", "id": "slow", "name": "skip", "deadline_ms": 100}
            assert (await answer_to(socket, slow))["code"] == "timeout"
        assert [name for name, _ in desk.commands] == ["skip", "skip"]

    asyncio.run(main())


def test_command_is_done_once_though_its_socket_dies():
    async def main():
        desk = FakeDesk()
        desk.command_seconds = 0.3
        async with serving(desk) as (_, client):
            say = {"type": "command", "id": "a", "name": "say", "args": {"text": "你好"}}
            for _ in range(3):
                socket, *_ = await hello(client)
                await socket.send_json(say)
                await asyncio.sleep(0.05)
                await socket.close()
            socket, *_ = await hello(client)
            ack = await answer_to(socket, say)
        assert ack["ok"] and ack["repeated"] and len(desk.commands) == 1

    asyncio.run(main())


def test_slow_commands_hold_up_no_urgent_one():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_console, client):
            sockets = [(await hello(client))[0] for _ in range(2)]
            desk.command_seconds = 1.0
            for n in range(20):
                message = {"type": "command", "id": f"c{n}", "name": "skip"}
                await sockets[n % 2].send_json(message)
            await asyncio.sleep(0.1)
            desk.command_seconds = 0.0
            panic = {"type": "command", "id": "p", "name": "panic"}
            await sockets[0].send_json(panic)
            acks = []
            while not acks or acks[-1]["id"] != "p":
                got = await sockets[0].receive_json()
                acks += [got] if got["type"] == "ack" else []
        assert acks[-1]["ok"]
        assert {ack["code"] for ack in acks[:-1]} <= {"busy"}

    asyncio.run(main())


def test_answers_are_kept_within_bounds():
    async def main():
        desk = FakeDesk()
        async with taking(desk) as orders:
            for n in range(MOST_KEPT + 500):
                await orders.give_once(f"{n}", "skip", {}, LOCAL)
            assert len(orders._given) <= MOST_KEPT + 1
            assert (await orders.give_once(f"{MOST_KEPT}", "skip", {}, LOCAL))[1]

    asyncio.run(main())


# --- those who come back and those who are slow ---------------------------------------------------


def test_who_comes_back_gets_what_was_missed_or_everything():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            staying, welcome, snapshot = await hello(client)
            desk.news.tell("gate", rule="a")
            seq = (await staying.receive_json())["seq"]
            assert seq == snapshot["seq"] + 1
            since = {"epoch": welcome["epoch"], "seq": snapshot["seq"]}
            _, _, missed = await hello(client, since=since)
            assert missed["type"] == "update" and missed["seq"] == seq
            for wrong in ({**since, "epoch": "other"}, {**since, "seq": seq + 100}):
                _, _, everything = await hello(client, since=wrong)
                assert everything["type"] == "snapshot"

    asyncio.run(main())


def test_gap_is_closed_by_a_snapshot():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            socket, _, first = await hello(client)
            await socket.send_json({"type": "resync"})
            again = await socket.receive_json()
            assert (again["type"], again["seq"]) == ("snapshot", first["seq"])

    asyncio.run(main())


def test_slow_browser_loses_updates_then_gets_a_snapshot():
    async def main():
        box = Box(most=1000)
        for n in range(20):
            box.tell(b"%0100d" % n)
        assert box.behind and box.lost == 1
        box.answer(b"an answer")
        assert await box.next(lambda: b"snapshot") == b"an answer"
        assert await box.next(lambda: b"snapshot") == b"snapshot"
        box.tell(b"later")
        assert await box.next(lambda: b"snapshot") == b"later"

    asyncio.run(main())


def test_browser_that_takes_nothing_is_let_go_and_holds_up_nobody(monkeypatch):
    monkeypatch.setattr("livehost.brain.console.sockets.WRITE_SECONDS", 0.5)

    async def main():
        desk = FakeDesk()
        async with serving(desk) as (console, client):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(plain, ("127.0.0.1", client._base_url.port))
            reader, writer = await asyncio.open_connection(sock=plain, limit=1024)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            body = b'{"type":"hello","protocol":[1]}'
            mask = bytes(4)  # a mask of zeros is a mask, too
            writer.write(bytes([0x81, 0x80 | len(body)]) + mask + body)
            await asyncio.sleep(0.2)
            (slow,) = console._sockets._open
            far = slow._request.transport.get_extra_info("socket")
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            reader._transport.pause_reading()
            quick, *_ = await hello(client)
            got = 0
            async with asyncio.timeout(30):
                while console._sockets.counts["slow"] == 0:
                    desk.news.tell("gate", text="x" * 200_000)
                    while (await quick.receive_json())["type"] != "update":
                        pass
                    got += 1
            assert got > 3 and len(console._sockets._open) == 1
            writer.close()

    asyncio.run(main())


def test_two_hundred_browsers_watch_and_each_update_is_encoded_once(monkeypatch):
    encodings = []

    def counted(value):
        encodings.append(value["type"])
        return encoded(value)

    monkeypatch.setattr("livehost.brain.console.hub.encoded", counted)

    async def main():
        desk = FakeDesk()
        desk.plan = planned()
        async with serving(desk) as (console, client):
            sockets = [(await hello(client))[0] for _ in range(200)]
            assert console._hub.watching == 200
            encodings.clear()
            for n in range(5):
                desk.plan["segments"][n]["spent_seconds"] = 1
                desk.news.tell("gate", number=n)
                for watching in sockets:
                    update = await watching.receive_json()
                    assert update["events"][0]["data"] == {"number": n}
                    assert update["patch"]["rundown"]["segments"].keys() == {f"s{n}"}
            assert encodings == ["update"] * 5
            await asyncio.gather(*(watching.close() for watching in sockets))
            await asyncio.sleep(0.2)
            assert console._hub.watching == 0

    asyncio.run(main())


def test_chat_in_a_flood_is_thinned_and_counted():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            socket, *_ = await hello(client)
            for n in range(500):
                desk.news.tell("chat", id=str(n))
                desk.news.tell("chat_done", id=str(n), outcome="answered" if n == 400 else "late")
            update = await socket.receive_json()
            shown = [event["data"]["id"] for event in update["events"]]
            assert "400" in shown and len(shown) <= MOST_CHAT + 1
            assert update["left_out"] == 1000 - len(shown)

    asyncio.run(main())


def test_nobody_is_told_anything_while_nobody_watches():
    async def main():
        class Counting(FakeDesk):
            asked = 0

            def status(self):
                self.asked += 1
                return self.values

        desk = Counting()
        async with serving(desk) as (console, _):
            for n in range(1000):
                desk.news.tell("chat", id=str(n))
            await asyncio.sleep(1.2)
            assert desk.asked == 0 and console._hub._pending == []

    asyncio.run(main())


# --- manners --------------------------------------------------------------------------------------


def test_hello_comes_first_and_a_version_in_common_is_needed():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            socket = await client.ws_connect("/ws")
            await socket.send_json({"type": "ping", "t": 1})
            assert (await socket.receive_json())["code"] == "order"
            await socket.send_json({"type": "hello", "protocol": [7]})
            assert (await socket.receive()).data == protocol.CLOSE_PROTOCOL

    asyncio.run(main())


def test_silence_ends_the_connection(monkeypatch):
    monkeypatch.setattr("livehost.brain.console.sockets.HELLO_SECONDS", 0.1)
    monkeypatch.setattr("livehost.brain.console.sockets.PING_SECONDS", 0.1)

    async def main():
        async with serving(FakeDesk()) as (_, client):
            mute = await client.ws_connect("/ws")
            assert (await mute.receive()).data == protocol.CLOSE_SILENT
            socket, *_ = await hello(client)
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.data == protocol.CLOSE_SILENT

    asyncio.run(main())


def test_ping_tells_the_servers_clock():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            socket, welcome, _ = await hello(client)
            pong = await answer_to(socket, {"type": "ping", "t": 12.5})
            assert pong["t"] == 12.5 and pong["time_ms"] >= welcome["time_ms"]

    asyncio.run(main())


def test_a_flood_of_pings_is_not_answered_beyond_the_limit():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            socket, *_ = await hello(client)
            for n in range(500):
                await socket.send_json({"type": "ping", "t": n})
            await asyncio.sleep(1.2)
            await socket.send_json({"type": "ping", "t": 4711})
            pongs = []
            while not pongs or pongs[-1] != 4711:
                got = await socket.receive_json()
                pongs += [got["t"]] if got["type"] == "pong" else []
            assert 60 <= len(pongs) < 200

    asyncio.run(main())


def test_words_of_viewers_stay_data():
    async def main():
        desk = FakeDesk()
        evil = '<img src=x onerror="alert(1)">\u2028</script>\ud800\x00"\\'
        desk.lately = {"chat": [{"nickname": evil}], "utterances": []}
        async with serving(desk) as (_, client):
            socket, _, snapshot = await hello(client)
            desk.news.tell("chat", nickname=evil)
            update = await socket.receive_json()
        clean = evil.replace("\ud800", "?")
        assert snapshot["recent"]["chat"][0]["nickname"] == clean
        assert update["events"][0]["data"]["nickname"] == clean

    asyncio.run(main())


def test_keys_of_streams_never_reach_a_browser():
    async def main():
        desk = FakeDesk()
        key = "rtmp://push.example.com/live/SECRETKEY"
        desk.values = {**desk.values, "warnings": [f"lost {key}"]}
        desk.outcome = Outcome(False, f"cannot reach {key}", {"url": key})
        async with serving(desk) as (_, client):
            socket, *first = await hello(client)
            desk.news.tell("command", args={"url": key}, message=key)
            seen = [*first, await socket.receive_json()]
            ask = {"type": "command", "id": "1", "name": "output_add", "args": {"url": key}}
            seen.append(await answer_to(socket, ask))
        assert "push.example.com" in str(seen) and "SECRETKEY" not in str(seen)

    asyncio.run(main())


# --- garbage --------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)
ALMOST = st.fixed_dictionaries(
    {"type": st.sampled_from(["hello", "command", "ping", "resync", "ack", ""])},
    optional={
        "id": JSON, "name": JSON, "args": JSON, "protocol": JSON, "tab": JSON, "since": JSON,
        "deadline_ms": JSON, "at_ms": JSON, "t": JSON,
    },
)  # fmt: skip
FRAMES = (
    st.text(max_size=200)
    | st.binary(max_size=200)
    | ALMOST.map(json.dumps)
    | JSON.map(json.dumps)
    | st.just("[" * 100_000)
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FRAMES, max_size=14), st.booleans())
def test_any_frames_end_in_messages_or_a_close_and_the_console_lives(shared, frames, greeted):
    loop, client, console = shared

    async def send():
        socket = await client.ws_connect("/ws")
        if greeted:
            await socket.send_json(HELLO)
        with suppress(ConnectionError, aiohttp.ClientError):
            for frame in frames:
                if isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket.send_str(frame.encode(errors="replace").decode())
            await socket.send_json({"type": "ping", "t": 4711})
        async with asyncio.timeout(10):
            while True:
                message = await socket.receive()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    assert message.data in (None, 1000, 1002, 1007, 1009, 4000, 4001), message
                    break
                told = protocol.from_server(message.data)
                if isinstance(told, protocol.Pong) and told.t == 4711:
                    break
                if isinstance(told, protocol.Wrong) and not greeted and told.code == "order":
                    break
        await socket.close()
        quick, *_ = await hello(client)
        assert (await answer_to(quick, {"type": "ping", "t": 1}))["t"] == 1
        await quick.close()

    loop.run(send())
    assert len(console._sockets._open) < 20


@pytest.fixture(scope="module")
def shared():
    with asyncio.Runner() as loop:
        context = serving(FakeDesk())
        console, client = loop.run(context.__aenter__())
        yield loop, client, console
        loop.run(context.__aexit__(None, None, None))


TREES = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.floats(0, 1) | st.lists(st.integers()),
        lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=4),
        max_leaves=10,
    ),
    max_size=4,
)


@given(TREES, TREES)
def test_patches_bring_one_tree_to_the_other(before, after):
    before, after = lean(before), lean(after)
    patch = difference(before, after)
    assert patched(before, json.loads(json.dumps(patch))) == after
    assert difference(after, after) == {}
    assert patched(patched(before, patch), patch) == after


# --- the Python client ----------------------------------------------------------------------------


def test_client_comes_back_and_sends_again_what_was_not_answered():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (console, _), Client(console.address) as show:
            desk.command_seconds = 0.5
            asking = asyncio.ensure_future(show.command("say", {"text": "你好"}))
            await asyncio.sleep(0.2)
            for open_ in list(console._sockets._open):
                open_._request.transport.abort()
            ack = await asking
            assert ack.ok and ack.repeated and show.connections == 2
            assert len(desk.commands) == 1
            desk.values = {**desk.values, "mode": "muted"}
            desk.news.tell("gate", rule="x")
            await show.until(lambda: show.status.get("mode") == "muted")

    asyncio.run(main())


def test_client_gives_up_in_time():
    async def main():
        desk = FakeDesk()
        desk.command_seconds = 60
        context = serving(desk)
        console, _ = await context.__aenter__()
        async with Client(console.address) as show:
            assert (await show.command("skip", seconds=0.3)).code == "timeout"
            await context.__aexit__(None, None, None)
            with pytest.raises(Transient, match="did not answer within"):
                await show.command("skip", seconds=0.1)

    asyncio.run(main())


# --- the schema -----------------------------------------------------------------------------------


def test_published_schema_is_current():
    """If not: python -m livehost.brain.desk.schema"""
    assert schema.FILE.read_text("utf-8") == schema.text()


def test_document_names_every_message_code_and_close_code():
    page = (Path(__file__).parents[1] / "docs/protocol.md").read_text()
    for side in protocol.schemas().values():
        for name in side["discriminator"]["mapping"]:
            assert f"`{name}`" in page
    for code in protocol.CODES:
        assert f"`{code}`" in page
    for name in (n for n in dir(protocol) if n.startswith("CLOSE_")):
        assert str(getattr(protocol, name)) in page
