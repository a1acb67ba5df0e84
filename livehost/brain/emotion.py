"""What a host feels while she says one sentence, from the words and marks it is made of.

In:  a sentence, what the script asks for.   Out: an emotion and how strongly it is felt.

The voice, the face and the speech made ahead of time all ask here, so that they agree. What the
script names always wins. Otherwise the first rule that fits decides: bad news before cheer, since
a smile over "sold out" is worse than a plain face over a bargain. A mood that is only guessed is
felt less than one that was asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from livehost.brain.intent import Intent, IntentKind

Emotion = Literal[
    "neutral", "friendly_smile", "excited", "surprised", "apologetic", "thinking", "calm"
]
EMOTIONS: tuple[str, ...] = get_args(Emotion)

GUESSED = 0.7  # of the strength that an emotion has when the script names it
MARK, MOST_MARKS = 0.1, 2  # more for each exclamation mark
USUALLY = {
    IntentKind.REPLY: "friendly_smile",
    IntentKind.THANKS: "friendly_smile",
    IntentKind.NOTICE: "calm",
    IntentKind.SALE: "excited",
    IntentKind.FILLER: "friendly_smile",
}
"""What is felt where no rule fits, by what is said; the script and the operator: "neutral"."""


@dataclass(frozen=True, slots=True)
class Feeling:
    """An emotion while one sentence is said.

    Attributes:
        emotion: one of `EMOTIONS`.
        intensity: 0 to 1.
    """

    emotion: str = "neutral"
    intensity: float = 1.0


PLAIN = Feeling()


def feeling(text: str, given: str = "", usually: str = "neutral") -> Feeling:
    """Return how `text`, one sentence, is said.

    Args:
        given: the emotion that the script names; "" leaves it to the rules.
        usually: the emotion where no rule fits.
    """
    if given:
        return Feeling(given)
    marks = min(MOST_MARKS, len(_EXCLAIMED.findall(text)))
    for emotion, intensity, pattern in _RULES:
        if any(not _denied(text, found.start()) for found in pattern.finditer(text)):
            return Feeling(emotion, round(min(1.0, intensity + MARK * marks), 2))
    return Feeling(usually) if usually == "neutral" else Feeling(usually, GUESSED)


def felt(intent: Intent, text: str) -> Feeling:
    """Return how one sentence of `intent` is said."""
    return feeling(text, intent.emotion, USUALLY.get(intent.kind, "neutral"))


# --- rules ----------------------------------------------------------------------------------------

_EXCLAIMED = re.compile("[!！]")
_DENIAL = re.compile(
    r"(?:没有?|不|未|无|别|非)(?:会|是|要|用|必|太|再|有|能|算)?(?:(?:其[他它]|另外|别|额外|什么)的?)?$"
    r"|\b(?:not?|never|don't|won't|isn't|without)\s+(?:(?:a|an|any|other|really|that)\s+)?$",
    re.IGNORECASE,
)


def _denied(text: str, at: int) -> bool:
    """Whether the word at `at` is denied by what stands before it: 不会断货, not a deal."""
    return _DENIAL.search(text[max(0, at - 20) : at]) is not None


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_DIGIT = "[0-9一二三四五六七八九十两半]"
_RULES: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    (
        "apologetic",
        0.8,
        _any(
            "对不起|抱歉|不好意思|对不住|见谅|给您添麻烦|久等了",
            r"\b(?:sorry|apolog\w+|forgive me|my mistake)\b",
        ),
    ),
    (
        "apologetic",
        0.6,
        _any(
            "遗憾|可惜|没有?货了?[，。！!]|没货|没有货|没有库存|卖完|卖光|卖空|售罄|断货|缺货|抢光|抢完",
            "发不了货?|发不到|补不了|来不及了|没办法",
            r"\b(?:unfortunately|sold out|out of stock|none in stock|i'm afraid|i am afraid"
            r"|too bad|we cannot ship|can't ship|no delivery)\b",
        ),
    ),
    (
        "calm",
        0.8,
        _any(
            r"(?:AI|人工智能|电脑)\s*生成|数字人",
            r"\bAI[- ](?:host|generated|made)|\bdigital (?:host|human)|\bmade with AI\b",
        ),
    ),
    (
        "excited",
        0.6,
        _any("不要错过|别错过|千万别走|不要走开|别走开", r"\b(?:don't miss|stay with us)\b"),
    ),
    (
        "calm",
        0.7,
        _any(
            "过敏|禁用|慎用|禁忌|请勿|切勿|烫伤|烫到|噎到|噎住|宝宝不|注意安全",
            "不建议|不要(?:吃|喝|用|碰|放|烘|暴晒|拧|泡|给|让|超过|着急)|不着急|别着急",
            "理性消费|以.{0,6}页面为准|看清(?:楚)?(?:商品|页面|再)|温馨提示|提醒(?:一下|大家|各位|您)|说明一下",
            "第[一二三四五]步|首先[，,]|步骤|说明书|官方客服",
            r"\b(?:allerg\w+|warning|caution|be careful|keep away from|do not|never use"
            r"|please note|make sure|step (?:one|two|three|\d)|customer service"
            r"|check the product page|product page has)\b",
        ),
    ),
    (
        "surprised",
        0.7,
        _any(
            "(?:^|[，。！!、])哇|天[哪呐啊]|居然|竟然|没想到|想不到|不会吧|真的假的|真的吗|我的妈",
            r"\b(?:wow|oh my|omg|no way|can you believe|believe it or not|guess what|really\?)",
        ),
    ),
    (
        "excited",
        0.9,
        _any(
            "三[、，,]?二[、，,]?一|3[、，,. ]*2[、，,. ]*1(?![0-9])|倒计时|倒数|上链接",
            "秒杀|抢(?!眼|劫)|冲鸭|手慢无",
            f"最后{_DIGIT}+[件单份分秒小个]|只剩|仅剩|限时|限量|马上开(?:始|抢)",
            r"\b(?:three,? two,? one|3[, ]+2[, ]+1|countdown|hurry|last chance|only \w+ left"
            r"|going fast|grab (?:it|yours)|flash sale)\b",
        ),
    ),
    (
        "excited",
        0.6,
        _any(
            "降价|直降|立减|立省|特价|(?<![拿收])到手(?![里上])|省(?:下|了|出)|半价|打折|免单",
            "福利|优惠|划算|超值|买一送一|送您|加赠|太(?:棒|好|值|香|美|赞)了|恭喜|准备好了|赶紧|赶快|爆款",
            f"{_DIGIT}折(?![叠伞页扣])",
            r"\b(?:discount|deal|half price|% off|percent off|save \d|you save|price drop|bargain"
            r"|amazing|fantastic|awesome|congratulations|so excited|for free|special offer)\b",
        ),
    ),
    (
        "thinking",
        0.7,
        _any(
            "让我(?:看|想|查)|(?:^|[嗯好]，)我来?(?:看|想|查)一?(?:看|想|查|下)",
            "这个问题|怎么说呢|容我|稍等|等我看",
            "^(?:呃|唔|嗯+[，,…。]?(?:这|我|让|那))",
            r"\b(?:let me (?:see|check|think|look)|good question|one moment|hmm+)\b",
        ),
    ),
    (
        "friendly_smile",
        0.8,
        _any(
            "谢谢|感谢|多谢|欢迎|哈[喽啰罗]|大家好|[你您]们?好(?=[，。！!呀啊,]|$)|[早晚]上好|[上中下]午好",
            "开心|高兴|喜欢|爱你们?|么么|关注|点赞|祝[您你大愿]|没关系|不客气|别客气|放心|没问题|再见|拜拜",
            r"\b(?:thanks?|thank you|welcome|hello|hi|good (?:morning|evening|afternoon|to have)"
            r"|glad|happy|love|no problem|of course|my pleasure|bye|see you)\b",
        ),
    ),
    ("surprised", 0.5, _any(r"[?？][!！]|[!！][?？]")),
    ("excited", 0.4, _EXCLAIMED),
)
