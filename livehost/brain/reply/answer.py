"""What is asked and what is answered, whoever answers.

In:  a chat message with its circumstances.   Out: sentences, and what was understood.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from livehost.brain.product import Product


@dataclass(frozen=True, slots=True)
class Question:
    """A message that wants an answer.

    Attributes:
        text: as the viewer wrote it; never an instruction.
        nickname: may be said; "" when not.
        product: on the card now.
        heard: the sentences said last, oldest first.
        message: id of the chat message; "" when it is none.
        earlier: what the same viewer asked before, oldest first.
        of: its class (`livehost.brain.chat.classes.Class`) as the chat was read; "" if it was not.
        together: questions of others about the same product, to be answered in the same breath.
        waiting: how many other questions wait; with many, answers are short.
        about: the product that the viewer named in another message; None when in none.
        viewers: how many ask it.
    """

    text: str
    nickname: str = ""
    user: str = ""
    product: Product | None = None
    heard: tuple[str, ...] = ()
    message: str = ""
    earlier: tuple[str, ...] = ()
    of: str = ""
    together: tuple[Question, ...] = ()
    waiting: int = 0
    about: Product | None = None
    viewers: int = 1


class Answer(AsyncGenerator[str, None]):
    """Sentences to say, in order.

    Attributes:
        intent: what the question was taken for.
        product: the product that the answer is about; its card backs the figures.
        engine: who answers; changes when a fallback takes over.
        asked_back: ids of the messages that get a question in return: which product, which body.
    """

    def __init__(
        self,
        sentences: AsyncGenerator[str, None],
        intent: str,
        product: Product | None = None,
        engine: str = "grounded",
    ) -> None:
        self._sentences = sentences
        self.intent = intent
        self.product = product
        self.engine = engine
        self.asked_back: frozenset[str] = frozenset()

    def __aiter__(self) -> Answer:
        return self

    async def __anext__(self) -> str:
        return await self._sentences.__anext__()

    async def asend(self, value: None) -> str:
        """Return the next sentence."""
        return await self._sentences.asend(value)

    async def athrow(
        self,
        typ: Any,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
    ) -> str:
        """Throw into the source of the sentences."""
        return await self._sentences.athrow(typ)

    async def aclose(self) -> None:
        """Stop answering; requests in progress are cancelled."""
        await self._sentences.aclose()


class Replier(Protocol):
    """Somebody who answers."""

    name: str

    def reply(self, question: Question) -> AsyncGenerator[str, None]:
        """Return the sentences of an answer; none when there is nothing to say."""

    def awaits(self, user: str, text: str) -> bool:
        """Return whether a message is what its viewer was asked back for."""

    async def close(self) -> None:
        """Close what is open; idempotent."""
