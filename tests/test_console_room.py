"""The console's commands on a real room: what they do to the stream itself."""

import asyncio
import os
import socket
from contextlib import suppress

import av
import pytest

from livehost.brain.console.client import Client

from .onair import RoomOnAir, wait_until

pytestmark = [pytest.mark.real, pytest.mark.slow]


def seconds_of(path):
    """Return the first and last time of the pictures in a file."""
    with av.open(str(path)) as file:
        times = [float(p.pts * p.time_base) for p in file.demux(video=0) if p.pts is not None]
    return times[0], times[-1]


def test_output_moves_without_a_new_encoder_and_a_panic_is_seen(tmp_path):
    first, second = tmp_path / "first.flv", tmp_path / "second.flv"

    async def steer(room):
        async with Client(f"127.0.0.1:{room.port}", seconds=60) as show:
            await show.until(lambda: state(show) == "live", 60)
            await show.until(lambda: show.status.get("now"), 60)
            ticks = show.status["stage"]["counters"]["ticks"]
            await asyncio.sleep(2)
            moved = await show.command("output_set", {"name": "record", "url": str(second)})
            assert moved.ok, moved
            await asyncio.sleep(4)
            await show.until(lambda: state(show) == "live", 20)
            after = show.status["stage"]
            assert after["counters"]["ticks"] > ticks + 100
            assert show.status["stage"]["connected"] and show.connections == 1
            panic = await show.command("panic", seconds=5)
            assert panic.ok
            await show.until(lambda: show.status["mode"] == "slate", 5)
            await show.until(lambda: "now" not in show.status, 5)
            assert (await show.command("panic", {"on": False})).ok
            await show.until(lambda: show.status.get("now"), 20)

    with RoomOnAir(tmp_path, ["--record", str(first)]) as room:
        try:
            wait_until(lambda: listens(room.port), 60)
            asyncio.run(steer(room))
        except BaseException:
            print(room.tail())
            raise
        assert len([line for line in room.log if "child=stage" in line and "started" in line]) == 1
        room.end()
    began, ended = seconds_of(first)
    later, last = seconds_of(second)
    assert ended - began > 1.5 and last - later > 3
    assert os.path.getsize(second) > 100_000  # noqa: PTH202


def listens(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True


def state(show):
    return show.status.get("outputs", {}).get("record", {}).get("state")
