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


class LoopKeys(Part):
    """[loop]: a film of the host that repeats without a seam; plate and boxes lie in its pixels."""

    file: str = "loop.mp4"
    track: str = "track.npz"
    """Where the mouth is in each frame, see `livehost.avatar.loop`."""
    fps: Annotated[int, Field(ge=10, le=60)]
    frames: Annotated[int, Field(ge=2, le=10_000)]


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
    torso: str = ""
    """What rises with a breath; empty: all that does not move with the head."""
    motion: Weight = 1.0
    """Share of the head's usual motion that the picture bears."""
    shapes: str = "shapes.json"
    frame: FrameKeys
    depth: DepthKeys | None = None
    camera: CameraKeys | None = None
    mouth: RegionKeys
    eyes: RegionKeys | None = None
    loop: LoopKeys | None = None
    """A host who was filmed; head and eyes move in the film, so depth, camera and eyes are not."""
    files: dict[str, Sha256]
    """sha256 of each file in the folder that is loaded."""

    def named(self) -> tuple[str, ...]:
        """Return every file that loading opens."""
        files = [self.plate, self.shapes]
        files += [self.loop.file, self.loop.track] if self.loop else []
        files += [] if self.loop else [self.depth_map, self.headweight, self.torso]
        for region in (self.mouth, self.eyes):
            files += [region.model, region.precise, region.mask] if region else []
        return tuple(name for name in files if name)

    @model_validator(mode="after")
    def _declared(self) -> Self:
        declared = self.likeness.declared if self.likeness else "ai-generated"
        if (self.kind == "person") == (declared == "ai-generated"):
            raise ValueError("a person's avatar needs [likeness]; see docs/avatars.md")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = {"depth": self.depth, "camera": self.camera, "eyes": self.eyes}
        missing = [name for name, part in parts.items() if part is None]
        if missing and self.loop is None:
            named = ", ".join(f"[{name}]" for name in missing)
            raise ValueError(f"{named}: missing; only a host with a [loop] has none")
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
