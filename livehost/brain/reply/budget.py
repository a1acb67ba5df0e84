"""How many tokens a language model may still cost in this hour.

In:  texts sent and received.   Out: whether one more question may be asked.
"""

from __future__ import annotations

import math
from collections import deque

HOUR = 3600.0
LATIN_PER_TOKEN = 3  # letters; four is usual, three is on the safe side


class Budget:
    """Tokens over the last sixty minutes.

    Args:
        most: tokens in an hour; 0: no limit.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._spent: deque[tuple[float, int]] = deque()
        self._sum = 0

    def left(self, now: float) -> float:
        """Return how many tokens may be spent at `now`, in loop time."""
        while self._spent and now - self._spent[0][0] >= HOUR:
            self._sum -= self._spent.popleft()[1]
        return self._most - self._sum if self._most else math.inf

    def spend(self, now: float, *texts: str) -> None:
        """Note that `texts` were sent or received."""
        used = sum(map(tokens, texts))
        if self._most and used:
            self._spent.append((now, used))
            self._sum += used


def tokens(text: str) -> int:
    """Return about how many tokens a text is, rather too many: one for each character but ASCII."""
    latin = sum(char.isascii() for char in text)
    return len(text) - latin + math.ceil(latin / LATIN_PER_TOKEN)
