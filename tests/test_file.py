"""Recordings: readable after a crash, labelled, never overwritten, and no danger to the stream."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from livehost.errors import OutputLost
from livehost.media import Packet
from livehost.stage.outputs import State, file
from livehost.stage.outputs.aigc import label_tags
from livehost.stage.outputs.file import Recorder, Target, Worker
from livehost.stage.outputs.loop import Limits
from tests.broadcast import Broadcast, run_real
from tests.peers import flash_beep_offset, need, probe, until, wait_until

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent


def record(*paths: Path, seconds: float = 4.0, speed: float = 4.0) -> list[dict[str, object]]:
    """Record `seconds` of media; return the outputs' last snapshots."""
    shown = []

    async def main():
        source = Broadcast()
        for number, path in enumerate(paths):
            source.add(f"file{number}", str(path))
        async with source.on_air(speed):
            await until(lambda: all(o.state is State.LIVE for o in source.outputs))
            await source.play(seconds)
            shown.extend(output.snapshot() for output in source.outputs)

    run_real(main())
    return shown


@pytest.mark.parametrize("name", ["show.mp4", "show.flv", "直播 1.MP4"])
def test_recording_is_whole_in_sync_and_labelled(tmp_path, name):
    path = tmp_path / name
    [shown] = record(path)
    seen = probe(path)
    assert len(seen.video) >= 95
    assert (seen.video[0].dts, seen.video[0].keyframe) == (0, True)
    assert seen.gaps(40) == []
    # Fragmented MP4 has no place for the few ms before the first sound: it gets them as duration.
    assert seen.gaps(1024 / 48, "audio") in ([], [seen.audio[1].dts])
    assert max(map(abs, flash_beep_offset(path))) <= 20
    label = json.loads(seen.tags["AIGC"])
    assert label["Label"] == "1"
    assert set(label) == FIELDS
    assert json.loads(seen.tags["comment"])["AIGC"] == label
    assert shown["url"] == str(path)
    assert shown["losses"] == 0


FIELDS = {
    *("Label", "ContentProducer", "ProduceID", "ReservedCode1"),
    *("ContentPropagator", "PropagateID", "ReservedCode2"),
}


def test_every_recording_has_its_own_number():
    one, two = (json.loads(label_tags()["AIGC"])["ProduceID"] for _ in range(2))
    assert one != two
    assert json.loads(label_tags("某公司", "7")["AIGC"])["ContentProducer"] == "某公司"


def test_existing_files_are_never_overwritten(tmp_path):
    (tmp_path / "show.mp4").write_bytes(b"mine")
    (tmp_path / "show-2.mp4").write_bytes(b"mine too")
    record(tmp_path / "show.mp4", seconds=1.2)
    assert (tmp_path / "show.mp4").read_bytes() == b"mine"
    assert (tmp_path / "show-2.mp4").read_bytes() == b"mine too"
    assert len(probe(tmp_path / "show-3.mp4").video) > 20


GOP = 50
RECORDER = """
import asyncio, sys
from tests.broadcast import Broadcast
from tests.peers import until
async def main():
    source = Broadcast()
    for number, path in enumerate(sys.argv[1:]):
        source.add(str(number), path)
    async with source.on_air(4):
        await until(lambda: all(output.state == "live" for output in source.outputs))
        start = source.tick + 1
        while True:
            await asyncio.sleep(0.05)
            print(source.tick - start, flush=True)
asyncio.run(main())
"""


def test_a_crash_loses_at_most_one_fragment(tmp_path):
    paths = [tmp_path / "show.mp4", tmp_path / "show.flv"]
    command = [sys.executable, "-c", RECORDER, *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as recorder:
        assert recorder.stdout
        tick = 0
        while tick < 230:
            tick = int(recorder.stdout.readline())
        recorder.send_signal(signal.SIGKILL)
    for path, lost in zip(paths, (GOP, 5), strict=True):
        seen = probe(path)
        assert len(seen.video) >= tick - lost, path.name
        assert seen.gaps(40) == []
        assert _decodes(path)


def _decodes(path: Path) -> bool:
    need("ffmpeg")
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, check=False).returncode == 0


