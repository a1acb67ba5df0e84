"""The script files of a room: which there are, what stands in them, and what stood in them before.

In:  names of files.   Out: texts; new texts on disk, whole or not at all.

Only files that the room file names, within its folder, can be reached: a name is looked up in
their list and never joined to a path.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from livehost.brain.atomic_file import write_atomically
from livehost.config import Room
from livehost.errors import LivehostError

MOST_TEXT = 200_000  # characters of a file
MOST_KEPT = 20  # earlier texts of each file
MOST_DIFF = 2000  # lines
_NEW = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")

Kind = Literal["product", "rundown"]


class Stale(LivehostError):
    """The file was changed by somebody else meanwhile."""


class Unknown(LivehostError):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class Script:
    """A file.

    Attributes:
        name: within the room's folder.
    """

    name: str
    kind: Kind
    path: Path


@dataclass(frozen=True, slots=True)
class Kept:
    """An earlier text of a file.

    Attributes:
        version: of the text, see `version_of`.
        at: when it was replaced, ISO 8601 in UTC.
        by: who replaced it.
    """

    version: str
    at: str
    by: str
    path: Path


class Folder:
    """The scripts of one room.

    Args:
        kept: where earlier texts are kept, beside the state.
    """

    def __init__(self, room: Room, kept: Path) -> None:
        self._room = room
        self._root = room.file.parent.resolve()
        self._kept = kept

    def scripts(self) -> list[Script]:
        """Return the files that can be changed: the rundown, then products."""
        found = [("rundown", self._room.near(self._room.show.rundown))]
        found += [("product", path) for path in self._room.globbed(self._room.show.products)]
        return [
            Script(path.relative_to(self._root).as_posix(), kind, path)  # type: ignore[arg-type]
            for kind, path in found
            if path.is_relative_to(self._root)
        ]

    def script(self, name: str) -> Script:
        """Return a file by its name. Raises Unknown."""
        for script in self.scripts():
            if script.name == name:
                return script
        raise Unknown(f"there is no script {name[:80]!r} in this room")

    def new_product(self, product: str, text: str = "") -> Script:
        """Return where the file of a new product belongs; one with this `text` is the same one.

        Raises:
            Unknown: it cannot be.
        """
        if not _NEW.match(product):
            raise Unknown("a product's file needs a name of letters, digits, - and _")
        for pattern in self._room.show.products:
            path = self._root / Path(pattern).parent / f"{product}.toml"
            inside = path.parent.resolve().is_relative_to(self._root) and path.parent.is_dir()
            script = Script(path.relative_to(self._root).as_posix(), "product", path)
            if not inside or not path.match(pattern):
                continue
            if not os.path.lexists(path) or (text and self.read(script) == text):
                return script
        raise Unknown(f"a file for {product} is there already, or the room has no place for it")

    def read(self, script: Script) -> str:
        """Return a file's text. Raises Unknown when it cannot be read."""
        try:
            return script.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Unknown(f"{script.name} cannot be read: {type(error).__name__}") from error

    def write(self, script: Script, text: str, version: str, by: str) -> str:
        """Replace a file's text and keep the one before; return the new version.

        A text that stands there already is left as it is: it was written before.

        Args:
            version: of the text that it replaces; "" for a new file.

        Raises:
            Stale: another text stands there now.
            OSError: the disk does not take it.
        """
        before = script.path.read_text("utf-8") if script.path.exists() else ""
        if before == text:
            return version_of(text)
        if version_of(before) != version:
            raise Stale(f"{script.name} was changed by somebody else; load it again")
        if before:
            self._keep(script, before, by)
        _replace(script.path, text)
        return version_of(text)

    # --- earlier texts ----------------------------------------------------------------------------

    def kept(self, script: Script) -> list[Kept]:
        """Return what stood in a file before, newest first."""
        found = []
        for path in self._place(script).glob("*.toml"):
            number, at, version, by = (*path.stem.split("~"), "", "", "")[:4]
            if number.isdigit():
                found.append((int(number), Kept(version, at.replace(".", ":"), by, path)))
        return [kept for _, kept in sorted(found, key=lambda pair: pair[0], reverse=True)]

    def earlier(self, script: Script, version: str = "") -> str:
        """Return an earlier text: of a version, or the last. Raises Unknown."""
        for kept in self.kept(script):
            if version in ("", kept.version):
                return kept.path.read_text("utf-8")
        raise Unknown(f"no earlier text of {script.name} is kept")

    def drop(self, script: Script, version: str) -> None:
        """Forget an earlier text that is in force again."""
        for kept in self.kept(script):
            if kept.version == version:
                kept.path.unlink(missing_ok=True)
                return

    def _keep(self, script: Script, text: str, by: str) -> None:
        place, before = self._place(script), self.kept(script)
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1 + max((int(kept.path.stem.split("~")[0]) for kept in before), default=0)
        at = datetime.now(UTC).isoformat(timespec="seconds").replace(":", ".")
        name = f"{number}~{at}~{version_of(text)}~{re.sub('[^A-Za-z0-9_.-]', '_', by)[:32]}.toml"
        _replace(place / name, text)
        for old in self.kept(script)[MOST_KEPT:]:
            old.path.unlink(missing_ok=True)

    def _place(self, script: Script) -> Path:
        return self._kept / hashlib.sha256(script.name.encode()).hexdigest()[:24]


def version_of(text: str) -> str:
    """Return what names a text; "" for none."""
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def difference(before: str, after: str, name: str) -> list[str]:
    """Return the lines of a unified diff, three lines of context."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, "now", "new", lineterm=""
    )
    return [line for line, _ in zip(lines, range(MOST_DIFF), strict=False)]


def _replace(path: Path, text: str) -> None:
    write_atomically(path, text, path.stat().st_mode & 0o777 if path.exists() else 0o644)
