"""Whether a claim is denied where it stands: "没有最低价这一说", "不是药，不能治病".

In:  a text and the span of the claim.   Out: True only when the denial is plain.

Everything that is not plainly a denial is a claim: double negation (不是不能治病), boasts
(不是最好的我们不卖), rhetoric (难道不是最好的吗), and a denial that goes on with a way to reach
somebody.
"""

from __future__ import annotations

import re

_STOPS = re.compile(r"[，,。.！!？?；;：:\n]")
_NO = (
    "并不是|不是|并非|不算|算不上|称不上|谈不上|说不上|并没有|没有|没|不会|不能|不可以|不可能|不具有|不具备"
    "|不带|不含|不敢|不说|不搞|不承诺|不保证|不宣传|不吹|不信|别信|不相信|请勿|拒绝|不提供|不支持|不做|不玩|不催|不卖|不向"
    "|无需|不用|不必|不需要|不存在|禁止|不得|不允许|不要|不|别"
)
_BETWEEN = (
    "什么|任何|它|这个|这款|这件|自己|是|有|说|讲|用来|所谓|的|能|会|可以|具有|当|那种|搞|做|提|保证|承诺|具备|用|药品|药物|药|来|宣称|宣传|敢"
    "|给|您|你|打|这种|其他|额外|另外|现在|现成|大家|向|替代|代替|保健|神奇|功效|作用|在|评论区|公屏|弹幕|上|发|写|留|加|陌生人|别人"
    "|私下|相信|把|告诉|人|过|着|会有|几件|骗|一定|真的|那么|通常|参加|使用|治病|养生|治疗|美白|减肥|预防|疾病|泡|长期|、|和|或者?|也"
)
_BEFORE = re.compile(rf"(?:{_NO})(?:{_BETWEEN}|\s){{0,10}}$")
_NOT_BEFORE = re.compile(
    "(?:不能|不得|不会|不可能|不要|不用|没|没有|不|难道|岂|怎么|哪|谁说|谁敢|谁|是|能|会|有|要|可|可以|无|莫)$"
)
_AFTER = re.compile(
    r"(?:的)?(?:这|那)?(?:一|种|个|些|样的?|类)?(?:说法|说|话|词|事|承诺|套|一套)?[，,]?(?:我们|我|咱们?)?(?:可|也|都|就|是)?"
    r"(?:不敢|不会|不能|从来不|绝不|没有|不)(?:这么|这样|乱|随便)?(?:说|讲|提|做|搞|吹|承诺)"
    r"|不.{1,6}的?(?:不说|不敢说|不好说|不重要)|.{0,5}(?:我|咱)?(?:不知道|不清楚|不了解)"
)
_TWIST = re.compile(
    r"^的?[^，,。]{0,4}[，,]?(?:我们|我|咱们?|主播|你们?|您)?(?:绝|都|就|也|根本|从来)?"
    r"(?:不(?:卖|上|推|播|拿|会拿|要钱|收|给)|退|赔|找我|来找|砍|倒贴|包退|免单|谁信|才怪|才是怪)"
)
_BUT = re.compile(
    "而是|只是因为|才怪|我的|找我|加我|联系我|不过(?:它|这)|但(?:它|这个|这款)?(?:能|可以|真的)|照样"
    "|[a-z0-9]{4,}",
    re.I,
)
_CANNOT = re.compile("不[了好]")
_ASKS = re.compile(r"[吗么嘛]\s*[。！!？?]*$|[？?]")


def denied(text: str, start: int, end: int) -> bool:
    """Return whether what stands at [start:end] of the original text is plainly denied."""
    rest = text[end:]
    clause_end = _STOPS.search(rest)
    clause = rest[: clause_end.end()] if clause_end else rest
    if _ASKS.search(clause) or _TWIST.match(rest) or _BUT.search(rest):
        return False
    if _CANNOT.search(text[start:end]):
        return False  # 没有它治不了的病 is a boast
    return _denied_before(text[:start]) or bool(_AFTER.match(rest))


def _denied_before(before: str) -> bool:
    breaks = [m.end() for m in _STOPS.finditer(before)]
    clause = before[breaks[-1] if breaks else 0 :]
    no = _BEFORE.search(clause)
    return bool(no) and not _NOT_BEFORE.search(clause[: no.start()] if no else "")
