"""Commands on the rundown: see it, go elsewhere in it, change it for this run, flash sales.

In:  an operator's words.   Out: what the director and the speaker do next.

Changes lie over the file and hold for this run of the room; every new wording passes the gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livehost.brain.chat.message import MOST_TEXT, clean
from livehost.brain.command import Args, Nothing, Outcome, Role, Who, command
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.programme.overlay import OVERLAY
from livehost.brain.programme.view import View
from livehost.brain.script import Line, Segment, fill, unknown_slot
from livehost.brain.sentences import split

if TYPE_CHECKING:
    from livehost.brain.app import Show


class Which(Args):
    """A segment by its id."""

    segment: str


class Inserted(Args):
    """A line for the rundown.

    Attributes:
        segment: where; "" is the one on air.
        line: index after which it is said; None: at once on air, elsewhere at the end.
        was: what the line `line` says as the operator sees it, see `Known`.
    """

    text: str
    segment: str = ""
    line: int | None = None
    was: str | None = None


class Known(Args):
    """A line as the operator sees it.

    Attributes:
        line: its index.
        was: what it says. It is found by this where others were put in before it; when no line
            says so any more, nothing is done. None: the index counts.
    """

    segment: str
    line: int
    was: str | None = None


class Edited(Known):
    """Other words for a line."""

    text: str


class Ordered(Args):
    """Ids of segments in their new order; those not named follow as before.

    Attributes:
        was: the order as the operator sees it; when it is another one, nothing is done.
    """

    order: list[str]
    was: list[str] | None = None


GONE = Outcome(False, "that line was changed or taken out meanwhile; look again", code="gone")
MOVED = Outcome(False, "segments were moved meanwhile; look at the order again", code="moved")


class Pinned(Args):
    """A product whose card is shown whatever is talked about; "" none."""

    product: str = ""


class Sale(Args):
    """A flash sale of the rundown.

    Attributes:
        minutes: how long it goes on; None takes the rundown's.
        stop: end it instead.
    """

    id: str
    minutes: float | None = None
    stop: bool = False


class ProgrammeCommands:
    """Steers the rundown."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._view = View(show)

    @command(Role.VIEWER, quiet=True)
    def rundown(self, _: Nothing, __: Who) -> Outcome:
        """Show the whole rundown, where the show is, and what comes next and why."""
        return Outcome(True, "", self._view.look())

    @command(Role.OPERATOR, Which)
    def goto(self, args: Which, _: Who) -> Outcome:
        """Go to a segment."""
        if self._segment(args.segment) is None:
            return self._no_segment()
        self._show.director.go_to(args.segment)
        self._save()
        self._show.speaker.cut(resume=False)
        self._show.speaker.plan()
        return Outcome(True, f"now at segment {args.segment}", {"segment": args.segment})

    @command(Role.OPERATOR)
    def repeat(self, _: Nothing, __: Who) -> Outcome:
        """Go through the segment on air once more after its end."""
        segment = self._show.director.cursor.segment
        self._show.director.course.wanted = segment
        self._show.director.replan()
        self._changed()
        return Outcome(True, f"segment {segment} once more", {"segment": segment})

    @command(Role.OPERATOR, Inserted)
    def insert(self, args: Inserted, _: Who) -> Outcome:
        """Put a line into the rundown for this run; without a place it is said next."""
        director = self._show.director
        here = director.on_line
        segment = self._segment(args.segment or here.segment)
        if segment is None:
            return self._no_segment()
        on_air = segment.id == here.segment
        last = here.line if on_air else len(segment.lines) - 1
        after = last if args.line is None else args.line
        if args.was is not None:
            if (found := _find(segment, after, args.was)) is None:
                return GONE
            after = found
        if not -1 <= after < len(segment.lines) or (on_air and after < here.line):
            least = here.line if on_air else -1
            return Outcome(False, f"line is {least} to {len(segment.lines) - 1} now", code="args")
        if wrong := self._stopped(args.text, segment):
            return wrong
        line, text = segment.lines[after] if after >= 0 else None, clean(args.text)
        self._show.overlay.insert(segment.id, line, text)
        director.inserted(segment.id, after + 1)
        self._changed()
        return Outcome(True, "put in", {"segment": segment.id, "line": after + 1, "text": text})

    @command(Role.OPERATOR, Edited)
    def edit(self, args: Edited, _: Who) -> Outcome:
        """Change the words of a line that is not on air, for this run."""
        place = self._line(args)
        if isinstance(place, Outcome):
            return place
        segment, n = place
        here = self._show.director.on_line
        if (segment.id, n) == (here.segment, here.line):
            return Outcome(False, "that line is on air; change it afterwards", code="busy")
        if wrong := self._stopped(args.text, segment):
            return wrong
        text = clean(args.text)
        self._show.overlay.edit(segment.id, segment.lines[n], text)
        self._changed()
        return Outcome(
            True, "changed for this run", {"segment": segment.id, "line": n, "text": text}
        )

    @command(Role.OPERATOR, Known)
    def remove(self, args: Known, _: Who) -> Outcome:
        """Take a line out that was put in for this run."""
        place = self._line(args)
        if isinstance(place, Outcome):
            return place
        segment, n = place
        here = self._show.director.on_line
        if segment.id == here.segment and n <= here.line:
            return Outcome(False, "that line is on air or was said; too late for it", code="busy")
        if not self._show.overlay.remove(segment.id, segment.lines[n]):
            return Outcome(False, "that line stands in the file; edit it there", code="args")
        self._show.director.replan()
        self._changed()
        return Outcome(True, "taken out", {"segment": segment.id, "line": n})

    @command(Role.OPERATOR, Ordered)
    def reorder(self, args: Ordered, _: Who) -> Outcome:
        """Put the segments into another order for this run."""
        known = [segment.id for segment in self._show.director.course.segments]
        if len(set(args.order)) < len(args.order) or not set(args.order) <= set(known):
            return Outcome(
                False, f"order names each segment once; there are {', '.join(known)}", code="args"
            )
        if args.was is not None and args.was != known:
            return MOVED
        self._show.overlay.reorder(args.order)
        self._show.director.replan()
        self._changed()
        return Outcome(True, "reordered for this run")

    @command(Role.OPERATOR)
    def rundown_reset(self, _: Nothing, __: Who) -> Outcome:
        """Go back to the rundown as the file has it."""
        if not self._show.overlay.changed:
            return Outcome(True, "the rundown is that of the file")
        self._show.overlay.reset()
        self._show.director.rewind()
        self._show.director.replan()
        self._changed()
        return Outcome(True, "back to the file")

    @command(Role.OPERATOR, Pinned)
    def pin(self, args: Pinned, _: Who) -> Outcome:
        """Keep a product's card on the picture, or let it follow what is talked about."""
        products = self._show.catalog.products
        if args.product and args.product not in products:
            return Outcome(False, f"no such product; there are {', '.join(products)}")
        self._show.overlay.pinned = args.product or None
        self._changed()
        said = f"{args.product} stays on the card" if args.product else "the card follows the talk"
        return Outcome(True, said)

    @command(Role.OPERATOR, Sale)
    def flash_sale(self, args: Sale, _: Who) -> Outcome:
        """Start a flash sale of the rundown now, or end one; its price is that of the card."""
        if args.minutes is not None and not 0.5 <= args.minutes <= 24 * 60:
            return Outcome(False, "minutes is 0.5 to 1440", code="args")
        sales, now = self._show.programme.sales, self._show.programme.wall()
        done = sales.stop(args.id, now) if args.stop else sales.start(args.id, args.minutes, now)
        if isinstance(done, str):
            return Outcome(False, done)
        self._save()
        self._show.timer.look()
        values = {"start": done.start.isoformat(), "end": done.end.isoformat()}
        return Outcome(True, f"over: {args.id}" if args.stop else f"on until {done.end:%H:%M:%S}",
                       values)  # fmt: skip

    # --- shared -----------------------------------------------------------------------------------

    def _segment(self, name: str) -> Segment | None:
        segments = self._show.director.course.segments
        return next((segment for segment in segments if segment.id == name), None)

    def _line(self, args: Known) -> tuple[Segment, int] | Outcome:
        """Return the line that an operator means, or why there is none."""
        segment = self._segment(args.segment)
        if segment is None:
            return self._no_segment() if args.was is None else GONE
        if (n := _find(segment, args.line, args.was)) is not None:
            return segment, n
        last = len(segment.lines) - 1
        return GONE if args.was else Outcome(False, f"line is 0 to {last}", code="args")

    def _no_segment(self) -> Outcome:
        known = ", ".join(segment.id for segment in self._show.director.course.segments)
        return Outcome(False, f"no such segment; there are {known}", code="args")

    def _stopped(self, text: str, segment: Segment) -> Outcome | None:
        """Return why a wording may not be said in a segment, None when it may."""
        if not (text := clean(text)) or len(text) > MOST_TEXT:
            return Outcome(False, f"a line has 1 to {MOST_TEXT} characters", code="args")
        if self._show.overlay.full:
            return Outcome(False, "too many changes; go back to the file first", code="busy")
        if wrong := unknown_slot(text):
            return Outcome(False, wrong, code="args")
        product = self._show.writer.product(segment.product)
        said = fill(Line(text), product, self._show.programme.wall())
        if said is None:
            return Outcome(False, "a slot of it has no value on the card now", code="args")
        intent = Intent(IntentKind.SCRIPT, "", segment.product)
        for sentence in split(said):
            judged = self._show.writer.judged(sentence, intent)
            if judged.rule:
                why = f"「{judged.found}」 is stopped by rule {judged.rule}; reword it"
                values = {"rule": judged.rule, "found": judged.found}
                return Outcome(False, why, values, "gate")
        return None

    def _changed(self) -> None:
        """Write a change down and have what is prepared made anew."""
        self._save()
        self._show.speaker.renew()

    def _save(self) -> None:
        self._show.state.flag(OVERLAY, self._show.overlay.to_json())
        self._show.speaker.on_air.save()


def _find(segment: Segment, line: int, was: str | None) -> int | None:
    """Return the index of the line that says `was`, the nearest to `line`; None without one."""
    if was is None:
        return line if 0 <= line < len(segment.lines) else None
    alike = (n for n, each in enumerate(segment.lines) if each.text == was)
    return min(alike, key=lambda n: abs(n - line), default=None)
