"""Values out of foreign JSON, read without trust: what is not what it should be is Rejected.

In:  decoded JSON of a platform.   Out: text, whole numbers, our own message dicts.

Identifiers and numbers may come as integers beyond 2**53 or as strings of digits; none ever
passes through a float.
"""

from __future__ import annotations

import json
import re
from typing import Any

from livehost.brain.chat.message import Kind, Rejected

_DIGITS = re.compile(r"-?\d{1,30}")
_MENTION = re.compile(r"[@＠]([^\s@＠:：,，。!！?？]{1,32})")
MOST_MENTIONS = 8
MOST_WHOLE = 10**30  # as many digits as a number in a string may have


def decoded(raw: bytes | str) -> Any:
    """Return the JSON value in `raw`. Raises Rejected: not_utf8 or not_json."""
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise Rejected("not_utf8", "it is not UTF-8 text") from error
    except (ValueError, RecursionError) as error:
        raise Rejected("not_json", "it is not JSON") from error


def as_object(value: Any, what: str) -> dict[str, Any]:
    """Return `value` if it is a JSON object. Raises Rejected with `what` as the reason."""
    if not isinstance(value, dict):
        raise Rejected(what, f"{what} is not an object")
    return value


def inner(values: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the object under `key`; an empty one where there is none."""
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def text(values: dict[str, Any], key: str) -> str:
    """Return the text under `key`; "" where there is none."""
    found = values.get(key)
    return found if isinstance(found, str) else ""


def name(values: dict[str, Any], *keys: str) -> str:
    """Return the first identifier under `keys`, digit by digit as it came; "" where none is."""
    for key in keys:
        found = values.get(key)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, int) and not isinstance(found, bool) and found:
            return str(found)
    return ""


def whole(values: dict[str, Any], key: str, default: int | None = None) -> int:
    """Return the whole number under `key`, given as a number or as digits.

    Raises:
        Rejected: it is something else, or missing without a `default`; the reason is the key.
    """
    found = values.get(key)
    if found is None and default is not None:
        return default
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < MOST_WHOLE:
        return found
    if isinstance(found, str) and _DIGITS.fullmatch(found):
        return int(found)
    raise Rejected(key.lower(), f"{key} is not a whole number")


def message(
    kind: Kind,
    ident: str,
    user: str,
    nickname: str,
    said: str = "",
    *,
    at: int | None = None,
    count: int = 1,
    **extra: Any,
) -> dict[str, Any]:
    """Return one message in our own form.

    Args:
        ident: unique for its source; "" makes one up, and then duplicates cannot be seen.
        at: seconds or milliseconds since 1970; None or 0 where the platform does not say.
        extra: what else is worth keeping; empty values are left out.
    """
    kept = {key: value for key, value in extra.items() if value}
    if kind is Kind.COMMENT and (mentioned := mentions(said)):
        kept["mentions"] = mentioned
    values = {"kind": kind.value, "user": user, "nickname": nickname, "text": said, "count": count}
    optional = {"id": ident, "at": at, "extra": kept}
    return values | {key: value for key, value in optional.items() if value}


def mentions(said: str) -> list[str]:
    """Return the names after an @ in a comment."""
    return _MENTION.findall(said)[:MOST_MENTIONS]
