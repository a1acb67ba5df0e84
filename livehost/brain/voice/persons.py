"""Whose speech the cache holds: what is kept of a person is deleted when the consent ends.

In:  the store, the consent of the voice that speaks, notes beside the store of all before it.
Out: no file of a person whose consent does not hold; how many were deleted.

A note is written before the first sentence of a person and goes after the last one: what a crash
leaves behind is deleted by the next look, whoever's voice speaks by then.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from pathlib import Path

from livehost.brain.voice.cache_store import Store
from livehost.consent import Consent, Scope, Use

log = logging.getLogger(__name__)

_BEGINS = "person-"
_NOTE = ".consent"


def owner(consent: Consent) -> str:
    """Return what the keys of all speech under `consent` begin with."""
    use = consent.use
    named = [str(consent.path.resolve()), use.room, *sorted(map(str, use.recordings))]
    return f"{_BEGINS}{hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]}-"


class Persons:
    """The persons in one store. Every call reads the disk; in the store's thread.

    Attributes:
        left: sentences that could not be deleted; tried again by every look.
    """

    def __init__(self, folder: Path, store: Store, speaking: Consent | None) -> None:
        """Args: folder: of `store`; speaking: of the voice whose speech is kept now."""
        self._folder, self._store = folder, store
        self._speaking = speaking
        self._known = {owner(speaking): speaking} if speaking else {}
        self._failing: set[str] = set()
        self.left = 0

    @property
    def empty(self) -> bool:
        """There is nobody whose consent could end."""
        return not self._known

    def note(self) -> bool:
        """Write down whose speech is about to be kept; whether it may be."""
        if self._speaking is None:
            return True
        path = self._folder / f"{owner(self._speaking)}{_NOTE}"
        if self._speaking.problem():
            return False
        if not path.exists():
            return self._write(path, self._speaking)
        return True

    def _write(self, path: Path, consent: Consent) -> bool:
        use = consent.use
        recordings = [str(file.resolve()) for file in use.recordings]
        values = {
            "record": str(consent.path.resolve()), "room": use.room, "recordings": recordings
        }  # fmt: skip
        partial = path.with_name(f"{path.name}.partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(values), "utf-8")
            partial.replace(path)
        except OSError:
            return False
        return True

    def look(self) -> None:
        """Delete the speech of everybody whose consent does not hold. Never raises."""
        left = 0
        for begins in self._owners():
            if why := self._why_not(begins):
                left += self._delete(begins, why)
            else:
                self._failing.discard(begins)
        self.left = left

    def _owners(self) -> set[str]:
        """Return everybody of whom there is a note, or speech."""
        noted = {path.name.removesuffix(_NOTE) for path in self._folder.glob(f"{_BEGINS}*{_NOTE}")}
        kept = {key[: key.rindex("-") + 1] for key in self._store.held() if _is_of_a_person(key)}
        return noted | kept | set(self._known)

    def _why_not(self, begins: str) -> str:
        """Return why this person's speech may not stay, "" when it may."""
        if begins not in self._known:
            try:
                self._known[begins] = _read(self._folder / f"{begins}{_NOTE}")
            except (OSError, ValueError, KeyError, TypeError):
                return "nothing says whose speech this is"
        return self._known[begins].problem()

    def _delete(self, begins: str, why: str) -> int:
        """Return the number of files that cannot be deleted."""
        deleted, left = self._store.purge(begins)
        if deleted:
            extra = {"sentences": deleted, "why": why}
            log.warning("cached speech of a person is deleted: no consent", extra=extra)
        if left and begins not in self._failing:
            log.error("cached speech of a person cannot be deleted", extra={"sentences": left})
        if left:
            self._failing.add(begins)
        else:
            self._forget(begins)
        return left

    def _forget(self, begins: str) -> None:
        with suppress(OSError):
            (self._folder / f"{begins}{_NOTE}").unlink(missing_ok=True)
        if not (self._speaking and begins == owner(self._speaking)):
            self._known.pop(begins, None)


def _is_of_a_person(key: str) -> bool:
    return key.startswith(_BEGINS) and key.count("-") >= 2


def _read(note: Path) -> Consent:
    """Return the consent that a note names; raises what reading raises."""
    values = json.loads(note.read_text("utf-8"))
    recordings = tuple(Path(file) for file in values["recordings"])
    return Consent(Path(values["record"]), Use(Scope.VOICE, str(values["room"]), recordings))
