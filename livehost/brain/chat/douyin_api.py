"""What Douyin wants from who takes its pushes: start them, see that they run, acknowledge.

In:  app id and secret, messages that were taken in and shown.   Out: calls to the open platform.

Source: the open platform's documentation (`/api/live_data/task/*`, `/api/live_data/ack`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from livehost.brain.chat.calls import ask, code
from livehost.brain.chat.feed import Feed, State
from livehost.brain.chat.keep import together
from livehost.config_chat import Douyin, secret
from livehost.errors import Transient
from livehost.supervise import backoff

log = logging.getLogger(__name__)

JSON = {"Content-Type": "application/json"}
RUNNING = 3  # status of a push that runs
WATCH_SECONDS = 30.0
EARLY_SECONDS = 300.0  # a token is asked for anew so long before it ends
MOST_ACKS = 5000  # that wait; the oldest are left out
MOST_REFUSED = 20  # times that the platform may refuse a batch until it is left out
BATCH = 50
BATCH_SECONDS = 1.0


class Refused(Transient):
    """The platform answered, with an error."""


class DouyinApi:
    """Signed-in calls to the open platform. Nothing it raises holds a token or a secret."""

    def __init__(self, settings: Douyin) -> None:
        self._settings = settings
        self._secret = secret(settings, "app_secret_env")
        self._token, self._until = "", 0.0

    async def post(
        self, http: aiohttp.ClientSession, path: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the `data` of the answer. Raises Transient."""
        return await self._call(http, path, json.dumps(body).encode(), None)

    async def get(
        self, http: aiohttp.ClientSession, path: str, query: dict[str, str]
    ) -> dict[str, Any]:
        """Return the `data` of the answer. Raises Transient."""
        return await self._call(http, path, None, query)

    async def _call(
        self,
        http: aiohttp.ClientSession,
        path: str,
        body: bytes | None,
        query: dict[str, str] | None,
    ) -> dict[str, Any]:
        headers = JSON | {"access-token": await self._signed_in(http)}
        url = self._settings.api_url.rstrip("/") + path
        answer = await ask(http, f"douyin: {path}", url, body, headers, query)
        if answer.get("err_no") != 0:
            self._until = 0.0  # the token may be the reason
            raise Refused(f"douyin: {path} answered error {code(answer.get('err_no'))}")
        data = answer.get("data")
        return data if isinstance(data, dict) else {}

    async def _signed_in(self, http: aiohttp.ClientSession) -> str:
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            body = {
                "appid": self._settings.app_id,
                "secret": self._secret,
                "grant_type": "client_credential",
            }
            raw = json.dumps(body).encode()
            answer = await ask(http, "douyin: token", self._settings.token_url, raw, JSON)
            data = answer.get("data")
            if answer.get("err_no") != 0 or not isinstance(data, dict):
                raise Transient(f"douyin: token answered error {code(answer.get('err_no'))}")
            self._token = str(data.get("access_token", ""))
            self._until = now + max(60.0, _seconds(data.get("expires_in")) - EARLY_SECONDS)
        return self._token


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


@dataclass(frozen=True, slots=True)
class Ack:
    """One message that was received (step 1) or shown (step 2), at a time in milliseconds."""

    step: int
    room: str
    kind: str
    msg_id: str
    at: int


