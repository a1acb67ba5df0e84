"""The flags of `livehost script`; light, because every command reads them.

In:  an argument parser.   Out: the same, with actions and flags.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from livehost.flags import AddCommand

_NEW = (
    'livehost script new --title "明前龙井" --facts facts.txt --keywords 送礼,办公室 '
    "--minutes 8 --out tea"
)
_CHECK = "livehost script check scripts/demo/room.toml"
_VARY = "livehost script vary scripts/demo/rundown.toml --rounds 6 --out varied.toml"


def add_actions(add: AddCommand) -> None:
    """Add new, check and vary.

    Args:
        add: makes the parser of (name, what it is for, example).
    """
    new = add("new", "write product cards and a rundown from title, keywords and facts", _NEW)
    new.add_argument("--title", required=True, metavar="TEXT", help="of the show, or the product")
    new.add_argument(
        "--facts", type=Path, nargs="+", default=[], metavar="FILE", help="product.toml or a text"
    )
    new.add_argument("--keywords", default="", metavar="A,B", help="what viewers may look for")
    new.add_argument("--language", choices=("zh", "en"), default="zh")
    new.add_argument("--minutes", type=float, default=10.0, metavar="N", help="of one round")
    new.add_argument("--style", choices=("warm", "brisk", "calm"), default="warm")
    new.add_argument("--festival", default="", metavar="NAME", help="spring, mid-autumn, 618, ...")
    new.add_argument(
        "--dialect", default="", metavar="NAME",
        help="words of sichuan, northeast or cantonese-flavoured; experimental",
    )  # fmt: skip
    new.add_argument("--rounds", type=int, default=4, metavar="N", help="wordings of each line")
    new.add_argument("--out", type=Path, required=True, metavar="DIR")
    new.add_argument("--replace", action="store_true", help="write over an older script")
    _add_shared(new)
    check = add("check", "list what the gate would stop, repeats, gaps and lengths", _CHECK)
    check.add_argument("script", type=Path, metavar="ROOM|RUNDOWN")
    check.add_argument("--room", type=Path, metavar="ROOM.toml", help="that a rundown belongs to")
    check.add_argument("--json", action="store_true", help="for programs")
    vary = add("vary", "add wordings to every line, so that no round is like another", _VARY)
    vary.add_argument("script", type=Path, metavar="RUNDOWN")
    vary.add_argument("--rounds", type=int, default=4, metavar="N")
    vary.add_argument("--out", type=Path, metavar="FILE", help="RUNDOWN-varied.toml if not given")
    _add_shared(vary)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", default="1", help="another one gives other words")
    model = parser.add_argument_group("language model")
    model.add_argument("--llm", action="store_true", help="let a model rewrite lines")
    model.add_argument("--room", type=Path, metavar="ROOM.toml", help="whose [reply] names it")
    model.add_argument("--base-url", default="", metavar="URL", help="before /chat/completions")
    model.add_argument("--model", default="", metavar="NAME")
    model.add_argument("--api-key-env", default="", metavar="NAME", help="variable with the key")
    model.add_argument("--llm-seconds", type=float, default=120.0, metavar="N", help="an answer")
