"""Run a coroutine on virtual time: an hour passes as fast as the code in it."""

import asyncio
from concurrent.futures import Executor

from livehost.clock import VirtualTimeLoop


def run(coro):
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coro)


class SlowLoop(VirtualTimeLoop):
    """Virtual time in which the work of a `RenderThread` takes as long as the test says."""

    def run_in_executor(self, executor, func, *args):
        if isinstance(executor, RenderThread):
            return executor.order(self, func, *args)
        # What never ends must not stop the clock: the loop above counts it as running.
        return asyncio.SelectorEventLoop.run_in_executor(self, executor, func, *args)


class RenderThread(Executor):
    """The render thread of a show, one picture after the other.

    Args:
        seconds: what a plan's picture takes.
    """

    def __init__(self, seconds):
        self._seconds, self._free_at = seconds, 0.0

    def order(self, loop, draw, plan, now):
        begin = max(loop.time(), self._free_at)
        end = self._free_at = begin + self._seconds(plan)
        future = loop.create_future()

        def finish():
            times = iter((begin, end))
            if not future.done():
                future.set_result(draw(plan, lambda: next(times)))

        loop.call_at(end, finish)
        return future
