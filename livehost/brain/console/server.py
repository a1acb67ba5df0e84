"""The operator's HTTP server: page, API, metrics, health and live picture.

In:  requests.   Out: calls to the desk, and its answers; docs/operator-api.md has every route.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from livehost.brain.command import Command
from livehost.brain.console.access import Access
from livehost.brain.console.answers import answer, refusal
from livehost.brain.console.assets import Assets
from livehost.brain.console.chatdoor import MOST_BODY, ChatDoor
from livehost.brain.console.desk import Desk
from livehost.brain.console.doorway import Doorway
from livehost.brain.console.entry import Entry
from livehost.brain.console.exposition import Exposition
from livehost.brain.console.guard import WHO, Guard, add_headers, check_address
from livehost.brain.console.health import reasons
from livehost.brain.console.hub import Hub
from livehost.brain.console.orders import Orders
from livehost.brain.console.part import Part
from livehost.brain.console.preview import Preview, pieces
from livehost.brain.console.sockets import Sockets
from livehost.errors import ConfigError
from livehost.supervise import supervise

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
MOST_COMMAND = 64 * 1024  # bytes of one command
STATUS_SECONDS = 0.2  # how long one snapshot serves everybody
WRITE_SECONDS = 10.0  # a viewer who takes nothing for so long is gone
LOOK_SECONDS = 1.0  # how often a silent viewer's socket is looked at
SHUTDOWN_SECONDS = 1.0
RENEW_SECONDS = 2.0  # how soon a changed users file is in force
LOOK_AGAIN = web.RequestKey("look_again", float)
HTTP_CODES = {"role": 403, "busy": 429, "failed": 500, "timeout": 504}
"""Status of commands that the show did not consider, or that broke."""


class Console:
    """One HTTP server over one desk.

    Args:
        desk: the show.
        host, port: where to listen; port 0 takes a free one.
        token: an owner's, asked of every request that shows or changes something; None: none.
        most_bytes: longest chat message.
        parts: what else is served.
        entry: users, proxies and TLS; None: there are none.

    Raises:
        ConfigError: `host` is not a loopback address and anybody could come in, or the token is
            too short.
    """

    def __init__(
        self,
        desk: Desk,
        host: str,
        port: int,
        token: str | None = None,
        most_bytes: int = 16_384,
        parts: Sequence[Part] = (),
        entry: Entry | None = None,
    ) -> None:
        self._desk = desk
        self._host, self._port = host, port
        self._entry = entry or Entry(Access(token))
        check_address(host, token, self._entry.access.asked)
        self._guard = Guard(host, self._entry.access, self._entry.proxies)
        self._chat = ChatDoor(desk, most_bytes)
        self._preview = Preview(desk)
        self._orders = Orders(desk)
        self._hub = Hub(desk)
        self._sockets = Sockets(desk, self._hub, self._orders)
        self._assets = Assets(STATIC)
        self._doorway = Doorway(self._entry.access, desk.note, self._sockets.end, self._assets)
        self._metrics = Exposition(
            desk.metrics,
            self._preview.metrics,
            self._chat.metrics,
            self._sockets.metrics,
            self._doorway.metrics,
            self._own_metrics,
            *(part.metrics for part in parts),
        )
        self._parts = parts
        self._status: tuple[float, dict[str, Any]] | None = None
        self.ready = asyncio.Event()
        """Set while the server listens."""

    @property
    def address(self) -> str:
        """Where a browser finds the page; the port is right once `ready` is set."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http{'s' if self._entry.tls else ''}://{host}:{self._port}/"

    async def run(self) -> None:
        """Serve until cancelled; open streams are ended then, within two seconds.

        Raises:
            ConfigError: the address cannot be listened on.
        """
        runner = web.AppRunner(
            self._app(), access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await self._listen(runner)
            self.ready.set()
            log.info("console is listening", extra={"address": self.address})
            async with asyncio.TaskGroup() as group:
                for work in self._works():
                    group.create_task(work)
                for part in self._parts:
                    group.create_task(supervise(type(part).__name__, part.run))
        finally:
            self.ready.clear()
            await runner.cleanup()

    def _works(self) -> Iterator[Coroutine[Any, Any, None]]:
        yield from (self._preview.run(), self._orders.run(), self._hub.run(), self._renew())
        if self._entry.tls:
            yield self._entry.tls.run()

    async def _renew(self) -> None:
        """Put a changed users file in force; who may no longer be here has to go."""
        try:
            while True:
                await asyncio.sleep(RENEW_SECONDS)
                self._entry.access.renew()
                await self._sockets.end_those(lambda who: not self._entry.access.still(who))
        finally:
            self._entry.access.sessions.save()

    async def _listen(self, runner: web.AppRunner) -> None:
        secure = self._entry.tls.context if self._entry.tls else None
        site = web.TCPSite(runner, self._host, self._port, ssl_context=secure)
        try:
            await site.start()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ConfigError(
                f"console: cannot listen on {self._host}:{self._port}: {why}; "
                "end the program that uses it or choose another port with --console"
            ) from error
        if self._port == 0:
            self._port = int(runner.addresses[0][1])

    def _app(self) -> web.Application:
        app = web.Application(
            middlewares=[_as_json, self._guard.middleware], client_max_size=MOST_BODY
        )
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(lambda _: self._sockets.end())
        app.router.add_get("/", self._page)
        app.router.add_routes(self._assets.routes())
        app.router.add_post("/api/chat", self._post_chat)
        app.router.add_post("/api/command", self._post_command)
        app.router.add_get("/api/status", self._get_status)
        app.router.add_get("/api/recent", self._get_recent)
        app.router.add_get("/metrics", self._get_metrics)
        app.router.add_get("/healthz", self._get_health)
        app.router.add_get("/ws", self._sockets.serve)
        app.router.add_routes(self._doorway.routes())
        app.router.add_get("/live.mp4", self._get_live, allow_head=False)
        for part in self._parts:
            app.router.add_routes(part.routes())
        return app

    # --- page and reports -------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        return self._assets.answer(request, "index.html")

    async def _get_status(self, _: web.Request) -> web.Response:
        return answer(self._snapshot())

    async def _get_recent(self, _: web.Request) -> web.Response:
        return answer(self._desk.recent())

    async def _get_metrics(self, _: web.Request) -> web.Response:
        page = self._metrics.page()
        return web.Response(
            body=page, headers={hdrs.CONTENT_TYPE: "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _get_health(self, request: web.Request) -> web.Response:
        found = reasons(self._snapshot())
        shown = {"reasons": found} if WHO in request else {}
        return answer({"ok": not found, **shown}, 503 if found else 200)

    def _snapshot(self) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        if self._status is None or now - self._status[0] > STATUS_SECONDS:
            self._status = (now, self._desk.status())
        return self._status[1]

    def _own_metrics(self) -> dict[str, float]:
        causes = ("host", "origin", "token", "role")
        name = "livehost_console_refused_total"
        return {f'{name}{{cause="{cause}"}}': self._guard.refused[cause] for cause in causes}

    # --- chat and commands ------------------------------------------------------------------------

    async def _post_chat(self, request: web.Request) -> web.Response:
        try:
            raws = self._chat.split(await request.read())
        except web.HTTPRequestEntityTooLarge:
            admission = self._chat.oversized()
            return refusal(admission.status, admission.receipt.reason)
        if not raws:
            return refusal(400, "the body is empty; send one JSON object, or one a line")
        if len(raws) == 1:
            admission = self._chat.admit(raws[0])
            receipt = admission.receipt
            if not receipt.ok:
                return refusal(admission.status, receipt.reason or "rejected")
            return answer({"ok": True, "id": receipt.id})
        receipts = [admission.receipt for admission in await self._chat.admit_all(raws)]
        return _batch([(n, r.reason) for n, r in enumerate(receipts, 1) if not r.ok], len(raws))

    async def _post_command(self, request: web.Request) -> web.Response:
        name, args = _command(await _read(request, MOST_COMMAND), self._desk.table)
        self._status = None  # the page must see what the command did
        outcome = await self._orders.give(name, args, request[WHO])
        self._status = None
        self._hub.touch()
        if outcome.code in HTTP_CODES:
            return refusal(HTTP_CODES[outcome.code], outcome.message)
        if not outcome.ok:
            return refusal(409, outcome.message or f"{name} was refused")
        return answer({"ok": True, "message": outcome.message, "data": outcome.data})

    # --- live picture -----------------------------------------------------------------------------

    async def _get_live(self, request: web.Request) -> web.StreamResponse:
        viewer = await self._preview.join()
        if viewer is None:
            why = "there are too many viewers" if self._preview.full else "there is no stream yet"
            return refusal(503, why, **{hdrs.RETRY_AFTER: "1"})
        try:
            response = web.StreamResponse(
                headers={hdrs.CONTENT_TYPE: self._preview.mime or "video/mp4"}
            )
            await response.prepare(request)
            async for data in pieces(viewer, LOOK_SECONDS):
                if self._gone(request):
                    break
                if data is not None:
                    async with asyncio.timeout(WRITE_SECONDS):
                        await response.write(data)
        except (ConnectionError, TimeoutError):
            pass  # the viewer went away
        finally:
            self._preview.leave(viewer)
        return response

    def _gone(self, request: web.Request) -> bool:
        """Return whether a viewer left or may no longer watch."""
        if request.transport is None or request.transport.is_closing():
            return True
        now = asyncio.get_running_loop().time()
        if now < request.get(LOOK_AGAIN, 0.0):
            return False
        request[LOOK_AGAIN] = now + RENEW_SECONDS
        return not self._entry.access.still(request[WHO])


# --- request bodies -------------------------------------------------------------------------------


async def _read(request: web.Request, most: int) -> bytes:
    body = await request.read()
    if len(body) > most:
        raise web.HTTPRequestEntityTooLarge(most, len(body))
    return body


def _command(body: bytes, known: Mapping[str, Command]) -> tuple[str, dict[str, Any]]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(reason="the body is not JSON") from None
    if not isinstance(values, dict):
        raise web.HTTPBadRequest(reason='send {"name": "...", "args": {...}}')
    name, args = values.get("name"), values.get("args", {})
    if not isinstance(name, str) or name not in known:
        raise web.HTTPBadRequest(reason=f"name must be one of {', '.join(known)}")
    if not isinstance(args, dict):
        raise web.HTTPBadRequest(reason="args must be an object")
    return name, args


def _batch(rejections: list[tuple[int, str]], total: int) -> web.Response:
    accepted = total - len(rejections)
    first = [{"line": line, "error": reason} for line, reason in rejections[:20]]
    return answer(
        {"ok": not rejections, "accepted": accepted, "rejected": len(rejections), "first": first},
        200 if accepted else 400,
    )


@web.middleware
async def _as_json(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer every HTTP error of a handler as JSON."""
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return refusal(413, "the body is too long")
    except web.HTTPException as error:
        allow = error.headers.get(hdrs.ALLOW)
        headers = {hdrs.ALLOW: allow} if allow else {}
        return refusal(error.status, error.reason, **headers)
    return response
