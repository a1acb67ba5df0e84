"""Find what belongs to a room or rundown file: its cards, its gate.

In:  a path.   Out: `Shelf`, or ConfigError with every problem of the files.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from livehost.brain.catalog import Catalog, load_catalog
from livehost.brain.gate import Gate, make_gate
from livehost.config import Avatar, Room, Show, load_toml
from livehost.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Shelf:
    """A room's files, loaded."""

    room: Room
    catalog: Catalog
    gate: Gate

    @property
    def rundown(self) -> Path:
        """The rundown file."""
        return self.room.near(self.room.show.rundown)


def open_shelf(path: Path, room: Path | None = None) -> Shelf:
    """Load a room file, or a rundown together with the room that it belongs to.

    Args:
        path: a room or a rundown.
        room: of the rundown; without it a room file beside it that names it, else the cards in
            `products/` beside it.

    Raises:
        ConfigError: a file is missing or wrong.
    """
    found = _room(path, room)
    catalog = load_catalog(found)
    return Shelf(found, catalog, make_gate(found, catalog))


def _room(path: Path, room: Path | None) -> Room:
    if _is_room(path):
        return load_toml(path, Room, file=path.resolve())
    if room is None:
        beside = sorted(path.parent.glob("*.toml"))
        room = next((file for file in beside if _is_room(file) and _names(file, path)), None)
    if room is None:
        show = Show(rundown=Path(path.name))
        return Room(name="studio", avatar=Avatar(path=Path()), show=show, file=path.resolve())
    loaded = load_toml(room, Room, file=room.resolve())
    return loaded.model_copy(
        update={"show": loaded.show.model_copy(update={"rundown": path.resolve()})}
    )


def _names(room: Path, rundown: Path) -> bool:
    try:
        loaded = load_toml(room, Room, file=room.resolve())
    except ConfigError:
        return False  # somebody else's, and broken
    return loaded.near(loaded.show.rundown) == rundown.resolve()


def _is_room(path: Path) -> bool:
    try:
        return "avatar" in tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        return False  # said better by whoever loads it
