"""What is said next, why, and what it may interrupt. Pure: no I/O, the caller says what time it is.

In:  the rundown, waiting chat, operator commands, what was heard.   Out: `Intent`s.

Two places in the script are kept. `cursor` is the sentence that viewers have not fully heard yet:
it is saved and survives everything. `_next` is where the next script utterance begins, ahead of
the cursor by what is on its way; after a cut or a loss it falls back to the cursor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from livehost.brain.chat.classes import Class
from livehost.brain.chat.inbox import Inbox, Waiting
from livehost.brain.chat.kinds import Sort
from livehost.brain.chat.message import ChatMessage
from livehost.brain.intent import Intent, IntentKind, Part, Place
from livehost.brain.manners import History, Manners
from livehost.brain.script import Line, Segment

MOST_SAYS = 20  # operator texts waiting
MOST_REPLIES = 3  # in a row; then the script gets a whole sentence
TALK_SECONDS = 30.0  # between answers to what is not a question
CHATTER_SECONDS = 150.0  # between answers to what is off topic
THANKS_SECONDS = {
    Sort.GIFT: 15.0,
    Sort.FOLLOW: 40.0,
    Sort.PRAISE: 45.0,
    Sort.ENTER: 60.0,
    Sort.LIKE: 150.0,
}
THANKS_APART = 15.0  # seconds between any two thanks
MOST_THANKED = 50  # messages settled by one sentence
FIRST_NOTICE = 60.0  # seconds after the start of a new show

_SCRIPT_RANK = 6


@dataclass(frozen=True, slots=True)
class Courtesy:
    """How often the host does what is not in the script, in seconds."""

    notice: float = 900.0
    talk: float = TALK_SECONDS
    chatter: float = CHATTER_SECONDS


class Director:
    """Decide what comes next.

    Args:
        segments: returns the rundown in force, never empty; a reload may change it.
        now: the loop's time at the start.
        place: where the script goes on; None begins at the top.
        round_: of the rundown when it begins at the top.
        noticed: seconds since the last spoken notice, None for a new show.
    """

    def __init__(
        self,
        segments: Callable[[], Sequence[Segment]],
        inbox: Inbox,
        manners: Manners,
        history: History,
        *,
        now: float = 0.0,
        courtesy: Courtesy = Courtesy(),
        place: Place | None = None,
        round_: int = 0,
        noticed: float | None = None,
    ) -> None:
        self._segments = segments
        self._inbox = inbox
        self._manners = manners
        self._history = history
        self._courtesy = courtesy
        self._index = 0  # of the cursor's segment, in case a reload removes it
        self.cursor = self._resolved(place) if place else Place(segments()[0].id, round=round_)
        self._next = self.cursor
        self._epoch = 0
        self._broken_off: tuple[Place, Part] | None = None
        self._says: deque[Intent] = deque()
        self._resumed: deque[Intent] = deque()
        self._replies = 0
        due = FIRST_NOTICE if noticed is None else max(0.0, courtesy.notice - noticed)
        self._notice_due = now + min(due, courtesy.notice)
        self._notice_taken = False
        self._talk_due = dict.fromkeys((Sort.TALK, Sort.CHATTER), now)
        self._thanks_due = dict.fromkeys(THANKS_SECONDS, now)
        self._thanks_from = now

    # --- choosing ---------------------------------------------------------------------------------

    def choose(self, now: float, better_than: Intent | None = None) -> Intent | None:
        """Return what to say next and take it out of its queue; `put_back` returns it.

        Args:
            better_than: return None unless something of higher rank waits.
        """
        limit = better_than.rank if better_than else _SCRIPT_RANK + 1
        takes = (
            self._take_say,
            self._take_resumed,
            self._take_question,
            self._take_notice,
            self._take_thanks,
            self._take_talk,
        )
        for take in takes[:limit]:
            if intent := take(now):
                return intent
        return self.script() if limit > _SCRIPT_RANK else None

    def put_back(self, intent: Intent, now: float) -> None:
        """Return an intent that was chosen and will not be spoken now."""
        if intent.resumed:
            self._resumed.appendleft(intent)
        elif intent.kind is IntentKind.SAY:
            self._says.appendleft(intent)
        elif intent.kind is IntentKind.NOTICE:
            self._notice_taken = False
        for waiting in intent.waiting:
            self._inbox.put_back(waiting)
        if intent.kind is IntentKind.THANKS:
            self._thanks_due = dict.fromkeys(self._thanks_due, now)
            self._thanks_from = now

    @property
    def product(self) -> str | None:
        """The product of the segment on air."""
        return self._segment(self.cursor).product

    def upcoming(self, count: int) -> list[Place]:
        """Return the next `count` lines of the script, each once."""
        place, places = self._resolved(self._next), []
        total = sum(len(segment.lines) for segment in self._segments())
        for _ in range(min(count, total)):
            places.append(replace(place, sentence=0))
            place = self._line_after(place)
        return places

    def line(self, place: Place) -> tuple[Segment, Line]:
        """Return the segment and line of a place."""
        place = self._resolved(place)
        segment = self._segment(place)
        return segment, segment.lines[place.line]

    # --- what became of it ------------------------------------------------------------------------

    def begun(self, intent: Intent, now: float) -> None:
        """Note that an intent goes on air."""
        match intent.kind:
            case IntentKind.REPLY:
                self._replies += 1
            case IntentKind.SCRIPT:
                self._replies = 0
                if self._current(intent) and intent.place:
                    self._next = self._line_after(intent.place)
            case IntentKind.NOTICE:
                self._notice_due, self._notice_taken = now + self._courtesy.notice, False

    def started(self, intent: Intent, sentence: int) -> None:
        """Note that a sentence has begun to sound: the script resumes there after a crash."""
        if intent.place and self._current(intent):
            self.cursor = replace(intent.place, sentence=intent.place.sentence + sentence)
            self._note_index()

    def heard(self, intent: Intent, sentence: int, text: str, last: bool, now: float) -> None:
        """Note that a sentence was heard to its end.

        Args:
            last: no sentence of this line follows.
        """
        self._history.add(text)
        self._manners.said(text, now)
        if intent.place and self._current(intent):
            self._broken_off = None
            following = replace(intent.place, sentence=intent.place.sentence + sentence + 1)
            before, self.cursor = self.cursor, self._line_after(intent.place) if last else following
            if self._next == before:  # heard although it was thought cut
                self._next = self.cursor
            self._note_index()

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
        if intent.place and self._current(intent) and self.cursor == intent.place:
            self.cursor = self._line_after(intent.place)
            self._note_index()

    def rewind(self) -> None:
        """Go back to the first sentence that was not fully heard: after a cut or a loss."""
        self._next = self._resolved(self.cursor)

    def resume(self, intent: Intent) -> None:
        """Have the rest of an interrupted utterance said, before anything but the operator."""
        self._resumed.appendleft(replace(intent, resumed=True, urgent=True, waiting=()))

    # --- the operator -----------------------------------------------------------------------------

    def say(self, text: str) -> bool:
        """Queue a text of the operator; False when too many wait."""
        if len(self._says) >= MOST_SAYS:
            return False
        self._says.append(Intent(IntentKind.SAY, "operator", texts=(text,), urgent=True))
        return True

    def skip(self) -> str:
        """Go to the next segment; return its id."""
        segments = self._segments()
        index = self._index_of(self.cursor)
        return self._jump(segments[(index + 1) % len(segments)].id)

    def jump_to_product(self, product: str) -> str | None:
        """Go to the first segment of a product; return its id, or None when it has none."""
        for segment in self._segments():
            if segment.product == product:
                return self._jump(segment.id)
        return None

    def _jump(self, segment: str) -> str:
        self._epoch += 1
        self._broken_off = None
        self.cursor = self._next = self._top_of(segment, self.cursor)
        self._note_index()
        return segment

    # --- one kind each ----------------------------------------------------------------------------

    def _take_say(self, _: float) -> Intent | None:
        return self._says.popleft() if self._says else None

    def _take_resumed(self, _: float) -> Intent | None:
        return self._resumed.popleft() if self._resumed else None

    def _take_question(self, now: float) -> Intent | None:
        if self._replies >= MOST_REPLIES:
            return None
        waiting = self._inbox.take(now, self.product, (Sort.QUESTION,))
        return self._reply(waiting, urgent=True) if waiting else None

    def _take_talk(self, now: float) -> Intent | None:
        if self._replies >= MOST_REPLIES:
            return None
        due = [sort for sort, at in self._talk_due.items() if now >= at]
        waiting = self._inbox.take(now, self.product, due)
        if waiting is None:
            return None
        talk, chatter = self._courtesy.talk, self._courtesy.chatter
        self._talk_due[waiting.sort] = now + (talk if waiting.sort is Sort.TALK else chatter)
        return self._reply(waiting, urgent=False)

    def _reply(self, waiting: Waiting, urgent: bool) -> Intent:
        complaint = waiting.of is Class.COMPLAINT
        return Intent(
            IntentKind.REPLY,
            _reason(waiting, urgent),
            product=waiting.about or self.product,
            emotion="apologetic" if complaint else "",
            asked=waiting.message,
            answers=waiting.ids,
            urgent=urgent,
            waiting=(waiting,),
            opening=self._manners.asked(waiting),
        )

    def _take_notice(self, now: float) -> Intent | None:
        if self._notice_taken or now < self._notice_due:
            return None
        self._notice_taken = True
        minutes = self._courtesy.notice / 60
        reason = f"AI notice every {minutes:g} minutes"
        return Intent(IntentKind.NOTICE, reason, texts=(self._manners.notice(),))

    def _take_thanks(self, now: float) -> Intent | None:
        if now < self._thanks_from:
            return None
        people: list[Waiting] = []
        texts: list[str] = []
        for sort, seconds in THANKS_SECONDS.items():
            if now < self._thanks_due[sort]:
                continue
            if found := self._inbox.drain(sort, MOST_THANKED, now):
                texts.append(self._manners.thanks(sort, found))
                people += found
                self._thanks_due[sort] = now + seconds
        if not texts:
            return None
        self._thanks_from = now + THANKS_APART
        return Intent(
            IntentKind.THANKS,
            f"thanks to {len(people)} viewers",
            texts=tuple(texts),
            answers=tuple(w.message.id for w in people),
            waiting=tuple(people),
        )

    def script(self) -> Intent:
        """Return the next line of the script; it stays next until it has begun."""
        place = self._resolved(self._next)
        segment = self._segment(place)
        return Intent(
            IntentKind.SCRIPT,
            f"rundown {segment.id}, line {place.line + 1}",
            product=segment.product,
            place=place,
            emotion=segment.lines[place.line].emotion,
            epoch=self._epoch,
            heard=self._part_of(place),
            whole=self._replies >= MOST_REPLIES,
        )

    def _part_of(self, place: Place) -> Part | None:
        """Return what was heard of the sentence at `place` before it gave way."""
        found = self._broken_off
        return found[1] if found and found[0] == place else None

    # --- places -----------------------------------------------------------------------------------

    def _current(self, intent: Intent) -> bool:
        return intent.epoch == self._epoch

    def _index_of(self, place: Place) -> int:
        segments = self._segments()
        found = (n for n, segment in enumerate(segments) if segment.id == place.segment)
        return next(found, min(self._index, len(segments) - 1))

    def _segment(self, place: Place) -> Segment:
        return self._segments()[self._index_of(place)]

    def _resolved(self, place: Place) -> Place:
        """Return `place`, or the nearest one that exists after a reload."""
        segments = self._segments()
        index = self._index_of(place)
        segment = segments[index]
        if segment.id != place.segment:
            return Place(segment.id, round=place.round)
        if place.line >= len(segment.lines):
            return self._top_of(segments[(index + 1) % len(segments)].id, place)
        return place

    def _top_of(self, segment: str, before: Place) -> Place:
        """Return the beginning of `segment` after `before`; going back begins another round."""
        back = self._index_of(Place(segment)) <= self._index_of(before)
        return Place(segment, round=before.round + back)

    def _line_after(self, place: Place) -> Place:
        return self._resolved(replace(place, line=place.line + 1, sentence=0))

    def _note_index(self) -> None:
        self._index = self._index_of(self.cursor)


def _reason(waiting: Waiting, urgent: bool) -> str:
    """Return why a message is answered: "question about tea, 3 viewers"."""
    reason = "question" if urgent else "comment"
    if urgent and waiting.about:
        reason += f" about {waiting.about}"
    return f"{reason}, {len(waiting.people)} viewers" if waiting.others else reason


def restored(messages: Iterable[ChatMessage], inbox: Inbox, now: float) -> None:
    """Put chat that an earlier process had accepted back in line."""
    for message in messages:
        inbox.add(message, now)
