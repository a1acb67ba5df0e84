"""Outputs against real servers: what arrived, and what happens when the far end misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from livehost.stage.outputs import Output, State, redact, rtmp
from livehost.stage.outputs.loop import Limits
from livehost.stage.outputs.rtmp import Target
from tests.broadcast import Broadcast, run_real
from tests.faults import fault_proxy, silent_server
from tests.peers import (
    children,
    ffmpeg_listen,
    flash_beep_offset,
    nginx_rtmp,
    probe,
    until,
    wait_until,
)

pytestmark = pytest.mark.real

ROOT = Path(__file__).parent.parent
EAGER = Limits(first=0.2, most=1)


def intact(path, seconds: float):
    """Assert that a recording has every frame from 0 on, and sound throughout."""
    seen = probe(path)
    assert seen.video[0].keyframe
    assert seen.video[0].dts == 0
    assert len(seen.video) >= seconds * 25
    assert seen.gaps(40) == []
    assert seen.gaps(1024 / 48, "audio") == []
    assert all(a.dts < b.dts for a, b in pairwise(seen.video))
    assert abs(seen.audio[-1].dts - seen.video[-1].dts) < 100
    return seen


def test_nginx_gets_every_frame_in_sync(tmp_path):
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast()
            output = source.add("main", server.url("show"))
            async with source.on_air(3):
                await until(lambda: output.state is State.LIVE)
                await source.play(5.2)
                assert server.publishing("show")
                at_work = output.snapshot()
            assert at_work["bitrate_kbps"] > 100
            assert at_work["losses"] == at_work["dropped_frames"] == 0
            assert output.state is State.STOPPED
            assert not server.publishing("show")

        run_real(main())
        server.stop()
        [recording] = server.recordings("show")
        intact(recording, 4.5)
        offsets = flash_beep_offset(recording)
        assert len(offsets) >= 4
        assert max(map(abs, offsets)) <= 20
        assert children() == []


def test_ffmpeg_gets_every_frame_in_sync(tmp_path):
    with ffmpeg_listen(tmp_path) as server:

        async def main():
            source = Broadcast()
            output = source.add("main", server.url)
            async with source.on_air(3):
                await until(lambda: output.state is State.LIVE)
                await source.play(4.2)

        run_real(main())
        intact(server.finish(), 3.5)
        assert max(map(abs, flash_beep_offset(server.path))) <= 20


def test_comes_back_on_a_keyframe_at_zero_after_the_server_died(tmp_path):
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast()
            output = source.add("main", server.url("show"), limits=EAGER)
            async with source.on_air():
                await until(lambda: output.state is State.LIVE)
                await source.play(1)
                server.kill()
                await until(lambda: output.state is State.WAITING)
                assert "the server" in output.reason or "refused" in output.reason
                server.start()
                await until(lambda: output.state is State.LIVE)
                await source.play(2)
            assert output.losses == 1
            assert output.snapshot()["dropped_frames"] == 0

        run_real(main())
        server.stop()
        intact(server.recordings("show")[-1], 1.5)


def test_thrown_out_cut_and_reset_are_losses_and_it_comes_back(tmp_path):
    with nginx_rtmp(tmp_path) as server, fault_proxy(server.port) as proxy:

        async def main():
            source = Broadcast()
            output = source.add("main", proxy.url("show"), limits=EAGER)
            async with source.on_air():
                for number, fault in enumerate((proxy.reset, proxy.cut, drop)):
                    await until(lambda: output.state is State.LIVE and server.publishing("show"))
                    await source.play(0.3)
                    fault()
                    await until(lambda lost=number + 1: output.losses == lost)
                await until(lambda: output.state is State.LIVE)

        def drop():
            server.drop("show")

        run_real(main())
        assert children() == []


def test_planned_reconnect_is_clean(tmp_path):
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast()
            output = source.add("main", server.url("show"))
            async with source.on_air(3):
                await until(lambda: output.state is State.LIVE)
                await source.play(3.6)  # recordings are named by the second
                output.reconnect()
                await until(lambda: output.state is State.CONNECTING)
                await until(lambda: output.state is State.LIVE)
                await source.play(1.2)
            assert output.losses == output.failures == 0

        run_real(main())
        server.stop()
        first, second = server.recordings("show")
        intact(first, 0.9)
        intact(second, 0.9)


async def longest_pause(pauses: list[float]) -> None:
    """Note how long the event loop could not run."""
    now = asyncio.get_running_loop().time
    while True:
        before = now()
        await asyncio.sleep(0.01)
        pauses.append(now() - before)


@pytest.mark.slow
def test_silent_and_stalled_servers_disturb_nobody(tmp_path):
    with nginx_rtmp(tmp_path) as server, silent_server() as mute, fault_proxy(server.port) as slow:

        async def main():
            # At so low a rate the buffers would hide the stall for half a minute.
            source = Broadcast(bitrate_kbps=100)
            well = source.add("well", server.url("well"))
            silent = source.add("silent", mute.url("key"), limits=Limits(connect=2))
            stalled = source.add("stalled", slow.url("slow"))
            async with source.on_air() as group:
                pauses: list[float] = []
                watch = group.create_task(longest_pause(pauses))
                await until(lambda: well.state is State.LIVE and stalled.state is State.LIVE)
                await source.play(1)
                slow.stall()
                await until(lambda: silent.failures >= 1)
                assert silent.reason == "no answer within 2 s"
                await until(lambda: stalled.losses == 1, 12)
                assert stalled.reason.startswith("stalled")
                slow.resume()
                await until(lambda: stalled.state is State.LIVE, 12)
                assert well.snapshot()["dropped_frames"] == 0
                assert well.losses == well.failures == 0
                watch.cancel()
            assert max(pauses) < 1.5, "a connect of two seconds held the event loop up"

        run_real(main())
        assert mute.accepted >= 1
        assert children() == []
        server.stop()
        intact(server.recordings("well")[0], 4)


def test_a_server_that_freezes_is_left_although_the_kernel_takes_everything(tmp_path):
    """Seen from the socket a frozen server is well until its buffers are full: then within 8 s."""
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast(bitrate_kbps=3000)
            output = source.add("main", server.url("show"))
            async with source.on_air():
                await until(lambda: output.state is State.LIVE)
                await source.play(1)
                server.pause()
                await until(lambda: output.losses == 1, 40)
                assert output.reason.startswith("stalled")
                server.resume()

        run_real(main())


def test_refused_keys_are_said_in_plain_words_and_tried_again(tmp_path):
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast()
            first = source.add("first", server.url("taken"), limits=EAGER)
            denied = source.add("denied", server.url("wrong-key-77", "refuse"), limits=EAGER)
            async with source.on_air():
                await until(lambda: first.state is State.LIVE)
                second = source.add("second", server.url("taken"), limits=EAGER)
                async with asyncio.TaskGroup() as group:
                    group.create_task(second.run())
                    await until(lambda: second.failures == 2 and denied.failures == 2)
                    assert (second.losses, denied.losses) == (0, 0)
                    assert "already in use" in second.reason
                    assert "refused" in denied.reason
                    assert "wrong-key-77" not in denied.reason
                    await first.close()
                    await until(lambda: second.state is State.LIVE)
                    await second.close()

        run_real(main())


def test_a_killed_link_costs_only_its_own_output(tmp_path):
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast()
            one, two = (source.add(name, server.url(name), limits=EAGER) for name in ("one", "two"))
            async with source.on_air():
                await until(lambda: one.state is State.LIVE)
                [first, second] = children()
                os.kill(first, signal.SIGKILL)
                await until(lambda: one.losses + two.losses == 1)
                await until(lambda: one.state is State.LIVE and two.state is State.LIVE)
                assert second in children()
                assert first not in children()

        run_real(main())
        assert children() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_link_leaves_signals_to_its_parent(tmp_path, number):
    with nginx_rtmp(tmp_path) as server:

        async def main():
            source = Broadcast()
            output = source.add("main", server.url("show"))
            async with source.on_air():
                await until(lambda: output.state is State.LIVE)
                os.kill(children()[0], number)
                await source.play(0.5)
                assert output.losses == 0

        run_real(main())


PARENT = """
import asyncio, sys
from tests.broadcast import Broadcast
from tests.peers import children, until
async def main():
    source = Broadcast()
    for number, url in enumerate(sys.argv[1:]):
        source.add(str(number), url)
    async with source.on_air():
        await until(lambda: len(children()) == len(sys.argv) - 1)
        await until(lambda: source.outputs[0].state == "live")
        print(*children(), flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_no_link_survives_a_killed_stage(tmp_path):
    """Neither one that streams nor one that is stuck in a connect with the GIL held."""
    with nginx_rtmp(tmp_path) as server, silent_server() as mute:
        command = [sys.executable, "-c", PARENT, server.url("show"), mute.url("key")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as stage:
            assert stage.stdout
            links = [int(pid) for pid in stage.stdout.readline().split()]
            assert len(links) == 2
            stage.kill()
            stage.wait()
            wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in links), 3)
        wait_until(lambda: not server.publishing("show"), 3)


