"""A queue bounded by weight, which says what happens when it is full.

In:  items with a weight (samples, messages, bytes).   Out: the same items, in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """FIFO within one event loop: `put` waits when full, `offer` refuses and counts.

    Args:
        bound: most weight held at once. One item is always accepted when the channel is empty,
            whatever its weight.
    """

    def __init__(self, bound: float) -> None:
        self._bound = bound
        self._items: deque[tuple[T, float]] = deque()
        self._weight = 0.0
        self._changed = asyncio.Event()
        self.refused = 0

    @property
    def weight(self) -> float:
        """Weight held now."""
        return self._weight

    def __len__(self) -> int:
        return len(self._items)

    def offer(self, item: T, weight: float = 1.0) -> bool:
        """Add `item` unless that would pass the bound; return whether it was added."""
        if not self._fits(weight):
            self.refused += 1
            return False
        self._add(item, weight)
        return True

    async def put(self, item: T, weight: float = 1.0) -> None:
        """Add `item`, waiting for room. Cancelling adds nothing."""
        while not self._fits(weight):
            await self._wait()
        self._add(item, weight)

    async def get(self) -> T:
        """Remove and return the oldest item, waiting for one. Cancelling removes nothing."""
        while not self._items:
            await self._wait()
        item, weight = self._items.popleft()
        self._weight -= weight
        self._changed.set()
        return item

    def clear(self) -> int:
        """Drop everything held; return how many items that were."""
        dropped = len(self._items)
        self._items.clear()
        self._weight = 0.0
        self._changed.set()
        return dropped

    def _fits(self, weight: float) -> bool:
        return not self._items or self._weight + weight <= self._bound

    def _add(self, item: T, weight: float) -> None:
        self._items.append((item, weight))
        self._weight += weight
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
