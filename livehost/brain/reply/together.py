"""Several questions about one product answered in one breath: "小明穿M码，花花穿L码，包邮。"

In:  what is to be told to whom.   Out: as few sentences as can be spoken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from livehost.brain.reply.answer import Question
from livehost.brain.reply.facts import Slots
from livehost.brain.reply.situation import COMPLAINTS, PERSONAL, Meaning
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
_ASKED = ("body", "size", "region", "detail", "that", "each", "topic", "choice", "asked", "times")
"""Slots that hold what was asked for."""
_UNNAMED = PERSONAL | {
    "complaint",
    *(key for key, _ in COMPLAINTS),
    "offtopic",
    "contact",
    "compare_choices",
    "compare_two",
    "compare_all",
    "bundle",
    "bundle_offer",
}
"""Situations that are no matter of one product, or name those that they are about."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer before it is worded.

    Attributes:
        key: of the situation in the wordings; "faq", "show_faq" for a stored answer.
        slots: what the wordings are filled with.
        stored: the stored answer, in `language`.
    """

    question: Question
    meaning: Meaning
    key: str
    slots: Slots = field(default_factory=dict)
    language: str = "zh"
    stored: str = ""

    @property
    def fact(self) -> tuple[str, ...]:
        """Equal for answers that say the same."""
        product = self.meaning.product.id if self.meaning.product else ""
        asked = (self.slots.get(n, "") for n in _ASKED)
        return (self.key, product, self.stored, *asked)

    @property
    def is_stored(self) -> bool:
        """Whether it stands on a card or in the room file as it is said."""
        return self.key in ("faq", "show_faq")

    def lead(self, again: bool = False) -> str:
        """Return the key of the words before a stored answer."""
        if self.key == "show_faq":
            return "_again" if again else "_of_the_show"
        if not foreign(self):
            return "_again" if again else "_about"
        if again:
            return "_again_of"
        return "_only" if self.meaning.alone else "_about_of"


def foreign(told: Told) -> bool:
    """Return whether an answer is about another product than the one on the card."""
    product, shown = told.meaning.product, told.question.product
    return product is not None and (shown is None or shown.id != product.id)


def breath(told: list[Told], words: Wording) -> list[str]:
    """Return the sentences that answer all of `told`, what is said twice only once.

    Facts of the card, then sizes, then what needs a sentence of its own; but what the first asked
    for comes first.
    """
    first = told[0]
    once = _less({one.fact: one for one in reversed(_listed(told))}.values())
    once.sort(key=lambda one: one.fact != first.fact and one.question is not first.question)
    groups = [
        ([one for one in once if one.key in _FACTS], _shared),
        ([one for one in once if one.key in _SIZED], _shared),
        ([one for one in once if one.key not in _FACTS | _SIZED], _apart),
    ]
    groups.sort(key=lambda group: not (group[0] and group[0][0] is once[0]))
    return [sentence for ones, said in groups for sentence in said(ones, words)]


_WITH_THE_PRICE = frozenset({"discount", "no_discount", "compared", "no_compared"})


def _less(told: Iterable[Told]) -> list[Told]:
    """Return `told` in the order they came, without the price where another answer has it."""
    ones = list(told)[::-1]
    priced = {_of(one) for one in ones if one.key in _WITH_THE_PRICE}
    return [one for one in ones if one.key != "price" or _of(one) not in priced]


def _of(one: Told) -> str:
    return one.meaning.product.id if one.meaning.product else ""


def _apart(told: list[Told], words: Wording) -> list[str]:
    return [sentence for one in told for sentence in _alone(one, words)]


def _listed(told: list[Told]) -> list[Told]:
    """Return `told`, where one list of colours is said to all who ask for one, the stock besides
    to those who ask whether there is any of it."""
    colours = [one for one in told if one.key in ("colours", "colour_missing") or _of_a_colour(one)]
    if len(colours) < 2:
        return told
    return [other for one in told for other in (_in_a_list(one) if one in colours else [one])]


def _of_a_colour(one: Told) -> bool:
    product = one.meaning.product
    asked = one.slots.get("choice", "")
    return one.key == "stock_choice" and bool(product and asked in product.values("colour"))


def _in_a_list(one: Told) -> list[Told]:
    slots = {name: value for name, value in one.slots.items() if name not in _ASKED}
    keys = ("colours", "stock") if one.key == "stock_choice" else ("colours",)
    return [replace(one, key=key, slots=slots) for key in keys]


def _shared(told: list[Told], words: Wording) -> list[str]:
    """Return answers that share their sentences, those about one product together."""
    groups: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        product = one.meaning.product
        groups.setdefault((product.id if product else "", one.language), []).append(one)
    return [
        sentence
        for (_, language), ones in groups.items()
        for share in _parted(ones)
        for sentence in naming(_joined(_clauses(share, words), language), share[0], each=True)
    ]


def _parted(ones: list[Told]) -> list[list[Told]]:
    """Return postage that was asked first in a sentence of its own, before a price is said."""
    first = [one for one in ones[:1] if one.key == "free"]
    return [share for share in (first, ones[len(first) :]) if share]


def _clauses(ones: list[Told], words: Wording) -> list[str]:
    """Return one clause for each answer, and one for all who wear the same size.

    Postage comes last: the gate takes a price right after it for what the postage costs.
    """
    same: dict[object, list[Told]] = {}
    for one in sorted(ones, key=lambda one: one.key == "free"):
        fits = one.key in ("size", "size_two")
        size = (one.key, one.slots["size"], one.slots.get("other")) if fits else id(one)
        same.setdefault(size, []).append(one)
    return [
        _all_sized(told, words) if len(told) > 1 else _clause(told[0], words)
        for told in same.values()
    ]


def _clause(one: Told, words: Wording) -> str:
    if one.key in _SIZED:
        return _sized(one, words)
    return words.clause(one.key, one.slots, one.language) or words.clause(
        "unknown", one.slots, one.language
    )


def _alone(one: Told, words: Wording) -> list[str]:
    if one.is_stored:
        said = words.about(one.stored, one.lead(), one.slots, one.language)
    elif one.key == "unknown":
        said = [
            words.one_of("_unknown_of", _topic(one), one.language) + style_of(one.language).stop
        ]
    else:
        said = words.brief(one.key, one.slots, one.language)
        said = said or words.full(one.key, one.slots, one.language)
        said = said or words.full("unknown", one.slots, one.language)
    return naming(said, one, each=True)


def _topic(one: Told) -> Slots:
    """Return what an unknown is about, so that its viewer knows that it is the answer to her."""
    topics = style_of(one.language).wordings["_topics"]
    of = one.question.of if one.question.of in topics else "other"
    return {"topic": topics[of][0]}


def _sized(one: Told, words: Wording) -> str:
    """Return the size of one viewer: "小明穿M码", by the measures where the name is not said."""
    slots, chinese, who = one.slots, one.language == "zh", _who(one)
    if one.key == "size_split":
        if not chinese:
            return f"{who}: size {slots['size']} by height, size {slots['other']} by weight"
        return f"{who}按身高{slots['size']}码、按体重{slots['other']}码"
    return words.one_of("_sized", {"who": who, "size": _size_of(one)}, one.language)


def _all_sized(told: list[Told], words: Wording) -> str:
    """Return the size of several viewers: "小明、165厘米110斤都穿M码"."""
    one = told[0]
    *who, last = dict.fromkeys(_who(other) for other in told)
    if not who:
        return _sized(one, words)
    comma, end = ("、", "、") if one.language == "zh" else (", ", " and ")
    slots = {"who": comma.join(who) + end + last, "size": _size_of(one)}
    return words.one_of("_sized_all", slots, one.language)


def _who(one: Told) -> str:
    nick = one.question.nickname
    return nick if nick and len(nick) <= NICK else one.slots["measures"]


def _size_of(one: Told) -> str:
    size, other = one.slots["size"], one.slots.get("other", "")
    if one.key == "size_two":
        size += f"码或者{other}" if one.language == "zh" else f" or {other}"
    return size


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


def naming(sentences: list[str], told: Told, *, each: bool = False) -> list[str]:
    """Put the product's name before an answer that is about another than the one on the card.

    Otherwise viewers would take it for an answer about the product they see.

    Args:
        each: before every sentence with figures, where other answers stand around it: the gate
            takes them for figures of the product on the card.
    """
    product = told.meaning.product
    if product is None or not foreign(told) or not sentences or told.key in _UNNAMED:
        return sentences
    short = told.slots.get("short", product.name)
    names = (*product.names(), short)
    said = sentences[:1]
    if not any(name in said[0] for name in names):
        said = [_led(product.name if told.language == "zh" else short, said[0], told.language)]
    if not each:
        return said + sentences[1:]
    return said + [_named(s, short, names, told.language) for s in sentences[1:]]


def _led(name: str, sentence: str, language: str) -> str:
    """Return a sentence after the name of what it is about."""
    if language == "zh":
        return f"{name}，{sentence}"
    return f"For the {name}: {sentence[0].lower()}{sentence[1:]}"


_FIGURE = re.compile(r"\d|X*[SML]码|size X*[SML]")


def _named(sentence: str, short: str, names: tuple[str, ...], language: str) -> str:
    bare = sentence
    for name in names:
        bare = bare.replace(name, "名" * len(name))
    figure = _FIGURE.search(bare)
    if not figure or any(0 <= sentence.find(name) < figure.start() for name in names):
        return sentence
    return _led(short, sentence, language)