KEY = "live_8c1f?txSecret=4aa9d1&txTime=66FFAA"
SECRETS = ("8c1f", "4aa9d1", "66FFAA")


def test_the_key_is_nowhere_to_be_seen(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    with nginx_rtmp(tmp_path) as server, silent_server() as mute:
        shown: list[str] = []

        async def main():
            source = Broadcast()
            urls = (server.url(KEY), server.url(KEY, "refuse"), mute.url(KEY), DEAD + KEY, UNKNOWN)
            for number, url in enumerate(urls):
                short = Limits(connect=2) if url.startswith(mute.url("")[:-1]) else None
                source.add(f"out{number}", url, limits=short)
            well, *bad = source.outputs
            async with source.on_air():
                while well.state is not State.LIVE or not all(output.failures for output in bad):
                    for pid in children():
                        with contextlib.suppress(OSError):  # it may just have ended
                            shown.extend(Path(f"/proc/{pid}/{f}").read_text() for f in OPEN_TO_ALL)
                    shown.extend(str(output.snapshot()) for output in source.outputs)
                    await asyncio.sleep(0.2)
                await source.play(1)

        run_real(main())
        assert server.recordings("live_8c1f")
    logged = [str(record.__dict__) for record in caplog.records]
    assert sum("output lost" in text for text in logged) >= 4
    assert any("link_child" in text for text in shown)
    for text in logged + shown:
        assert not any(secret in text for secret in SECRETS)
    assert any("***" in text for text in logged)


DEAD = "rtmp://127.0.0.1:9/app/"
UNKNOWN = f"rtmp://no-such-host.invalid/app/{KEY}"
OPEN_TO_ALL = ("cmdline", "environ")


def test_the_24_bit_border_of_timestamps_is_crossed_without_a_scar(tmp_path):
    """It comes 4:39:37 after the start; here seven seconds after."""
    start = 16_770
    with ffmpeg_listen(tmp_path) as one, nginx_rtmp(tmp_path) as other:

        async def main():
            source = Broadcast()
            for url in (one.url, other.url("show")):
                target = Target(url, options={"output_ts_offset": str(start)})
                connect = functools.partial(rtmp.connect, target, source.encoder.header)
                source.outputs.append(Output("main", redact(url), connect, source.want_keyframe))
            async with source.on_air(speed=4):
                await until(lambda: all(o.state is State.LIVE for o in source.outputs))
                await source.play(11)

        run_real(main())
        other.stop()
        seen = probe(one.finish())
        assert seen.video[0].dts == start * 1000
        assert seen.video[-1].dts > 2**24 + 1000
        for received in (seen, probe(other.recordings("show")[0])):
            assert received.gaps(40) == []
            assert len(received.video) > 250
