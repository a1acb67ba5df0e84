"""Find every number of a text together with what it counts.

In:  folded text.   Out: `Quantity` in reading order; inexact numbers have no value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from livehost.brain.gate.numerals import ARABIC, DIGITS, ENGLISH, NUMBER, parse


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of a text.

    Attributes:
        dim: what it measures: money, discount, percent, cm, jin, gram, ml, hour, month, minute,
            degree, size, link, year, month_of, date (month * 100 + day), clock, count:<unit>;
            "" without unit.
        value: in the base unit of `dim`; None when it is not exact ("几十块", "三四百元").
        start, end: where it stands in the folded text.
        text: the folded characters, unit included.
    """

    dim: str
    value: Decimal | None
    start: int
    end: int
    text: str


_COUNTED = (
    "件|款|个|位|步|次|遍|下|句|种|样|招|圈|口|趟|声|道|题|套|盒|袋|瓶|罐"
    "|包(?!邮|裹|退|换|您|你)|箱|双|条|只|支|杯|颗|粒|片|"
    "张|把|台|份|层|倍|单|人|名|家|枚|根|组|对|桶|桌|块儿|色|月龄|pcs|pieces?|items?|boxes|box|bags?|"
    "bottles?|units?|orders?|people|left|times?|colou?rs?"
)
_UNITS: tuple[tuple[str, str, str], ...] = (
    ("money", "1", "元|块|yuan|rmb|dollars?|usd|cny"),
    ("money", "0.1", "毛|角"),
    ("money", "0.01", "分钱"),
    ("discount", "1", "折"),
    ("percent", "1", "%|percent"),
    ("percent", "10", r"成(?![不为立功交份人员])"),
    ("cm", "0.1", "毫米|mm"),
    ("cm", "1", "厘米|公分|cm"),
    ("ml", "1", "毫升|ml"),
    ("jin", "2", "公斤|千克|kgs?|kilos?"),
    ("jin", "1", "斤|jin"),
    ("gram", "1", r"克(?!服)|g(?![a-z])"),
    ("cm", "100", r"米(?![饭粉色白])|m(?![a-z])"),
    ("ml", "1000", r"升(?!级)|l(?![a-z])"),
    ("hour", "1", r"个?小时|个?钟头|hours?|hrs?|h(?![a-z])"),
    ("month", "1", "个月|months?"),
    ("month", "12", r"年(?!\d)|years?"),
    ("hour", "168", "周|个?星期|weeks?"),
    ("hour", "24", r"天(?!然|猫|生)|个?工作日|日(?!常)|days?"),
    ("minute", "1", "分钟|minutes?|mins?"),
    ("minute", "0.0166667", "秒钟?|seconds?"),
    ("degree", "1", "度"),
    ("size", "1", "码"),
    ("link", "1", r"号(?=链接|商品|宝贝|品|款|$|[的,。!?\s、])"),
    ("clock", "1", r"点(?=钟|整|半|前|之前|准时|开|,|。|!|\?|$)|o'clock|[ap]m"),
)
_UNIT = re.compile("|".join(f"(?P<u{n}>{p})" for n, (_, _, p) in enumerate(_UNITS)))
_COUNT = re.compile(_COUNTED)
_NUMBER = re.compile(NUMBER)
_ENGLISH = re.compile(ENGLISH)
_DATE = re.compile(
    r"(?:(?P<year>\d{4})\s*[年/.-]\s*)?(?P<month>\d{1,2}|[一二三四五六七八九十]{1,2})\s*"
    r"(?:月份?|(?<=\d)[/.-](?=\d{1,2}[日号]))\s*(?:(?P<day>\d{1,2}|[一二三十][一二三四五六七八九十]*)\s*[日号])?"
)
_YEAR = re.compile(r"(?P<year>\d{4}|[一二三四五六七八九零]{4})\s*年")
_CLOCK = re.compile(
    r"(?P<colon>\d{1,2}):(?P<minute>\d{2})"
    r"|(?:(?<=[早晚午晨])|(?<=上午)|(?<=晚上)|(?<=[日号]))\s*(?P<hour>\d{1,2}|[一二两三四五六七八九十]{1,3})"
    r"点(?!点)(?:(?P<past>半|\d{1,2}|[一二三四五六七八九十零]{1,3})分?)?"
)
_METRES = re.compile(r"([12一二两])米([0-9一二三四五六七八九]{1,2})(?![0-9十百])")
_PERCENT = re.compile(rf"百分之(?P<part>{NUMBER}|百)|(?P<all>百分百)|(?P<half>半价)")
_MONEY = re.compile(
    rf"(?:[¥$]|\brmb|\bcny)\s*(?P<front>(?:{ARABIC})[百千万亿]?)"
    rf"|(?P<yuan>{NUMBER})\s*[块元](?!儿|头|面|素)钱?"
    r"(?:(?P<tail>[零一二两三四五六七八九]|\d{1,2})(?![\d.])(?P<mao>毛|角)?"
    r"(?:(?P<fen>[一二两三四五六七八九\d])分?(?![\d.]))?(?!\s*(?:UNIT)))?".replace(
        "UNIT", "|".join(p for _, _, p in _UNITS[3:]) + "|" + _COUNTED
    )
)
_VAGUE = re.compile(rf"(?:[几数][十百千万]+|[十百千万]+[几多来]|{NUMBER}多|上[百千万])")
_HALF = re.compile("半(?P<unit>公斤|斤|升)")
_TWENTY = 20
_RANGE = re.compile(r"\s*(?:-|~|—|–|至|到|、|\bto\b)\s*$")


