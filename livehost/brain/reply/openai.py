"""Answer with any OpenAI-compatible server; when it is slow, broken or stopped, with the card.

In:  `Question`, [reply] of the room.   Out: `Answer`; `engine` says who answered in the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import aiohttp

from livehost.brain.gate import Gate, Verdict
from livehost.brain.product import Product
from livehost.brain.reply.answer import Answer, Question
from livehost.brain.reply.budget import Budget, tokens
from livehost.brain.reply.grounded import GroundedReplier
from livehost.brain.reply.prompt import beginning, messages, spoken
from livehost.brain.reply.sse import pieces, visible
from livehost.brain.reply.understand import TROUBLES, is_english
from livehost.brain.sentences import from_stream
from livehost.config import Reply
from livehost.errors import BackendBroken, BackendTimeout, LivehostError, Transient

log = logging.getLogger(__name__)

Refused = Callable[[Verdict, str], None]
OWN = TROUBLES | {
    *("abuse", "identity", "name", "injection", "contact", "forget_me", "complaint", "show_faq")
}
"""Intents that the model is never asked about."""
MOST_SENTENCES = 5
TOTAL_SECONDS = 30.0
"""An answer that is not over by then ends where it is."""
WARM_SECONDS = 120.0
"""For the beginning of a prompt: nobody waits for it."""
_ATTEMPTS = 2
_PAUSE_SECONDS = 0.2


class Breaker:
    """Leave a failing server alone for a while.

    Args:
        failures: in a row until it opens.
        seconds: it stays open; then one request tries again.
    """

    def __init__(self, failures: int = 3, seconds: float = 30.0) -> None:
        self._most, self._seconds = failures, seconds
        self._failed = 0
        self._until = float("-inf")

    def open(self, now: float) -> bool:
        """Return whether requests should not be made at `now` (loop time)."""
        return now < self._until

    def good(self) -> None:
        """Note a request that worked."""
        self._failed, self._until = 0, float("-inf")

    def bad(self, now: float, broken: bool = False) -> None:
        """Note a failure; `broken` opens at once."""
        self._failed = self._most if broken else self._failed + 1
        if self._failed >= self._most:
            self._until = now + self._seconds


@dataclass(slots=True)
class Exchange:
    """One question to a language model, for the audit log.

    Attributes:
        message: id of the chat message that it is about.
        messages: what the model was given; empty when it was not asked.
        said: its sentences, also one that the gate stopped.
        error: why it ended early.
    """

    message: str
    model: str
    messages: list[dict[str, str]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: str = ""


Asked = Callable[[Exchange], None]


class OpenAIReplier:
    """The engine that asks a language model.

    Args:
        settings: [reply] of the room; base_url ends before /chat/completions.
        fallback: answers instead, and decides what the model is never asked.
        gate: judges each sentence before it is handed on.
        key: API key; "" sends none. Never logged.
        refused: told of each sentence that the gate stopped.
        asked: told what the model was asked and what it said (`Exchange`).

    Attributes:
        counts: answers by outcome: model, slow, failed, stopped, open, own, cut, budget.
        trouble: why the product card answers in its place; "" while the model is well.
    """

    name = "openai"
    _force_close = False
    _warms = False
    """Whether it is warmed where the room file does not say."""

    def __init__(
        self,
        settings: Reply,
        fallback: GroundedReplier,
        gate: Gate,
        key: str = "",
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        refused: Refused | None = None,
        asked: Asked | None = None,
    ) -> None:
        self._settings = settings
        self._fallback = fallback
        self._gate = gate
        self._key = key
        self._now = now
        self._refused = refused or (lambda _verdict, _text: None)
        self._asked = asked or (lambda _exchange: None)
        self._breaker = Breaker()
        self._budget, self._spent_out = Budget(settings.most_tokens_per_hour), False
        self._session: aiohttp.ClientSession | None = None
        self.counts: Counter[str] = Counter()
        self.trouble = ""

    def reply(self, question: Question) -> Answer:
        """Return the answer. Closing it cancels the request."""
        before = self._fallback.viewers.of(question.user, self._now())
        question = self._fallback.carried(question)
        meaning = self._fallback.understand(question)
        if meaning.intent in OWN or question.together:
            self.counts["own"] += 1
            return self._fallback.reply(question)
        earlier = tuple(text for text, _ in before.asked) if before else ()
        about = replace(question, product=meaning.product, earlier=earlier)
        answer = Answer(_nothing(), meaning.intent, meaning.product, self.name)
        answer._sentences = self._answer(about, question, answer)
        return answer

    def opening(self, product: Product | None) -> tuple[str, list[dict[str, str]]] | None:
        """Return where and with what every question about a product begins; None: not warmed.

        Raises:
            Transient: there is no server now.
        """
        if not (self._warms if self._settings.warm is None else self._settings.warm):
            return None
        return self._server()[0], beginning(product, self._fallback.language, self._now())

    async def warm(self, prompt: list[dict[str, str]]) -> bool:
        """Have the server compute what questions begin with; return whether it was asked.

        Not while it is left alone, nor for more tokens than are left. Cancelling ends the request.

        Raises:
            LivehostError: it could not.
        """
        now, texts = asyncio.get_running_loop().time(), [part["content"] for part in prompt]
        if self._breaker.open(now) or self._budget.left(now) < sum(map(tokens, texts)):
            return False
        self._budget.spend(now, *texts)
        body = {"messages": prompt, "max_tokens": 1, "stream": False}
        try:
            async with asyncio.timeout(WARM_SECONDS):
                await self._post(body)
        except TimeoutError as error:
            raise BackendTimeout("the language model is slow") from error
        self.counts["warmed"] += 1
        return True

    async def _post(self, body: dict[str, Any]) -> None:
        base, key = self._server()
        url = base.rstrip("/") + "/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {"model": self._settings.model, "temperature": 0.3, **body}
        try:
            async with self._connected().post(url, json=body, headers=headers) as got:
                _check_status(got.status)
                await got.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Transient(
                f"the language model cannot be reached: {type(error).__name__}"
            ) from None

    def awaits(self, user: str, text: str) -> bool:
        """Return whether a message is what its viewer was asked back for."""
        return self._fallback.awaits(user, text)

    async def close(self) -> None:
        """Close the connections to the server; the next reply opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # --- model first, card second ---------------------------------------------------------------

    async def _answer(
        self, about: Question, question: Question, answer: Answer
    ) -> AsyncGenerator[str, None]:
        said = 0
        async with aclosing(self._from_model(about)) as sentences:
            async for sentence in sentences:
                said += 1
                yield sentence
        if said:
            return
        answer.engine = self._fallback.name
        from_card = self._fallback.reply(question)
        answer.asked_back = from_card.asked_back
        async with aclosing(from_card) as grounded:
            async for sentence in grounded:
                yield sentence

    async def _from_model(self, question: Question) -> AsyncGenerator[str, None]:
        """Yield what the model says and the gate lets pass; end early on any trouble."""
        loop = asyncio.get_running_loop()
        if self._breaker.open(loop.time()):
            self.counts["open"] += 1
            return
        if self._is_spent(loop.time()):
            self.counts["budget"] += 1
            return
        said = 0
        exchange = Exchange(question.message, self._settings.model)
        try:
            async with aclosing(self._timed(question, exchange)) as sentences:
                async for sentence in sentences:
                    exchange.said.append(sentence)
                    verdict = self._gate.check(sentence, question.product, self._now())
                    if not verdict.ok:
                        self._refused(verdict, sentence)
                        self.counts["stopped" if not said else "cut"] += 1
                        break
                    said += 1
                    yield sentence
                    if said >= MOST_SENTENCES:
                        break
            self._breaker.good()
            self.trouble = ""
            self.counts["model"] += said > 0
        except LivehostError as error:
            exchange.error = str(error)
            self._failed(error, loop.time(), said)
        finally:
            sent = (message["content"] for message in exchange.messages)
            self._budget.spend(loop.time(), *sent, *exchange.said)
            self._asked(exchange)

    def _is_spent(self, now: float) -> bool:
        """Return whether the hour's tokens are used up; told once each time."""
        spent = self._budget.left(now) <= 0
        if spent and not self._spent_out:
            self.trouble = "the hour's tokens are used up"
            log.warning("the language model's tokens for this hour are used up; the card answers")
        self._spent_out = spent
        return spent

    def _failed(self, error: LivehostError, now: float, said: int) -> None:
        slow = isinstance(error, BackendTimeout)
        self.counts["cut" if said else "slow" if slow else "failed"] += 1
        before = self._breaker.open(now)
        self._breaker.bad(now, broken=isinstance(error, BackendBroken))
        if self._breaker.open(now) and not before:
            self.trouble = str(error)
            log.warning("The language model is left alone for a while", extra={"error": str(error)})

    # --- time -----------------------------------------------------------------------------------

    async def _timed(self, question: Question, exchange: Exchange) -> AsyncGenerator[str, None]:
        """Yield sentences; BackendTimeout when the next one does not come in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TOTAL_SECONDS
        async with aclosing(self._attempts(question, exchange)) as sentences:
            while (left := end - loop.time()) > 0:
                try:
                    async with asyncio.timeout(min(self._settings.timeout_seconds, left)):
                        sentence = await anext(sentences)
                except StopAsyncIteration:
                    return
                except TimeoutError as error:
                    raise BackendTimeout("the language model is slow") from error
                if text := spoken(sentence):
                    yield text

    async def _attempts(self, question: Question, exchange: Exchange) -> AsyncGenerator[str, None]:
        """Try again after a passing fault, as long as nothing was said."""
        said = False
        for attempt in range(_ATTEMPTS):
            try:
                async with aclosing(self._request(question, exchange)) as sentences:
                    async for sentence in sentences:
                        said = True
                        yield sentence
                return
            except Transient:
                if said or attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)

    # --- one request ----------------------------------------------------------------------------

    async def _request(self, question: Question, exchange: Exchange) -> AsyncGenerator[str, None]:
        base, key = self._server()
        url = base.rstrip("/") + "/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = self._body(question)
        exchange.messages = body["messages"]
        try:
            async with self._connected().post(url, json=body, headers=headers) as got:
                _check_status(got.status)
                stream = visible(pieces(got.content.iter_any()))
                async for sentence in from_stream(stream):
                    yield sentence
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Transient(
                f"the language model cannot be reached: {type(error).__name__}"
            ) from None

    def _server(self) -> tuple[str, str]:
        """Return base URL and key. Raises Transient when there is no server now."""
        return self._settings.base_url, self._key

    def _body(self, question: Question) -> dict[str, Any]:
        return {
            "model": self._settings.model,
            "messages": messages(
                question, "en" if is_english(question.text) else "zh", self._now()
            ),
            "max_tokens": self._settings.max_tokens,
            "temperature": 0.3,
            "stream": True,
        }

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(force_close=self._force_close)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=None)
            )
        return self._session


def _check_status(status: int) -> None:
    if status == 429 or status >= 500:
        raise Transient(f"the language model's server answered {status}")
    if status >= 400:
        raise BackendBroken(
            f"the language model's server answered {status}; check base_url, model and the key"
        )


async def _nothing() -> AsyncGenerator[str, None]:
    return
    yield ""
