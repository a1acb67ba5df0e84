"""A scripted stage for tests of the show: the real playout and cues, on any event loop's time.

In:  what a brain sends.   Out: reports to it; everything that was heard, with its time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from livehost.errors import WireLost
from livehost.stage.brain_link import MOST_AGAIN
from livehost.stage.cues import Cues
from livehost.stage.playout import Playout
from livehost.wire import (
    Connection,
    Cue,
    CueKind,
    Heard,
    Hello,
    Message,
    Progress,
    Speech,
    Started,
)

TICK = 0.04
LEAD = 2  # ticks between taking sound out of the queue and reporting it


@dataclass
class Sounded:
    """One sentence that was on air."""

    at: float
    utterance: int
    sentence: int
    text: str
    samples: int = 0
    interrupted: bool | None = None
    until: float = 0.0


class FakeStage:
    def __init__(self) -> None:
        self.boot = 0
        self.alive = True
        self.playout = Playout()
        self.cues = Cues()
        self.brain: FakeConnection | None = None
        self.kept: deque[Message] = deque()
        self.told: deque[Message] = deque(maxlen=MOST_AGAIN)
        self.air: list[Sounded] = []
        self.shown: list[tuple[float, Cue]] = []
        self.received: list[Message] = []
        self.most_queued = 0
        self._texts: dict[tuple[int, int], str] = {}
        self._late: deque[list[Message]] = deque([[] for _ in range(LEAD)])

    # --- the wire -----------------------------------------------------------------------------

    async def connect(self, path: str) -> FakeConnection:
        if not self.alive:
            raise WireLost("nobody listens")
        self.brain = FakeConnection(self)
        self._greet(self.brain)
        return self.brain

    def _greet(self, brain) -> None:
        brain.deliver(Hello(f"boot{self.boot}", 720, 1280, "25/1", self.playout.on_air))
        for message in tuple(self.told):
            brain.deliver(message)
        while self.kept:
            self._report(self.kept.popleft())

    def receive(self, message: Message) -> None:
        self.received.append(message)
        if isinstance(message, Speech):
            if message.text:
                self._texts[message.utterance, message.sentence] = message.text
            self.playout.push(message)
            self.most_queued = max(self.most_queued, self.playout.queued)
        elif isinstance(message, Cue):
            match message.kind:
                case CueKind.CUT:
                    self.playout.cut(round(message.data.get("within", 0.0) * 48_000))
                case CueKind.PAUSE:
                    self.playout.paused = True
                case CueKind.RESUME:
                    self.playout.paused = False
                case _:
                    self.cues.add(message)

    # --- life ---------------------------------------------------------------------------------

    async def run(self) -> None:
        tick = 0
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(TICK)
            if self.alive:
                self._tick(tick, now())
            tick += 1

    def _tick(self, tick: int, now: float) -> None:
        pulled = self.playout.pull(1920)
        self.cues.passed(pulled.started)
        self.cues.passed((h.utterance, h.sentence) for h in pulled.heard)
        self.shown += [(now, cue) for cue in self.cues.take()]
        for key in pulled.started:
            self.air.append(Sounded(now, *key, self._texts.get(key, "")))
        for heard in pulled.heard:
            self._note(heard, now)
        reports: list[Message] = [Started(*key, tick) for key in pulled.started]
        self._late.append([*reports, *pulled.heard])
        for report in self._late.popleft():
            self._report(report)
            self._post(Progress(self.playout.taken, self.playout.queued))
        if (tick % 3 == 0 and self.playout.queued) or tick % 25 == 0:
            self._post(Progress(self.playout.taken, self.playout.queued))

    def _note(self, heard: Heard, now: float) -> None:
        for sounded in reversed(self.air):
            if (sounded.utterance, sounded.sentence) == (heard.utterance, heard.sentence):
                sounded.samples, sounded.until = heard.samples, now
                sounded.interrupted = heard.interrupted
                return

    def _report(self, message: Message) -> None:
        if self.brain:
            self.brain.deliver(message)
            self.told.append(message)
        else:
            self.kept.append(message)

    def _post(self, message: Message) -> None:
        if self.brain:
            self.brain.deliver(message)

    def die(self) -> None:
        """Be killed: what was queued is gone, and nobody listens any more."""
        self.alive = False
        if self.brain:
            self.brain.drop()
        self.brain = None

    def be_born(self) -> None:
        """Start anew."""
        self.boot += 1
        self.playout, self.cues, self.alive = Playout(), Cues(), True
        self._late = deque([[] for _ in range(LEAD)])
        self.kept.clear()
        self.told.clear()

    # --- what viewers got ---------------------------------------------------------------------

    @property
    def texts(self) -> list[str]:
        """Texts that began to sound, in order."""
        return [sounded.text for sounded in self.air]

    def silence_before(self, index: int) -> float:
        """Seconds of silence between two sentences, less the pause that belongs to each."""
        return self.air[index].at - self.air[index - 1].until


class FakeConnection:
    """The brain's end."""

    def __init__(self, stage: FakeStage) -> None:
        self._stage = stage
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._open = True

    def deliver(self, message: Message) -> None:
        self._inbox.put_nowait(message)

    def drop(self) -> None:
        self._open = False
        self._inbox.put_nowait(None)

    async def messages(self) -> AsyncIterator[Message]:
        while (message := await self._inbox.get()) is not None:
            yield message

    def post(self, message: Message) -> None:
        if self._open and self._stage.brain is self:
            self._stage.receive(message)

    async def send(self, message: Message) -> None:
        if not self._open:
            raise WireLost("the other process went away")
        await asyncio.sleep(0)
        self.post(message)

    async def close(self) -> None:
        self._open = False
        if self._stage.brain is self:
            self._stage.brain = None


class SocketStage(FakeStage):
    """The same stage behind a real unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self.connected = asyncio.Event()
        self.connections = 0

    async def serve(self) -> None:
        Path(self._path).unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._brain, self._path)
        async with server:
            await asyncio.gather(self.run(), server.serve_forever())

    async def _brain(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self.brain = _Posting(connection)
        self.connections += 1
        self.connected.set()
        self._greet(self.brain)
        try:
            async for message in connection.messages():
                self.receive(message)
        finally:
            self.brain = None
            self.connected.clear()
            await connection.close()


class _Posting:
    """A real connection with the interface of the fake one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def deliver(self, message: Message) -> None:
        self._connection.post(message)

    def drop(self) -> None:
        self._connection._writer.transport.abort()
