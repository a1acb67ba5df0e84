"""The RTMP link: its child's reading, what it says, and how little is seen of the key."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from livehost.errors import OutputLost
from livehost.media import Packet, StreamHeader
from livehost.stage.outputs import link_child, rtmp
from livehost.stage.outputs.redaction import redact, scrub
from livehost.stage.outputs.rtmp import Stall, plain
from livehost.wire import Encoded, StreamInfo, encode
from tests.broadcast import run_real
from tests.faults import FaultServer

HEADER = StreamHeader(320, 240, "30000/1001", b"\x01avcc", b"\x11\x90")
PACKET = Packet("video", 1920, 1920, 1920, True, b"\x00\x00\x00\x01x")
URL = "rtmp://push.example.com/live/stream-8c1f?txSecret=4aa9d1"


# --- child ---------------------------------------------------------------------------------------


def test_child_reads_the_wire():
    """The child has its own reader, because the wire's imports cost more than PyAV's."""
    stream = io.BytesIO(encode(StreamInfo(HEADER)) + encode(Encoded(PACKET)))
    [(info, extradata), (values, payload)] = link_child.read_frames(stream)
    header = link_child._header(info, extradata)
    for name in ("width", "height", "fps", "sample_rate", "video_extradata", "audio_extradata"):
        assert getattr(header, name) == getattr(HEADER, name)
    assert values.pop("t") == "Encoded"
    assert Packet(data=payload, **values) == PACKET


@pytest.mark.parametrize("left", [1, 7, 9, 30])
def test_child_ends_at_a_frame_cut_short(left):
    whole = encode(Encoded(PACKET))
    assert list(link_child.read_frames(io.BytesIO(whole[:left]))) == []
    assert len(list(link_child.read_frames(io.BytesIO(whole + whole[:left])))) == 1


def test_child_imports_little():
    """numpy, asyncio and pydantic would double what a link costs in time and memory."""
    code = "import sys, livehost.stage.outputs.link_child; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"numpy", "asyncio", "pydantic"} & set(loaded.stdout.split())


def test_child_of_another_parent_leaves_at_once():
    job = json.dumps({"url": "rtmp://127.0.0.1:9/a/b", "parent": os.getpid() + 1}).encode() + b"\n"
    command = [sys.executable, "-m", "livehost.stage.outputs.link_child"]
    done = subprocess.run(command, input=job, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.real
def test_delivery_tells_what_is_acknowledged():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        with socket.create_connection(server.getsockname()) as client, server.accept()[0]:
            client.setblocking(False)
            sent = 0
            try:
                while sent < 50_000_000:
                    sent += client.send(bytes(65_536))
            except BlockingIOError:
                pass
            acked, unacked = link_child.delivery(client)
            assert acked + unacked == pytest.approx(sent, abs=2)
            assert unacked > 0
            inodes = {os.fstat(s.fileno()).st_ino for s in link_child.tcp_sockets()}
            assert os.fstat(client.fileno()).st_ino in inodes


# --- parent --------------------------------------------------------------------------------------


def test_stall_counts_only_while_bytes_wait():
    stall = Stall()
    assert stall.seconds(0.0, 0, 0) == 0
    assert stall.seconds(9.0, 0, 0) == 0, "nothing was sent: nothing can be acknowledged"
    assert stall.seconds(10.0, 0, 500) == 1.0
    assert stall.seconds(14.0, 0, 900) == 5.0
    assert stall.seconds(14.5, 100, 900) == 0
    assert stall.seconds(16.5, 100, 900) == 2.0


@pytest.mark.parametrize(
    ("error", "lines", "live", "starts"),
    [
        ("Connection refused", [], False, "connection refused"),
        ("Input/output error", ["Server error: Already publishing"], False, "refused: the s"),
        ("Operation not permitted", ["NetStream.Publish.BadName"], False, "refused: the s"),
        ("Input/output error", [], False, "refused: the server hung up; is the stream key right?"),
        ("Input/output error", [], True, "the connection broke"),
        ("Broken pipe", [], True, "the server closed the connection"),
        ("Input/output error", ["Failed to resolve hostname x: Name or service not known"], False,
         "unknown host name"),
    ],
)  # fmt: skip
def test_plain_words(error, lines, live, starts):
    assert plain(error, lines, live).startswith(starts)


@pytest.mark.real
def test_nobody_there_is_a_loss_in_plain_words():
    async def main():
        with pytest.raises(OutputLost, match="nothing listens there"):
            async with rtmp.connect(rtmp.Target("rtmp://127.0.0.1:9/live/x"), HEADER):
                pass

    run_real(main())


@pytest.mark.real
def test_a_connect_can_be_given_up_and_leaves_no_child():
    server = FaultServer(None)

    async def main():
        before = set(Path("/proc").glob("[0-9]*"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5), rtmp.connect(rtmp.Target(server.url("x")), HEADER):
                pass
        new = {p.name for p in set(Path("/proc").glob("[0-9]*")) - before}
        assert not any("link_child" in _command(pid) for pid in new)

    try:
        run_real(main())
        assert server.accepted == 1
    finally:
        server.close()


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.real
def test_a_child_that_crashes_is_a_loss(monkeypatch, caplog):
    caplog.set_level("DEBUG")
    broken = StreamHeader(320, 240, "not a rate", b"", b"")

    async def main():
        with pytest.raises(OutputLost):
            async with rtmp.connect(rtmp.Target(URL), broken):
                pass

    run_real(main())
    assert "8c1f" not in "".join(str(record.__dict__) for record in caplog.records)


def test_what_a_child_complains_is_logged_without_the_key(caplog):
    caplog.set_level("DEBUG")

    async def main():
        child = rtmp._Child(URL, asyncio.get_running_loop().time)
        child.pipe_data_received(2, f"Traceback: cannot open '{URL}'".encode())
        child.pipe_data_received(2, b" at all\nhalf a li")

    asyncio.run(main())
    [record] = [record for record in caplog.records if record.name == rtmp.__name__]
    assert record.said == "Traceback: cannot open 'rtmp://push.example.com/live/***' at all"


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtmp://host/app/key", "rtmp://host/app/***"),
        ("rtmps://host:443/app/key?x=1", "rtmps://host:443/app/***"),
        ("rtmp://user:word@host/app/key", "rtmp://host/app/***"),
        ("rtmp://host/app/instance/key", "rtmp://host/app/***"),
        ("rtmp://host/app/?key=1", "rtmp://host/***"),
        ("rtmp://host/key", "rtmp://host/***"),
        ("rtmp://host", "rtmp://host/***"),
        ("rtmp://host:bad/app/key", "***"),
        ("rtmp://[bad/app/key", "***"),
        ("/records/show.mp4", "/records/show.mp4"),
    ],
)
def test_redact(url, shown):
    assert redact(url) == shown


@pytest.mark.parametrize(
    "said",
    [
        f"Error opening {URL}: I/O error",
        "Failed to publish stream-8c1f?txSecret=4aa9d1",
        "no stream-8c1f in app",
        "query txSecret=4aa9d1 is wrong",
        "signature 4aa9d1 expired",
    ],
)
def test_scrub_finds_every_part(said):
    cleaned = scrub(said, URL)
    assert "***" in cleaned
    assert not any(secret in cleaned for secret in ("8c1f", "4aa9d1"))


def test_scrub_finds_what_was_percent_encoded_and_leaves_the_rest():
    url = "rtmp://me:pass%20word@host/app/my%2Fkey9"
    assert "my/key9" not in scrub("no such stream my/key9", url)
    assert "pass word" not in scrub("login me:pass word failed", url)
    assert scrub("connection refused by host", url) == "connection refused by host"
    assert scrub("disk full", "/records/full.mp4") == "disk full"
