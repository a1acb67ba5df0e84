"""A whole room watched by many at once over WebRTC: what each costs, and whether the show bears it.

In:  the demo room with room for 64 viewers.   Out: by number of viewers: CPU of brain and stage,
late pictures, how late a step was; what one viewer too many is told.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks.preview import watching_now
from tests.onair import DEMO, RoomOnAir
from tests.rtc import Player

VIEWERS = (0, 8, 32, 64)
MOST = VIEWERS[-1]
EACH = 16  # viewers in one process
SECONDS = 10.0
JOIN_SECONDS = 60.0
COUNTERS = ("ticks", "late", "repeated", "skipped", "resets")


def measure(cache: Path) -> dict[str, Any]:
    """Return a row for each number of viewers, and what the next one was told."""
    text = DEMO.read_text() + f"\n[console.webrtc]\nviewers = {MOST}\n"
    with (
        tempfile.TemporaryDirectory(prefix="livehost-crowd-") as folder,
        RoomOnAir(Path(folder), room=text, cache=cache) as room,
    ):
        room.wait_on_air(180)
        return asyncio.run(_crowded(room))


async def _crowded(room: RoomOnAir) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    crowd: list[Any] = []
    address = f"http://127.0.0.1:{room.port}"
    async with aiohttp.ClientSession(address) as client:
        try:
            for before, count in pairwise((0, *VIEWERS)):
                crowd += _more(address, count - before)
                await _joined(client, count)
                rows.append(await _looked_at(room, client, count))
            return {"rows": rows, "one_too_many": await _one_more(client)}
        finally:
            for process in crowd:
                process.kill()


def _more(address: str, count: int) -> list[Any]:
    """Start processes with so many viewers more."""
    started = []
    for first in range(0, count, EACH):
        arguments = (address, min(EACH, count - first))
        process = multiprocessing.get_context("spawn").Process(
            target=_watch, args=arguments, daemon=True
        )
        process.start()
        started.append(process)
    return started


async def _joined(client: aiohttp.ClientSession, count: int) -> None:
    with suppress(TimeoutError):  # a machine that cannot bear them shows that in its row
        async with asyncio.timeout(JOIN_SECONDS):
            while await watching_now(client, "webrtc") < count:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
    await asyncio.sleep(5)


async def _looked_at(room: RoomOnAir, client: aiohttp.ClientSession, count: int) -> dict[str, Any]:
    parts = {name: psutil.Process(room.pids[name]) for name in ("brain", "stage")}
    used, before, now = _used(parts), await _stage(client), asyncio.get_running_loop().time
    began = now()
    psutil.cpu_percent()
    await asyncio.sleep(SECONDS)
    took, after = now() - began, await _stage(client)
    spent = {name: (value - used[name]) / took for name, value in _used(parts).items()}
    return {
        "wanted": count,
        "viewers": await watching_now(client, "webrtc"),
        **{f"{name}_cpu": round(share, 3) for name, share in spent.items()},
        **{key: after["counters"][key] - before["counters"][key] for key in COUNTERS},
        "step_ms": after["milliseconds"]["step"],
        "quality": after["quality"],
        "machine_busy": round(psutil.cpu_percent() / 100, 2),
    }


def _used(parts: dict[str, psutil.Process]) -> dict[str, float]:
    times = {name: process.cpu_times() for name, process in parts.items()}
    return {name: float(t.user + t.system) for name, t in times.items()}


async def _stage(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/status") as answer:
        return dict((await answer.json())["stage"])


async def _one_more(client: aiohttp.ClientSession) -> dict[str, Any]:
    player = Player()
    status = await player.join(client)
    await player.close()
    async with client.get("/live.mp4") as answer:
        first = await answer.content.readany()
        return {
            "status": status,
            "said": player.answer[:200],
            "retry_after": player.headers.get("Retry-After"),
            "http": answer.status,
            "http_bytes": len(first),
        }


# --- viewers --------------------------------------------------------------------------------------


def _watch(address: str, count: int) -> None:
    os.nice(19)  # they stand for other machines, which take nothing of this one
    _skip_media()
    asyncio.run(_watching(address, count))


def _skip_media() -> None:
    """Have aioice throw RTP away: ICE and DTLS live on, and to decrypt costs nobody anything."""
    from aioice.ice import StunProtocol  # noqa: PLC0415

    receive = StunProtocol.datagram_received

    def without_media(self: Any, data: bytes, addr: Any) -> None:
        if not 127 < data[0] < 192:
            receive(self, data, addr)

    StunProtocol.datagram_received = without_media  # type: ignore[method-assign]


async def _watching(address: str, count: int) -> None:
    async with aiohttp.ClientSession(address) as client:
        for _ in range(count):
            await Player().join(client)
        await asyncio.Event().wait()
