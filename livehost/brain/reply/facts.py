"""What the templates are filled with: the product card as words of one language.

In:  a product at a time.   Out: slot values; what the card does not say is missing.
"""

from __future__ import annotations

import re
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


def slots_of(product: Product | None, now: datetime, language: str) -> Slots:
    """Return the slots that the card of `product` fills at `now`."""
    if product is None:
        return {}
    slots = {
        "name": product.name,
        "short": next(iter(product.aliases), product.name),
        "price": _yuan(product.price_at(now), language),
        "colours": "、".join(product.values("colour")),
        "sizes": "、".join(product.values("size")),
        "variants": "、".join(value for v in product.variant for value in v.values),
        "details": "，".join(
            f"{name}是{value}" for name, value in list(product.details.items())[:2]
        ),
        "usage": product.usage or "",
        "authenticity": product.authenticity or "",
        "warranty": product.warranty or "",
        "returns": product.returns.text if product.returns else "",
        "delivery": product.delivery.said(language),
        "link": _link(product, language),
        "own_point": plain_point(product),
    }
    slots |= _money(product, now, language) | _points(product) | _on_the_road(product)
    if product.stock:
        slots["stock"] = (
            f"{product.stock}{product.unit}" if language == "zh" else f"{product.stock} pieces"
        )
    if product.returns and product.returns.days:
        slots["return_days"] = str(product.returns.days)
    return {name: value for name, value in slots.items() if value}


def _money(product: Product, now: datetime, language: str) -> Slots:
    slots: Slots = {}
    if product.compared and product.basis:
        slots |= {"compared": _yuan(product.compared, language), "basis": product.basis}
    if product.delivery.fee:
        slots["fee"] = _yuan(product.delivery.fee, language)
    offers = sorted(product.offers(now), key=lambda offer: offer.end)
    if offers:
        slots |= {"promo": offers[0].text, "promo_end": spoken_end(offers[0], now)}
    return slots


def _points(product: Product) -> Slots:
    return {
        f"point{n or ''}": text
        for n, text in zip((0, 2, 3, 4), product.selling_points, strict=False)
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


def plain_point(product: Product) -> str:
    """Return a selling point without figures and gifts, "" when there is none."""
    points = product.selling_points
    return next((text for text in points if not re.search("[0-9送赠]", text)), "")


def _yuan(amount: Decimal, language: str) -> str:
    return f"{plain(amount)}元" if language == "zh" else f"{plain(amount)} yuan"


def _link(product: Product, language: str) -> str:
    if product.link is None:
        return ""
    return f"{product.link}号链接" if language == "zh" else f"number {product.link}"
