"""How a message is queued, and the product it is about.

In:  a message, the names products go by.   Out: `Sort`, product id or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from livehost.brain.chat.classes import ASKING, Class, Reading, read
from livehost.brain.chat.message import ChatMessage, Kind


class Sort(StrEnum):
    """How a message is queued."""

    QUESTION = "question"  # complaints too
    GIFT = "gift"
    TALK = "talk"  # greetings
    PRAISE = "praise"
    FOLLOW = "follow"
    ENTER = "enter"
    LIKE = "like"
    CHATTER = "chatter"  # off topic


_SOCIAL = {
    Kind.GIFT: Sort.GIFT,
    Kind.FOLLOW: Sort.FOLLOW,
    Kind.ENTER: Sort.ENTER,
    Kind.LIKE: Sort.LIKE,
}
_TALK = {Class.GREETING: Sort.TALK, Class.PRAISE: Sort.PRAISE}


def reading_of(message: ChatMessage) -> Reading | None:
    """Return what a comment is; None for what is not a comment."""
    return read(message.text) if message.kind is Kind.COMMENT else None


def class_of(message: ChatMessage) -> str:
    """Return the class of a comment, "" for what is not a comment."""
    reading = reading_of(message)
    return reading.of.value if reading else ""


def sort(message: ChatMessage) -> Sort:
    """Return how `message` is queued."""
    if message.kind in _SOCIAL:
        return _SOCIAL[message.kind]
    of = read(message.text).of
    return Sort.QUESTION if of in ASKING else _TALK.get(of, Sort.CHATTER)


def is_question(text: str) -> bool:
    """Return whether a comment asks for something."""
    return read(text).of in ASKING


def product_in(text: str, names: Mapping[str, Iterable[str]]) -> str | None:
    """Return the product whose name stands in `text`; the longest name wins.

    Args:
        names: product id -> the names it goes by.
    """
    lowered = text.casefold()
    found = [
        (len(name), product)
        for product, known in names.items()
        for name in known
        if name and name.casefold() in lowered
    ]
    return max(found)[1] if found else None
