"""One target kept up to date: one request at a time, in order, until it is taken.

In:  an outbox.   Out: signed POST requests; how it goes, without the address in it.

While the target fails, the same event is tried again after longer and longer pauses; after
`OPENS` failures in a row the breaker is open, and a single try now and then asks whether the target
is back. What a foreign exception says is never kept: it may quote the address.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import aiohttp
from aiohttp import hdrs

from livehost import __version__
from livehost.brain.actions.outbox import Event, Outbox
from livehost.brain.chat.client import reason
from livehost.brain.signing import headers
from livehost.config_actions import Action
from livehost.metrics import Quantiles
from livehost.supervise import backoff

log = logging.getLogger(__name__)

OPENS = 5  # failures in a row
FIRST, MOST = 0.5, 20.0  # seconds before a try again, while the breaker is closed
OPEN_FIRST, OPEN_MOST = 30.0, 300.0  # the same, while it is open
MOST_ASKED = 300.0  # seconds of a Retry-After that are kept to
MOST_REFUSALS = 3  # tries of one event that the target finds wrong
WRONG = frozenset({400, 405, 406, 413, 415, 422})
"""Answers that blame the event and not the address or the key."""


class State(StrEnum):
    """How a target is."""

    READY = "ready"  # the last event was taken, or none was sent yet
    RETRYING = "retrying"
    OPEN = "open"  # the breaker: it failed many times, and is asked now and then
    FAILED = "failed"  # its settings are wrong


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try.

    Attributes:
        ok: the event was taken.
        why: in words, when not.
        wrong: the event is at fault.
        wait: seconds that the target asked for.
    """

    ok: bool
    why: str = ""
    wrong: bool = False
    wait: float = 0.0


class Target:
    """One [[action]] at work.

    Args:
        now: aware wall time.

    Attributes:
        tries, failures: requests, and those that were not taken.
        seconds: from each event to its delivery.
        reason: why the last try failed; "" when it did not.

    Raises:
        ConfigError: the environment lacks its address or its secret.
    """

    def __init__(self, settings: Action, outbox: Outbox, now: Callable[[], datetime]) -> None:
        self.outbox = outbox
        self._name = settings.name
        self._url, self._secret = settings.address(), settings.secret()
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout_seconds)
        self._now = now
        self.state = State.READY
        self.reason = ""
        self.in_a_row = 0
        self.tries = self.failures = 0
        self.seconds = Quantiles(200)
        self._refused: tuple[str, int] = ("", 0)
        self._waits = backoff(FIRST, 2.0, MOST)

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is sent again by the next process."""
        async with self._session() as http:
            while True:
                event = await self.outbox.next()
                if not (answer := await self._deliver(http, event)).ok:
                    await asyncio.sleep(max(next(self._waits), answer.wait))

    async def finish(self) -> None:
        """Deliver what waits, until the first failure."""
        async with self._session() as http:
            while event := self.outbox.oldest:
                if not (await self._deliver(http, event)).ok:
                    return

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=1, force_close=True)
        return aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def _deliver(self, http: aiohttp.ClientSession, event: Event) -> Answer:
        """Try once and note what came of it."""
        answer = await self._try(http, event)
        self.tries += 1
        if answer.ok:
            self._took(event)
        else:
            self._failed(event, answer)
        return answer

    async def _try(self, http: aiohttp.ClientSession, event: Event) -> Answer:
        try:
            async with http.post(
                self._url, data=event.body, headers=self._headers(event), allow_redirects=False
            ) as response:
                return _answer(response)
        except TimeoutError:
            return Answer(False, f"did not answer within {self._timeout.total:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(False, f"cannot be reached ({reason(error)})")
        except Exception as error:  # the seam to a foreign library
            return Answer(False, f"cannot be asked ({type(error).__name__})")

    def _headers(self, event: Event) -> dict[str, str]:
        stamp = int(self._now().timestamp())
        return {
            hdrs.CONTENT_TYPE: "application/json; charset=utf-8",
            hdrs.USER_AGENT: f"livehost/{__version__}",
            **headers(self._secret, event.id, stamp, event.body),
        }

    # --- what came of it --------------------------------------------------------------------------

    def _took(self, event: Event) -> None:
        if self.state is not State.READY:
            log.warning("action target is back", extra={"target": self._name})
        self.state, self.reason, self.in_a_row = State.READY, "", 0
        self._waits = backoff(FIRST, 2.0, MOST)
        self.seconds.add(max(0.0, (self._now() - event.at).total_seconds()))
        self.outbox.done(event, "delivered")

    def _failed(self, event: Event, answer: Answer) -> None:
        self.failures += 1
        self.in_a_row += 1
        self.reason = answer.why
        if self.state is State.READY:
            self.state = State.RETRYING
            log.warning("action target fails", extra={"target": self._name, "reason": answer.why})
        if answer.wrong and self._too_often(event):
            self.outbox.done(event, "refused")
            self.in_a_row, self._waits = 0, backoff(FIRST, 2.0, MOST)
            log.error(
                "an event was refused and is given up",
                extra={"target": self._name, "kind": event.kind, "reason": answer.why},
            )
        if self.in_a_row == OPENS:
            self.state = State.OPEN
            self._waits = backoff(OPEN_FIRST, 2.0, OPEN_MOST)

    def _too_often(self, event: Event) -> bool:
        before, times = self._refused
        self._refused = event.id, times + 1 if before == event.id else 1
        return self._refused[1] >= MOST_REFUSALS


def _answer(response: aiohttp.ClientResponse) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer(True)
    asked = response.headers.get(hdrs.RETRY_AFTER, "")
    wait = min(float(asked), MOST_ASKED) if asked.isascii() and asked.isdigit() else 0.0
    return Answer(False, f"answered with status {status}", status in WRONG, wait)
