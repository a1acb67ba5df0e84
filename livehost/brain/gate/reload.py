"""The rules in force: the built-in ones and the shop's own lists, taken up again when saved.

In:  paths of word lists, or a function that names them.
Out: rules; broken files leave the old rules in force and say what is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from livehost.brain.gate.rules import Rule, load_rules
from livehost.errors import ConfigError

Lists = Sequence[Path] | Callable[[], Sequence[Path]]


class Rules:
    """Built-in and own rules; `reload()` swaps them all at once.

    Args:
        lists: own word lists; a function is asked again at every look, so that new files count.

    Raises:
        ConfigError: a list is wrong, at the start.

    Attributes:
        version: grows with every reload that took effect.
        problems: why the lists on disk are not in force; empty when they are.
    """

    def __init__(self, lists: Lists = ()) -> None:
        self._lists = lists
        self.version = 1
        self.problems: tuple[str, ...] = ()
        self._print = _fingerprint(self._paths())
        self.all: tuple[Rule, ...] = load_rules(self._paths())

    def changed(self) -> bool:
        """Return whether the lists differ from those last loaded or tried. Reads the files."""
        return _fingerprint(self._paths()) != self._print

    def reload(self) -> tuple[str, ...]:
        """Put the lists on disk in force, or keep everything as it was and return the problems."""
        paths = self._paths()
        self._print = _fingerprint(paths)
        try:
            self.all = load_rules(paths)
        except ConfigError as error:
            self.problems = error.problems
            return self.problems
        self.version += 1
        self.problems = ()
        return ()

    def _paths(self) -> tuple[Path, ...]:
        return tuple(self._lists() if callable(self._lists) else self._lists)


def _fingerprint(paths: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path).encode() + b"\0")
        try:
            digest.update(path.read_bytes())
        except OSError:
            digest.update(b"gone")
    return digest.hexdigest()
