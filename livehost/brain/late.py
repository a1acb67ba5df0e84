"""Things that take long to load: asked for at once, waited for only when needed.

In:  a loader.   Out: its value, made in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

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
