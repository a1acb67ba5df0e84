"""What a comment is: a question, a greeting or plain talk; and the product it is about.

In:  the text of a comment, the names products go by.   Out: `Sort`, product id or None.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from livehost.brain.chat.message import ChatMessage, Kind


class Sort(StrEnum):
    """How a message is queued."""

    QUESTION = "question"
    GIFT = "gift"
    TALK = "talk"  # greetings and other comments
    FOLLOW = "follow"
    ENTER = "enter"
    LIKE = "like"


_SOCIAL = {
    Kind.GIFT: Sort.GIFT,
    Kind.FOLLOW: Sort.FOLLOW,
    Kind.ENTER: Sort.ENTER,
    Kind.LIKE: Sort.LIKE,
}

_ASKS = re.compile(
    r"[?？]|吗|嘛$|么$|呢$|什么|啥|怎么|咋|多少|多大|多久|多长|多重|多高|几[个天号点块元件号码码]|哪|谁|为何|为什么"
    r"|有没有|有无|是不是|能不能|可不可以|可以[^，。!！]*不$|会不会|要不要|好不好|行不行|对不对|包不包"
    r"|价格|价钱|尺码|尺寸|码数|身高|体重|优惠|便宜|包邮|运费|发货|快递|退货|退换|换货|保修|质保|库存|链接|怎样|如何"
    r"|介绍一?下|讲一?下|说一?下|推荐"
    r"|\b(what|which|how|when|where|who|why|is|are|do|does|did|can|could|will|would|should|any"
    r"|price|cost|size|sizes|ship|shipping|delivery|discount|coupon|refund|return|warranty|stock)\b",
    re.IGNORECASE,
)


def sort(message: ChatMessage) -> Sort:
    """Return how `message` is queued; pure word rules, no model."""
    if message.kind in _SOCIAL:
        return _SOCIAL[message.kind]
    return Sort.QUESTION if is_question(message.text) else Sort.TALK


def is_question(text: str) -> bool:
    """Return whether a comment asks for something."""
    return bool(_ASKS.search(text))


def product_in(text: str, names: Mapping[str, Iterable[str]]) -> str | None:
    """Return the product whose name stands in `text`; the longest name wins.

    Args:
        names: product id -> the names it goes by.
    """
    lowered = text.casefold()
    found = [
        (len(name), product)
        for product, known in names.items()
        for name in known
        if name and name.casefold() in lowered
    ]
    return max(found)[1] if found else None


_FOLDED = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """Return `text` without case, spaces and punctuation: equal for the same question."""
    return _FOLDED.sub("", text.casefold()) or text
