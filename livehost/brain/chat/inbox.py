"""Messages that wait for an answer: bounded, the most useful first, nobody starves.

In:  accepted `ChatMessage`s.   Out: the best one with those that ask the same, and when many wait
with others that the same breath can answer; or a handful of thanks; a reason for each that leaves
without an answer.

Pure: the caller says what time it is. Each message waits in a line, oldest first, by which it is
dropped when it is too old or too many wait; and in the group of those that ask the same, by which
it is answered. Taking looks at the heads of groups, dropping at the heads of lines.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace

from livehost.brain.chat.breath import answered_with, together
from livehost.brain.chat.classes import Class
from livehost.brain.chat.kinds import Sort, reading_of, sort
from livehost.brain.chat.limits import Limits
from livehost.brain.chat.message import ChatMessage
from livehost.brain.chat.waiting import Waiting

MOST = 500  # different questions, thanks and other things
MOST_ALIKE = 4  # times as many messages, where they ask the same
MOST_OF_A_USER = 3  # waiting comments of one viewer
MOST_TOGETHER = 300  # messages settled by one answer
AGEING = 30.0  # seconds of waiting that are worth one rank
TOGETHER = 75.0  # seconds between the first and the last of those that are answered as one
STALE = {Sort.QUESTION: 90.0, Sort.TALK: 90.0, Sort.CHATTER: 45.0}
"""Seconds; what is older is not answered: its viewer no longer expects it."""
STALE_SOCIAL, STALE_LIKE = 180.0, 600.0

_RANK = {
    Sort.QUESTION: 1.0,
    Sort.GIFT: 2.0,
    Sort.TALK: 3.0,
    Sort.PRAISE: 3.5,
    Sort.FOLLOW: 4.0,
    Sort.CHATTER: 4.5,
    Sort.ENTER: 5.0,
    Sort.LIKE: 6.0,
}
_ON_AIR = 0.0
"""Rank of a question about the product on air."""
_OF_CLASS = {Class.COMPLAINT: -0.5}
"""Rank of a class, whatever product it is about."""
_LATER = {Class.QUALITY: 0.1, Class.COMPARISON: 0.1, Class.OTHER: 0.3}
"""Added to the rank: what does not decide about an order waits a little."""
CROWD, MOST_CROWD = 0.5, 4.0  # of a rank, for each doubling of those who ask the same
COMMENTS = (Sort.QUESTION, Sort.TALK, Sort.CHATTER)


Line = OrderedDict[str, Waiting]
LineKey = tuple[Sort, str | None, Class | None]


class Inbox:
    """Bounded priority queue with ageing.

    Args:
        gone: told (message id, why) for each message that leaves unanswered: "full", "stale",
            "user_limit", or a reason of `Limits`.
        about: returns the product a text names, or None.
        awaited: returns whether a comment is what its viewer was asked back for: a question.
    """

    def __init__(
        self,
        gone: Callable[[str, str], None] = lambda _id, _why: None,
        about: Callable[[str], str | None] = lambda _text: None,
        most: int = MOST,
        awaited: Callable[[ChatMessage], bool] = lambda _message: False,
    ) -> None:
        self._gone = gone
        self._about = about
        self._awaited = awaited
        self._most = most
        self._limits = Limits()
        self._lines: dict[LineKey, Line] = {}
        self._groups: dict[Sort, dict[tuple[object, ...], Line]] = {}
        self._size = self._different = 0
        self._of_user: Counter[str] = Counter()
        self._of_source: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        """Messages that left unanswered, by reason."""
        self.classes: Counter[str] = Counter()
        """Comments that came, by class."""

    def __len__(self) -> int:
        return self._size

    def add(
        self, message: ChatMessage, now: float, product: str | None = None, source: str = ""
    ) -> bool:
        """Queue `message`; return False when it was dropped instead.

        Args:
            product: the product on air; questions about it go first.
            source: where it came from; when all is full, the source with the most gives way.
        """
        waiting = self._waiting(message, now, source)
        if why := self._refused(waiting, now):
            self._drop(waiting, why)
            return False
        self._add(waiting)
        kept = True
        while self._different > self._most or self._size > self._most * MOST_ALIKE:
            kept = self._make_room(product) != message.id and kept
        return kept

    def put_back(self, waiting: Waiting) -> None:
        """Queue a message that was taken, at the front of its line and group."""
        for other in waiting.also:
            self.put_back(other)
        waiting = replace(waiting, also=(), left=0)
        self._add(waiting)
        if waiting.reading:
            self._limits.put_back(waiting.message.user)
        groups, group = self._groups[waiting.sort], _group(waiting)
        for line in (self._lines[_line(waiting)], groups[group]):
            line.move_to_end(waiting.message.id, last=False)
        self._groups[waiting.sort] = {group: groups.pop(group), **groups}

    def best(
        self, now: float, product: str | None, sorts: Iterable[Sort] = COMMENTS
    ) -> Waiting | None:
        """Return the message to answer next, without taking it."""
        self._expire(now)
        groups = [group for kind in sorts for group in self._groups.get(kind, {}).values()]
        best = min(groups, key=lambda group: _score(group, now, product), default=None)
        return next(iter(best.values())) if best else None

    def take(
        self, now: float, product: str | None, sorts: Iterable[Sort] = COMMENTS
    ) -> Waiting | None:
        """Remove and return the message to answer next, with those that ask the same.

        When many wait, other questions about the same product whose answers are short come along.
        """
        best = self.best(now, product, sorts)
        if best is None:
            return None
        also = self._in_the_same_breath(best, now, product)
        taken = self._taken(best, now)
        others = tuple(self._taken(other, now) for other in also)
        return replace(taken, also=others, left=self.different(Sort.QUESTION))

    def join(self, taken: Waiting, now: float, product: str | None) -> Waiting:
        """Remove what came since `taken` was taken and its answer settles too; return all of it.

        Args:
            product: on air, and the one that `taken` is answered about.
        """
        answer = [self._joined(one, now) for one in (replace(taken, also=()), *taken.also)]
        groups = self._groups.get(taken.sort, {})
        others = [next(iter(group.values())) for group in groups.values()]
        answer += [self._taken(w, now) for w in answered_with(answer, others, product)]
        return replace(answer[0], also=tuple(answer[1:]), left=taken.left)

    def _joined(self, waiting: Waiting, now: float) -> Waiting:
        """Return a message that was taken with those that came since and ask the same."""
        group = self._groups.get(waiting.sort, {}).get(_group(waiting))
        if not group:
            return waiting
        return _together([waiting, self._taken(next(iter(group.values())), now)])

    def _in_the_same_breath(self, best: Waiting, now: float, product: str | None) -> list[Waiting]:
        """Return the first of each other question that can be answered with `best`."""
        groups = list(self._groups.get(Sort.QUESTION, {}).values())
        groups.sort(key=lambda group: _score(group, now, product))
        return together(best, [next(iter(group.values())) for group in groups], product)

    def _taken(self, first: Waiting, now: float) -> Waiting:
        """Remove a message and those that ask the same; return it with them."""
        group = self._groups[first.sort][_group(first)]
        same = [w for w in group.values() if w.since - first.since <= TOGETHER][:MOST_TOGETHER]
        for waiting in same:
            self._remove(waiting)
            self._limits.taken(waiting.message.user, _group(waiting), now)
        return _together(same)

    def drain(self, kind: Sort, most: int, now: float) -> list[Waiting]:
        """Remove and return up to `most` messages of one sort, newest last."""
        self._expire(now)
        lines = [line for key, line in self._lines.items() if key[0] is kind]
        taken = [waiting for line in lines for waiting in line.values()][-most:]
        for waiting in taken:
            self._remove(waiting)
        return taken

    def waiting(self, kind: Sort) -> int:
        """Return how many messages of one sort wait."""
        return sum(len(line) for key, line in self._lines.items() if key[0] is kind)

    def different(self, kind: Sort) -> int:
        """Return how many different questions of one sort wait."""
        return len(self._groups.get(kind, {}))

    def snapshot(self) -> dict[str, int]:
        """Return how many messages wait, by sort."""
        return {kind.value: self.waiting(kind) for kind in Sort}

    # --- in and out -------------------------------------------------------------------------------

    def _waiting(self, message: ChatMessage, now: float, source: str) -> Waiting:
        reading, kind = reading_of(message), sort(message)
        if reading is None:
            return Waiting(message, kind, now, source=source)
        self.classes[reading.of.value] += 1
        about, key = None, reading.key
        if kind is not Sort.QUESTION and self._awaited(message):
            kind, key = Sort.QUESTION, (message.id,)  # what it answers only its viewer asked
        if kind is Sort.QUESTION:
            about = self._about(message.text) or self._about(reading.plain)
        return Waiting(message, kind, now, about, key, source=source, reading=reading)

    def _refused(self, waiting: Waiting, now: float) -> str:
        """Return why a message is not queued, "" when it is."""
        if waiting.reading is None:
            return ""
        user = waiting.message.user
        if why := self._limits.refused(user, waiting.reading, _group(waiting), now):
            return why
        if self._of_user[user] < MOST_OF_A_USER:
            return ""
        asked = _group(waiting) in self._groups.get(waiting.sort, {})
        return "" if asked else "user_limit"  # what waits already costs no more time

    def _add(self, waiting: Waiting) -> None:
        groups, group = self._groups.setdefault(waiting.sort, {}), _group(waiting)
        self._different += group not in groups
        for line in (
            self._lines.setdefault(_line(waiting), OrderedDict()),
            groups.setdefault(group, OrderedDict()),
        ):
            line[waiting.message.id] = waiting
        self._size += 1
        self._count(waiting, 1)

    def _remove(self, waiting: Waiting) -> None:
        name, group = waiting.message.id, _group(waiting)
        line, groups = self._lines[_line(waiting)], self._groups[waiting.sort]
        del line[name], groups[group][name]
        if not line:
            del self._lines[_line(waiting)]
        if not groups[group]:
            del groups[group]
            self._different -= 1
        self._size -= 1
        self._count(waiting, -1)

    def _count(self, waiting: Waiting, change: int) -> None:
        """Keep the counts by viewer and source; a viewer's count is of comments alone."""
        owners = [(self._of_source, waiting.source)]
        if waiting.reading:
            owners.append((self._of_user, waiting.message.user))
        for counts, owner in owners:
            counts[owner] += change
            if not counts[owner]:
                del counts[owner]

    # --- what leaves unanswered -------------------------------------------------------------------

    def _make_room(self, product: str | None) -> str:
        """Drop the oldest message of the lowest rank of the source with the most; return its id."""
        source = max(self._of_source, key=self._of_source.__getitem__)
        ranked = sorted(self._lines, key=lambda key: _rank(key, product), reverse=True)
        waiting = (w for key in ranked for w in self._lines[key].values())
        oldest = next(w for w in waiting if w.source == source)
        self._remove(oldest)
        self._drop(oldest, "full")
        return oldest.message.id

    def _expire(self, now: float) -> None:
        for key, line in list(self._lines.items()):
            most = STALE.get(key[0], STALE_LIKE if key[0] is Sort.LIKE else STALE_SOCIAL)
            while line and now - (oldest := next(iter(line.values()))).since > most:
                self._remove(oldest)
                self._drop(oldest, "stale")

    def _drop(self, waiting: Waiting, why: str) -> None:
        for message in waiting.ids:
            self.dropped[why] += 1
            self._gone(message, why)


