"""Every figure that is said must stand on the product card, in the role it is said in.

In:  folded text, the product's card at a time.   Out: the first figure that the card does not back.

A figure is backed by the same amount of the same unit on the card. Prices, stock and body
measures are held to more: a price must be the price, a compared price must be called one, a stock
claim must equal the stock, and a size must be the one that the size table gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import Quantity, quantities
from livehost.brain.product import Product, Size


@dataclass(frozen=True, slots=True)
class Card:
    """The figures of one product at one time.

    Attributes:
        prices: what it costs, in yuan.
        compared: prices that may be compared with; each has its basis on the card.
        figures: (unit, value) of every figure in the card's texts.
        sizes: names of the sizes, folded.
    """

    product: Product
    prices: frozenset[Decimal]
    compared: frozenset[Decimal]
    figures: frozenset[tuple[str, Decimal]]
    sizes: frozenset[str]
    text: str


def card_of(product: Product, now: datetime) -> Card:
    """Collect the figures that may be said about `product` at `now`."""
    text = "\n".join(fold(fact).text for fact in product.facts(now))
    price = product.price_at(now)
    compared = {product.compared} if product.compared and product.basis else set()
    if price != product.price:
        compared.add(product.price)
    return Card(
        product,
        frozenset({price}),
        frozenset(c for c in compared if c is not None),
        frozenset({*_text_figures(text), *_field_figures(product, now)}),
        frozenset(fold(size).text for size in product.values("size")),
        text,
    )


def _text_figures(text: str) -> Iterator[tuple[str, Decimal]]:
    for line in text.split("\n"):
        for quantity in quantities(line):
            if quantity.value is not None:
                yield _context(line, quantity), quantity.value


def _field_figures(product: Product, now: datetime) -> Iterator[tuple[str, Decimal]]:
    delivery = product.delivery
    if delivery.ship_hours:
        yield "ship:hour", Decimal(delivery.ship_hours)
    for days in delivery.days or ():
        yield "ship:hour", Decimal(days * 24)
    if delivery.fee:
        yield "money", delivery.fee
    if product.returns and product.returns.days:
        yield "after:hour", Decimal(product.returns.days * 24)
    for offer in product.offers(now):
        for at in (offer.start, offer.end):
            yield from (("year", Decimal(at.year)), ("month_of", Decimal(at.month)))
            yield from (
                ("day_of", Decimal(at.day)),
                ("clock", _hour(at)),
                ("clock", _hour(at) % 12),
            )


def _hour(at: datetime) -> Decimal:
    return Decimal(at.hour) + Decimal(at.minute) / 60


# --- what a time is about -----------------------------------------------------------------------

_AFTER_SALES = re.compile(r"退|换|无理由|质保|保修|联保|保价|售后|return|exchange|refund|warrant")
_SHIPPING = re.compile(
    r"发货|发出|寄|送达|送到|到货|收到|路上|物流|快递|配送|\bship|deliver|\broad\b|arriv"
)


def _context(text: str, quantity: Quantity) -> str:
    """Return the unit of a figure; times of delivery and after-sales are units of their own.

    "48 hours" until it ships says nothing about how long a cup keeps warm.
    """
    if quantity.dim not in ("hour", "month"):
        return quantity.dim
    clause = _clause(text, quantity)
    if _AFTER_SALES.search(clause):
        return f"after:{quantity.dim}"
    return f"ship:{quantity.dim}" if _SHIPPING.search(clause) else quantity.dim


def _clause(text: str, quantity: Quantity) -> str:
    before = _before(text, quantity.start, _CLAUSE)
    return before + text[quantity.start : quantity.end] + _CLAUSE.split(text[quantity.end :])[0]


# --- roles of a price ---------------------------------------------------------------------------

_ROLES = (
    (
        "price",
        "便宜到|优惠到|降到|降至|低至|省到|现价|只要|只需|仅需|才要|现在|今天|到手|直播间|售价|卖|秒杀"
        r"|活动价|价格|拍下|单价|\bnow\b|\bprice\b|\bonly\b|\bjust\b|\bcosts?\b",
    ),
    (
        "compared",
        "原价|吊牌价?|专柜|市场价|日常(?:售)?价|划线价|参考价|门市价|官网|官方价|旗舰店|平时|平常|日常"
        r"|以前|之前|原来|原先|活动前|涨回|恢复|\bwas\b|originally|\bregular|list price|usually",
    ),
    (
        "offer",
        "省|便宜|立减|直降|降|优惠|少花|减|补贴|券|红包|返|运费|邮费|快递费|补差|满|save|off",
    ),
)
_ROLE = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _ROLES))
_AFTER = re.compile(
    r"\s*(?:的|是)?(?:(?P<compared>原价|吊牌价|专柜价|市场价|日常价|划线价)|(?P<offer>优惠|券|红包|运费|off))"
)
_STOCK = re.compile(
    r"(?:库存|只剩|还剩|仅剩|剩下?|还有|最后|现货|余|\bonly\b|\blast\b|\bstock\b)[^,，。!?;]{0,6}$"
)
_LEFT = re.compile(r"剩|最后|库存|\bonly\b|\blast\b")
_STOCK_AFTER = re.compile(r"\s*(?:的?库存|现货|(?:in stock|left|remaining))")
_SENTENCE = re.compile(r"[。!?;\n]")
_CLAUSE = re.compile(r"[,，。!?;\n]")
_BARE_PRICE = re.compile(
    r"(?:只要|只需|仅需|现价|原价|价格|售价|卖|到手价?|才|立减|直降|便宜|省|优惠|券|秒杀价?|活动价|日常价|吊牌价|专柜价"
    r"|满|减|收您?|给您|付|\bonly|\bjust|\bprice(?: is)?|\bfor|\bwas)\s*(?:是|了|要|:|你|您)?\s*$"
)


def _before(text: str, start: int, mark: re.Pattern[str], floor: int = 0) -> str:
    breaks = [m.end() for m in mark.finditer(text, floor, start)]
    return text[max([floor, *breaks]) : start]


def _role(text: str, quantity: Quantity, floor: int) -> str:
    if after := _AFTER.match(text, quantity.end):
        return after.lastgroup or ""
    roles = [m.lastgroup for m in _ROLE.finditer(_before(text, quantity.start, _SENTENCE, floor))]
    return roles[-1] or "" if roles else ""


def _price_backed(text: str, quantity: Quantity, card: Card, floor: int) -> bool:
    value = quantity.value
    if value is None:
        return False
    on_card = ("money", value) in card.figures
    match _role(text, quantity, floor):
        case "price":
            return value in card.prices
        case "compared":
            return value in card.compared
        case "offer":
            return on_card or value in {c - p for c in card.compared for p in card.prices}
        case _:
            return value in card.prices or on_card


# --- everything else ----------------------------------------------------------------------------

_HARMLESS = frozenset("款个位步次遍下句种样招圈口趟声道题") | {"times", "time", "colours", "colors"}
_GIFT = re.compile(r"(?:送|赠|白拿|买|满|已售|卖出|卖了|销量|热销|售出|加赠|free)[^,，。!?;]{0,4}$")
_GIFT_WORD = re.compile(r"[送赠买满售销]|free")
_SERVICE = re.compile(
    r"质保|保修|联保|退|换|发货|发出|送达|到货|保温|保冷|续航|见效|有效|无理由|延保|保质|涨价|恢复|结束|速干"
    r"|warrant|return|ship|deliver"
)
_DEADLINE = re.compile(
    r"结束|恢复|截止|涨|为止|过期|最后|开抢|秒杀|优惠|活动|前(?:下单|拍|付款)|发货|发出|送达|ends?\b"
)
_IDLE = re.compile("[零一二两三四五六七八九十百千万亿](?:点[零一二两三四五六七八九])?")
"""一 in 一起, 一点一 in 一点一定: no unit, nothing counted."""
_IDIOM = re.compile(
    "一块儿|[这那一]一?大?块儿?(?=[,，。!?])|一块(?:来|去|看|聊|儿|面料|布)|[这那]一块|百分之?百(?:的)?(?=放心|理解)"
    "|双十[一二]|六一八|三百六十度|一年四季|一天到晚|一整?天(?=的|下来|都)|[这每那]一?天|一百个(?:放心|愿意)"
    "|一万个放心|千千万万|千万|万千|百万(?=粉)|三分钟热度|三二一|一二三|三、二、一|3、2、1|321(?=上)"
    "|七七八八|一五一十|二维码|24小时(?=在线|直播|陪|不打烊)|四季|第"
    + "[零一二两三四五六七八九十百千\\d]+"
)
_TABLE_DIMS = frozenset({"cm", "jin"})
_LETTERS = re.compile(r"(?<![a-z])[a-z]{1,12}[ -]?$")
_BODY = re.compile(r"身高|体重|厘米|斤|公斤|cm|kg|height|weight|穿|码")
_LEAST_BODY = 40
"""Centimetres or jin below this measure a thing, not a person."""


def unbacked(text: str, card: Card | None) -> Quantity | None:
    """Return the first figure of a folded text that may not be said, or None.

    Args:
        card: of the product that is being talked about; without one only harmless counts pass.
    """
    masked = _IDIOM.sub(lambda m: " " * len(m[0]), text)
    floor = 0
    for quantity in quantities(masked):
        if wrong := _wrong(masked, quantity, card, floor):
            return replace(quantity, dim=wrong)
        if quantity.dim == "money":
            floor = quantity.end
    return _wrong_size(masked, card)


def _wrong(text: str, quantity: Quantity, card: Card | None, floor: int) -> str:
    """Return what a figure wrongly claims: money, stock, its own unit; "" if it may be said."""
    if _is_price(text, quantity, floor):
        backed = card is not None and _price_backed(text, quantity, card, floor)
        return "" if backed else "money"
    if quantity.dim.startswith("count") and _claims_stock(text, quantity):
        return "" if card is not None and card.product.stock == quantity.value else "stock"
    if _harmless(text, quantity) or (card is not None and _on_card(text, quantity, card)):
        return ""
    return quantity.dim or "number"


def _is_price(text: str, quantity: Quantity, floor: int) -> bool:
    if quantity.dim == "money":
        return True
    spoken_bare = quantity.dim == "" and (len(quantity.text) > 1 or quantity.text.isascii())
    after = _AFTER.match(text, quantity.end)
    if spoken_bare and after and after.end() > quantity.end:
        return True
    return spoken_bare and bool(_BARE_PRICE.search(_before(text, quantity.start, _CLAUSE, floor)))


def _claims_stock(text: str, quantity: Quantity) -> bool:
    unit = quantity.dim.removeprefix("count:")
    if unit in _HARMLESS - {"个"}:
        return False
    before = _before(text, quantity.start, _CLAUSE)
    if quantity.value == 1 and (unit == "个" or not _LEFT.search(before)):
        return False
    claims = bool(_STOCK.search(before) or _STOCK_AFTER.match(text, quantity.end))
    return claims or unit == "left"


def _harmless(text: str, quantity: Quantity) -> bool:
    value, dim = quantity.value, quantity.dim
    before = _before(text, quantity.start, _CLAUSE)
    clause = _clause(text, quantity)
    if dim == "clock":
        return not _DEADLINE.search(clause)
    if value is None:
        return dim == "" and not any(c in "十百千万亿" for c in quantity.text)
    if dim == "":
        return bool(_IDLE.fullmatch(quantity.text))
    if dim == "link":
        return True
    if dim.startswith("count:"):
        small = value == 1 or (value <= 10 and dim[6:] in _HARMLESS)
        return small and not _GIFT.search(before)
    short = value <= {"minute": 10, "hour": 24, "month": 24}.get(dim, -1)
    han = not quantity.text[0].isascii() and quantity.text[0] in "一两"
    return short and (dim == "minute" or han) and not _SERVICE.search(clause)


def _on_card(text: str, quantity: Quantity, card: Card) -> bool:
    value = quantity.value
    gift = _GIFT.search(_before(text, quantity.start, _CLAUSE))
    if gift and not _GIFT_WORD.search(card.text):
        return False
    if value is None:
        return quantity.text in card.text
    named = _context(text, quantity)
    return (named, value) in card.figures or _derived(text, quantity, value, card)


def _derived(text: str, quantity: Quantity, value: Decimal, card: Card) -> bool:
    """Whether a figure follows from the card without standing on it."""
    match quantity.dim:
        case "":
            return _bare_on_card(text, quantity, card)
        case "discount":
            shares = [p / c * 10 for c in card.compared for p in card.prices]
            return any(abs(share - value) < Decimal("0.05") for share in shares)
        case "size":
            return f"{value:f}" in card.sizes
        case "clock":
            return ("clock", value % 12 if value < 24 else Decimal(0)) in card.figures
        case dim:
            return dim in _TABLE_DIMS and _in_table(dim, value, card)


def _bare_on_card(text: str, quantity: Quantity, card: Card) -> bool:
    if letters := _LETTERS.search(text[: quantity.start]):  # UPF50, iPhone 15, GB 18401
        token = re.escape(letters[0].rstrip()) + r"\s*" + re.escape(quantity.text) + r"(?![\d.])"
        return bool(re.search(token, card.text))
    if any(value == quantity.value for _, value in card.figures):
        return quantity.text.isascii() or len(quantity.text) > 1 or quantity.text in card.text
    value = quantity.value or Decimal(0)
    return bool(_BODY.search(text)) and any(_in_table(dim, value, card) for dim in _TABLE_DIMS)


def _in_table(dim: str, value: Decimal, card: Card) -> bool:
    ranges = [s.height_cm if dim == "cm" else s.jin for s in card.product.size]
    return any(least <= value <= most for least, most in ranges)


# --- sizes --------------------------------------------------------------------------------------

_SIZE_NAME = re.compile(
    r"(?<![a-z0-9])(\d?x{0,4}[sml]|\d?xl)\s*码|(?:\bsize\s+)(\d?x{0,4}[sml]|\d?xl)\b"
)


def _wrong_size(text: str, card: Card | None) -> Quantity | None:
    """Return a size that is not sold, or that the size table does not give for the body named."""
    named = [(m[1] or m[2], m.start(), m.end()) for m in _SIZE_NAME.finditer(text)]
    if not named or (card and not card.sizes):
        return None if not named else _size_quantity(text, named[0])
    if card is None:
        return _size_quantity(text, named[0])
    for name, start, end in named:
        if name not in card.sizes:
            return _size_quantity(text, (name, start, end))
    rows = [s for s in card.product.size if fold(s.name).text in {name for name, _, _ in named}]
    body = [q for q in quantities(text) if q.dim in _TABLE_DIMS and (q.value or 0) >= _LEAST_BODY]
    for quantity in body:
        value = float(quantity.value or 0)
        if rows and not any(_fits(row, quantity.dim, value) for row in rows):
            return quantity
    return None


def _fits(row: Size, dim: str, value: float) -> bool:
    return row.fits(value, None) if dim == "cm" else row.fits(None, value)


def _size_quantity(text: str, named: tuple[str, int, int]) -> Quantity:
    _, start, end = named
    return Quantity("size", None, start, end, text[start:end])
