"""What the operator changed in the rundown for this run; the file stays as it is.

In:  another order, other words for a line, lines put in, a pinned product.   Out: segments.

A change of words belongs to the line as it stood in the file: once the file says something else
there, the file counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from livehost.brain.script import Line, Segment

OVERLAY = "overlay"
"""Name of the flag that keeps it over a restart of the brain within the same run."""
MOST_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Edit:
    """Other words for a line.

    Attributes:
        was: the words in the file.
    """

    segment: str
    was: str
    text: str


@dataclass(frozen=True, slots=True)
class Insert:
    """A line put in after the line that says `after` in the file; "" is the segment's top."""

    segment: str
    after: str
    text: str


class Overlay:
    """Changes over a rundown.

    Args:
        kept: what `to_json` gave.

    Attributes:
        pinned: product whose card is shown whatever is talked about; None: none.
    """

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        kept = kept or {}
        self._order: tuple[str, ...] = tuple(kept.get("order", ()))
        self._edits = [Edit(*each) for each in kept.get("edits", ())]
        self._inserts = [Insert(*each) for each in kept.get("inserts", ())]
        self.pinned: str | None = kept.get("pinned")
        self._made: tuple[Sequence[Segment], tuple[Segment, ...]] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "order": list(self._order),
            "edits": [[e.segment, e.was, e.text] for e in self._edits],
            "inserts": [[i.segment, i.after, i.text] for i in self._inserts],
            "pinned": self.pinned,
        }

    @property
    def changed(self) -> bool:
        """Whether the rundown on air is not that of the file."""
        return bool(self._order or self._edits or self._inserts)

    @property
    def full(self) -> bool:
        """Whether no more changes are taken."""
        return len(self._edits) + len(self._inserts) >= MOST_CHANGES

    def of(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        """Return the rundown with the changes; what the file no longer has is left out."""
        if not self.changed:
            return segments
        if self._made is None or self._made[0] is not segments:
            self._made = segments, tuple(self._ordered(segments))
        return self._made[1]

    def reorder(self, order: Sequence[str]) -> None:
        """Have segments in another order; those not named come after them as in the file."""
        self._order, self._made = tuple(order), None

    def edit(self, segment: str, line: Line, text: str) -> None:
        """Have other words for a line, in all rounds of this run; those of the file undo it."""
        was, self._made = line.text, None
        if (n := self._put_in(segment, line)) is not None:
            self._inserts[n] = replace(self._inserts[n], text=text)
            self._follow(segment, was, text)
            return
        first = next((e.was for e in self._edits if (e.segment, e.text) == (segment, was)), was)
        self._edits = [e for e in self._edits if (e.segment, e.was) != (segment, first)]
        if text != first:
            self._edits.append(Edit(segment, first, text))

    def insert(self, segment: str, after: Line | None, text: str) -> None:
        """Put a line into a segment, after another one."""
        said = after.text if after else ""
        was = (e.was for e in self._edits if (e.segment, e.text) == (segment, said))
        self._inserts.insert(0, Insert(segment, next(was, said), text))
        self._made = None

    def remove(self, segment: str, line: Line) -> bool:
        """Take a line out that was put in; False if it stands in the file."""
        if (n := self._put_in(segment, line)) is None:
            return False
        gone, self._made = self._inserts.pop(n), None
        self._follow(segment, gone.text, gone.after)
        return True

    def _follow(self, segment: str, was: str, now: str) -> None:
        """Have lines that were put in after one follow another one."""
        self._inserts = [
            replace(i, after=now) if (i.segment, i.after) == (segment, was) else i
            for i in self._inserts
        ]

    def _put_in(self, segment: str, line: Line) -> int | None:
        """Return which of the lines put in a line is; None if it stands in the file."""
        known = [(i.segment, i.text) for i in self._inserts]
        here = (segment, line.text)
        return known.index(here) if here in known and not line.where else None

    def reset(self) -> None:
        """Go back to the file; a pinned product stays."""
        self._order, self._edits, self._inserts, self._made = (), [], [], None

    def touched(self, segment: str, line: Line) -> str:
        """Return "edited", "inserted" or "" of a line as it is on air."""
        if self._put_in(segment, line) is not None:
            return "inserted"
        edited = any((e.segment, e.text) == (segment, line.text) for e in self._edits)
        return "edited" if edited else ""

    def _ordered(self, segments: Sequence[Segment]) -> list[Segment]:
        by_id = {segment.id: segment for segment in segments}
        named = [by_id.pop(name) for name in self._order if name in by_id]
        return [self._changed(segment) for segment in (*named, *by_id.values())]

    def _changed(self, segment: Segment) -> Segment:
        mine = [i for i in self._inserts if i.segment == segment.id]
        edits = {e.was: e.text for e in self._edits if e.segment == segment.id}
        if not mine and not edits:
            return segment
        lines = list(self._after("", mine))
        for line in segment.lines:
            text = edits.get(line.text)
            lines.append(replace(line, text=text, variants=()) if text else line)
            lines += self._after(line.text, mine)
        return replace(segment, lines=tuple(lines))

    def _after(self, said: str, mine: Sequence[Insert]) -> Sequence[Line]:
        """Return the lines that were put in after a line, and those put in after them."""
        lines: list[Line] = []
        for insert in mine:
            if insert.after == said:
                lines.append(Line(insert.text))
                lines += self._after(insert.text, [i for i in mine if i is not insert])
        return lines
