"""What every avatar folder that is made here has in common: who it is, and its pictures.

In:  what was asked for, whose face it is.   Out: the first lines of avatar.toml; PNG files.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.likeness import LikenessKeys
from livehost.avatar.making import Asked
from livehost.errors import ConfigError
from livehost.table import toml_string


def about(asked: Asked, likeness: LikenessKeys, provenance: str, *more: str) -> list[str]:
    """Return the manifest's lines on who it is.

    Args:
        provenance: how it was made.
        more: lines before the first table.
    """
    nobody = likeness.declared == "ai-generated"
    consent = [f"consent = {toml_string(likeness.consent)}"] if likeness.consent else []
    return [
        "# Made by livehost avatar make. After changing a file on purpose:",
        "# python -m livehost.avatar.seal THIS_FOLDER",
        f"name = {toml_string(asked.name)}",
        f"title = {toml_string(asked.title)}",
        f'kind = "{"ai" if nobody else "person"}"',
        f"licence = {toml_string(asked.licence)}",
        f"provenance = {toml_string(provenance)}",
        *more,
        "",
        "[likeness]",
        f'declared = "{likeness.declared}"',
        f"who = {toml_string(likeness.who)}",
        f"on = {likeness.on:%Y-%m-%d}",
        *consent,
        "",
    ]


def save_png(path: Path, picture: NDArray[np.generic]) -> None:
    """Write a picture. Raises ConfigError."""
    if not cv2.imwrite(str(path), np.ascontiguousarray(picture)):
        raise ConfigError(f"{path}: cannot be written")
