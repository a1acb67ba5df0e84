"""The address where platforms and bridges come to us: webhooks and sockets, and nothing else.

In:  requests to /chat/NAME.   Out: the answers of the source of that name.

It is a server of its own, not the console's: it is the one that is made reachable from outside,
and nothing of the show can be seen or commanded here. Each guest asks for its own proof, a
signature or a key; the door bounds size, time and how many requests are under way.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Protocol, TypeVar, runtime_checkable

from aiohttp import hdrs, web

from livehost.brain.chat.client import reason
from livehost.brain.chat.feed import Feed
from livehost.errors import Transient

log = logging.getLogger(__name__)

MOST_BODY = 1024 * 1024  # bytes of one request
READ_SECONDS = 1.5  # for a body; platforms wait two seconds for the answer
MOST_UNDER_WAY = 32  # requests of one source
SHUTDOWN_SECONDS = 1.0
BREATH = 100  # items of one request between two turns of the event loop
WRONG_SIGNATURES = 5  # in a row, after which a warning is due: a platform stops after ten

T = TypeVar("T")


@runtime_checkable
class Guest(Protocol):
    """A source that is served at the door."""

    name: str

    async def take(self, request: web.Request, feed: Feed) -> web.StreamResponse:
        """Answer one request."""
        ...


class Door:
    """One HTTP server for all guests.

    Args:
        host, port: where to listen; port 0 takes a free one.
        guests: who is served, each with its feed.
    """

    def __init__(self, host: str, port: int, guests: Mapping[str, tuple[Guest, Feed]]) -> None:
        self._host, self._port = host, port
        self._guests = guests
        self._under_way: Counter[str] = Counter()
        self.ready = asyncio.Event()
        """Set while the door is open."""

    @property
    def address(self) -> str:
        """Where the guests are reached; the port is right once `ready` is set."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/chat/"

    async def run(self, opened: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; `opened` is called once the door is open.

        Raises:
            Transient: the address cannot be listened on.
        """
        runner = web.AppRunner(
            self._app(), access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await self._listen(runner)
            self.ready.set()
            opened()
            log.info("chat door is open", extra={"address": self.address})
            await asyncio.Event().wait()
        finally:
            self.ready.clear()
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise Transient(f"chat.door: cannot listen on {where}: {reason(error)}") from None
        if self._port == 0:
            self._port = int(runner.addresses[0][1])

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=MOST_BODY)
        app.router.add_route("*", "/chat/{name}", self._serve)
        app.on_response_prepare.append(_without_version)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        guest, feed = self._guests.get(request.match_info["name"], (None, None))
        if guest is None or feed is None:
            raise web.HTTPNotFound
        if self._under_way[guest.name] >= MOST_UNDER_WAY:
            feed.refuse("busy")
            raise web.HTTPServiceUnavailable(headers={hdrs.RETRY_AFTER: "1"})
        self._under_way[guest.name] += 1
        try:
            return await guest.take(request, feed)
        finally:
            self._under_way[guest.name] -= 1


async def _without_version(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "livehost"


async def body_of(request: web.Request, feed: Feed) -> bytes:
    """Return the body of a request that may be anybody's.

    Raises:
        web.HTTPException: it is too long, or takes too long to come; counted.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        feed.refuse("too_large")
        raise
    except TimeoutError:
        feed.refuse("too_slow")
        raise web.HTTPRequestTimeout from None


async def gently(items: Iterable[T]) -> AsyncGenerator[T, None]:
    """Yield each of many items, giving way to everybody else in between."""
    for number, item in enumerate(items, 1):
        yield item
        if number % BREATH == 0:
            await asyncio.sleep(0)


class Signatures:
    """Counts wrong signatures in a row, to warn before a platform gives up.

    Args:
        variable: name of the environment variable that holds the secret.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self._wrong = 0
        self._said = ""

    def right(self, feed: Feed) -> None:
        """Note a request with the right signature."""
        self._wrong = 0
        feed.is_over(self._said)

    def wrong(self, feed: Feed, reason: str = "signature") -> web.HTTPException:
        """Count a refused request and return what to raise."""
        feed.refuse(reason)
        self._wrong += 1
        if self._wrong == WRONG_SIGNATURES:
            self._said = f"{self._wrong} requests in a row were refused ({reason})"
            feed.reason = self._said
            log.warning(
                "chat source is refused; the platform may stop pushing",
                extra={"source": feed.name, "reason": reason, "variable": self._variable},
            )
        return web.HTTPUnauthorized()


def has_key(request: web.Request, key: str) -> bool:
    """Say whether a request carries `key`, as a bearer token or as `?key=`."""
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() != "bearer":
        given = request.query.get("key", "")
    return hmac.compare_digest(given.strip().encode(errors="replace"), key.encode())
