"""The rundown as the operator sees it: segments, lines, where the show is, what comes next and why.

In:  the parts of a show.   Out: JSON values.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

from livehost.brain.product import plain
from livehost.brain.programme.asides import Aside
from livehost.brain.programme.clock import clock
from livehost.brain.programme.sales import FlashSale
from livehost.brain.script import Line, Segment

if TYPE_CHECKING:
    from livehost.brain.app import Show

Lines = tuple[Line, ...]
AHEAD = 6
"""Script lines that are told of in advance."""


class View:
    """The rundown of a show.

    Lines of a segment that did not change are the same list every time.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._lines: dict[str, tuple[Lines, list[dict[str, Any]]]] = {}

    def look(self) -> dict[str, Any]:
        """Return the whole rundown; keys are described in docs/scripts.md."""
        show, programme = self._show, self._show.programme
        now, wall = asyncio.get_running_loop().time(), programme.wall()
        cursor, plan = show.director.cursor, show.catalog.plan
        return {
            "changed": show.overlay.changed,
            "pinned": show.overlay.pinned,
            "mood": programme.mood(now).value,
            "comments_per_minute": round(programme.rate.per_minute(now), 1),
            "cursor": {
                "segment": cursor.segment,
                "line": cursor.line,
                "sentence": cursor.sentence,
                "round": cursor.round,
                "again": cursor.again,
            },
            "segments": self._segments(wall),
            "next": coming(show, now),
            "announcements": [_aside(show, each, wall) for each in plan.announcements],
            "fillers": [
                {"id": each.id, "lines": [line.text for line in each.lines]}
                for each in plan.fillers
            ],
            "flash_sales": [_sale(show, each, wall) for each in plan.sales],
        }

    def _segments(self, wall: datetime) -> list[dict[str, Any]]:
        before, self._lines = self._lines, {}
        found = []
        for segment in self._show.director.course.segments:
            known = before.get(segment.id)
            if known is None or known[0] is not segment.lines:
                known = segment.lines, _lines(self._show, segment)
            self._lines[segment.id] = known
            found.append({**_segment(self._show, segment, wall), "lines": known[1]})
        return found


def _segment(show: Show, segment: Segment, wall: datetime) -> dict[str, Any]:
    """Return a segment without its lines."""
    course = show.director.course
    here = show.director.cursor.segment == segment.id
    return {
        "id": segment.id,
        "kind": segment.kind.value,
        "product": segment.product,
        "minutes": segment.seconds / 60,
        "repeat": segment.repeat,
        "once_more": course.wanted == segment.id,
        "interrupt": segment.interrupt or show.room.show.interrupt,
        "window": segment.window.said(),
        "open": segment.window.open(wall),
        "on_air": here,
        "spent_seconds": round(course.spent) if here else 0,
    }


def _lines(show: Show, segment: Segment) -> list[dict[str, Any]]:
    return [
        {
            "text": line.text,
            "variants": list(line.variants),
            "emotion": line.emotion,
            "show": line.show or "card",
            "promotion": line.promotion,
            "optional": line.optional,
            "changed": show.overlay.touched(segment.id, line),
        }
        for line in segment.lines
    ]


def coming(show: Show, now: float) -> list[dict[str, Any]]:
    """Return what is said next and why, the first first."""
    director, product = show.director, show.director.product
    first = [{"kind": kind, "why": why} for kind, why in director.waiting()]
    if best := show.inbox.best(now, product):
        first.append({"kind": "reply", "why": f"{best.sort.value}: {best.message.text[:40]}"})
    if director.next is None:
        return [*first, {"kind": "filler", "why": "no segment is on now"}]
    return first + [
        {
            "kind": "script",
            "why": f"rundown {place.segment}, line {place.line + 1}",
            "segment": place.segment,
            "line": place.line,
            "text": director.line(place)[1].text,
        }
        for place in director.upcoming(AHEAD)
    ]


def _aside(show: Show, aside: Aside, wall: datetime) -> dict[str, Any]:
    announcements = show.programme.announcements
    memory, due = announcements.book[aside.id], announcements.due(aside, wall)
    return {
        "id": aside.id,
        "every_minutes": aside.every / 60,
        "at": [clock(minute) for minute in aside.at],
        "window": aside.window.said(),
        "said": memory.count,
        "last": memory.last.isoformat() if memory.last else None,
        "due": due.isoformat() if due else None,
        "lines": [line.text for line in aside.lines],
    }


def _sale(show: Show, sale: FlashSale, wall: datetime) -> dict[str, Any]:
    sales = show.programme.sales
    runs = [run for run in sales.runs(wall) if run.sale.id == sale.id and run.end > wall]
    run, offer = (runs[0] if runs else None), show.catalog.offer(sale)
    on = run is not None and run.start <= wall
    return {
        "id": sale.id,
        "product": sale.product,
        "promotion": sale.promotion,
        "price": plain(offer.price) if offer and offer.price else None,
        "at": [clock(minute) for minute in sale.at],
        "minutes": sale.seconds / 60,
        "on": on,
        "start": run.start.isoformat() if run else None,
        "end": run.end.isoformat() if run else None,
        "left_seconds": round(run.left(wall)) if run and on else None,
    }
