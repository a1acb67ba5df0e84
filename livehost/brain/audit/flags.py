"""The flags of `livehost audit`; light, because every command reads them.

In:  an argument parser.   Out: the same, with actions and flags.
"""

from __future__ import annotations

from pathlib import Path

from livehost.flags import AddCommand


def add_actions(make: AddCommand) -> None:
    """Add verify, export, forget and expire.

    Args:
        make: makes the parser of (name, what it is for, example).
    """
    verify = make(
        "verify", "check that nothing in the record was changed",
        "livehost audit verify scripts/demo/room.toml",
    )  # fmt: skip
    verify.add_argument("--head", default="", metavar="N:HASH", help="must be in it; from earlier")
    export = make(
        "export", "write each utterance with its cause, facts and verdicts",
        "livehost audit export scripts/demo/room.toml --form csv --out said.csv",
    )  # fmt: skip
    export.add_argument("--form", choices=("jsonl", "csv"), default="jsonl")
    export.add_argument("--since", default="", metavar="TIME", help="like 2026-11-22 (UTC)")
    export.add_argument("--out", type=Path, metavar="FILE")
    forget = make(
        "forget", "erase what is recorded about a person; the chain holds",
        'livehost audit forget scripts/demo/room.toml --user 12345 --reason "asked by mail"',
    )  # fmt: skip
    forget.add_argument("--user", default="", metavar="ID", help="a viewer, as in the chat")
    forget.add_argument("--person", default="", metavar="NAME", help="as in the consent record")
    forget.add_argument("--reason", default="")
    expire = make(
        "expire", "remove days past their retention, three years at least",
        "livehost audit expire scripts/demo/room.toml --days 1100",
    )  # fmt: skip
    expire.add_argument("--days", type=int, default=1100)
    for command in (verify, export, forget, expire):
        command.add_argument("room", type=Path, metavar="ROOM.toml", help="or the log's folder")
