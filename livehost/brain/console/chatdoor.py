"""Chat that arrives by HTTP: one JSON object or JSON lines, bounded in size and in rate.

In:  request bodies.   Out: the desk's receipts; what is not let in is counted, never queued.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass

from livehost.brain.console.desk import Desk, Receipt

MOST_BODY = 1024 * 1024  # bytes of one request
MOST_EACH_SECOND = 1000.0  # messages, on average
MOST_AT_ONCE = 2000.0  # messages, in a burst
MOST_IN_BODY = 10_000  # messages
BREATH = 32  # messages between two turns for everybody else

TOO_LONG = "message is longer than {most} bytes"
TOO_MANY = "too many messages a second"


@dataclass(frozen=True, slots=True)
class Admission:
    """A receipt and the HTTP status that says the same."""

    status: int
    receipt: Receipt


class Bucket:
    """Token bucket on the running loop's clock."""

    def __init__(self, each_second: float, most: float) -> None:
        self._rate, self._most, self._level = each_second, most, most
        self._at: float | None = None

    def take(self) -> bool:
        """Take one token if there is one."""
        now = asyncio.get_running_loop().time()
        since = 0.0 if self._at is None else now - self._at
        self._level = min(self._most, self._level + since * self._rate)
        self._at = now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class ChatDoor:
    """Lets messages in.

    Args:
        desk: where they go.
        most_bytes: longer messages are refused.
        each_second, at_once: the rate that is let in.
    """

    def __init__(
        self,
        desk: Desk,
        most_bytes: int,
        each_second: float = MOST_EACH_SECOND,
        at_once: float = MOST_AT_ONCE,
    ) -> None:
        self._desk = desk
        self._bucket = Bucket(each_second, at_once)
        self.most_bytes = most_bytes
        self.counts: Counter[str] = Counter()
        """Messages by what became of them: accepted, rejected, limited, oversized."""

    def admit(self, raw: bytes) -> Admission:
        """Hand one message to the desk, or say why not."""
        if len(raw) > self.most_bytes:
            return self._turn_away("oversized", 413, TOO_LONG.format(most=self.most_bytes))
        if not self._bucket.take():
            return self._turn_away("limited", 429, TOO_MANY)
        receipt = self._desk.submit_chat(raw)
        self.counts["accepted" if receipt.ok else "rejected"] += 1
        return Admission(200 if receipt.ok else 400, receipt)

    async def admit_all(self, raws: list[bytes]) -> list[Admission]:
        """Admit each message in order, giving way to others in between."""
        admissions = []
        for number, raw in enumerate(raws, 1):
            admissions.append(self.admit(raw))
            if number % BREATH == 0:
                await asyncio.sleep(0)
        return admissions

    def split(self, body: bytes) -> list[bytes]:
        """Return the messages of `body`: one JSON value over any number of lines, or one a line.

        A body that holds more than `MOST_IN_BODY` lines is one message, which is too long.
        """
        lines = [line.strip() for line in body.splitlines() if line.strip()]
        if len(lines) > MOST_IN_BODY:
            return [body]
        whole = len(lines) > 1 and len(body) <= self.most_bytes and _is_json(body)
        return [body.strip()] if whole else lines

    def oversized(self) -> Admission:
        """Count a body that was too long to be read at all."""
        return self._turn_away("oversized", 413, TOO_LONG.format(most=MOST_BODY))

    def _turn_away(self, cause: str, status: int, reason: str) -> Admission:
        self.counts[cause] += 1
        return Admission(status, Receipt(False, reason=reason))

    def metrics(self) -> dict[str, float]:
        """Return the door's numbers by Prometheus name."""
        names = ("accepted", "rejected", "limited", "oversized")
        name = "livehost_console_chat_total"
        return {f'{name}{{result="{result}"}}': self.counts[result] for result in names}


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return False
    return True
