"""Put the tables of a list, such as all `[[segment]]`, into another order within a TOML text.

In:  a text, which table goes where.   Out: the text; tables that are new are empty.

Comments directly above a table go where it goes. Those above one that is taken out stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from livehost.brain.manuscript.lists import TOKEN

_COMMENTS = re.compile(r"(?:^[ \t]*#[^\n]*\n)+\Z", re.M)
_HEADER = re.compile(r"\[\[?[ \t]*([^\]\n]*?)[ \t]*\]")


@dataclass(slots=True)
class _Part:
    """A table of a text with its comments, or what stands before the first table.

    Attributes:
        lead: comments directly above it.
        ours: it belongs to the list that is changed.
    """

    lead: str
    text: str
    ours: bool = False


def arranged(text: str, key: str, count: int, partners: Sequence[int | None]) -> str:
    """Return a text with the tables of a list in another order.

    Args:
        count: how many there are.
        partners: for each place the index of the table that goes there; None is a new one.
    """
    parts = _parts(text, key)
    ours = [part for part in parts if part.ours]
    if len(ours) != count:
        return text  # their names are written in an odd way
    _leave_comments(parts, ours, [n for n in range(len(ours)) if n not in partners])
    wanted = [ours[n] if n is not None else _Part("", f"[[{key}]]\n", True) for n in partners]
    places = [n for n, part in enumerate(parts) if part.ours]
    for n, place in enumerate(places):
        parts[place] = wanted[n] if n < len(wanted) else _Part("", "")
    parts[places[-1] + 1 : places[-1] + 1] = wanted[len(places) :]
    return _joined(parts)


def _leave_comments(parts: list[_Part], ours: list[_Part], gone: list[int]) -> None:
    for n in gone:
        after = parts.index(ours[n]) + 1
        if not ours[n].lead:
            continue
        if after < len(parts):
            parts[after].lead = ours[n].lead + "\n" + parts[after].lead
        else:
            parts.append(_Part("", ours[n].lead))


def _joined(parts: Sequence[_Part]) -> str:
    text = ""
    for part in parts:
        if text and part.ours and not text.endswith("\n"):
            text += "\n"
        if text and part.ours and not text.endswith("\n\n"):
            text += "\n"
        text += part.lead + part.text
    return text


def _parts(text: str, key: str) -> list[_Part]:
    starts = [*_starts(text), len(text)]
    parts = [_Part("", text[: starts[0]])]
    for start, end in pairwise(starts):
        found = _HEADER.match(text, start)
        name = found[1] if found else ""
        if name.startswith(f"{key}.") and parts[-1].ours:
            parts[-1].text += text[start:end]
            continue
        before = _COMMENTS.search(parts[-1].text)
        lead = before[0] if before else ""
        parts[-1].text = parts[-1].text[: len(parts[-1].text) - len(lead)]
        parts.append(_Part(lead, text[start:end], name == key))
    return parts


def _starts(text: str) -> list[int]:
    """Return where tables begin."""
    starts, at, depth, first = [], 0, 0, True
    for token in TOKEN.findall(text):
        if token == "[" and depth == 0 and first:
            starts.append(at)
        depth += (token in "[{") - (token in "]}")
        first = token == "\n" or (first and token.isspace())
        at += len(token)
    return starts
