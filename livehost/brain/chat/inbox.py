"""Messages that wait for an answer: 500 at most, the most useful first, nobody starves.

In:  accepted `ChatMessage`s.   Out: the best one, or a handful of thanks, on request.

Pure: the caller says what time it is. Messages wait in one line per (sort, product), oldest
first, so that taking and dropping look at the heads only.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from livehost.brain.chat.kinds import Sort, folded, sort
from livehost.brain.chat.message import ChatMessage

MOST = 500
MOST_OF_A_USER = 3  # waiting comments of one viewer
AGEING = 30.0  # seconds of waiting that are worth one rank
STALE = {Sort.QUESTION: 300.0, Sort.TALK: 90.0}  # seconds; what is older is not answered
STALE_SOCIAL = 180.0

_RANK = {
    Sort.QUESTION: 1.0,
    Sort.GIFT: 2.0,
    Sort.TALK: 3.0,
    Sort.FOLLOW: 4.0,
    Sort.ENTER: 5.0,
    Sort.LIKE: 6.0,
}
COMMENTS = (Sort.QUESTION, Sort.TALK)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in the inbox.

    Attributes:
        since: the loop's time when it came in.
        about: id of the product it names, or None.
        folded: its text without case, spaces and punctuation.
        same: ids of messages that asked the same and are answered with it.
        source: name of the source it came from.
    """

    message: ChatMessage
    sort: Sort
    since: float
    about: str | None = None
    folded: str = ""
    same: tuple[str, ...] = ()
    source: str = ""


Line = OrderedDict[str, Waiting]


class Inbox:
    """Bounded priority queue with ageing.

    Args:
        gone: told (message id, why) for each message that leaves unanswered:
            "full", "stale" or "user_limit".
        about: returns the product a text names, or None.
    """

    def __init__(
        self,
        gone: Callable[[str, str], None] = lambda _id, _why: None,
        about: Callable[[str], str | None] = lambda _text: None,
        most: int = MOST,
    ) -> None:
        self._gone = gone
        self._about = about
        self._most = most
        self._lines: dict[tuple[Sort, str | None], Line] = {}
        self._size = 0
        self._of_user: Counter[str] = Counter()
        self._of_source: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        """Messages that left unanswered, by reason."""

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
        kind = sort(message)
        if kind in COMMENTS and self._of_user[message.user] >= MOST_OF_A_USER:
            self._drop(message.id, "user_limit")
            return False
        about = self._about(message.text) if kind is Sort.QUESTION else None
        self._add(Waiting(message, kind, now, about, folded(message.text), source=source))
        return self._size <= self._most or self._make_room(product) != message.id

    def put_back(self, waiting: Waiting) -> None:
        """Queue a message that was taken, at the front of its line."""
        self._add(waiting)
        self._lines[waiting.sort, waiting.about].move_to_end(waiting.message.id, last=False)

    def best(
        self, now: float, product: str | None, sorts: Iterable[Sort] = COMMENTS
    ) -> Waiting | None:
        """Return the message to answer next, without taking it."""
        self._expire(now)
        lines = (line for (kind, _), line in self._lines.items() if kind in sorts)
        heads = [next(iter(line.values())) for line in lines]
        return min(heads, key=lambda w: _score(w, now, product), default=None)

    def take(
        self, now: float, product: str | None, sorts: Iterable[Sort] = COMMENTS
    ) -> Waiting | None:
        """Remove and return the message to answer next, with those that ask the same."""
        best = self.best(now, product, sorts)
        if best is None:
            return None
        self._remove(best)
        line = self._lines.get((best.sort, best.about), Line())
        same = [w for w in line.values() if w.folded == best.folded]
        for other in same:
            self._remove(other)
        ids = tuple(other.message.id for other in same)
        return replace(best, same=best.same + ids)

    def drain(self, kind: Sort, most: int, now: float) -> list[Waiting]:
        """Remove and return up to `most` messages of one sort, newest last."""
        self._expire(now)
        line = self._lines.get((kind, None), Line())
        taken = list(line.values())[-most:]
        for waiting in taken:
            self._remove(waiting)
        return taken

    def waiting(self, kind: Sort) -> int:
        """Return how many messages of one sort wait."""
        return sum(len(line) for (sort_, _), line in self._lines.items() if sort_ is kind)

    def snapshot(self) -> dict[str, int]:
        """Return how many messages wait, by sort."""
        return {kind.value: self.waiting(kind) for kind in Sort}

    def _add(self, waiting: Waiting) -> None:
        line = self._lines.setdefault((waiting.sort, waiting.about), OrderedDict())
        line[waiting.message.id] = waiting
        self._size += 1
        self._of_user[waiting.message.user] += 1
        self._of_source[waiting.source] += 1

    def _make_room(self, product: str | None) -> str:
        """Drop the oldest message of the lowest rank of the source with the most; return its id."""
        source = max(self._of_source, key=self._of_source.__getitem__)
        ranked = sorted(self._lines, key=lambda key: _rank(key[0], key[1], product), reverse=True)
        waiting = (w for key in ranked for w in self._lines[key].values())
        oldest = next(w for w in waiting if w.source == source)
        self._remove(oldest)
        self._drop(oldest.message.id, "full")
        return oldest.message.id

    def _expire(self, now: float) -> None:
        for (kind, _), line in list(self._lines.items()):
            most = STALE.get(kind, STALE_SOCIAL)
            while line and now - (oldest := next(iter(line.values()))).since > most:
                self._remove(oldest)
                self._drop(oldest.message.id, "stale")

    def _remove(self, waiting: Waiting) -> None:
        key = (waiting.sort, waiting.about)
        line = self._lines[key]
        del line[waiting.message.id]
        if not line:
            del self._lines[key]
        self._size -= 1
        self._of_user[waiting.message.user] -= 1
        if not self._of_user[waiting.message.user]:
            del self._of_user[waiting.message.user]
        self._of_source[waiting.source] -= 1
        if not self._of_source[waiting.source]:
            del self._of_source[waiting.source]

    def _drop(self, message_id: str, why: str) -> None:
        self.dropped[why] += 1
        self._gone(message_id, why)


def _rank(kind: Sort, about: str | None, product: str | None) -> float:
    if kind is Sort.QUESTION and about is not None and about == product:
        return 0.0
    return _RANK[kind]


def _score(waiting: Waiting, now: float, product: str | None) -> float:
    return _rank(waiting.sort, waiting.about, product) - (now - waiting.since) / AGEING
