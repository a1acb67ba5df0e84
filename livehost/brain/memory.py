"""What an earlier process of the brain left in the state file.

In:  rows, see `livehost.brain.state`.   Out: values from which the show goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livehost.brain.chat.message import ChatMessage
from livehost.brain.intent import Intent, Place


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An utterance of which something was on its way when the last process ended.

    Attributes:
        utterance: its id.
        intent: why it was said.
        sentences: (text, rule, state) in order; states as in the table.
    """

    utterance: int
    intent: Intent
    sentences: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """What an earlier process left.

    Attributes:
        place: where the script goes on; None starts it anew.
        round: of the rundown, for a show that starts anew: the one after the last.
        unfinished: utterances that were not heard to their end, oldest first.
        waiting: chat accepted and not answered, oldest first.
        seen: ids of chat accepted lately.
        heard: texts spoken lately, with seconds since.
        noticed: seconds since the last spoken notice; None for never or long ago.
        flags: operator switches ("paused", "slate").
        show_seconds: seconds since this show began; 0 for a new one.
        acks: (user, id, hash of the command, outcome as JSON) of commands answered lately.
        programme: see `Director.to_json`.
    """

    place: Place | None = None
    round: int = 0
    unfinished: tuple[Unfinished, ...] = ()
    waiting: tuple[ChatMessage, ...] = ()
    seen: tuple[str, ...] = ()
    heard: tuple[tuple[str, float], ...] = ()
    noticed: float | None = None
    flags: dict[str, Any] = field(default_factory=dict)
    show_seconds: float = 0.0
    show: str = ""
    programme: dict[str, Any] = field(default_factory=dict)
    acks: tuple[tuple[str, str, str, str], ...] = ()
