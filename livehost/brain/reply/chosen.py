"""What a question says about the choices of a product: a size, a colour, a pack, how many pieces.

In:  a folded question, the product card.   Out: the choice, the situation of its price and stock.
"""

from __future__ import annotations

import re
from decimal import Decimal

from livehost.brain.gate.fold import fold
from livehost.brain.gate.quantities import quantities
from livehost.brain.product import Product, plain
from livehost.brain.reply.facts import Slots, said_in

_PIECES = 10
"""Pieces that one buys at once."""
_SIZE = re.compile(r"(?<![a-z0-9'’.])(x{0,4}[sml]|[2-9]xl)(?![a-z'])")
_COUNT = re.compile(r"^[0-9]+[\u4e00-\u9fff](?=.)")
"""Of a pack; beside a price the gate takes it for an offer."""
_ADVICE = re.compile(
    "好看|百搭|耐看|推荐|显白|[黄黑]皮|怎么选|选哪|which colou?r.{0,12}(?:better|best|nice)"
)
_ENGLISH_COLOURS = {
    "red": "红", "black": "黑", "white": "白", "blue": "蓝", "green": "绿", "yellow": "黄",
    "purple": "紫", "pink": "粉", "grey": "灰", "gray": "灰", "orange": "橙", "brown": "棕",
}  # fmt: skip


def asked_size(text: str) -> str:
    """Return the size that a folded text names, "XL"; "" for none and for several."""
    found = {name.upper() for name in _SIZE.findall(text)}
    return found.pop() if len(found) == 1 else ""


def colour_asked(text: str) -> str:
    """Return the colour that a folded text asks for, mostly one character; "" for none."""
    if found := re.search("(卡其|[红黑白蓝绿黄紫粉灰橙棕咖米青驼杏金银])(?:色|的)", text):
        return found[1]
    english = re.search(rf"\b({'|'.join(_ENGLISH_COLOURS)})\b", text)
    return _ENGLISH_COLOURS[english[1]] if english else ""


def wants_advice(text: str) -> bool:
    """Return whether a folded text asks for an opinion on the colours."""
    return bool(_ADVICE.search(text))


def choice_of(text: str, product: Product) -> str:
    """Return the choice of a product that a folded text names, "" for none: "云雾白", "XL"."""
    colour = colour_asked(text)
    tones = [
        v for v in product.values("colour") if fold(v).text in text or (colour and colour in v)
    ]
    tone = next((v for v in tones if fold(v).text in text), next(iter(tones), ""))
    wanted = asked_size(text)
    size = wanted if wanted in product.values("size") else ""
    return tone + size or _pack(text, product)


def _pack(text: str, product: Product) -> str:
    """Return the pack that is named, by its figure too: "7袋的" is "7袋尝鲜装"."""
    if exact := next((v for v in _others(product) if fold(v).text in text), ""):
        return exact
    figures = [figure.text for figure in quantities(text) if figure.dim]
    packs = (v for v in _others(product) if any(fold(v).text.startswith(f) for f in figures))
    return next(packs, "")


def _others(product: Product) -> list[str]:
    """Return the choices that are neither a colour nor a size; they may differ in price."""
    return [v for kind in product.variant if kind.kind == "other" for v in kind.values]


def price_of(product: Product, text: str, slots: Slots, language: str) -> str:
    """Return the situation of a price: of a pack, of several pieces, or as the card has it."""
    choice = choice_of(text, product)
    if choice in _others(product):
        said = said_in(choice, product, language)
        slots["choice"] = re.sub(
            r"^[0-9]+[\u4e00-\u9fff](?=.)", "", said
        )  # beside a price it is one
        return "price_choice"
    for figure in quantities(text):
        whole = figure.value is not None and figure.value == int(figure.value)
        count = int(figure.value or 0) if whole else 0
        if figure.dim == f"count:{product.unit}" and 2 <= count <= _PIECES:
            slots["times"] = figure.text if language == "zh" else f"{count} pieces"
            slots["unit"], slots["total"] = product.unit, _times(slots["price"], count)
            return "price_times"
    return "price"


def _times(price: str, count: int) -> str:
    """Return so many times a price as it is said, in its own words."""
    figure = re.search(r"[0-9.]+", price)
    total = plain(Decimal(figure[0]) * count) if figure else ""
    return price.replace(figure[0], total) if figure else ""


def size_missing(product: Product, text: str) -> str:
    """Return "size_missing" when a text asks for a size that is not made, else ""."""
    wanted = asked_size(text)
    missing = product.size and wanted and wanted not in product.values("size")
    return "size_missing" if missing else ""


def stock_of(product: Product, text: str, slots: Slots, language: str) -> str:
    """Return the situation of a stock: of a choice that is named, or of all together."""
    if missing := size_missing(product, text):
        return missing
    wanted = asked_size(text)
    choice = choice_of(text, product)
    if choice and product.stock is not None:
        tone = choice.removesuffix(wanted) if wanted else choice
        size = (f"{wanted}码" if language == "zh" else f"size {wanted}") if tone != choice else ""
        said = said_in(tone, product, language) if tone else ""
        slots["choice"] = (
            said + size if language == "zh" else " in ".join(filter(None, (size, said)))
        )
        return "stock_choice"
    return "stock"
