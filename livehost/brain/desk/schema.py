"""Write the JSON schema of the console's protocol, commands included.

In:  the messages of `console.protocol` and every declared command.   Out: console/schema.json.

    python -m livehost.brain.desk.schema          writes the file
    python -m livehost.brain.desk.schema --check  exits with 1 when it is not current
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from livehost.brain.command import Command
from livehost.brain.console import protocol
from livehost.brain.desk.all import all_commands

FILE = Path(protocol.__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """Return the whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "livehost console",
        "protocol": protocol.VERSION,
        "messages": protocol.schemas(),
        "codes": list(protocol.CODES),
        "commands": {known.name: _command(known) for known in all_commands()},
    }


def _command(known: Command) -> dict[str, Any]:
    return {
        "role": known.role.value,
        "does": known.does,
        "seconds": known.seconds,
        "args": known.args.model_json_schema(),
    }


def text() -> str:
    """Return the file's text."""
    return json.dumps(schema(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Write or check the file."""
    if "--check" not in sys.argv:
        FILE.write_text(text(), "utf-8")
        return 0
    return 0 if FILE.read_text("utf-8") == text() else 1


if __name__ == "__main__":
    sys.exit(main())
