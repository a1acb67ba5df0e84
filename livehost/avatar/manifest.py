"""avatar.toml and shapes.json: what an avatar folder must say about itself.

In:  the parsed files.   Out: checked pydantic models.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from livehost.avatar.likeness import LikenessKeys
from livehost.media import SHAPE

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Pixel = Annotated[int, Field(ge=0, le=16_384)]
Size = Annotated[int, Field(gt=0, le=16_384)]
Weight = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Part(BaseModel):
    """Base: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FrameKeys(Part):
    """[frame]: the part of the plate that fills the stream."""

    x: Pixel
    y: Pixel
    width: Size
    height: Size


class DepthKeys(Part):
    """[depth]: how the values of depth.png become distances from the camera."""

    near: Positive
    """Distance of value 1; value 0 is background."""
    far: Positive
    """Distance of value 65535."""


class CameraKeys(Part):
    """[camera]: the pinhole camera the plate was taken with, in scene units."""

    focal_px: Positive
    cx: Finite
    cy: Finite
    cam_y: Finite
    cam_z: Finite
    pivot: tuple[Finite, Finite, Finite]
    """The point the head turns about."""


class RegionKeys(Part):
    """[mouth], [eyes]: a part of the plate that a decoder draws."""

    box: tuple[Pixel, Pixel, Size, Size]
    """x, y, width, height in plate pixels."""
    scale: Annotated[float, Field(gt=0, le=4, allow_inf_nan=False)]
    """Decoder pixels per plate pixel."""
    model: str
    """ONNX decoder for the CPU."""
    precise: str = ""
    """The same in float32, for accelerators; empty when there is only one."""
    mask: str
    coefs: Annotated[tuple[str, ...], Field(min_length=1)]
    """Blendshapes the decoder takes, in its order."""

    @field_validator("coefs")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _blendshapes(value)


class Manifest(Part):
    """avatar.toml."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    title: str = ""
    """How viewers may call her."""
    kind: Literal["ai", "person"]
    """Nobody real, or a real person's likeness; the AI label stands over either."""
    likeness: LikenessKeys | None = None
    licence: str
    provenance: str = ""
    plate: str = "plate.png"
    depth_map: str = "depth.png"
    headweight: str = "headweight.png"
    shapes: str = "shapes.json"
    frame: FrameKeys
    depth: DepthKeys
    camera: CameraKeys
    mouth: RegionKeys
    eyes: RegionKeys
    files: dict[str, Sha256]
    """sha256 of each file in the folder that is loaded."""

    def named(self) -> tuple[str, ...]:
        """Return every file that loading opens."""
        files = [self.plate, self.depth_map, self.headweight, self.shapes]
        for region in (self.mouth, self.eyes):
            files += [region.model, region.precise, region.mask]
        return tuple(name for name in files if name)

    @model_validator(mode="after")
    def _declared(self) -> Self:
        declared = self.likeness.declared if self.likeness else "ai-generated"
        if (self.kind == "person") == (declared == "ai-generated"):
            raise ValueError("a person's avatar needs [likeness]; see docs/avatars.md")
        return self


class Shapes(Part):
    """shapes.json: this face's visemes, emotions and the map from phones to visemes."""

    visemes: dict[str, dict[str, Weight]]
    emotions: dict[str, dict[str, Weight]]
    ipa: dict[str, tuple[str, ...]]

    @field_validator("visemes", "emotions")
    @classmethod
    def _known(cls, value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for sparse in value.values():
            _blendshapes(tuple(sparse))
        return value


def _blendshapes(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in SHAPE]
    if unknown:
        raise ValueError(f"no such blendshape: {', '.join(unknown)}")
    return names
