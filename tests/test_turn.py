"""Through a TURN server: coturn between a browser, a room and a media server, on loopback alone."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiortc import RTCConfiguration, RTCIceServer
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from livehost.config_webrtc import IceServer

from .browser import chromium
from .onair import free_port
from .rtc import HEIGHT, Live, Player, read_tick, showing
from .test_microphone_rtc import Source, Talker, offered, speech
from .test_whep_page import WATCH, decoded
from .test_whip_output import MediaServer, publishing

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("turnserver"), reason="coturn is not installed"),
]
needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium"), reason="chromium is not installed"
)
SECRET, PASSWORD = "north-star", "s3same"
RELAYED_ONLY = """
  const Real = window.RTCPeerConnection;
  window.peers = [];
  window.RTCPeerConnection = class extends Real {
    constructor(settings) {
      super({ ...settings, iceTransportPolicy: 'relay' });
      peers.push(this);
    }
  };
"""
BY_HTTP = "!video.srcObject && video.getVideoPlaybackQuality().totalVideoFrames > 5"
PATHS = """(async () => {
  const found = [];
  for (const report of (await peers.at(-1).getStats()).values()) {
    if (report.type === 'local-candidate') found.push([report.candidateType, report.relayProtocol]);
  }
  return found;
})()"""


@dataclass
class Coturn:
    """One TURN server.

    Attributes:
        said: lines of its log.
    """

    port: int
    tls: int
    certificate: Path
    said: list[str] = field(default_factory=list)
    process: Any = None

    def server(self, *urls: str, **more: str) -> dict[str, Any]:
        """Return it as the settings of a room."""
        written = [url.format(port=self.port, tls=self.tls) for url in urls]
        return {"ice_server": (IceServer(urls=tuple(written), **more),)}

    def count(self, words: str) -> int:
        return sum(words in line for line in self.said)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


def certified(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1; return it and its key."""
    certificate, key = folder / "turn.pem", folder / "turn.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@asynccontextmanager
