"""From an operator's press to what viewers get, and what opening the page costs.

In:  the demo room on air, pushed to a real RTMP server; a Chromium on the PATH.   Out: seconds from
a command on the websocket to its answer and to its effect in the stream at a viewer; the page's
bytes and seconds to the first picture.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import quantiles
from benchmarks.receiver import RATE, Receiver
from livehost.brain.console.client import Client
from tests.browser import Page, chromium
from tests.onair import DEMO, RoomOnAir, wait_until
from tests.peers import Nginx, nginx_rtmp

ROUNDS = 10
JOINS = 5
WAIT = 2.5  # seconds in which an effect is looked for
SMALL = (36, 64)  # of the pictures that are compared
ANOTHER = 12.0  # grey levels on average by which the slate differs from the host
QUIET = 0.25  # seconds without sound that are silence
LOUD = 10 ** (-45 / 20)
LINES = (f"来了第{n}位新朋友，先看看这一款。" for n in count(11))
"""Nobody can have made them ahead."""


def measure(cache: Path | None = None) -> dict[str, Any]:
    """Run the room and give each command several times."""
    with tempfile.TemporaryDirectory(prefix="livehost-bench-") as name:
        folder = Path(name)
        text = DEMO.read_text().replace("[scene]", "[scene]\nmusic_db = -60\n", 1)
        with (
            nginx_rtmp(folder) as server,
            RoomOnAir(folder, ["--to", server.url("bench")], text, cache) as room,
        ):
            return _commands(room, server) | {"page": _page(room)}


def _commands(room: RoomOnAir, server: Nginx) -> dict[str, Any]:
    wait_until(lambda: server.publishing("bench"), 120, 0.05)
    room.wait_on_air(180)
    viewer = Watcher(server.url("bench"))
    viewer.start()
    assert viewer.first.wait(15)
    operator = Operator(room.port)
    try:
        return {
            "skip": _repeated(_skip, operator, viewer, room),
            "mute": _repeated(_mute, operator, viewer, room),
            "panic": _repeated(_panic, operator, viewer, room),
            "say": _repeated(_say, operator, viewer, room),
        }
    finally:
        operator.close()
        viewer.stop()


def _repeated(
    once: Callable[[Operator, Watcher], dict[str, float]],
    operator: Operator,
    viewer: Watcher,
    room: RoomOnAir,
) -> dict[str, Any]:
    """Return the quantiles of each number that `once` found, while the host speaks."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        wait_until(lambda: (room.status() or {}).get("now"), 60, 0.05, "speech")
        time.sleep(0.7)
        for key, value in once(operator, viewer).items():
            found.setdefault(key, []).append(value)
    return {
        key: quantiles([v for v in values if not math.isnan(v)]) for key, values in found.items()
    }


# --- commands -------------------------------------------------------------------------------------


def _skip(operator: Operator, viewer: Watcher) -> dict[str, float]:
    """Skip while nothing may follow: then the sound of what was said ends."""
    operator.give("pause")
    asked, answered = operator.give("skip")
    time.sleep(WAIT)
    operator.give("resume")
    return {"answer": answered, "silence": viewer.silent_after(asked)}


def _mute(operator: Operator, viewer: Watcher) -> dict[str, float]:
    asked, answered = operator.give("mute", on=True)
    time.sleep(WAIT)
    operator.give("mute", on=False)
    return {"answer": answered, "silence": viewer.silent_after(asked)}


def _panic(operator: Operator, viewer: Watcher) -> dict[str, float]:
    asked, answered = operator.give("panic", on=True)
    time.sleep(WAIT)
    operator.give("panic", on=False)
    silence, slate = viewer.silent_after(asked), viewer.changed_after(asked)
    return {"answer": answered, "silence": silence, "slate": slate}


def _say(operator: Operator, viewer: Watcher) -> dict[str, float]:
    """Say something new while the host is taken over and silent: then it is what sounds next."""
    operator.give("take_over", kind="type")
    operator.give("skip")
    time.sleep(1.0)
    asked, answered = operator.give("say", text=next(LINES))
    time.sleep(2 * WAIT)
    operator.give("hand_back")
    return {"answer": answered, "sound": viewer.sound_after(asked)}


