"""What a comment is: its class, and what makes two of a class the same question.

In:  the text of a comment.   Out: `Reading`, the one account of it that the queue, the log, the
console and the replies go by.

Cheap rules, no model: the patterns of classes.toml over the folded text with slang undone, the
intents that replies understand, the gate's lists of what is better left alone. A text is read once;
the latest readings are kept, because chat repeats itself.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from livehost.brain.gate import Gate
from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import quantities
from livehost.brain.reply.facts import REGION
from livehost.brain.reply.topics import topics_of
from livehost.brain.reply.understand import (
    TROUBLES,
    Body,
    asks,
    body_of,
    is_english,
    is_measure,
    load_intents,
)

KEPT = 500  # readings
MOST_READ = 500  # characters


class Class(StrEnum):
    """What a comment is about."""

    PRICE = "price"  # also discounts and former prices
    SIZE = "size"
    STOCK = "stock"  # also colours and variants
    DELIVERY = "delivery"  # also what it costs
    QUALITY = "quality"  # what it is, is made of, is good for
    COMPARISON = "comparison"
    SERVICE = "service"  # returns, warranty, ordering
    OTHER = "other"  # questions of another kind: who speaks, when the show ends
    GREETING = "greeting"
    PRAISE = "praise"
    COMPLAINT = "complaint"
    ABUSE = "abuse"
    OFFTOPIC = "offtopic"
    INJECTION = "injection"


ASKING = frozenset(
    {
        Class.PRICE,
        Class.SIZE,
        Class.STOCK,
        Class.DELIVERY,
        Class.QUALITY,
        Class.COMPARISON,
        Class.SERVICE,
        Class.OTHER,
        Class.COMPLAINT,
    }
)
"""Classes that wait for an answer."""
UNANSWERED = frozenset({Class.ABUSE, Class.INJECTION})

_OF_INTENT = {
    "injection": Class.INJECTION,
    "forget_me": Class.OTHER,
    "name": Class.OTHER,
    "identity": Class.OTHER,
    "complaint": Class.COMPLAINT,
    "sizes": Class.SIZE,
    "size": Class.SIZE,
    "shipping_fee": Class.DELIVERY,
    "delivery": Class.DELIVERY,
    "returns": Class.SERVICE,
    "warranty": Class.SERVICE,
    "order": Class.SERVICE,
    "compared": Class.PRICE,
    "discount": Class.PRICE,
    "price": Class.PRICE,
    "stock": Class.STOCK,
    "colours": Class.STOCK,
    "usage": Class.QUALITY,
    "authenticity": Class.QUALITY,
    "quality": Class.QUALITY,
    "intro": Class.QUALITY,
    "thanks": Class.PRAISE,
    "praise": Class.PRAISE,
    "greeting": Class.GREETING,
    "farewell": Class.GREETING,
    "try_on": Class.OTHER,
    "order_change": Class.SERVICE,
    "offtopic": Class.OFFTOPIC,
}
_OF_INTENT |= dict.fromkeys(TROUBLES, Class.OTHER)
_SILENT = frozenset({"abuse", "politics", "minors"})
"""Categories of the gate that are better left alone."""
_PRAISED = frozenset({Class.STOCK, Class.DELIVERY, Class.QUALITY})
"""What is said of these without asking, with a word of praise, is praise: "质量真不错"."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A comment as it was read.

    Attributes:
        of: its class.
        intent: the finer intent where the replies know one, else the class.
        english: it is in English.
        plain: its folded text with slang undone.
        slots: what an answer depends on: figures, sizes, colours, places, persons, days.
    """

    of: Class
    intent: str
    english: bool
    plain: str
    slots: frozenset[str]

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for comments that one answer settles."""
        if self.of in _BY_INTENT:
            return (self.of, self.intent, self.english, self.slots)
        return (self.of, self.english, squeezed(self.plain))


_BY_INTENT = frozenset(
    {Class.PRICE, Class.SIZE, Class.STOCK, Class.DELIVERY, Class.SERVICE, Class.GREETING}
)
"""Classes whose intent and slots say all that is asked. Two questions about quality, two complaints
and two of another kind are the same only when they are worded alike."""


@functools.lru_cache(KEPT)
def read(text: str) -> Reading:
    """Return what a comment is. Takes about 0.2 ms for a new text."""
    cut = text[:MOST_READ]
    plain = plain_words(cut)
    body = body_of(cut)
    of, intent = _class(cut, plain, body)
    if of in ASKING and of is not Class.COMPLAINT and (asked := topics_of(plain, first=True)):
        intent = asked[0].id  # "退货运费" has another answer than "运费"
    return Reading(of, intent, is_english(cut), plain, _slots(plain, body))


def plain_words(text: str) -> str:
    """Return a folded text in which slang, typos and dialect are undone."""
    return _in_plain_words(_SPACED.sub("", fold(text).text.strip()))


def _in_plain_words(folded: str) -> str:
    return _LINK.sub(_in_digits, _slang().sub(_rewritten, folded))


def meant(text: str) -> str:
    """Return `text` as a replier understands it: as it is, or in plain words where it has slang.

    The spaces between words stay: they part the questions of one comment.
    """
    plain, folded = read(text).plain, fold(text[:MOST_READ]).text.strip()
    if plain == _SPACED.sub("", folded):
        return text
    spaced = _in_plain_words(folded)
    return spaced if _SPACED.sub("", spaced) == plain else plain


_SPACED = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
_LINK = re.compile("([一二三四五六七八九])(?=号)")