def test_disk_full_costs_the_recording_not_the_stream(tmp_path, monkeypatch):
    """Both files grow on one 'disk' that fills up; later there is room again."""
    room = [150_000]
    real_write = os.write

    def write(fd: int, chunk: bytes) -> int:
        if "full" in Path(f"/proc/self/fd/{fd}").readlink().name:
            if not room[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            chunk = chunk[: room[0]]  # a disk takes what still fits
            room[0] -= len(chunk)
        return real_write(fd, chunk)

    monkeypatch.setattr(file.os, "write", write)

    async def main():
        source = Broadcast()
        full = source.add("full", str(tmp_path / "full.mp4"))
        well = source.add("well", str(tmp_path / "well.mp4"))
        async with source.on_air(4):
            await until(lambda: full.state is State.WAITING)
            assert full.reason == "failed: disk full"
            room[0] = 10_000_000
            await until(
                lambda: full.state is State.LIVE and full.snapshot()["sent_bytes"] > 400_000
            )
        assert well.losses == 0
        assert well.snapshot()["dropped_frames"] == 0

    run_real(main())
    assert probe(tmp_path / "well.mp4").gaps(40) == []
    assert probe(tmp_path / "full.mp4").video, "what was written stays readable"
    assert probe(tmp_path / "full-2.mp4").gaps(40) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_really_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:

        async def main():
            source = Broadcast()
            header = source.encoder.header
            recorder = Recorder(Target(disk / "show.mp4", keep_free=0), header)
            with pytest.raises(OutputLost, match="disk full"):
                async with recorder.connect() as link:
                    for _ in range(1000):
                        for packet in source.next():
                            await link.send(packet)

        run_real(main())
        assert len(probe(disk / "show.mp4").video) >= 50
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_nearly_full_disk_is_left_to_the_others(tmp_path):
    async def main():
        header = Broadcast().encoder.header
        recorder = Recorder(Target(tmp_path / "show.mp4", keep_free=2**62), header)
        with pytest.raises(OutputLost, match="disk full"):
            async with recorder.connect():
                pass

    run_real(main())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mp4", ".flv"])
def test_a_recording_of_nothing_leaves_no_file(tmp_path, suffix):
    async def main():
        recorder = Recorder(Target(tmp_path / f"show{suffix}"), Broadcast().encoder.header)
        async with recorder.connect():
            assert len(list(tmp_path.iterdir())) == 1

    run_real(main())
    assert list(tmp_path.iterdir()) == []


def test_a_recording_that_fails_in_its_first_fragment_leaves_no_file(tmp_path, monkeypatch):
    def write(fd: int, chunk: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    async def main():
        source = Broadcast()
        recorder = Recorder(Target(tmp_path / "show.mp4"), source.encoder.header)
        with pytest.raises(OutputLost, match="disk full"):
            async with recorder.connect() as link:
                monkeypatch.setattr(file.os, "write", write)
                for _ in range(60):
                    for packet in source.next():
                        await link.send(packet)
                await link.finish()

    run_real(main())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "said"), [("no/such/folder/x.mp4", "No such file"), ("file/x.mp4", "Not a directory")]
)
def test_a_place_that_does_not_exist_is_a_loss(tmp_path, path, said):
    (tmp_path / "file").write_text("")

    async def main():
        recorder = Recorder(Target(tmp_path / path), Broadcast().encoder.header)
        with pytest.raises(OutputLost, match=said):
            async with recorder.connect():
                pass

    run_real(main())


@contextmanager
def hanging_writes(monkeypatch):
    """Writes to recordings hang inside, as on a dead network disk."""
    alive, real_write = threading.Event(), os.write

    def write(fd: int, chunk: bytes) -> int:
        if Path(f"/proc/self/fd/{fd}").readlink().suffix in (".mp4", ".flv"):
            alive.wait()
        return real_write(fd, chunk)

    alive.set()
    with monkeypatch.context() as patch:
        patch.setattr(file.os, "write", write)
        try:
            yield alive
        finally:
            alive.set()


def test_a_hanging_disk_stops_neither_the_loop_nor_piles_up_threads(tmp_path, monkeypatch):
    with hanging_writes(monkeypatch) as alive:

        async def main():
            source = Broadcast()
            limits = Limits(connect=0.5, send=0.5, finish=0.5, first=0.1)
            output = source.add("dead", str(tmp_path / "show.flv"), limits=limits)
            async with source.on_air(4):
                await until(lambda: output.snapshot()["sent_bytes"] > 10_000)
                alive.clear()
                await until(lambda: output.failures >= 2, what="it tries again")
                assert "stalled" in output.reason or "no answer" in output.reason
                assert _recorder_threads() == 1
                alive.set()
                await until(lambda: output.state is State.LIVE)
                # Looked at while live: a file that got no picture is removed when it is closed.
                await until(lambda: len(list(tmp_path.iterdir())) == 2, what="a second file")

        run_real(main())
    wait_until(lambda: _recorder_threads() == 0)


def _recorder_threads() -> int:
    return sum(thread.name == "recorder" for thread in threading.enumerate())


def test_a_worker_hands_results_and_errors_back():
    def fail() -> None:
        raise OSError(errno.EIO, "I/O error")

    async def main():
        worker = Worker()
        assert await worker.start(lambda: 7) == 7
        with pytest.raises(OSError, match="I/O error"):
            await worker.start(fail)
        worker.shutdown()
        await worker.idle()

    run_real(main())


@pytest.mark.parametrize("finished", [True, False])
def test_packets_are_written_some_at_a_time_and_the_last_ones_too(tmp_path, monkeypatch, finished):
    calls = []
    start = Worker.start

    async def main():
        source = Broadcast()
        recorder = Recorder(Target(tmp_path / "show.mp4"), source.encoder.header)
        monkeypatch.setattr(Worker, "start", lambda *given: calls.append(1) or start(*given))
        async with recorder.connect() as link:
            for n in range(0, 96):
                await link.send(Packet("video", n * 1920, n * 1920, 1920, n % 50 == 0, UNIT))
            if finished:
                await link.finish()

    run_real(main())
    assert len(probe(tmp_path / "show.mp4").video) == 96
    assert len(calls) <= 1 + 12 + 1, "opening, a batch of ten or up to a keyframe, closing"


UNIT = b"\0\0\0\1\x65"


def test_packets_out_of_order_are_a_loss_not_a_crash(tmp_path):
    async def main():
        source = Broadcast()
        recorder = Recorder(Target(tmp_path / "show.mp4"), source.encoder.header)
        with pytest.raises(OutputLost, match="failed"):
            async with recorder.connect() as link:
                for dts in (0, 1920, 1920, 960):
                    await link.send(Packet("video", dts, dts, 1920, True, b"\0\0\0\1\x65"))
                    await link.finish()

    run_real(main())


def test_timestamps_rise(tmp_path):
    record(tmp_path / "show.mp4", seconds=1.2)
    seen = probe(tmp_path / "show.mp4")
    for packets in (seen.video, seen.audio):
        assert all(a.dts < b.dts for a, b in pairwise(packets))