class Operator:
    """A console's client on an event loop of its own thread."""

    def __init__(self, port: int) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._client = Client(f"127.0.0.1:{port}")
        self._run(self._client.__aenter__())

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def give(self, name: str, **args: Any) -> tuple[float, float]:
        """Return when a command was sent, and the seconds until it was answered."""
        asked = time.perf_counter()
        ack = self._run(self._client.command(name, args))
        assert ack.ok, (name, ack.message)
        return asked, time.perf_counter() - asked

    def close(self) -> None:
        """Leave."""
        self._run(self._client.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)


class Watcher(Receiver):
    """A viewer that looks at the pictures as well."""

    options: ClassVar[dict[str, str]] = {}  # so that the pictures are found, too

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.pictures: list[tuple[float, NDArray[np.int16]]] = []
        """Arrived (`time.perf_counter`), luma (64, 36)."""

    def _picture(self, packet: av.Packet, arrived: float) -> None:
        for frame in packet.decode():
            small = frame.reformat(*SMALL, format="gray").to_ndarray().astype(np.int16)
            self.pictures = [*self.pictures[-200:], (arrived, small)]

    def silent_after(self, moment: float) -> float:
        """Return seconds from `moment` to the last sound; NaN when it goes on."""
        pcm, pieces = self.since(moment, WAIT)
        loud = np.flatnonzero(np.abs(pcm) > LOUD)
        if not len(loud):
            return 0.0
        if len(pcm) - loud[-1] < QUIET * RATE:
            return float("nan")
        return self._arrival(int(loud[-1]), pieces) - moment

    def sound_after(self, moment: float) -> float:
        """Return seconds from `moment` to the next sound; NaN when none came."""
        pcm, pieces = self.since(moment, 2 * WAIT)
        loud = np.flatnonzero(np.abs(pcm) > LOUD)
        return self._arrival(int(loud[0]), pieces) - moment if len(loud) else float("nan")

    def _arrival(self, at: int, pieces: list[Any]) -> float:
        sample = pieces[0].first + at
        return float(next(p.arrived for p in pieces if p.first + len(p.pcm) > sample))

    def changed_after(self, moment: float) -> float:
        """Return seconds from `moment` to the first picture that shows something else."""
        pictures = list(self.pictures)
        before = next(small for arrived, small in reversed(pictures) if arrived <= moment)
        for arrived, small in pictures:
            if arrived > moment and np.abs(small - before).mean() > ANOTHER:
                return arrived - moment
        return float("nan")


# --- the page -------------------------------------------------------------------------------------


def _page(room: RoomOnAir) -> dict[str, Any]:
    return asyncio.run(_opened(f"http://127.0.0.1:{room.port}/"))


async def _opened(address: str) -> dict[str, Any]:
    """Open the page in a fresh browser several times."""
    pictures, ready = [], []
    async with chromium() as page:
        await page.call("Network.setCacheDisabled", cacheDisabled=True)
        for _ in range(JOINS):
            began = time.perf_counter()
            await page.goto(address)
            await page.until("document.body.dataset.line === 'open'")
            ready.append(time.perf_counter() - began)
            await page.until("video.getVideoPlaybackQuality().totalVideoFrames > 0 && away.hidden")
            pictures.append(time.perf_counter() - began)
        loaded = await _loaded(page, "encodedBodySize")
        unpacked = await _loaded(page, "decodedBodySize")
        await page.call("Network.setCacheDisabled", cacheDisabled=False)
        for _ in range(2):  # the first of them fills the cache
            await page.goto(address)
            await page.until("document.body.dataset.line === 'open'")
        again = await _loaded(page, "transferSize")
    return {
        "files": len(loaded),
        "kilobytes": round(sum(loaded.values()) / 1000, 1),
        "kilobytes_unpacked": round(sum(unpacked.values()) / 1000, 1),
        "kilobytes_again": round(sum(again.values()) / 1000, 1),
        "seconds_to_state": quantiles(ready),
        "seconds_to_picture": quantiles(pictures),
    }


async def _loaded(page: Page, size: str) -> dict[str, int]:
    """Return the bytes of each file that the page was made of, by its name.

    Args:
        size: encodedBodySize as sent, decodedBodySize unpacked, transferSize less what was cached.
    """
    return dict(
        await page.run(
            f"[['index.html', performance.getEntriesByType('navigation')[0].{size}],"
            "...performance.getEntriesByType('resource').filter((e) => e.name.includes('/static/'))"
            f".map((e) => [e.name.split('/').pop(), e.{size}])]"
        )
    )
