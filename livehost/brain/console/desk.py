"""What the console may ask of the show: one Protocol and the values that cross it.

In:  chat, commands and questions from browsers and the command line.   Out: typed answers.

The show implements `Desk`; the console knows nothing else of it. Everything is called on the
brain's event loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from livehost.brain.command import LOCAL, Command, Outcome, Who
from livehost.brain.news import News
from livehost.channel import Channel
from livehost.wire import Encoded, StreamInfo

StreamTap = AbstractAsyncContextManager[Channel[StreamInfo | Encoded]]
"""Entering gives a channel that starts with a `StreamInfo` (waiting for the stage, if need be);
leaving closes it. A new `StreamInfo` in it means that the stage was restarted: timestamps begin
again. The desk offers and never waits: when the channel is full it drops video up to the next
keyframe, so the console must keep draining."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one chat message.

    Attributes:
        ok: it is in the log and will be considered.
        id: the message's id, also when it was rejected after an id was known.
        reason: why it was rejected, in words for the sender; empty when ok.
    """

    ok: bool
    id: str = ""
    reason: str = ""


class Desk(Protocol):
    """The show as the console sees it. No method may hold the event loop for more than 5 ms."""

    @property
    def table(self) -> Mapping[str, Command]:
        """Every command by its name; the arguments stand in docs/operator-api.md."""

    @property
    def news(self) -> News:
        """What happens, as it happens."""

    def status(self) -> dict[str, Any]:
        """Return JSON values for `/api/status`. The page shows these keys; none is required.

        room, title: the room's name and title.   uptime_seconds: since the show started.
        mode: "live", "paused", "slate", "stopping" or "waiting" (no stage).
        now: {utterance, sentence, text, why, kind, product} while a sentence sounds, else None.
        product: id of the product on the card, or None.
        products: [{id, name, price}] in the order of the show.
        stage: {connected: bool} and the stage's last `Health` snapshot (quality, counters...).
        outputs: [{name, state, reason, losses, dropped_frames, bitrate_kbps, ...}]; no URL.
        chat: {accepted, rejected, waiting, dropped}, numbers by kind.   voice: its snapshot.
        warnings: [text], one line each, for the operator.
        """

    def rundown(self) -> Mapping[str, Any]:
        """Return the rundown as the command `rundown` tells it; {} when there is none.

        Lines of a segment that did not change are the same object every time.
        """

    def metrics(self) -> Mapping[str, float]:
        """Return every number by its Prometheus name, labels included: `x_total{output="a"}`."""

    def submit_chat(self, raw: bytes | dict[str, Any]) -> Receipt:
        """Take one chat message (a JSON object as bytes, or parsed). Never raises on bad input."""

    async def command(self, name: str, args: dict[str, Any], who: Who = LOCAL) -> Outcome:
        """Carry out a command of `table`. Never raises on bad arguments."""

    async def keep(self, user: str, key: str, what: str, outcome: Outcome | None) -> None:
        """Keep what became of a command that was given under a key, over a restart.

        Returns when it is on disk, or soon if the disk does not take it.

        Args:
            what: a hash of the command.
            outcome: None: it is about to be carried out.
        """

    def kept(self) -> Iterable[tuple[str, str, str, Outcome | None]]:
        """Return what an earlier process kept: (user, key, what, outcome), oldest first."""

    def note(self, who: Who, what: str, ok: bool, message: str) -> None:
        """Write into the audit log what somebody did to the console itself, such as log in."""

    def recent(self) -> dict[str, Any]:
        """Return the last chat and utterances, newest last, for `/api/recent`.

        chat: [{id, at (ISO 8601), kind, nickname, text, count}], about 50; where it is known,
            state is "waiting", "answered", "passed" (left out) or "rejected", and answer is
            what was said to it.
        utterances: [{utterance, sentence, kind, why, product, text, state}], one for each
            sentence; state is "started", "heard" or "interrupted".
        """

    def stream(self) -> StreamTap:
        """Return a tap on the encoded stream, for the preview."""
