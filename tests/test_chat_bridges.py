"""BarrageGrab, dycast and our own form over sockets: small peers on loopback, and their faults."""

import asyncio
import json
import logging
import socket
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web

from livehost.brain import signing
from livehost.brain.chat import client as client_module
from livehost.brain.chat import dycast as dycast_module
from livehost.brain.chat import visitor
from livehost.brain.chat.barragegrab import BarrageGrabSource, read
from livehost.brain.chat.door import BREATH
from livehost.brain.chat.dycast import EMOJI, DycastSource
from livehost.brain.chat.feed import State
from livehost.brain.chat.keep import keep
from livehost.brain.chat.message import parse
from livehost.brain.chat.own import InboundSource, WebSocketSource, lines

from .chat_parts import door, drained, fixture, made, messages, running, server, until

pytestmark = pytest.mark.real

KEY = "0123456789abcdef-key"
BIG = 7327000000000000001


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("KEY", KEY)


class Bus:
    """A WebSocket server that sends what it is told, and breaks as it is told."""

    def __init__(self, *frames, then=None, pongs=True):
        self.frames, self.then, self.pongs = frames, then, pongs
        self.visits, self.pings, self.headers = 0, 0, []

    async def serve(self, request):
        self.visits += 1
        self.headers.append(dict(request.headers))
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        for frame in self.frames:
            await (socket.send_bytes if isinstance(frame, bytes) else socket.send_str)(frame)
        if self.then:
            await self.then(socket, request)
        async for message in socket:
            if message.type is aiohttp.WSMsgType.PING:
                self.pings += 1
                if self.pongs:
                    await socket.pong(message.data)
        return socket


def with_bus(source, kind, bus, test, **more):
    async def main():
        async with server([("GET", "/", bus.serve)]) as there:
            found, feed = made(source, kind, url=f"ws://{there}/", **more)
            delays = iter([0.05] * 10_000)
            async with running(keep(found, feed, delays)):
                return await test(feed)

    return asyncio.run(main())


async def live(feed):
    await until(lambda: feed.state is State.LIVE)


# --- BarrageGrab ----------------------------------------------------------------------------------

GRABBED = fixture("barragegrab")


def grabbed(kind, **values):
    user = {"Id": 111, "SecUid": "MS4w", "Nickname": "小明"}
    data = {"MsgId": BIG, "User": user, "RoomId": "7327", **values}
    return json.dumps({"Type": kind, "ProcessName": "x", "Data": json.dumps(data)})


def test_recorded_frames_are_read():
    async def test(feed):
        await until(lambda: feed.ignored.total() == 3)
        return messages(feed), feed.ignored

    bus = Bus(*(json.dumps(frame, ensure_ascii=False) for frame in GRABBED))
    found, ignored = with_bus(BarrageGrabSource, "barragegrab", bus, test)
    assert [(m.id, m.kind.value, m.text, m.count) for m in found] == [
        (f"1:{BIG}", "comment", "多少钱", 1),
        (f"2:{BIG}", "like", "", 5),
        (f"3:{BIG}", "enter", "", 1),
        (f"4:{BIG}", "follow", "", 1),
        (f"5:{BIG}", "gift", "小心心", 1),
        (f"7:{BIG}", "follow", "", 1),
    ], "the increment of a gift, not the sum; ids digit by digit"
    assert ignored == {"stats": 1, "share": 1, "end": 1}
    assert {(m.user, m.nickname) for m in found} == {("MS4w", "小明")}


def test_gifts_of_a_combo_are_increments():
    counts = [(1, 1), (2, 3), (0, 3), (4, 7)]
    bus = Bus(*(grabbed(5, MsgId=BIG + n, GiftName="花", GiftCount=added, RepeatCount=total)
                for n, (added, total) in enumerate(counts)))  # fmt: skip

    async def test(feed):
        await until(lambda: feed.received == 3 and feed.ignored["combo_end"] == 1)
        return [m.count for m in messages(feed)]

    assert with_bus(BarrageGrabSource, "barragegrab", bus, test) == [1, 2, 4]