def _in_digits(match: re.Match[str]) -> str:
    return str("零一二三四五六七八九".index(match[0]))


_LOOSE = re.compile(r"[\W_]+")


def squeezed(plain: str) -> str:
    """Return `plain` without spaces and punctuation; what is repeated to fill the line, once."""
    dense = _LOOSE.sub("", plain) or plain
    return re.sub(r"(.{1,6}?)\1{2,}", r"\1", dense)


# --- the class ------------------------------------------------------------------------------------

_WONDERS = re.compile(
    "^[^，,。!！]{0,8}(?:会不会|会.{1,6}[吗不嘛么]$|容易.{1,6}[吗不嘛么]$|容不容易|怕不怕|是不是容易)"
).search
"""Asks what may happen, which is no complaint that it did: "会不会有哈喇味"."""
_CHEERS = re.compile("[👍❤🧡💛💚💙💜🖤🤍😍🥰👏🔥🌹💐💯🤩😘♥]")
_WAVES = re.compile("[👋🙋]")
_ANGER = re.compile("[😡🤬👎💢]")


def _class(text: str, plain: str, body: Body) -> tuple[Class, str]:
    early, late = _patterns()
    if not any(char.isalnum() for char in plain):
        return _of_emoji(text)
    found = next((of for of, pattern in early[:1] if pattern.search(plain)), None)
    found = found or _better_left_alone(plain)
    intent = _intent(plain)
    if found is None and intent in TROUBLES:
        found = Class.OTHER
    rest = [pair for pair in early[1:] if pair[0] is not Class.COMPLAINT or not _WONDERS(plain)]
    found = found or next((of for of, pattern in rest if pattern.search(plain)), None)
    if body and is_measure(plain, body) and found in (None, Class.SIZE, Class.STOCK):
        return Class.SIZE, "size"
    lately = next((of for of, pattern in late if pattern.search(plain)), None)
    if found is None:
        known = _OF_INTENT.get(intent)
        found = known if known in ASKING else lately or known
    if found in _PRAISED and lately is Class.PRAISE and not asks(plain):
        found = Class.PRAISE
    found = found or (Class.OTHER if asks(plain) else Class.OFFTOPIC)
    return found, intent if _OF_INTENT.get(intent) is found else found.value


def _of_emoji(text: str) -> tuple[Class, str]:
    for pattern, of in (
        (_ANGER, Class.COMPLAINT),
        (_CHEERS, Class.PRAISE),
        (_WAVES, Class.GREETING),
    ):
        if pattern.search(text):
            return of, of.value
    of = Class.OTHER if re.fullmatch(r"[?？\s]+", text) else Class.OFFTOPIC
    return of, of.value


def _better_left_alone(text: str) -> Class | None:
    category = _gate().check_shown(text, most=MOST_READ).category
    if not category:
        return None
    return Class.ABUSE if category in _SILENT else Class.OFFTOPIC


def _intent(plain: str) -> str:
    first, second = load_intents()
    return first.first(plain) or second.first(plain) or ""


# --- what an answer depends on --------------------------------------------------------------------

_TELLING = re.compile(
    r"[红黑白蓝绿黄紫粉灰橙棕咖米]色?(?!钱|数)|(?<![a-z])(?:x{1,3}l|[sml])(?![a-z])|明天|后天|今天|今晚|周[一二三四五六日末]|急"
    r"|顺丰|中通|圆通|韵达|京东|邮政|极兔|男|女|孩|宝宝|儿童|爸|妈|爹|老公|老婆|老人|孕妇|券|赠|满减|发票|拆|海外|国外|进村|乡"
    r"|预售|补货|下架|胸围|腰围|肩宽|衣长|袖长|偏大|偏小|正码|大码|小码|从哪|指定|加钱|偏远|几天|多久|原价|降价|活动|一起|险|到账"
    r"|\b(?:black|white|green|blue|red|pink|grey|gray|two|tomorrow|chart)\b"
)
_FIGURES = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def _slots(plain: str, body: Body) -> frozenset[str]:
    slots = {match[0] for match in _TELLING.finditer(plain)}
    slots |= {match[0] for match in REGION.finditer(plain)}
    if body:
        slots |= {f"height {body.height_cm}", f"weight {body.weight_jin}"}
        return frozenset(slots)
    slots |= {f"{figure.value} {figure.dim}" for figure in quantities(plain)}
    return frozenset(slots | set(_FIGURES.findall(plain)))


# --- the rules ------------------------------------------------------------------------------------

Patterns = list[tuple[Class, re.Pattern[str]]]


@functools.cache
def _rules() -> dict[str, object]:
    return tomllib.loads(Path(__file__).with_name("classes.toml").read_text("utf-8"))


@functools.cache
def _patterns() -> tuple[Patterns, Patterns]:
    """Return the patterns asked before the intents, and those asked after."""
    groups: tuple[Patterns, Patterns] = ([], [])
    for entry in _rules()["class"]:  # type: ignore[attr-defined]
        pattern = re.compile("|".join(f"(?:{p})" for p in entry["patterns"]))
        groups[entry.get("late", False)].append((Class(entry["id"]), pattern))
    return groups


@functools.cache
def _slang() -> re.Pattern[str]:
    return re.compile("|".join(f"({pattern})" for pattern in _words()))


@functools.cache
def _words() -> dict[str, str]:
    words: dict[str, str] = _rules()["slang"]  # type: ignore[assignment]
    return words


def _rewritten(match: re.Match[str]) -> str:
    return tuple(_words().values())[(match.lastindex or 1) - 1]


@functools.cache
def _gate() -> Gate:
    return Gate()
