"""Ask a running console, for the command line.

In:  address and token.   Out: its answers, or a `LivehostError` in one line.
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from livehost.errors import ConfigError, LivehostError, Transient

SECONDS = 20.0  # longer than any command may take on the other side


async def say(address: str, token: str | None, text: str) -> str:
    """Have the host say `text` next; return what the show answers.

    Raises:
        ConfigError: the token is missing or wrong.
        Transient: nobody answers, or not in time.
        LivehostError: the show refused.
    """
    answer = await _ask(
        address, token, "POST", "/api/command", {"name": "say", "args": {"text": text}}
    )
    return str(answer.get("message") or "ok")


async def status(address: str, token: str | None) -> dict[str, Any]:
    """Return the state of the running room. Raises like `say`."""
    return await _ask(address, token, "GET", "/api/status")


async def _ask(
    address: str, token: str | None, method: str, path: str, body: Any = None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    limit = aiohttp.ClientTimeout(total=SECONDS, sock_connect=5)
    base = address if "//" in address else f"http://{address}"
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=limit) as session,
            session.request(method, base.rstrip("/") + path, json=body) as response,
        ):
            return _read(address, response.status, await response.read())
    except TimeoutError as error:  # before OSError, which it is
        raise Transient(f"{address} did not answer within {SECONDS:g} s") from error
    except (aiohttp.ClientConnectionError, OSError) as error:
        raise Transient(f"nobody answers on {address}; is livehost run active?") from error
    except aiohttp.InvalidURL as error:
        raise ConfigError(f"{address}: is not an address; write it like 127.0.0.1:8080") from error
    except aiohttp.ClientError as error:
        raise LivehostError(f"{address} is not a livehost console") from error


def _read(address: str, code: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise LivehostError(f"{address} is not a livehost console (HTTP {code})")
    if code == 401:
        raise ConfigError(f"{address}: the token is missing or wrong; set LIVEHOST_TOKEN")
    if code >= 400:
        raise LivehostError(str(answer.get("error", f"HTTP {code}")))
    return answer
