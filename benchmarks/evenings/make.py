"""Write the evenings: `python -m benchmarks.evenings.make`.

In:  the lines of chat_items/messages.txt, the material below.   Out: one JSON line a message in
quiet.jsonl, flash.jsonl and difficult.jsonl; `extra.label` is the class that it was written as.

Seeded: the same material makes the same files.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chat_lines import lines

FOLDER = Path(__file__).parent
NAMES = (
    "小明 阿花 暖暖 老张 橙子 北方的狼 糖糖妈 LiLy 山里人 夜猫子 豆豆 "
    "王姐 云朵 阿杰 Mike 青柠 布丁 小鹿 海边的风 胖哥 静静 七七 阿凯 晓晓 "
    "Tony老师 麦子 桃子 一颗星 老李 木木 开心果 团子 阿紫 秋天 Jenny 石头"
).split()
GIFTS = ("小心心", "玫瑰", "棒棒糖", "墨镜", "爱心抱抱", "大啤酒")
TAILS = ("", "", "", "", "啊", "呀", " 主播", "～", "？", "😊", "宝")
ASKED = {
    "price": ["多少钱", "1号链接多少钱", "2号多少钱", "坚果怎么卖", "保温杯到手多少", "有优惠吗"],
    "size": ["158 100斤穿什么码", "172 140斤选多大", "165 110斤", "我180 75公斤穿啥", "尺码怎么选"],
    "stock": ["还有货吗", "有绿色吗", "白色还有吗", "什么颜色", "2号还有库存吗", "坚果还有吗"],
    "delivery": ["什么时候发货", "包邮吗", "新疆发吗", "几天到", "发什么快递", "3号包邮吗"],
    "quality": ["保温多久", "漏水吗", "防晒吗", "透气吗", "坚果有糖吗", "能装咖啡吗", "怎么洗"],
    "service": ["可以退吗", "保修多久", "怎么下单", "不合适能换吗"],
    "comparison": ["1号和2号哪个好", "和别家的有啥区别", "跟普通杯子比咋样"],
}


@dataclass(frozen=True)
class Evening:
    """How an evening goes.

    Attributes:
        minutes: its length.
        messages: spread over it, besides the bursts.
        mix: weight of each class or kind.
        bursts: (at which second, how many, within seconds, mix).
    """

    minutes: float
    messages: int
    mix: Mapping[str, float]
    bursts: tuple[tuple[float, int, float, Mapping[str, float]], ...] = ()


USUAL = {
    "price": 10, "size": 12, "stock": 7, "delivery": 8, "quality": 9, "comparison": 3,
    "service": 4, "other": 3, "greeting": 9, "praise": 9, "complaint": 2, "offtopic": 7,
    "abuse": 0.6, "injection": 0.6, "enter": 16, "like": 8, "follow": 5, "gift": 3,
}  # fmt: skip
TROLLS = {"abuse": 5, "injection": 4, "offtopic": 4, "complaint": 3}
EVENINGS = {
    "quiet": Evening(40, 520, USUAL),
    "flash": Evening(
        20,
        600,
        USUAL | {"price": 20, "stock": 16, "enter": 24},
        (
            (240.0, 180, 20.0, {"price": 6, "stock": 4, "delivery": 1, "size": 3}),
            (660.0, 240, 20.0, {"price": 4, "stock": 6, "praise": 3, "like": 6, "enter": 6}),
            (960.0, 1200, 4.0, {"price": 3, "stock": 3, "size": 2, "like": 3}),
        ),
    ),
    "difficult": Evening(
        25,
        560,
        USUAL | {"abuse": 7, "injection": 7, "complaint": 9, "offtopic": 12},
        (
            (300.0, 120, 30.0, TROLLS),
            (700.0, 300, 10.0, {"gift": 8, "like": 3, "follow": 1}),
            (1100.0, 160, 15.0, TROLLS | {"gift": 4}),
        ),
    ),
}
"""The third burst of `flash` is a flood: 300 messages a second."""


def evening(plan: Evening, seed: str) -> list[dict[str, Any]]:
    """Return the messages of an evening in order of time."""
    rng = random.Random(seed)
    said = {of: [*texts, *ASKED.get(of, []) * 4] for of, texts in lines().items()}
    times = [(rng.uniform(5, plan.minutes * 60 - 60), plan.mix) for _ in range(plan.messages)]
    for at, count, seconds, mix in plan.bursts:
        times += [(at + rng.uniform(0, seconds), mix) for _ in range(count)]
    return [_message(rng, at, mix, said) for at, mix in sorted(times, key=lambda pair: pair[0])]


def _message(
    rng: random.Random, at: float, mix: Mapping[str, float], said: Mapping[str, list[str]]
) -> dict[str, Any]:
    of = rng.choices(list(mix), list(mix.values()))[0]
    number = rng.randrange(400)
    name = NAMES[number % len(NAMES)] + ("" if number < len(NAMES) else str(number))
    if of in ("abuse", "injection"):
        number = 1000 + rng.randrange(12)  # a few do it again and again
        name = f"路人{number}"
    message = {"at": round(at, 2), "user": f"u{number}", "nickname": name, "kind": "comment"}
    if of in said:
        tail = rng.choice(TAILS) if said[of] and rng.random() < 0.5 else ""
        return message | {"text": rng.choice(said[of]) + tail, "extra": {"label": of}}
    count = rng.choice((1, 1, 1, 5, 10, 66)) if of in ("gift", "like") else 1
    text = rng.choice(GIFTS) if of == "gift" else ""
    return message | {"kind": of, "text": text, "count": count, "extra": {"label": of}}


def write(folder: Path = FOLDER) -> Iterable[Path]:
    """Write all evenings; yield their paths."""
    for name, plan in EVENINGS.items():
        path = folder / f"{name}.jsonl"
        rows = (json.dumps(m, ensure_ascii=False) for m in evening(plan, name))
        path.write_text("".join(f"{row}\n" for row in rows), "utf-8")
        yield path


if __name__ == "__main__":
    for written in write():
        print(written)
