"""A whole room on air: watched by WebRTC, published by WHIP, taken over by microphone."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import numpy as np
import pytest

from livehost.clock import SAMPLE_RATE

from .onair import RoomOnAir
from .rtc import Player
from .test_microphone_rtc import Source, offered, speech
from .test_whip_output import TOKEN, MediaServer

pytestmark = [pytest.mark.real, pytest.mark.slow]
TAB = {"X-Livehost-Tab": "t1"}
QUIET, WORDS = 2.5, 1.5  # seconds
QUIETEST = 1500.0  # louder than the music


def calls() -> np.ndarray:
    """A voice that calls out every four seconds."""
    said = speech()[SAMPLE_RATE // 2 : SAMPLE_RATE // 2 + int(WORDS * SAMPLE_RATE)]
    return np.concatenate([np.zeros(int(QUIET * SAMPLE_RATE), np.float32), said])


async def command(client: aiohttp.ClientSession, name: str, **args: Any) -> dict[str, Any]:
    body = {"name": name, "args": args}
    async with client.post("/api/command", json=body, headers=TAB) as answer:
        return await answer.json()


async def status(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/status") as answer:
        return await answer.json()


async def until(condition: Any, seconds: float) -> Any:
    async with asyncio.timeout(seconds):
        while not (value := await condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return value


def test_a_room_is_seen_by_webrtc_sent_by_whip_and_spoken_for_by_microphone(tmp_path):
    async def main(server: MediaServer, room: RoomOnAir):
        async with aiohttp.ClientSession(f"http://127.0.0.1:{room.port}") as client:
            await until(lambda: asyncio.to_thread(room.status), 120)
            await until(lambda: ready(client), 60)
            player = Player()
            assert await player.join(client) == 201
            await player.seen(30, 30)
            await until(lambda: speaking(client), 60)
            before = (await status(client))["place"]
            assert (await command(client, "take_over", kind="microphone"))["ok"]
            source = Source(calls())
            code, _, peer = await offered(client, source, **TAB)
            assert code == 201
            await asyncio.sleep(14)
            during = await status(client)
            heard = list(player.sounds)
            began = source._began
            assert (await command(client, "hand_back"))["ok"]
            await until(lambda: speaking(client), 30)
            after = await status(client)
            async with client.get("/metrics") as answer:
                page = await answer.text()
            await peer.close()
            await player.close()
            return before, during, after, heard, began, page

    async def run():
        server = MediaServer()
        async with server.running():
            with RoomOnAir(tmp_path, ["--to", server.url]) as room:
                try:
                    return *(await main(server, room)), server, list(room.log)
                except BaseException:
                    print(room.tail())
                    raise
                finally:
                    await asyncio.to_thread(room.end)

    before, during, after, heard, began, page, server, log = asyncio.run(run())
    assert during["lease"]["kind"] == "microphone" and during["place"] == before
    assert during["now"] is None
    assert after["lease"] is None and after["place"]["segment"] == before["segment"]
    assert after["place"]["line"] in (before["line"], before["line"] + 1)
    late, alike = delay(heard, calls(), began)
    print(f"microphone to stream: {late:.2f} s, alike {alike:.2f}")
    assert alike > 0.5, "the stream had the words"
    name = "livehost_microphone_spoken_seconds_total "
    spoken = next(line for line in page.splitlines() if line.startswith(name))
    assert float(spoken.split()[-1]) > 2 * WORDS
    assert len(server.pictures) > 100 and len(server.sounds) > 100 and server.ended == 1
    assert not any(TOKEN in line for line in log)


async def ready(client: aiohttp.ClientSession) -> bool:
    async with client.options("/whep") as answer:
        return answer.status == 204 and bool(
            (await status(client)).get("stage", {}).get("connected")
        )


async def speaking(client: aiohttp.ClientSession) -> bool:
    return bool((await status(client)).get("now"))


def delay(sounds: list[tuple[float, Any]], said: np.ndarray, began: float) -> tuple[float, float]:
    """Return the seconds from the microphone to the stream, and how alike both are there.

    The call that came best counts: a busy machine may break off another.

    Args:
        sounds: (loop time, frame) as they were heard.
        said: what the microphone hears again and again since `began`.
    """
    levels = np.array([np.std(f.to_ndarray().astype(np.float32)) for _, f in sounds])
    arrived = np.array([at for at, _ in sounds])
    media = np.array([f.pts / SAMPLE_RATE for _, f in sounds])
    pieces = said[: len(said) // 960 * 960].reshape(-1, 960)
    spoken = np.log(np.std(pieces, axis=1) * 32_767 + QUIETEST)
    best = (-1.0, 0.0)
    for first in np.arange(3.0, 9.5, 0.5):
        wanted = (arrived > began + first) & (arrived < began + first + QUIET + WORDS)
        if np.sum(wanted) < 100:
            continue
        at = media[wanted] + np.median(arrived[wanted] - media[wanted])
        heard = np.log(levels[wanted] + QUIETEST)
        for lag in np.arange(0.0, 1.2, 0.01):
            index = ((at - lag - began) / 0.02).astype(int) % len(spoken)
            best = max(best, (float(np.corrcoef(heard, spoken[index])[0, 1]), float(lag)))
    return best[1], best[0]
