"""A real encoded stream and a real browser, for tests that must see what a viewer sees.

In:  nothing but PyAV and a Chromium on the PATH.   Out: packets; a page driven over DevTools.
"""

from __future__ import annotations

import asyncio
import base64
import io
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
import av
import numpy as np

from livehost.media import Packet, StreamHeader

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-quic",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]


def make_stream(
    seconds: float, width: int = 180, height: int = 320, fps: int = 25, gop_seconds: float = 2.0
) -> tuple[StreamHeader, list[Packet]]:
    """Encode a moving picture and a tone; return header and packets in the order of their dts."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as box:
        video = box.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "bf": "0"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.gop_size = int(fps * gop_seconds)
        audio = box.add_stream("aac", rate=48_000, layout="stereo")
        for n in range(int(seconds * fps)):
            box.mux(video.encode(_picture(n, width, height)))
        for n in range(int(seconds * 48_000) // 1024):
            box.mux(audio.encode(_tone(n)))
        box.mux(video.encode(None))
        box.mux(audio.encode(None))
    return _read(file, fps)


def _picture(n: int, width: int, height: int) -> av.VideoFrame:
    rows, columns = np.mgrid[0:height, 0:width]
    rgb = np.stack([(columns + 4 * n) % 256, rows % 256, np.full_like(rows, 3 * n % 256)], -1)
    frame = av.VideoFrame.from_ndarray(rgb.astype(np.uint8), "rgb24").reformat(format="yuv420p")
    frame.pts = n
    return frame


def _tone(n: int) -> av.AudioFrame:
    at = np.arange(n * 1024, (n + 1) * 1024) / 48_000
    sound = (0.2 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([sound, sound]), "fltp", "stereo")
    frame.sample_rate, frame.pts = 48_000, n * 1024
    return frame


def _read(file: io.BytesIO, fps: int) -> tuple[StreamHeader, list[Packet]]:
    file.seek(0)
    with av.open(file) as box:
        video, audio = box.streams.video[0], box.streams.audio[0]
        context = video.codec_context
        header = StreamHeader(
            context.width,
            context.height,
            f"{fps}/1",
            bytes(context.extradata or b""),
            bytes(audio.codec_context.extradata or b""),
        )
        packets = [_packet(p) for p in box.demux() if p.size]
    return header, sorted(packets, key=lambda p: p.dts)


def _packet(packet: av.Packet) -> Packet:
    scale = Fraction(packet.time_base) * 48_000
    return Packet(
        "video" if packet.stream.type == "video" else "audio",
        int(packet.pts * scale),
        int(packet.dts * scale),
        int((packet.duration or 0) * scale),
        packet.is_keyframe,
        bytes(packet),
    )


class Page:
    """One tab, driven over the DevTools protocol."""

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, session: aiohttp.ClientSession, port: int
    ) -> None:
        self._socket = socket
        self._session = session
        self._port = port
        self._sent = 0
        self.console: list[str] = []
        """Errors and warnings that the page logged, exceptions included."""

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one DevTools command; return its result. Raises AssertionError on an error."""
        self._sent += 1
        await self._socket.send_json({"id": self._sent, "method": method, "params": params})
        async with asyncio.timeout(30):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == self._sent:
                    assert "error" not in answer, answer["error"]
                    return answer["result"]
                self._hear(answer)

    def _hear(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.console.append(details.get("exception", {}).get("description", str(details)))
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] != "info":
            self.console.append(params["entry"]["text"])

    async def goto(self, url: str) -> None:
        """Load `url` and wait until it is complete."""
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression (awaited if it is a promise)."""
        result = await self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 15) -> Any:
        """Return the expression's value as soon as it is true. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not (value := await self.run(script)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return value

    async def look(self, width: int, height: int, theme: str = "light") -> None:
        """Set window size and colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        await self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": theme}],
        )

    async def press(self, key: str, typed: str = "", hold: float = 0.0, **more: Any) -> None:
        """Press and release one key, where the focus is.

        Args:
            typed: the text that the key makes, if any.
            hold: seconds between the two.
        """
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38,
                 "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}  # fmt: skip
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, **more}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=typed, **event)
        await asyncio.sleep(hold)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    async def write(self, text: str) -> None:
        """Type a text where the focus is."""
        await self.call("Input.insertText", text=text)

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Page]:
        """Open one more tab of the same browser; closed on leaving."""
        address = f"http://127.0.0.1:{self._port}/json"
        async with self._session.put(f"{address}/new?about:blank") as answer:
            tab = await answer.json()
        async with self._session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            yield await ready(Page(socket, self._session, self._port))
        async with self._session.get(f"{address}/close/{tab['id']}"):
            pass

    async def screenshot(self, path: Path, whole: bool = True) -> None:
        """Write a PNG of the page."""
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))


async def ready(page: Page) -> Page:
    """Have a tab tell what happens in it."""
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.call(f"{domain}.enable")
    return page


@asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Page]:
    """Start a headless Chromium with one tab; killed on leaving.

    Args:
        flags: beside the usual ones.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            shutil.which("chromium") or "chromium",
            *FLAGS,
            *flags,
            f"--user-data-dir={profile}",
            "about:blank",
            stderr=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with aiohttp.ClientSession() as session:
                port, address = await _devtools(Path(profile) / "DevToolsActivePort", session)
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield await ready(Page(socket, session, port))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _devtools(port_file: Path, session: aiohttp.ClientSession) -> tuple[int, str]:
    async with asyncio.timeout(60):
        while not (port_file.exists() and port_file.read_text().strip()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    port = int(port_file.read_text().split()[0])
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        tabs = await answer.json()
    return port, next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
