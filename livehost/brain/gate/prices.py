"""Prices: judged by the role that the words around give them, and by arithmetic.

In:  an amount of money in a sentence, the card.   Out: the rule that it breaks, "" for none.

The price must be the price, or follow from it: so many times the price, the price less a coupon of
the card, the prices of all products named together. A compared price needs its basis in the same
sentence. An amount off must be on the card, or be the difference to the compared price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from livehost.brain.gate.card import Card, before
from livehost.brain.gate.quantities import Quantity, quantities
from livehost.brain.gate.topics import CLAUSE, pairs

_ROLES = (
    (
        "price",
        "便宜到|优惠到|降到|降至|低至|省到|现价|只要|只需|仅需|才要|现在|今天|到手|直播间|卖|秒杀"
        r"|活动价|价格|拍下|单价|实付|一共|总共|合计|加起来|\bnow\b|\bprice\b|\bonly\b|\bjust\b|\bcosts?\b",
    ),
    (
        "compared",
        "原价|吊牌价?|专柜|市场价|日常(?:售)?价|划线价|参考价|门市价|指导价|官网|官方价|旗舰店|平时|平常|日常"
        "|售价|酒庄价|市面|以前|之前|原来|原先|活动前|结束以?后|涨回|恢复"
        r"|\bwas\b|originally|\bregular|list price|usually|compared",
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
_OWN = re.compile(
    r"平时|平常|日常|活动前|结束|恢复|原来|原先|之前|以前|\bwas\b|usually|regular|originally"
)
_STRANGE = re.compile("原价|吊牌|专柜|市场价|划线价|门市价|官网|官方|指导价|酒庄价|市面|list price")
_SENTENCE = re.compile(r"[。!?;\n]")
_BARE_PRICE = re.compile(
    r"(?:只要|只需|仅需|现价|原价|价格|售价|卖|到手价?|才|立减|直降|便宜|省|优惠|券|券后|秒杀价?|活动价|日常价|吊牌价|专柜价|指导价|价"
    r"|满|减|收您?|给您|付|(?<!到)不到|将近|差不多|一共|总共|合计|加起来|带走"
    r"|\bonly|\bjust|\bprice(?: is)?|\bfor|\bwas)"
    r"\s*(?:是|了|要|就|才|只要|:|你|您)?\s*$"
)
_BARE_AFTER = re.compile(r"\s*(?:拿走|带走|到手|拿下|不到|包邮|一[个件盒瓶袋套份]|减\s*\d)")
_BY_THE_PIECE = re.compile(r"[个件盒瓶袋套份](?:就|才|是|要|只要)?\s*$")
_NOTHING_MORE = re.compile(r"\s*(?:$|[,，。!?;、])")
_TOGETHER = re.compile(
    "一共|总共|合计|加起来|凑|一起|两样|三样|打包|全部|总价|合起来|in total|together"
)
_TAKES_OFF = re.compile("券|减|叠加|coupon")
_DELIVERY = re.compile("运费|邮费|快递费|shipping")
_POINTS_TO_BASIS = re.compile(r"依据|出处|\bbasis\b")
_FREE = re.compile(r"包邮|免运费|免邮|运费全免|free (?:shipping|delivery)")
_NOT_FREE = re.compile(r"(?:不|没有|非|未|没)\s*$")
_MOST_BASIS, _MOST = 0.4, 99
BUYING_UNITS = frozenset("件个盒袋瓶套份单条双")


def is_price(text: str, figure: Quantity) -> bool:
    """Return whether a figure is an amount of money, with or without its unit."""
    if figure.dim == "money":
        return True
    if figure.dim != "" or not (len(figure.text) > 1 or figure.text.isascii()):
        return False
    after = _AFTER.match(text, figure.end)
    if (after and after.end() > figure.end) or _BARE_AFTER.match(text, figure.end):
        return True
    said = before(text, figure.start, CLAUSE)
    by_the_piece = _BY_THE_PIECE.search(said) and _NOTHING_MORE.match(text, figure.end)
    return bool(by_the_piece or _BARE_PRICE.search(said))


def wrong_price(
    text: str, figure: Quantity, card: Card, floor: int, whole: str, together: frozenset[Decimal]
) -> str:
    """Return the rule that an amount breaks.

    Args:
        floor: where the last amount before it ends; words before that spoke of the other.
        whole: the sentence, with parts about other products.
        together: what the products named in it cost.
    """
    value = figure.value
    if value is None:
        return "price"
    match _role(text, figure, floor):
        case "price":
            return "" if value in _costs(card, whole, together) else "price"
        case "compared":
            return _wrong_comparison(text, value, card, floor, figure, whole)
        case "offer":
            return "" if value in _savings(card) else "price"
        case _:
            fine = value in _costs(card, whole, together) or _quoted(text, value, card)
            return "" if fine else "price"


def sums(cards: Sequence[Card]) -> frozenset[Decimal]:
    """Return what the products of `cards` cost together; nothing for a single one."""
    by_id = {card.product.id: card.price for card in cards}
    return frozenset({sum(by_id.values(), Decimal(0))} if len(by_id) > 1 else ())


def has_basis(text: str, card: Card) -> bool:
    """Return whether a sentence names the basis of the compared price."""
    if _POINTS_TO_BASIS.search(text):
        return True
    said = len(card.basis & pairs(text))
    return bool(card.basis) and said >= _MOST_BASIS * len(card.basis)


def free_delivery(text: str, card: Card | None) -> str:
    """Return the words that wrongly promise free delivery, "" for none."""
    if card is None or card.product.delivery.free:
        return ""
    for match in _FREE.finditer(text):
        if not _NOT_FREE.search(text[: match.start()]) and match[0] not in card.text:
            return match[0]
    return ""


def bought(text: str, figure: Quantity, card: Card) -> bool:
    """Return whether a count is so many of the product, and its price is said rightly."""
    unit = figure.dim.removeprefix("count:")
    value = figure.value
    if value is None or not 1 < value <= _MOST or unit not in BUYING_UNITS | {card.product.unit}:
        return False
    amounts = {q.value for q in quantities(text) if is_price(text, q)}
    costs = {value * card.price, *(value * card.price - off for off in card.coupons)}
    return bool(amounts & costs)


# --- roles --------------------------------------------------------------------------------------


def _role(text: str, figure: Quantity, floor: int) -> str:
    if after := _AFTER.match(text, figure.end):
        return after.lastgroup or ""
    said = before(text, figure.start, _SENTENCE, floor)
    roles = [m.lastgroup for m in _ROLE.finditer(said)]
    return roles[-1] or "" if roles else ""


def _costs(card: Card, whole: str, together: frozenset[Decimal]) -> Iterator[Decimal]:
    """Yield every amount that buying may cost by this sentence."""
    yield card.price
    numbers = [Decimal(1), *_numbers(whole, card)]
    yield from (n * card.price for n in numbers)
    if _TAKES_OFF.search(whole):
        yield from (n * card.price - off for n in numbers for off in card.coupons)
    if _TOGETHER.search(whole):
        yield from together
    fee = card.product.delivery.fee
    if fee and _DELIVERY.search(whole):
        yield from (n * card.price + fee for n in numbers)


def _numbers(text: str, card: Card) -> Iterator[Decimal]:
    units = BUYING_UNITS | {card.product.unit}
    for figure in quantities(text):
        if figure.dim.removeprefix("count:") in units and figure.value and figure.value <= _MOST:
            yield figure.value


def _wrong_comparison(
    text: str, value: Decimal, card: Card, floor: int, figure: Quantity, whole: str
) -> str:
    said = before(text, figure.start, _SENTENCE, floor) + text[figure.end : figure.end + 4]
    if value == card.compared:
        return "" if has_basis(whole, card) else "price.compared"
    if value in (card.price, card.usual) and _OWN.search(said) and not _STRANGE.search(said):
        return ""
    return "price.compared" if value == card.usual else "price"


def _savings(card: Card) -> Iterator[Decimal]:
    """Yield amounts off, and what delivery costs."""
    yield from card.coupons
    yield from (value for dim, value in card.claims if dim in ("money", "fee"))
    if card.compared:
        yield card.compared - card.price


def _quoted(text: str, value: Decimal, card: Card) -> bool:
    """Whether the card says this amount in words that the sentence shares."""
    said = pairs(text) - card.words
    return any(said & claim.words for claim in card.of("money", value))
