"""Answers that will surely be asked for, so that their speech is made before anybody asks.

In:  the catalog.   Out: the sentences of the grounded engine's answers to the commonest questions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from livehost.brain.catalog import Catalog
from livehost.brain.emotion import Feeling, felt
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.reply import GroundedReplier, Question
from livehost.brain.utterance import Said

VARIANTS = 4  # wordings of each answer that are made ahead: those that come first
QUESTIONS = {
    "zh": (
        "多少钱",
        "你是真人吗",
        "有什么优惠",
        "什么时候发货",
        "包邮吗",
        "可以退货吗",
        "还有货吗",
        "有哪些尺码",
    ),
    "en": (
        "how much is it",
        "are you a real person",
        "any discount",
        "when does it ship",
        "is shipping free",
        "can I return it",
        "is it in stock",
        "which sizes are there",
    ),
}


class CommonAnswers:
    """Sentences of common answers, those about the product on air first.

    Args:
        product: returns the product on air.
        judged: what may be said in place of a text.
    """

    def __init__(
        self,
        catalog: Catalog,
        language: str,
        product: Callable[[], str | None],
        judged: Callable[[str, Intent], Said],
    ) -> None:
        self._catalog = catalog
        self._language = language
        self._product = product
        self._judged = judged

    async def texts(self) -> AsyncIterator[tuple[str, Feeling]]:
        """Yield (text, feeling) of each sentence, in an order worth keeping to."""
        first = self._product()
        for product in sorted(self._catalog.products, key=lambda name: name != first):
            for question in QUESTIONS[self._language]:
                for text in await self._answers(product, question):
                    yield text, felt(Intent(IntentKind.REPLY, ""), text)

    async def _answers(self, product: str, question: str) -> list[str]:
        found = self._catalog.products.get(product)
        intent = Intent(IntentKind.REPLY, "", product=product)
        texts: dict[str, None] = {}
        for answer in GroundedReplier(self._catalog, self._language).variants(
            Question(question, product=found), VARIANTS
        ):
            for sentence in answer:
                texts[self._judged(sentence, intent).text] = None
            await asyncio.sleep(0)
        return list(texts)
