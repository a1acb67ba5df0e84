"""Measure the product and print JSON: `python -m benchmarks [--minutes 10] [--only live,cost]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    chat,
    chat_lines,
    clip,
    console,
    cost,
    crowd,
    evening,
    experiments,
    face,
    live,
    machine,
    offset,
    peers,
    preview,
    restart,
    table,
    warm,
)
from livehost.errors import LivehostError

SIZES = ((720, 1280), (1080, 1920))


def main() -> None:
    """Run the chosen measurements one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the live run")
    more = "comma-separated; more: chat, clip, console, crowd, evening, experiments, face, lines,"
    more += " peers, preview, warm (needs --model)"
    parser.add_argument("--only", default="live,cost,restart,offset", help=more)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--cache", type=Path, help="speech cache to start from")
    parser.add_argument("--model", type=Path, help="a .gguf file, for warm")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="livehost-cache-") as scratch:
        cache = given.cache or Path(scratch)
        steps: dict[str, Callable[[], Any]] = {
            "live": lambda: live.measure(given.minutes, cache),
            "cost": lambda: [cost.measure(size, cache) for size in SIZES],
            "restart": lambda: restart.measure(cache),
            "offset": offset.measure,
            "clip": clip.measure,
            "console": lambda: console.measure(cache),
            "peers": peers.measure,
            "chat": chat.measure,
            "lines": chat_lines.measure,
            "evening": evening.measure,
            "experiments": experiments.measure,
            "preview": preview.measure,
            "crowd": lambda: crowd.measure(cache),
            "warm": lambda: warm.measure(given.model),
            "face": lambda: face.measure(min(given.minutes, 3.0), cache),
        }
        results: dict[str, Any] = {"machine": machine.facts()}
        for name in given.only.split(","):
            if name == "warm" and given.model is None:
                print("warm is skipped: name a .gguf file with --model FILE", file=sys.stderr)
                continue
            print(f"measuring {name}", file=sys.stderr)
            try:
                results[name] = steps[name]()
            except LivehostError as error:
                sys.exit(f"{name}: {error}")
    text = json.dumps(results, ensure_ascii=False, indent=2)
    print(text)
    print(table.markdown(results), file=sys.stderr)
    if given.out:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
