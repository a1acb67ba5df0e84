"""Change a list or an inline table within a TOML text; comments and the order of keys stay.

In:  its text as it stands, its values, the new values.   Out: its new text.

A comment in a line of its own stays even when the entry below it is taken out; one behind an entry
goes where its entry goes. Entries are known again by what they say, so that a line that becomes a
table, that is moved, or that has others put in before it keeps its comments.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from difflib import SequenceMatcher
from typing import Any
from unicodedata import east_asian_width

import tomlkit

WIDTH = 96  # columns of a list in one line; Chinese characters take two
TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|\n|[ \t\r]+|.",
    re.S,
)
"""Strings, comments, blanks within a line; all else by characters."""
_INDENT = "\n  "
_ALIKE = 0.3  # share of a text that stays when it is the same line in other words


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a list.

    Attributes:
        lead: blanks and comments before it.
        raw: its text.
        tail: a comment behind it in the same line.
    """

    lead: str
    raw: str
    tail: str = ""


def rewritten(raw: str, old: Any, new: Any, indent: str = "") -> str:
    """Return the text of a value as it should be.

    Args:
        raw: the text of `old`.
        indent: blanks before the line that it begins in.

    Raises:
        TypeError, ValueError: TOML has no such value.
    """
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return raw
    if isinstance(old, list) and isinstance(new, list) and raw.startswith("["):
        return _list(raw, old, new, indent)
    if isinstance(old, Mapping) and isinstance(new, Mapping) and raw.startswith("{"):
        return _table(raw, old, new, indent)
    if isinstance(old, str) and isinstance(new, Mapping) and new.get("text") == old:
        return written(new, indent, {"text": raw})
    return written(like(raw, new), indent)


def written(value: Any, indent: str = "", known: Mapping[str, str] | None = None) -> str:
    """Return the text of a new value.

    Args:
        known: texts of a table's values that stand already, by key.
    """
    if isinstance(value, Mapping):
        pairs = ((key, inner) for key, inner in value.items() if inner is not None)
        told = [f"{_key(k)} = {(known or {}).get(k) or written(v, indent)}" for k, v in pairs]
        return f"{{ {', '.join(told)} }}" if told else "{}"
    if not isinstance(value, list | tuple):
        return str(tomlkit.item(value).as_string())
    rows = [written(inner, indent + "  ") for inner in value]
    row = f"[{', '.join(rows)}]"
    if _width(row) <= WIDTH and "\n" not in row and not (rows and rows[0].startswith("{")):
        return row
    return "[" + "".join(f"\n{indent}  {row}," for row in rows) + f"\n{indent}]"


def _width(text: str) -> int:
    return sum(1 + (east_asian_width(char) in "WF") for char in text)


def like(raw: str, value: Any) -> Any:
    """Return a text as the kind of time that stood there before, all else as it is."""
    if not isinstance(value, str) or not (before := _time(raw)):
        return value
    try:
        return type(before).fromisoformat(value)
    except ValueError:
        return value


def _time(raw: str) -> datetime | date | time | None:
    if not raw[:1].isdigit():
        return None
    value = tomllib.loads(f"x = {raw}")["x"]
    return value if isinstance(value, datetime | date | time) else None


# --- lists ----------------------------------------------------------------------------------------


def _list(raw: str, old: Sequence[Any], new: Sequence[Any], indent: str) -> str:
    entries, end, closed = _entries(raw)
    partners = partners_of(old, new)
    lead = next((e.lead for e in entries if "\n" in e.lead), _INDENT + indent)
    lead = "\n" + lead.rpartition("\n")[2]
    inner = lead[1:] if "\n" in raw else indent
    made = []
    for value, n in zip(new, partners, strict=True):
        if n is None:
            made.append(_Entry(lead if "\n" in raw else " ", written(value, inner)))
        else:
            made.append(replace(entries[n], raw=rewritten(entries[n].raw, old[n], value, inner)))
    ends = _keep_comments(entries, partners, made)
    text = _joined(made, ends + end, closed or not entries, lead)
    fits = _width(text) <= WIDTH and "\n" not in text
    return text if "\n" in raw or fits else written(list(new), indent)


def _keep_comments(
    entries: Sequence[_Entry], partners: Sequence[int | None], made: list[_Entry]
) -> str:
    """Give the comments above entries that are taken out to those that follow; return the rest."""
    places = {n: place for place, n in enumerate(partners) if n is not None}
    kept = ""
    for n, entry in enumerate(entries):
        place = places.get(n)
        if place is None:
            kept += entry.lead.rstrip() if "#" in entry.lead else ""
        elif kept:
            made[place] = replace(made[place], lead=kept + _broken(made[place].lead, entry.lead))
            kept = ""
    return kept


def _joined(entries: Sequence[_Entry], end: str, closed: bool, lead: str) -> str:
    text, commented = "[", False
    for n, entry in enumerate(entries):
        comma = "," if closed or n < len(entries) - 1 else ""
        before = _broken(entry.lead, lead) if commented else entry.lead
        before = before.lstrip(" ") if n == 0 and not before.strip(" ") else before
        text += f"{before}{entry.raw}{comma}{entry.tail}"
        commented = bool(entry.tail)
    if commented or "#" in end:
        end = _broken(end, "\n")
    if "#" in end and "\n" not in end[end.rindex("#") :]:
        end += "\n"
    return text + end + "]"


