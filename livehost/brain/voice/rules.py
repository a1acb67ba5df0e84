"""The rules by which numbers, units, prices, dates and signs are spelled out in Mandarin.

In:  text with plain characters (`normalise.plain_characters`).   Out: `RULES`, to apply in order.

Each rule is applied to the whole text. What one rule has spelled out holds no digits any more,
so later and more general rules leave it alone.
"""

from __future__ import annotations

import re

from livehost.brain.voice.codes import CODES, HAN, Match, Rule, rule
from livehost.brain.voice.numbers import NUMBER as N
from livehost.brain.voice.numbers import digits, measured, model, money, number, quantity
from livehost.brain.voice.units import CURRENCIES, SIZES, UNITS

_MEASURES = (
    "[个点件双条支枝瓶盒袋包箱套只块元角毛分斤两克米升张把本台部辆位名口步人天周年岁次回遍倍轮种款颗粒片根杯罐桶"
    "碗份组串束朵层座间家场期篇集句段圈秒级类项株板卷排打折样批]"
    "|小时|分钟|钟头|星期|礼拜|季度|世纪|个|公斤|千克|毫升|厘米|毫米|公里|千米|英寸|平方|立方|美元|欧元|英镑|日元"
)
_NOT_IN_WORD = r"(?<![A-Za-z\d.])"
_UNIT_NAMES = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
UNIT = rf"(?:{_UNIT_NAMES})(?![A-Za-z])"
_SIZE = "|".join(SIZES)
_RANGE = r"\s*(?:-|~|—|至|到)\s*"
_COUNTED = re.compile(rf"\s*(?:{_MEASURES}|{UNIT})")
_COMPARISONS = {
    ">=": "大于等于", "≥": "大于等于", "<=": "小于等于", "≤": "小于等于", ">": "大于", "<": "小于",
}  # fmt: skip
_MINUS = {"": "", "-": "负", "+": "正", "±": "正负"}


def _clock(m: Match) -> str:
    hour, minute, second = m[1], m[2], m[3]
    said = quantity(str(int(hour))) + "点"
    if second:
        return said + _two_digits(minute) + "分" + _two_digits(second) + "秒"
    if minute == "00":
        return said
    return said + (
        "半" if minute == "30" else _two_digits(minute) + ("分" if minute[0] == "0" else "")
    )


def _two_digits(text: str) -> str:
    return digits(text) if text[0] == "0" and text != "00" else number(str(int(text)))


def _date(m: Match) -> str:
    return f"{digits(m[1])}年{number(str(int(m[2])))}月{number(str(int(m[3])))}日"


def _temperature(m: Match) -> str:
    scale = {"C": "摄氏度", "F": "华氏度"}.get(m[3] or "", "度")
    if m[1] in ("-", "零下"):
        return "零下" + number(m[2]) + scale
    return quantity(m[2]) + scale


def _temperature_range(m: Match) -> str:
    low = ("零下" if m[1] else "") + number(m[2])
    return low + "到" + ("零下" if m[3] else "零上" if m[1] else "") + f"{m[4]}°{m[5] or ''}"


def _percent(m: Match) -> str:
    said = number(m[2])
    part = "千分之" if m[3] == "‰" else "百分之"
    return _MINUS[m[1] or ""] + part + ("百" if (m[2], m[3]) == ("100", "%") else said)


def _price_with_cents(m: Match) -> str:
    """199.9块 is 一百九十九块九; 199.95块 keeps its decimals."""
    whole, cents = m[1].rstrip("0").split(".") if "." in m[1] else (m[1], "")
    if not cents:
        return quantity(whole) + "块"
    if len(cents) > 1 or whole == "0":
        return number(m[1].rstrip("0")) + "块"
    return f"{quantity(whole)}块{digits(cents)}"


def _discount(m: Match) -> str:
    """85折 is 八五折, 8.5折 too is heard as a number, 8折 is 八折, 10折 is 十折."""
    if m[1] == "10":
        return "十折"
    return (digits(m[1]) if "." not in m[1] else number(m[1])) + "折"


def _times(m: Match) -> str:
    parts = re.split(r"\s*[xX*×]\s*", m[0])
    return "乘".join(parts)


def _letters(text: str) -> str:
    return " ".join(text)


def _range(m: Match) -> str:
    """Say the first number of a range; a later rule says the last one with its unit."""
    counted = _COUNTED.match(m.string, m.end())
    return f"{quantity(m[1]) if counted else number(m[1])}到{m[2]}"


def _amount_with_unit(m: Match) -> str:
    return _MINUS[m[1] or ""] + measured(m[2]) + UNITS[m[3]]


def _size(m: Match) -> str:
    return SIZES[m[0].upper()]


