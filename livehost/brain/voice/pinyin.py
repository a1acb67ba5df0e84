"""Pinyin to the symbols that Kokoro was taught for Mandarin.

In:  syllables like "zhong1", "lv4", "er2" (tone last, 5 is neutral).   Out: IPA symbols.

Source: the transcription of misaki 0.9 (Apache-2.0), after pinyin-to-ipa (MIT): the voice was
trained on exactly these symbols, so they may not be improved on.
"""

from __future__ import annotations

import re
from functools import lru_cache

TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}

INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l",
    "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ", "x": "ɕ",
    "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s",
}  # fmt: skip

FINALS = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0",
    "o": "wo0", "ong": "ʊ0ŋ", "ou": "ou0", "e": "ɤ0", "ei": "ei0", "en": "ə0n", "eng": "ə0ŋ",
    "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0", "ie": "je0",
    "in": "i0n", "ing": "i0ŋ", "iong": "jʊ0ŋ", "iu": "jou0",
    "u": "u0", "ua": "wa0", "uai": "wai0", "uan": "wa0n", "uang": "wa0ŋ", "ui": "wei0",
    "un": "wə0n", "ueng": "wə0ŋ", "uo": "wo0",
    "v": "y0", "ve": "ɥe0", "van": "ɥɛ0n", "vn": "y0n",
}  # fmt: skip
"""0 marks where the tone goes."""

WHOLE = {
    "er": "ɚ0", "o": "ɔ0", "ê": "ɛ0", "m": "m0", "n": "n0", "ng": "ŋ0", "hm": "hm0", "hng": "hŋ0",
    "wong": "ʊ0ŋ",
}  # fmt: skip
"""Syllables that are read as one."""

_GLIDES = (
    (re.compile(r"^yu"), "v"), (re.compile(r"^yi"), "i"), (re.compile(r"^y"), "i"),
    (re.compile(r"^wu"), "u"), (re.compile(r"^w"), "u"),
)  # fmt: skip
_SPLIT = re.compile(r"^([zcs]h|[bpmfdtnlgkhjqxrzcs])(.+)$")
_LONG_FINALS = {"iou": "iu", "uei": "ui", "uen": "un", "ue": "ve", "io": "o"}


@lru_cache(maxsize=4096)
def to_ipa(syllable: str) -> str:
    """Return the symbols of one syllable with its tone. Raises ValueError if it is not pinyin."""
    plain, tone = syllable[:-1].replace("ü", "v"), syllable[-1:]
    if tone not in TONES:
        raise ValueError(f"{syllable!r} is not pinyin with a tone number")
    shape = WHOLE.get(plain) or _compose(plain) or _coloured(plain)
    if shape is None:
        raise ValueError(f"{syllable!r} is not a Mandarin syllable")
    return shape.replace("0", TONES[tone])


def _coloured(plain: str) -> str | None:
    """Return the shape of a syllable with erhua: "wanr" is that of "wan" without n, then ɚ."""
    shape = _compose(plain[:-1]) if plain.endswith("r") else None
    if shape is None:
        return None
    for ending, becomes in _BEFORE_R:
        if shape.endswith(ending):
            return shape[: -len(ending)] + becomes + "ɚ"
    return shape + "ɚ"


_BEFORE_R = (("0n", "0"), ("ai0", "a0"), ("ei0", "ə0"), ("ɨ0", "ə0"))
"""Endings that give way to the r, longest first."""


def is_syllable(syllable: str) -> bool:
    """Whether `to_ipa` knows `syllable`."""
    try:
        to_ipa(syllable)
    except ValueError:
        return False
    return True


def _compose(plain: str) -> str | None:
    split = _SPLIT.match(plain)
    initial, final = split.groups() if split else ("", _without_glide(plain))
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    if initial in ("zh", "ch", "sh", "r", "z", "c", "s") and final == "i":
        return INITIALS[initial] + "ɨ0"
    shape = FINALS.get(_LONG_FINALS.get(final, final))
    return None if shape is None else INITIALS.get(initial, "") + shape


def _without_glide(plain: str) -> str:
    for written, spoken in _GLIDES:
        if written.match(plain):
            return written.sub(spoken, plain)
    return plain