def _broken(blanks: str, line: str) -> str:
    """Return what stands before an entry so that it begins with a new line."""
    if blanks.lstrip(" \t\r").startswith("\n"):
        return blanks
    return (line if line.startswith("\n") else "\n" + line) + blanks.lstrip(" \t")


def _entries(raw: str) -> tuple[list[_Entry], str, bool]:
    """Return the entries of a list or inline table, what follows them, whether a comma does."""
    found: list[_Entry] = []
    lead = said = after = ""
    depth = 0
    for token in TOKEN.findall(raw[1:-1]):
        if depth == 0 and token == ",":
            found.append(_Entry(lead, said, after.rstrip() if "#" in after else ""))
            lead = said = after = ""
        elif depth == 0 and (token.isspace() or token[0] == "#"):
            lead, after = (lead, after + token) if said else (lead + token, after)
        else:
            said, after = said + after + token, ""
            depth += (token in "[{") - (token in "]}")
    closed = not said
    if said:
        first = after.partition("\n")[0]
        tail = first.rstrip() if "#" in first else ""
        found.append(_Entry(lead, said, tail))
        lead = after[len(tail) :]
    return *_with_tails(found, lead), closed


def _with_tails(found: list[_Entry], end: str) -> tuple[list[_Entry], str]:
    """Give comments behind a comma to the entry before it."""
    leads = [*(entry.lead for entry in found[1:]), end]
    tails = []
    for n, lead in enumerate(leads):
        first, line, rest = lead.partition("\n")
        tails.append(first.rstrip() if "#" in first else "")
        leads[n] = line + rest if "#" in first else lead
    entries = [
        replace(entry, lead=lead, tail=entry.tail + tail)
        for entry, lead, tail in zip(
            found, [*(e.lead for e in found[:1]), *leads], tails[: len(found)], strict=False
        )
    ]
    return entries, leads[-1] if found else end


# --- which entry is which -------------------------------------------------------------------------


def partners_of(old: Sequence[Any], new: Sequence[Any]) -> list[int | None]:
    """Return for each new entry the index of the old one that it was."""
    before, after = [_said(value) for value in old], [_said(value) for value in new]
    partners: list[int | None] = [None] * len(new)
    gaps = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag == "equal":
            partners[j:j_end] = range(i, i_end)
        else:
            gaps.append((range(i, i_end), range(j, j_end)))
    _pair_moved(before, after, partners)
    for olds, news in gaps:
        _pair_reworded(before, after, partners, olds, news)
    return partners


def _pair_moved(before: Sequence[str], after: Sequence[str], partners: list[int | None]) -> None:
    left = [n for n in range(len(before)) if n not in partners]
    for place, said in enumerate(after):
        if partners[place] is not None:
            continue
        if (n := next((n for n in left if before[n] == said), None)) is not None:
            partners[place] = n
            left.remove(n)


def _pair_reworded(
    before: Sequence[str], after: Sequence[str], partners: list[int | None],
    olds: range, news: range,
) -> None:  # fmt: skip
    """Pair what stands between the same neighbours: by its place, or by how alike it is."""
    left = [n for n in olds if n not in partners]
    free = [place for place in news if partners[place] is None]
    if len(left) == len(free):
        for place, n in zip(free, left, strict=True):
            partners[place] = n
        return
    alike = sorted(
        ((_alike(before[n], after[place]), -n, -place) for n in left for place in free),
        reverse=True,
    )
    for share, n, place in alike:
        if share >= _ALIKE and partners[-place] is None and -n not in partners:
            partners[-place] = -n


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, False).ratio()


def _said(value: Any) -> str:
    """Return what an entry is known by: a line by its words, whether it is a table or not."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("id", "name", "text") if key in value), value)
    return repr(value)


# --- inline tables --------------------------------------------------------------------------------


def _table(raw: str, old: Mapping[str, Any], new: Mapping[str, Any], indent: str) -> str:
    entries, _, _ = _entries(raw)
    told, known = [], set()
    for entry in entries:
        key, value = _pair(entry.raw)
        if not key:
            return written(new, indent)  # a dotted key
        known.add(key)
        if new.get(key) is None:
            continue
        text = rewritten(value, old[key], new[key], indent)
        told.append(entry.raw if text == value else f"{_key(key)} = {text}")
    pairs = ((key, inner) for key, inner in new.items() if inner is not None and key not in known)
    told += [f"{_key(key)} = {written(inner, indent)}" for key, inner in pairs]
    pad = " " if raw.startswith("{ ") or not entries else ""
    return f"{{{pad}{', '.join(told)}{pad}}}"


def _pair(raw: str) -> tuple[str, str]:
    """Return key and text of the value of `key = value`; no key if it is dotted."""
    tokens = TOKEN.findall(raw)
    at = tokens.index("=")
    names = tomllib.loads("".join(tokens[:at]) + "= 0")
    ((key, zero),) = names.items()
    return (key if zero == 0 else ""), "".join(tokens[at + 1 :]).strip()


def _key(key: str) -> str:
    return tomlkit.key(key).as_string()
