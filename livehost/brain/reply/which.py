"""Which product a message names that says nothing else: the answer to "which one do you mean?".

In:  a message, the products, the one on the card.   Out: a product, None when it says more or less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from livehost.brain.gate.fold import fold
from livehost.brain.gate.numerals import parse
from livehost.brain.product import Product
from livehost.brain.reply.understand import product_of

_NUMBER = re.compile(
    r"(?:第|链接|商品|宝贝|number|no|link)?[ .#]*([0-9一二两三四五六七八九十]{1,3})"
    r" *(?:号|个|款|件)? *(?:链接|宝贝|商品)?"
)
_HERE = re.compile(r"[这此]|现在|屏幕|画面|正在|在讲|上面|\b(?:this|on screen|the one)\b")
_IDLE = re.compile(
    r"我(?:说|问|指|要|想)?|就|是|说|问|要|想|的|了|嗯|呃|额|那|这|此|个|款|件|一下|啊|呀|吧|呢|哈|嘛|哦|噢|主播|亲|小姐姐|谢谢"
    r"|现在|屏幕|画面|正在|在|讲|上面?|\b(?:the|one|i|mean|is|it|this|that|on|screen|please|thanks)\b|[\W_]+"
)


def which(text: str, products: Iterable[Product], shown: Product | None) -> Product | None:
    """Return the product that a message names, or points at, without asking for anything.

    Args:
        text: as it was written.
        shown: the product on the card, which "this one" is.
    """
    products, plain = list(products), fold(text).text
    named = product_of(plain, products) or _numbered(plain, products)
    for name in named.names() if named else ():
        plain = plain.replace(fold(name).text, "")
    if not named and _HERE.search(plain):
        named = shown
    else:
        plain = _NUMBER.sub("", plain, count=1)
    return named if not _IDLE.sub("", plain) else None


def _numbered(plain: str, products: Iterable[Product]) -> Product | None:
    """Return the product that a number in a message is the number of in the basket."""
    found = _NUMBER.search(plain)
    link = parse(found[1]) if found else None
    return next((p for p in products if link is not None and p.link == link), None)
