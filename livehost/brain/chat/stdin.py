"""Chat as JSON lines on standard input.

In:  a stream reader at the line after the options.   Out: raw lines.
"""

from __future__ import annotations

import asyncio

from livehost.brain.chat.source import Submit

BREATH = 50  # lines between two turns of the event loop


class LineSource:
    """Read lines until the other end closes.

    A line longer than the reader's limit is submitted as what was read of it, so that it is
    counted as rejected, and the rest up to its end is skipped.
    """

    name = "stdin"

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def run(self, submit: Submit) -> None:
        """Submit each line; returns at the end of input."""
        count = 0
        while line := await self._line():
            if line.strip():
                submit(line)
            count += 1
            if count % BREATH == 0:
                await asyncio.sleep(0)

    async def _line(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            return end.partial
        except asyncio.LimitOverrunError as overrun:
            start = await self._reader.readexactly(overrun.consumed)
            await self._skip_line()
            return start

    async def _skip_line(self) -> None:
        while True:
            try:
                await self._reader.readuntil(b"\n")
                return
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError as overrun:
                await self._reader.readexactly(overrun.consumed)
