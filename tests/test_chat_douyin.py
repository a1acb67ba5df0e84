"""Douyin's pushes over real HTTP on loopback, as the platform documents them, and with faults."""

import asyncio
import base64
import hashlib
import json
import logging
import time

import pytest
from aiohttp import web

from livehost.brain.chat import douyin_api
from livehost.brain.chat.douyin import DouyinSource, read, signature
from livehost.brain.chat.feed import State
from livehost.brain.chat.message import Rejected, parse

from .chat_parts import door, drained, fixture, made, messages, running, server, until

pytestmark = pytest.mark.real

SECRET = "123abc"
APP_SECRET = "app-secret-value"
ROOM = "7327000000000000000"


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("PUSH", SECRET)
    monkeypatch.setenv("APP", APP_SECRET)


def source(**more):
    return made(DouyinSource, "douyin", secret_env="PUSH", **more)


def now_ms(ago=0.0):
    return str(int((time.time() - ago) * 1000))


def signed(body, kind="live_comment", room=ROOM, stamp=None, secret=SECRET):
    """Sign as the platform does: written here anew, from its documentation."""
    headers = {
        "x-nonce-str": "abc",
        "x-timestamp": stamp or now_ms(),
        "x-roomid": room,
        "x-msg-type": kind,
    }
    joined = "&".join(f"{k}={headers[k]}" for k in sorted(headers))
    digest = hashlib.md5(joined.encode() + body + secret.encode()).digest()
    return headers | {"x-signature": base64.b64encode(digest).decode()}


def comment(n, text="多少钱"):
    return {"msg_id": str(n), "content": text, "sec_openid": f"_u{n}", "nickname": "小明",
            "avatar_url": "", "timestamp": int(now_ms(2))}  # fmt: skip


def body_of(*items):
    return json.dumps(items, ensure_ascii=False).encode()


async def push(client, address, body, **more):
    headers = more.pop("headers", None) or signed(body, **more)
    async with client.post(f"{address}douyin", data=body, headers=headers) as response:
        return response.status


def pushed(*requests, **settings):
    """Send (body, options) one after the other; return the statuses and the feed."""

    async def main():
        pair = source(**settings)
        async with door(pair) as (address, client):
            statuses = [await push(client, address, body, **more) for body, more in requests]
        return statuses, pair[1]

    return asyncio.run(main())


# --- signature ------------------------------------------------------------------------------------


def test_the_published_vector():
    headers = {"x-nonce-str": "123456", "x-timestamp": "456789", "x-roomid": "268",
               "x-msg-type": "live_gift"}  # fmt: skip
    assert signature(headers, "abc123你好".encode(), SECRET) == "PDcKhdlsrKEJif6uMKD2dw=="


@pytest.mark.parametrize(
    "push", fixture("douyin_webhook"), ids=lambda p: p["headers"]["x-msg-type"]
)
def test_recorded_pushes_have_the_right_signature_and_are_read(push):
    headers, body = push["headers"], push["body"].encode()
    assert signature(headers, body, push["secret"]) == headers["x-signature"]
    kind = headers["x-msg-type"]
    (item,) = json.loads(body)
    message = parse(read(kind, item))
    expected = {
        "live_comment": ("comment", "多少钱", 1),
        "live_gift": ("gift", "", 1),
        "live_like": ("like", "", 3),
        "live_fansclub": ("follow", "", 1),
    }
    assert (message.kind.value, message.text, message.count) == expected[kind]
    assert message.id == f"{kind}:{item['msg_id']}" and message.user == "_000QUJDREVGRw"
    assert message.at.timestamp() == 1705989099.973


