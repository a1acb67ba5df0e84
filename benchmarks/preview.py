"""The live picture by WebRTC and by HTTP: how old it is, how soon it is there, what a viewer costs.

In:  a Chromium on the PATH; a stream whose pictures carry their number.   Out: milliseconds from a
picture's moment to the screen, CPU and Mbit/s for each viewer.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
import psutil

from benchmarks.machine import quantiles
from tests.browser import Page, chromium
from tests.rtc import BITS, FPS, Live, Player, showing

SECONDS = 15.0  # of looking at one way
JOINS = 5
VIEWERS = (0, 1, 4, 8)
SIZE = (720, 1280, 2500)  # what the cost is measured with

WATCH = """(async (way, bits) => {
  const { LivePicture } = await import('/static/whep.js');
  const { Player } = await import('/static/player.js');
  document.body.replaceChildren();
  const video = document.createElement('video');
  video.muted = true;
  document.body.append(video);
  const canvas = new OffscreenCanvas(bits, 1);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  window.seen = []; window.offsets = []; window.joined = null; window.health = {};
  const begun = performance.now();
  video.addEventListener('health', ({ detail }) => {
    window.health = detail;
    if (detail.avOffsetMs !== null) offsets.push(detail.avOffsetMs);
  });
  const look = () => {
    joined ??= performance.now() - begun;
    pen.drawImage(video, 0, 0, bits, 1);
    const { data } = pen.getImageData(0, 0, bits, 1);
    let tick = 0;
    for (let n = 0; n < bits; n += 1) tick = tick * 2 + (data[4 * n] > 125);
    seen.push([tick, performance.timeOrigin + performance.now()]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  new (way === 'webrtc' ? LivePicture : Player)(video, () => {}).run();
})"""


def measure() -> dict[str, Any]:
    """Measure both ways and return the numbers by way."""
    ages = asyncio.run(_ages())
    cost = {way: _cost(way) for way in ("webrtc", "http")}
    return {way: {**ages[way], "cost": cost[way]} for way in cost}


# --- how old, how soon ----------------------------------------------------------------------------


async def _ages() -> dict[str, Any]:
    async with showing() as (live, console, _), chromium() as page:
        await asyncio.sleep(1)
        epoch = time.time() - time.monotonic()
        return {
            way: await _age(page, console.address, way, epoch + live.origin)
            for way in ("webrtc", "http")
        }


async def _age(page: Page, address: str, way: str, origin: float) -> dict[str, Any]:
    joins = []
    for _ in range(JOINS):
        await page.goto("about:blank")
        await page.goto(address + "healthz")
        await page.run(f"{WATCH}({way!r}, {BITS})")
        joins.append(await page.until("window.joined", 30))
    await asyncio.sleep(SECONDS)
    seen = await page.run("seen.slice(25)")
    offsets = await page.run("offsets")
    old = [at - 1000 * (origin + tick / FPS) for tick, at in seen]
    return {
        "age_ms": quantiles(old),
        "join_ms": quantiles(joins),
        "sound_against_picture_ms": quantiles([abs(x) for x in offsets]),
        "freezes": await page.run("health.freezes ?? null"),
    }


# --- what a viewer costs --------------------------------------------------------------------------


def _cost(way: str) -> dict[str, Any]:
    """Return CPU of the serving process and Mbit/s, for numbers of viewers in another process."""
    shares, rates = [], []
    for viewers in VIEWERS:
        share, rate = asyncio.run(_served(way, viewers))
        shares.append(share)
        rates += [rate] if viewers else []
    each = (shares[-1] - shares[0]) / VIEWERS[-1]
    return {
        "viewers": list(VIEWERS),
        "cpu_seconds_per_second": [round(s, 3) for s in shares],
        "cpu_for_each": round(each, 4),
        "mbps_for_each": round(rates[-1], 2),
    }


async def _served(way: str, viewers: int) -> tuple[float, float]:
    width, height, kbps = SIZE
    live = Live(width=width, height=height, kbps=kbps, looped=True)
    async with showing(live, viewers=64) as (_, console, client):
        far = multiprocessing.get_context("spawn").Process(
            target=_watch, args=(console.address, way, viewers), daemon=True
        )
        far.start()
        async with asyncio.timeout(60):
            while await watching_now(client, way) < viewers:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        process, now = psutil.Process(), asyncio.get_running_loop().time
        begun, used, sent = now(), _cpu(process), live.sent
        await asyncio.sleep(SECONDS)
        took = now() - begun
        result = (_cpu(process) - used) / took, (live.sent - sent) * 8 / 1e6 / took
        far.kill()
        return result


async def watching_now(client: aiohttp.ClientSession, way: str) -> int:
    """Return how many a console says watch it by "webrtc" or "http"."""
    name = {"webrtc": "livehost_whep_viewers ", "http": "livehost_preview_viewers "}[way]
    async with client.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return round(next(float(x.split()[-1]) for x in lines if x.startswith(name)))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _watch(address: str, way: str, viewers: int) -> None:
    asyncio.run(_watching(address, _BY[way], viewers))


async def _watching(address: str, watch: Callable[[Any], Any], viewers: int) -> None:
    async with aiohttp.ClientSession(address) as client:
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*(watch(client) for _ in range(viewers)))


async def _by_webrtc(client: aiohttp.ClientSession) -> None:
    player = Player()
    assert await player.join(client) == 201
    for receiver in player.peer.getReceivers():
        receiver._enabled = False  # to decode is the browser's work, not what is measured
    await asyncio.Event().wait()


async def _by_http(client: aiohttp.ClientSession) -> None:
    while True:
        async with client.get("/live.mp4") as response:
            async for _ in response.content.iter_any():
                pass
        await asyncio.sleep(0.2)


_BY = {"webrtc": _by_webrtc, "http": _by_http}
