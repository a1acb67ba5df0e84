"""One call to a platform's API: bounded in time and size, and silent about what was sent.

In:  a request.   Out: the JSON object it is answered with, or Transient without any secret in it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from livehost.brain.chat.client import reason
from livehost.errors import Transient

CALL_SECONDS = 5.0
MOST_ANSWER = 256 * 1024  # bytes


async def ask(
    http: aiohttp.ClientSession,
    what: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """POST `body`, or GET when it is None; redirects are not followed.

    Args:
        what: names the call in what is raised.

    Raises:
        Transient: no answer in time, or none that is a JSON object with status 200.
    """
    method = "GET" if body is None else "POST"
    try:
        async with (
            asyncio.timeout(CALL_SECONDS),
            http.request(
                method, url, data=body, params=query, headers=headers, allow_redirects=False
            ) as response,
        ):
            values = json.loads(await _read(response)) if response.status == 200 else None
    except TimeoutError:
        raise Transient(f"{what} did not answer within {CALL_SECONDS:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Transient(f"{what} cannot be reached ({reason(error)})") from None
    except (ValueError, RecursionError):
        raise Transient(f"{what} did not answer with JSON") from None
    if not isinstance(values, dict):
        raise Transient(f"{what} answered with status {response.status}")
    return values


async def _read(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        data += chunk
        if len(data) > MOST_ANSWER:
            raise ValueError("too long")
    return bytes(data)


def code(value: Any) -> str:
    """Return a platform's error number for a message; what is no number is not quoted."""
    return str(value) if isinstance(value, int) else "unknown"
