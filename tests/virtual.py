"""Run a coroutine on virtual time: an hour passes as fast as the code in it."""

import asyncio

from livehost.clock import VirtualTimeLoop


def run(coro):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coro)
