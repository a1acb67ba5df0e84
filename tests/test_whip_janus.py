"""Publishing by WHIP to Janus: it gets every packet, may ask for a picture, and passes all on."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCSessionDescription

from livehost.clock import SAMPLE_RATE

from .browser import chromium
from .janus import Bridge, Janus, SimpleWhipServer, have_whip_server
from .rtc import HEIGHT, Live, Player, read_tick
from .test_whip_output import publishing, until

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("janus"), reason="janus is not installed"),
]
TOKEN = "s3cret-of-janus"
meetecho = pytest.param(
    SimpleWhipServer,
    marks=pytest.mark.skipif(not have_whip_server(), reason="simple-whip-server is not installed"),
)


async def received(janus: Janus, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what Janus has got of the stream, now and so many seconds later."""
    before = await janus.streams()
    await asyncio.sleep(seconds)
    return before, await janus.streams()


@asynccontextmanager
async def on_air(kind: Any, folder: Path, *ice: dict[str, str]) -> AsyncIterator[tuple[Any, ...]]:
    """Publish a stream to Janus behind a WHIP server of this kind."""
    janus, live = Janus(), Live()
    server = kind(janus, TOKEN, *ice)
    async with (
        janus.running(folder / "janus"),
        server.running(folder),
        publishing(server, live) as output,
    ):
        await until(lambda: output.snapshot()["state"] == "live")
        yield janus, live, output


@pytest.mark.parametrize("kind", [Bridge, meetecho])
def test_janus_gets_every_packet_and_its_subscriber_every_picture(kind, tmp_path):
    async def main():
        async with on_air(kind, tmp_path) as (janus, live, output):
            await asyncio.sleep(1)
            before, after = await received(janus, 4)
            asked = live.keyframes
            player = Player()
            where, offer = await janus.subscribe()
            await player.peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await player.peer.setLocalDescription(await player.peer.createAnswer())
            await janus.start(where, player.peer.localDescription.sdp)
            await player.seen(30)
            asked = live.keyframes - asked
            await player.close()
            snapshot = output.snapshot()
            await output.close()
            await asyncio.sleep(0.5)
            return before, after, asked, player, snapshot, await janus.streams()

    before, after, asked, player, snapshot, left = asyncio.run(main())
    assert after["video"]["codecs"]["codec"] == "h264"
    assert after["audio"]["codecs"]["codec"] == "opus"
    came = {
        k: after[k]["stats"]["in"]["packets"] - before[k]["stats"]["in"]["packets"] for k in after
    }
    assert 90 <= came["video"] <= 130 and 190 <= came["audio"] <= 230, "25 and 50 a second"
    for medium in after.values():
        assert medium["rtcp"]["main"]["lost"] == 0
        assert (
            not medium["stats"]["in"].get("nacks") and medium["rtcp"]["main"]["jitter-local"] < 60
        )
    assert 1 <= asked <= 3, "Janus asks for a picture for its subscriber"
    ticks = [read_tick(frame.to_ndarray()[:HEIGHT]) for _, frame in player.pictures]
    assert all(b - a == 1 for a, b in pairwise(ticks))
    assert (snapshot["state"], snapshot["losses"]) == ("live", 0)
    assert left == {}, "the end of the stream was told"


SUBSCRIBE = """(async (sdp) => {
  window.peer = new RTCPeerConnection();
  const stream = new MediaStream();
  peer.addEventListener('track', ({ track }) => stream.addTrack(track));
  await peer.setRemoteDescription({ type: 'offer', sdp });
  await peer.setLocalDescription(await peer.createAnswer());
  await new Promise((resolve) => {
    const done = () => peer.iceGatheringState === 'complete' && resolve();
    peer.addEventListener('icegatheringstatechange', done);
    done();
  });
  const video = document.createElement('video');
  Object.assign(video, { muted: true, srcObject: stream });
  document.body.append(video);
  video.play();
  return peer.localDescription.sdp;
})"""
HEALTH = """(async () => {
  const found = {};
  for (const report of (await peer.getStats()).values()) {
    if (report.type === 'inbound-rtp') found[report.kind] = report;
  }
  return found;
})()"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
def test_a_browser_watches_what_janus_passes_on(tmp_path):
    async def main():
        async with on_air(Bridge, tmp_path) as (janus, _, _), chromium() as page:
            where, offer = await janus.subscribe()
            answer = await page.run(f"{SUBSCRIBE}({json.dumps(offer)})")
            await janus.start(where, answer)
            async with asyncio.timeout(20):
                health: Any = {}
                while health.get("video", {}).get("framesDecoded", 0) < 100:
                    await asyncio.sleep(0.2)
                    health = await page.run(HEALTH)
            return health

    health = asyncio.run(main())
    assert health["video"]["freezeCount"] == 0 and health["video"]["frameHeight"] == HEIGHT
    assert health["audio"]["totalSamplesReceived"] > 2 * SAMPLE_RATE
    assert health["audio"]["concealedSamples"] < SAMPLE_RATE / 4