def test_a_signed_push_is_taken():
    body = body_of(comment(7327000000000000001), comment(2, "@小红 好用吗[赞]"))
    statuses, feed = pushed((body, {}))
    first, second = messages(feed)
    assert statuses == [200] and feed.state is State.LIVE
    assert (first.id, first.text) == ("live_comment:7327000000000000001", "多少钱")
    assert second.text == "@小红 好用吗[赞]" and second.extra["mentions"] == ["小红"]


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"x-signature": "AAAAAAAAAAAAAAAAAAAAAA=="}, "signature"),
        ({"x-signature": "不是"}, "signature"),
        ({"x-signature": ""}, "signature"),
        ({"x-nonce-str": "other"}, "signature"),
        ({"x-roomid": "1"}, "signature"),
    ],
)
def test_a_wrong_signature_is_refused(headers, reason):
    body = body_of(comment(1))
    encoded = {k: v.encode().decode("latin-1") for k, v in (signed(body) | headers).items()}
    statuses, feed = pushed((body, {"headers": encoded}))
    assert statuses == [401] and drained(feed) == [] and feed.rejected == {reason: 1}


def test_the_signature_is_over_the_raw_bytes():
    body = body_of(comment(1))
    same_values = json.dumps(json.loads(body)).encode()
    statuses, _ = pushed((same_values, {"headers": signed(body)}))
    assert statuses == [401]


def test_an_unsigned_request_is_refused():
    body = body_of(comment(1))
    statuses, feed = pushed((body, {"headers": {"x-signature": "x"}}))
    assert statuses == [401] and feed.rejected == {"unsigned": 1}


@pytest.mark.parametrize(
    "stamp", [400, -400, "", "x", "1" * 30, "１２３".encode().decode("latin-1")]
)
def test_a_stale_or_odd_time_is_refused(stamp):
    stamp = now_ms(stamp) if isinstance(stamp, int) else stamp  # now, not when tests are collected
    body = body_of(comment(1))
    headers = signed(body, stamp=stamp or " ") if stamp.isascii() else signed(body)
    if not stamp.isascii():
        headers["x-timestamp"] = stamp
    statuses, feed = pushed((body, {"headers": headers}))
    assert statuses == [401] and drained(feed) == []


def test_another_room_is_left_out_where_one_is_named_and_not_refused():
    """A refusal would make the platform stop the pushes of that room."""
    statuses, feed = pushed((body_of(comment(1)), {"room": "5"}), room_id=ROOM)
    assert statuses == [200] and drained(feed) == [] and feed.ignored == {"other_room": 1}
    assert feed.state is not State.LIVE and feed.rejected == {}


def test_a_replayed_request_is_answered_and_says_nothing_twice():
    from .test_chat_feeds import parts

    async def main():
        pair = source()
        feeds, log, _ = parts(pair[1])
        body = body_of(comment(1))
        headers = signed(body)
        async with door(pair) as (address, client), running(feeds.run()):
            statuses = [await push(client, address, body, headers=headers) for _ in range(3)]
            await asyncio.sleep(0.05)
        return statuses, pair[1], [m.id for m, _ in log.rows]

    statuses, feed, rows = asyncio.run(main())
    assert statuses == [200] * 3 and rows == ["douyin:live_comment:1"]
    assert (feed.accepted, feed.duplicates) == (1, 2)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'[{"msg_id": "1", "conte', "not_json"),
        (b"\xff\xfe\xfd", "not_utf8"),
        (b'{"msg_id": "1"}', "not_list"),
        (b"[1, 2]", "item"),
        (b"[" * 100_000, "not_json"),
        (b'[{"msg_id": "1", "content": "x", "timestamp": 1.5}]', "timestamp"),
    ],
)
def test_what_is_signed_but_broken_is_counted_and_answered_with_200(body, reason):
    """Ten answers that are not 2xx make the platform stop all pushes."""
    statuses, feed = pushed((body, {}))
    assert statuses == [200] and set(feed.rejected) == {reason} and drained(feed) == []


def test_one_broken_item_costs_no_other():
    _, feed = pushed((b"[null, " + body_of(comment(1))[1:], {}))
    assert feed.rejected == {"item": 1} and len(drained(feed)) == 1