def test_every_kind_of_garbage_is_counted_and_the_connection_stays():
    bad = [
        '{"Type": 1, "Da',
        "[]",
        "null",
        '{"Type": "x"}',
        '{"Type": 1}',
        '{"Type": 1, "Data": 5}',
        '{"Type": 1, "Data": "[1"}',
        '{"Type": 1, "Data": "[1]"}',
        b"\xff\xfe",
        "[" * 50_000,
        grabbed(5, GiftName="花"),
        grabbed(2, Count=1.5),
    ]
    bus = Bus(*bad, grabbed(1, Content="还在吗😀@小红"))

    async def test(feed):
        await until(lambda: feed.received == len(bad) + 1)
        return messages(feed), feed

    (message,), feed = with_bus(BarrageGrabSource, "barragegrab", bus, test)
    assert message.text == "还在吗😀@小红" and message.extra["mentions"] == ["小红"]
    assert feed.rejected.total() == len(bad) and bus.visits == 1
    assert set(feed.rejected) == {"not_json", "frame", "type", "data", "not_utf8", "giftcount",
                                  "count"}  # fmt: skip


def test_an_id_that_went_through_a_float_is_no_id():
    values = {"MsgId": float(BIG), "User": {"Id": float(BIG), "Nickname": "小明"}, "Content": "x"}
    assert "id" not in read(1, values) and read(1, values)["user"] == ""


def test_a_flood_of_ten_thousand_is_bounded_and_read_to_its_end():
    async def flood(socket, _):
        for n in range(10_000):
            await socket.send_str(grabbed(1, MsgId=BIG + n, Content=f"{n}"))

    async def test(feed):
        await until(lambda: feed.received == 10_000)
        return len(drained(feed)), feed.rejected

    kept, rejected = with_bus(BarrageGrabSource, "barragegrab", Bus(then=flood), test)
    assert kept == 2000 and rejected == {"full": 8000}


# --- any socket that we open ----------------------------------------------------------------------


def test_a_server_that_closes_is_visited_again():
    async def close(socket, _):
        await socket.close()

    bus = Bus('{"text": "a"}', then=close)

    async def test(feed):
        await until(lambda: feed.reconnects >= 2 and feed.received >= 3)
        return feed

    feed = with_bus(WebSocketSource, "websocket", bus, test)
    assert feed.last_loss == "closed the connection (code 1000)"


def test_a_connection_that_is_cut_is_seen():
    async def cut(_, request):
        request.transport.abort()
        await asyncio.sleep(1)

    async def test(feed):
        await until(lambda: feed.reconnects >= 2)
        return feed

    bus = Bus(then=cut)
    assert "closed" in with_bus(WebSocketSource, "websocket", bus, test).last_loss
    assert bus.visits >= 2


def test_pings_are_sent_and_answered():
    bus = Bus()

    async def test(feed):
        await until(lambda: bus.pings >= 2)
        return feed.state

    assert with_bus(BarrageGrabSource, "barragegrab", bus, test, ping_seconds=1) is State.LIVE


def test_a_server_that_answers_no_ping_is_lost():
    async def test(feed):
        await live(feed)
        await until(lambda: feed.reconnects >= 1)
        return feed.last_loss

    bus = Bus(pongs=False)
    assert with_bus(BarrageGrabSource, "barragegrab", bus, test, ping_seconds=1) == (
        "did not answer a ping"
    )


