"""Facts as a shop writes them down, read into a product card.

In:  lines of "name: value" and free sentences, or product files.   Out: `Product`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from livehost.brain.product import Product
from livehost.config import load_toml
from livehost.errors import ConfigError

_PAIR = re.compile(r"^\s*(?:[-*•]\s*)?(?P<key>[^:：。，,]{1,24}?)\s*[:：]\s*(?P<value>.+?)\s*$")
_BULLET = re.compile(r"^\s*(?:[-*•·]|\d{1,2}[.、)）])\s*")
_SPLIT = re.compile(r"\s*[、,，;；|]\s*")
_MONEY = re.compile(r"(\d+(?:\.\d{1,2})?)")
_ENDS = "。.;；,， "

_KEYS: dict[str, tuple[str, ...]] = {
    "name": ("名称", "品名", "商品名", "商品", "产品", "name", "product"),
    "price": ("价格", "售价", "到手价", "直播价", "price"),
    "compared": ("对比价", "划线价", "compared", "compared price"),
    "basis": ("对比价依据", "划线价依据", "依据", "basis"),
    "stock": ("库存", "stock"),
    "unit": ("单位", "unit"),
    "link": ("链接", "链接号", "link"),
    "aliases": ("别名", "aliases"),
    "tags": ("标签", "tags"),
    "point": ("卖点", "亮点", "特点", "point", "selling point"),
    "colour": ("颜色", "color", "colour", "colors", "colours"),
    "size": ("尺码", "size", "sizes"),
    "choice": ("规格", "口味", "款式", "套餐", "option", "options", "flavour", "flavours"),
    "usage": ("用法", "使用方法", "保养", "用法保养", "usage", "care"),
    "authenticity": ("正品", "正品保证", "授权", "authenticity"),
    "warranty": ("质保", "保修", "warranty"),
    "returns": ("退换", "退货", "退换货", "售后", "returns"),
    "delivery": ("发货", "物流", "快递", "delivery", "shipping"),
    "free": ("包邮", "free shipping"),
    "ask": ("问", "question", "q"),
    "answer": ("答", "answer", "a"),
    "picture": ("图片", "picture", "pictures"),
    "forbidden": ("禁用", "不能说", "forbidden"),
}
_NAMES = {name: key for key, names in _KEYS.items() for name in names}
_PLAIN = ("name", "basis", "unit", "usage", "authenticity", "warranty")
_MANY = {"aliases": "aliases", "tags": "tags", "picture": "pictures", "forbidden": "forbidden"}


@dataclass(slots=True)
class Facts:
    """The keys of a product file as they are gathered, line by line."""

    values: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def add(self, key: str, value: str, written: str) -> None:
        """Take one "name: value" line."""
        if key in _PLAIN:
            self.values[key] = value.rstrip(_ENDS)
        elif key in _MANY:
            self.values.setdefault(_MANY[key], []).extend(_items(value))
        else:
            self._special(key, value, written)

    def _special(self, key: str, value: str, written: str) -> None:
        match key:
            case "price" | "compared":
                self._money(key, value)
            case "stock" | "link":
                self._whole(key, value)
            case "point":
                self.point(value)
            case "colour" | "size" | "choice":
                kind = {"choice": "other"}.get(key, key)
                choice = {"name": written, "values": _items(value), "kind": kind}
                self.values.setdefault("variant", []).append(choice)
            case "returns" | "delivery":
                self.values.setdefault(key, {})["text"] = value.rstrip(_ENDS)
            case "free":
                free = value.lower() in ("是", "包邮", "yes", "true")
                self.values.setdefault("delivery", {})["free"] = free
            case "ask":
                self.asked = [part for part in re.split(r"[/|]", value) if part.strip()]
            case "answer" if self.asked:
                entry = {"ask": self.asked, "answer": value}
                self.values.setdefault("faq", []).append(entry)
                self.asked = []
            case _:
                self.values.setdefault("details", {})[written] = value.rstrip(_ENDS)

    def point(self, text: str) -> None:
        """Take a selling point."""
        self.values.setdefault("selling_points", []).append(text.strip().rstrip(_ENDS))

    def _money(self, key: str, value: str) -> None:
        if amount := _MONEY.search(value.replace(",", "")):
            self.values[key] = Decimal(amount[1])
        else:
            self.odd.append(f"{key}: {value!r} is no amount")

    def _whole(self, key: str, value: str) -> None:
        if number := re.search(r"\d+", value):
            self.values[key] = int(number[0])


def read_facts(text: str, name: str, product: str = "item") -> tuple[Product, list[str]]:
    """Return the card that a text of facts describes, and what was left out and why.

    Args:
        name: of the product, where the facts give none.
        product: id of the card.

    Raises:
        ConfigError: the facts make no card, most often because there is no price.
    """
    facts = Facts()
    for line in text.splitlines():
        _read_line(line, facts)
    notes = facts.odd
    values = {"id": product, "name": name[:40], **facts.values}
    if "compared" in values and "basis" not in values:
        del values["compared"]
        notes.append("facts: 对比价 needs 对比价依据 (where and when it was asked); left out")
    try:
        return Product.model_validate(values), notes
    except ValidationError as error:
        raise ConfigError(*(_problem(item) for item in error.errors())) from error


def load_card(path: Path) -> tuple[Product, list[str]]:
    """Return a card file with its pictures as absolute paths; missing ones are left out."""
    product = load_toml(path, Product)
    found, notes = [], []
    for picture in product.pictures:
        places = [folder / picture for folder in (path.parent, path.parent.parent)]
        if existing := next((place for place in places if place.is_file()), None):
            found.append(existing.resolve())
        else:
            notes.append(f"{path}: pictures: {picture} is not there; left out")
    return product.model_copy(update={"pictures": tuple(found)}), notes


def _read_line(line: str, facts: Facts) -> None:
    line = line.strip()
    if not line or line.startswith("#"):
        return
    pair = _PAIR.match(line)
    if not pair:
        facts.point(_BULLET.sub("", line))
        return
    written = pair["key"].strip()
    facts.add(_NAMES.get(written.lower(), ""), pair["value"], written)


def _items(value: str) -> list[str]:
    return [item for part in _SPLIT.split(value) if (item := part.strip().rstrip("。."))]


def _problem(item: Any) -> str:
    key = ".".join(map(str, item["loc"]))
    said = "is required; write a line like 价格: 89.9" if item["type"] == "missing" else item["msg"]
    return f"facts: {key}: {said}"


def everything(product: Product) -> Iterable[tuple[str, str]]:
    """Yield (key, text) of all that somebody wrote into a card and the host may say."""
    yield "name", product.name
    for key in ("aliases", "tags", "selling_points"):
        yield from ((key, text) for text in getattr(product, key))
    yield from (("details", f"{name}{value}") for name, value in product.details.items())
    for key in ("usage", "authenticity", "warranty", "basis"):
        if text := getattr(product, key):
            yield key, text
