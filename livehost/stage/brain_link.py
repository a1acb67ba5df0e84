"""The stage's end of the wire: one brain at a time, and nothing lost while there is none.

In:  `Speech` and `Cue` from the brain.   Out: reports and health to it; packets while it wants any.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from livehost.errors import WireLost
from livehost.media import Packet, StreamHeader
from livehost.wire import (
    Connection,
    Cue,
    Encoded,
    Heard,
    Hello,
    Message,
    Speech,
    Started,
    StreamInfo,
)

log = logging.getLogger(__name__)

MOST_BACKLOG = 4 * 1024 * 1024  # bytes towards a slow brain before packets are left out
MOST_KEPT = 1000  # reports kept while no brain is connected
MOST_AGAIN = 8  # reports told again to a brain that connects: the last one may have died with them


class BrainLink:
    """Server on a unix socket. The newest brain wins; an older connection is closed.

    Args:
        hello: makes the greeting.
        header: stream parameters for the preview.
        receive: called with each Speech or Cue, in the event loop.
    """

    def __init__(
        self,
        path: str,
        hello: Callable[[], Hello],
        header: StreamHeader,
        receive: Callable[[Speech | Cue], None],
    ) -> None:
        self._path = path
        self._hello = hello
        self._header = header
        self._receive = receive
        self._brain: Connection | None = None
        self._kept: deque[Message] = deque(maxlen=MOST_KEPT)
        self._told: deque[Message] = deque(maxlen=MOST_AGAIN)
        self._wanted = False  # the stream
        self._skipping = True
        self.connections = 0
        self.malformed = 0
        self.left_out = 0
        """Packets not sent to a slow brain."""

    @property
    def connected(self) -> bool:
        """A brain is there now."""
        return self._brain is not None

    async def run(self) -> None:
        """Serve until cancelled; the socket is removed then."""
        Path(self._path).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, self._path)
        try:
            async with server:
                await server.serve_forever()
        finally:
            if self._brain:
                await self._brain.close()
            Path(self._path).unlink(missing_ok=True)

    def report(self, message: Started | Heard) -> None:
        """Send a report, or keep it for the next brain."""
        if self._brain:
            self._tell(self._brain, message)
        else:
            self._kept.append(message)

    def _tell(self, brain: Connection, message: Message) -> None:
        brain.post(message)
        self._told.append(message)

    def post(self, message: Message) -> None:
        """Send a message that only matters now."""
        if self._brain and self._brain.backlog < MOST_BACKLOG:
            self._brain.post(message)

    def stream(self, on: bool) -> None:
        """Send the stream from the next keyframe on, or no more; every new brain begins without."""
        self._wanted, self._skipping = on, True

    def packet(self, packet: Packet) -> None:
        """Send a packet if it is wanted; a brain that reads slowly skips to the next keyframe."""
        if not (self._brain and self._wanted):
            return
        if self._brain.backlog > MOST_BACKLOG // 2:
            self._skipping = True
        elif packet.kind == "video" and packet.keyframe:
            self._skipping = False
        if self._skipping:
            self.left_out += 1
        else:
            self._brain.post(Encoded(packet))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        brain = Connection(reader, writer)
        if self._brain:
            await self._brain.close()
        self._brain = brain
        self.stream(False)  # it says so when it wants it
        self.connections += 1
        log.info("brain connected", extra={"connections": self.connections})
        try:
            brain.post(self._hello())
            brain.post(StreamInfo(self._header))
            for message in tuple(self._told):
                brain.post(message)
            while self._kept:
                self._tell(brain, self._kept.popleft())
            await self._read(brain)
        except WireLost as error:
            self.malformed += 1
            log.warning("brain dropped", extra={"error": str(error)})
        finally:
            if self._brain is brain:
                self._brain = None
                log.warning("brain gone; the idle programme goes on")
            await brain.close()

    async def _read(self, brain: Connection) -> None:
        async for message in brain.messages():
            if brain is not self._brain:
                return  # a newer one is there
            if isinstance(message, Speech | Cue):
                self._receive(message)
            else:
                self.malformed += 1
