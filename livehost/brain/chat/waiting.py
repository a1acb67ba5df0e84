"""A message in the inbox, alone or with those that are answered with it.

In:  nothing.   Out: frozen values that cross from the inbox to who answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from livehost.brain.chat.classes import Class, Reading
from livehost.brain.chat.kinds import Sort
from livehost.brain.chat.message import ChatMessage


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the inbox.

    Attributes:
        since: the loop's time when it came in.
        about: id of the product it names, or None.
        key: equal for messages that one answer settles.
        same: ids of messages that asked the same and are answered with it.
        others: (user, nickname) of those, oldest first, each user once, less its own.
        also: other questions about the same product, to be answered in the same breath.
        left: how many different questions wait besides.
        source: name of the source it came from.
        reading: what it is; None when it is not a comment.
    """

    message: ChatMessage
    sort: Sort
    since: float
    about: str | None = None
    key: tuple[object, ...] = ()
    same: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    source: str = ""
    reading: Reading | None = None
    also: tuple[Waiting, ...] = ()
    left: int = 0

    @property
    def of(self) -> Class | None:
        """The class of a comment."""
        return self.reading.of if self.reading else None

    @property
    def ids(self) -> tuple[str, ...]:
        """All messages that leave with it."""
        return (self.message.id, *self.same, *(i for other in self.also for i in other.ids))

    @property
    def people(self) -> tuple[str, ...]:
        """Nicknames of all who ask, each viewer once, the first first."""
        return (self.message.nickname, *(name for _, name in self.others))
