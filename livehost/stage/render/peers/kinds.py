"""The published lip-sync networks that can draw a mouth here, and the file that names one.

In:  network.toml.   Out: a checked `Network`, whose model files are those that were described.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from livehost.config import load_toml
from livehost.errors import ConfigError
from livehost.models import sha256
from livehost.table import Model

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Kind:
    """One published form of a network.

    Attributes:
        models: the ONNX files it consists of.
        side: pixels of the square picture of a face it is given and makes.
        top: share of that picture's height above which nothing of what it makes is shown.
        face: its picture of a face as left, top, right, bottom: shares of the box of the eyes
            sideways, and downwards of the way from the eyes' middle (0) to the chin (1).
    """

    models: tuple[str, ...]
    side: int
    top: float
    face: tuple[float, float, float, float]


_DETECTED = (-0.065, -0.42, 1.065, 1.07)  # as face detectors frame it: brows to chin
_BELOW_EYES = (-0.03, 0.0, 1.03, 1.25)
_ROUND_NOSE = (-0.065, -0.32, 1.065, 1.07)
_WAV2LIP = (96, 128, 192, 256, 288, 384)

KINDS: dict[str, Kind] = {
    **{f"wav2lip-{side}": Kind(("generator",), side, 0.5, _DETECTED) for side in _WAV2LIP},
    "ultralight-hubert": Kind(("generator", "hubert"), 160, 0.03, _BELOW_EYES),
    "musetalk": Kind(("whisper", "encoder", "unet", "decoder"), 256, 0.5, _ROUND_NOSE),
}


class ModelKeys(Model):
    """[models.NAME]: one ONNX file."""

    file: Path
    """Relative to the file that names it."""
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    """Of the file; one that differs is refused."""


class Network(Model):
    """network.toml: which network draws the mouth, and how."""

    kind: str
    licence: str = Field(min_length=3)
    """Of the weights, as their authors state it; shown in the log."""
    models: dict[str, ModelKeys]
    batch: Annotated[int, Field(ge=1, le=16)] = 1
    """Ticks that are drawn at once, as far as what they say is known."""
    look_ahead_ms: Annotated[int, Field(ge=0, le=600)] = 0
    """How long the show is held back, so that what follows is sure; 0: the queue will do."""
    shift_ms: Annotated[int, Field(ge=-200, le=200)] = 0
    """Later sound for each picture, or earlier when negative."""
    box: Box | None = None
    """The face as the network was trained to see it: x, y, width, height in plate pixels."""
    file: Path = Path("network.toml")
    """Set by `load_network`."""

    @field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in KINDS:
            raise ValueError(f"must be one of {', '.join(KINDS)}")
        return value

    @field_validator("models")
    @classmethod
    def _whole(cls, value: dict[str, ModelKeys], info: ValidationInfo) -> dict[str, ModelKeys]:
        kind = info.data.get("kind")
        if kind and set(KINDS[kind].models) != set(value):
            names = ", ".join(f"models.{name}" for name in KINDS[kind].models)
            raise ValueError(f"{kind} consists of {names}")
        return value

    @property
    def form(self) -> Kind:
        """What is published about it."""
        return KINDS[self.kind]

    def path(self, name: str) -> Path:
        """Return where one of its models is."""
        return (self.file.parent / self.models[name].file).resolve()


def load_network(path: Path) -> Network:
    """Read network.toml and check its files. Raises ConfigError with every problem found."""
    network = load_toml(path, Network, file=path.resolve())
    problems = [
        problem
        for name, keys in network.models.items()
        if (problem := _problem(network.path(name), keys.sha256))
    ]
    if problems:
        raise ConfigError(*(f"{path}: {problem}" for problem in problems))
    return network


def _problem(path: Path, expected: str) -> str:
    if not path.is_file():
        return f"{path} does not exist"
    found = sha256(path)
    if not expected:
        return f'{path.name}: write sha256 = "{found}" if this is the file you mean'
    if found != expected:
        return f"{path.name}: has sha256 {found[:12]}..., not {expected[:12]}...: not the same file"
    return ""
