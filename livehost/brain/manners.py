"""What a good host says besides the script: thanks, welcomes, and that she is an AI host.

In:  who did what, what was heard lately.   Out: short texts that do not repeat themselves.

No digits in these texts: the gate lets numbers pass only when they stand on the product card.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from livehost.brain.chat.classes import Class
from livehost.brain.chat.kinds import Sort
from livehost.brain.chat.waiting import Waiting
from livehost.brain.emotion import Feeling, felt
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.sentences import split

MOST_NAMES = 3  # said in one breath
SHORT = 8  # characters of a name that is said before an answer
REMEMBERED = 50  # sentences


class History:
    """The sentences heard last."""

    def __init__(self) -> None:
        self._heard: deque[str] = deque(maxlen=REMEMBERED)

    def add(self, text: str) -> None:
        """Note that `text` was heard."""
        self._heard.append(text)

    def last(self, count: int) -> tuple[str, ...]:
        """Return the texts heard last, oldest first."""
        return tuple(self._heard)[-count:]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Sentences of one language; `{names}` is filled in."""

    notices: tuple[str, ...]
    thanks: dict[Sort, tuple[str, ...]]
    few: tuple[str, ...]
    """Who asks what, by `{names}`."""
    some: tuple[str, ...]
    """The same for `{count}` viewers."""
    crowd: tuple[str, ...]
    """The same for more than there are `counts`."""
    counts: Sequence[str]
    """Numbers in words."""
    what: dict[str, str]
    """What is asked about, by intent."""
    this: str
    """Stands for any other question."""
    greeted: tuple[str, ...]
    both: str
    friend: str
    """Stands for a nickname that may not be said."""
    join: str
    others: str
    welcome_all: str


