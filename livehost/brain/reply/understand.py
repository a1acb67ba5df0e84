"""What a viewer means: an intent, a product, a body.

In:  a chat message as it was written.   Out: `Meaning`.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from livehost.brain.gate.fold import fold
from livehost.brain.gate.numerals import parse
from livehost.brain.gate.quantities import quantities
from livehost.brain.product import Product


@dataclass(frozen=True, slots=True)
class Body:
    """Measures a viewer gave; None for those missing.

    Attributes:
        height_cm: centimetres.
        weight_jin: jin, half kilograms.
        in_kg: the weight was given in kilograms.
    """

    height_cm: float | None = None
    weight_jin: float | None = None
    in_kg: bool = False

    def __bool__(self) -> bool:
        return self.height_cm is not None or self.weight_jin is not None

    def said(self, language: str) -> str:
        """Return the measures as they are repeated to the viewer."""
        words = (
            ("身高", "厘米", "体重", "公斤", "斤", "、")
            if language == "zh"
            else ("height ", " cm", "weight ", " kg", " jin", ", ")
        )
        parts = []
        if self.height_cm is not None:
            parts.append(f"{words[0]}{self.height_cm:g}{words[1]}")
        if self.weight_jin is not None:
            kilos = self.in_kg or language == "en"
            amount = self.weight_jin / 2 if kilos else self.weight_jin
            parts.append(f"{words[2]}{amount:g}{words[3] if kilos else words[4]}")
        return words[5].join(parts)

    def brief(self, language: str) -> str:
        """Return the measures in few words: "165厘米110斤"."""
        said = self.said(language)
        return re.sub("身高|体重|、", "", said) if language == "zh" else said


_HEIGHT, _WEIGHT = (120, 215), (70, 300)
_LIGHT = 75  # a bare weight below is kilograms: nobody who asks weighs 37 kg


def body_of(text: str) -> Body:
    """Return the height and weight in a message: "165 110斤", "一米六五 55kg", "一五八一百斤"."""
    plain = _LETTER.sub(r"\1 ", _spoken_apart(fold(text).text))
    height = weight = None
    kilos = False
    for quantity in quantities(plain):
        value = float(quantity.value or 0)
        if quantity.dim == "" and _NO_MEASURE.match(plain, quantity.end):
            continue
        if quantity.dim == "cm" and _HEIGHT[0] <= value <= _HEIGHT[1]:
            height = value
        elif quantity.dim == "jin" and 50 <= value <= _WEIGHT[1]:
            weight, kilos = value, bool(re.search("公斤|千克|kg|kilo", quantity.text))
        elif quantity.dim == "" and height is None and _HEIGHT[0] <= value <= _HEIGHT[1]:
            weighed = re.search(r"(?:体重|重|weight)\W{0,2}$", plain[: quantity.start])
            height, weight = (height, value) if weighed else (value, weight)
        elif quantity.dim == "" and weight is None and 35 <= value <= _WEIGHT[1]:
            kilos = value < _LIGHT
            weight = value * 2 if kilos else value
    return Body(height, weight, kilos)


_LETTER = re.compile(r"(?<![.\d])(\d{2,3})\s+x{0,4}[sml](?![a-z])")
"""A size after a weight, "175 140 L行不", is no litre."""
_NO_MEASURE = re.compile(r"\s*(?:多|来|几)?\s*(?:岁|周岁|后|年代|%|vip|减|号|袋|天)|\s*years?\b")
"""What follows a number that is no measure: an age, a year of birth, a discount."""


_HAN = "零一二三四五六七八九"
_TALL = f"一[三四五六七八九][{_HAN}]"
_END = f"(?![{_HAN}十百千])"
_HEAVY = f"[一二]百|[四五六七八九]十|[一二][{_HAN}][{_HAN}]{_END}|[四五六七八九][{_HAN}]{_END}"
_SPOKEN = re.compile(
    f"(?<![{_HAN}十百千点0-9])({_TALL})(?={_HEAVY}|$|[^{_HAN}十百千万点元块号0-9])"
)
_METRES = re.compile(f"((?:1|一)米[0-9{_HAN}]{{1,2}})(?=[一二]百|[{_HAN}]十|[1-9][0-9])")
_MIXED = re.compile("(?<![0-9.])(1[3-9][0-9])(?=[一二]百|[四五六七八九]十)")
_POINT = re.compile(
    r"(?<![0-9.])1\.([3-9][0-9]?)(?=\s*(?:[ ,，/、]|体重|重)\s*[0-9]{2,3}(?![0-9.]))"
)


def _spoken_apart(plain: str) -> str:
    """Return a folded text in which measures run together as they are spoken stand apart."""
    plain = _POINT.sub(lambda m: f"1{m[1]:0<2}cm", plain)
    plain = _METRES.sub(r"\1 ", plain)
    return _MIXED.sub(r"\1 ", _SPOKEN.sub(_in_digits, plain))


def _in_digits(match: re.Match[str]) -> str:
    return "".join(str(_HAN.index(char)) for char in match[1]) + " "


_MONEY = re.compile("买的|卖|块|元|钱|价|昨天|今天|[减满]")
_MEASURED = re.compile(r"斤|公斤|kg|cm|厘米|身高|体重|穿|码|米|height|weight|tall")


def is_measure(plain: str, body: Body) -> bool:
    """Return whether figures are those of a body and not a number of something else."""
    if _MONEY.search(plain) and not _MEASURED.search(plain):
        return False
    both = body.height_cm is not None and body.weight_jin is not None
    return both or bool(body and _MEASURED.search(plain))


@dataclass(frozen=True, slots=True)
class Intents:
    """Patterns of one group of intents, in order."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def first(self, text: str, but: str = "") -> str | None:
        """Return the first intent that fits a folded text, `but` for one."""
        fitting = (name for name, pattern in self.patterns if pattern.search(text))
        return next((name for name in fitting if name != but), None)


