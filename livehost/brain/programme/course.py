"""The way through the rundown: what follows a line, when a segment ends, what is passed over.

In:  segments, the wall clock, how busy the chat is, what sounded when.   Out: places in the script.

Pure: the caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from livehost.brain.intent import Place
from livehost.brain.script import Line, Segment

STEP = 30.0
"""Seconds at most that count between two signs of life: a pause and a restart cost no time."""


Arranged = Callable[[Sequence[Segment], int], Sequence[Segment]]
"""Returns the segments of a round in the order they are spoken."""


def as_they_stand(segments: Sequence[Segment], _round: int) -> Sequence[Segment]:
    """Return the segments as the rundown has them, in every round."""
    return segments


class Course:
    """Places, one after the other.

    Args:
        segments: returns the rundown in force, never empty; a reload may change it.
        wall: returns the present.
        busy: whether optional lines are left out now.
        kept: what `to_json` gave.
        arranged: returns the segments of a round as an experiment wants them; never none.
    """

    def __init__(
        self,
        segments: Callable[[], Sequence[Segment]],
        wall: Callable[[], datetime],
        busy: Callable[[], bool] = lambda: False,
        kept: Mapping[str, Any] | None = None,
        arranged: Arranged = as_they_stand,
    ) -> None:
        kept = kept or {}
        self._segments = segments
        self._arranged = arranged
        self._wall = wall
        self._busy = busy
        self._index = 0  # of the present segment, in case a reload removes it
        self._in: tuple[str, int] | None = _visit(kept.get("in"))
        self._again = int(kept.get("again", 0))  # of the line that sounded last
        self.spent = float(kept.get("spent", 0.0))
        self._at: float | None = None
        self._more: dict[str, int] = {k: int(n) for k, n in kept.get("more", {}).items()}
        self.wanted: str | None = kept.get("wanted")
        """The segment that the operator wants to hear once more."""
        self._empty: list[str] = []

    def to_json(self) -> dict[str, Any]:
        """Return what a restart needs."""
        return {
            "in": list(self._in) if self._in else None,
            "again": self._again,
            "spent": round(self.spent, 1),
            "more": self._more,
            "wanted": self.wanted,
        }

    # --- what is where ----------------------------------------------------------------------------

    @property
    def segments(self) -> Sequence[Segment]:
        """The rundown in force."""
        return self._segments()

    def segment(self, place: Place) -> Segment:
        """Return the segment of a place."""
        return self._segments()[self.index(place)]

    def line(self, place: Place) -> tuple[Segment, Line]:
        """Return the segment and line of a place."""
        place = self.resolved(place)
        segment = self.segment(place)
        return segment, segment.lines[place.line]

    def turn(self, place: Place) -> int:
        """Return which wording of its line a place takes: each way through takes another one."""
        return place.round + self._more.get(place.segment, 0) + place.again

    def index(self, place: Place) -> int:
        """Return the index of the segment of a place, of a near one when it is gone."""
        segments = self._segments()
        found = (n for n, segment in enumerate(segments) if segment.id == place.segment)
        return next(found, min(self._index, len(segments) - 1))

    def resolved(self, place: Place) -> Place:
        """Return `place`, or the nearest one that exists after a reload."""
        segments = self._segments()
        index = self.index(place)
        segment = segments[index]
        if segment.id != place.segment:
            return Place(segment.id, round=place.round)
        if place.line >= len(segment.lines):
            return self.top_of(segments[(index + 1) % len(segments)].id, place)
        return place

    def top_of(self, segment: str, before: Place) -> Place:
        """Return the beginning of `segment` after `before`; going back begins another round."""
        back = self.index(Place(segment)) <= self.index(before)
        return Place(segment, round=before.round + back)

    # --- what follows -----------------------------------------------------------------------------

    def after(self, place: Place) -> Place:
        """Return the line after that of `place`."""
        place = self.resolved(place)
        segment = self.segment(place)
        line = self._line_from(segment, place.line + 1)
        if self._over(segment):
            return self._next_segment(place)
        if line < len(segment.lines):
            return replace(place, line=line, sentence=0)
        if self._once_more(segment, place):
            first = self._line_from(segment, 0) % len(segment.lines)
            return replace(place, line=first, sentence=0, again=place.again + 1)
        return self._next_segment(place)

    def open_from(self, place: Place) -> Place | None:
        """Return `place`, or the next one that is on now; None when nothing is.

        A line that has begun is ended.
        """
        place = self.resolved(place)
        segment = self.segment(place)
        inside = place.line > 0 or place.again > 0
        if place.sentence or not (self._over(segment) if inside else self._closed(segment)):
            return place
        place = self._next_segment(place)
        return None if self._closed(self.segment(place)) else place

    def upcoming(self, place: Place, count: int) -> list[Place]:
        """Return the next `count` lines, each once."""
        place, places = self.resolved(place), list[Place]()
        seen: set[tuple[str, int]] = set()
        while len(places) < count and (place.segment, place.line) not in seen:
            seen.add((place.segment, place.line))
            places.append(replace(place, sentence=0))
            line = place.line + 1
            if line < len(self.segment(place).lines):
                place = replace(place, line=line, sentence=0)
            else:
                place = self._next_segment(place)
        return places

    def _line_from(self, segment: Segment, line: int) -> int:
        while line < len(segment.lines) and segment.lines[line].optional and self._busy():
            line += 1
        return line

    def _closed(self, segment: Segment) -> bool:
        return not segment.window.open(self._wall())

    def _over(self, segment: Segment) -> bool:
        here = self._in is not None and self._in[0] == segment.id
        late = here and 0 < segment.seconds <= self.spent and self.wanted != segment.id
        return late or self._closed(segment)

    def _once_more(self, segment: Segment, place: Place) -> bool:
        if self.wanted == segment.id or segment.seconds:
            return True
        return place.again + 1 < segment.repeat

    def _next_segment(self, place: Place) -> Place:
        """Return the top of the next segment that is on; of the next one when none is."""
        left = [Place(s.id, round=place.round) for s in self._left(place)]
        again = self._arranged(self._segments(), place.round + 1)
        order = [*left, *(Place(s.id, round=place.round + 1) for s in again)]
        return next((p for p in order if not self._closed(self.segment(p))), order[0])

    def _left(self, place: Place) -> Sequence[Segment]:
        """Return the segments that follow that of `place` in its round."""
        segments = self._segments()
        order = list(self._arranged(segments, place.round))
        names = [segment.id for segment in order]
        if place.segment in names:
            return order[names.index(place.segment) + 1 :]
        after = {segment.id for segment in segments[self.index(place) + 1 :]}
        return [segment for segment in order if segment.id in after]

    # --- what happened ----------------------------------------------------------------------------

    def alive(self, now: float) -> None:
        """Note that something sounds or has sounded at `now` (the loop's time)."""
        if self._at is not None and self._in is not None:
            self.spent += min(STEP, max(0.0, now - self._at))
        self._at = now

    def reached(self, place: Place) -> bool:
        """Note that `place` sounds; return whether a segment begins with it."""
        self._index = self.index(place)
        self._empty.clear()
        visit = place.segment, place.round
        if visit != self._in:
            if self._in and self._again:
                name = self._in[0]
                self._more[name] = self._more.get(name, 0) + self._again
            self._in, self._again, self.spent = visit, place.again, 0.0
            return True
        if place.again > self._again and self.wanted == place.segment:
            self.wanted = None
        self._again = place.again
        return False

    def empty(self, place: Place) -> Place:
        """Return what follows a line that has nothing to say now.

        A segment that is gone through again and again must not do that in silence.
        """
        self._empty.append(place.segment)
        lines = len(self.segment(place).lines)
        all_of_it = self._empty[-lines:] == [place.segment] * lines
        return self._next_segment(self.resolved(place)) if all_of_it else self.after(place)

    def silent(self) -> bool:
        """Return whether a whole round had nothing to say; asking begins a new count."""
        silent = len(self._empty) > sum(len(segment.lines) for segment in self._segments())
        if silent:
            self._empty.clear()
        return silent

    def left(self) -> None:
        """Note that the show goes elsewhere: the time in this segment does not count."""
        if self._in and self._again:
            self._more[self._in[0]] = self._more.get(self._in[0], 0) + self._again
        self._in, self._again, self.wanted = None, 0, None


def _visit(value: Any) -> tuple[str, int] | None:
    return (str(value[0]), int(value[1])) if value else None
