"""What misaki reads, as pinyin; run by `benchmarks.text` in an environment that has misaki[zh].

In:  JSON list of texts on stdin; the version of its Mandarin alphabet as argument.
Out: JSON list of lists of syllables, Latin and unknown parts left out.
"""

from __future__ import annotations

import json
import re
import sys

from misaki.zh import ZHG2P
from misaki.zh_frontend import ZH_MAP
from pypinyin import pinyin_dict
from pypinyin.contrib.tone_convert import to_finals, to_initials, to_normal

NON_SYLLABIC = chr(815)  # misaki takes it out of what it returns
RETROFLEX = ("zh", "ch", "sh", "r")


def syllables() -> set[str]:
    """Return every toneless syllable that pypinyin knows."""
    readings = (r for value in pinyin_dict.pinyin_dict.values() for r in value.split(","))
    return {to_normal(reading, v_to_u=False) for reading in readings}


def bopomofo(syllable: str) -> str:
    """Return a toneless syllable as version 1.1 writes it."""
    initial = to_initials(syllable, strict=True)
    final = to_finals(syllable, strict=True, v_to_u=False).replace("ü", "v")
    if final == "i" and initial in (*RETROFLEX, "z", "c", "s"):
        final = "iii" if initial in RETROFLEX else "ii"
    return ZH_MAP.get(initial, "") + ZH_MAP.get(final, "?")


def back(written: dict[str, str], text: str, tones: str) -> list[str]:
    """Return the syllables that `text` was written from, longest first at each place."""
    shapes = "|".join(sorted(map(re.escape, written), key=len, reverse=True))
    found = re.finditer(rf"({shapes})(R?)([{tones}])", text)
    return [written[m[1]] + ("r" if m[2] else "") + m[3] for m in found]


def new(texts: list[str]) -> list[list[str]]:
    written = {bopomofo(s): s for s in sorted(syllables(), reverse=True) if s}
    reader = ZHG2P("1.1")
    return [back(written, reader(text)[0], "1-5") for text in texts]


def old(texts: list[str]) -> list[list[str]]:
    written: dict[str, str] = {}
    for syllable in sorted(syllables(), reverse=True):
        for tone in "12345":
            shape = f"{syllable}{tone}"
            try:
                written[ZHG2P.py2ipa(shape).replace(NON_SYLLABIC, "")] = shape
            except Exception:
                continue
    shapes = re.compile("|".join(sorted(map(re.escape, written), key=len, reverse=True)))
    reader = ZHG2P()
    return [[written[m] for m in shapes.findall(reader(text)[0])] for text in texts]


if __name__ == "__main__":
    read = old if sys.argv[1] == "1.0" else new
    print(json.dumps(read(json.loads(sys.stdin.read()))))
