"""Sentences for the vocoder's teacher to read: live selling, numbers, questions, plain words.

In:  a seed.   Out: an endless stream of Mandarin sentences, the same for the same seed.

Two kinds, mixed. Selling talk from templates has the rhythm that the host will speak in; strings
of dictionary phrases cover the syllables and tones that selling talk does not use. Sentences that
are English, or full of it, are mixed in when asked for.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib import resources

from pypinyin.phrases_dict import phrases_dict

_WORDS = {
    name: text.split()
    for name, text in tomllib.loads(
        resources.files("livehost.vocoder").joinpath("words.toml").read_text("utf-8")
    ).items()
}


def sentences(seed: int, english: float = 0.0) -> Iterator[str]:
    """Yield sentences for ever, a share of them English or full of English."""
    rng = random.Random(seed)
    phrases = _phrases()
    while True:
        if english and rng.random() < english:
            yield _filled(rng, _ENGLISH)
        else:
            yield _plain(rng, phrases) if rng.random() < 0.4 else _filled(rng)


def _phrases() -> list[str]:
    return sorted(phrase for phrase in phrases_dict if 2 <= len(phrase) <= 4)


def _plain(rng: random.Random, phrases: list[str]) -> str:
    """Join dictionary phrases: no sense, all syllables."""
    words = [rng.choice(phrases) for _ in range(rng.choice((1, 2, 3, 4, 6, 8, 10)))]
    out = words[0]
    for word in words[1:]:
        out += rng.choice(("", "", "", "，", "的", "、", "和", "是", "了，", "在")) + word
    return out + rng.choice("。。。！？")


def _price(rng: random.Random) -> str:
    return rng.choice(
        (
            f"{rng.randint(3, 999)}元",
            f"{rng.randint(1, 99)}块{rng.randint(1, 9)}",
            f"{rng.randint(1, 299)}.{rng.randint(1, 99):02d}元",
            f"{rng.choice('一两三五六八九')}百{rng.choice('一二三五八九')}",
            f"{rng.randint(1000, 12999)}块钱",
        )
    )


def _amount(rng: random.Random) -> str:
    return f"{rng.randint(1, 999)}" + rng.choice(
        (
            "件",
            "毫升",
            "克",
            "厘米",
            "斤",
            "度",
            "%",
            "个月",
            "分钟",
            "瓦",
            "毫安",
            "片",
            "盒",
            "小时",
        )
    )


_TEMPLATES = (
    "{people}，这款{goods}{traits}，{calls}。",
    "原价{price}的{goods}，今天只要{price}，{calls}！",
    "有人问{questions}？{traits}，{calls}。",
    "{questions}？",
    "{moods}。",
    "{moods}！",
    "{moods}，{calls}。",
    "五，四，三，二，一，上链接！{calls}。",
    "买{small}件打{small}折，还送{price}的{goods}。",
    "{goods}和{goods}有什么区别呢？一个{traits}，一个{traits}。",
    "库存还有{amount}，{traits}的{goods}，{calls}。",
    "{latin}的{goods}，{traits}。",
    "它支持{latin}，也支持{latin}，{amount}，{traits}。",
    "{goods}，{amount}，{price}。",
    "{traits}。",
    "{calls}，{calls}！",
    "从{places}发到{places}，大概{small}天，{calls}。",
    "{small}月{small}号{small}点{small}分，{calls}。",
    "{people}，{moods}！",
)


_ENGLISH = (
    "Hello everyone, welcome back to our live room!",
    "This {english_goods} is {english_traits} and {english_traits}, and it ships tomorrow.",
    "Is the {english_goods} really {english_traits}?",
    "Thank you so much for the gift! Only {small} dollars for the {english_goods} today.",
    "{english_plain} {english_plain} {english_plain}, {english_plain} and {english_plain}.",
    "{english_plain} {english_plain} {english_plain} {english_plain} {english_plain}!",
    "You can return it within {small} days, no questions asked.",
    "我们这款{english_goods}用的是{english_traits} {english_plain}材质，{calls}。",
    "{people}，这个{latin} {english_goods}真的非常{english_traits}，{traits}。",
    "{english_plain}和{english_plain}有什么区别？一个{english_traits}，一个{english_traits}。",
    "{english_traits} {english_goods}，{price}，{calls}。",
)


def _filled(rng: random.Random, templates: Sequence[str] = _TEMPLATES) -> str:
    def word(slot: re.Match[str]) -> str:
        match slot[1]:
            case "price":
                return _price(rng)
            case "amount":
                return _amount(rng)
            case "small":
                return str(rng.randint(2, 12))
            case name:
                return rng.choice(_WORDS[name])

    return re.sub(r"{(\w+)}", word, rng.choice(templates))
