"""Read the token stream of an OpenAI-compatible server.

In:  bytes of a text/event-stream.   Out: pieces of visible text; thoughts in <think> left out.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator

from livehost.errors import BackendBroken, Transient

MOST_LINE = 64 * 1024  # bytes


async def pieces(chunks: AsyncIterable[bytes]) -> AsyncIterator[str]:
    """Yield the text pieces of a completion stream until it says that it is done.

    Raises:
        Transient: the stream ended before [DONE] or a finish reason.
        BackendBroken: it is not such a stream.
    """
    done = False
    async for line in _lines(chunks):
        if not line.startswith(b"data:"):
            continue
        payload = line[5:].strip()
        if payload == b"[DONE]":
            return
        text, finished = _delta(payload)
        if text:
            yield text
        done = done or finished
    if not done:
        raise Transient("the model's stream ended in the middle")


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    held = b""
    async for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(held) > MOST_LINE:
            raise BackendBroken("the model's server sends lines without end")
    if held:
        yield held


def _delta(payload: bytes) -> tuple[str, bool]:
    try:
        event = json.loads(payload)
        if "error" in event:
            raise Transient("the model's server reported an error in the stream")
        choices = event["choices"]
        if not choices:  # a closing event with usage only
            return "", False
        text = choices[0].get("delta", {}).get("content") or ""
        if not isinstance(text, str):
            raise TypeError
        return text, choices[0].get("finish_reason") is not None
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BackendBroken("the model's server sends something else than completions") from error


async def visible(stream: AsyncIterable[str]) -> AsyncIterator[str]:
    """Leave out everything between <think> and </think>, wherever the pieces are cut."""
    held, hidden = "", False
    async for piece in stream:
        held += piece
        while True:
            mark = "</think>" if hidden else "<think>"
            before, found, after = held.partition(mark)
            if not found:
                break
            if not hidden and before:
                yield before
            held, hidden = after, not hidden
        keep = _partial(held, mark)
        if not hidden and len(held) > keep:
            yield held[: len(held) - keep]
        held = held[len(held) - keep :]
    if held and not hidden:
        yield held


def _partial(text: str, mark: str) -> int:
    """Return how many last characters of `text` could be the start of `mark`."""
    return next((n for n in range(len(mark) - 1, 0, -1) if text.endswith(mark[:n])), 0)
