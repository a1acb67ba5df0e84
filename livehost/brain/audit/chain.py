"""One record and how it hangs on the one before.

In:  an event.   Out: an `Entry`, and lines of JSON that hold it.

The hash of an entry covers its number, time, kind and the digest of its body, and the hash before
it: a record that is changed, moved or taken out breaks every hash after it. The body itself is not
in the chain, only its digest, salted so that a short body cannot be guessed from it: a body may be
erased (a person may ask for that) and the chain still holds.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BEGINNING = "0" * 64
"""What the first entry hangs on."""


class Retention(StrEnum):
    """How long a record must be kept."""

    INTERACTION = "interaction"  # chat and what was answered; three years
    SCRIPT = "script"  # what the host said of itself; three years
    OPERATION = "operation"  # commands, settings, starts and ends


class Kind(StrEnum):
    """What happened, and what the body of its record says."""

    SHOW = "show"  # began or ended; room, versions, label, voice, who consented
    CHAT = "chat"  # a message was accepted
    CHAT_DONE = "chat-done"  # what became of it
    UTTERANCE = "utterance"  # cause, product card as it was, what a question was taken for
    MODEL = "model"  # what a language model was asked, which one, what it said
    SENTENCE = "sentence"  # a text that passed the gate, or what the gate put in its place
    AIRED = "aired"  # where in the stream it sounded, and how much of it was heard
    ENDED = "ended"  # how an utterance ended
    GATE = "gate"  # a verdict
    COMMAND = "command"  # an operator's
    RELOAD = "reload"  # scripts, word lists
    CONSENT = "consent"  # of a person behind a voice or face: used, lapsed
    ERASED = "erased"  # bodies erased: which, why, asked for by whom
    DROPPED = "dropped"  # days past their retention
    GAP = "gap"  # records that could not be written


CLASSES: Mapping[Kind, Retention] = {
    Kind.CHAT: Retention.INTERACTION,
    Kind.CHAT_DONE: Retention.INTERACTION,
    Kind.UTTERANCE: Retention.SCRIPT,
    Kind.MODEL: Retention.INTERACTION,
    Kind.SENTENCE: Retention.SCRIPT,
    Kind.AIRED: Retention.SCRIPT,
    Kind.ENDED: Retention.SCRIPT,
    Kind.GATE: Retention.SCRIPT,
}
"""All others are `Retention.OPERATION`."""


def class_of(kind: Kind) -> Retention:
    """Return how long records of a kind are kept."""
    return CLASSES.get(kind, Retention.OPERATION)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the chain.

    Attributes:
        seq: 1 for the first ever.
        at: ISO 8601, UTC.
        digest: of salt and body, sha256 hex.
        hash: of all above and of the entry before.
        salt: hex; "" with an erased body.
        body: None when it was erased.
    """

    seq: int
    at: str
    kind: str
    keep: str
    digest: str
    hash: str
    salt: str
    body: dict[str, Any] | None

    def line(self) -> str:
        """Return it as one line of JSON, without the line's end."""
        values: dict[str, Any] = {
            "seq": self.seq, "at": self.at, "kind": self.kind, "keep": self.keep,
            "digest": self.digest, "hash": self.hash,
        }  # fmt: skip
        if self.body is not None:
            values |= {"salt": self.salt, "body": self.body}
        return json.dumps(values, ensure_ascii=False, separators=(",", ":"))

    def erased(self) -> Entry:
        """Return it without its body."""
        return Entry(self.seq, self.at, self.kind, self.keep, self.digest, self.hash, "", None)

    @property
    def intact(self) -> bool:
        """The body is the one that was recorded, or was erased."""
        return self.body is None or digest(self.salt, self.body) == self.digest

    def follows(self, before: str) -> bool:
        """Return whether it hangs on the entry whose hash is `before`."""
        return self.hash == _hash(before, self.seq, self.at, self.kind, self.keep, self.digest)


def sealed(before: str, seq: int, at: str, kind: Kind, body: dict[str, Any]) -> Entry:
    """Return the entry of an event.

    Args:
        before: hash of the entry before, or `BEGINNING`.
        body: JSON values.
    """
    salt, keep = secrets.token_hex(8), class_of(kind)
    plain: dict[str, Any] = json.loads(json.dumps(body, ensure_ascii=False, default=str))
    mark = digest(salt, plain)
    return Entry(seq, at, kind, keep, mark, _hash(before, seq, at, kind, keep, mark), salt, plain)


def parsed(line: str) -> Entry:
    """Return the entry of one line. Raises ValueError."""
    try:
        values = json.loads(line)
        texts = (values[name] for name in ("at", "kind", "keep", "digest", "hash"))
        at, kind, keep, mark, whole = map(str, texts)
        body = values.get("body")
        if body is not None and not isinstance(body, dict):
            raise ValueError("body is not a table")
        return Entry(
            int(values["seq"]), at, kind, keep, mark, whole, str(values.get("salt", "")), body
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a record: {error!r}") from error


def digest(salt: str, body: dict[str, Any]) -> str:
    """Return the sha256 of a body, the same for the same values in any order."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{salt}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _hash(before: str, seq: int, at: str, kind: str, keep: str, mark: str) -> str:
    text = "\n".join((before, str(seq), at, kind, keep, mark))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
