"""Ask any OpenAI-compatible server for one text.

In:  [reply] of a room, messages.   Out: the whole answer, or an error by its class. The key is
never in a log or a message.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from livehost.brain.reply.sse import pieces, visible
from livehost.errors import BackendBroken, BackendTimeout, Transient

MOST_CHARACTERS = 60_000
_REFUSED, _BUSY, _SERVER = 400, 429, 500


@dataclass(frozen=True, slots=True)
class Model:
    """A language model.

    Attributes:
        base_url: ends before /chat/completions.
        key: API key; "" sends none.
        seconds: for one whole answer.
    """

    base_url: str
    name: str
    key: str = ""
    seconds: float = 120.0
    max_tokens: int = 4096


async def ask(model: Model, messages: list[dict[str, str]]) -> str:
    """Return what the model answers, its thoughts left out.

    Raises:
        Transient: the server cannot be reached, is busy, or stops in the middle.
        BackendBroken: it refuses, or sends something else than a completion.
        BackendTimeout: the answer is not complete in time.
    """
    try:
        async with asyncio.timeout(model.seconds):
            return await _answer(model, messages)
    except TimeoutError as error:
        raise BackendTimeout(
            f"the language model did not answer within {model.seconds:g} seconds"
        ) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Transient(f"the language model cannot be reached: {type(error).__name__}") from None


async def _answer(model: Model, messages: list[dict[str, str]]) -> str:
    url = model.base_url.rstrip("/") + "/chat/completions"
    headers = {"Authorization": f"Bearer {model.key}"} if model.key else {}
    body = {
        "model": model.name,
        "messages": messages,
        "max_tokens": model.max_tokens,
        "temperature": 0.8,
        "stream": True,
    }
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, json=body, headers=headers) as got,
    ):
        _check(got.status)
        text = ""
        async for piece in visible(pieces(got.content.iter_any())):
            text += piece
            if len(text) > MOST_CHARACTERS:
                raise BackendBroken("the language model writes without end")
        return text


def _check(status: int) -> None:
    if status == _BUSY or status >= _SERVER:
        raise Transient(f"the language model's server answered {status}")
    if status >= _REFUSED:
        raise BackendBroken(
            f"the language model's server answered {status}; check base_url, model and the key"
        )
