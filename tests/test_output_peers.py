"""Outputs against real servers: what arrived, and what happens when the far end misbehaves."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import pairwise

import pytest

from livehost.stage.outputs import State
from tests.peers import (
    Broadcast,
    children,
    fault_proxy,
    ffmpeg_listen,
    flash_beep_offset,
    nginx_rtmp,
    probe,
    run_real,
    silent_server,
    until,
)

pytestmark = pytest.mark.real


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
            async with source.on_air():
                await until(lambda: output.state is State.LIVE)
                await asyncio.sleep(5.2)
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
            async with source.on_air():
                await until(lambda: output.state is State.LIVE)
                await asyncio.sleep(4.2)

        run_real(main())
        intact(server.finish(), 3.5)
        assert max(map(abs, flash_beep_offset(server.path))) <= 20