def test_a_server_that_accepts_and_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(client_module, "CONNECT_SECONDS", 0.1)

    async def mute(reader, writer):
        await asyncio.sleep(60)

    async def main():
        listening = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        found, feed = made(WebSocketSource, "websocket", url=f"ws://127.0.0.1:{port}/")
        async with running(keep(found, feed, iter([0.05] * 100))):
            await until(lambda: feed.reconnects >= 2)
        listening.close()
        return feed.reason

    assert asyncio.run(main()) == "did not answer within 0.1 s"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ws://127.0.0.1:9/secret-path", "cannot be reached (connection refused)"),
        ("ws://{there}/plain", "refused the connection with status 404"),
    ],
)
def test_why_it_cannot_connect_is_told_without_the_address(url, reason):
    async def main():
        async with server([]) as there:
            found, feed = made(WebSocketSource, "websocket", url=url.format(there=there))
            async with running(keep(found, feed)):
                await until(lambda: feed.state is State.WAITING)
                return feed.reason

    assert asyncio.run(main()) == reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (aiohttp.ClientConnectorError(None, OSError(111, "x")), "connection refused"),
        (aiohttp.ClientConnectorError(None, socket.gaierror(-2, "x")), "the name is not known"),
        (aiohttp.ClientConnectorCertificateError(None, ValueError("x")), "the certificate is not"),
        (aiohttp.ClientConnectorSSLError(None, OSError(1, "x")), "TLS failed"),
        (aiohttp.ServerDisconnectedError("SECRET"), "ServerDisconnectedError"),
        (ConnectionResetError(104, "SECRET"), "connection reset by peer"),
    ],
)
def test_what_an_error_quotes_is_not_told(error, said):
    assert client_module.reason(error).startswith(said)


def test_a_frame_that_is_too_long_is_a_loss():
    async def test(feed):
        await until(lambda: feed.reconnects >= 1)
        return feed

    feed = with_bus(WebSocketSource, "websocket", Bus("x" * 2_000_000), test)
    assert feed.received == 0 and feed.last_loss == "closed the connection (code 1009)"


def test_our_own_form_with_a_token(monkeypatch):
    monkeypatch.setenv("TOKEN", "bus-token")
    bus = Bus('{"id": "1", "text": "a"}\n{"id": "2", "text": "b"}', b'{"text": "c"}', "{")

    async def test(feed):
        await until(lambda: feed.received == 4)
        return drained(feed)

    found = with_bus(WebSocketSource, "websocket", bus, test, token_env="TOKEN")
    assert [parse(raw).text for raw in found[:3]] == ["a", "b", "c"]
    assert found[3] == b"{", "left for the intake to reject"
    assert bus.headers[0]["Authorization"] == "Bearer bus-token"


def test_lines():
    assert lines("a\n\n b \r\nc") == [b"a", b"b", b"c"] == lines(b"a\nb\nc")
    assert len(lines("x\n" * 10_001)) == 1, "too many are one bad message"


# --- dycast ---------------------------------------------------------------------------------------

RELAYED = fixture("dycast_relay_frames")[0]


def dycast():
    return made(DycastSource, "dycast", key_env="KEY")


def page(*frames, url=f"dycast?key={KEY}", wait=True):
    """Be a dycast page: connect, send frames; return what was taken."""

    async def main():
        pair = dycast()
        async with door(pair) as (address, client):
            headers = {"Origin": "http://localhost:5173"}  # a page is of another origin
            async with client.ws_connect(address + url, headers=headers) as socket:
                for frame in frames:
                    await (socket.send_bytes if isinstance(frame, bytes) else socket.send_str)(
                        frame
                    )
                await asyncio.sleep(0.1)
                state = pair[1].state
            await asyncio.sleep(0.05)
            return messages(pair[1]), pair[1], state

    return asyncio.run(main())


def gift(n, count, end=0, kind=1, user="MS4w"):
    return {"id": str(n), "method": "WebcastGiftMessage", "user": {"id": user, "name": "小明"},
            "gift": {"id": "463", "name": "小心心", "price": 1, "type": kind, "count": str(count),
                     "repeatEnd": end}}  # fmt: skip


def test_a_relayed_frame_is_read():
    info = {"roomNum": "1", "roomId": "7327", "title": "x"}
    found, feed, state = page(json.dumps(info), json.dumps(RELAYED, ensure_ascii=False))
    assert [(m.id, m.kind.value, m.text, m.count) for m in found] == [
        ("1", "comment", "多少钱", 1),
        ("2", "gift", "小心心", 3),
        ("3", "like", "", 5),
        ("4", "enter", "", 1),
        ("5", "follow", "", 1),
    ]
    assert feed.ignored == {"room": 1, "RoomUserSeqMessage": 1, "ControlMessage": 1}
    assert state is State.LIVE and feed.state is State.LISTENING, "live while a page is there"


