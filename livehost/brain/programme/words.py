"""What the host says about a flash sale where the rundown gives no words.

In:  a language.   Out: lines with slots; prices and offers come from the card.
"""

from __future__ import annotations

from livehost.brain.script import Line


def _line(*texts: str, emotion: str = "excited") -> Line:
    return Line(texts[0], emotion, variants=texts[1:])


OPENING = {
    "zh": (
        _line(
            "插播一下，{name}现在到手{price}，这个价还有{left}。",
            "说一个好消息，{name}现在到手{price}，还有{left}。",
        ),
    ),
    "en": (_line("From now on {name} is {price}, with {left} to go."),),
}
COUNTDOWN = {
    "zh": (
        _line("{name}现在到手{price}，还有{left}。"),
        _line("提醒一下，{name}到手{price}，这个价还有{left}。"),
        _line("还有{left}，想要{name}的朋友看一下，现在到手{price}。"),
    ),
    "en": (
        _line("{name} is {price} now, with {left} to go."),
        _line("A reminder that {name} is {price}, and there are {left} to go."),
    ),
}
ENDING = {
    "zh": (_line("{name}现在是{price}，刚才的活动结束了。", emotion="neutral"),),
    "en": (_line("{name} is {price} now; that offer is over.", emotion="neutral"),),
}
