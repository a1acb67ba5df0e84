"""What the templates are filled with: the product card as words of one language.

In:  a product at a time.   Out: slot values; what the card does not say is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from livehost.brain.product import Product, plain
from livehost.brain.script import spoken_end

Slots = dict[str, str]

REGION = re.compile(
    "新疆|西藏|内蒙古?|海南|青海|宁夏|甘肃|香港|澳门|台湾|国外|海外|北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江"
    "|东北|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|四川|贵州|云南|陕西|深圳|广州|成都|乡镇|农村"
    "|xinjiang|tibet|hong kong|taiwan|beijing|shanghai|overseas|abroad"
)


_HAN = re.compile("[\u4e00-\u9fff]")


def said_in(text: str, product: Product, language: str) -> str:
    """Return a text of the card in a language; "" when the card has it only in Chinese."""
    if language == "zh" or not _HAN.search(text):
        return text
    return product.english.get(text, "")


def short_of(product: Product, language: str) -> str:
    """Return the short name of a product in a language; "" when it has none."""
    names = (*product.aliases[:1], product.name, *product.aliases[1:])
    return next(filter(None, (said_in(name, product, language) for name in names)), "")


def _listed(values: Iterable[str], product: Product, language: str) -> str:
    """Return choices as a list in a language; "" when one of them is not in it."""
    said = [said_in(value, product, language) for value in values]
    return ("、" if language == "zh" else ", ").join(said) if all(said) else ""


def detail_said(name: str, value: str, product: Product, language: str) -> str:
    """Return one fact by its name: "面料是87%锦纶"; "" when it is not in the language."""
    said = said_in(name, product, language), said_in(value, product, language)
    return (("是" if language == "zh" else ": ").join(said)) if all(said) else ""


def details_said(facts: Iterable[tuple[str, str]], product: Product, language: str) -> str:
    """Return the first two facts, "" when none is in the language."""
    said = [text for name, value in facts if (text := detail_said(name, value, product, language))]
    return ("，" if language == "zh" else ", ").join(said[:2])


def slots_of(product: Product | None, now: datetime, language: str) -> Slots:
    """Return the slots that the card of `product` fills at `now`, each in one language."""
    if product is None:
        return {}
    short = short_of(product, language)
    slots = {
        "name": product.name if language == "zh" else said_in(product.name, product, "en") or short,
        "short": short,
        "price": _yuan(product.price_at(now), language),
        "colours": _listed(product.values("colour"), product, language),
        "sizes": _listed(product.values("size"), product, language),
        "variants": _listed(
            (v for kind in product.variant for v in kind.values), product, language
        ),
        "details": details_said(product.details.items(), product, language),
        "purpose": said_in(product.purpose or "", product, language),
        "usage": product.usage or "",
        "authenticity": product.authenticity or "",
        "warranty": product.warranty or "",
        "returns": product.returns.text if product.returns else "",
        "delivery": product.delivery.said(language),
        "link": _link(product, language),
        "own_point": plain_point(product, language),
    }
    slots |= _money(product, now, language) | _points(product, language) | _on_the_road(product)
    slots |= _beside(slots, language)
    if product.stock:
        slots["stock"] = (
            f"{product.stock}{product.unit}" if language == "zh" else f"{product.stock} pieces"
        )
    if product.returns and product.returns.days:
        slots["return_days"] = str(product.returns.days)
    if language != "zh":
        slots = {name: value for name, value in slots.items() if not _HAN.search(value)}
    return {name: value for name, value in slots.items() if value}


def _money(product: Product, now: datetime, language: str) -> Slots:
    slots: Slots = {}
    if product.compared and product.basis:
        slots |= {"compared": _yuan(product.compared, language), "basis": product.basis}
    if product.delivery.fee:
        slots["fee"] = _yuan(product.delivery.fee, language)
    offers = sorted(product.offers(now), key=lambda offer: offer.end)
    if offers:
        slots |= {"offered": "1", "promo": offers[0].text, "promo_end": spoken_end(offers[0], now)}
    return slots


def _beside(slots: Slots, language: str) -> Slots:
    """Return clauses that stand beside what the card does not know."""
    sent = f"{slots['ship']}，{slots['days']}" if "ship" in slots else slots["delivery"]
    priced = f"现在到手{slots['price']}" if language == "zh" else f"it is {slots['price']} now"
    return {"sent": sent, "priced": priced}


def _points(product: Product, language: str) -> Slots:
    said = (said_in(point, product, language) for point in product.selling_points)
    return {
        f"point{n or ''}": text for n, text in zip((0, 2, 3, 4), filter(None, said), strict=False)
    }


def _on_the_road(product: Product) -> Slots:
    """Return when it leaves and how long it takes, each as a Chinese clause."""
    delivery = product.delivery
    if delivery.text or not (delivery.ship_hours and delivery.days):
        return {}
    start = f"从{delivery.ship_from}发货" if delivery.ship_from else "发货"
    return {
        "ship": f"付款后{delivery.ship_hours}小时内{start}",
        "days": f"一般路上{delivery.days[0]}到{delivery.days[1]}天",
    }


def plain_point(product: Product, language: str = "zh") -> str:
    """Return a selling point without figures and gifts, fit to follow the product's short name.

    "" when there is none in the language.
    """
    points = (text for text in product.selling_points if not re.search("[0-9送赠]", text))
    said = (said_in(text, product, language) for text in points)
    short = next(iter(product.aliases), product.name)
    return next(filter(None, said), "").removeprefix(short)


def _yuan(amount: Decimal, language: str) -> str:
    return f"{plain(amount)}元" if language == "zh" else f"{plain(amount)} yuan"


def _link(product: Product, language: str) -> str:
    if product.link is None:
        return ""
    return f"{product.link}号链接" if language == "zh" else f"number {product.link}"