def test_gift_sums_become_increments():
    frame = [gift(1, 1), gift(2, 3), gift(2, 3), gift(3, 3, end=1), gift(4, 1),
             gift(5, 2, user="b"), gift(6, 9, kind=2), gift(7, 9, kind=2)]  # fmt: skip
    found, feed, _ = page(json.dumps(frame))
    assert [m.count for m in found] == [1, 2, 1, 2, 9, 9]
    assert feed.ignored["repeated_gift"] == 2


def test_an_emoji_is_a_word_not_the_address_of_a_picture():
    frame = [{"id": "1", "method": "WebcastEmojiChatMessage", "content": "https://p3/x.png",
              "user": {"id": "a", "name": "小明"}}]  # fmt: skip
    (message,), _, _ = page(json.dumps(frame))
    assert message.text == EMOJI


def test_broken_frames_cost_only_themselves():
    good = {"id": BIG, "method": "WebcastChatMessage", "content": "多少钱", "user": None}
    found, feed, _ = page('[{"id": "1', b"\xff", "5", json.dumps([None, {}, gift(1, "x"), good]))
    assert [m.id for m in found] == [str(BIG)]
    assert feed.rejected == {"not_json": 1, "not_utf8": 1, "not_list": 1, "message": 1, "count": 1}


def test_a_frame_of_thousands_is_one_bad_frame(monkeypatch):
    monkeypatch.setattr(dycast_module, "MOST_ITEMS", 3)
    found, feed, _ = page("[1,1,1,1]", json.dumps([None] * 3))
    assert not found and feed.rejected == {"too_many": 1, "message": 3}


@pytest.mark.parametrize("url", ["dycast", "dycast?key=", "dycast?key=wrong", "dycast?key=不"])
def test_without_the_key_nobody_comes_in(url):
    async def main():
        pair = dycast()
        async with door(pair) as (address, client):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(address + url)
        return refused.value.status, pair[1]

    status, feed = asyncio.run(main())
    assert status == 401 and feed.rejected == {"key": 1} and feed.received == 0


