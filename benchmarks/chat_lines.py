"""How well chat is classed: `python -m benchmarks.chat_lines [--wrong]`.

In:  chat_items/messages.txt, written by hand with the class of each line.   Out: precision and
recall of each class and the confusions, for the half that rules were tuned on and the held-out
half; milliseconds of CPU a message.

Every second line of a class is held out: written by the same author before the rules, never
listed while they were tuned. It says what the rules cover, not how they meet another shop's chat.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from livehost.brain.chat.classes import Class, read

FILE = Path(__file__).with_name("chat_items") / "messages.txt"
HALVES = ("tuned", "held_out")


def lines(file: Path = FILE) -> dict[str, list[str]]:
    """Return the lines of each class, in the order of the file."""
    found: dict[str, list[str]] = {}
    of = ""
    for line in file.read_text("utf-8").splitlines():
        if line[:1] == "[" and line[1:-1] in set(Class):
            of = line[1:-1]
        elif line and line[0] != "#":
            found.setdefault(of, []).append(line)
    return found


def judged(half: int) -> list[tuple[str, str, str]]:
    """Return (class, what it was read as, text) of one half: 0 tuned, 1 held out."""
    return [(of, read(t).of.value, t) for of, texts in lines().items() for t in texts[half::2]]


def scores(rows: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return accuracy, precision and recall by class, and what was taken for what."""
    right = Counter(of for of, got, _ in rows if of == got)
    wanted, given = Counter(of for of, _, _ in rows), Counter(got for _, got, _ in rows)
    return {
        "lines": len(rows),
        "accuracy": round(right.total() / len(rows), 3),
        "classes": {
            of: {
                "lines": wanted[of],
                "precision": round(right[of] / given[of], 3) if given[of] else None,
                "recall": round(right[of] / wanted[of], 3),
            }
            for of in wanted
        },
        "confused": {
            f"{of} as {got}": count
            for (of, got), count in Counter((o, g) for o, g, _ in rows if o != g).items()
        },
    }


def measure() -> dict[str, Any]:
    """Return the scores of both halves and the time a new message takes."""
    texts = [text for of in lines().values() for text in of]
    for text in texts:
        read(text)
    read.cache_clear()
    began = time.process_time()
    for text in texts:
        read(text)
    milliseconds = (time.process_time() - began) / len(texts) * 1000
    halves = {name: scores(judged(half)) for half, name in enumerate(HALVES)}
    return {**halves, "cpu_ms_a_message": round(milliseconds, 3)}


if __name__ == "__main__":
    print(json.dumps(measure(), ensure_ascii=False, indent=1))
    if "--wrong" in sys.argv:
        print(*(row for row in judged(0) if row[0] != row[1]), sep="\n")