def _line(waiting: Waiting) -> LineKey:
    return waiting.sort, waiting.about, waiting.of


def _group(waiting: Waiting) -> tuple[object, ...]:
    return waiting.about, *(waiting.key or (waiting.message.id,))


def _together(same: list[Waiting]) -> Waiting:
    """Return the first of `same`, which takes the others along."""
    first = same[0]
    ids = [i for waiting in same for i in waiting.ids]
    people: dict[str, str] = {}
    for waiting in same:
        for user, name in ((waiting.message.user, waiting.message.nickname), *waiting.others):
            people.setdefault(user, name)
    del people[first.message.user]
    return replace(first, same=tuple(ids[1:]), others=tuple(people.items()))


def _rank(line: LineKey, product: str | None) -> float:
    kind, about, of = line
    if of in _OF_CLASS:
        return _OF_CLASS[of]
    on_air = kind is Sort.QUESTION and about is not None and about == product
    return (_ON_AIR if on_air else _RANK[kind]) + (_LATER.get(of, 0.0) if of else 0.0)


def _score(group: Line, now: float, product: str | None) -> float:
    first = next(iter(group.values()))
    crowd = min(MOST_CROWD, CROWD * math.log2(len(group)))
    return _rank(_line(first), product) - (now - first.since) / AGEING - crowd
