"""All sources of a room together, and with the show: isolation, the door, status, metrics."""

import asyncio
import json
import logging
import socket

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from livehost.brain import app
from livehost.brain.chat import barragegrab, house
from livehost.brain.chat.feed import State, feed_of
from livehost.brain.chat.house import House, Past
from livehost.brain.console.exposition import Exposition
from livehost.config import load_room
from livehost.config_chat import KINDS

from .chat_parts import running, server, until
from .show_parts import staged
from .test_brain import brain, room_file
from .test_brain import until as until_shown
from .test_chat_bridges import BIG, Bus, grabbed
from .test_chat_douyin import SECRET, body_of, comment, signed
from .test_chat_feeds import parts
from .virtual import run

pytestmark = pytest.mark.real

KEY = "0123456789abcdef-key"
ROOM = 'name = "r"\n[avatar]\npath = "."\n[show]\nrundown = "room.toml"\n'


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("PUSH", SECRET)
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.delenv("NOT_SET", raising=False)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def room(tmp_path, text):
    file = tmp_path / "room.toml"
    file.write_text(ROOM + text)
    return load_room(file)


def source(kind, name, **values):
    lines = [f"[[chat.source]]\nkind = {json.dumps(kind)}\nname = {json.dumps(name)}"]
    return "\n".join([*lines, *(f"{key} = {json.dumps(value)}" for key, value in values.items())])


def door(port):
    return f"[chat.door]\nport = {port}\n"


class Houseful:
    """A house over a log that is only memory."""

    def __init__(self, tmp_path, text):
        found = room(tmp_path, text)
        self.feeds, self.log, self.inbox = parts(*map(feed_of, found.chat.source))
        self.house = House(found, self.feeds, Past())

    def running(self):
        return running(self.feeds.run(), self.house.run())

    def __getitem__(self, name):
        return self.feeds[name]

    def taken(self, name):
        return [m.text for m, from_ in self.log.rows if from_ == name]


def test_a_missing_secret_costs_its_source_only(tmp_path):
    (tmp_path / "c.jsonl").write_text("")
    text = "\n".join([
        source("douyin", "d", secret_env="NOT_SET"),
        source("inbound", "p", key_env="KEY"),
        source("jsonl", "f", path="c.jsonl"),
        door(0),
    ])  # fmt: skip

    async def main():
        full = Houseful(tmp_path, text)
        async with full.running():
            await until(lambda: full["f"].state is State.LIVE)
            await full.house.door.ready.wait()
            async with aiohttp.ClientSession() as client:
                url = f"{full.house.door.address}p?key={KEY}"
                await client.post(url, data='{"text": "a"}')
                missing = (await client.post(f"{full.house.door.address}d")).status
            await until(lambda: full.taken("p") == ["a"])
        return full["d"], missing

    found, missing = asyncio.run(main())
    assert found.state is State.FAILED and "NOT_SET" in found.reason and missing == 404


def test_no_guest_no_door(tmp_path):
    async def main():
        return Houseful(tmp_path, source("barragegrab", "g")).house.door

    assert asyncio.run(main()) is None


def test_a_taken_port_is_told_and_the_door_opens_when_it_is_free(tmp_path, monkeypatch):
    monkeypatch.setattr(house, "backoff", lambda *_, **__: iter([0.05] * 1000))
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    port = holder.getsockname()[1]

    async def main():
        full = Houseful(tmp_path, source("inbound", "p", key_env="KEY") + "\n" + door(port))
        async with full.running():
            await until(lambda: full["p"].state is State.WAITING)
            why = full["p"].reason
            holder.close()
            await until(lambda: full["p"].state is State.LISTENING)
            async with aiohttp.ClientSession() as client:
                url = f"http://127.0.0.1:{port}/chat/p?key={KEY}"
                return why, (await client.post(url, data="{}")).status

    why, status = asyncio.run(main())
    assert why == f"chat.door: cannot listen on 127.0.0.1:{port}: address already in use"
    assert status == 200


