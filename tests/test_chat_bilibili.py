"""Bilibili open-live against a small platform that follows its protocol, on virtual time.

The peers are in this process, so that heartbeats of 20 and 30 seconds cost no time.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import struct
import zlib
from contextlib import suppress
from itertools import pairwise

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.chat import bilibili
from livehost.brain.chat.bilibili import BilibiliSource, read
from livehost.brain.chat.bilibili_api import signed
from livehost.brain.chat.bilibili_wire import MOST_UNPACKED, Operation, packet, packets
from livehost.brain.chat.feed import State
from livehost.brain.chat.keep import keep
from livehost.brain.chat.message import Rejected, parse

from .chat_parts import drained, made, messages, running, server
from .virtual import run

pytestmark = pytest.mark.real

KEY, SECRET, CODE, AUTH = "access-key-id", "access-key-secret", "identity-code", '{"key":"auth-s"}'
APP = 1_234_567_890_123


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    for name, value in (("B_KEY", KEY), ("B_SECRET", SECRET), ("B_CODE", CODE)):
        monkeypatch.setenv(name, value)


async def until(condition, most=2000.0):
    async with asyncio.timeout(most):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# --- the platform, written from its documentation -------------------------------------------------


def pack(operation, body=b"", version=0):
    return struct.pack(">IHHII", 16 + len(body), 16, version, operation, 0) + body


def command(name, **values):
    return json.dumps({"cmd": f"LIVE_OPEN_PLATFORM_{name}", "data": values}).encode()


def dm(n, msg="多少钱", **more):
    values = {"room_id": 1, "open_id": f"o{n}", "uid": 0, "uname": "小明", "msg": msg,
              "msg_id": f"id-{n}", "timestamp": 1_705_989_099, "dm_type": 0, **more}  # fmt: skip
    return pack(5, command("DM", **values))


class Platform:
    """API and socket; each fault is one attribute."""

    def __init__(self, *frames):
        self.frames = list(frames)
        self.calls, self.nonces, self.beats, self.sockets = [], set(), [], []
        self.address = ""
        self.game = 0
        self.start_code = self.heartbeat_code = self.auth_code = 0
        self.silent = self.mute_auth = False
        self.refuse_sockets = 0

    def routes(self):
        return [("POST", "/v2/app/{name}", self.api), ("GET", "/{n:sub.*}", self.socket)]

    def check_signature(self, request, body):
        """Check as documented: sorted x-bili- headers, one `name:value` a line, HMAC-SHA256."""
        wanted = sorted(k.lower() for k in request.headers if k.lower().startswith("x-bili-"))
        lines = "\n".join(f"{k}:{request.headers[k]}" for k in wanted)
        sign = hmac.new(SECRET.encode(), lines.encode(), hashlib.sha256).hexdigest()
        assert len(wanted) == 6 and request.headers["Authorization"] == sign
        assert request.headers["x-bili-content-md5"] == hashlib.md5(body).hexdigest()
        assert request.headers["x-bili-accesskeyid"] == KEY
        assert request.headers["x-bili-signature-nonce"] not in self.nonces
        self.nonces.add(request.headers["x-bili-signature-nonce"])

    async def api(self, request):
        body = await request.read()
        self.check_signature(request, body)
        name, values = request.match_info["name"], json.loads(body)
        self.calls.append((name, values, asyncio.get_running_loop().time()))
        codes = {"start": self.start_code, "heartbeat": self.heartbeat_code}
        if codes.get(name):
            return web.json_response({"code": codes[name], "message": values})
        data = self.started(values) if name == "start" else {}
        return web.json_response({"code": 0, "message": "0", "data": data})

    def started(self, values):
        assert values == {"code": CODE, "app_id": APP}
        self.game += 1
        return {
            "game_info": {"game_id": f"game-{self.game}"},
            "websocket_info": {
                "auth_body": AUTH,
                "wss_link": [f"ws://{self.address}/sub{n}" for n in range(2)],
            },
            "anchor_info": {"room_id": 1, "open_id": "host"},
        }

    async def socket(self, request):
        self.sockets.append(request.path)
        if self.refuse_sockets:
            self.refuse_sockets -= 1
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            length, header, _, operation, _ = struct.unpack(">IHHII", message.data[:16])
            assert length == len(message.data) and header == 16
            if operation == 7:
                assert message.data[16:].decode() == AUTH
                if not self.mute_auth:
                    await socket.send_bytes(pack(8, json.dumps({"code": self.auth_code}).encode()))
                for frame in self.frames:
                    await socket.send_bytes(frame)
            elif operation == 2:
                self.beats.append(asyncio.get_running_loop().time())
                if not self.silent:
                    await socket.send_bytes(pack(3, b"\0\0\0\1"))
        return socket


def with_platform(test, *frames, **faults):
    async def main():
        platform = Platform(*frames)
        for name, value in faults.items():
            setattr(platform, name, value)
        async with server(platform.routes()) as there:
            platform.address = there
            names = {"key_env": "B_KEY", "secret_env": "B_SECRET", "code_env": "B_CODE"}
            where = {"app_id": APP, "api_url": f"http://{there}"}
            source, feed = made(BilibiliSource, "bilibili", **names, **where)
            async with running(keep(source, feed)):
                result = await test(platform, feed)
            return result, platform, feed

    return run(main())


async def live(_, feed):
    await until(lambda: feed.state is State.LIVE)


def called(platform, name):
    return [at for called, _, at in platform.calls if called == name]


# --- the way of a session -------------------------------------------------------------------------


def test_start_socket_messages_and_end():
    packed = pack(5, zlib.compress(dm(2) + dm(3, "@小红 好用吗")), version=2)

    async def test(platform, feed):
        await until(lambda: feed.received == 4)
        return messages(feed)

    found, platform, _ = with_platform(test, dm(1) + dm(4), packed)
    assert [m.id for m in found] == ["dm:id-1", "dm:id-4", "dm:id-2", "dm:id-3"]
    assert found[3].extra["mentions"] == ["小红"] and found[0].at.timestamp() == 1_705_989_099
    names = [(name, values) for name, values, _ in platform.calls]
    assert names == [
        ("start", {"code": CODE, "app_id": APP}),
        ("end", {"app_id": APP, "game_id": "game-1"}),
    ], "ended when we leave"


def test_heartbeats_of_session_and_socket():
    async def test(platform, feed):
        await live(platform, feed)
        await asyncio.sleep(125)
        return feed.state

    state, platform, feed = with_platform(test)
    beats = called(platform, "heartbeat")
    pauses = {round(b - a) for a, b in pairwise(beats)}
    assert len(beats) == 6 and pauses == {20}
    assert len(platform.beats) == 5, "at once, then every 30 s"
    assert state is State.LIVE and feed.reconnects == 0


def test_a_socket_that_answers_no_heartbeat_is_lost():
    async def test(platform, feed):
        await until(lambda: feed.reconnects >= 1)

    _, platform, feed = with_platform(test, silent=True)
    assert feed.last_loss == "bilibili: the socket does not answer heartbeats"
    assert platform.beats[:2] == [0.0, 30.0] and called(platform, "end")[0] == pytest.approx(
        60, abs=1
    )


def test_a_session_whose_heartbeats_fail_is_started_anew():
    async def test(platform, feed):
        await live(platform, feed)
        platform.heartbeat_code = 7003
        await until(lambda: feed.reconnects == 1)
        platform.heartbeat_code = 0
        await live(platform, feed)

    _, platform, feed = with_platform(test)
    assert feed.last_loss == "bilibili: /v2/app/heartbeat answered code 7003"
    assert len(called(platform, "start")) == 2 and platform.sockets == ["/sub0", "/sub1"]


def test_one_heartbeat_may_fail():
    async def test(platform, feed):
        await live(platform, feed)
        for _ in range(5):
            platform.heartbeat_code = 5000
            await asyncio.sleep(20)
            platform.heartbeat_code = 0
            await asyncio.sleep(20)

    _, _, feed = with_platform(test)
    assert feed.reconnects == 0


def test_the_platform_ends_the_session():
    end = pack(5, command("INTERACTION_END", game_id="game-1"))
    other = pack(5, command("INTERACTION_END", game_id="game-7"))

    async def test(platform, feed):
        await until(lambda: len(platform.calls) >= 3 and feed.state is State.LIVE)

    _, platform, feed = with_platform(test, other, end)
    assert feed.last_loss == "bilibili: the platform ended the session"
    assert [name for name, _, _ in platform.calls][:3] == ["start", "end", "start"]


def test_a_refused_start_is_tried_again_with_growing_pauses():
    async def test(platform, feed):
        await asyncio.sleep(120)
        why = feed.reason
        platform.start_code = 0
        await live(platform, feed)
        return why

    why, platform, _ = with_platform(test, start_code=7001)
    assert why == "bilibili: /v2/app/start answered code 7001"
    starts = called(platform, "start")
    assert 5 <= len(starts) <= 12 and platform.sockets == ["/sub0"]


def test_a_refused_authentication_ends_the_session():
    async def test(platform, feed):
        await until(lambda: feed.reconnects == 1)

    _, platform, feed = with_platform(test, auth_code=-101)
    assert feed.last_loss == "bilibili: the socket refused the authentication (code -101)"
    assert called(platform, "end")


def test_an_authentication_without_an_answer_is_given_up():
    async def test(platform, feed):
        await until(lambda: feed.reconnects == 1)

    _, _, feed = with_platform(test, mute_auth=True)
    assert feed.last_loss == "bilibili: the socket did not answer the authentication"


def test_a_refused_socket_ends_the_session_and_the_next_link_is_taken():
    _, platform, feed = with_platform(live, refuse_sockets=1)
    assert platform.sockets == ["/sub0", "/sub1"] and feed.reconnects == 1
    assert [name for name, _, _ in platform.calls][:3] == ["start", "end", "start"]


def test_broken_packets_are_counted_and_the_connection_stays():
    bad = [
        b"\0\0",
        pack(5, b"{}")[:-1],
        struct.pack(">IHHII", 0, 0, 0, 5, 0),
        pack(5, b"not zlib", version=2),
        pack(5, zlib.compress(b"x" * (MOST_UNPACKED + 1)), version=2),
        pack(5, zlib.compress(dm(1))[:-8], version=2),
        pack(5, zlib.compress(pack(5, b"", version=2)), version=2),
        pack(5, b"", version=3),
        pack(5, b'{"cmd": "LIVE_OPEN'),
        pack(5, b"\xff\xfe"),
        pack(5, b"[]"),
        pack(5, command("SEND_GIFT", gift_num=1.5)),
    ]

    async def test(platform, feed):
        await until(lambda: feed.received == len(bad) + 1)
        return messages(feed)

    found, _, feed = with_platform(test, *bad, dm(1))
    assert len(found) == 1 and feed.reconnects == 0
    assert feed.rejected == {"frame": 7, "brotli": 1, "not_json": 1, "not_utf8": 1, "command": 1,
                             "gift_num": 1}  # fmt: skip


def test_a_flood_of_ten_thousand_is_bounded():
    frame = pack(5, zlib.compress(b"".join(dm(n) for n in range(1000))), version=2)

    async def test(platform, feed):
        await until(lambda: feed.received == 10_000)
        return len(drained(feed))

    kept, _, feed = with_platform(test, *[frame] * 10)
    assert kept == 2000 and feed.rejected == {"full": 8000} and feed.state is State.LIVE


def test_no_secret_appears_anywhere(caplog):
    caplog.set_level(logging.DEBUG)

    async def test(platform, feed):
        await live(platform, feed)
        platform.start_code = platform.heartbeat_code = 7003  # the message quotes what was sent
        await until(lambda: feed.reconnects >= 2)
        return json.dumps(feed.snapshot())

    shown, _, _ = with_platform(test)
    shown += "".join(str(vars(r)) for r in caplog.records)
    for hidden in (SECRET, CODE, "auth-s"):
        assert hidden not in shown
    assert "7003" in shown
    assert "auth-s" not in repr(bilibili.Session("g", AUTH, ()))


# --- messages and packets -------------------------------------------------------------------------

USER = {"open_id": "o1", "uname": "小明", "uid": 0}


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("DM", {"msg": "多少钱", "msg_id": "a"}, ("comment", "多少钱", 1, "dm:a")),
        ("SEND_GIFT", {"gift_name": "辣条", "gift_num": 3, "msg_id": "a", "combo_info":
            {"combo_count": 5, "combo_base_num": 3}}, ("gift", "辣条", 3, "send_gift:a")),
        ("SUPER_CHAT", {"message": "求讲解", "rmb": 30, "message_id": 2**60},
            ("comment", "求讲解", 1, f"super_chat:{2**60}")),
        ("LIKE", {"like_count": 4, "msg_id": "a"}, ("like", "", 4, "like:a")),
        ("LIVE_ROOM_ENTER", {"msg_id": "a"}, ("enter", "", 1, "live_room_enter:a")),
    ],
)  # fmt: skip
def test_commands_are_read(name, values, expected):
    message = parse(read(name, USER | values))
    assert (message.kind.value, message.text, message.count, message.id) == expected
    assert (message.user, message.nickname) == ("o1", "小明")


def test_what_a_message_says_beside_its_text_is_kept():
    values = USER | {"user_info": USER, "guard_level": 3, "guard_num": 2, "msg_id": "a"}
    guard = parse(read("GUARD", values))
    assert (guard.text, guard.count, guard.user) == ("舰长", 2, "o1")
    assert parse(read("SUPER_CHAT", USER | {"message": "x", "rmb": 30})).extra == {"super_chat": 30}
    answer = parse(read("DM", USER | {"msg": "是", "reply_uname": "小红", "dm_type": 1}))
    assert answer.extra == {"replies_to": "小红", "emoji": True}


def test_headers_are_signed_in_the_order_of_their_names():
    headers = signed("k", "s", b"{}", "n", 5)
    lines = (
        "x-bili-accesskeyid:k\nx-bili-content-md5:99914b932bd37a50b983c5e7c90ae93b\n"
        "x-bili-signature-method:HMAC-SHA256\nx-bili-signature-nonce:n\n"
        "x-bili-signature-version:1.0\nx-bili-timestamp:5"
    )
    assert headers["Authorization"] == hmac.new(b"s", lines.encode(), hashlib.sha256).hexdigest()


def test_a_packet_is_what_the_documentation_shows():
    assert (
        packet(Operation.AUTH, b"hi")
        == bytes.fromhex("00000012 0010 0000 00000007 00000001") + b"hi"
    )
    assert list(packets(pack(5, b"a") + pack(3, b"\0\0\0\1"))) == [(5, b"a"), (3, b"\0\0\0\1")]


@given(st.binary(max_size=200))
def test_any_bytes_are_packets_or_rejected(frame):
    with suppress(Rejected):
        assert all(isinstance(body, bytes) for _, body in packets(frame))