def test_sockets_are_few_and_one_that_goes_silent_is_let_go(monkeypatch):
    monkeypatch.setattr(visitor, "MOST_VISITORS", 2)

    async def main():
        found, feed = dycast()
        found._visitors = visitor.Visitors(ping_seconds=0.2)
        async with door((found, feed)) as (address, client):
            url = f"{address}dycast?key={KEY}"
            mute = [await client.ws_connect(url, autoping=False) for _ in range(2)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(url)
            await until(lambda: feed.state is State.LISTENING)  # no pong came
            for socket in mute:
                await socket.close()
        return refused.value.status, feed.rejected

    assert asyncio.run(main()) == (503, {"too_many_sockets": 1})


# --- programs that come to us ---------------------------------------------------------------------


def inbound():
    return made(InboundSource, "inbound", key_env="KEY")


def test_a_program_posts_lines():
    async def main():
        pair = inbound()
        async with door(pair) as (address, client):
            head = {"Authorization": f"Bearer {KEY}"}
            url = f"{address}inbound"
            body = '{"text": "a"}\n{"text": "b"}\n{'
            first = await client.post(url, data=body, headers=head)
            empty = await client.post(url, data="\n", headers=head)
            wrong = await client.post(url, data=body, headers={"Authorization": "Bearer x"})
            both = first.status, await first.json(), empty.status, wrong.status
            full = await client.post(url, data='{"text": "x"}\n' * 5000, headers=head)
            return both, full.status, await full.json(), pair[1]

    both, status, answer, feed = asyncio.run(main())
    assert both == (200, {"ok": True, "queued": 3}, 400, 401)
    assert status == 429 and answer == {"ok": False, "queued": 1997}
    assert feed.rejected == {"key": 1, "full": 3003}


def test_a_program_that_signs_needs_no_key_and_is_taken_once(monkeypatch):
    monkeypatch.setenv("SECRET", "a-secret-of-some-length")

    async def main():
        pair = made(InboundSource, "inbound", key_env="KEY", secret_env="SECRET")
        body = b'{"kind": "order", "id": "o1", "product": "tea"}'
        now = int(datetime.now(UTC).timestamp())

        def signed(message_id, at=now, over=body):
            return signing.headers("a-secret-of-some-length", message_id, at, over)

        async with door(pair) as (address, client):
            tries = (
                signed("e1"),
                signed("e1"),
                signed("e2"),
                signed("e3", at=now - 1000),
                signed("e4", over=b"{}"),
                {"Authorization": f"Bearer {KEY}"},
            )
            answers = []
            for headers in tries:
                answer = await client.post(f"{address}inbound", data=body, headers=headers)
                answers.append((answer.status, (await answer.text())[-11:]))
            return answers, pair[1]

    answers, feed = asyncio.run(main())
    assert [status for status, _ in answers] == [200, 200, 200, 401, 401, 401]
    assert [text for _, text in answers[:3]] == [
        '"queued": 1}'[-11:],
        '"queued": 0}'[-11:],
        '"queued": 1}'[-11:],
    ]
    assert feed.rejected == {"replay": 1, "timestamp": 2, "signature": 1}


def test_a_signed_body_that_comes_twice_at_once_is_taken_once(monkeypatch):
    monkeypatch.setenv("SECRET", "a-secret-of-some-length")
    body = b'{"text": "x"}\n' * (BREATH + 1)  # long enough that others have a turn in between
    now = int(datetime.now(UTC).timestamp())
    headers = signing.headers("a-secret-of-some-length", "e1", now, body)

    async def main():
        pair = made(InboundSource, "inbound", key_env="KEY", secret_env="SECRET")
        async with door(pair) as (address, client):
            posts = (client.post(f"{address}inbound", data=body, headers=headers) for _ in "12")
            statuses = [answer.status for answer in await asyncio.gather(*posts)]
        return statuses, pair[1]

    statuses, feed = asyncio.run(main())
    assert statuses == [200, 200] and len(drained(feed)) == BREATH + 1
    assert feed.rejected == {"replay": 1}


def test_a_program_opens_a_socket():
    async def main():
        pair = inbound()
        async with door(pair) as (address, client):
            async with client.ws_connect(f"{address}inbound?key={KEY}") as socket:
                await socket.send_str('{"text": "a"}\n{"text": "b"}')
                await until(lambda: pair[1].received == 2)
            plain = await client.get(f"{address}inbound?key={KEY}")
            return [m.text for m in messages(pair[1])], plain.status

    assert asyncio.run(main()) == (["a", "b"], 400)


def test_too_many_requests_of_one_source_are_turned_away(monkeypatch):
    from livehost.brain.chat import door as door_module

    monkeypatch.setattr(door_module, "MOST_UNDER_WAY", 1)

    async def main():
        one, other = inbound(), dycast()
        async with door(one, other) as (address, client):
            url = f"{address}inbound?key={KEY}"
            async with client.ws_connect(url):
                busy = (await client.post(url, data="{}")).status
                async with client.ws_connect(f"{address}dycast?key={KEY}"):
                    return busy, one[1].rejected, other[1].state

    assert asyncio.run(main()) == (503, {"busy": 1}, State.LIVE)


def test_no_key_appears_anywhere(caplog, monkeypatch):
    monkeypatch.setenv("TOKEN", "bus-token")
    caplog.set_level(logging.DEBUG)
    page('[{"id": "1', url=f"dycast?key={KEY}")
    with_bus(WebSocketSource, "websocket", Bus("{"), live, token_env="TOKEN")
    found, _ = made(WebSocketSource, "websocket", url="ws://x/", token_env="TOKEN")
    shown = "".join(str(vars(r)) for r in caplog.records)
    assert KEY not in shown and "bus-token" not in shown + repr(found._connection)
