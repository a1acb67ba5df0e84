"""The demo shop in a temporary folder, with pictures of its own, at a fixed time."""

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

from livehost.brain.catalog import Catalog, load_catalog
from livehost.config import Room, load_toml

DEMO = Path(__file__).parent.parent / "scripts" / "demo"
CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=CHINA)  # the jacket's promotion is on
LATER = datetime(2027, 1, 2, 20, 0, tzinfo=CHINA)  # and over


def demo_room(folder: Path) -> Room:
    shutil.copytree(DEMO, folder, dirs_exist_ok=True)
    for name in ("jacket", "bottle", "nuts"):
        picture = folder / "media" / f"{name}.png"
        picture.parent.mkdir(exist_ok=True)
        picture.touch()
    file = folder / "room.toml"
    return load_toml(file, Room, file=file.resolve())


def demo_catalog(folder: Path) -> Catalog:
    return load_catalog(demo_room(folder))
