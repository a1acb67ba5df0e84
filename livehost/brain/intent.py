"""What is to be said next and why.

In:  nothing.   Out: frozen values that cross from the director to the speaker and the state file.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from livehost.brain.chat.message import ChatMessage, Kind

if TYPE_CHECKING:  # both know intents: the inbox by the gate and its catalog
    from livehost.brain.chat.waiting import Waiting
    from livehost.brain.script import Line


class IntentKind(StrEnum):
    """Where an utterance comes from."""

    SAY = "say"  # the operator typed it
    REPLY = "reply"  # a viewer said something
    NOTICE = "notice"  # the host says that she is an AI host
    THANKS = "thanks"  # gifts, follows, entrances, likes
    SCRIPT = "script"  # a line of the rundown
    SALE = "sale"  # a flash sale begins, its time runs out, it is over
    ANNOUNCEMENT = "announcement"  # every so often, or at a time of day
    FILLER = "filler"  # the chat is quiet


RANKS = (
    IntentKind.SAY,
    "resumed",
    IntentKind.SALE,
    IntentKind.REPLY,
    IntentKind.NOTICE,
    IntentKind.ANNOUNCEMENT,
    IntentKind.THANKS,
    "talk",
    IntentKind.FILLER,
    IntentKind.SCRIPT,
)
"""Who goes first. Talk is an answer that is not urgent."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence of the script: segment id, line and sentence from 0.

    Attributes:
        round: how often the rundown was gone through before; it chooses the wording of a line.
        again: how often the segment's lines were gone through before, this time.
    """

    segment: str
    line: int = 0
    sentence: int = 0
    round: int = 0
    again: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The beginning of a sentence that was broken off.

    Attributes:
        text: of the whole sentence.
        samples: heard of it.
        begun: the sample that it began with this time: 0, or where it was taken up.
    """

    text: str
    samples: int
    begun: int = 0


@dataclass(frozen=True, slots=True)
class Intent:
    """One utterance to come.

    Attributes:
        reason: why now, in words for the operator.
        product: id of the product it is about; None keeps the card on the picture.
        place: SCRIPT: the sentence it begins with.
        texts: what to say where it is known already; a SCRIPT line is filled when spoken, a
            REPLY without texts is still to be written.
        emotion: what the script names; "" leaves it to each sentence, see `brain.emotion`.
        asked: REPLY: the message, shown on the picture.
        answers: ids of all messages that this utterance settles.
        urgent: goes before the rest of a script line, at the end of the sentence on air.
        breaks: breaks off that sentence in its next pause.
        resumed: it was interrupted before; these are the sentences not yet heard.
        waiting: what to put back into the inbox when it is not spoken after all.
        epoch: SCRIPT: which course through the rundown it belongs to; jumps begin a new one.
        heard: SCRIPT: what was heard of its first sentence before an answer went first.
        whole: SCRIPT: many answers went before it; its first sentence is not broken off.
        interrupt: SCRIPT: where answers are let in, see `script.Interrupt`.
        lines: what to say, with slots that are filled when it is spoken.
        turn: chooses the wording of `lines`.
        of: SALE, ANNOUNCEMENT, FILLER: what names it in the state file.
        left: SALE: the time left as it is said; it fills the slot {left}.
        until: it has to have begun by then (wall clock) to be true; None: it keeps.
        opening: REPLY: said before the answer: who asks, where it is more than one.
    """

    kind: IntentKind
    reason: str
    product: str | None = None
    place: Place | None = None
    texts: tuple[str, ...] = ()
    emotion: str = ""
    asked: ChatMessage | None = None
    answers: tuple[str, ...] = ()
    urgent: bool = False
    breaks: bool = False
    resumed: bool = False
    waiting: tuple[Waiting, ...] = ()
    epoch: int = 0
    heard: Part | None = None
    whole: bool = False
    opening: str = ""
    interrupt: str = ""
    lines: tuple[Line, ...] = ()
    turn: int = 0
    of: str = ""
    left: str = ""
    until: datetime | None = None

    def past(self, now: datetime) -> bool:
        """Return whether it is no longer true at `now`."""
        return self.until is not None and now > self.until

    @property
    def rank(self) -> int:
        """0 goes first. An interrupted utterance comes right after the operator."""
        if self.resumed and self.kind is not IntentKind.SAY:
            return RANKS.index("resumed")
        if self.kind is IntentKind.REPLY and not self.urgent:
            return RANKS.index("talk")
        return RANKS.index(self.kind)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `from_json` makes it again, less what waited."""
        asked, place = self.asked, self.place
        return {
            "kind": self.kind.value,
            "reason": self.reason,
            "product": self.product,
            "place": list(astuple(place)) if place else None,
            "texts": list(self.texts),
            "emotion": self.emotion,
            "asked": _asked(asked) if asked else None,
            "answers": list(self.answers),
            "urgent": self.urgent,
            "of": self.of,
            "left": self.left,
            "until": self.until.isoformat() if self.until else None,
            "epoch": self.epoch,
        }

    @staticmethod
    def from_json(values: dict[str, Any]) -> Intent:
        """Read what `to_json` wrote."""
        asked, place = values["asked"], values["place"]
        return Intent(
            kind=IntentKind(values["kind"]),
            reason=values["reason"],
            product=values["product"],
            place=Place(*place) if place else None,
            texts=tuple(values["texts"]),
            emotion=values["emotion"],
            asked=_message(asked) if asked else None,
            answers=tuple(values["answers"]),
            urgent=values["urgent"],
            of=values.get("of", ""),
            left=values.get("left", ""),
            until=datetime.fromisoformat(until) if (until := values.get("until")) else None,
            epoch=values.get("epoch", 0),
        )


def _asked(message: ChatMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "user": message.user,
        "nickname": message.nickname,
        "text": message.text,
        "at": message.at.isoformat(),
    }


def _message(values: dict[str, Any]) -> ChatMessage:
    at = datetime.fromisoformat(values.pop("at"))
    return ChatMessage(kind=Kind.COMMENT, at=at, **values)