@functools.cache
def load_intents() -> tuple[Intents, Intents]:
    """Return the intents to look for before the FAQ and after it."""
    file = Path(__file__).with_name("intents.toml")
    entries = tomllib.loads(file.read_text("utf-8"))["intent"]

    def group(early: bool) -> Intents:
        chosen = [entry for entry in entries if entry.get("early", False) is early]
        return Intents(tuple((e["id"], re.compile("|".join(e["patterns"]))) for e in chosen))

    return group(True), group(False)


TROUBLES = frozenset({"trouble_sound", "trouble_picture", "trouble_lag"})
"""Intents that say that a viewer does not hear or see the show as it should be."""

_LINK = re.compile(
    r"([0-9一二三四五六七八九十]{1,3})\s*号?\s*(?:链接|宝贝|商品|品)|(?:链接|宝贝|商品)\s*([0-9一二三四五六七八九十]{1,3})"
)
_NUMBER = re.compile(r"(?<![0-9月])([0-9一二三四五六七八九十]{1,3})号(?!码|字)")


def product_of(text: str, products: Iterable[Product]) -> Product | None:
    """Return the product that a message names, by the longest name or by its basket number."""
    products = list(products)
    plain = fold(text).text
    match = _LINK.search(plain) or _NUMBER.search(plain)
    if match:
        number = parse(next(group for group in match.groups() if group))
        linked = next((p for p in products if p.link is not None and p.link == number), None)
        if linked:
            return linked
    named = [(len(n), p) for p in products for n in _called(p) if fold(n).text in plain]
    if named:
        return max(named, key=lambda pair: pair[0])[1]
    meant = [p for p in products if any(re.search(rf"\b{n}s?\b", plain) for n in _nouns(p))]
    return meant[0] if len(meant) == 1 else None


_POINTING = re.compile("^[这那](?=.{2})[个件款条双瓶盒袋台张只支本]?")


def _called(product: Product) -> set[str]:
    """Return the names of a product, "那件衣服" also as it is said without pointing: "衣服"."""
    names = {*product.names(), *(_POINTING.sub("", name) for name in product.names())}
    return {name for name in names if len(name) > 1}


_ENGLISH_NAME = re.compile(r"(?:[a-z]+ )+([a-z]{3,})")


def _nouns(product: Product) -> set[str]:
    """Return the nouns that stand for English names of a product: "jacket" for "sun jacket"."""
    found = (_ENGLISH_NAME.fullmatch(fold(name).text) for name in product.names())
    return {match[1] for match in found if match}


def names_no_link(text: str, products: Iterable[Product]) -> bool:
    """Return whether a message asks for a basket number that does not exist."""
    match = _LINK.search(fold(text).text)
    links = {product.link for product in products if product.link}
    return bool(match and links and parse(match[1] or match[2]) not in links)


_ENGLISH_WORD = re.compile(
    r"(?<![a-z])(?!(?:kg|cm|ml|x+l|yyds|upf)(?![a-z]))[a-z]{2,}", re.IGNORECASE
)


def is_english(text: str) -> bool:
    """Return whether a message is in English: Latin words and not one Chinese character."""
    han = sum("\u4e00" <= char <= "\u9fff" for char in text)
    return not han and bool(_ENGLISH_WORD.search(text))


_ASKS = re.compile(
    r"(.)不\1|多[高大长宽重厚沉深]|[?？]|吗|嘛|么|呢|什么|怎|咋|哪|几|多少|多大|多久|多长|有没有|能不能|可不可以|会不会|是不是|可以|能|有.{0,6}没|[^不]不$|谁|啥|了没(?:有)?$"
    r"|\b(?:what|how|which|where|when|who|why|is|are|does|do|can|will|has|have)\b"
)


def asks(text: str) -> bool:
    """Return whether a folded message reads like a question."""
    return bool(_ASKS.search(text))
