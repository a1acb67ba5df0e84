"""Consent of the person behind a voice or a face: read, checked, and watched while it is used.

In:  a TOML record beside the voice or avatar, and what it is wanted for.
Out: ConfigError where it does not hold when a room is loaded; one line later, while in use.

Source: 直播电商监督管理办法 and the draft measures on 数字虚拟人 (likeness and voice only with
consent that can be withdrawn); 个人信息保护法 art. 14-16, 29 (separate, informed, withdrawable).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from pydantic import Field, field_validator

from livehost.config import load_toml
from livehost.errors import BackendBroken, ConfigError
from livehost.models import sha256
from livehost.table import Model

_SHA256 = r"^[0-9a-f]{64}$"
_MOST_BYTES = 64_000_000  # of a signed document or a recording


class NoConsent(BackendBroken):
    """The person behind a voice or face does not agree (any more): use another one."""


class Scope(StrEnum):
    """What of a person is used."""

    VOICE = "voice"
    LIKENESS = "likeness"


class Proof(Model):
    """A file, and the hash that says that it is still the same one."""

    file: Path
    """Relative to the record."""
    sha256: str = Field(pattern=_SHA256)


class Record(Model):
    """What a consent file says."""

    who: str = Field(min_length=1)
    """The person, as in the signed document."""
    contact: str = Field(min_length=1)
    """Where the person can be reached, and can withdraw."""
    when: date | datetime
    """Signed; not used before."""
    expires: date | datetime
    """Last day, or exact moment."""
    scope: tuple[Scope, ...] = Field(min_length=1)
    rooms: tuple[str, ...] = ("*",)
    """Names of the rooms it holds for; "*" is every room."""
    revoked: date | datetime | None = None
    """Withdrawn from this day or moment on."""
    document: Proof
    """What was signed."""
    recordings: tuple[Proof, ...] = ()
    """When given, the voice may be made from these recordings only."""

    @field_validator("who", "contact")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be empty")
        return value


@dataclass(frozen=True, slots=True)
class Use:
    """What a consent is wanted for.

    Attributes:
        room: its name; "" where none is known yet, then none is asked for.
        recordings: files on this machine that the voice or face is made from.
    """

    scope: Scope
    room: str
    recordings: tuple[Path, ...] = ()


def _now() -> datetime:
    return datetime.now().astimezone()


class Consent:
    """One record in use. Every question looks whether the file has changed; the hashes are taken
    again only when a file has.

    Attributes:
        path: of the record.
        use: what it is wanted for.
    """

    def __init__(self, path: Path, use: Use, now: Callable[[], datetime] = _now) -> None:
        """Watch the record at `path`; it is read by the first question."""
        self.path, self.use = path, use
        self._now = now
        self._looking = threading.Lock()
        self._record: Record | None = None
        self._wrong: tuple[str, ...] = ()
        self._seen: list[tuple[int, int]] | None = None

    def check(self) -> Record:
        """Return the record, which holds.

        Raises:
            ConfigError: it is missing, not a record, or does not hold; one line each.
        """
        problems = self.problems()
        if problems or self._record is None:
            raise ConfigError(*problems)
        return self._record

    @property
    def record(self) -> Record | None:
        """The record as it was last read, whether it holds or not; None when it is none."""
        return self._record

    def problem(self) -> str:
        """Return the first of `problems`, "" while there is none."""
        return next(iter(self.problems()), "")

    def problems(self) -> tuple[str, ...]:
        """Return why it does not hold now, one line each. Never raises; from any thread."""
        with self._looking:
            return self._problems()

    def _problems(self) -> tuple[str, ...]:
        if self._stamps() != self._seen:
            self._look()
        if self._wrong or self._record is None:
            return self._wrong
        lapsed = self._in_force(self._record)
        return (f"{self.path}: {lapsed}",) if lapsed else ()

    def _look(self) -> None:
        """Read the record and take the hashes again.

        Each stamp is taken before its file is read: what changes meanwhile is seen next time.
        """
        self._record = None
        stamp = _stamp(self.path)
        try:
            self._record = _read(self.path)
            self._seen = [stamp, *self._stamps()[1:]]
            wrong = _files(self.path, self._record, self.use)
            self._wrong = tuple(f"{self.path}: {problem}" for problem in wrong)
        except ConfigError as error:
            self._wrong = error.problems
            self._seen = [stamp, *self._stamps()[1:]]

    def _stamps(self) -> list[tuple[int, int]]:
        """Return what changes with the files: (bytes, nanoseconds) each; zeros when missing.

        The record's own comes first.
        """
        proofs = [self._record.document, *self._record.recordings] if self._record else []
        files = [self.path, *(self.path.parent / proof.file for proof in proofs)]
        return [_stamp(file) for file in (*files, *self.use.recordings)]

    def _in_force(self, record: Record) -> str:
        now = self._now()
        if record.revoked is not None and _began(record.revoked, now):
            return f"{record.who} has withdrawn consent (revoked = {record.revoked})"
        if not _began(record.when, now):
            return f"consent of {record.who} begins on {record.when}"
        if _ended(record.expires, now):
            return f"consent of {record.who} expired on {record.expires}; have it renewed"
        if self.use.scope not in record.scope:
            given = ", ".join(record.scope)
            return f"scope: {record.who} agrees to {given}, not to {self.use.scope}"
        if self.use.room and not {"*", self.use.room} & set(record.rooms):
            return f"rooms: {record.who} does not agree to room {self.use.room}"
        return ""


def _read(path: Path) -> Record:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no consent record; see docs/voice.md for its form")
    return load_toml(path, Record)


def _files(path: Path, record: Record, use: Use) -> list[str]:
    """Return what is wrong with the document and the recordings."""
    named = [("document", record.document), *(("recordings", each) for each in record.recordings)]
    problems = [said for key, proof in named if (said := _differs(path, key, proof))]
    if record.recordings:
        allowed = {proof.sha256 for proof in record.recordings}
        problems += [
            f"recordings: {used.name} is not one that {record.who} agreed to"
            for used in use.recordings
            if _hash(used) not in allowed
        ]
    return problems


def _hash(file: Path) -> str:
    """Return the sha256 of a file; "" when it cannot be read."""
    try:
        return sha256(file)
    except OSError:
        return ""


def _differs(path: Path, key: str, proof: Proof) -> str:
    file = path.parent / proof.file
    if not file.is_file():
        return f"{key}.file: {file} does not exist"
    try:
        if file.stat().st_size > _MOST_BYTES:
            return f"{key}.file: {file} is larger than {_MOST_BYTES // 1_000_000} MB"
        found = sha256(file)
    except OSError as error:
        return f"{key}.file: {file} cannot be read: {error.strerror}"
    if found != proof.sha256:
        return f"{key}.sha256: {file} is not the file that was signed (its hash differs)"
    return ""


def _stamp(file: Path) -> tuple[int, int]:
    try:
        stat = file.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _began(at: date | datetime, now: datetime) -> bool:
    """Whether `at` has come; a day begins at midnight, local time."""
    if isinstance(at, datetime):
        return now >= at.astimezone()
    return now.date() >= at


def _ended(at: date | datetime, now: datetime) -> bool:
    """Whether `at` is over; a day ends at midnight, local time."""
    if isinstance(at, datetime):
        return now >= at.astimezone()
    return now.date() > at
