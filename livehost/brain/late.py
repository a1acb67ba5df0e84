"""Things that take long to load: asked for at once, waited for only when needed.

In:  a loader.   Out: its value, made in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Late(Generic[T]):
    """A value that is still being made.

    Attributes:
        value: the value, or None while it is not there.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._there = asyncio.Event()
        self.value: T | None = None

    async def load_and_wait(self) -> None:
        """Make the value in a thread, then wait until cancelled. Raises what the loader raises."""
        if self.value is None:
            self.value = await asyncio.get_running_loop().run_in_executor(None, self._load)
            self._there.set()
        await asyncio.Event().wait()

    async def get(self) -> T:
        """Return the value, waiting for it."""
        while self.value is None:
            await self._there.wait()
        return self.value


class LateReplier(Late[Any]):
    """A replier that answers once it is loaded."""

    name = "late"

    async def reply(self, question: Any) -> AsyncGenerator[str, None]:
        """Yield the sentences of the answer. Raises what the replier raises."""
        replier = await self.get()
        async with aclosing(replier.reply(question)) as sentences:
            async for sentence in sentences:
                yield sentence