CHINESE = Phrases(
    notices=(
        "也跟大家说明一下，我是人工智能生成的数字人主播，商品信息以页面为准。",
        "提醒一下新来的朋友，我是数字人主播，由人工智能生成，下单前请看清商品页面。",
        "大家现在看到的我，是人工智能生成的数字人，有问题直接打在公屏上就好。",
        "说明一下，本直播间由数字人主播讲解，我的形象和声音都由人工智能生成。",
    ),
    thanks={
        Sort.GIFT: (
            "谢谢{names}送的礼物，心意收到啦。",
            "感谢{names}的礼物，太客气了。",
            "收到{names}的礼物了，谢谢支持。",
            "{names}破费了，谢谢礼物。",
            "看到{names}的礼物了，心里暖暖的。",
            "谢谢{names}，礼物我看到了。",
            "{names}太客气了，礼物收到。",
        ),
        Sort.FOLLOW: (
            "谢谢{names}的关注。",
            "感谢{names}点了关注，常来看看。",
            "欢迎{names}关注我们直播间。",
            "{names}点了关注，谢谢。",
            "看到{names}的关注了，谢谢信任。",
            "谢谢{names}，关注收到了。",
            "{names}关注了我们，以后常来。",
        ),
        Sort.ENTER: (
            "欢迎{names}来到直播间。",
            "{names}，欢迎你们，随便看看。",
            "欢迎{names}，有什么想了解的打在公屏上。",
            "{names}来啦，欢迎。",
            "跟{names}打个招呼，欢迎来。",
            "看到{names}进来了，欢迎欢迎。",
            "{names}好，坐下来慢慢看。",
            "又来新朋友了，欢迎{names}。",
        ),
        Sort.TALK: (
            "跟{names}问个好。",
            "看到{names}打招呼了，你们好呀。",
            "{names}，你们好，欢迎。",
            "也跟{names}说声你好。",
            "{names}的问候收到了。",
            "{names}好呀，正忙着答问题，先问声好。",
        ),
        Sort.PRAISE: (
            "谢谢{names}的夸奖。",
            "{names}这么说，我很开心。",
            "谢谢{names}的支持，我继续好好讲。",
            "{names}嘴真甜，谢谢。",
            "听{names}这么说，我更有劲了。",
            "谢谢{names}喜欢。",
            "多谢{names}的肯定。",
        ),
        Sort.LIKE: (
            "谢谢大家的点赞。",
            "看到大家的点赞了，谢谢支持。",
            "感谢大家一直在点赞。",
            "点赞的朋友，谢谢你们。",
            "点赞收到了，谢谢各位。",
            "看到好多小爱心，谢谢大家。",
        ),
    },
    few=(
        "{names}都在问{what}。",
        "{names}问到{what}了。",
        "{names}都想知道{what}。",
        "看到{names}在问{what}。",
        "来回答{names}，问的是{what}。",
        "{names}想了解{what}。",
    ),
    some=(
        "{count}位宝宝都在问{what}。",
        "{count}位朋友都想了解{what}，我一起说。",
        "看到{count}位朋友在问{what}。",
        "{what}，有{count}位朋友在问。",
        "问{what}的有{count}位，一起回答。",
        "{count}位朋友想知道{what}。",
        "公屏上{count}位在问{what}。",
        "说说{what}，{count}位宝宝在等。",
    ),
    crowd=(
        "好多朋友都在问{what}。",
        "公屏上都在问{what}，我一起说。",
        "{what}，好多宝宝都在问。",
        "一大片都在问{what}。",
        "满屏都是{what}，来说一下。",
        "大家关心{what}，统一回答。",
        "问{what}的朋友真多。",
        "先说{what}，问的人多。",
    ),
    counts="零一两三四五六七八九十",
    what={
        "price": "价格",
        "discount": "优惠",
        "compared": "原来的价格",
        "size": "尺码",
        "sizes": "有哪些尺码",
        "stock": "有没有货",
        "colours": "颜色",
        "delivery": "发货",
        "shipping_fee": "运费",
        "returns": "退换",
        "warranty": "质保",
        "order": "怎么下单",
        "service": "售后",
        "identity": "我是谁",
        "complaint": "售后",
        "greeting": "",
    },
    this="这个问题",
    greeted=("{names}，你们好。", "{names}都来打招呼啦。"),
    both="{}和{}",
    friend="这位朋友",
    join="、",
    others="{names}和其他朋友",
    welcome_all="各位新朋友",
)
ENGLISH = Phrases(
    notices=(
        "Just so you know, I am an AI host, and the product page always has the final word.",
        "A quick note for those who just joined: I am a digital host made with AI.",
        "You are watching an AI-generated host. Please check the product page before you order.",
    ),
    thanks={
        Sort.GIFT: ("Thank you {names} for the gift.", "Thanks for the gift, {names}."),
        Sort.FOLLOW: ("Thanks for following, {names}.", "Good to have you with us, {names}."),
        Sort.ENTER: ("Welcome, {names}.", "Hello {names}, good to see you."),
        Sort.TALK: ("Hello to {names}.", "{names}, good to see you.", "A hello to {names}."),
        Sort.PRAISE: (
            "Thank you for the kind words, {names}.",
            "So kind of you, {names}.",
            "{names}, that is kind, thank you.",
        ),
        Sort.LIKE: ("Thank you all for the likes.", "I see your likes, thank you."),
    },
    few=(
        "{names} are asking about {what}.",
        "{names} would like to know about {what}.",
        "I see {names} asking about {what}.",
    ),
    some=(
        "{count} of you are asking about {what}.",
        "I see {count} of you asking about {what}.",
        "About {what}, {count} of you asked.",
    ),
    crowd=(
        "Many of you are asking about {what}.",
        "So many of you ask about {what}.",
        "About {what}, since many of you ask.",
    ),
    counts=("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    what={
        "price": "the price",
        "discount": "discounts",
        "compared": "the former price",
        "size": "the size",
        "sizes": "the sizes",
        "stock": "what is in stock",
        "colours": "the colours",
        "delivery": "delivery",
        "shipping_fee": "the shipping fee",
        "returns": "returns",
        "warranty": "the warranty",
        "order": "how to order",
        "service": "service",
        "identity": "who I am",
        "complaint": "an order",
        "greeting": "",
    },
    this="this",
    greeted=("Hello, {names}.", "{names}, good to see you all."),
    both="{} and {}",
    friend="dear viewer",
    join=", ",
    others="{names} and everybody else",
    welcome_all="everybody who just joined",
)
PHRASES = {"zh": CHINESE, "en": ENGLISH}


