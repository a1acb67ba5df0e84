"""From what is meant to what is said: which situation of the wordings an answer belongs to.

In:  a meaning, the product card.   Out: the key of the wordings, slots that they need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from livehost.brain.gate.fold import fold
from livehost.brain.product import Product
from livehost.brain.reply.chosen import (
    asked_size,
    colour_asked,
    price_of,
    size_missing,
    stock_of,
    wants_advice,
)
from livehost.brain.reply.facts import REGION, Slots, details_said, plain_point, short_of
from livehost.brain.reply.retrieve import plain_of
from livehost.brain.reply.topics import Topic
from livehost.brain.reply.understand import TROUBLES, Body


@dataclass(frozen=True, slots=True)
class Meaning:
    """A message understood.

    Attributes:
        intent: what it asks for.
        product: what it is about; None when nothing is on the card and none is named.
        faq: the stored answer, for intent "faq".
        other: the product it is compared with, for intent "comparison".
        alone: the product is the only one that has anything to say, though it was not asked about.
        topic: what an unknown question is about; None when it has no name.
    """

    intent: str
    product: Product | None
    body: Body
    faq: str = ""
    other: Product | None = None
    alone: bool = False
    topic: Topic | None = None


PERSONAL = TROUBLES | frozenset(
    {
        *("name", "no_link", "identity", "greeting", "farewell", "praise", "thanks", "forget_me"),
        *("try_on", "order_change"),
    }
)
"""Intents that are no matter of a product."""
COMPLAINTS = (
    (
        "complaint_courier",
        "(?:快递员?|小哥|送货|派送|配送|骑手).{0,6}(?:态度|凶|骂|乱扔|乱放|不上门|恶劣)|\\bcourier\\b.{0,12}\\brude\\b",
    ),
    (
        "complaint_service",
        "(?:客服|售后).{0,4}(?:没|不|失踪|联系)|(?:联系|找)不|没人(?:理|管|回)|不理我"
        "|nobody (?:answers|replies)",
    ),
    ("complaint_stale", "发霉|虫|哈喇|馊|变质|拉肚子|过期|stale|mou?ldy"),
    (
        "complaint_wrong",
        "[发寄送拿](?:错|少|漏)|[错少漏][发寄]|少了|缺了|wrong (?:item|colou?r|size)",
    ),
    ("complaint_differs", "不一样|不符|色差|差[好很]?[大多远]|描述|图片|实物|looks different"),
    (
        "complaint_worn",
        "起球|掉色|褪色|缩水|变形|掉漆|[洗穿用](?:了|过)?[一两二三几]次|fade|pilled|shrunk|shrank",
    ),
    ("complaint_broken", "坏|破|碎|裂|漏|脏|开线|压扁|瘪|异味|坑|划痕|broken|damaged"),
    ("complaint_price", r"买贵|降价|买的?\d+.{0,4}(?:今天|现在)|差价|涨价|便宜了|cheaper"),
    ("complaint_money", "退款|退钱|到账|扣(?:了|我)|赔|运费|refund|money"),
    (
        "complaint_late",
        "没.{0,2}(?:收到|到|发)|不(?:发货|到)|等了|没动|[到在]哪|催|久|多少天|几天|物流|快递"
        "|late|arrive|waiting|received",
    ),
)
"""Kinds of complaint; the first pattern that fits wins."""
_OTHERS = re.compile(
    "别[家的人]|人家|其他|其它|普通|市面|超市|淘宝|拼多多|京东|专柜|实体|牌子?|brand|other|elsewhere"
)


def situation(meaning: Meaning, text: str, slots: Slots, language: str) -> str:
    """Return the key of the wordings for a meaning; may add slots that they need."""
    intent, product = meaning.intent, meaning.product
    if intent in ("injection", "offtopic"):
        return "offtopic"
    if intent in PERSONAL or intent == "contact":
        return intent
    if intent in ("complaint", "unknown"):
        return complaint(text) if intent == "complaint" else _unknown(meaning, slots, language)
    if product is None:
        if intent == "comparison":
            return _comparison(meaning, text, slots, language)
        return "no_product"
    if intent == "quality":
        slots["detail"] = detail(text, product, language) or slots.get("details", "")
    return _about(meaning, product, text, slots, language)


def _unknown(meaning: Meaning, slots: Slots, language: str) -> str:
    """Return how it is said that no card knows; what is asked about is named where it can be."""
    if meaning.topic is None:
        return "unknown"
    slots["topic"] = meaning.topic.said(language)
    slots["near"] = slots.get(meaning.topic.near, "")
    return "unknown_topic"


def _about(meaning: Meaning, product: Product, text: str, slots: Slots, language: str) -> str:
    intent = meaning.intent
    if intent == "size":
        return _size(meaning, product, text, slots, language)
    if intent == "comparison":
        return _comparison(meaning, text, slots, language)
    if intent == "delivery":
        return _region(product, text, slots)
    if intent == "price":
        return price_of(product, text, slots, language)
    if intent == "stock":
        return _stock(product, text, slots, language)
    keys = {
        "compared": "compared" if "compared" in slots else "no_compared",
        "discount": _discount(meaning, slots),
        "usage": _usage(text, product.usage or ""),
        "shipping_fee": "free" if product.delivery.free else "fee",
        "colours": _colour(product, text),
        "sizes": size_missing(product, text) or "sizes",
    }
    return keys.get(intent, intent)


def complaint(text: str) -> str:
    """Return what kind of complaint a folded text is."""
    found = (key for key, pattern in COMPLAINTS if re.search(pattern, text))
    return next(found, "complaint")


def is_which(text: str) -> bool:
    """Return whether a folded text asks which of all products, naming none to compare with."""
    which = re.search("哪[个款种件]|which", text) and not re.search("[和跟与同比]|than", text)
    return bool(which and not _OTHERS.search(text))


def _comparison(meaning: Meaning, text: str, slots: Slots, language: str) -> str:
    other = meaning.other
    if other is None:
        if is_which(text) or (meaning.product is None and not _OTHERS.search(text)):
            keys = (("choices", "compare_choices"), ("points", "compare_all"))
            return next((key for slot, key in keys if slots.get(slot)), "no_product")
        return "compare_others" if meaning.product else "compare_elsewhere"
    slots["that"] = short_of(other, language)
    slots["that_point"] = plain_point(other, language)
    return "compare_choices" if slots.get("choices") else "compare_two"


def _row(product: Product, text: str, slots: Slots) -> str:
    """Return "size_row" when the text asks whom a size of the table is for."""
    named = asked_size(text)
    row = next((r for r in product.size if r.name.upper() == named), None)
    if row is None or not re.search("斤|重|高|多大|kg|weight|height|tall", text):
        return ""
    tall, heavy = ([f"{number:g}" for number in pair] for pair in (row.height_cm, row.jin))
    slots["size"] = row.name
    slots["tall"], slots["heavy"] = "到".join(tall), "到".join(heavy)
    return "size_row"


def _size(meaning: Meaning, product: Product, text: str, slots: Slots, language: str) -> str:
    body = meaning.body
    if not product.size:
        return "sizes" if product.values("size") else "size_no_table"
    if not body:
        return _row(product, text, slots) or "size_ask"
    height, weight = body.height_cm, body.weight_jin
    slots["body"] = body.said(language)
    slots["measures"] = body.brief(language)
    rows = [row.name for row in product.size if row.fits(height, weight)]
    if height is None or weight is None:
        slots["sizes"] = "码、".join(rows) if language == "zh" else " or ".join(rows)
        missing = ("身高", "体重") if language == "zh" else ("height", "weight")
        slots["missing"] = missing[0] if height is None else missing[1]
        return "size_half" if rows else "size_none"
    if rows:
        return _sized(product, rows, text, slots)
    tall = [row.name for row in product.size if row.fits(height, None)]
    heavy = [row.name for row in product.size if row.fits(None, weight)]
    if not tall or not heavy:
        return "size_none"
    slots["size"], slots["other"] = tall[0], heavy[-1]
    return "size_split"


def _sized(product: Product, rows: list[str], text: str, slots: Slots) -> str:
    """Return the situation of a body that is in some rows, and of a size that is asked about."""
    wanted = asked_size(text)
    slots["size"], slots["other"] = rows[0], rows[-1]
    if wanted in product.values("size"):
        slots["asked"] = wanted
        return "size_yes" if wanted in rows else "size_not"
    return "size" if len(rows) == 1 else "size_two"


def _region(product: Product, text: str, slots: Slots) -> str:
    region = REGION.search(text)
    if region is None:
        return "delivery"
    slots["region"] = region[0]
    slots["excluded"] = "、".join(product.delivery.excluded)
    if not sends_to(product, region[0]):
        return "region_no"
    return "region_yes" if product.delivery.excluded else "region_open"


def sends_to(product: Product, region: str) -> bool:
    """Return whether a region is not among those that a product is not sent to."""
    return not any(region in name or name in region for name in product.delivery.excluded)


def _usage(text: str, usage: str) -> str:
    """Return "unknown" when the text asks how to do something that the usage says nothing of."""
    verb = re.search("[洗吃喝穿泡]", text)
    return "usage" if not verb or verb[0] in usage else "unknown"


def _discount(meaning: Meaning, slots: Slots) -> str:
    if "offered" not in slots:
        return "no_discount"
    return "discount_only" if meaning.alone else "discount"


def _stock(product: Product, text: str, slots: Slots, language: str) -> str:
    if product.stock == 0:
        return "sold_out"
    if _colour(product, text) == "colour_missing":
        return "colour_missing"
    return stock_of(product, text, slots, language)


def _colour(product: Product, text: str) -> str:
    if not product.values("colour"):
        return "variants"
    if wants_advice(text):
        return "colour_advice"
    asked, known = colour_asked(text), "".join(product.values("colour"))
    return "colour_missing" if asked and asked not in known else "colours"


# --- facts by name --------------------------------------------------------------------------------


def detail(text: str, product: Product, language: str = "zh") -> str:
    """Return the facts of the card that the question names, or asks for by their unit."""
    asked = without_names(text, product)
    asked += "".join(f"，{name}" for words, name in _ASKED_BY_UNIT if re.search(words, asked))
    found = [
        (name, value)
        for name, value in product.details.items()
        if _shares(name, asked) or _asked_in_english(product.english.get(name, ""), asked)
    ]
    return details_said(found, product, language)


_ASKED_BY_UNIT = (
    ("毫升|多大容量|装多少|能装多|几升", "容量"),
    ("多重|几斤|多少克|重不重|沉不沉", "杯重重量净重净含量"),
    ("多长|多高|多宽|几厘米|多大尺寸", "尺寸"),
    ("材质|面料|材料|料子", "材质面料"),
    ("什么做的|啥做的|什么料", "材质面料配料"),
)


def _asked_in_english(name: str, text: str) -> bool:
    return bool(name) and bool(re.search(rf"\b{re.escape(name)}\b", text))


def _shares(name: str, text: str) -> bool:
    return any(name[n : n + 2] in text for n in range(len(name) - 1))


def without_names(text: str, product: Product) -> str:
    """Return a folded text without the names of a product: they ask for nothing."""
    for name in product.names():
        text = text.replace(plain_of(name), "")
    return text


def named_in(text: str, products: Iterable[Product]) -> list[Product]:
    """Return the products that a folded text names, by a name or by its number in the basket."""
    places = []
    for product in products:
        found = [text.find(fold(name).text) for name in product.names()]
        if product.link:
            link = re.search(
                rf"(?<![0-9]){product.link}(?=号|和|跟|还是|与|哪|比|有|的|谁|差|区|$)", text
            )
            found.append(link.start() if link else -1)
        if places_of := [place for place in found if place >= 0]:
            places.append((min(places_of), product.id, product))
    return [product for _, _, product in sorted(places, key=lambda found: found[:2])]
