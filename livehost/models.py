"""Model files by name: where they are, what licence they carry, and that they are what we think.

In:  `models.toml`, files from installed packages or given by the user.   Out: checked paths.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from livehost.errors import ConfigError


def sha256(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str) -> Path:
    """Return `path` if its sha256 is `expected`.

    Raises:
        ConfigError: the file is missing or differs.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: model file is missing; run make setup again")
    if (found := sha256(path)) != expected:
        raise ConfigError(
            f"{path}: model file has sha256 {found[:12]}..., expected {expected[:12]}...; "
            "it is damaged or not the one this version was made for"
        )
    return path
