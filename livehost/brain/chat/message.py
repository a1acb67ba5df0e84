"""One chat message, and the only door through which foreign JSON becomes one.

In:  bytes, text or a dict of JSON values from anywhere.   Out: `ChatMessage`, or `Rejected`.
"""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from livehost.errors import LivehostError

MOST_BYTES = 16_384
MOST_TEXT = 500  # characters; platforms allow 50 to 200
MOST_NICKNAME = 32  # characters; longer ones are shortened
MOST_ID = 128  # characters
MOST_COUNT = 1_000_000_000
MOST_DEPTH = 16  # of what is nested in `extra`


class Kind(StrEnum):
    """What a viewer did."""

    COMMENT = "comment"
    GIFT = "gift"
    LIKE = "like"
    FOLLOW = "follow"
    ENTER = "enter"
    CLICK = "click"  # on a product
    ORDER = "order"
    AUDIENCE = "audience"  # how many watch now


UNHEARD = frozenset({Kind.CLICK, Kind.ORDER, Kind.AUDIENCE})
"""Kinds that are counted and never answered."""


class Rejected(LivehostError):
    """A message that is not accepted.

    Attributes:
        reason: one word, counted and shown ("too_large", "not_json", "text", ...).
    """

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """What a viewer said or did.

    Attributes:
        id: unique for its source; the same id is the same message.
        user: stable id of the viewer; the nickname where the source has none.
        nickname: as shown, control characters removed, at most 32 characters.
        text: the comment, or the name of a gift; may be empty for like, follow, enter.
        at: when it was said, aware.
        count: gifts, likes, clicks or orders in this message; viewers of an audience.
        extra: further JSON values, kept and never interpreted here; "product" of a click or order.
    """

    id: str
    kind: Kind
    user: str
    nickname: str
    text: str
    at: datetime
    count: int = 1
    extra: dict[str, Any] = field(default_factory=dict)


def parse(
    raw: bytes | str | dict[str, Any], most_bytes: int = MOST_BYTES, now: datetime | None = None
) -> ChatMessage:
    """Read one message.

    Args:
        raw: a JSON object as UTF-8 bytes, text, or already decoded.
        most_bytes: longer messages are rejected.
        now: stands in for a missing `at`; None is the present.

    Raises:
        Rejected: with the reason; nothing else, whatever the input.
    """
    values = _object(_encoded(raw), most_bytes)
    kind = _kind(values)
    nickname = _text(values, "nickname")[:MOST_NICKNAME]
    text = _body(values, kind)
    return ChatMessage(
        id=_name(values, "id") or uuid.uuid4().hex,
        kind=kind,
        user=_name(values, "user") or nickname or "anonymous",
        nickname=nickname,
        text=text,
        at=_at(values.get("at"), now or datetime.now(UTC)),
        count=_count(values.get("count")),
        extra=_extra(values.get("extra")) | _bought(values, kind),
    )


def _bought(values: dict[str, Any], kind: Kind) -> dict[str, str]:
    """Return the product of a click or an order."""
    product = _name(values, "product") if kind in UNHEARD else ""
    return {"product": product} if product else {}


def _encoded(raw: bytes | str | dict[str, Any]) -> bytes:
    if isinstance(raw, bytes):
        return raw
    try:
        text = raw if isinstance(raw, str) else json.dumps(raw, allow_nan=False)
        return text.encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, RecursionError) as error:
        raise Rejected("not_json", f"message is not made of JSON values: {error}") from error


def _object(raw: bytes, most_bytes: int) -> dict[str, Any]:
    if len(raw) > most_bytes:
        raise Rejected("too_large", f"message of {len(raw)} bytes; at most {most_bytes} are taken")
    try:
        values = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Rejected("not_utf8", "message is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise Rejected("not_json", "message is not a JSON object") from error
    if not isinstance(values, dict):
        raise Rejected("not_object", "message is JSON, but not an object")
    return values


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _kind(values: dict[str, Any]) -> Kind:
    given = values.get("kind")
    if given is None and values.get("text"):
        return Kind.COMMENT
    try:
        return Kind(str(given))
    except ValueError:
        kinds = ", ".join(Kind)
        raise Rejected("kind", f"kind must be one of {kinds}") from None


def _name(values: dict[str, Any], key: str) -> str:
    """Return an identifier as text: platforms send strings and integers beyond 2**53."""
    given = values.get(key)
    if given is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise Rejected(key, f"{key} must be a string or an integer")
    name = clean(str(given))
    if len(name) > MOST_ID:
        raise Rejected(key, f"{key} is longer than {MOST_ID} characters")
    return name


def _text(values: dict[str, Any], key: str) -> str:
    given = values.get(key)
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Rejected(key, f"{key} must be a string")
    return clean(given)


def _body(values: dict[str, Any], kind: Kind) -> str:
    text = _text(values, "text")
    if len(text) > MOST_TEXT:
        raise Rejected("text_too_long", f"text is longer than {MOST_TEXT} characters")
    if kind is Kind.COMMENT and not text:
        raise Rejected("text", "a comment needs a text")
    return text


def clean(text: str) -> str:
    """Return `text` on one line, without control, direction and unpaired surrogate characters."""
    return " ".join("".join(map(_printable, text)).split())


def _printable(char: str) -> str:
    if char in "\u200d\ufe0f":  # joiners inside emoji
        return char
    if char.isspace():
        return " "
    return char if char.isprintable() else ""


def _at(given: Any, now: datetime) -> datetime:
    if given is None:
        return now
    try:
        if isinstance(given, str):
            stamp = datetime.fromisoformat(given)
            return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
        if isinstance(given, bool) or not isinstance(given, int | float):
            raise ValueError("neither text nor number")
        seconds = given / 1000 if given > 1e11 else given  # platforms send milliseconds
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Rejected("at", "at must be an ISO 8601 time or seconds since 1970") from error


def _count(given: Any) -> int:
    if given is None:
        return 1
    try:
        if isinstance(given, bool) or (isinstance(given, float) and not math.isfinite(given)):
            raise ValueError("not a number")
        count = int(given)
    except (TypeError, ValueError) as error:
        raise Rejected("count", "count must be a whole number") from error
    if not 0 <= count <= MOST_COUNT:
        raise Rejected("count", f"count must be between 0 and {MOST_COUNT}")
    return count


def _extra(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Rejected("extra", "extra must be an object")
    if not _is_flat(given):
        raise Rejected("extra", f"extra is nested deeper than {MOST_DEPTH} levels")
    return given


def _is_flat(given: Any) -> bool:
    """Say whether `given` can be written down again: reading JSON bears more depth than writing."""
    level = [given]
    for _ in range(MOST_DEPTH + 1):
        nested = [value for value in level if isinstance(value, dict | list)]
        if not nested:
            return True
        level = [
            inner
            for value in nested
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return False