def quantities(text: str) -> list[Quantity]:
    """Return the numbers of a folded text in reading order. Parts of words are not numbers."""
    return list(_read(text))


@functools.lru_cache(maxsize=256)
def _read(text: str) -> tuple[Quantity, ...]:
    taken = [False] * len(text)
    found: list[Quantity] = []
    for reader in (_dates, _clocks, _metres, _percents, _vague, _money, _halves, _plain, _english):
        for quantity in reader(text):
            if not any(taken[quantity.start : quantity.end]):
                found.append(quantity)
                taken[quantity.start : quantity.end] = [True] * (quantity.end - quantity.start)
    found.sort(key=lambda q: (q.start, q.end))
    return tuple(_ranges(text, found))


def _at(match: re.Match[str], dim: str, value: Decimal | None, group: str | int = 0) -> Quantity:
    start, end = match.span(group)
    return Quantity(dim, value, start, end, match[group])


def _dates(text: str) -> Iterator[Quantity]:
    for match in _DATE.finditer(text):
        if match["year"]:
            yield _at(match, "year", parse(match["year"]), "year")
        month = parse(match["month"])
        if not match["day"]:
            yield _at(match, "month_of", month, "month")
            continue
        day, (start, end) = parse(match["day"]), (match.start("month"), match.end())
        value = None if month is None or day is None else month * 100 + day
        yield Quantity("date", value, start, end, text[start:end])
    for match in _YEAR.finditer(text):
        yield _at(match, "year", parse(match["year"]))


def _clocks(text: str) -> Iterator[Quantity]:
    for match in _CLOCK.finditer(text):
        hour = parse(match["colon"] or match["hour"])
        minute = match["minute"] or match["past"]
        past = Decimal(30) if minute == "半" else parse(minute) if minute else None
        late = (past or Decimal(0)) / 60
        yield _at(match, "clock", None if hour is None else hour + late)


def _metres(text: str) -> Iterator[Quantity]:
    for match in _METRES.finditer(text):
        whole, rest = parse(match[1]) or Decimal(1), match[2]
        digits = "".join(str(DIGITS.get(c, c)) for c in rest).ljust(2, "0")
        yield _at(match, "cm", whole * 100 + Decimal(digits))


def _percents(text: str) -> Iterator[Quantity]:
    for match in _PERCENT.finditer(text):
        if match["half"]:
            yield _at(match, "discount", Decimal(5))
        elif match["all"] or match["part"] == "百":
            yield _at(match, "percent", Decimal(100))
        else:
            yield _at(match, "percent", parse(match["part"]))


def _vague(text: str) -> Iterator[Quantity]:
    for match in _VAGUE.finditer(text):
        unit = _UNIT.match(text, match.end()) or _COUNT.match(text, match.end())
        if unit:
            dim = _UNITS[int((unit.lastgroup or "u0")[1:])][0] if unit.re is _UNIT else "count"
            yield Quantity(dim, None, match.start(), unit.end(), text[match.start() : unit.end()])


def _money(text: str) -> Iterator[Quantity]:
    for match in _MONEY.finditer(text):
        if match["front"]:
            yield _at(match, "money", parse(match["front"]))
            continue
        value = parse(match["yuan"])
        if value is not None and match["tail"]:
            tail = "".join(str(DIGITS.get(c, c)) for c in match["tail"])
            value += Decimal(f"0.{tail}") + Decimal(
                f"0.0{DIGITS.get(match['fen'], match['fen']) or 0}"
            )
        yield _at(match, "money", value)


def _halves(text: str) -> Iterator[Quantity]:
    for match in _HALF.finditer(text):
        dim, value = {"斤": ("gram", 250), "公斤": ("gram", 500), "升": ("ml", 500)}[match["unit"]]
        yield _at(match, dim, Decimal(value))


def _plain(text: str) -> Iterator[Quantity]:
    for match in _NUMBER.finditer(text):
        yield _with_unit(text, match)


def _english(text: str) -> Iterator[Quantity]:
    for match in _ENGLISH.finditer(text):
        quantity = _with_unit(text, match)
        if quantity.dim or (quantity.value or 0) >= _TWENTY:  # not "one of them"
            yield quantity


def _with_unit(text: str, match: re.Match[str]) -> Quantity:
    start, end = match.span()
    value = parse(match[0].strip())
    behind = end + (len(text[end:]) - len(text[end:].lstrip(" ")))
    if (unit := _UNIT.match(text, behind)) and unit.lastgroup:
        dim, factor, _ = _UNITS[int(unit.lastgroup[1:])]
        value = None if value is None else value * Decimal(factor)
        return Quantity(dim, value, start, unit.end(), text[start : unit.end()])
    if unit := _COUNT.match(text, behind):
        return Quantity(f"count:{unit[0]}", value, start, unit.end(), text[start : unit.end()])
    return Quantity("", value, start, end, match[0])


def _ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """Give the unit of the second number of a range to the first: 48 to 72 hours."""
    out = list(found)
    for n in range(len(out) - 2, -1, -1):
        first, second = out[n], out[n + 1]
        between = text[first.end : second.start]
        if first.dim == "" and second.dim and between and _RANGE.fullmatch(between):
            factor = _factor(second)
            value = None if first.value is None else first.value * factor
            out[n] = Quantity(second.dim, value, first.start, first.end, first.text)
    return out


def _factor(quantity: Quantity) -> Decimal:
    for dim, factor, pattern in _UNITS:
        if dim == quantity.dim and re.search(f"(?:{pattern})$", quantity.text):
            return Decimal(factor)
    return Decimal(1)