def test_a_gift_without_its_number_is_rejected():
    with pytest.raises(Rejected):
        read("live_gift", {"msg_id": "1"})


def test_unknown_pushes_are_ignored():
    statuses, feed = pushed((b"[{}]", {"kind": "live_new"}))
    assert statuses == [200] and feed.ignored == {"live_new": 1}


def test_other_methods_names_and_long_bodies():
    async def main():
        pair = source()
        async with door(pair) as (address, client):
            statuses = [(await client.get(f"{address}douyin")).status]
            statuses.append((await client.post(f"{address}nobody", data=b"")).status)
            body = b"[" + b" " * 2_000_000 + b"]"
            statuses.append(await push(client, address, body))
        return statuses, pair[1].rejected

    statuses, rejected = asyncio.run(main())
    assert statuses == [405, 404, 413] and rejected == {"too_large": 1}


def test_a_body_that_does_not_come_is_given_up(monkeypatch):
    from livehost.brain.chat import door as door_module

    monkeypatch.setattr(door_module, "READ_SECONDS", 0.1)

    async def main():
        pair = source()
        async with door(pair) as (address, client):
            host, _, port = address.removeprefix("http://").partition("/")[0].partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /chat/douyin HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[")
            answer = await reader.readline()
            writer.close()
            body = body_of(comment(1))
            return answer, await push(client, address, body), pair[1].rejected

    answer, status, rejected = asyncio.run(main())
    assert b" 408 " in answer and status == 200 and rejected == {"too_slow": 1}


def test_a_flood_is_bounded_and_still_answered_with_200():
    body = body_of(*(comment(n) for n in range(5000)))
    statuses, feed = pushed((body, {}), (body, {}))
    assert statuses == [200, 200] and feed.received == 10_000
    assert len(drained(feed)) == 2000 and feed.rejected == {"full": 8000}


def test_wrong_signatures_in_a_row_warn_before_the_platform_gives_up(caplog):
    body = body_of(comment(1))
    bad = (body, {"secret": "old"})
    statuses, feed = pushed(bad, bad, bad, bad, (body, {}), bad, bad, bad, bad, bad, bad)
    warned = [r for r in caplog.records if "may stop pushing" in r.message]
    assert statuses.count(401) == 10 and len(warned) == 1
    assert warned[0].variable == "PUSH" and "5 requests in a row" in feed.reason


def test_the_trouble_with_signatures_is_over_with_the_first_right_one():
    body = body_of(comment(1))
    wrong = (body, {"secret": "old"})
    _, feed = pushed((body, {}), *[wrong] * 5, (body, {}))
    assert feed.state is State.LIVE and feed.reason == ""


# --- duties: start, watch, acknowledge ------------------------------------------------------------


class Platform:
    """Douyin's API as documented; can be told to fail."""

    def __init__(self):
        self.running, self.calls, self.acks = set(), [], []
        self.broken = self.tokens = 0

    def routes(self):
        return [
            ("POST", "/token", self.token),
            ("GET", "/api/live_data/task/get", self.get),
            ("POST", "/api/live_data/task/start", self.start),
            ("POST", "/api/live_data/ack", self.ack),
        ]

    async def token(self, request):
        values = await request.json()
        if values != {"appid": "tt1", "secret": APP_SECRET, "grant_type": "client_credential"}:
            return web.json_response({"err_no": 40015, "err_tips": values["secret"]})
        self.tokens += 1
        return web.json_response(
            {"err_no": 0, "data": {"access_token": f"token-{self.tokens}", "expires_in": 7200}}
        )

    def refused(self, request):
        self.calls.append(request.path.rpartition("/")[2])
        if self.broken:
            self.broken -= 1
            return web.json_response({"err_no": 1, "err_msg": "busy"})
        if request.headers.get("access-token") != f"token-{self.tokens}":
            return web.json_response({"err_no": 40004, "err_msg": "bad token"})
        return None

    async def get(self, request):
        about = request.query
        found = 3 if (about["roomid"], about["msg_type"]) in self.running else 2
        return self.refused(request) or web.json_response({"err_no": 0, "data": {"status": found}})

    async def start(self, request):
        values = await request.json()
        assert values["appid"] == "tt1"
        if refused := self.refused(request):
            return refused
        self.running.add((values["roomid"], values["msg_type"]))
        return web.json_response({"err_no": 0, "data": {"task_id": "1"}})

    async def ack(self, request):
        if refused := self.refused(request):
            return refused
        values = await request.json()
        assert values["app_id"] == "tt1" and values["room_id"] == ROOM
        self.acks += [(values["ack_type"], *item.values()) for item in json.loads(values["data"])]
        return web.json_response({"err_no": 0})


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(douyin_api, "WATCH_SECONDS", 0.1)
    monkeypatch.setattr(douyin_api, "BATCH_SECONDS", 0.02)
    monkeypatch.setattr(douyin_api, "backoff", lambda *_, **__: iter([0.02] * 1000))


def on_duty(test, **more):
    async def main():
        platform = Platform()
        async with server(platform.routes()) as there:
            pair = source(app_id="tt1", app_secret_env="APP", api_url=f"http://{there}",
                          token_url=f"http://{there}/token", **more)  # fmt: skip
            async with door(pair) as (address, client):
                return await test(platform, pair, address, client)

    return asyncio.run(main())


KINDS = {"live_comment", "live_gift", "live_like", "live_fansclub"}


def test_pushes_are_started_and_started_again_after_the_platform_stopped_them(quick, caplog):
    async def test(platform, pair, *_):
        _, feed = pair
        await until(lambda: feed.state is State.LIVE)
        started = set(platform.running)
        platform.running.discard((ROOM, "live_gift"))  # the platform's breaker
        await until(lambda: (ROOM, "live_gift") in platform.running)
        await until(lambda: feed.notes["pushes"]["live_gift"] == "running")
        return started, feed, platform.tokens

    started, feed, tokens = on_duty(test, room_id=ROOM)
    assert started == {(ROOM, kind) for kind in KINDS} and feed.reconnects == 1
    assert tokens == 1, "a token is kept while it is good"
    assert [r.push for r in caplog.records if r.message == "push had stopped"] == ["live_gift"]


def test_the_room_of_the_pushes_is_taken_where_none_is_named(quick):
    async def test(platform, pair, address, client):
        await asyncio.sleep(0.15)
        before = list(platform.calls)
        await push(client, address, body_of(comment(1)))
        await until(lambda: len(platform.running) == 4)
        return before

    assert on_duty(test) == []


def test_received_and_shown_are_acknowledged_in_batches(quick):
    from .test_chat_feeds import parts

    async def test(platform, pair, address, client):
        feeds, _, _ = parts(pair[1])
        async with running(feeds.run()):
            await push(client, address, body_of(*(comment(n) for n in range(120))))
            await push(client, address, body_of(comment(0)))
            await until(lambda: len(platform.acks) == 120)
            feeds.settled("douyin:live_comment:5", "answered")
            feeds.settled("douyin:live_comment:6", "stale")
            feeds.settled("douyin:live_comment:7", "digest")
            await until(lambda: len(platform.acks) == 122)
        return platform, pair[1].snapshot()

    platform, status = on_duty(test, room_id=ROOM)
    received = [ack for ack in platform.acks if ack[0] == 1]
    assert [ack[1] for ack in received] == [str(n) for n in range(120)], "each once"
    assert {ack[2] for ack in received} == {"live_comment"}
    assert abs(received[0][3] / 1000 - time.time()) < 60
    assert [ack[1] for ack in platform.acks if ack[0] == 2] == ["5", "7"], "what viewers saw"
    assert platform.calls.count("ack") <= 8
    assert status["acknowledged"]["received"] == 120 and status["acknowledged"]["shown"] == 2


def test_acknowledgements_wait_for_a_platform_that_fails_and_none_is_lost(quick):
    async def test(platform, pair, address, client):
        found, feed = pair
        await until(lambda: feed.state is State.LIVE)
        platform.broken = 5
        for n in range(3):
            found._duties.acknowledge(1, "live_comment", str(n))
        await until(lambda: len(platform.acks) == 3)
        return platform, feed

    platform, _ = on_duty(test, room_id=ROOM)
    assert [ack[1] for ack in platform.acks] == ["0", "1", "2"]
    assert platform.tokens >= 2, "after an error a new token is asked for"


def test_acknowledgements_that_the_platform_never_takes_do_not_hold_up_the_next(quick):
    async def test(platform, pair, address, client):
        found, feed = pair
        await until(lambda: feed.state is State.LIVE)
        found._duties.acknowledge(1, "live_comment", "never")
        await until(lambda: feed.notes["acknowledged"]["failed_calls"] > 2)
        found._duties.acknowledge(2, "live_comment", "shown")
        await until(lambda: platform.acks)
        return feed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Platform, "ack", refusing(Platform.ack, "never"))
        patch.setattr(douyin_api, "MOST_REFUSED", 6)
        feed = on_duty(test, room_id=ROOM)
    assert feed.notes["acknowledged"]["left_out"] == 1
    assert feed.notes["acknowledged"]["shown"] == 1


