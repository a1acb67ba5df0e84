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
            "现在开始的是{name}的活动，{promo}，到手{price}，还有{left}。",
            "{name}的活动开始了，{promo}，现在到手{price}，还有{left}。",
        ),
    ),
    "en": (_line("The offer on {name} starts now: {price}, and there are {left} left."),),
}
COUNTDOWN = {
    "zh": (
        _line("{name}现在到手{price}，还有{left}。"),
        _line("还有{left}，{name}这场活动就结束了，现在到手{price}。"),
        _line("提醒一下，{name}到手{price}，活动还有{left}。"),
    ),
    "en": (
        _line("{name} is {price} now, with {left} to go."),
        _line("There are {left} left of the offer on {name}, {price}."),
    ),
}
ENDING = {
    "zh": (_line("{name}这一场活动结束了，现在是{price}。", emotion="neutral"),),
    "en": (_line("The offer on {name} is over; it is {price} now.", emotion="neutral"),),
}