def test_one_that_floods_fails_and_crashes_touches_no_other(tmp_path, monkeypatch):
    async def flood(socket, _):
        for n in range(10_000):
            await socket.send_str(grabbed(1, MsgId=BIG + n, Content=f"{n}"))
        raise RuntimeError("the peer breaks")

    real = barragegrab.read

    def breaks(kind, values):
        if values.get("Content") == "9999":
            raise ValueError("a fault of our own")
        return real(kind, values)

    monkeypatch.setattr(barragegrab, "read", breaks)

    async def main():
        async with server([("GET", "/", Bus(then=flood).serve)]) as there:
            text = "\n".join([
                source("barragegrab", "loud", url=f"ws://{there}/"),
                source("websocket", "gone", url="ws://127.0.0.1:9/"),
                source("inbound", "calm", key_env="KEY"),
                door(0),
            ])  # fmt: skip
            full = Houseful(tmp_path, text)
            async with full.running(), aiohttp.ClientSession() as client:
                await full.house.door.ready.wait()
                url = f"{full.house.door.address}calm?key={KEY}"
                for n in range(30):
                    await client.post(url, data=f'{{"text": "{n}"}}')
                    await until(lambda n=n: len(full.taken("calm")) == n + 1)
                await until(lambda: full["loud"].last_loss)
                return full

    full = asyncio.run(main())
    assert full["loud"].last_loss == "failed inside (ValueError)"
    assert full["loud"].rejected["full"] > 1000 and full["gone"].state is State.WAITING
    calm = full["calm"]
    assert (calm.accepted, calm.rejected, calm.reconnects) == (30, {}, 0)
    assert full.inbox.snapshot()["talk"] + full.inbox.snapshot()["question"] <= 500


def test_the_same_ids_and_viewers_on_two_platforms_do_not_meet(tmp_path):
    for name in "ab":
        line = {"id": BIG, "text": "多少钱", "user": "u1"}
        (tmp_path / name).write_text(json.dumps(line) + "\n")
    text = "\n".join(source("jsonl", n, path=n, from_start=True) for n in "ab")

    async def main():
        full = Houseful(tmp_path, text)
        async with full.running():
            await until(lambda: len(full.log.rows) == 2)
        return {(m.id, m.user) for m, _ in full.log.rows}

    assert asyncio.run(main()) == {(f"a:{BIG}", "a:u1"), (f"b:{BIG}", "b:u1")}


