"""What is no speech in a text: markup and faces made of signs; and traditional characters.

In:  text as it is written.   Out: the same without them, in simplified characters.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_TAG = re.compile(r"</?[A-Za-z!][^<>]{0,500}>")
_COMMENT = re.compile(r"<!--.{0,500}?-->", re.DOTALL)
_ENTITIES = {"&nbsp;": " ", "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "", "&#39;": "'"}
_ENTITY = re.compile("|".join(map(re.escape, _ENTITIES)))
_FACE_SIGNS = "^＾_*=•̀́﹏﹃ωдДεзㅂ∀∇▽△´`ˊˋ≧≦◕◡ಠ◉⊙⌒¯ツ㉨ﾟ°╥┳益皿口▔┻━;≡"
_FACE = re.compile(
    rf"[(（](?=[^()（）]{{0,20}}[{re.escape(_FACE_SIGNS)}])"
    r"(?:(?![\u4e00-\u9fff0-9]|[A-Za-z]{2})[^()（）]|[口皿益]){1,20}[)）][و✧ง✿ノﾉシ]*"
)
_WESTERN_FACE = re.compile(
    r"(?<![\w.])(?:T[_.^]T|Q[_.]?Q|QAQ|TAT|O[_.]O|o[_.]o|0[_.]0|[>≥][_.]?[<≤]|\^[_.\-o]?\^|-_-\|*|=[_.]=|"
    r"orz|ORZ|XD|[:;=]['-]?[)(DPp3])(?![\w])"
)


def without_markup(text: str) -> str:
    """Return `text` without tags, as of SSML and HTML, and without faces like (^_^) and T_T."""
    text = _TAG.sub("", _COMMENT.sub("", text))
    text = _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)
    return _WESTERN_FACE.sub("", _FACE.sub("", text))


@cache
def _traditional() -> dict[int, str]:
    file = resources.files("livehost.brain.voice").joinpath("data/traditional.txt")
    lines = (line for line in file.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {ord(pair[0]): pair[1] for line in lines for pair in line.split()}


_ALSO = re.compile("乾(?![坤隆])|後|瞭(?!望)|著(?![名作称書书者])|麽|餘|徵(?=[兆求集])")
_BECOMES = {"乾": "干", "後": "后", "瞭": "了", "著": "着", "麽": "么", "餘": "余", "徵": "征"}


def to_simplified(text: str) -> str:
    """Return `text` in simplified characters; simplified text stays as it is."""
    simplified = text.translate(_traditional())
    if simplified == text and "後" not in text:
        return text
    return _ALSO.sub(lambda match: _BECOMES[match[0]], simplified)
