"""Read the chain back: whether it holds, what was said in it, and what must be forgotten.

In:  the folder of a room's audit log.   Out: a verdict, utterances put together, a smaller log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from livehost.brain.audit.book import Book, day_of, days, lines, rewrite
from livehost.brain.audit.chain import BEGINNING, Entry, Kind, parsed

KEPT = timedelta(days=3 * 366)
"""直播电商监督管理办法 art. 31: records of what was said and sold, at least three years."""
_MOST_PROBLEMS = 100


@dataclass(slots=True)
class Verdict:
    """What a check of the chain found.

    Attributes:
        records, erased: entries read, and those without a body.
        first, last: times of the first and the last entry; "" in an empty log.
        head: number and hash of the last entry: note them down elsewhere, and a log that is cut
            short or written anew shows.
        problems: one line each, the first hundred.
    """

    records: int = 0
    erased: int = 0
    first: str = ""
    last: str = ""
    head: tuple[int, str] = (0, BEGINNING)
    problems: list[str] = field(default_factory=list)


def entries(folder: Path) -> Iterator[tuple[str, Entry]]:
    """Yield (file:line, entry) of the whole log. Raises ValueError naming the line."""
    for path in days(folder):
        for number, line in enumerate(lines(path), 1):
            where = f"{path.name}:{number}"
            try:
                yield where, parsed(line)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error


def verify(folder: Path, head: tuple[int, str] | None = None) -> Verdict:
    """Check every hash, every body, every erasure. Never raises on what it reads.

    Args:
        head: number and hash of a record noted earlier, which must still be there.
    """
    check = _Check(head)
    try:
        for where, entry in entries(folder):
            check.look(where, entry)
    except (ValueError, OSError, EOFError) as error:
        check.problem(f"cannot be read further: {error}")
    return check.end()


class _Check:
    """Looks at entries in order and remembers what later ones must explain."""

    def __init__(self, head: tuple[int, str] | None) -> None:
        self._verdict = Verdict()
        self._wanted = head
        self._bare: dict[int, str] = {}  # entries without a body, and where they are
        self._clothed: dict[int, str] = {}  # entries that are told to be erased, with a body
        self._erased: set[int] = set()
        self._begin: Entry | None = None  # when it is not the first ever
        self._dropped: dict[int, str] = {}  # last record of dropped days, and its hash

    def problem(self, what: str) -> None:
        if len(self._verdict.problems) < _MOST_PROBLEMS:
            self._verdict.problems.append(what)

    def look(self, where: str, entry: Entry) -> None:
        verdict = self._verdict
        number, before = verdict.head
        if not verdict.records and entry.seq != 1:
            self._begin = entry
        elif entry.seq != number + 1 or not entry.follows(before):
            self.problem(f"{where}: does not follow the record before it")
        if not entry.intact:
            self.problem(f"{where}: was changed")
        if entry.body is None:
            verdict.erased += 1
            self._bare[entry.seq] = where
        else:
            self._explains(entry.kind, entry.body)
        verdict.first = verdict.first or entry.at
        verdict.records += 1
        verdict.last, verdict.head = entry.at, (entry.seq, entry.hash)
        if verdict.head == self._wanted:
            self._wanted = None

    def _explains(self, kind: str, body: dict[str, Any]) -> None:
        if kind == Kind.ERASED:
            self._erased.update(body.get("records", ()))
        elif kind == Kind.DROPPED:
            self._dropped[body.get("through", 0)] = str(body.get("hash", ""))

    def end(self) -> Verdict:
        for seq, where in self._bare.items():
            if seq not in self._erased:
                self.problem(f"{where}: its body is gone, and no record tells why")
        begin = self._begin
        if begin and not begin.follows(self._dropped.get(begin.seq - 1, "")):
            self.problem(f"records 1 to {begin.seq - 1} are missing, and no record tells why")
        if self._wanted:
            self.problem(f"record {self._wanted[0]} with this hash is not in the log")
        return self._verdict


def utterances(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield everything about each utterance as one table, in the order in which they ended.

    Cause, product card, what a language model was asked and said, each sentence with the gate's
    verdict and where in the stream it sounded, and the label on the picture then. What never
    ended comes last. Raises ValueError, OSError.
    """
    open_: dict[int, dict[str, Any]] = {}
    now: dict[str, Any] = {"label": "", "stage": ""}
    models: dict[str, list[dict[str, Any]]] = {}
    for _, entry in entries(folder):
        body = entry.body or {}
        if entry.kind == Kind.SHOW:
            now["label"] = body.get("label", now["label"])
            now["stage"] = body.get("boot", now["stage"])
        elif entry.kind == Kind.MODEL:
            models.setdefault(str(body.get("message")), []).append(body)
        number = body.get("utterance")
        if not isinstance(number, int):
            continue
        whole = open_.setdefault(number, {"utterance": number, **now, "sentences": {}})
        _gather(whole, entry, body)
        if entry.kind == Kind.UTTERANCE and (asked := body.get("asked")):
            whole["model"] = models.pop(str(asked.get("id")), [])
        if entry.kind == Kind.ENDED:
            whole["ended"] = entry.at
        if "ended" in whole and _settled(whole):
            yield _tidied(open_.pop(number))
    for whole in open_.values():
        yield _tidied(whole)


