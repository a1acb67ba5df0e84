"""Several questions in one comment, and a question that goes on from the one before.

In:  a comment as it was written.   Out: its pieces; the whole question that "那L呢" stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from livehost.brain.gate.fold import fold
from livehost.brain.product import Product
from livehost.brain.reply.facts import REGION
from livehost.brain.reply.understand import body_of, is_english, product_of

MOST_PIECES = 4
_HAN = "[\u4e00-\u9fff]"
_SPACED = re.compile(rf"(?<={_HAN})\s+(?={_HAN})")
_APART = re.compile(
    rf"[，,。?？!！;；~]+|\s+(?=\D)|(?<=[吗嘛])(?={_HAN}{{2}})|(?<=多少钱)(?=[有包能可会怎几0-9])"
    rf"|(?<=啥)(?=(?:能|可以|会|有没有|怎么))|(?<={_HAN}[不没])(?=(?:几天|多少|有没有|包邮|什么|怎么|能不能))"
)
_ENGLISH = re.compile(r"[,.?!;]+\s*|\s+and\s+(?=(?:what|how|is|are|does|do|can|when|where)\b)")


def closed(text: str) -> str:
    """Return a folded text without the spaces between Chinese words."""
    return _SPACED.sub("", text)


def pieces(text: str) -> list[str]:
    """Return what stands apart in a comment, by punctuation, spaces and question words."""
    parts = re.split(_ENGLISH if is_english(text) else _APART, text)
    found = [part.strip() for part in parts if part and part.strip()]
    return found[:MOST_PIECES]


# --- "那L呢" --------------------------------------------------------------------------------------

_AT = re.compile(r"@ *[^\s@,，:：]{1,20}[\s,，:：]*")


def without_mentions(text: str, hosts: Iterable[str]) -> str:
    """Return a comment without "@name", "" when it is for somebody else than the host.

    Args:
        hosts: what the host is called; "主播" and the shop's service always are.
    """
    named = _AT.findall(text)
    ours = (*filter(None, hosts), "主播", "客服", "店", "host")
    if named and not any(fold(host).text in fold(name).text for name in named for host in ours):
        return ""
    return _AT.sub("", text).strip()


_GOES_ON = re.compile(
    r"^(?:那么?|还有|and|what about|how about)\b.{1,24}$|^那.{1,16}$|^.{1,16}[呢咧捏]$"
)
_SIZE = r"(?<![a-z])(?:x{0,4}[sml]|[2-9]xl)(?![a-z])码?"
_COLOUR = "[红黑白蓝绿黄紫粉灰橙棕咖米]色?"
_PERSON = (
    "(?:我|他|她|你)?(?:家|的)?(?:老公|老婆|对象|[男女]朋?友|孩子|儿子|女儿|妈妈?|爸爸?|弟弟|妹妹"
    "|姐姐|哥哥|婆婆|闺蜜|朋友)"
)
_FIGURES = r"[0-9.]+ *(?:斤|公斤|kg|cm|厘米|米)?"
_SLOT = re.compile("|".join((_SIZE, _COLOUR, _PERSON, REGION.pattern, _FIGURES, r"[0-9]+号")))
_IDLE = re.compile(
    r"那么?|呢|咧|捏|的|话|款|码|号|链接|这|个|件|我|如果|要是|是|主播|\b(?:and|what|how|about|the|one|in|size|to)\b|[\W_]+"
)


def goes_on(text: str, before: str, products: Iterable[Product]) -> tuple[str, Product | None]:
    """Return the question that a message goes on with, and the product that it names.

    "那L呢" after "165 120斤穿M行吗" asks for the same with another size, person, place or product;
    ("", None) for a message that asks for something of its own.

    Args:
        before: what the same viewer asked last.
    """
    plain = fold(text).text.strip(" ?？!！。，~")
    if not before or not _GOES_ON.match(plain):
        return "", None
    named = product_of(plain, products)
    rest = plain
    for name in named.names() if named else ():
        rest = rest.replace(fold(name).text, "")
    said = rest != plain or bool(_SLOT.search(rest))
    if not said or _IDLE.sub("", _SLOT.sub("", rest)):
        return "", None
    earlier = fold(before).text
    earlier = re.sub(_FIGURES, "", earlier) if body_of(plain) else earlier
    for name in named.names() if named else ():
        earlier = earlier.replace(fold(name).text, "")
    earlier = re.sub(_SIZE, "", earlier) if re.search(_SIZE, plain) else earlier
    return f"{plain}{'' if plain[-1] > 'z' else ' '}{earlier}", named