class DouyinDuties:
    """Keeps pushes running and acknowledges, as long as it runs.

    Attributes:
        room: the room that pushes come from.
    """

    def __init__(self, settings: Douyin, feed: Feed) -> None:
        self.room = settings.room_id
        self._settings = settings
        self._feed = feed
        self._api = DouyinApi(settings)
        self._acks: deque[Ack] = deque()
        self._trouble = ""
        self._numbers = {"received": 0, "shown": 0, "failed_calls": 0, "left_out": 0}
        feed.notes["acknowledged"] = self._numbers

    async def run(self) -> None:
        """Work until cancelled; calls that fail are tried again, and never cost a push."""
        self._feed.is_not_live(State.LISTENING)
        async with aiohttp.ClientSession() as http:
            await together(self._watch(http), self._send(http))

    def acknowledge(self, step: int, kind: str, msg_id: str) -> None:
        """Queue one acknowledgement: 1 received, 2 shown."""
        if not self.room:
            return
        if len(self._acks) >= MOST_ACKS:
            self._acks.popleft()
            self._numbers["left_out"] += 1
        now = int(datetime.now(UTC).timestamp() * 1000)
        self._acks.append(Ack(step, self.room, kind, msg_id, now))

    # --- pushes -----------------------------------------------------------------------------------

    async def _watch(self, http: aiohttp.ClientSession) -> None:
        """See that every push runs: the platform stops one that was answered badly ten times."""
        delays = backoff(1.0, most=WATCH_SECONDS)
        while True:
            wait = WATCH_SECONDS
            if self.room:
                try:
                    await self._start(http)
                    delays = backoff(1.0, most=WATCH_SECONDS)
                except Transient as error:
                    wait = next(delays)
                    self._cannot_start(str(error))
            await asyncio.sleep(wait)

    async def _start(self, http: aiohttp.ClientSession) -> None:
        tasks = self._feed.notes.setdefault("pushes", {})
        for kind in self._settings.messages:
            about = {"roomid": self.room, "appid": self._settings.app_id, "msg_type": kind}
            found = await self._api.get(http, "/api/live_data/task/get", about)
            if found.get("status") != RUNNING:
                if tasks.get(kind) == "running":
                    self._feed.reconnects += 1
                    log.warning("push had stopped", extra={"source": self._feed.name, "push": kind})
                tasks[kind] = "stopped"
                await self._api.post(http, "/api/live_data/task/start", about)
            tasks[kind] = "running"
        self._feed.is_live()
        self._feed.is_over(self._trouble)

    def _cannot_start(self, why: str) -> None:
        if self._feed.reason != why:
            log.warning(
                "pushes cannot be started", extra={"source": self._feed.name, "reason": why}
            )
        if self._feed.state is not State.LIVE:
            self._feed.is_not_live(State.WAITING, why)
        self._feed.reason = self._trouble = why

    # --- acknowledgements -------------------------------------------------------------------------

    async def _send(self, http: aiohttp.ClientSession) -> None:
        delays, refused = backoff(1.0, most=30.0), 0
        while True:
            await asyncio.sleep(BATCH_SECONDS)
            while batch := self._batch():
                try:
                    await self._acknowledged(http, batch)
                    delays, refused = backoff(1.0, most=30.0), 0
                except Transient as error:
                    self._numbers["failed_calls"] += 1
                    refused = refused + 1 if isinstance(error, Refused) else 0
                    if refused < MOST_REFUSED:
                        self._acks.extendleft(reversed(batch))
                    else:  # it holds up all that come after it
                        self._numbers["left_out"] += len(batch)
                        refused = 0
                    await asyncio.sleep(next(delays))

    def _batch(self) -> list[Ack]:
        """Remove and return the oldest acknowledgements of one step and room."""
        batch: list[Ack] = []
        while self._acks and len(batch) < BATCH and _together(batch, self._acks[0]):
            batch.append(self._acks.popleft())
        return batch

    async def _acknowledged(self, http: aiohttp.ClientSession, batch: list[Ack]) -> None:
        items = [{"msg_id": a.msg_id, "msg_type": a.kind, "client_time": a.at} for a in batch]
        step = batch[0].step
        await self._api.post(
            http,
            "/api/live_data/ack",
            {
                "room_id": batch[0].room,
                "app_id": self._settings.app_id,
                "ack_type": step,
                "data": json.dumps(items),
            },
        )
        self._numbers["received" if step == 1 else "shown"] += len(batch)


def _together(batch: list[Ack], ack: Ack) -> bool:
    return not batch or (batch[0].step, batch[0].room) == (ack.step, ack.room)
