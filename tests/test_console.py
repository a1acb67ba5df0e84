"""The console's API, page, metrics and manners over a scripted show, on real loopback sockets."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from livehost.brain.console import Console, Outcome
from livehost.brain.console.answers import plain, scrub
from livehost.brain.console.chatdoor import BREATH, Bucket, ChatDoor
from livehost.brain.console.exposition import Exposition, labels
from livehost.brain.console.health import reasons
from livehost.clock import VirtualTimeLoop
from livehost.errors import ConfigError
from tests.console_desk import TOKEN, FakeDesk, serving

pytestmark = pytest.mark.real

CHAT = {"kind": "comment", "user": "u1", "nickname": "小明", "text": "多少钱?"}


# --- routes ---------------------------------------------------------------------------------------


def test_page_is_served_with_headers_that_allow_no_foreign_script():
    async def main():
        async with serving(FakeDesk()) as (_, client), client.get("/") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/html"
            policy = answer.headers["Content-Security-Policy"]
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "aiohttp" not in answer.headers["Server"].lower()
            page = await answer.text()
            assert "onclick" not in page
            assert "<style" not in page
            assert "<script>" not in page

    asyncio.run(main())


def test_status_and_recent_give_the_desks_values():
    async def main():
        desk = FakeDesk()
        desk.lately = {"chat": [{"id": 2**60, "text": "你好"}], "utterances": []}
        async with serving(desk) as (_, client):
            status = await (await client.get("/api/status")).json()
            recent = await (await client.get("/api/recent")).json()
        assert status == desk.values
        assert recent["chat"] == [{"id": str(2**60), "text": "你好"}]

    asyncio.run(main())


def test_chat_message_reaches_the_desk():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client), client.post("/api/chat", json=CHAT) as answer:
            assert answer.status == 200
            assert await answer.json() == {"ok": True, "id": "1"}
        assert desk.chat == [CHAT]

    asyncio.run(main())


def test_pretty_printed_message_is_one_message():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            await client.post("/api/chat", data=json.dumps(CHAT, indent=2))
        assert desk.chat == [CHAT]

    asyncio.run(main())


def test_json_lines_are_many_messages_and_each_bad_line_is_named():
    async def main():
        desk = FakeDesk()
        body = b"\n".join([json.dumps(CHAT).encode(), b"", b"\xff\xfe", json.dumps(CHAT).encode()])
        async with serving(desk) as (_, client):
            async with client.post("/api/chat", data=body) as answer:
                said = await answer.json()
                assert answer.status == 200
            metrics = await (await client.get("/metrics")).text()
        assert (said["accepted"], said["rejected"]) == (2, 1)
        assert said["first"][0]["line"] == 2
        assert len(desk.chat) == 2
        assert 'livehost_console_chat_total{result="accepted"} 2.0' in metrics
        assert 'livehost_console_chat_total{result="rejected"} 1.0' in metrics

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "empty"),
        (b"\n \n", 400, "empty"),
        (b"\xff\xfe\xfd", 400, "not a chat message"),
        (b"[" * 9000, 400, "not a chat message"),
        (b'{"text": 1', 400, "not a chat message"),
        (b"null", 400, "not a chat message"),
        (b'{"text":"' + b"x" * 100_000 + b'"}', 413, "longer than"),
        (b"x" * 3_000_000, 413, "longer than"),
    ],
    ids=["nothing", "blank", "not utf-8", "deep", "cut off", "null", "100 kB", "3 MB"],
)
def test_bad_chat_is_refused_with_its_reason(body, status, word):
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            async with client.post("/api/chat", data=body) as answer:
                assert answer.status == status
                assert word in (await answer.json())["error"]
            assert (await client.get("/api/status")).status == 200
        assert desk.chat == []

    asyncio.run(main())


def test_command_reaches_the_desk_and_its_outcome_comes_back():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            for name in desk.table:
                body = {"name": name, "args": {"text": "你好"}}
                async with client.post("/api/command", json=body) as answer:
                    assert answer.status == 200
                    said = await answer.json()
                    assert said == {"ok": True, "message": "done", "data": {"n": 1}}
        assert [name for name, _ in desk.commands] == list(desk.table)

    asyncio.run(main())


def test_refused_command_says_why():
    async def main():
        desk = FakeDesk()
        desk.outcome = Outcome(False, "no such product")
        async with serving(desk) as (_, client):
            body = {"name": "product", "args": {"id": "x"}}
            async with client.post("/api/command", json=body) as answer:
                assert answer.status == 409
                assert (await answer.json())["error"] == "no such product"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 60_000, 400),
        (b'{"name": "format_disk"}', 400),
        (b'{"name": ["say"]}', 400),
        (b'{"name": "say", "args": []}', 400),
        (b" " * 70_000, 413),
    ],
)
def test_bad_command_never_reaches_the_desk(body, status):
    async def main():
        desk = FakeDesk()
        async with (
            serving(desk) as (_, client),
            client.post("/api/command", data=body) as answer,
        ):
            assert answer.status == status
            assert (await answer.json())["error"]
        assert desk.commands == []

    asyncio.run(main())


def test_commands_under_way_are_bounded():
    async def main():
        desk = FakeDesk()
        desk.command_seconds = 0.5
        async with serving(desk) as (_, client):
            body = {"name": "skip"}
            calls = [client.post("/api/command", json=body) for _ in range(30)]
            codes = [answer.status for answer in await asyncio.gather(*calls)]
        assert codes.count(200) == len(desk.commands) == 16
        assert codes.count(429) == 14

    asyncio.run(main())


def test_unknown_routes_and_methods_are_json_errors():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            for method, path, status in (
                ("GET", "/nothing", 404),
                ("GET", "/static/../server.py", 404),
                ("GET", "/static/%2e%2e/server.py", 404),
                ("GET", "/api/chat", 405),
                ("DELETE", "/api/status", 405),
            ):
                async with client.request(method, path) as answer:
                    assert answer.status == status, path
                    assert (await answer.json())["ok"] is False
                    assert "nosniff" in answer.headers["X-Content-Type-Options"]

    asyncio.run(main())


def test_metrics_are_readable_by_prometheus():
    async def main():
        desk = FakeDesk()
        desk.numbers = {
            "livehost_ticks_total": 5,
            'livehost_output_dropped_total{output="a\\"b\\\\"}': 2,
            'livehost_output_up{output="a",kind="rtmp"}': 1,
            "livehost_loudness": float("nan"),
            "no name!": 1,
        }
        async with serving(desk) as (_, client), client.get("/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            page = await answer.text()
        found = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }
        assert found["livehost_ticks_total", ()] == 5
        assert found["livehost_output_dropped_total", (("output", 'a"b\\'),)] == 2
        assert found["livehost_output_up", (("kind", "rtmp"), ("output", "a"))] == 1
        assert found["livehost_preview_viewers", ()] == 0
        assert "no name" not in page

    asyncio.run(main())


def test_misnamed_numbers_are_counted():
    exposition = Exposition(lambda: {"1x": 1.0, "x y": 2.0, "fine": 3.0})
    assert b"fine 3.0" in exposition.page()
    assert exposition.misnamed == 2


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text(max_size=20)))
def test_labels_survive_the_round_trip(values):
    text = ",".join(
        '{}="{}"'.format(name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
        for name, value in values.items()
    )
    assert labels(text) == values


def test_healthz_is_503_with_reasons_until_stage_and_outputs_are_well():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (_, client):
            assert (await client.get("/healthz")).status == 200
            desk.values = {
                "stage": {"connected": True},
                "outputs": {"a": {"state": "waiting"}, "b": {"state": "live"}},
            }
            await asyncio.sleep(0.25)
            async with client.get("/healthz") as answer:
                assert answer.status == 503
                assert await answer.json() == {"ok": False, "reasons": ["output a is waiting"]}

    asyncio.run(main())


@pytest.mark.parametrize("status", [{}, {"stage": None}, {"stage": {}}])
def test_no_stage_is_not_well(status):
    assert reasons(status) == ["the stage is not connected"]


def test_one_status_snapshot_serves_everybody_for_a_moment():
    class Counting(FakeDesk):
        asked = 0

        def status(self):
            self.asked += 1
            return self.values

    async def main():
        desk = Counting()
        async with serving(desk) as (_, client):
            for _ in range(20):
                await (await client.get("/api/status")).read()
        return desk.asked

    assert asyncio.run(main()) < 10


# --- secrets --------------------------------------------------------------------------------------


def test_no_answer_carries_token_or_stream_key():
    async def main():
        desk = FakeDesk()
        key = "rtmp://user:pw@push.example.com/live/SECRETKEY?sign=SECRETSIGN"
        desk.values |= {"warnings": [f"lost {key}"], key: [key]}
        desk.lately = {"chat": [{"text": f"see {key}"}], "utterances": []}
        desk.outcome = Outcome(False, f"cannot reach {key}")
        login = {"Authorization": f"Bearer {TOKEN}"}
        async with serving(desk, TOKEN) as (_, client):
            texts = []
            for path in (
                "/",
                "/api/status",
                "/api/recent",
                "/metrics",
                "/healthz",
                f"/?token={TOKEN}",
            ):
                for headers in ({}, login):
                    texts.append(await (await client.get(path, headers=headers)).text())
            body = {"name": "output_add", "args": {"url": key}}
            answer = await client.post("/api/command", json=body, headers=login)
            texts.append(await answer.text())
        everything = "".join(texts)
        assert "push.example.com" in everything
        for secret in (TOKEN, "SECRETKEY", "SECRETSIGN", "user:pw"):
            assert secret not in everything

    asyncio.run(main())


def test_scrub_keeps_the_rest_of_the_line():
    assert scrub("lost rtmps://a.b/c/d again") == "lost rtmps://a.b/*** again"
    assert scrub("no address: 价格:199 a/b") == "no address: 价格:199 a/b"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(JSON)
def test_plain_values_are_always_json_that_a_browser_reads(value):
    text = json.dumps(plain(value), allow_nan=False)
    assert plain(json.loads(text)) == plain(value)


# --- floods and garbage ---------------------------------------------------------------------------


def test_flood_in_one_body_is_accepted_or_counted_and_others_are_served_meanwhile():
    async def main():
        desk = FakeDesk()
        body = b"\n".join(b'{"text":"%d"}' % n for n in range(10_000))
        async with serving(desk) as (console, client):
            flood = asyncio.ensure_future(client.post("/api/chat", data=body))
            served = 0
            while not flood.done():
                await (await client.get("/healthz")).read()
                served += 1
            said = await (await flood).json()
            counts = console._chat.counts
        assert said["accepted"] + said["rejected"] == 10_000
        assert said["accepted"] == len(desk.chat) >= 2000
        assert counts["accepted"] + counts["limited"] == 10_000
        assert served >= 2
        assert len(said["first"]) == 20

    asyncio.run(main())


def test_flood_of_requests_is_accepted_or_counted():
    async def main():
        desk = FakeDesk()
        async with serving(desk) as (console, client):
            console._chat._bucket = Bucket(10, 50)

            async def post():
                async with client.post("/api/chat", json=CHAT) as answer:
                    return answer.status

            codes = await asyncio.gather(*(post() for _ in range(400)))
            counts = console._chat.counts
        assert set(codes) == {200, 429}
        assert codes.count(200) == counts["accepted"] == len(desk.chat)
        assert codes.count(429) == counts["limited"]

    asyncio.run(main())


def test_bucket_fills_with_time_and_never_beyond_its_size():
    async def main():
        loop = asyncio.get_running_loop()
        bucket = Bucket(10, 5)
        assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
        loop.advance(0.2)
        assert [bucket.take() for _ in range(3)] == [True, True, False]
        loop.advance(1000)
        assert sum(bucket.take() for _ in range(20)) == 5

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main())


def test_batch_gives_way_to_others():
    async def main():
        door = ChatDoor(FakeDesk(), 100)
        turns = 0

        async def others():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(others())
        await door.admit_all([b"{}"] * (BREATH * 10))
        task.cancel()
        return turns

    assert asyncio.run(main()) >= 10


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=400) | st.text(max_size=200).map(str.encode) | JSON.map(json.dumps))
@pytest.mark.parametrize("path", ["/api/chat", "/api/command"])
def test_any_body_is_answered_in_json(shared_console, path, body):
    loop, client = shared_console

    async def post():
        async with client.post(path, data=body) as answer:
            assert answer.status in (200, 400, 413, 429), await answer.text()
            assert isinstance((await answer.json())["ok"], bool)

    loop.run(post())


@pytest.fixture(scope="module")
def shared_console():
    with asyncio.Runner() as loop:
        context = serving(FakeDesk())
        _, client = loop.run(context.__aenter__())
        yield loop, client
        loop.run(context.__aexit__(None, None, None))


def test_half_a_request_does_not_hold_the_console():
    async def main():
        async with serving(FakeDesk()) as (_, client):
            _, writer = await asyncio.open_connection("127.0.0.1", int(client._base_url.port))
            writer.write(
                b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
            )
            assert (await client.get("/healthz")).status == 200
            writer.close()

    asyncio.run(main())


# --- start and end --------------------------------------------------------------------------------


def test_port_in_use_is_one_clear_line():
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigError) as caught:
                await Console(FakeDesk(), "127.0.0.1", port).run()
        (line,) = caught.value.problems
        assert f"127.0.0.1:{port}" in line
        assert "in use" in line
        assert "\n" not in line

    asyncio.run(main())


def test_address_that_is_not_ours_is_one_clear_line():
    async def main():
        with pytest.raises(ConfigError, match=r"console: cannot listen on 203\.0\.113\.7"):
            await Console(FakeDesk(), "203.0.113.7", 8080, TOKEN).run()

    asyncio.run(main())


@pytest.mark.real
def test_shutdown_takes_less_than_two_seconds_with_streams_open():
    async def main():
        from tests.browser import make_stream

        header, packets = make_stream(2)
        desk = FakeDesk()
        desk.start_stream(header)
        desk.command_seconds = 60
        async with serving(desk) as (_, client):
            await asyncio.sleep(0.05)
            for packet in packets:
                desk.send(packet)
            await asyncio.sleep(0.05)
            streams = [await client.get("/live.mp4") for _ in range(5)]
            assert {s.status for s in streams} == {200}
            command = asyncio.ensure_future(client.post("/api/command", json={"name": "skip"}))
            await asyncio.sleep(0.1)
            began = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - began
        with suppress(aiohttp.ClientError):
            await command
        return took

    assert asyncio.run(main()) < 2


# --- documentation --------------------------------------------------------------------------------


def test_every_route_command_and_metric_is_documented():
    root = Path(__file__).parents[1]
    page = (root / "docs/operator-api.md").read_text()
    console = Console(FakeDesk(), "127.0.0.1", 0)
    routes = {resource.canonical for resource in console._app().router.resources()}
    brain = root / "livehost/brain"
    sources = [*(brain / "desk").glob("*.py"), *(brain / "console").glob("*.py")]
    metrics = {
        name
        for file in sources
        for name in re.findall(r'"(livehost_[a-z_]+?)(?:\{\{?|")', file.read_text())
    }
    assert len(routes) >= 9
    assert len(metrics) >= 10
    for name in {*routes, *FakeDesk().table, *metrics}:
        assert f"`{name.removesuffix('_')}" in page or f"{name}`" in page or f" {name}`" in page, (
            name
        )
