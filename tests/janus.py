"""Janus as a media server for tests: the gateway, two WHIP servers before it, a subscriber's talk.

In:  Debian's `janus`; for the other WHIP server its `simple-whip-server`.   Out: a WHIP address;
what Janus says of the stream that it gets.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from .onair import free_port

ROOM, SECRET = 1234, "admin-of-janus"
LIBRARIES = "/usr/lib/x86_64-linux-gnu/janus"
WHIP_SERVER = Path(os.environ.get("SIMPLE_WHIP_SERVER", "/usr/share/simple-whip-server"))
"""Where Meetecho's WHIP server for Janus lies; its libraries are found through NODE_PATH."""
VIDEO_ROOM = "janus.plugin.videoroom"
_GENERAL = """general: {{
  configs_folder = "{folder}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  debug_level = 4
  admin_secret = "{secret}"
}}
nat: {{ ice_enforce_list = "127.0.0.1,lo" }}
media: {{ rtp_port_range = "{ports}" }}
transports: {{ disable = "libjanus_pfunix.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_rabbitmq.so" }}
"""  # noqa: E501
_HTTP = """general: {{ http = true
  ip = "127.0.0.1"
  port = {http} }}
admin: {{ admin_http = true
  admin_ip = "127.0.0.1"
  admin_port = {admin} }}
"""
_WEBSOCKET = """general: {{ ws = true
  ws_ip = "127.0.0.1"
  ws_port = {ws} }}
"""
_ROOM = """room-{room}: {{ description = "show"
  publishers = 2
  bitrate = 0
  audiocodec = "opus"
  videocodec = "h264"
}}
"""


class Janus:
    """One gateway, and a session in it for whoever asks by HTTP."""

    def __init__(self) -> None:
        self.http, self.admin, self.ws = free_port(), free_port(), free_port()
        self.said: list[str] = []
        self._client: aiohttp.ClientSession
        self._sent = 0

    @asynccontextmanager
    async def running(self, folder: Path) -> AsyncIterator[Janus]:
        """Run it; its files go to `folder`."""
        folder.mkdir(exist_ok=True)
        values = {
            "folder": folder, "libraries": LIBRARIES, "secret": SECRET, "room": ROOM,
            "http": self.http, "admin": self.admin, "ws": self.ws, "ports": "42200-42300",
        }  # fmt: skip
        for name, text in (
            ("janus", _GENERAL), ("janus.transport.http", _HTTP),
            ("janus.transport.websockets", _WEBSOCKET), ("janus.plugin.videoroom", _ROOM),
        ):  # fmt: skip
            (folder / f"{name}.jcfg").write_text(text.format(**values))
        process = await asyncio.create_subprocess_exec(
            "janus", "-F", str(folder),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        reading = asyncio.ensure_future(_read(process.stdout, self.said))
        try:
            async with aiohttp.ClientSession() as self._client:
                await self._answering()
                yield self
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reading

    async def _answering(self) -> None:
        async with asyncio.timeout(30):
            while True:
                try:
                    await self.ask({"janus": "ping"})
                    return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)

    async def ask(self, body: dict[str, Any], *path: int) -> dict[str, Any]:
        """Send one request to the client's API."""
        return await self._post(f"http://127.0.0.1:{self.http}/janus", body, path)

    async def told(self, body: dict[str, Any], *path: int) -> dict[str, Any]:
        """Send one request to the administrator's API."""
        url = f"http://127.0.0.1:{self.admin}/admin"
        return await self._post(url, {**body, "admin_secret": SECRET}, path)

    async def _post(self, url: str, body: dict[str, Any], path: tuple[int, ...]) -> dict[str, Any]:
        self._sent += 1
        where = "/".join([url, *map(str, path)])
        async with self._client.post(
            where, json={"transaction": str(self._sent), **body}
        ) as answer:
            said: dict[str, Any] = await answer.json(content_type=None)
        assert said.get("janus") != "error", said
        return said

    async def handle(self) -> tuple[int, int]:
        """Return a new session and a handle of the video room in it."""
        session = (await self.ask({"janus": "create"}))["data"]["id"]
        handle = await self.ask({"janus": "attach", "plugin": VIDEO_ROOM}, session)
        return session, handle["data"]["id"]

    async def talk(
        self, where: tuple[int, int], body: dict[str, Any], jsep: Any = None
    ) -> dict[str, Any]:
        """Say something to the video room and return its answer."""
        message = {"janus": "message", "body": body, **({"jsep": jsep} if jsep else {})}
        await self.ask(message, *where)
        url = f"http://127.0.0.1:{self.http}/janus/{where[0]}"
        async with asyncio.timeout(15):
            while True:
                async with self._client.get(url) as answer:
                    event = await answer.json(content_type=None)
                if event.get("janus") == "event":
                    assert "error" not in event["plugindata"]["data"], event
                    return dict(event)

    async def streams(self) -> dict[str, dict[str, Any]]:
        """Return what the administrator's API says of the publisher's media, by kind."""
        for session in (await self.told({"janus": "list_sessions"}))["sessions"]:
            for handle in (await self.told({"janus": "list_handles"}, session))["handles"]:
                info = (await self.told({"janus": "handle_info"}, session, handle))["info"]
                if info.get("plugin_specific", {}).get("type") == "publisher":
                    return {m["type"]: m for m in info["webrtc"]["media"].values()}
        return {}

    async def publisher(self) -> int:
        """Return the id of who publishes in the room."""
        session, handle = await self.handle()
        body = {"request": "listparticipants", "room": ROOM}
        answer = await self.ask({"janus": "message", "body": body}, session, handle)
        found = answer["plugindata"]["data"]["participants"]
        return int(next(p["id"] for p in found if p["publisher"]))

    async def subscribe(self) -> tuple[tuple[int, int], str]:
        """Return a subscriber's handle and the offer that Janus makes it."""
        streams = [{"feed": await self.publisher()}]
        where = await self.handle()
        body = {"request": "join", "room": ROOM, "ptype": "subscriber", "streams": streams}
        return where, (await self.talk(where, body))["jsep"]["sdp"]

    async def start(self, where: tuple[int, int], answer: str) -> None:
        """Have Janus send a subscriber what it wants."""
        await self.talk(where, {"request": "start"}, {"type": "answer", "sdp": answer})


