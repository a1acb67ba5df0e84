"""A person speaks for the host: a browser's microphone to the stage, with lips that follow.

In:  an offer from whoever holds the take-over, then Opus.   Out: `Speech` without phones; a line in
the audit log that says who and how long, never the sound.

Speech goes out as it comes; a pause ends a sentence, so that the host breathes and looks around.
What would arrive late is left out: a person who speaks live must stay live.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from aiohttp import web
from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamError
from numpy.typing import NDArray

from livehost.brain.command import Role, Who
from livehost.brain.webrtc.capture import PIECE, Capture, Sound, Taken
from livehost.brain.webrtc.endpoint import Endpoint
from livehost.brain.webrtc.floor import Floor
from livehost.brain.webrtc.ice import Ice
from livehost.brain.webrtc.peer import Refused, Session, answered, close, new_id
from livehost.clock import SAMPLE_RATE
from livehost.errors import WireLost
from livehost.rtc import description
from livehost.rtc.description import Unsuitable
from livehost.wire import Speech

if TYPE_CHECKING:
    from livehost.brain.lease import Why

log = logging.getLogger(__name__)

PATH = "/whip"
FIRST_SECONDS = 15.0  # for a connection to come about
DEAD_SECONDS = 2.0  # without a packet: the microphone is gone
KEEP_SECONDS = 1.0
MOST_AHEAD = 0.3  # seconds on their way to the stage, beyond which pieces are left out
RESERVE = 4 * PIECE  # samples gathered before going on when the stage ran out
MOST_GAP = 5 * PIECE  # samples of lost sound that are made up for with silence


class Track(Protocol):
    """What comes of a remote track."""

    async def recv(self) -> Any:
        """Return the next frame. Raises MediaStreamError at the end."""


class Turn:
    """One person's microphone, from its first packet to its last.

    Attributes:
        spoken: samples sent.
        dropped: samples left out because they came too late.
    """

    def __init__(self, who: Who, floor: Floor) -> None:
        self.who = who
        self._floor = floor
        self.capture = Capture(floor.loudness)
        self._utterance = floor.new_id()
        self._sentence = -1
        self._open = False
        self._gathered: list[NDArray[np.int16]] | None = None
        self._next_pts: int | None = None
        self.spoken = self.dropped = 0

    async def listen(self, track: Track) -> Why:
        """Speak what `track` gives while it is this person's turn; return why it ended."""
        patience = FIRST_SECONDS
        kept = float("-inf")
        try:
            while self._floor.may_speak(self.who):
                async with asyncio.timeout(patience):
                    frame = await track.recv()
                patience = DEAD_SECONDS
                now = asyncio.get_running_loop().time()
                if now - kept >= KEEP_SECONDS:
                    self._floor.keep(self.who)
                    kept = now
                await self.hear(self._mono(frame))
        except TimeoutError:
            return "silent"
        except MediaStreamError:
            return "left"
        finally:
            await self.close()
        return "returned"

    async def hear(self, pcm: Sound) -> None:
        """Take sound, in any length, and send what is speech."""
        for start in range(0, len(pcm), PIECE):
            ready = self._floor.quiet()
            taken = self.capture.take(pcm[start : start + PIECE], ready)
            if taken is None:
                continue
            try:
                await self._send(taken)
            except WireLost:
                self.capture.reset()
                self._open, self._gathered = False, None

    async def close(self) -> None:
        """End the sentence that is under way."""
        if not self._open:
            return
        self._open = False
        nothing = np.zeros(0, np.int16)
        with suppress(WireLost):
            await self._floor.speak(Speech(self._utterance, self._sentence, nothing, last=True))

    async def _send(self, taken: Taken) -> None:
        if taken.begins:
            self._sentence += 1
            self._open, self._gathered = True, None
        elif self._floor.ahead() > MOST_AHEAD and not taken.ends:
            self.dropped += len(taken.pcm)
            return
        pcm = self._regathered(taken)
        if pcm is None:
            return
        self.spoken += len(pcm)
        await self._floor.speak(Speech(self._utterance, self._sentence, pcm, last=taken.ends))
        self._open = not taken.ends

    def _regathered(self, taken: Taken) -> NDArray[np.int16] | None:
        """Return what to send now; None while a reserve is built up after the stage ran out."""
        if self._gathered is None and not taken.begins and self._floor.ahead() <= 0:
            self._gathered = []
        if self._gathered is None:
            return taken.pcm
        self._gathered.append(taken.pcm)
        if not taken.ends and sum(map(len, self._gathered)) < RESERVE:
            return None
        whole, self._gathered = np.concatenate(self._gathered), None
        return whole

    def _mono(self, frame: Any) -> Sound:
        """Return a frame as (n,) float32, after silence for what was lost before it."""
        samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
        pcm = samples.astype(np.float32).mean(axis=1) / np.float32(32_768)
        missing = 0 if self._next_pts is None else frame.pts - self._next_pts
        self._next_pts = frame.pts + len(pcm)
        if not 0 < missing <= MOST_GAP:
            return np.asarray(pcm, np.float32)
        return np.concatenate([np.zeros(missing, np.float32), pcm]).astype(np.float32)


