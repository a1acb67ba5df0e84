"""Find the FAQ entry that a question means, by the characters they share.

In:  questions with synonyms folded.   Out: the best entry and how sure that is, 0 to 1.

BM25 over characters, their pairs and English words, as a share of what the entry's own question
would score: 1 means that every telling pair is there.
Source: Robertson, Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009.
"""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from livehost.brain.gate.fold import fold

_K1, _B = 1.2, 0.5
_SYNONYMS = (
    ("(..)不\\1", r"\1"),
    ("啥", "什么"),
    ("(?:店铺|店名|小店|商店)", "店"),
    ("(?:可不可以|能不能|可以|能够)", "能"),
    ("(?:会不会|会否)", "会"),
    ("(?:有没有|有木有|有无)", "有"),
    ("(?:是不是)", "是"),
    ("(?:怎么样|咋样|好不好|如何|行不行)", "怎样"),
    ("(?:怎么|咋)", "怎样"),
    ("(?:小孩子?|孩子|小朋友|儿童|娃)", "小孩"),
    ("(?:婴儿|宝宝|婴幼儿)", "宝宝"),
    ("(?:怀孕|孕妇|孕期)", "孕妇"),
    ("(?:洗衣机|机洗)", "机洗"),
    ("(?:闷热|闷不闷|透气|热不热)", "闷热透气"),
    ("(?:多长时间|多久|几个小时|多少小时)", "多久"),
    ("(?:漏水|渗水|漏不漏)", "漏水"),
    ("(?:异味|味道|气味)", "异味"),
    ("(?:清洗|清洁|好洗|洗涤)", "清洗"),
    ("(?:咖啡|茶叶?|枸杞)", "茶咖啡"),
    ("(?:送礼|送人|送长辈|送朋友)", "送人"),
    ("(?:配料|成分|成份)", "配料"),
    ("有?(?:添加|额外)?[加放含]有?(?:了|过)?(?=[糖盐油水])", "有"),
)
_FOLDED = [(re.compile(pattern), word) for pattern, word in _SYNONYMS]
_EMPTY = re.compile(
    "请问|主播|小姐姐|亲|一下|怎样|什么|哪些|哪几|哪个|这个|这款|那个|那款|这件|多少|可以|能不能|会不会|有没有"
    "|是不是|是否|[有能会是吗嘛呢啊呀吧的了哦么不没几很都也还给啥咋噢哈,.!?~ ]"
)
"""What a question holds besides what it asks about."""
_SAME = (
    ("可乐|雪碧|汽水|苏打水|气泡水", "碳酸饮料"),
    ("开票", "开发票"),
    ("盐分|放盐|加盐", "盐"),
    ("水杯架", "杯架"),
)
COVERED = 0.5
"""A fact must name more than this share of what is asked about."""
_IDLE = re.compile(
    r"[不没]$|请问|主播|小姐姐|亲|一下|怎样|什么|哪些|哪几|这个|这款|那个|那款|这件|呢|吗|嘛|么|啊|呀|吧|的|了|哦|我想|想问|问下"
)


@functools.lru_cache(maxsize=4096)
def plain_of(text: str) -> str:
    """Return a text of a card folded; it is asked for with every question."""
    return fold(text).text


def content(text: str) -> str:
    """Return what a question asks about: synonyms folded, idle words left out."""
    plain = fold(text).squeezed().text
    for pattern, word in _FOLDED:
        plain = pattern.sub(word, plain)
    return _IDLE.sub("", plain)


_WORD = re.compile("[a-z]+")
_STOP = frozenset(
    "a an and any are at be can could do does for from get has have how i in is it its me my of on"
    " or please should so some that the there these this to up us was we what when where which who"
    " why will with would you your".split()
)
"""English words that ask for nothing."""


def _terms(text: str) -> Counter[str]:
    """Return what a question is found by: characters and their pairs, English by whole words."""
    plain = _WORD.sub(" ", content(text))
    pairs = (plain[n : n + 2] for n in range(len(plain) - 1))
    words = (word for word in _WORD.findall(fold(text).text) if word not in _STOP)
    return Counter([*plain.replace(" ", ""), *(p for p in pairs if " " not in p), *words])


@dataclass(frozen=True, slots=True)
class Found:
    """The entry that fits best.

    Attributes:
        index: of the entry.
        score: 0 nothing in common .. 1 the question itself.
    """

    index: int
    score: float


class Retriever:
    """An index over entries, each with the ways it is asked.

    Args:
        entries: for each entry its questions.
    """

    def __init__(self, entries: Sequence[Iterable[str]]) -> None:
        self._asked = [
            (index, _terms(question)) for index, asked in enumerate(entries) for question in asked
        ]
        spread = Counter(term for _, terms in self._asked for term in terms)
        count = max(len(self._asked), 1)
        self._weight = {
            term: math.log(1 + (count - n + 0.5) / (n + 0.5)) * (2.0 if len(term) > 1 else 1.0)
            for term, n in spread.items()
        }
        self._mean = sum(sum(t.values()) for _, t in self._asked) / count or 1.0
        self._rare = math.log(1 + count) * 1.5
        self._own = [self._worth(terms, terms) for _, terms in self._asked]

    def best(self, question: str) -> Found | None:
        """Return the entry that fits `question` best, None when nothing does."""
        wanted = _terms(question)
        if not any(len(term) > 1 for term in wanted):
            return None  # one character asks for nothing
        scored = [
            Found(index, self._score(wanted, terms, own))
            for (index, terms), own in zip(self._asked, self._own, strict=True)
            if not wanted.keys().isdisjoint(terms)
        ]
        return max((f for f in scored if f.score > 0), key=lambda f: f.score, default=None)

    def _score(self, wanted: Counter[str], terms: Counter[str], own: float) -> float:
        """Geometric mean of how much of the entry is asked for and of the question is covered."""
        both = Counter({t: min(n, terms[t]) for t, n in wanted.items() if t in terms})
        shared, asked = self._worth(both, terms), self._worth(wanted, terms)
        return math.sqrt((shared / own) * (shared / asked)) if own and asked else 0.0

    def _worth(self, counted: Counter[str], terms: Counter[str]) -> float:
        """Return the weight of counted terms in an entry of `terms`."""
        length = _K1 * (1 - _B + _B * sum(terms.values()) / self._mean)
        return sum(
            self._weight.get(term, self._rare) * n * (_K1 + 1) / (n + length)
            for term, n in counted.items()
        )


class Facts:
    """The texts of a card, found by the words that they share with a question.

    Args:
        texts: facts as they may be said.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [(text, plain_of(text)) for text in texts]

    def best(self, question: str) -> str | None:
        """Return the fact that names most of what is asked about; None when none names enough."""
        asked = fold(question).text
        for pattern, word in _SAME:
            asked = re.sub(pattern, word, asked)
        words = [word for word in _EMPTY.sub(" ", asked).split() if word]
        length = sum(map(len, words))
        covered = [
            (self._covered(words, plain) / length, text) for text, plain in self._texts if length
        ]
        share, best = max(covered, key=lambda found: found[0], default=(0.0, ""))
        return best if share > COVERED and length > 1 else None

    @staticmethod
    def _covered(words: list[str], fact: str) -> int:
        """Return how many characters of `words` stand in pairs that the fact holds."""
        held = 0
        for word in words:
            pairs = [n for n in range(len(word) - 1) if word[n : n + 2] in fact]
            held += len({m for n in pairs for m in (n, n + 1)})
        return held