async def _read(stream: Any, into: list[str]) -> None:
    async for line in stream:
        into.append(line.decode("utf-8", "replace").rstrip())


async def _until(condition: Callable[[], Any], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# --- WHIP before it -------------------------------------------------------------------------------


class Bridge:
    """A WHIP server of few lines: what is posted is published in the video room."""

    def __init__(self, janus: Janus, token: str, *_: dict[str, str]) -> None:
        self._janus, self._token = janus, token
        self._now: tuple[int, int] | None = None
        self.url = ""

    @asynccontextmanager
    async def running(self, _: Path) -> AsyncIterator[Bridge]:
        app = web.Application()
        app.router.add_post("/whip", self._publish)
        app.router.add_delete("/whip/now", self._end)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        self.url = f"whip+http://{self._token}@127.0.0.1:{port}/whip"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _publish(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {self._token}"
        self._now = await self._janus.handle()
        body = {"request": "joinandconfigure", "ptype": "publisher", "room": ROOM}
        offer = {"type": "offer", "sdp": await request.text()}
        answer = await self._janus.talk(self._now, body, offer)
        return web.Response(
            status=201, text=answer["jsep"]["sdp"], content_type="application/sdp",
            headers={"Location": "/whip/now"},
        )  # fmt: skip

    async def _end(self, _: web.Request) -> web.Response:
        if self._now:
            await self._janus.ask({"janus": "destroy"}, self._now[0])
        return web.Response()


def have_whip_server() -> bool:
    """Return whether Meetecho's WHIP server and what it needs are there."""
    if not (shutil.which("node") and (WHIP_SERVER / "src" / "server.js").exists()):
        return False
    needed = "['async','express','cors','colors/safe','debug','websocket'].map(require)"
    return subprocess.run(["node", "-e", needed], capture_output=True, check=False).returncode == 0


class SimpleWhipServer:
    """Meetecho's WHIP server for Janus.

    Args:
        ice_servers: it tells publishers of.
    """

    def __init__(self, janus: Janus, token: str, *ice_servers: dict[str, str]) -> None:
        self._janus, self._token, self._ice_servers = janus, token, list(ice_servers)
        self.port = free_port()
        self.url = f"whip+http://{token}@127.0.0.1:{self.port}/whip/endpoint/show"
        self.said: list[str] = []

    @asynccontextmanager
    async def running(self, folder: Path) -> AsyncIterator[SimpleWhipServer]:
        shutil.copytree(WHIP_SERVER / "src", folder / "whip", symlinks=True)
        settings = {
            "janus": {"address": f"ws://127.0.0.1:{self._janus.ws}"}, "port": self.port,
            "rest": "/whip", "allowTrickle": True, "strictETags": False, "iceServers": [],
        }  # fmt: skip
        (folder / "whip" / "config.js").unlink(missing_ok=True)
        (folder / "whip" / "config.js").write_text(f"module.exports = {json.dumps(settings)};")
        # It would listen on all addresses.
        (folder / "near.js").write_text("""
          const { Server } = require('net');
          const { listen } = Server.prototype;
          Server.prototype.listen = function (port, ready) {
            return listen.call(this, port, '127.0.0.1', ready);
          };""")
        process = await asyncio.create_subprocess_exec(
            "node", "-r", str(folder / "near.js"), "server.js", cwd=folder / "whip",
            env={**os.environ, "DEBUG": "whip:*,janus:info"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        reading = asyncio.ensure_future(_read(process.stdout, self.said))
        try:
            await _until(lambda: any("server prototype started" in line for line in self.said))
            await self._create()
            yield self
        finally:
            process.kill()
            await process.wait()
            await reading

    async def _create(self) -> None:
        body = {"id": "show", "room": ROOM, "token": self._token}
        body |= {"iceServers": self._ice_servers} if self._ice_servers else {}
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"http://127.0.0.1:{self.port}/whip/create", json=body) as answer,
        ):
            assert answer.status == 200
