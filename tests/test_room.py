"""The main job on real parts: processes, a real RTMP server, real files; broken on purpose."""

import json
import os
import signal
import subprocess
import urllib.error

import psutil
import pytest

from tests.faults import silent_server
from tests.onair import RoomOnAir, wait_until
from tests.peers import nginx_rtmp, probe

pytestmark = [pytest.mark.real, pytest.mark.slow]

ROOM = """
name = "test"
[avatar]
path = "../../avatars/xiaohe"
[voice]
engine = "tone"
[video]
preset = "ultrafast"
bitrate_kbps = 1000
"""


PERIOD = 40  # ms between two pictures


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def family(room):
    return [p.pid for p in psutil.Process(room.process.pid).children(recursive=True)]


def test_for_seconds_ends_cleanly_and_the_file_is_whole(tmp_path):
    record = tmp_path / "show.mp4"
    with RoomOnAir(tmp_path, ["--record", str(record), "--for", "15"], ROOM) as room:
        room.wait_on_air()
        children = family(room)
        assert room.wait(40) == 0, room.tail()
    assert not [pid for pid in children if alive(pid)]
    assert probe(record).gaps(PERIOD) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(tmp_path, number):
    record = tmp_path / "show.mp4"
    with RoomOnAir(tmp_path, ["--record", str(record)], ROOM) as room:
        room.wait_on_air()
        children = family(room)
        assert room.end(number) == 0, room.tail()
    assert not [pid for pid in children if alive(pid)]
    assert probe(record).gaps(PERIOD) == []


def test_kill_9_of_the_parent_leaves_no_orphan(tmp_path):
    with RoomOnAir(tmp_path, [], ROOM) as room:
        room.wait_on_air()
        children = family(room)
        room.process.kill()
        wait_until(lambda: not [pid for pid in children if alive(pid)], 15, why="orphans")


def long_sentence(room):
    """Return what is said now, if too long for all of it to be with the stage already."""
    now = (room.status() or {}).get("now")
    return now if now and len(now["text"]) >= 20 else None


def test_kill_9_of_the_brain_leaves_no_gap_and_resumes_the_sentence(tmp_path):
    with (
        nginx_rtmp(tmp_path) as server,
        RoomOnAir(tmp_path, ["--to", server.url("k1")], ROOM) as room,
    ):
        room.wait_on_air()
        wait_until(lambda: server.publishing("k1"), 15)
        before = wait_until(lambda: long_sentence(room), 60, 0.02)
        brain = room.pids["brain"]
        os.kill(brain, signal.SIGKILL)
        wait_until(lambda: room.pids["brain"] != brain, 15)
        wait_until(lambda: (room.status() or {}).get("now"), 20)
        said = [u["text"] for u in room.ask("/api/recent")["utterances"]]
        assert said[0] == before["text"]
        room.end()
        (received,) = server.recordings("k1")
        assert probe(received).gaps(PERIOD) == []


def test_kill_9_of_the_stage_is_back_on_the_server(tmp_path):
    with (
        nginx_rtmp(tmp_path) as server,
        RoomOnAir(tmp_path, ["--to", server.url("k1")], ROOM) as room,
    ):
        room.wait_on_air()
        wait_until(lambda: server.publishing("k1"), 15)
        os.kill(room.pids["stage"], signal.SIGKILL)
        wait_until(lambda: not server.publishing("k1"), 10, 0.05)
        wait_until(lambda: server.publishing("k1"), 15)
        wait_until(lambda: (room.status() or {}).get("now"), 20, why="speaks again")
        room.end()


def test_a_killed_link_reconnects_alone(tmp_path):
    with nginx_rtmp(tmp_path) as server:
        urls = ["--to", server.url("k1"), "--to", server.url("k2")]
        with RoomOnAir(tmp_path, urls, ROOM) as room:
            room.wait_on_air()
            wait_until(lambda: server.publishing("k1") and server.publishing("k2"), 15)
            stage = psutil.Process(room.pids["stage"])
            links = [p for p in stage.children() if "link_child" in " ".join(p.cmdline())]
            assert len(links) == 2
            assert not any("k1" in " ".join(p.cmdline()) for p in links)
            links[0].kill()
            wait_until(lambda: sum(o["losses"] for o in outputs(room)) == 1, 10)
            wait_until(lambda: all(o["state"] == "live" for o in outputs(room)), 20)
            log = room.tail(100_000)
            room.end()
        assert "/live/k1" not in log and "/live/k2" not in log


def outputs(room):
    status = room.status() or {}
    listed = status.get("outputs", [])
    return listed if isinstance(listed, list) else list(listed.values())


def test_bad_settings_are_one_line_each_and_exit_code_2(tmp_path):
    bad = tmp_path / "room.toml"
    bad.write_text('name = "x"\n[avatar]\npath = "nowhere"\n[video]\nwidth = 3\n')
    done = subprocess.run(
        [os.sys.executable, "-m", "livehost", "run", str(bad)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "room.toml:5: video.width" in done.stderr and "Traceback" not in done.stderr


def counted(room, name):
    """Return the sum of a counter of /metrics over its labels."""
    lines = [line for line in room.ask("/metrics").splitlines() if line.startswith(name)]
    return sum(float(line.split()[-1]) for line in lines)


def test_a_flood_and_garbage_are_counted_and_the_stream_goes_on(tmp_path):
    record = tmp_path / "show.flv"
    lines = b"\n".join(
        json.dumps(
            {"id": n, "kind": "comment", "user": str(n % 900), "text": f"多少钱{n}"}
        ).encode()
        for n in range(10_000)
    )
    garbage = [b"{", b"\xff\xfe\x00", b"[]", b'{"kind": "comment", "text": NaN}', b"x" * 10**5]
    with RoomOnAir(tmp_path, ["--record", str(record)], ROOM) as room:
        room.wait_on_air()
        for body in garbage:
            with pytest.raises(urllib.error.HTTPError) as refused:
                room.ask("/api/chat", body)
            assert refused.value.code in {400, 413}
        room.flood(lines)
        assert counted(room, "livehost_console_chat_total") >= 10_000
        counter = "livehost_chat_accepted_total"  # counts what is on disk
        wait_until(lambda: counted(room, counter) > 1000, 20, why="accepted")
        answer = room.chat("请问什么时候发货？", nickname="最后一位")
        assert answer["ok"]
        assert room.end() == 0
    assert probe(record).gaps(PERIOD) == []


def test_a_target_that_never_answers_touches_nobody_else(tmp_path):
    with (
        nginx_rtmp(tmp_path) as server,
        silent_server() as silent,
        RoomOnAir(tmp_path, ["--to", server.url("k1"), "--to", silent.url("k2")], ROOM) as room,
    ):
        room.wait_on_air()
        wait_until(lambda: server.publishing("k1"), 20)
        wait_until(lambda: outputs(room)[1]["failures"] >= 1, 30, 0.3)
        first, second = outputs(room)
        assert (first["state"], first["losses"]) == ("live", 0) and second["state"] != "live"
        assert room.end() == 0
        (received,) = server.recordings("k1")
        assert probe(received).gaps(PERIOD) == []
