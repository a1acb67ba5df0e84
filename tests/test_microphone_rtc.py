"""A microphone over real WebRTC: from a standard client and from a browser, to moving lips."""

from __future__ import annotations

import asyncio
import shutil
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soxr
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from livehost.avatar import load_avatar
from livehost.brain.command import Role, Who
from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.microphone import Microphones
from livehost.brain.webrtc.peer import Refused
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.config_webrtc import WebRtc
from livehost.media import SHAPE
from livehost.stage.drive import Drive
from livehost.stage.playout import Playout

from .browser import chromium
from .rtc import showing
from .test_microphone import Stand

pytestmark = pytest.mark.real
HERE = Path(__file__).parent
SDP = {"Content-Type": "application/sdp"}


class Talker(Stand):
    """A floor where whoever asks has the word, and the stage plays what it gets."""

    def may_speak(self, who) -> bool:
        return self.turn is not None

    def ahead(self) -> float:
        if not self.sent:
            return 0.0
        first = self.sent[0][0]
        samples = sum(len(speech.pcm) for _, speech in self.sent)
        return max(0.0, first + samples / SAMPLE_RATE - asyncio.get_running_loop().time())


def speech() -> np.ndarray:
    """A man who says a sentence, (n,) float32."""
    with np.load(HERE / "speech" / "zm_yunxi.npz") as file:
        pcm = soxr.resample(file["pcm"].astype(np.float32) / 32_767, 24_000, SAMPLE_RATE)
    return np.asarray(pcm / np.abs(pcm).max() * 0.4, np.float32)


class Source(MediaStreamTrack):
    """A microphone that hears one sound again and again, 20 ms at a time."""

    kind = "audio"

    def __init__(self, pcm: np.ndarray) -> None:
        super().__init__()
        self._pcm, self._at, self._began = pcm, 0, 0.0
        self.mute = False

    async def recv(self) -> Any:
        now = asyncio.get_running_loop().time
        self._began = self._began or now()
        await asyncio.sleep(self._began + self._at / SAMPLE_RATE - now())
        part = np.take(self._pcm, range(self._at, self._at + 960), mode="wrap")
        frame = av.AudioFrame("s16", "mono", 960)
        frame.planes[0].update(np.rint(part * 32_767 * (not self.mute)).astype("<i2").tobytes())
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, self._at, Fraction(1, 48_000)
        self._at += 960
        return frame


async def offered(client, track, **headers: str) -> tuple[int, Any, RTCPeerConnection]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(track)
    await peer.setLocalDescription(await peer.createOffer())
    body = peer.localDescription.sdp
    async with client.post("/whip", data=body, headers={**SDP, **headers}) as response:
        text = await response.text()
        if response.status == 201:
            await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return response.status, response.headers.get("Location", text), peer


async def until(condition, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_what_a_client_says_reaches_the_stage_and_moves_the_lips():
    async def main():
        floor = Talker()
        pcm = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), speech()])
        async with showing(floor=floor) as (_, _, client):
            status, where, peer = await offered(client, Source(pcm))
            await until(lambda: sum(len(s.pcm) for _, s in floor.sent) > 2 * SAMPLE_RATE)
            async with client.delete(where) as response:
                ended = response.status
            async with client.get("/metrics") as answer:
                page = await answer.text()
            await peer.close()
        return status, ended, page, floor

    status, ended, page, floor = asyncio.run(main())
    sent = [s for _, s in floor.sent]
    assert (status, ended) == (201, 200) and sent[-1].last
    assert floor.ended == ["left"], "who ends the connection hands the host back"
    assert "livehost_microphone_turns_total 1.0" in page
    assert "livehost_microphone_open 0.0" in page
    assert jaw(sent) > 0.1


def jaw(sent: list[Any]) -> float:
    """Return how far the host opens her mouth at speech that comes piece by piece."""
    playout, timeline = Playout(), Timeline(Fraction(25))
    drive = Drive(load_avatar(HERE.parent / "avatars" / "xiaohe"), timeline, 3)
    opened = []
    pieces = iter(sent)
    for tick in range(75):
        while playout.queued < 4800 and (piece := next(pieces, None)) is not None:
            playout.push(piece)
        pulled = playout.pull(timeline.samples(tick))
        opened.append(float(drive.face(tick, pulled.spoken).shapes[SHAPE["jawOpen"]]))
    return max(opened[5:])


