"""What is said next, why, and what it may interrupt. Pure: no I/O, the caller says what time it is.

In:  the rundown, waiting chat, operator commands, what was heard.   Out: `Intent`s.

`cursor` is the sentence that viewers have not fully heard yet; it is saved and survives everything.
`_next` is where the next script utterance begins: ahead by what is on its way, back after a cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from livehost.brain.chat.inbox import Inbox
from livehost.brain.guests import Courtesy, Guests
from livehost.brain.intent import RANKS, Intent, IntentKind, Part, Place
from livehost.brain.manners import History, Manners
from livehost.brain.owed import Owed
from livehost.brain.programme.course import Arranged, Course, as_they_stand
from livehost.brain.programme.mood import Mood
from livehost.brain.programme.programme import Programme
from livehost.brain.script import Interrupt, Line, Segment

MOST_FOLLOWS = 8  # lines of which is known what follows them
_SCRIPT_RANK = RANKS.index(IntentKind.SCRIPT)
_FILLER_RANK = RANKS.index(IntentKind.FILLER)
USUAL = Courtesy()


class Director:
    """Decide what comes next.

    Args:
        segments: returns the rundown in force, never empty; a reload may change it.
        now: the loop's time at the start.
        place: where the script goes on; None begins at the top.
        round_: of the rundown when it begins at the top.
        noticed: seconds since the last spoken notice, None for a new show.
        programme: what is said beside the script; None: nothing.
        kept: what `to_json` gave in an earlier process.
        arranged: returns the segments of a round as an experiment wants them; never none.

    Attributes:
        cursor: the sentence that viewers have not fully heard yet.
        course: the way through the rundown.
        owed: what will be said in any case.
        tell: told (kind, values) of segments that begin.
        shown: returns the product whose card viewers see.
        held: somebody speaks for the host: nothing but the operator's texts is chosen.
    """

    def __init__(
        self,
        segments: Callable[[], Sequence[Segment]],
        inbox: Inbox,
        manners: Manners,
        history: History,
        *,
        now: float = 0.0,
        courtesy: Courtesy = USUAL,
        place: Place | None = None,
        round_: int = 0,
        noticed: float | None = None,
        programme: Programme | None = None,
        kept: Mapping[str, Any] | None = None,
        arranged: Arranged = as_they_stand,
    ) -> None:
        self.programme = programme or Programme(now=now)
        self.tell: Callable[[str, dict[str, Any]], object] = lambda _kind, _values: None
        self.shown: Callable[[], str | None] = lambda: None
        self._busy = False
        kept = kept or {}
        self.course = Course(
            segments, self.programme.wall, lambda: self._busy, kept.get("course"), arranged
        )
        self._manners = manners
        self._history = history
        self._guests = Guests(inbox, manners, courtesy, now, noticed)
        first = place or Place(arranged(segments(), round_)[0].id, round=round_)
        if kept.get("again") and kept["again"][0] == first.segment:
            first = replace(first, again=int(kept["again"][1]))
        self.cursor = self._next = self.course.resolved(first)
        self._begun: Place | None = None
        self._follows: dict[Place, Place] = {}
        self.held = False
        self._epoch = int(kept.get("epoch", 0))
        self._broken_off: tuple[Place, Part] | None = None
        self.owed = Owed(self.programme.wall, kept.get("owed", ()))

    # --- choosing ---------------------------------------------------------------------------------

    def choose(self, now: float, better_than: Intent | None = None) -> Intent | None:
        """Return what to say next and take it out of its queue; `put_back` returns it.

        Args:
            better_than: return None unless something of higher rank waits.
        """
        limit = better_than.rank if better_than else _SCRIPT_RANK + 1
        if self.held:
            limit = min(limit, 1)
        self._busy = self.programme.mood(now) is Mood.BUSY
        takes = (
            self._take_say,
            self._take_resumed,
            self._take_sale,
            self._take_question,
            self._take_notice,
            self._take_announcement,
            self._take_thanks,
            self._take_talk,
        )
        for take in takes[:limit]:
            if intent := take(now):
                return intent
        return self._own(now, limit)

    def _own(self, now: float, limit: int) -> Intent | None:
        """Return what the host says of herself: the script, in a silence something else."""
        if limit <= _FILLER_RANK:
            return None
        script = self.script()
        alone = script is None or self.course.silent()
        if not self._closed and (filler := self.programme.take_filler(now, alone)):
            return filler
        return script if limit > _SCRIPT_RANK else None

    def put_back(self, intent: Intent, now: float) -> None:
        """Return an intent that was chosen and will not be spoken now."""
        self.owed.put_back(intent)
        if intent.of and not intent.resumed:
            self.programme.put_back(intent)
        self._guests.put_back(intent, now)

    @property
    def seen(self) -> str | None:
        """The product that a question which names none is about: on air, else on the card."""
        return self.product or self.shown()

    @property
    def product(self) -> str | None:
        """The product of the segment on air."""
        return self.course.segment(self.cursor).product

    def upcoming(self, count: int) -> list[Place]:
        """Return the next `count` lines of the script, each once."""
        return self.course.upcoming(self._next, count)

    @property
    def next(self) -> Place | None:
        """Where the next line of the script begins; None when no segment is on."""
        return self.course.open_from(self._next)

    def to_json(self) -> dict[str, Any]:
        """Return what a restart needs beside the cursor, as JSON values."""
        return {
            "again": [self.cursor.segment, self.cursor.again],
            "epoch": self._epoch,
            "course": self.course.to_json(),
            "owed": self.owed.to_json(),
            **self.programme.to_json(),
        }

    def line(self, place: Place) -> tuple[Segment, Line]:
        """Return the segment and line of a place."""
        return self.course.line(place)

    # --- what became of it ------------------------------------------------------------------------

    def begun(self, intent: Intent, now: float) -> Intent:
        """Note that an intent goes on air; return it with all messages that it answers by now."""
        intent = self._guests.begun(intent, now, self.seen)
        if intent.place and self._current(intent):
            self._begun = intent.place
            self._goes_on(intent.place)
        return intent

    def sending(self, intent: Intent) -> None:
        """Note that the first of an utterance is sent: from now on it counts as said."""
        self.owed.settled(intent)
        if intent.of:
            self.programme.sending(intent)

    def started(self, intent: Intent, sentence: int, now: float | None = None) -> None:
        """Note that a sentence has begun to sound: the script resumes there after a crash."""
        if now is not None:
            self.course.alive(now)
        if intent.place and self._current(intent):
            self._move(replace(intent.place, sentence=intent.place.sentence + sentence), True)

    def heard(self, intent: Intent, sentence: int, text: str, last: bool, now: float) -> None:
        """Note that a sentence was heard to its end.

        Args:
            last: no sentence of this line follows.
        """
        self._history.add(text)
        self._manners.said(text, now)
        self.course.alive(now)
        if intent.place and self._current(intent):
            self._broken_off = None
            following = replace(intent.place, sentence=intent.place.sentence + sentence + 1)
            before = self.cursor
            self._move(self._after(intent.place) if last else following)
            if self._next == before:  # heard although it was thought cut
                self._next = self.cursor

    def yielded(self, intent: Intent, sentence: int) -> None:
        """Note that the script gave way before `sentence` and goes on there."""
        if intent.place and self._current(intent):
            self._next = replace(intent.place, sentence=intent.place.sentence + sentence)

    def broken_off(self, intent: Intent, sentence: int, part: Part) -> None:
        """Note that a sentence gave way in its middle and is taken up again there."""
        if intent.place and self._current(intent):
            following = intent.place.sentence + sentence
            self._broken_off = replace(intent.place, sentence=following), part

    def empty(self, intent: Intent) -> None:
        """Note that an intent had nothing to say (a promotion is over): go past it."""
        self.owed.settled(intent)
        if intent.place and self._current(intent) and self.cursor == intent.place:
            self._next = self.course.empty(intent.place)
            self._move(self._next)

    def rewind(self) -> None:
        """Go back to the first sentence that was not fully heard: after a cut or a loss."""
        self._next = self.course.resolved(self.cursor)

    def resume(self, intent: Intent) -> None:
        """Have the rest of an interrupted utterance said, before anything but the operator."""
        self.owed.resume(intent)

    # --- the operator -----------------------------------------------------------------------------

    def say(self, text: str, emotion: str = "") -> bool:
        """Queue a text of the operator; False when too many wait.

        Args:
            emotion: how it is said; "" leaves it to each sentence.
        """
        return self.owed.say(text, emotion)

    def skip(self) -> str:
        """Go to the next segment; return its id."""
        segments, here = self.course.segments, self.course.index(self.cursor)
        return self.go_to(segments[(here + 1) % len(segments)].id)

    def jump_to_product(self, product: str) -> str | None:
        """Go to the first segment of a product; return its id, or None when it has none."""
        for segment in self.course.segments:
            if segment.product == product:
                return self.go_to(segment.id)
        return None

    def go_to(self, segment: str) -> str:
        """Go to a segment that exists; return its id."""
        self._epoch += 1
        self._broken_off = self._begun = None
        self._follows.clear()
        self.course.left()
        self._next = self.course.top_of(segment, self.cursor)
        self._move(self._next)
        return segment

    @property
    def on_line(self) -> Place:
        """The line that is on air or was last: what comes after it may still be changed."""
        cursor = self.cursor
        if self._begun:
            return self._begun
        return cursor if cursor.sentence else replace(cursor, line=cursor.line - 1)

    def inserted(self, segment: str, line: int) -> None:
        """Note that `line` of a segment is new: after the line on air, it comes next."""
        here = self.on_line
        if (segment, line) == (here.segment, here.line + 1):
            self._reroute(replace(here, line=line, sentence=0))

    def replan(self) -> None:
        """Decide anew what follows the line on air: another segment may come next now."""
        here = self.on_line
        if here.line >= 0:
            self._reroute(self.course.after(here))

    def _reroute(self, place: Place) -> None:
        if not self._next.sentence:
            self._passed_over(place)

    def waiting(self) -> list[tuple[str, str]]:
        """Return (kind, reason) of what waits before chat and script."""
        owed = [(intent.kind.value, intent.reason) for intent in self.owed.waiting()]
        return owed + self.programme.waiting()

    # --- one kind each ----------------------------------------------------------------------------

    def _take_say(self, _: float) -> Intent | None:
        return self.owed.take_say()

    def _take_resumed(self, _: float) -> Intent | None:
        while intent := self.owed.take_resumed():
            if not self.programme.past(intent):
                return intent
            self.owed.settled(intent)
        return None

    def _take_sale(self, _: float) -> Intent | None:
        return self.programme.take_sale()

    def _take_announcement(self, _: float) -> Intent | None:
        return None if self._closed else self.programme.take_announcement()

    def _take_question(self, now: float) -> Intent | None:
        return None if self._closed else self._guests.question(now, self.seen)

    def _take_talk(self, now: float) -> Intent | None:
        return None if self._closed else self._guests.talk(now, self.seen)

    def _take_notice(self, now: float) -> Intent | None:
        return self._guests.notice(now)

    def _take_thanks(self, now: float) -> Intent | None:
        return None if self._closed else self._guests.thanks(now, self._busy)

    def script(self) -> Intent | None:
        """Return the next line of the script; it stays next until it has begun.

        None while no segment is on.
        """
        place = self.next
        if place is None:
            return None
        self._passed_over(place)
        segment = self.course.segment(place)
        return Intent(
            IntentKind.SCRIPT,
            f"rundown {segment.id}, line {place.line + 1}",
            product=segment.product,
            place=place,
            emotion=segment.lines[place.line].emotion,
            epoch=self._epoch,
            heard=self._part_of(place),
            whole=self._guests.many,
            interrupt=segment.interrupt or self.programme.settings.interrupt,
        )

    @property
    def _closed(self) -> bool:
        """Whether the script is inside a segment that lets nobody in before its end."""
        place = self._next
        inside = place.line > 0 or place.sentence > 0 or place.again > 0
        segment = self.course.segment(place)
        level = segment.interrupt or self.programme.settings.interrupt
        return inside and level == Interrupt.SEGMENT

    def _part_of(self, place: Place) -> Part | None:
        """Return what was heard of the sentence at `place` before it gave way."""
        found = self._broken_off
        return found[1] if found and found[0] == place else None

    # --- places -----------------------------------------------------------------------------------

    def _current(self, intent: Intent) -> bool:
        return intent.epoch == self._epoch

    def _move(self, place: Place, sounds: bool = False) -> None:
        """Set the cursor; a place that sounds may be the first of its segment."""
        self.cursor = place
        if sounds and self.course.reached(place):
            segment = self.course.segment(place)
            self.tell(
                "segment.began",
                {
                    "segment": segment.id,
                    "kind": segment.kind.value,
                    "product": segment.product,
                    "round": place.round,
                },
            )

    def _goes_on(self, place: Place) -> None:
        """Decide what follows a line that begins; once it is heard, the cursor goes there."""
        self._next = self.course.after(place)
        self._follows[replace(place, sentence=0)] = self._next
        while len(self._follows) > MOST_FOLLOWS:
            del self._follows[next(iter(self._follows))]

    def _passed_over(self, place: Place) -> None:
        """Note that the script goes on at `place` instead: time is up, or a window has closed."""
        if place == self._next:
            return
        if self.cursor == self._next:
            self.cursor = place
        for line, following in self._follows.items():
            if following == self._next:
                self._follows[line] = place
        self._next = place

    def _after(self, place: Place) -> Place:
        return self._follows.get(replace(place, sentence=0)) or self.course.after(place)
