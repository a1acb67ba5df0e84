"""Kuaishou's pushes over real HTTP on loopback, and with faults."""

import asyncio
import hashlib
import json
import time

import pytest

from livehost.brain.chat.feed import State
from livehost.brain.chat.kuaishou import KuaishouSource, read, signature
from livehost.brain.chat.message import Rejected, parse

from .chat_parts import door, drained, fixture, made, messages

pytestmark = pytest.mark.real

SECRET = "sec"
RECORDED = fixture("kuaishou_webhook")[1:]


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("KS", SECRET)


def source():
    return made(KuaishouSource, "kuaishou", secret_env="KS")


def push(payload, ident="u-1", stamp=None, **more):
    now = int(time.time() * 1000)
    values = {
        "data": {"unique_message_id": ident, "push_type": "x", "room_code": "R",
                 "live_timestamp": str(now), "payload": payload, **more},
        "event": "X", "message_id": "m", "app_id": "ks1", "timestamp": stamp or now,
    }  # fmt: skip
    return json.dumps(values, ensure_ascii=False).encode()


def viewer(**more):
    return {"userInfo": {"userId": "o1", "userName": "小红", "headUrl": ""}, **more}


def pushed(*bodies, secret=SECRET, **headers):
    async def main():
        pair = source()
        answers = []
        async with door(pair) as (address, client):
            for body in bodies:
                sign = hashlib.md5(body + secret.encode()).hexdigest()
                head = {"kwaisign": sign} | headers
                async with client.post(f"{address}kuaishou", data=body, headers=head) as answer:
                    answers.append((answer.status, await answer.text()))
        return answers, pair[1]

    return asyncio.run(main())


@pytest.mark.parametrize("recorded", RECORDED, ids=["comment", "gift", "like"])
def test_recorded_pushes(recorded):
    body = recorded["body"].encode()
    assert signature(body, recorded["secret"]) == recorded["headers"]["kwaisign"]
    (found,) = read(json.loads(body))
    message = parse(found)
    expected = {
        "liveComment": ("comment", "还有货吗", 1, "liveComment:u-1:0"),
        "giftSend": ("gift", "小可爱", 1, "gift:g1"),
        "liveLike": ("like", "", 5, "liveLike:u-1:0"),
    }
    kind = json.loads(body)["data"]["push_type"]
    assert (message.kind.value, message.text, message.count, message.id) == expected[kind]
    assert (message.user, message.nickname) == ("o1", "小红")
    assert message.at.timestamp() == 1705989099.973


def test_the_answer_is_what_the_platform_waits_for():
    body = push([viewer(content="还有货吗"), viewer(content="@主播 多少钱"), viewer(count="3")])
    answers, feed = pushed(body)
    assert [(status, json.loads(text)) for status, text in answers] == [(200, {"result": 1})]
    found = messages(feed)
    assert [m.text for m in found] == ["还有货吗", "@主播 多少钱", ""] and found[2].count == 3
    assert len({m.id for m in found}) == 3 and feed.state is State.LIVE


@pytest.mark.parametrize("sign", ["", "0" * 32, "不是".encode().decode("latin-1")])
def test_a_wrong_signature_is_refused(sign):
    answers, feed = pushed(push([viewer(content="x")]), kwaisign=sign)
    assert answers[0][0] == 401 and drained(feed) == [] and feed.rejected == {"signature": 1}


def test_the_wrong_secret_is_refused():
    answers, feed = pushed(push([viewer(content="x")]), secret="other")
    assert answers[0][0] == 401 and feed.rejected == {"signature": 1}


def test_a_stale_push_is_refused():
    old = int((time.time() - 1000) * 1000)
    answers, feed = pushed(push([viewer(content="x")], stamp=old))
    assert answers[0][0] == 401 and drained(feed) == [] and feed.rejected == {"stale": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lambda: b'{"data": {"pay', "not_json"),
        (lambda: b"\xff", "not_utf8"),
        (lambda: b"[]", "push"),
        (lambda: b"{}", "payload"),
        (lambda: push([1]), "item"),
        (lambda: push([viewer()]), "unknown_item"),
        (lambda: push([viewer(count=1.5)]), "count"),
        (lambda: push([viewer(content="x")], stamp=10**400), "timestamp"),
        (lambda: push("x"), "payload"),
    ],
)
def test_what_is_signed_but_broken_is_counted_and_answered(body, reason):
    answers, feed = pushed(body())  # signed now, not when tests are collected
    assert answers[0][0] == 200 and feed.rejected == {reason: 1} and drained(feed) == []


def test_a_push_sent_twice_gives_the_same_ids_and_one_broken_item_costs_no_other():
    body = push([None, viewer(content="a"), viewer(giftId=11582, giftName="花", uniqueNo=2**60)])
    _, feed = pushed(body, body)
    ids = [m.id for m in messages(feed)]
    assert ids[:2] == ids[2:] == ["x:u-1:1", f"gift:{2**60}"] and feed.rejected == {"item": 2}


def test_a_flood_is_bounded():
    _, feed = pushed(*(push([viewer(content=f"{n}")] * 1000, ident=str(n)) for n in range(10)))
    assert feed.received == 10_000 and len(drained(feed)) == 2000
    assert feed.rejected == {"full": 8000}


def test_an_item_without_ids_is_still_a_message():
    (found,) = read({"data": {"payload": [{"content": "你好"}]}})
    assert not isinstance(found, Rejected) and parse(found).text == "你好" and "id" not in found


def test_only_post():
    async def main():
        async with door(source()) as (address, client):
            return (await client.get(f"{address}kuaishou")).status

    assert asyncio.run(main()) == 405