def _gather(whole: dict[str, Any], entry: Entry, body: dict[str, Any]) -> None:
    rest = {key: value for key, value in body.items() if key not in ("utterance", "sentence")}
    match entry.kind:
        case Kind.UTTERANCE:
            whole |= {"at": entry.at, **rest}
        case Kind.SENTENCE | Kind.AIRED:
            sentence = whole["sentences"].setdefault(body.get("sentence", 0), {})
            sentence |= rest
        case Kind.ENDED:
            whole["how"] = body.get("how")
        case Kind.GATE:
            whole.setdefault("gate", []).append(rest)
        case _:
            pass


def _settled(whole: dict[str, Any]) -> bool:
    """Whether the stage has told of every sentence that began to sound."""
    sent = [s for s in whole["sentences"].values() if s.get("state") in ("sent", "started")]
    return not sent


def _tidied(whole: dict[str, Any]) -> dict[str, Any]:
    whole["sentences"] = [values for _, values in sorted(whole["sentences"].items())]
    return whole


Match = Callable[[Entry], bool]


def about_user(folder: Path, user: str) -> Match:
    """Return what finds every record about a viewer: messages, and answers to them."""
    mine: set[int] = set()
    messages: set[str] = set()
    for _, entry in entries(folder):
        body = entry.body or {}
        if entry.kind == Kind.CHAT and body.get("user") == user:
            messages.add(str(body.get("id")))
        if entry.kind == Kind.UTTERANCE and messages & set(map(str, body.get("answers", ()))):
            mine.add(int(body["utterance"]))

    def matches(entry: Entry) -> bool:
        body = entry.body or {}
        match entry.kind:
            case Kind.CHAT:
                return body.get("id") in messages
            case Kind.MODEL:
                return body.get("message") in messages
            case Kind.UTTERANCE | Kind.SENTENCE | Kind.GATE:
                return body.get("utterance") in mine
            case _:
                return False  # times and numbers, nothing of a person

    return matches


def about_consent(who: str) -> Match:
    """Return what finds every record that names the person behind a voice or face."""
    return lambda e: e.kind == Kind.CONSENT and (e.body or {}).get("who") == who


def erase(book: Book, folder: Path, matches: Match, **why: Any) -> int:
    """Erase the bodies of matching records, and tell so in the chain; return how many.

    Told first: a process that is killed in between leaves bodies that are told to be erased, and
    the next call takes them away.
    """
    found = [entry.seq for _, entry in entries(folder) if entry.body is not None and matches(entry)]
    if found:
        book.append([(_now(), Kind.ERASED, {"records": found, **why})])
    gone = set(found)
    for path in days(folder):
        content = [parsed(line) for line in lines(path)]
        if any(e.seq in gone and e.body is not None for e in content):
            rewrite(path, (e.erased() if e.seq in gone else e for e in content))
    return len(found)


def drop(book: Book, folder: Path, older_than: timedelta, today: date | None = None) -> list[str]:
    """Remove whole days past their retention, and tell so in the chain; return their names.

    Raises:
        ValueError: `older_than` is less than the law asks for.
    """
    if older_than < KEPT:
        raise ValueError(f"records are kept for {KEPT.days} days at least (three years)")
    before = (today or datetime.now(UTC).date()) - older_than
    old = [path for path in days(folder)[:-1] if day_of(path) < before]
    if not old:
        return []
    last = [parsed(line) for line in lines(old[-1])][-1]
    names = [path.name for path in old]
    told = {"days": names, "through": last.seq, "hash": last.hash}
    book.append([(_now(), Kind.DROPPED, told)])
    for path in old:
        path.unlink()
    return names


def _now() -> str:
    return datetime.now(UTC).isoformat()
