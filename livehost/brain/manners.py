"""What a good host says besides the script: thanks, welcomes, and that she is an AI host.

In:  who did what, what was heard lately.   Out: short texts that do not repeat themselves.

No digits in these texts: the gate lets numbers pass only when they stand on the product card.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from livehost.brain.chat.inbox import Waiting
from livehost.brain.chat.kinds import Sort
from livehost.brain.emotion import Feeling, felt
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.sentences import split

MOST_NAMES = 3  # said in one breath
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
        ),
        Sort.FOLLOW: (
            "谢谢{names}的关注。",
            "感谢{names}点了关注，常来看看。",
            "欢迎{names}关注我们直播间。",
        ),
        Sort.ENTER: (
            "欢迎{names}来到直播间。",
            "{names}，欢迎你们，随便看看。",
            "欢迎{names}，有什么想了解的打在公屏上。",
        ),
        Sort.LIKE: (
            "谢谢大家的点赞。",
            "看到大家的点赞了，谢谢支持。",
            "感谢大家一直在点赞。",
        ),
    },
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
        Sort.LIKE: ("Thank you all for the likes.", "I see your likes, thank you."),
    },
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
        self._heard = dict.fromkeys(patterns, float("-inf"))

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

    def said(self, text: str, now: float) -> None:
        """Note a text that was heard: its pattern waits for the others before it comes again."""
        for pattern in self._heard:
            head, _, tail = pattern.partition("{names}")
            if text == pattern or (tail and text.startswith(head) and text.endswith(tail)):
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
