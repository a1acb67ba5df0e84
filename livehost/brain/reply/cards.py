"""Which text of which card answers a question: the stored answers first, then any fact.

In:  folded questions, the catalog in force.   Out: a product with what it says; None of doubt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from livehost.brain.catalog import Catalog
from livehost.brain.product import Product
from livehost.brain.reply.retrieve import Facts, Retriever, content, plain_of
from livehost.brain.reply.situation import detail, without_names
from livehost.brain.reply.topics import Topic

SURE = 0.75
"""FAQ score from which it goes before every rule."""
RATHER = 0.55
"""FAQ score from which it goes before a detail that the question names."""
LIKELY = 0.42
"""FAQ score below which the card is said not to know."""
_FOREIGN = 0.2
"""Taken off the score of another product than the one being asked about, which must be sure then:
what is not named is asked about the product at hand."""
STRANGE = 0.15
"""Share of a question that may be strange to the answer of a product that it was not asked about:
whether the hood comes off is no question about a lid."""
_COMPARING = re.compile(
    "哪[一]?[个款种件]|更|最|比较|好[用点些]?|强|推荐|值得|适合|选|买|拍|要|效果|一[些点]|which|better|best"
)
"""What a comparison holds besides the property that it is about."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A text of a card that answers a question.

    Attributes:
        product: whose it is; None of the room.
        score: 0 nothing in common .. 1 the question itself.
        alone: no other card has anything on it, nor the one that was asked about.
    """

    product: Product | None
    text: str
    score: float = 1.0
    alone: bool = False


def _unsaid(text: str, found: Stored) -> float:
    """Return which share of what is asked about the stored answer and its questions do not name."""
    asked = content(text)
    entry = next(f for f in found.product.faq if f.answer == found.text) if found.product else None
    named = found.text + "".join(content(ask) for ask in entry.ask) if entry else found.text
    return sum(char not in named for char in asked) / max(len(asked), 1)


def _texts(product: Product) -> list[str]:
    """Return the texts of a card besides its FAQ, as they may be said."""
    texts = [*product.selling_points, *(f"{n}是{v}" for n, v in product.details.items())]
    texts += [t for t in (product.usage, product.authenticity, product.warranty) if t]
    texts += [product.returns.text] if product.returns else []
    return texts + ([product.delivery.text] if product.delivery.text else [])


def _choices(product: Product) -> list[str]:
    """Return the choices of a card as texts: "规格有30袋礼盒装、7袋尝鲜装"."""
    return [f"{kind.name}有{'、'.join(kind.values)}" for kind in product.variant]


class Cards:
    """Finds texts of all cards; the index is made anew when the catalog changes."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._index: tuple[int, dict[str, Retriever]] = (0, {})

    def stored(self, text: str, product: Product | None) -> Stored | None:
        """Return the best stored answer of the product at hand, or a surely better one of another.

        Where the product at hand knows nothing and one other does, that one answers.
        """
        best: Stored | None = None
        for other in self._catalog.products.values():
            found = self._faq(text, other)
            own = product is not None and other.id == product.id
            if found is None or (product is not None and not own and found.score - _FOREIGN < SURE):
                continue
            score = found.score if own else found.score - _FOREIGN
            if best is None or score > best.score:
                best = Stored(other, found.text, score)
        vague = best is None or best.score < LIKELY
        if vague and product is not None and not self.knows(text, product):
            return self._alone(text, but=product) or best
        return best

    def fact(self, text: str, product: Product) -> str | None:
        """Return what the card says about the words of a question that no rule knows."""
        facts = [*_texts(product), *(faq.answer for faq in product.faq)]
        return Facts(facts).best(without_names(text, product))

    def on_topic(self, asked: Sequence[Topic], product: Product, text: str) -> Stored | None:
        """Return what a card says about the topics of a question, in whatever language it is.

        The FAQ entry that shares most of them, the one worded like `text` among equals; else the
        first text of the card.
        """
        shared = [
            sum(any(t.known.search(plain_of(ask)) for ask in faq.ask) for t in asked)
            for faq in product.faq
        ]
        if most := max(shared, default=0):
            found = self._faq(text, product)
            answers = [f.answer for f, n in zip(product.faq, shared, strict=True) if n == most]
            likely = found.text if found and found.text in answers else answers[0]
            return Stored(product, likely)
        own = (faq.answer for faq in product.faq)
        texts = [*own, *_texts(product), *_choices(product)]
        known = (t for topic in asked for t in texts if topic.known.search(plain_of(t)))
        said = next(known, None)
        return Stored(product, said) if said else None

    def only_on(self, asked: Sequence[Topic], text: str) -> Stored | None:
        """Return what the only product whose card knows the topics says about them."""
        products = self._catalog.products.values()
        found = [f for p in products if (f := self.on_topic(asked, p, text))] if asked else []
        return replace(found[0], alone=True) if len(found) == 1 else None

    def knows(self, text: str, product: Product) -> bool:
        """Return whether the card of a product has anything on the words of a question."""
        found = self._faq(text, product)
        likely = found is not None and found.score >= LIKELY
        return likely or bool(detail(text, product)) or self.fact(text, product) is not None

    def only(self, text: str) -> Stored | None:
        """Return what the only product that knows the words of a question says about them."""
        asked = _COMPARING.sub("", text)
        if len(content(asked)) < 2:
            return None
        knowing = [p for p in self._catalog.products.values() if self.knows(asked, p)]
        if len(knowing) != 1:
            return None
        found, product = self._faq(asked, knowing[0]), knowing[0]
        said = found.text if found and found.score >= LIKELY else self.fact(asked, product)
        return Stored(product, said or detail(asked, product), alone=True)

    def _alone(self, text: str, but: Product) -> Stored | None:
        """Return the answer of the only other product that rather surely has one."""
        others = [p for p in self._catalog.products.values() if p.id != but.id]
        found = [f for p in others if (f := self._faq(text, p)) and f.score >= RATHER]
        if len(found) != 1 or _unsaid(text, found[0]) > STRANGE:
            return None
        return Stored(found[0].product, found[0].text, SURE, alone=True)

    def _faq(self, text: str, product: Product) -> Stored | None:
        """Return the stored answer of a product that fits best.

        The product's own names ask for nothing, unless nothing else is left.
        """
        bare = without_names(text, product)
        index = self._retriever(product)
        found = index.best(bare if len(content(bare)) > 1 else text)
        return Stored(product, product.faq[found.index].answer, found.score) if found else None

    def _retriever(self, product: Product) -> Retriever:
        if self._index[0] != self._catalog.version:
            self._index = (self._catalog.version, {})
        found = self._index[1].get(product.id)
        if found is None:
            found = self._index[1][product.id] = Retriever([faq.ask for faq in product.faq])
        return found
