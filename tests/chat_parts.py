"""A chat source by itself: made from its table, its door open, what it delivered in hand."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from livehost.brain.chat.door import Door, Guest
from livehost.brain.chat.feed import feed_of
from livehost.brain.chat.message import parse
from livehost.config_chat import KINDS

FIXTURES = Path(__file__).with_name("chat_fixtures")


def fixture(name):
    return json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))


def table(kind, **values):
    return KINDS[kind].model_validate({"kind": kind, "name": kind, **values})


def made(source, kind, **values):
    """Return (source, feed) of one table."""
    settings = table(kind, **values)
    feed = feed_of(settings)
    return source(settings, feed), feed


def drained(feed):
    """Take what waits in a feed: raw messages."""
    found = []
    while not math.isinf(feed.due(0.0)):
        found.append(feed.take(0.0).raw)
    return found


def messages(feed):
    """Take what waits in a feed: messages as the intake reads them."""
    return [parse(raw) for raw in drained(feed)]


async def until(condition, most=20.0):
    async with asyncio.timeout(most):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def door(*pairs):
    """Open a door for (source, feed) pairs; gives its address and a client."""
    guests = {source.name: (source, feed) for source, feed in pairs if isinstance(source, Guest)}
    opened = Door("127.0.0.1", 0, guests)
    async with running(opened.run(), *(source.run(feed) for source, feed in pairs)):
        await opened.ready.wait()
        async with aiohttp.ClientSession() as client:
            yield opened.address, client


@asynccontextmanager
async def running(*jobs):
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def server(routes):
    """Serve aiohttp routes [(method, path, handler)] on loopback; gives host:port."""
    app = web.Application()
    for method, path, handler in routes:
        app.router.add_route(method, path, handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