RULES: tuple[Rule, ...] = (
    rule("long code", r"\d{17,}", lambda m: digits(m[0])),
    rule("links", r"(?:https?://|www\.)[!-~]+", lambda m: " "),
    rule(
        "mail",
        r"(?<![\w.+-])([\w.+-]{1,64})@([\w-]{1,64}(?:\.[\w-]{1,64}){1,4})",
        lambda m: f"{m[1]} at {m[2]}".replace(".", "点"),
        re.ASCII,
    ),
    rule("mention", r"@\s*(?=\S)", lambda m: "艾特"),
    rule("hashtag", rf"#([{HAN}\w ]+?)#|#(?=[{HAN}A-Za-z])", lambda m: m[1] or ""),
    rule("bracketed icon", r"\[[^\[\]\d]{1,8}\]", lambda m: ""),
    *CODES,
    # dates and times
    rule(
        "date",
        r"(?<!\d)((?:19|20)\d\d)[-/.年]\s?(0?[1-9]|1[0-2])[-/.月]\s?(0?[1-9]|[12]\d|3[01])"
        r"(?!\d)[日号]?",
        _date,
    ),
    rule(
        "year and month",
        r"(?<!\d)((?:19|20)\d\d)[-/年.](0[1-9]|1[0-2])(?:月|(?![\d.元块]))",
        lambda m: f"{digits(m[1])}年{number(str(int(m[2])))}月",
    ),
    rule(
        "year",
        r"(?<!\d)((?:19|20)?\d\d)(?=年(?!前|后|内|间|来|多|以|质|保|的|级|售|老|左|之|发|份的)(?:\D|$|\d{1,2}月))",
        lambda m: digits(m[1]) if len(m[1]) == 4 or m[1][0] in "06789" else number(m[1]),
    ),
    rule(
        "year of a style",
        r"(?<![\d.])((?:19|20)\d\d)(?=\s?(?:新|春|夏|秋|冬|早|款|版|届|世界|跨年|最新))",
        lambda m: digits(m[1]),
    ),
    rule(
        "generations in a row",
        r"(?<!\d)([05-9][05])(?=(?:[、,，和到~-][05-9][05]){1,3}后(?![\u3400-\u9fff]?天))",
        lambda m: digits(m[1]),
    ),
    rule("generation", r"(?<!\d)([05-9][05])后(?![{HAN}]?天)", lambda m: digits(m[1]) + "后"),
    rule(
        "ratio",
        r"(?<![\d:])(\d{1,3}):(\d|\d{3})(?::(\d{1,3}))?(?![\d:])",
        lambda m: "比".join(number(part) for part in m.groups() if part),
    ),
    rule(
        "ratio in words",
        r"((?:比例|配比|比率|兑水|稀释|画幅|屏幕|横屏|竖屏|画面)[^\d:，。]{0,4})"
        r"(\d{1,3}):(\d{1,3})(?!\d)",
        lambda m: f"{m[1]}{number(m[2])}比{number(m[3])}",
    ),
    rule(
        "ratio in words after",
        r"(?<![\d:])(\d{1,3}):(\d{1,3})(?=的?(?:比例|配比|兑|稀释|屏|画))",
        lambda m: f"{number(m[1])}比{number(m[2])}",
    ),
    rule("time range", r"(?<=\d)\s*[-~—]\s*(?=\d{1,2}:\d\d)", lambda m: "到"),
    rule("time", r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])", _clock),
    rule(
        "ratio of the rest",
        r"(?<![\d:])(\d{1,4}):(\d{1,4})(?![\d:])",
        lambda m: f"{number(m[1])}比{number(m[2])}",
    ),
    # names with numbers
    rule("sales day", r"(双)(1[12])(?!\d)", lambda m: m[1] + number(m[2])),
    rule(
        "sales day",
        r"(?<![\d.])(618|818|520|521|1314|315)(?=(?:大促|年中|活动|狂欢|购物|预售|当天|节|"
        r"价|期间|晚会|告白|那天)|[，。！!,~、 ]|$)",
        lambda m: digits(m[1]),
    ),
    rule(
        "praise",
        r"(?<![\d.¥$])(6{3,}|8{4,}|9{4,}|2333+)(?![\d.]|\s?(?:元|块|米|克|件|个|人))",
        lambda m: digits(m[1]),
    ),
    rule(
        "countdown",
        r"(?<![\d.])(54321|4321|321)(?=[，,！!。\s]*(?:上|开|走|冲|来|$))",
        lambda m: "，".join(digits(m[1])) + "，",
    ),
    rule(
        "steel and silver",
        r"(?<![\d.])(304|316|430|201|202|410|420|925|990|999|9999)(?=L?(?:不锈钢|医用|食品|钢|纯银|银|足银|足金|黄金|金))",
        lambda m: digits(m[1]),
    ),
    rule("S925", r"(?<![A-Za-z])S(925|990|999)", lambda m: "S " + digits(m[1])),
    rule(
        "round the clock",
        r"(?<!\d)(\d+)\s?[xX*×]\s?24\s?(?:小时|h|H)?",
        lambda m: f"{number(m[1])}乘二十四小时",
    ),
    rule("number one", r"(?i)(?<![A-Za-z])No\.?\s?(\d+)(?!\d)", lambda m: number(m[1]) + "号"),
    rule("ranking", r"(?i)(?<![A-Za-z])TOP\s?(\d+)", lambda m: "top " + number(m[1])),
    rule(
        "network",
        r"(?<![\d.A-Za-z])([2-6])G(?![A-Za-z])(?!\s?(?:内存|运存|流量|重))",
        lambda m: number(m[1]) + "G",
    ),
    rule(
        "one against one",
        r"(?i)(?<![\dA-Za-z.])(\d)\s?V\s?(\d)(?![\d.])",
        lambda m: f"{number(m[1])}V{number(m[2])}",
    ),
    rule(
        "height", r"(?<![\d.])([12])米(\d\d)(?!\d)", lambda m: f"{quantity(m[1])}米{digits(m[2])}"
    ),
    rule(
        "sun protection",
        r"(?i)(?<![A-Za-z])(SPF|PA|UPF)\s?(\d*)\s?(\++)",
        lambda m: f"{_letters(m[1].upper())} {number(m[2]) if m[2] else ''}{'加' * len(m[3])}",
    ),
    rule(
        "sun protection",
        r"(?i)(?<![A-Za-z])(SPF|UPF)\s?(\d+)",
        lambda m: f"{_letters(m[1].upper())} {number(m[2])}",
    ),
    # sizes
    rule(
        "sizes in a row",
        rf"(?<![A-Za-z\d])(?:{_SIZE})(?:\s?/\s?(?:{_SIZE}))+(?![A-Za-z])",
        lambda m: "、".join(part.strip() for part in m[0].split("/")),
    ),
    rule(
        "size range",
        rf"(?<![A-Za-z\d])({_SIZE})\s?[-~—]\s?({_SIZE})(?![A-Za-z])",
        lambda m: f"{m[1]}到{m[2]}",
    ),
    rule(
        "size", rf"(?<![A-Za-z\d])(?:{_SIZE})(?![A-Za-z\d'])(?=\s?[{HAN}，。！？、,.!?+ ]|$)", _size
    ),
    # amounts
    rule("dimensions", rf"(?:{N})(?:\s?(?:cm|mm|m|厘米|毫米|米)?\s?[xX*×]\s?(?:{N}))+", _times),
    rule("times", rf"(?<=[{HAN}])\s?[xX*×]\s?(?=\d)|(?<=[A-Za-z])\s?[*×]\s?(?=\d)", lambda m: "乘"),
    rule(
        "temperature range",
        rf"(-)?({N})\s?(?:°C|°)?\s?(?:~|到|至|(?<=\d)-)\s?(-)?({N})\s?°([CF])?",
        _temperature_range,
    ),
    rule("temperature", rf"(-|零下)?\s?({N})\s?°([CF])?", _temperature),
    rule(
        "range of percents",
        rf"({N})\s?%{_RANGE}({N})\s?%",
        lambda m: f"百分之{number(m[1])}到百分之{number(m[2])}",
    ),
    rule(
        "range of percents",
        rf"({N}){_RANGE}({N})\s?%",
        lambda m: f"百分之{number(m[1])}到{number(m[2])}",
    ),
    rule("percent", rf"(?<![\d.])((?<![{HAN}%A-Za-z])[-+±])?({N})\s?([%‰])", _percent),
    rule(
        "fraction",
        r"(?<![\d/.])(\d{1,3})/(\d{1,3})(?![\d/.])",
        lambda m: f"{number(m[2])}分之{number(m[1])}",
    ),
    rule("open price", r"(?<![\d.])(\d{1,4}\.\d)(?=包邮|秒杀|拿下|到手)", _price_with_cents),
    rule(
        "price range",
        rf"([¥$€£])\s?({N})\s?[-~—至到]\s?[¥$€£]?({N})(?:元)?",
        lambda m: f"{money(m[2])}到{money(m[3])}{CURRENCIES[m[1]]}",
    ),
    rule(
        "price",
        rf"([¥$€£])\s?({N})\s?(万|亿)?(?:元)?",
        lambda m: f"{money(m[2])}{m[3] or ''}{CURRENCIES[m[1]]}",
    ),
    rule(
        "price",
        rf"(?i)({N})\s?(?:RMB|CNY)(?![A-Za-z])|(?:RMB|CNY)\s?({N})",
        lambda m: money(m[1] or m[2]) + "元",
    ),
    rule("ten thousands", rf"({N})\s?[wW](?=[+人个件单粉多])", lambda m: quantity(m[1]) + "万"),
    rule(
        "same unit twice",
        rf"({N})\s?({UNIT}){_RANGE}({N})\s?\2",
        lambda m: f"{quantity(m[1])}到{m[3]}{m[2]}",
    ),
    rule("range", rf"(?<![A-Za-z\d.-])({N}){_RANGE}({N})(?![\d-])", _range),
    rule("amount", rf"{_NOT_IN_WORD}([-+±])?({N})\s?({UNIT})", _amount_with_unit),
    rule("two ounces", r"(?<![\d.])2(?=两)", lambda m: "二"),
    rule("plus or minus", rf"±\s?({N})", lambda m: "正负" + number(m[1])),
    rule("amount after 到", rf"(?<=到)()({N})\s?({UNIT})", _amount_with_unit),
    rule(
        "per",
        rf"(?<=[{HAN}])/(?=(?:件|个|双|条|瓶|盒|袋|包|箱|套|只|斤|公斤|克|千克|月|天|日|年|人|次|小时|分钟|秒|米|升|平方米|片|支|kg|g|h))",
        lambda m: "每",
    ),
    rule("money with cents", rf"({N})块(?![\d{HAN}]*[\d]毛)(?!\d)", _price_with_cents),
    rule(
        "cents after 块",
        rf"({N})块(\d)(?!\d|[毛角.])",
        lambda m: f"{quantity(m[1])}块{digits(m[2])}",
    ),
    rule("money", rf"({N})(?=元|块|美元|欧元|英镑)", lambda m: money(m[1])),
    rule("discount", r"(\d{1,2}|\d\.\d{1,2})折", _discount),
    rule("ordinal", r"第\s?(\d+)", lambda m: "第" + number(m[1])),
    rule(
        "second half price", r"(?<=[买送满减拍下付返])(\d+)(?=[送减赠免返])", lambda m: number(m[1])
    ),
    rule("gift", r"(?<=[送减赠免返])(\d+)(?!\s?(?:" + _MEASURES + r"))", lambda m: number(m[1])),
    rule("negative", rf"(?<![\w\d)])[-]({N})", lambda m: "负" + number(m[1])),
    rule("more than", rf"({N})\s?\+(?=$|\s|[{HAN}，。！？、])", lambda m: quantity(m[1]) + "加"),
    rule(
        "two of a measure",
        rf"(?<![\d.])({N})(?=\s?(?:多|来|几)?(?:{_MEASURES}))(?!\s?(?:月|日|号|年级|楼|层楼|分之))",
        lambda m: quantity(m[1]),
    ),
    rule("scale", rf"({N})(?=\s?[万亿])", lambda m: quantity(m[1])),
    rule(
        "version",
        r"(?i)(?<![A-Za-z])(V|版本)\s?(\d+(?:\.\d+)+)",
        lambda m: f"{m[1].upper()} {model(m[2])}",
    ),
    rule("version", r"(?<![\d.])(\d+(?:\.\d+){2,})(?![\d.])", lambda m: model(m[1])),
    rule("model", r"(?<=[A-Za-z]\d)-(\d{3,})(?!\d)", lambda m: " " + digits(m[1])),
    rule("model", r"(?<=[A-Za-z])([- ]?)(\d+(?:\.\d+)?)(?![\d.]\d)", lambda m: f" {model(m[2])}"),
    rule("model", rf"(?<=[A-Za-z]{{2}}) (\d+)(?=[{HAN}])", lambda m: " " + number(m[1])),
    rule("number", rf"({N})", lambda m: number(m[1])),
    # signs that are left
    rule("plus", r"\s*(?<=\S)\+\s*(?=\S)", lambda m: "加"),
    rule("plus", r"\++", lambda m: "加"),
    rule("and", r"\s*&\s*", lambda m: "和"),
    rule("comparison", r"\s*(>=|≥|<=|≤|<|>)\s*(?=\S)", lambda m: _COMPARISONS[m[1]]),
    rule("equals", r"\s*=+\s*", lambda m: "等于"),
    rule("alternatives", rf"(?<=[{HAN}A-Za-z])\s?/\s?(?=[{HAN}A-Za-z])", lambda m: "、"),
    rule("hyphen in a name", r"(?<=[A-Za-z])-(?=[A-Za-z])", lambda m: "-"),
    rule("dash", r"\s*(?:—+|--+|\|+)\s*", lambda m: "，"),
    rule("tilde", r"~+\s*", lambda m: "，"),
    rule("name dot", r"[·•・]", lambda m: ""),
    rule(
        "space in Chinese",
        rf"(?<=[{HAN}，。！？：；、])\s+(?=[{HAN}])|\s+(?=[，。！？：；、])",
        lambda m: "",
    ),
)
