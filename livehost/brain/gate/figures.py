"""Every figure that is said must stand on the product card, in the role it is said in.

In:  folded text, the product's card at a time.   Out: the first figure that the card does not back.

A figure is backed by the same amount of the same unit on the card, said of the same thing. Prices,
stock and body measures are held to more: see `prices` and `sizes`; a stock claim must equal the
stock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from livehost.brain.gate.card import Card, before, clause, context
from livehost.brain.gate.prices import (
    BUYING_UNITS,
    bought,
    free_delivery,
    has_basis,
    is_price,
    wrong_price,
)
from livehost.brain.gate.quantities import Quantity, quantities
from livehost.brain.gate.sizes import in_table, is_body, wrong_size
from livehost.brain.gate.topics import CLAUSE, NEED_WORDS, Topics, around, pairs, right, topics_of


@dataclass(frozen=True, slots=True)
class Wrong:
    """A figure that may not be said."""

    rule: str
    category: str
    found: str


_LOOKS_ZERO = re.compile(r"(?<=\d)o+|o+(?=\d)")
_LOOKS_ONE = re.compile(r"(?<![a-z])l(?=\d{2})")
_IDIOM = re.compile(
    "一块儿|[这那一]一?大?块儿?(?=[,，。!?])|一块(?:来|去|看|聊|儿|面料|布)|[这那]一块|百分之?百(?:的)?(?=放心|理解)"
    "|双十[一二]|六一八|三百六十度|一年四季|一天到晚|一整?天(?=的|下来|都)|[这每那]一?天|一百个(?:放心|愿意)"
    "|一万个放心|千千万万|千万|万千|百万(?=粉)|三分钟热度|三二一|一二三|三、二、一|3、2、1|321(?=上)"
    "|三三两两|十有八九|一来二去|三天两头|七上八下|三言两语|丢三落四|接二连三|三五成群|五颜六色|乱七八糟|四面八方"
    "|[扣敲]个?[0-9一](?![0-9.元块件个盒])"
    "|七七八八|一五一十|二维码|24小时(?=在线|直播|陪|不打烊)|四季|二次(?=销售|元)|第"
    + "[零一二两三四五六七八九十百千\\d]+"
)


_DIGIT = "[一二三四五六七八九]"
_NAME = re.compile(rf"(?:(?P<twice>{_DIGIT})(?P=twice)|十{_DIGIT}|{_DIGIT}十)")
_CALLED = re.compile(
    "(?:谢谢|感谢|多谢|欢迎|看到|收到|回答|跟|听|和|、|说声|这是)[小阿老]?$"
    "|(?:^|[。!])来[ ,，][小阿老]?$"
)
_CALLING = re.compile(
    "[姐哥妹弟妈爸爷奶叔宝儿]|[、。!]|$|和|(?:都)?(?:在)?[问说想]|的?(?:关注|支持|夸奖|礼物|留言|问题|肯定|点赞|问候)"
    "|来[到了啦]|进来|点了|送的|太?客气|好|这么说|破费|嘴真甜|喜欢|了|打个?招呼|还有"
)
_TURNED_TO = re.compile("[ ,，](?:看到您|跟您|您听|欢迎|谢谢|你们好|您好|[早中下晚]上?午?好)")
"""After a name at the beginning of a sentence; other words would let a price be called out."""
_SIZED = re.compile("[穿选拍要是](?:[0-9]?x*[sml]|xl)码")
_BUYING = re.compile(
    "[块元抢冲卖秒限]|(?<!慢)走|到手|下单|拍下|快拍|上车|包邮|价(?!格)|折|优惠|便宜|名额"
)
"""Words beside which a number is a price that is left without its unit."""


def unbacked(
    text: str, card: Card | None, whole: str, together: frozenset[Decimal] = frozenset()
) -> Wrong | None:
    """Return the first figure of a folded text that may not be said, or None.

    Args:
        card: of the product that is being talked about; without one only harmless counts pass.
        whole: the sentence that `text` is a part of.
        together: what the products named in it cost.
    """
    text, whole = _plain(text), _plain(whole)
    figures, floor = quantities(text), 0
    for n, figure in enumerate(figures):
        if rule := _wrong(text, figures, n, card, floor, whole, together):
            return Wrong(rule, rule.split(".")[0], figure.text)
        if figure.dim == "money" or is_price(text, figure):
            floor = figure.end
    if promised := free_delivery(text, card):
        return Wrong("price.delivery", "price", promised)
    if found := wrong_size(text, figures, card):
        return Wrong("size", "size", found)
    return None


def _plain(text: str) -> str:
    """Return `text` with idioms blanked and letters that pose as digits undone; no longer."""
    text = _LOOKS_ZERO.sub(lambda m: "0" * len(m[0]), text)
    text = _LOOKS_ONE.sub("1", text)
    text = _IDIOM.sub(lambda m: " " * len(m[0]), text)
    return _NAME.sub(lambda m: "名" * len(m[0]) if _is_name(m) else m[0], text)


def _is_name(match: re.Match[str]) -> bool:
    """Whether a number is what somebody is called: "七七，看到您的问题了", "谢谢十一的关注"."""
    text, (start, end) = match.string, match.span()
    if _SIZED.match(text, end):
        return True
    rest = re.split("[。!?]", text[end:])[0]
    first = text[:start] in ("", "小", "阿", "老")
    called = bool(_CALLED.search(text[:start]))
    named = (first or called) and _CALLING.match(text, end)
    alone = first and text[end : end + 1] in ("。", "!")
    comma = text[end : end + 1] in (" ", ",", "，") and (called or _TURNED_TO.match(text, end))
    return bool(named or comma) and not alone and not _BUYING.search(rest)


def _wrong(
    text: str,
    figures: Sequence[Quantity],
    n: int,
    card: Card | None,
    floor: int,
    whole: str,
    together: frozenset[Decimal],
) -> str:
    """Return the rule that figure `n` breaks, "" for none."""
    figure = figures[n]
    if is_price(text, figure):
        return wrong_price(text, figure, card, floor, whole, together) if card else "price"
    if figure.dim.startswith("count") and _claims_stock(text, figure):
        return "" if card is not None and card.product.stock == figure.value else "stock"
    if _harmless(text, figure):
        return ""
    if card is not None and (_on_card(text, figures, n, card) or bought(whole, figure, card)):
        return ""
    if figure.dim == "discount" or _is_offer(whole, figure):
        return "price"
    return "size" if figure.dim == "size" else "figure"


def _is_offer(text: str, figure: Quantity) -> bool:
    """Whether a count says how many one gets for an amount of money."""
    counts = figure.dim.removeprefix("count:") in BUYING_UNITS
    return counts and any(q.dim == "discount" or is_price(text, q) for q in quantities(text))


# --- stock --------------------------------------------------------------------------------------

_STOCK = re.compile(
    r"(?:库存|只剩|还剩|仅剩|就剩|剩下?|还有|最后|现货|余|仓库|后台|限量|\bonly\b|\blast\b|\bstock\b)[^,，。!?;]{0,6}$"
)
_LEFT = re.compile(r"剩|最后|库存|\bonly\b|\blast\b")
_STOCK_AFTER = re.compile(r"\s*(?:的?库存|现货|(?:in stock|left|remaining))")
_NO_GOODS = re.compile(
    "(?:颜色|尺码|问题|款式|码|链接|小时|朋友|细节|人|宝宝|家人|没讲|步骤|地方|口袋)"
)


def _claims_stock(text: str, figure: Quantity) -> bool:
    unit = figure.dim.removeprefix("count:")
    if unit in _HARMLESS - {"个"} or _NO_GOODS.match(text, figure.end):
        return False
    said = before(text, figure.start, CLAUSE)
    if figure.value == 1 and (unit == "个" or not _LEFT.search(said)):
        return False
    claims = bool(_STOCK.search(said) or _STOCK_AFTER.match(text, figure.end))
    return claims or unit == "left"


# --- what needs no card -------------------------------------------------------------------------

_HARMLESS = frozenset("款个位步次遍下句种样招圈口趟声道题") | {"times", "time", "colours", "colors"}
_GIFT = re.compile(r"(?:送|赠|白拿|买|满|已售|卖出|卖了|销量|热销|售出|加赠|free)[^,，。!?;]{0,4}$")
_GIFT_WORD = re.compile(r"[送赠买满售销]|free")
_SERVICE = re.compile(
    r"质保|保修|联保|退|换|发货|发出|送达|送到|到货|保温|保冷|续航|见效|有效|无理由|延保|保质|涨价|恢复|结束|速干|凉"
    r"|warrant|return|ship|deliver"
)
_DEADLINE = re.compile(
    r"结束|恢复|截止|涨|为止|过期|最后|开抢|秒杀|优惠|活动|前(?:下单|拍|付款)|发货|发出|送达|ends?\b"
)
_IDLE = re.compile("[零一二两三四五六七八九十百千万亿](?:点[零一二两三四五六七八九])?")
"""一 in 一起, 一点一 in 一点一定: no unit, nothing counted."""
_ASKING = re.compile(
    "[三五两][三五]?个人|(?:人|朋友|宝宝|家人|粉丝|位).{0,3}(?:在)?(?:问|说|聊|打字|留言)"
)


def _harmless(text: str, figure: Quantity) -> bool:
    value, dim = figure.value, figure.dim
    said = clause(text, figure)
    if dim == "clock":
        return not _DEADLINE.search(said)
    if value is None:
        small = not any(c in "十百千万亿" for c in figure.text)
        people = dim.startswith("count") and _ASKING.search(said)
        return small and (dim == "" or bool(people))
    if dim == "":
        return bool(_IDLE.fullmatch(figure.text))
    if dim == "link":
        return True
    if dim.startswith("count:"):
        small = value == 1 or (value <= 10 and dim[6:] in _HARMLESS)
        return small and not _GIFT.search(before(text, figure.start, CLAUSE))
    short = value <= {"minute": 10, "hour": 24, "month": 24}.get(dim, -1)
    han = not figure.text[0].isascii() and figure.text[0] in "一两"
    return short and (dim == "minute" or han) and not _SERVICE.search(said)


# --- what stands on the card --------------------------------------------------------------------

_TABLE_DIMS = frozenset({"cm", "jin"})
_LETTERS = re.compile(r"(?<![a-z])[a-z]{1,12}[ -]?$")
_FOLLOWED = re.compile("[^\u4e00-\u9fff]|$|的|是|就|了|和|到|这|那|呢|吗|吧|左右|以上|以下|多")
"""What may follow a number without a unit; other words could be a unit that is not known here."""
_THING = re.compile("的([\u4e00-\u9fff]{2,})")


def _on_card(text: str, figures: Sequence[Quantity], n: int, card: Card) -> bool:
    figure = figures[n]
    gift = _GIFT.search(before(text, figure.start, CLAUSE))
    if gift and not _GIFT_WORD.search(card.text):
        return False
    if figure.value is None:
        return figure.text in card.text
    about = around(text, figures, n)
    if _said(text, figures, n, about, card):
        return True
    return _derived(text, figure, figure.value, about, card)


def _said(text: str, figures: Sequence[Quantity], n: int, about: Topics, card: Card) -> bool:
    """Whether the card says this figure, of the same thing."""
    figure = figures[n]
    unit, value = context(text, figure), figure.value or Decimal(0)
    if unit == "degree" and "alcohol" in about:
        unit = "percent"
    fitting = [claim for claim in card.of(unit, value) if claim.speaks_of(about)]
    if not fitting or not _of_this(text, figures, n, about, card):
        return False
    if unit not in NEED_WORDS or about:
        return True
    words = pairs(text)
    return any(claim.words & words for claim in fitting) or not words


def _of_this(text: str, figures: Sequence[Quantity], n: int, about: Topics, card: Card) -> bool:
    """Whether "750 g of X" names an X that the card counts so."""
    figure = figures[n]
    limit = figures[n + 1].start if n + 1 < len(figures) else len(text)
    thing = _THING.match(right(text, figure, limit))
    if not thing or topics_of(thing[1]) or figure.dim in ("year", "month_of", "date"):
        return True
    unit, words = context(text, figure), pairs(thing[1])
    lines = (claim.words for claim in card.of(unit, figure.value or Decimal(0)))
    return bool(words & card.words) or any(words & line for line in lines)


def _derived(text: str, figure: Quantity, value: Decimal, about: Topics, card: Card) -> bool:
    """Whether a figure follows from the card without standing on it."""
    match figure.dim:
        case "":
            return _bare_on_card(text, figure, about, card)
        case "discount":
            share = card.price / card.compared * 10 if card.compared else Decimal(0)
            return abs(share - value) < Decimal("0.05") and has_basis(text, card)
        case "size":
            return f"{value:f}" in card.sizes
        case "clock":
            return bool(card.of("clock", value % 12 if value < 24 else Decimal(0)))
        case dim:
            return dim in _TABLE_DIMS and in_table(dim, value, card)


def _bare_on_card(text: str, figure: Quantity, about: Topics, card: Card) -> bool:
    if letters := _LETTERS.search(text[: figure.start]):  # UPF50, iPhone 15, GB 18401
        token = re.escape(letters[0].rstrip()) + r"\s*" + re.escape(figure.text) + r"(?![\d.])"
        return bool(re.search(token, card.text))
    value = figure.value or Decimal(0)
    if (
        not _FOLLOWED.match(text, figure.end)
        and text[figure.start : figure.end + 1] not in card.text
    ):
        return False
    same = [c for (_, v), claims in card.claims.items() if v == value for c in claims]
    if any(claim.speaks_of(about) for claim in same):
        return figure.text.isascii() or len(figure.text) > 1 or figure.text in card.text
    return is_body(text) and any(in_table(dim, value, card) for dim in _TABLE_DIMS)
