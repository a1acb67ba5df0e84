"""Write the sha256 of an avatar's files into its avatar.toml, after they were changed on purpose.

In:  an avatar folder.   Out: its [files] table, rewritten.
"""

from __future__ import annotations

import sys
from pathlib import Path

from livehost.avatar.load import MANIFEST
from livehost.avatar.manifest import Manifest
from livehost.config import load_toml
from livehost.errors import ConfigError, LivehostError
from livehost.models import sha256

HEADER = "[files]\n"


def seal(folder: Path) -> None:
    """Rewrite the [files] table, which must be the last one in the manifest.

    Raises:
        ConfigError: the manifest is not valid, names a missing file, or has no [files] table.
    """
    path = folder / MANIFEST
    manifest = load_toml(path, Manifest)
    head, found, _ = path.read_text("utf-8").partition(HEADER)
    if not found:
        raise ConfigError(f"{path}: has no [files] table at its end")
    names = sorted(set(manifest.named()) | set(manifest.files))
    missing = [f"{folder / name}: is missing" for name in names if not (folder / name).is_file()]
    if missing:
        raise ConfigError(*missing)
    rows = "".join(f'"{name}" = "{sha256(folder / name)}"\n' for name in names)
    path.write_text(head + HEADER + rows, "utf-8")


if __name__ == "__main__":
    try:
        seal(Path(sys.argv[1]))
    except LivehostError as error:
        sys.exit(str(error))
