"""Model files by name: where they are, what licence they carry, and that they are what we think.

In:  `models.toml`, files from installed packages or given by the user.   Out: checked paths.
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from livehost.errors import ConfigError


class ModelFile(BaseModel):
    """One entry of `models.toml`.

    Attributes:
        name: its key.
        title, licence, source: for people.
        packages: Python packages that carry it; several hold one part each.
        file: its name in each package, or in the folder it ships in.
        sha256: of the whole file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    licence: str
    source: str
    packages: tuple[str, ...] = ()
    file: str = ""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@cache
def manifest() -> dict[str, ModelFile]:
    """Return every model file the product knows, by name."""
    text = resources.files("livehost").joinpath("models.toml").read_text("utf-8")
    return {name: ModelFile(name=name, **entry) for name, entry in tomllib.loads(text).items()}


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
