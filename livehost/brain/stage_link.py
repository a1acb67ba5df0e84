"""The brain's end of the wire: always connected or trying to, never ahead of the stage by much.

In:  `Speech` and `Cue` for the stage; its reports.   Out: reports to one listener, packets to the
preview, and an honest guess of how much speech is still to be heard.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from livehost import wire
from livehost.brain.preview_tap import PreviewTap, Tap
from livehost.clock import SAMPLE_RATE
from livehost.errors import WireLost
from livehost.media import StreamHeader
from livehost.supervise import backoff
from livehost.wire import (
    Connection,
    Cue,
    CueKind,
    Encoded,
    Health,
    Heard,
    Hello,
    Message,
    Progress,
    Speech,
    Started,
    StreamInfo,
)

log = logging.getLogger(__name__)

WINDOW = 2.0  # seconds of speech on their way or waiting in the stage
IN_FLIGHT = 0.25  # seconds after which everything sent has surely arrived
FIRST_DELAY, MOST_DELAY = 0.1, 2.0
HELLO_SECONDS = 5.0


class Listener(Protocol):
    """Who wants to know; called in the event loop, in the order of arrival."""

    def up(self, hello: Hello) -> None:
        """A stage is there."""

    def down(self) -> None:
        """It is gone: what was not heard yet will not be."""

    def report(self, report: Started | Heard) -> None:
        """A sentence began or ended."""


class Level:
    """How much speech the stage still has, between two of its reports.

    `Progress` counts what arrived (taken + queued); the difference to what was sent is in flight.
    The stage may refuse pieces (late ones of a sentence that was cut), so the two counts are
    matched anew whenever nothing can be in flight.
    """

    def __init__(self) -> None:
        self._samples = 0.0
        self._at = 0.0
        self._sent = 0
        self._base: int | None = None
        self._last_sent = float("-inf")

    def sent(self, samples: int, now: float) -> None:
        """Note a piece on its way."""
        self._samples = self.seconds(now) * SAMPLE_RATE + samples
        self._at = self._last_sent = now
        self._sent += samples

    def progress(self, progress: Progress, now: float) -> None:
        """Take over what the stage says, plus what is in flight."""
        arrived = progress.taken + progress.queued
        if self._base is None or now - self._last_sent > IN_FLIGHT:
            self._base = arrived - self._sent
        in_flight = max(0, self._sent + self._base - arrived)
        self._samples, self._at = float(progress.queued + in_flight), now

    def cut(self, now: float) -> None:
        """Note that the stage was told to drop everything."""
        self._samples, self._at = 0.0, now

    def seconds(self, now: float) -> float:
        """Return the seconds of speech that are still to sound."""
        return max(0.0, self._samples / SAMPLE_RATE - (now - self._at))


class StageLink:
    """Keep one connection to the stage.

    Args:
        path: of the unix socket.
        connect: opens a connection; tests give their own.

    Attributes:
        health: the stage's last snapshot.
        session: grows with every connection; 0 before the first.
    """

    def __init__(self, path: str, connect: Callable[[str], Any] = wire.connect) -> None:
        self._path = path
        self._connect = connect
        self._listener: Listener | None = None
        self._stage: Connection | None = None
        self._moved = asyncio.Event()
        self._level = Level()
        self.preview = PreviewTap(self._opus, self._stream)
        self.health: dict[str, Any] = {}
        self.hello: Hello | None = None
        self.session = 0

    @property
    def connected(self) -> bool:
        """A stage is there and has greeted."""
        return self._stage is not None

    def listen(self, listener: Listener) -> None:
        """Set who is told."""
        self._listener = listener

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        delays = backoff(FIRST_DELAY, 1.5, MOST_DELAY)
        while True:
            try:
                stage: Connection = await self._connect(self._path)
                delays = backoff(FIRST_DELAY, 1.5, MOST_DELAY)
                await self._serve(stage)
            except WireLost as error:
                log.debug("no stage", extra={"error": str(error)})
            await asyncio.sleep(next(delays))

    async def speak(self, speech: Speech) -> None:
        """Send a piece once the stage has room for it.

        Raises:
            WireLost: there is no stage, or it went away meanwhile.
        """
        session = self.session
        seconds = len(speech.pcm) / SAMPLE_RATE
        while (ahead := self.remaining()) + seconds > WINDOW and ahead > 0:
            await self._wait(session, min(0.1, ahead + seconds - WINDOW))
        stage = self._there(session)
        self._level.sent(len(speech.pcm), _now())
        try:
            await stage.send(speech)
        except WireLost:
            self._gone(stage)
            raise

    def cue(self, cue: Cue) -> bool:
        """Send a cue now; False when there is no stage (the next one is told on `up`)."""
        if self._stage is None:
            return False
        self._stage.post(cue)
        if cue.kind is CueKind.CUT:
            self._level.cut(_now())
            self._moved.set()
        return True

    @property
    def header(self) -> StreamHeader | None:
        """Parameters of the stream; None before the first stage was there."""
        return self.preview.header

    def live(self) -> AbstractAsyncContextManager[Tap]:
        """Return a tap on the stream that begins with the next keyframe and has Opus."""
        return self.preview.tap(live=True)

    def want_keyframe(self) -> None:
        """Ask for a keyframe soon; the stage makes no more than one a second for it."""
        self.cue(Cue(CueKind.KEYFRAME))

    def _stream(self, on: bool) -> None:
        self.cue(Cue(CueKind.STREAM, {"on": on}))

    def _opus(self, on: bool) -> None:
        self.cue(Cue(CueKind.OPUS, {"on": on}))

    def remaining(self) -> float:
        """Return the seconds of speech that the stage still has to say."""
        return self._level.seconds(_now())

    async def until(self, seconds: float) -> None:
        """Wait until no more than `seconds` of speech remain. Raises WireLost."""
        session = self.session
        self._there(session)
        while (ahead := self.remaining()) > seconds:
            await self._wait(session, ahead - seconds)

    async def _wait(self, session: int, seconds: float) -> None:
        """Wait for news of the stage or `seconds`."""
        self._moved.clear()
        try:
            async with asyncio.timeout(max(seconds, 0.001)):
                await self._moved.wait()
        except TimeoutError:
            pass
        self._there(session)

    def _there(self, session: int) -> Connection:
        if self._stage is None or self.session != session:
            raise WireLost("the stage went away")
        return self._stage

    async def _serve(self, stage: Connection) -> None:
        try:
            messages = stage.messages()
            async with asyncio.timeout(HELLO_SECONDS):
                hello = await anext(messages, None)
            if not isinstance(hello, Hello):
                raise WireLost("the stage did not greet")
            self._greeted(stage, hello)
            async for message in messages:
                self._dispatch(message)
        except TimeoutError:
            log.warning("stage did not greet in time")
        except asyncio.CancelledError:
            self._listener = None  # it is the brain that ends: what it sent is heard all the same
            raise
        finally:
            self._gone(stage)
            await stage.close()

    def _gone(self, stage: Connection) -> None:
        """Note that a connection is of no use any more; idempotent."""
        if self._stage is not stage:
            return
        self._stage = None
        self._moved.set()
        log.warning("stage gone")
        if self._listener:
            self._listener.down()

    def _greeted(self, stage: Connection, hello: Hello) -> None:
        log.info("stage connected", extra={"boot": hello.boot, "again": self.session > 0})
        self._level = Level()
        self._stage, self.hello = stage, hello
        self.session += 1
        if self.preview.subscribers:
            self._stream(True)
        if self.preview.live:
            self._opus(True)
        if self._listener:
            self._listener.up(hello)

    def _dispatch(self, message: Message) -> None:
        match message:
            case Encoded():
                self.preview.packet(message)
            case Progress():
                self._level.progress(message, _now())
                self._moved.set()
            case Started() | Heard() if self._listener:
                self._listener.report(message)
            case Health():
                self.health = message.snapshot
            case StreamInfo():
                self.preview.info(message)
            case _:
                pass


def sends(health: Mapping[str, Any]) -> bool:
    """Return whether a stage's sound and picture leave it for every output as they should."""
    states = [output.get("state") for output in health.get("outputs", {}).values()]
    trouble = health.get("renderer_trouble") or health.get("encoder_trouble")
    return bool(states) and not trouble and all(state == "live" for state in states)


def _now() -> float:
    return asyncio.get_running_loop().time()