def refusing(ack, msg_id):
    """Return an answer to acknowledgements that takes none of one message."""

    async def answer(self, request):
        values = await request.json()
        if any(item["msg_id"] == msg_id for item in json.loads(values["data"])):
            return web.json_response({"err_no": 10})
        return await ack(self, request)

    return answer


def test_a_trouble_with_the_platform_is_told_while_it_lasts(quick):
    async def test(platform, pair, address, client):
        feed = pair[1]
        await until(lambda: feed.state is State.LIVE)
        platform.broken = 10**9
        await until(lambda: feed.reason)
        platform.broken = 0
        await until(lambda: not feed.reason)
        return feed.state

    assert on_duty(test, room_id=ROOM) is State.LIVE


def test_waiting_acknowledgements_are_bounded(monkeypatch):
    monkeypatch.setattr(douyin_api, "MOST_ACKS", 10)

    async def main():
        found, feed = source(app_id="tt1", app_secret_env="APP", room_id=ROOM)
        for n in range(25):
            found._duties.acknowledge(1, "live_comment", str(n))
        return feed.notes["acknowledged"], found._duties._batch()

    numbers, batch = asyncio.run(main())
    assert numbers["left_out"] == 15 and [ack.msg_id for ack in batch] == [
        str(n) for n in range(15, 25)
    ]


def test_a_platform_that_cannot_be_reached_costs_no_push(quick):
    async def main():
        pair = source(app_id="tt1", app_secret_env="APP", room_id=ROOM,
                      api_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/t")  # fmt: skip
        async with door(pair) as (address, client):
            await until(lambda: pair[1].state is State.WAITING)
            why = pair[1].reason
            return why, await push(client, address, body_of(comment(1))), pair[1]

    why, status, feed = asyncio.run(main())
    assert why == "douyin: token cannot be reached (connection refused)"
    assert status == 200 and len(drained(feed)) == 1


def test_no_secret_appears_anywhere(quick, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("APP", "another-app-secret")  # the platform quotes it back

    async def test(platform, pair, address, client):
        await until(lambda: pair[1].state is State.WAITING)
        await push(client, address, body_of(comment(1)), secret="wrong-push-secret")
        return json.dumps(pair[1].snapshot()), "".join(name for name, _ in pair[1].metrics())

    shown = "".join(on_duty(test, room_id=ROOM))
    shown += "".join(str(vars(record)) for record in caplog.records)
    assert "40015" in shown
    for hidden in ("another-app-secret", SECRET + '"', "token-"):
        assert hidden not in shown
