"""Cut text into sentences that can be spoken one at a time, Chinese and English.

In:  a text, or a stream of pieces of one.   Out: sentences in order; `joined`, they are the text.

A sentence ends at 。！？!?；; a newline, or a full stop that is not inside a number, a web address
or an abbreviation; never inside quotes or brackets. One that goes on for long is cut at a comma:
nobody can be answered before the sentence on air is over. Short ones are joined to the next. The
first one is cut earliest: it decides how long the viewer waits.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable

MOST = 45
"""Characters of a sentence; Latin letters count a half, as they are spoken twice as fast."""
LEAST = 6
FIRST = 12
"""The first sentence is cut at the first comma once it is this long."""
LATER = 16
"""The same for those after it: an answer waits for the end of the sentence on air."""
_NEAR = 0.12  # of a sentence
_REST = 10
"""Characters that must follow before a sentence is cut at a comma."""

_ENDS = "。！？!?；;…\n"
_PAUSES = "，,、：:—"
_OPEN = {"“": "”", "「": "」", "『": "』", "（": "）", "(": ")", "《": "》", "【": "】", "‘": "’"}
_CLOSERS = "”」』）)》】’\"'"
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|no|vs|etc|e\.g|i\.e|approx|st|[a-z])\.$", re.I
)


def split(text: str) -> list[str]:
    """Return the sentences of a text; blanks around them are dropped, nothing else is."""
    out: list[str] = []
    rest = text
    while rest:
        cut = _cut(rest, first=not out, final=True)
        piece, rest = rest[:cut].strip(), rest[cut:]
        stump = out and _weight(piece) < LEAST and _weight(out[-1] + piece) <= MOST
        if stump or (out and not speakable(piece)):
            out[-1] = joined((out[-1], piece))
        elif speakable(piece):
            out.append(piece)
    return out


async def from_stream(pieces: AsyncIterable[str]) -> AsyncIterator[str]:
    """Yield each sentence as soon as it is complete. Cancelling closes the stream."""
    held, first = "", True
    async for piece in pieces:
        held += piece
        while cut := _cut(held, first=first, final=False):
            sentence, held = held[:cut].strip(), held[cut:]
            if speakable(sentence):
                yield sentence
                first = False
    for sentence in split(held):
        yield sentence


def joined(sentences: Iterable[str]) -> str:
    """Return sentences as one text, with a blank before an English one."""
    whole = ""
    for text in sentences:
        apart = whole[-1:] in tuple(".!?;:,") and text[:1].isascii() and text[:1].isalnum()
        whole += f" {text}" if apart else text
    return whole


def speakable(text: str) -> bool:
    """Return whether there is anything in `text` that a voice could say."""
    return any(char.isalnum() for char in text)


def rest(text: str, share: float) -> str:
    """Return what follows the mark nearest to `share` of a sentence; all of it if none is near."""
    whole = _weight(text)
    marks = [n + 1 for n, char in enumerate(text[:-1]) if char in _PAUSES + _ENDS]
    off = [(abs(_weight(text[:at]) / whole - share), at) for at in marks]
    nearest, at = min(off, default=(1.0, 0))
    return text[at:] if nearest <= _NEAR else text


def _weight(text: str) -> float:
    return sum(0.5 if char.isascii() else 1.0 for char in text)


def _cut(text: str, *, first: bool, final: bool) -> int:
    """Return where the first sentence of `text` ends; 0 when that cannot be said yet."""
    weight, pause, closing = 0.0, 0, ""
    for at, char in enumerate(text):
        weight += 0.5 if char.isascii() else 1.0
        closing = _quoted(char, closing)
        if not final and at + 1 >= len(text):
            return 0  # what follows decides: 199.|9, 。|”
        if not closing and weight >= LEAST and _ends(text, at):
            return _with_closers(text, at + 1)
        if char in _PAUSES and not _in_number(text, at):
            long_enough = weight >= (FIRST if first else LATER)
            if long_enough and char != "、" and not closing and _goes_on(text, at + 1):
                return at + 1
            pause = at + 1
        if weight >= MOST:
            return _forced(text, at, pause)
    return len(text) if final else 0


def _goes_on(text: str, at: int) -> bool:
    """Whether enough follows a comma to be a sentence of its own."""
    following = text[at : at + _REST]
    return len(following) == _REST and not any(char in _ENDS for char in following)


def _quoted(char: str, closing: str) -> str:
    if closing:
        return "" if char == closing else closing
    return _OPEN.get(char, "")


def _ends(text: str, at: int) -> bool:
    char, behind = text[at], text[at + 1 : at + 2]
    if char in _ENDS:
        return behind not in _ENDS or not behind
    if char != "." or not (behind == "" or behind.isspace() or behind in _CLOSERS):
        return False
    return not _ABBREVIATION.search(text[: at + 1])


def _in_number(text: str, at: int) -> bool:
    return text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit() and text[at].isascii()


def _with_closers(text: str, at: int) -> int:
    while at < len(text) and text[at] in _CLOSERS:
        at += 1
    return at


def _forced(text: str, at: int, pause: int) -> int:
    """End a sentence that is too long: at its last comma, else between words, else here."""
    if pause and _weight(text[:pause]) >= LEAST:
        return pause
    space = text.rfind(" ", 0, at + 1)
    if space > at // 2:
        return space + 1
    while 0 < at < len(text) and _sticks(text[at - 1], text[at]):
        at -= 1
    return max(at, 1)


def _sticks(left: str, right: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in ".,:%") for char in (left, right))