NOWHERE = "127.0.0.1:9"
EVERY = {
    "douyin": {"secret_env": "PUSH", "app_id": "1", "app_secret_env": "KEY",
               "api_url": f"http://{NOWHERE}", "token_url": f"http://{NOWHERE}"},
    "kuaishou": {"secret_env": "PUSH"},
    "bilibili": {"key_env": "KEY", "secret_env": "KEY", "code_env": "KEY", "app_id": 1,
                 "api_url": f"http://{NOWHERE}"},
    "barragegrab": {"url": f"ws://{NOWHERE}/"},
    "dycast": {"key_env": "KEY"},
    "websocket": {"url": f"ws://{NOWHERE}/"},
    "inbound": {"key_env": "KEY"},
    "jsonl": {"path": "none.jsonl"},
    "replay": {"path": "room.toml"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_source_promises(tmp_path, kind):
    """It runs without its platform, says how it is, and leaves nothing behind when it is ended."""
    text = source(kind, "one", **EVERY[kind]) + "\n" + door(0)

    async def main():
        full = Houseful(tmp_path, text)
        before = asyncio.all_tasks()
        async with full.running():
            await until(lambda: full["one"].state is not State.CONNECTING)
            await asyncio.sleep(0.2)
            page = Exposition(full.feeds.metrics).page().decode()
            (shown,) = full.feeds.snapshot()
        await asyncio.sleep(0.05)
        return shown, page, asyncio.all_tasks() - before

    shown, page, left = asyncio.run(main())
    assert left == set()
    assert shown["kind"] == kind and shown["state"] in set(State) - {"failed", "live"}
    assert json.loads(json.dumps(shown)) == shown
    keys = ("connected_since", "last_message_seconds", "lag_seconds", "received", "duplicates",
            "rejected", "reconnects")  # fmt: skip
    assert set(keys) <= set(shown)
    names = {family.name for family in text_string_to_metric_families(page)}
    assert {"livehost_chat_source_live", "livehost_chat_source_received"} <= names


# --- with the show --------------------------------------------------------------------------------


def with_show(tmp_path, monkeypatch, text, test):
    monkeypatch.setattr(app.Show, "_console", lambda self: asyncio.Event().wait())
    room_file(tmp_path, text)

    async def main():
        async with staged() as stage, brain(tmp_path, stage) as live:
            return await test(stage, live)

    return run(main())


def status_of(live, name):
    return next(s for s in live.desk.status()["chat"]["sources"] if s["name"] == name)


def test_a_push_is_answered_by_the_host_and_acknowledged_as_shown(tmp_path, monkeypatch):
    port, told = free_port(), []
    text = source("douyin", "dy", secret_env="PUSH") + "\n" + door(port)

    async def test(stage, live):
        await until_shown(lambda: status_of(live, "dy")["state"] == "listening" and stage.air)
        live.show.state.told = lambda *about: told.append(about)
        body = body_of(comment(BIG, "2号链接多少钱"))
        async with aiohttp.ClientSession() as client:
            url, headers = f"http://127.0.0.1:{port}/chat/dy", signed(body)
            for _ in range(2):
                answer = await client.post(url, data=body, headers=headers)
                assert answer.status == 200
        at = len(stage.air)
        await until_shown(lambda: ("dy:live_comment:" + str(BIG), "answered") in told)
        texts = [s.text for s in stage.air[at:]]
        return texts, status_of(live, "dy"), live.desk.metrics(), live.desk.recent()

    texts, status, metrics, recent = with_show(tmp_path, monkeypatch, text, test)
    assert any("89" in said for said in texts), "the price stands on the product card"
    assert (status["state"], status["accepted"], status["duplicates"]) == ("live", 1, 1)
    assert metrics['livehost_chat_source_live{source="dy"}'] == 1
    assert metrics['livehost_chat_source_lag_seconds{source="dy",quantile="p50"}'] > 1
    assert recent["chat"][0]["id"] == f"dy:live_comment:{BIG}"


def test_sources_that_were_there_are_shown_too_and_troubles_are_warnings(tmp_path, monkeypatch):
    text = "\n".join([
        source("replay", "evening", path="evening.jsonl", speed=100),
        source("websocket", "gone", url="ws://127.0.0.1:9/"),
        source("dycast", "d", key_env="NOT_SET"),
    ])  # fmt: skip
    lines = [{"at": n, "text": f"{n}多少钱", "user": f"u{n}"} for n in range(200)]
    (tmp_path / "evening.jsonl").write_text("\n".join(map(json.dumps, lines)))

    async def test(stage, live):
        live.desk.submit_chat({"text": "在吗"})
        live.desk.submit_chat(b"{")
        await until_shown(lambda: status_of(live, "evening")["accepted"] == 200)
        await until_shown(lambda: status_of(live, "gone")["reconnects"] >= 1)
        await until_shown(lambda: status_of(live, "gone")["state"] == "waiting")
        return live.desk.status()

    status = with_show(tmp_path, monkeypatch, text, test)
    by_name = {s["name"]: s for s in status["chat"]["sources"]}
    assert by_name["http"]["accepted"] == 1 and by_name["http"]["rejected"] == {"not_json": 1}
    assert by_name["evening"]["state"] in ("ended", "live")
    assert by_name["d"]["state"] == "failed"
    told = [w for w in status["warnings"] if w.startswith("chat source")]
    assert told == [
        "chat source gone: cannot be reached (connection refused)",
        "chat source d: set the environment variable NOT_SET (key_env)",
    ]
    json.dumps(status)


def test_no_secret_appears_in_the_show(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    port = free_port()
    text = "\n".join([
        source("douyin", "dy", secret_env="PUSH"),
        source("inbound", "p", key_env="KEY"),
        source("websocket", "w", url="ws://127.0.0.1:9/", token_env="KEY"),
        door(port),
    ])  # fmt: skip

    async def test(stage, live):
        await until_shown(lambda: status_of(live, "p")["state"] == "listening")
        async with aiohttp.ClientSession() as client:
            here = f"http://127.0.0.1:{port}/chat/"
            await client.post(f"{here}p?key={KEY}", data="{")
            body = body_of(comment(1))
            await client.post(f"{here}dy", data=body, headers=signed(body, secret="x"))
        await until_shown(lambda: status_of(live, "w")["reconnects"] >= 1)
        return json.dumps(live.desk.status()) + json.dumps(live.desk.metrics())

    shown = with_show(tmp_path, monkeypatch, text, test)
    shown += "".join(str(vars(record)) for record in caplog.records)
    assert '"signature": 1' in shown
    assert KEY not in shown and f'"{SECRET}"' not in shown