def test_a_client_that_vanishes_hands_the_host_back_in_two_seconds():
    async def main():
        floor = Talker()
        pcm = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), speech()])
        async with showing(floor=floor) as (_, _, client):
            source = Source(pcm)
            _, _, peer = await offered(client, source)
            await until(lambda: floor.sent)
            sender = peer.getSenders()[0]
            sender._enabled = False  # packets stop, nothing is said about it
            began = asyncio.get_running_loop().time()
            await until(lambda: floor.ended, 6)
            took = asyncio.get_running_loop().time() - began
            await peer.close()
        return floor, took

    floor, took = asyncio.run(main())
    assert floor.ended == ["silent"] and floor.sent[-1][1].last
    assert took > 1.5


def test_only_who_has_the_word_may_speak_and_one_at_a_time():
    async def main():
        floor = Talker()
        floor.turn = None
        pcm = speech()
        async with showing(floor=floor) as (_, _, client):
            refused, why, peer = await offered(client, Source(pcm))
            await peer.close()
            floor.turn = True
            first = await offered(client, Source(pcm))
            second = await offered(client, Source(pcm))
            await until(lambda: floor.sent)
            async with client.delete(first[1]) as response:
                replaced = response.status
            floor.turn = None
            await until(lambda: floor.ended)
            async with client.delete(second[1]) as response:
                over = response.status
            for connection in (first[2], second[2]):
                await connection.close()
        return refused, why, first[0], second[0], replaced, over

    refused, why, first, second, replaced, over = asyncio.run(main())
    assert refused == 409 and "take the host over" in why
    assert (first, second, replaced, over) == (201, 201, 404, 404)


def test_two_that_open_at_once_end_as_one():
    async def main():
        floor = Talker()
        async with showing(floor=floor) as (_, _, client):
            opened = await asyncio.gather(*(offered(client, Source(speech())) for _ in range(3)))
            async with client.get("/metrics") as answer:
                page = await answer.text()
            left = []
            for status, where, peer in opened:
                async with client.delete(where) as response:
                    left.append((status, response.status))
                await peer.close()
        return left, page

    left, page = asyncio.run(main())
    assert sorted(left) == [(201, 200), (201, 404), (201, 404)]
    assert "livehost_microphone_turns_total 3.0" in page


def test_a_viewer_may_not_speak():
    async def main():
        microphones = Microphones(Talker(), Ice(WebRtc(), "127.0.0.1"))
        who = Who("eve", Role.VIEWER, "127.0.0.1", "eve:a")
        with pytest.raises(Refused) as refused:
            await microphones.open("v=0", who)
        return refused.value.status

    assert asyncio.run(main()) == 403


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_s_microphone_speaks_for_the_host(tmp_path):
    path = tmp_path / "voice.wav"
    pcm = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), speech()])
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(np.rint(np.tile(pcm, 3) * 32_767).astype("<i2").tobytes())

    async def main():
        floor = Talker()
        fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
        async with (
            showing(floor=floor) as (_, console, _),
            chromium(*fake, f"--use-file-for-fake-audio-capture={path}") as page,
        ):
            await page.goto(console.address + "healthz")
            await page.run("""(async () => {
              const { openMicrophone } = await import('/static/microphone.js');
              const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
              window.microphone = await openMicrophone(stream);
            })()""")
            await until(lambda: sum(len(s.pcm) for _, s in floor.sent) > 2 * SAMPLE_RATE)
            level = await page.until("microphone.level() > 0 && microphone.level()")
            await page.run("microphone.stop()")
            await until(lambda: floor.sent[-1][1].last, 6)
            return level, [s for _, s in floor.sent], page.console

    level, sent, logged = asyncio.run(main())
    assert level > 0 and [x for x in logged if "404" not in x] == []
    assert jaw(sent) > 0.1
