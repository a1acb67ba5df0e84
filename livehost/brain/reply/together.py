"""Several questions about one product answered in one breath: "小明穿M码，花花穿L码，包邮。"

In:  what is to be told to whom.   Out: as few sentences as can be spoken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from livehost.brain.product import Product
from livehost.brain.reply.answer import Question
from livehost.brain.reply.facts import Slots
from livehost.brain.reply.situation import Meaning
from livehost.brain.reply.wording import Wording, style_of

MOST = 40
"""Characters of a sentence of several answers; Latin letters count a half."""
NICK = 8
"""Characters of a nickname that is said."""
_SIZED = frozenset({"size", "size_two", "size_split"})
_FACTS = frozenset(
    {
        "price",
        "stock",
        "prices",
        "stocks",
        "colours",
        "variants",
        "sizes",
        "delivery",
        "free",
        "fee",
        "order",
    }
)
"""Situations whose few words stand beside others in one sentence."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer before it is worded.

    Attributes:
        key: of the situation in the wordings; "faq" for a stored answer.
        slots: what the wordings are filled with.
    """

    question: Question
    meaning: Meaning
    key: str
    slots: Slots = field(default_factory=dict)
    language: str = "zh"

    @property
    def fact(self) -> tuple[str, ...]:
        """Equal for answers that say the same."""
        product = self.meaning.product.id if self.meaning.product else ""
        asked = (self.slots.get(name, "") for name in ("body", "region", "detail", "that"))
        return (self.key, product, self.meaning.faq, *asked)


def breath(told: list[Told], words: Wording) -> list[str]:
    """Return the sentences that answer all of `told`, what is said twice only once.

    Facts of the card come first, then sizes, then what needs a sentence of its own.
    """
    once = list({one.fact: one for one in _listed(told)}.values())
    facts = [one for one in once if one.key in _FACTS]
    sized = [one for one in once if one.key in _SIZED]
    rest = [one for one in once if one.key not in _FACTS | _SIZED]
    said = [s for one in rest for s in _alone(one, words)]
    return _shared(facts, words) + _shared(sized, words) + said


def _listed(told: list[Told]) -> list[Told]:
    """Return `told`, where one list of colours is said to all who ask for one."""
    colours = [one for one in told if one.key in ("colours", "colour_missing")]
    if len(colours) < 2:
        return told
    return [replace(one, key="colours") if one in colours else one for one in told]


def _shared(told: list[Told], words: Wording) -> list[str]:
    """Return answers that share their sentences, those about one product together."""
    groups: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        product = one.meaning.product
        groups.setdefault((product.id if product else "", one.language), []).append(one)
    return [
        sentence
        for (_, language), ones in groups.items()
        for sentence in naming(
            _joined([_clause(one, words) for one in ones], language),
            ones[0].question,
            ones[0].meaning.product,
        )
    ]


def _clause(one: Told, words: Wording) -> str:
    if one.key in _SIZED:
        return _sized(one, words)
    return words.clause(one.key, one.slots, one.language) or words.clause(
        "unknown", one.slots, one.language
    )


def _alone(one: Told, words: Wording) -> list[str]:
    if one.key == "faq":
        said = words.about(one.meaning.faq, "faq", one.language)
    else:
        said = words.brief(one.key, one.slots, one.language)
        said = said or words.full(one.key, one.slots, one.language)
        said = said or words.full("unknown", one.slots, one.language)
    return naming(said, one.question, one.meaning.product)


def _sized(one: Told, words: Wording) -> str:
    """Return the size of one viewer: "小明穿M码", by the measures where the name is not said."""
    slots, chinese = one.slots, one.language == "zh"
    nick = one.question.nickname
    who = nick if nick and len(nick) <= NICK else slots["measures"]
    if one.key == "size_split":
        if not chinese:
            return f"{who}: size {slots['size']} by height, size {slots['other']} by weight"
        return f"{who}按身高{slots['size']}码、按体重{slots['other']}码"
    size = slots["size"]
    if one.key == "size_two":
        size += f"码或者{slots['other']}" if chinese else f" or {slots['other']}"
    return words.one_of("_sized", {"who": who, "size": size}, one.language)


def _joined(clauses: list[str], language: str) -> list[str]:
    """Return clauses as sentences that are not too long to be said in one breath."""
    style = style_of(language)
    lines: list[str] = []
    for clause in clauses:
        longer = f"{lines[-1]}{style.comma}{clause}" if lines else clause
        if lines and _length(longer) <= MOST:
            lines[-1] = longer
        else:
            lines.append(clause)
    return [line[0].upper() + line[1:] + style.stop for line in lines]


def _length(text: str) -> float:
    return len(text) - sum(char.isascii() for char in text) / 2


# --- products besides the one on the card ---------------------------------------------------------


def naming(sentences: list[str], question: Question, product: Product | None) -> list[str]:
    """Put the product's name before figures when another product is on the card.

    Otherwise viewers, and the gate, would take them for figures of the product they see.
    """
    shown = question.product
    if product is None or (shown and shown.id == product.id):
        return sentences
    short = next(iter(product.aliases), product.name)
    return [_named(s, short if n else product.name, product) for n, s in enumerate(sentences)]


_FIGURE = re.compile(r"\d|X*[SML]码|size X*[SML]")


def _named(sentence: str, name: str, product: Product) -> str:
    figure = _FIGURE.search(sentence.replace(product.name, "名" * len(product.name)))
    if not figure or any(0 <= sentence.find(n) < figure.start() for n in product.names()):
        return sentence
    return f"{name}，{sentence}"
