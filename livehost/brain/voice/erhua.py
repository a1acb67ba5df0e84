"""Erhua: the 儿 that is no syllable of its own but colours the one before it.

In:  words with their syllables.   Out: the same, with 玩儿 as one syllable, wanr2.
"""

from __future__ import annotations

import re

Word = tuple[str, list[str]]

_OWN_SYLLABLE = re.compile(
    "(?:[女婴幼少胎孤健宠育男患弃孙侄妻托乳聋早产新生混血弄潮低能脑瘫普]|^小|(?<!小)孩|^)$"
)
"""What stands before a 儿 that means a child, or that is part of a name."""
_BEFORE_CHILD = re.compile("^[子童歌科媳女时孙戏郎茶所]")


def with_erhua(words: list[Word]) -> list[Word]:
    """Return `words` with 儿 merged into the syllable before it where it is only an ending."""
    out: list[Word] = []
    text = "".join(word for word, _ in words)
    at = 0
    for word, syllables in words:
        kept: list[tuple[str, str]] = []
        for n, (character, syllable) in enumerate(zip(word, syllables, strict=True)):
            last = kept[-1] if kept else None
            if character != "儿" or not _is_ending(text, at + n):
                kept.append((character, syllable))
            elif last:
                kept[-1] = (last[0], coloured(last[1]))
            elif out and out[-1][1]:
                out[-1] = (out[-1][0], [*out[-1][1][:-1], coloured(out[-1][1][-1])])
        at += len(word)
        if kept:
            out.append(("".join(c for c, _ in kept), [s for _, s in kept]))
    return out


def _is_ending(text: str, at: int) -> bool:
    before, after = text[max(0, at - 2) : at], text[at + 1 : at + 2]
    return bool(at) and not _OWN_SYLLABLE.search(before) and not _BEFORE_CHILD.search(after)


def coloured(syllable: str) -> str:
    """Return `syllable` with its r: "wan2" is "wanr2"; what cannot take one stays."""
    plain, tone = syllable[:-1], syllable[-1:]
    return syllable if not plain or plain.endswith("r") else f"{plain}r{tone}"