async def coturn(folder: Path, *credentials: str) -> AsyncIterator[Coturn]:
    """Run coturn on loopback; `credentials` say whom it serves."""
    certificate, key = certified(folder)
    turn = Coturn(free_port(), free_port(), certificate)
    turn.process = await asyncio.create_subprocess_exec(
        "turnserver", "-n", "--no-cli", "--no-dtls", "--no-multicast-peers", "--simple-log",
        "--allow-loopback-peers", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
        f"--listening-port={turn.port}", f"--tls-listening-port={turn.tls}", "--realm=livehost",
        f"--cert={certificate}", f"--pkey={key}", f"--userdb={folder}/turn.db",
        f"--pidfile={folder}/turn.pid", "--log-file=stdout", "--relay-threads=1", "--verbose",
        *credentials,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    reading = asyncio.ensure_future(_read(turn))
    try:
        async with asyncio.timeout(20):
            while not turn.count(f"TLS/TCP listener opened on : 127.0.0.1:{turn.tls}"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield turn
    finally:
        turn.end()
        await turn.process.wait()
        await reading


async def _read(turn: Coturn) -> None:
    async for line in turn.process.stdout:
        turn.said.append(line.decode("utf-8", "replace").rstrip())


SHARED = ("--use-auth-secret", f"--static-auth-secret={SECRET}")
FIXED = ("--lt-cred-mech", f"--user=host:{PASSWORD}")


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("TURN_SECRET", SECRET)
    monkeypatch.setenv("TURN_PASSWORD", PASSWORD)


@asynccontextmanager
async def relayed(*flags: str) -> AsyncIterator[Any]:
    """Open a browser that speaks to TURN servers alone."""
    async with chromium(*flags) as page:
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=RELAYED_ONLY)
        yield page


@needs_chromium
@pytest.mark.parametrize("url", ["turn:127.0.0.1:{port}", "turn:127.0.0.1:{port}?transport=tcp"])
def test_a_browser_behind_a_firewall_sees_the_picture_through_the_relay(url, tmp_path):
    async def main():
        async with coturn(tmp_path, *SHARED) as turn, relayed() as page:
            servers = turn.server(url, secret_env="TURN_SECRET")
            async with showing(**servers) as (_, console, _):
                await page.goto(console.address + "healthz")
                await page.run(WATCH)
                await decoded(page, 75)
                paths, states = await page.run(PATHS), await page.run("states")
                health = await page.run("health")
                await page.goto("about:blank")
        return paths, states, health, turn

    paths, states, health, turn = asyncio.run(main())
    print(paths, health)
    assert paths and {kind for kind, _ in paths} == {"relay"}
    assert {by for _, by in paths} == {"tcp" if "tcp" in url else "udp"}
    assert states[-1] == "playing" and health["freezes"] == 0 and health["heard"] > 48_000
    assert turn.count("ALLOCATE processed, success") >= 2, "one for each side"
    assert not any(SECRET in line for line in turn.said)


@needs_chromium
def test_a_relay_that_dies_costs_the_picture_until_http_takes_over(tmp_path):
    async def main():
        now = asyncio.get_running_loop().time
        async with coturn(tmp_path, *SHARED) as turn, relayed() as page:
            servers = turn.server("turn:127.0.0.1:{port}", secret_env="TURN_SECRET")
            async with showing(relay_only=True, **servers) as (_, console, client):
                player = Player()
                assert await player.join(client) == 201
                await page.goto(console.address + "healthz")
                await page.run(WATCH)
                await decoded(page, 25)
                turn.end()
                await page.until("states.at(-1) === 'away'", 15)
                await page.until(BY_HTTP, 40)
                began = now()
                async with client.delete(player.location) as answer:
                    left = answer.status, now() - began
                await player.close()
                await page.goto("about:blank")
        return left

    status, seconds = asyncio.run(main())
    assert status in (200, 404) and seconds < 4, "nobody waits for a relay that has gone"


@needs_chromium
def test_turn_over_tls_carries_a_room_that_tells_no_address_of_its_own(tmp_path, monkeypatch):
    """The browser knows the relay by its name alone, and the room's side uses TLS as well."""

    async def main():
        trust = "--ignore-certificate-errors"
        async with coturn(tmp_path, *FIXED) as turn, relayed(trust) as page:
            monkeypatch.setenv("SSL_CERT_FILE", str(turn.certificate))
            servers = turn.server(
                "turns:127.0.0.1:{tls}?transport=tcp", username="host", password_env="TURN_PASSWORD"
            )
            async with showing(relay_only=True, **servers) as (_, console, client):
                player = Player()
                assert await player.join(client) == 201
                await player.seen(10)
                told = player.answer
                await player.close()
                await page.goto(console.address + "healthz")
                await page.run(WATCH)
                await decoded(page, 25)
                await page.goto("about:blank")
        return told, turn

    told, turn = asyncio.run(main())
    offered = [line.split() for line in told.splitlines() if line.startswith("a=candidate")]
    assert {words[7] for words in offered} == {"relay"}
    assert "raddr 0.0.0.0" in told or "raddr" not in told
    assert turn.count("TLS") and not any(PASSWORD in line for line in turn.said)


def test_a_microphone_comes_through_the_relay(tmp_path):
    async def main():
        floor = Talker()
        async with coturn(tmp_path, *SHARED) as turn:
            servers = turn.server("turn:127.0.0.1:{port}", secret_env="TURN_SECRET")
            async with showing(floor=floor, relay_only=True, **servers) as (_, _, client):
                status, _, peer = await offered(client, Source(speech()))
                async with asyncio.timeout(15):
                    while not floor.sent:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                await peer.close()
        return status, turn

    status, turn = asyncio.run(main())
    assert status == 201 and turn.count("ALLOCATE processed, success") == 1


def test_who_leaves_gives_the_relay_back(tmp_path):
    async def main():
        async with coturn(tmp_path, *SHARED) as turn:
            servers = turn.server("turn:127.0.0.1:{port}", secret_env="TURN_SECRET")
            async with showing(relay_only=True, **servers) as (_, _, client):
                for _ in range(3):
                    player = Player()
                    assert await player.join(client) == 201
                    await player.seen(1)
                    async with client.delete(player.location) as answer:
                        assert answer.status == 200
                    await player.close()
                await asyncio.sleep(0.5)
        return turn

    turn = asyncio.run(main())
    assert turn.count("ALLOCATE processed, success") == 3
    assert turn.count("REFRESH processed, success") == 3


class FarServer(MediaServer):
    """A media server that tells of a relay, and is reached through that alone."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._link = (
            f'<turn:127.0.0.1:{port}>; rel="ice-server"; username="host"; '
            f'credential="{PASSWORD}"; credential-type="password"'
        )
        servers = [RTCIceServer(f"turn:127.0.0.1:{port}", "host", PASSWORD)]
        self.configuration = RTCConfiguration(servers, RTCIceTransportPolicy.RELAY)

    def routes(self, app: web.Application) -> None:
        super().routes(app)
        app.router.add_options("/live/show", self._options)

    async def _options(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Bearer ")
        return web.Response(status=204, headers={"Link": self._link})

    def reachable(self, offer: str) -> str:
        return "\r\n".join(
            line for line in offer.splitlines()
            if not line.startswith("a=candidate") or " typ relay " in line
        ) + "\r\n"  # fmt: skip


def test_whip_reaches_a_server_through_the_relay_that_it_names(tmp_path):
    async def main():
        async with coturn(tmp_path, *FIXED) as turn:
            server = FarServer(turn.port)
            live = Live()
            async with server.running(), publishing(server, live) as output:
                async with asyncio.timeout(20):
                    while len(server.pictures) < 30:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                pair = server.peers[0].getReceivers()[0].transport.transport._connection
                used = pair._nominated[1].remote_candidate.type
                await output.close()
                await asyncio.sleep(0.3)
        return server, turn, used

    server, turn, used = asyncio.run(main())
    ticks = [read_tick(frame.to_ndarray()[:HEIGHT]) for frame in server.pictures[:30]]
    assert all(b - a == 1 for a, b in pairwise(ticks))
    assert used == "relay"
    assert turn.count("ALLOCATE processed, success") >= 2, "one for each side"


class Mute(asyncio.DatagramProtocol):
    """A server that takes everything and says nothing."""


@pytest.mark.parametrize("why", ["silent", "refuses"])
def test_a_relay_that_does_not_work_keeps_nobody_from_watching_for_long(why, tmp_path):
    async def main():
        now = asyncio.get_running_loop().time
        async with coturn(tmp_path, *FIXED) as turn:
            silent, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                Mute, local_addr=("127.0.0.1", 0)
            )
            port = silent.get_extra_info("sockname")[1] if why == "silent" else turn.port
            servers = turn.server(
                f"stun:127.0.0.1:{port}", f"turn:127.0.0.1:{port}", secret_env="TURN_SECRET"
            )
            async with showing(**servers) as (_, _, client):
                player, began = Player(), now()
                status = await player.join(client)
                joined = now() - began
                await player.seen(2)
                began = now()
                async with client.delete(player.location):
                    pass
                left = now() - began
                await player.close()
            silent.close()
        return status, joined, left

    status, joined, left = asyncio.run(main())
    print(why, joined, left)
    assert status == 201 and joined < 5 and left < 2
