"""One WHIP connection as a process of its own: `python -m livehost.stage.outputs.whip_child`.

In:  on stdin one JSON line of `Job`, then wire frames (StreamInfo, Encoded ...); EOF ends the
     stream.
Out: RTP to the server; on stdout JSON lines: {"live"}, {"keyframe"}, {"acked", "unacked"},
     {"error"}.

Packets are sent as they are: H.264 and Opus of the stage. The token comes by stdin because
arguments and environment can be read by others on the machine.

Source: RFC 9725.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from yarl import URL

from livehost.errors import WireLost
from livehost.media import StreamHeader
from livehost.rtc import description
from livehost.rtc.fanout import Fanout, Feed
from livehost.rtc.servers import ice_servers
from livehost.rtc.tracks import PacketTrack
from livehost.stage.outputs.link_child import die_with
from livehost.wire import Connection, Encoded, StreamInfo

HTTP_SECONDS = 7.0
OPTIONS_SECONDS = 2.0  # both within the time that a link has to come up
CONNECT_SECONDS = 8.0
REPORT_SECONDS = 0.5
KEYFRAME_SECONDS = 1.0  # between two that the server asks for
STREAM = "livehost"
WORDS = {
    401: "refused: the token is missing or wrong",
    403: "refused: the token is wrong, or may not publish there",
    404: "refused: there is no such endpoint",
    405: "refused: this is no WHIP endpoint",
    409: "refused: somebody publishes there already",
    415: "refused: this is no WHIP endpoint",
    503: "refused: the server takes no more streams now",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks for.

    Attributes:
        url: as the operator wrote it.
        endpoint: HTTP address.
        token: "" for none.
        parent: process id; when it is gone, so are we.
    """

    url: str
    endpoint: str
    token: str
    parent: int


class Failed(Exception):
    """The connection is over; the message is for the operator and holds no secret."""


def main() -> int:
    """Run one connection from start to end; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent ends us, in its own time
    try:
        asyncio.run(_run())
    except Failed as error:
        _say(error=str(error), plain=True)
        return 1
    return 0


async def _run() -> None:
    reader = await _stdin()
    job = Job(**json.loads(await reader.readline()))
    die_with(job.parent)
    messages = _messages(reader)
    info = await anext(messages)
    if not isinstance(info, StreamInfo):
        raise Failed("the stage sent no parameters")
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HTTP_SECONDS)) as http:
        publisher = Publisher(job, info.header, await _servers(http, job))
        try:
            await publisher.publish(http)
            _say(live=True)
            await publisher.pump(messages)
        finally:
            await publisher.leave(http)


async def _servers(http: aiohttp.ClientSession, job: Job) -> list[RTCIceServer]:
    """Return the STUN and TURN servers of the WHIP server; [] where it names none.

    Asked before the offer is made, because aiortc takes them no later.
    """
    patience = aiohttp.ClientTimeout(OPTIONS_SECONDS)
    try:
        async with http.options(job.endpoint, headers=_headers(job), timeout=patience) as response:
            return ice_servers(response.headers.getall("Link", ())) if response.ok else []
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return []  # the offer meets the same, and says what it is


def _headers(job: Job) -> dict[str, str]:
    return {"Authorization": f"Bearer {job.token}"} if job.token else {}


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _messages(reader: asyncio.StreamReader) -> AsyncIterator[Any]:
    """Yield what the parent sends; its end, also in the middle of a message, is the end."""
    try:
        # Nothing is ever written: the parent listens to our standard output.
        async for message in Connection(reader, None).messages():  # type: ignore[arg-type]
            yield message
    except WireLost:
        return


class Publisher:
    """One peer connection that sends.

    Args:
        servers: STUN and TURN servers that may be used.
    """

    def __init__(self, job: Job, header: StreamHeader, servers: list[RTCIceServer]) -> None:
        self._job = job
        bundle = RTCBundlePolicy.MAX_BUNDLE  # or each track would want a port and a relay
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=servers, bundlePolicy=bundle))
        self._feed, self._fanout = Feed(), Fanout()
        self._fanout.info(header)
        self._fanout.feeds.add(self._feed)
        self._settled = asyncio.Event()
        self._location = ""
        self._asked = float("-inf")
        self._peer.on("connectionstatechange", self._changed)
        preferred = {
            "audio": description.audio_preferences(),
            "video": description.video_preferences(header.video_extradata),
        }
        for kind in ("audio", "video"):
            transceiver = self._peer.addTransceiver(PacketTrack(self._feed, kind), "sendonly")
            transceiver.setCodecPreferences(preferred[kind])
            sender: Any = transceiver.sender
            sender._stream_id, sender._send_keyframe = STREAM, self._keyframe

    async def publish(self, http: aiohttp.ClientSession) -> None:
        """Connect. Raises Failed."""
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await self._offered(http, self._peer.localDescription.sdp)
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except Exception as error:  # the seam to what a server may send
            raise Failed("the server's answer cannot be used: no H.264 or no Opus?") from error
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._settled.wait()
        except TimeoutError:
            raise Failed("no packet comes through to the server: is UDP blocked?") from None
        self._check()

    async def pump(self, messages: AsyncIterator[Any]) -> None:
        """Send packets until the parent has no more. Raises Failed."""
        watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            async for message in messages:
                if isinstance(message, Encoded):
                    self._fanout.packet(message.packet)
                self._check()
        finally:
            watching.cancel()

    async def leave(self, http: aiohttp.ClientSession) -> None:
        """Tell the server that the stream ends."""
        if self._location:
            try:
                async with http.delete(self._location, headers=_headers(self._job)):
                    pass
            except (aiohttp.ClientError, TimeoutError):
                pass  # it will notice
        await self._peer.close()

    async def _offered(self, http: aiohttp.ClientSession, offer: str) -> str:
        headers = {"Content-Type": "application/sdp", **_headers(self._job)}
        try:
            async with http.post(self._job.endpoint, data=offer, headers=headers) as response:
                if response.status != 201:
                    status = response.status
                    raise Failed(WORDS.get(status, f"refused by the server (HTTP {status})"))
                where = response.headers.get("Location", "")
                self._location = str(response.url.join(URL(where))) if where else ""
                return await response.text()
        except aiohttp.ClientConnectorError as error:
            raise Failed("connection refused: nothing listens there") from error
        except TimeoutError as error:
            raise Failed(f"no answer within {HTTP_SECONDS:g} s") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise Failed("the server's answer is no HTTP, or no WHIP") from error

    def _changed(self) -> None:
        if self._peer.connectionState in ("connected", "failed", "closed"):
            self._settled.set()

    def _check(self) -> None:
        if self._peer.connectionState in ("failed", "closed"):
            raise Failed("the server closed the connection")

    def _keyframe(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._asked >= KEYFRAME_SECONDS:
            self._asked = now
            _say(keyframe=True)

    async def _watch(self) -> None:
        """Report what the server says it received."""
        acked, newest = 0, None
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            sent, latest = 0, None
            for report in (await self._peer.getStats()).values():
                if report.type == "outbound-rtp":
                    sent += report.bytesSent
                elif report.type == "remote-inbound-rtp":
                    latest = max(filter(None, (latest, report.timestamp)))
            if latest != newest:
                acked, newest = sent, latest
            _say(acked=acked, unacked=sent - acked)


def _say(**report: object) -> None:
    try:
        os.write(1, json.dumps(report).encode() + b"\n")
    except OSError:
        os._exit(1)  # nobody listens any more


if __name__ == "__main__":
    sys.exit(main())