class Microphone:
    """One connection with a microphone behind it."""

    def __init__(self, turn: Turn) -> None:
        self.id = new_id()
        self.turn = turn
        self.peer: RTCPeerConnection
        self.listening: asyncio.Task[None] | None = None


class Microphones:
    """Lets whoever holds the take-over speak; one at a time."""

    def __init__(self, floor: Floor, ice: Ice) -> None:
        self._floor, self._ice = floor, ice
        self._now: Microphone | None = None
        self._counts: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Return what the console serves."""
        return Endpoint(PATH, self, self._ice).routes()

    def metrics(self) -> dict[str, float]:
        """Return the numbers by Prometheus name."""
        turn = self._now.turn if self._now else None
        spoken = self._counts["spoken"] + (turn.spoken if turn else 0)
        dropped = self._counts["dropped"] + (turn.dropped if turn else 0)
        return {
            "livehost_microphone_open": float(turn is not None),
            "livehost_microphone_speaking": float(turn is not None and turn.capture.speaking),
            "livehost_microphone_level_db": turn.capture.level_db if turn else -120.0,
            "livehost_microphone_gain_db": turn.capture.gain_db if turn else 0.0,
            "livehost_microphone_turns_total": self._counts["turns"],
            "livehost_microphone_refused_total": self._counts["refused"],
            "livehost_microphone_spoken_seconds_total": spoken / SAMPLE_RATE,
            "livehost_microphone_dropped_seconds_total": dropped / SAMPLE_RATE,
        }

    async def run(self) -> None:
        """Wait until cancelled; the microphone that is open is closed then."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._now:
                await self._close(self._now)

    def session(self, name: str) -> Microphone | None:
        """Return the open microphone, if that is its id."""
        return self._now if self._now and self._now.id == name else None

    async def open(self, offer: str, who: Who) -> Microphone:
        """Return a connection for a microphone. Raises Refused, Unsuitable."""
        if not who.role.may(Role.OPERATOR):
            raise Refused(403, f"this needs the role {Role.OPERATOR}")
        if not self._floor.may_speak(who):
            self._counts["refused"] += 1
            raise Refused(409, "take the host over by microphone first")
        if "audio" not in description.kinds(offer):
            raise Unsuitable("the offer sends no audio")
        microphone = Microphone(Turn(who, self._floor))
        tracks: list[Any] = []
        microphone.peer = await answered(offer, self._ice, lambda p: _take_in(p, tracks), "Opus")
        if not tracks:
            await close(microphone.peer)
            raise Unsuitable("the offer sends no audio")
        while self._now:  # another one may be opened while one is closed
            await self._close(self._now)
        self._now = microphone
        self._counts["turns"] += 1
        listening = self._listen(microphone, tracks[0])
        microphone.listening = asyncio.get_running_loop().create_task(listening)
        return microphone

    async def end(self, session: Session) -> None:
        """Close a microphone whose owner has left, and hand the host back."""
        if microphone := self.session(session.id):
            self._floor.end(microphone.turn.who, "left")
            await self._close(microphone)

    async def _close(self, microphone: Microphone) -> None:
        """Close a microphone; whose turn it is does not change."""
        self._now = None
        if microphone.listening:
            microphone.listening.cancel()
            await asyncio.wait({microphone.listening})
        await close(microphone.peer)  # it may not have begun to listen

    async def _listen(self, microphone: Microphone, track: Track) -> None:
        turn, now = microphone.turn, asyncio.get_running_loop().time
        began, why = now(), "closed"
        try:
            ended = await turn.listen(track)
            why = str(ended)
            self._floor.end(turn.who, ended)
        finally:
            self._now = None if self._now is microphone else self._now
            self._counts["spoken"] += turn.spoken
            self._counts["dropped"] += turn.dropped
            self._note(turn, now() - began, why)
            await close(microphone.peer)

    def _note(self, turn: Turn, seconds: float, why: str) -> None:
        spoken = round(turn.spoken / SAMPLE_RATE, 1)
        log.info("microphone closed", extra={"why": why, "spoken_seconds": spoken})
        who = turn.who
        self._floor.note(
            name="microphone", ok=True, message=why, who=who.name, role=who.role.value,
            address=who.address, args={"seconds": round(seconds, 1), "spoken_seconds": spoken},
        )  # fmt: skip


def _take_in(peer: RTCPeerConnection, tracks: list[Any]) -> None:
    """Have `peer` receive Opus, and put its track into `tracks`."""
    transceiver = peer.addTransceiver("audio", "recvonly")
    transceiver.setCodecPreferences(description.audio_preferences())
    peer.on("track", lambda track: tracks.append(track) if track.kind == "audio" else None)
