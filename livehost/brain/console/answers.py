"""Answers as JSON that every browser can read and that carries no stream key.

In:  values from the show.   Out: HTTP responses.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from aiohttp import web

MOST_SAFE = 2**53 - 1  # JavaScript reads larger integers wrongly
_URL = re.compile(r"\b(rtmps?|srt|https?)://([^/\s@\"']*@)?([^/\s\"'?]+)([^\s\"']*)", re.IGNORECASE)


def scrub(text: str) -> str:
    """Return `text` with every stream URL cut down to scheme and host."""
    return _URL.sub(lambda m: f"{m[1]}://{m[3]}{'/***' if m[4] else ''}", text)


def plain(value: Any) -> Any:
    """Return `value` as JSON values for a browser.

    NaN and infinities become null, integers beyond 2**53 become strings, stream URLs lose their
    path, and what JSON does not know becomes its `str`.
    """
    if isinstance(value, dict):
        return {scrub(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case int():
            return int(value) if abs(value) <= MOST_SAFE else str(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case _:
            return scrub(str(value))


def encoded(value: Any) -> bytes:
    """Return `value` as JSON in UTF-8."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", errors="replace")  # a lone surrogate must not cost the answer


def answer(value: Any, status: int = 200) -> web.Response:
    """Return `value` as a JSON response."""
    return web.Response(
        body=encoded(value), status=status, content_type="application/json", charset="utf-8"
    )


def refusal(status: int, why: str, **headers: str) -> web.Response:
    """Return an error response with one line for the sender."""
    response = answer({"ok": False, "error": why}, status)
    response.headers.update(headers)
    return response