class Manners:
    """Make polite texts; the variant not heard for the longest time comes next.

    Args:
        language: "zh" or "en".
        sayable: whether a nickname may be spoken.
    """

    def __init__(self, language: str, sayable: Callable[[str], bool] = lambda _name: True) -> None:
        self._phrases = PHRASES[language]
        self._sayable = sayable
        patterns = [*self._phrases.notices, *chain(*self._phrases.thanks.values())]
        for phrases in PHRASES.values():
            patterns += [*phrases.few, *phrases.some, *phrases.crowd, *phrases.greeted]
        self._heard = dict.fromkeys(patterns, float("-inf"))
        self._looks = {pattern: _look(pattern) for pattern in patterns}

    def notice(self) -> str:
        """Return a sentence that says that the host is AI-made."""
        return self._pick(self._phrases.notices)

    def fixed(self) -> tuple[tuple[str, Feeling], ...]:
        """Return the sentences that need no names, to be made into speech ahead of time."""
        notice, thanks = Intent(IntentKind.NOTICE, ""), Intent(IntentKind.THANKS, "")
        texts = [(notice, text) for text in self._phrases.notices]
        texts += [(thanks, text) for text in self._phrases.thanks[Sort.LIKE]]
        return tuple((said, felt(of, said)) for of, text in texts for said in split(text))

    def thanks(self, kind: Sort, people: Iterable[Waiting]) -> str:
        """Return one sentence for everybody who did the same."""
        return self._pick(self._phrases.thanks[kind]).replace("{names}", self._names(people))

    def asked(self, waiting: Waiting) -> str:
        """Return who asks, "" when it is one viewer: names of two, the count of more."""
        count = len(waiting.people)
        if count == 1 or waiting.reading is None or waiting.of is Class.COMPLAINT:
            return ""
        phrases = PHRASES["en"] if waiting.reading.english else self._phrases
        names = [name for name in waiting.people if 0 < len(name) <= SHORT and self._sayable(name)]
        if waiting.of is Class.GREETING:
            some = names[:MOST_NAMES]
            greeted = self._pick(phrases.greeted).replace("{names}", phrases.join.join(some))
            return greeted if len(some) > 1 else ""
        named = count == len(names) == 2
        text = self._pick(phrases.few if named else _by_count(phrases, count))
        what = phrases.what.get(waiting.reading.intent, phrases.this)
        fills = {"{names}": phrases.both.format(*names[:2]) if len(names) > 1 else ""}
        fills |= {"{what}": what, "{count}": phrases.counts[min(count, len(phrases.counts) - 1)]}
        for slot, word in fills.items():
            text = text.replace(slot, word)
        return text if named else text[0].upper() + text[1:]

    def said(self, text: str, now: float) -> None:
        """Note a text that was heard: its pattern waits for the others before it comes again."""
        for pattern in self._heard:
            if self._looks[pattern].fullmatch(text):
                self._heard[pattern] = now

    def _pick(self, variants: Sequence[str]) -> str:
        return min(variants, key=self._heard.__getitem__)

    def _names(self, people: Iterable[Waiting]) -> str:
        """Return up to three different names, the last ones to come first."""
        phrases = self._phrases
        given = dict.fromkeys(w.message.nickname for w in people)
        sayable = [name for name in reversed(given) if name and self._sayable(name)]
        if not sayable:
            return phrases.friend if len(given) == 1 else phrases.welcome_all
        names = phrases.join.join(sayable[:MOST_NAMES])
        return phrases.others.replace("{names}", names) if len(given) > MOST_NAMES else names


def _by_count(phrases: Phrases, count: int) -> tuple[str, ...]:
    return phrases.some if count < len(phrases.counts) else phrases.crowd


def _look(pattern: str) -> re.Pattern[str]:
    """Return what a text made from a pattern looks like."""
    return re.compile(re.sub(r"\\\{\w+\\\}", "(?:.+)", re.escape(pattern)), re.IGNORECASE)
