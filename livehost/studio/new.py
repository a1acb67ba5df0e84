"""Write a show: cards, rundown and a room file to try it with.

In:  a `Brief`.   Out: a folder whose room passes `livehost check`, and what was left out and why.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from livehost.brain.gate import Gate
from livehost.brain.product import Product
from livehost.errors import ConfigError
from livehost.studio.beats import festival
from livehost.studio.cards import load_card, read_facts
from livehost.studio.compose import Wanted, compose
from livehost.studio.draft import Draft
from livehost.studio.intake import Intake
from livehost.studio.judge import prune
from livehost.studio.model import Model
from livehost.studio.report import Report, report
from livehost.studio.rewrite import Task, rewrite
from livehost.studio.shelf import Shelf, open_shelf
from livehost.studio.toml import product_toml, rundown_toml
from livehost.studio.vary import vary

_AVATAR = Path("avatars") / "xiaohe"
_HEADING = (
    "What the host says, in order, again and again. Every key is explained in docs/scripts.md.",
    "Written by `livehost script new`; read it, change it, check it with `livehost script check`.",
)


@dataclass(frozen=True, slots=True)
class Brief:
    """What somebody wants a script of.

    Attributes:
        facts: product files (.toml) or texts of facts; without any the title is all there is.
        rounds: wordings of each line, as far as they can be made.
    """

    title: str
    out: Path
    now: datetime
    facts: tuple[Path, ...] = ()
    keywords: tuple[str, ...] = ()
    language: str = "zh"
    minutes: float = 10.0
    style: str = "warm"
    festival: str = ""
    dialect: str = ""
    seed: str = "1"
    rounds: int = 4
    model: Model | None = None
    replace: bool = False


@dataclass(slots=True)
class Written:
    """What came of it.

    Attributes:
        notes: what was left out or replaced, and why.
        by_model: lines that a language model wrote.
    """

    report: Report
    files: list[Path]
    notes: list[str] = field(default_factory=list)
    by_model: int = 0


def write_show(brief: Brief) -> Written:
    """Write the files of a show.

    Raises:
        ConfigError: the facts make no card, the title may not be said, or files are in the way.
    """
    _free(brief)
    intake = Intake(Gate(), brief.now)
    title = intake.title(brief.title)
    products = _products(brief, title, intake)
    wanted = Wanted(
        tuple(products),
        brief.now,
        tuple(intake.keywords(brief.keywords, products)),
        brief.language,
        brief.minutes,
        brief.style,
        festival(brief.festival, brief.language) if brief.festival else None,
        brief.dialect,
        brief.seed,
    )
    draft = compose(wanted)
    files = [*_write_cards(brief, products), _write_room(brief, title)]
    shelf = _written(brief, draft)
    by_model = asyncio.run(_ask(brief, draft, shelf)) if brief.model else 0
    prune(draft, shelf.catalog, shelf.gate, brief.now)
    vary(draft, shelf.catalog, shelf.gate, brief.rounds, brief.seed, brief.now)
    shelf = _written(brief, draft)
    found = report(shelf, brief.now)
    notes = [*intake.notes, *draft.notes, *_short(found, brief)]
    return Written(found, [*files, shelf.rundown], notes, by_model)


def _free(brief: Brief) -> None:
    names = ("rundown.toml", "room.toml", "products")
    taken = [name for name in names if (brief.out / name).exists()]
    if taken and not brief.replace:
        there = ", ".join(taken)
        raise ConfigError(f"{brief.out}: {there} exists; choose another --out or add --replace")


def _products(brief: Brief, title: str, intake: Intake) -> list[Product]:
    if not brief.facts:
        raise ConfigError(
            "--facts: is required: a product file, or a text with 价格 and what is true of the "
            "product, line by line; nothing is invented (docs/script-studio.md)"
        )
    products: list[Product] = []
    for n, path in enumerate(brief.facts, 1):
        product, notes = _card(path, title, f"item{n}")
        intake.notes += notes
        products.append(intake.card(product))
    for key in ("id", "name", "link"):
        values = [value for p in products if (value := getattr(p, key)) is not None]
        if twice := {str(value) for value in values if values.count(value) > 1}:
            raise ConfigError(f"--facts: {key} {', '.join(twice)} is taken twice; choose another")
    return sorted(products, key=lambda product: product.link or 1000)


def _card(path: Path, title: str, product: str) -> tuple[Product, list[str]]:
    if path.suffix == ".toml":
        return load_card(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--facts {path}: cannot be read: {type(error).__name__}") from error
    card, notes = read_facts(text, title, product)
    found = [near.resolve() for p in card.pictures if (near := path.parent / p).is_file()]
    return card.model_copy(update={"pictures": tuple(found)}), notes


def _write_cards(brief: Brief, products: list[Product]) -> list[Path]:
    """Write the cards, and copy their pictures beside them."""
    folder = brief.out / "products"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    written = []
    for product in products:
        card = product.model_copy(update={"pictures": tuple(_copied(brief.out, product))})
        path = folder / f"{product.id}.toml"
        path.write_text(product_toml(card), "utf-8")
        written.append(path)
    return written


def _copied(out: Path, product: Product) -> list[Path]:
    copies = []
    for n, picture in enumerate(product.pictures, 1):
        copy = Path("media") / f"{product.id}-{n}{picture.suffix}"
        (out / "media").mkdir(exist_ok=True)
        shutil.copyfile(picture, out / copy)
        copies.append(copy)
    return copies


def _write_room(brief: Brief, title: str) -> Path:
    """Write a room file to try the script with; its host is the shipped one if that is here."""
    path = brief.out / "room.toml"
    avatar = Path(os.path.relpath(_shipped(), brief.out))
    voice = '[voice]\nname = "af_heart"\n\n' if brief.language == "en" else ""
    path.write_text(
        "# Try the script: livehost run room.toml. Every key is in scripts/example-room.toml.\n\n"
        f'name = "{_room_name(brief.out)}"\nlanguage = "{brief.language}"\n\n'
        f'[avatar]\npath = "{avatar.as_posix()}"\n\n{voice}'
        f'[scene]\ntitle = "{title}"\n\n'
        '[show]\nproducts = ["products/*.toml"]\nrundown = "rundown.toml"\n',
        "utf-8",
    )
    return path


def _room_name(out: Path) -> str:
    """Return the folder's name as a room's: rooms of one name would share their state."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", out.resolve().name).strip("-")[:32]
    return name or f"room-{sha256(out.resolve().name.encode()).hexdigest()[:8]}"


def _shipped() -> Path:
    beside = Path(__file__).resolve().parents[2] / _AVATAR
    return beside if beside.is_dir() else _AVATAR.absolute()


def _written(brief: Brief, draft: Draft) -> Shelf:
    """Write the rundown as it is now, and load it as a room does."""
    (brief.out / "rundown.toml").write_text(rundown_toml(draft, _HEADING), "utf-8")
    return open_shelf(brief.out / "room.toml")


async def _ask(brief: Brief, draft: Draft, shelf: Shelf) -> int:
    if brief.model is None:
        return 0
    task = Task(brief.language, brief.style, 2, brief.now)
    return await rewrite(draft, brief.model, shelf.catalog, shelf.gate, task)


def _short(found: Report, brief: Brief) -> list[str]:
    minutes = found.seconds / 60
    if minutes >= 0.85 * brief.minutes:
        return []
    return [
        f"the facts fill {minutes:.1f} of {brief.minutes:g} minutes; write more selling points, "
        "details and questions with answers into the cards for a longer round"
    ]
