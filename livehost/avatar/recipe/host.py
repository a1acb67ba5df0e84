"""The parameters of a host: everything that tells one host from another, in one TOML file.

In:  HOST.toml.   Out: a checked, frozen `Host`; every default is that of the
first host, avatars/recipes/xiaohe-jacket.toml.

Colours are linear RGB in 0..1. Lengths are in units of about 10 cm, pixels are the plate's.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from livehost.avatar.recipe.looks import (
    Colour,
    Count,
    Hair,
    Jacket,
    Length,
    LongHair,
    Offset,
    Outfit,
    Share,
    Strength,
)
from livehost.config import load_toml
from livehost.media import SHAPE
from livehost.table import Model

PLATE = (1080, 1920)
"""Width and height of every plate, in pixels."""

Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Power = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Degrees = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Pixel = Annotated[int, Field(ge=0, le=1920)]
Samples = Annotated[int, Field(ge=1, le=4096)]
Detail = Annotated[int, Field(ge=0, le=15)]
Place = tuple[Offset, Offset, Offset]
Six = tuple[Offset, Offset, Offset, Offset, Offset, Offset]
Box = tuple[Pixel, Pixel, Pixel, Pixel]
Weights = dict[str, Strength]


class Posture(Model):
    """[posture]: degrees the arms hang down, and how the shoulders are built."""

    arm: Degrees = 31
    elbow: Degrees = 16
    shoulder: Place = (1.33, 4.62, 0.02)
    """The joint that the left arm is turned about."""
    slim: Share = 0.12
    """How much narrower the body is than the mesh, below the neck."""
    shoulders: Offset = 0.07
    """How much higher the shoulders are."""
    chin: Annotated[float, Field(ge=4, le=7)] | None = None
    """Height the chin is moved to, the body with it; unset leaves it. Camera, neck and outfits
    expect it at about 5.22, where the shipped host's is."""


class Neck(Model):
    """[neck]: how the head turns."""

    pivot: Place = (0, 5.30, 0.15)
    low: float = 4.55
    """Height below which nothing turns."""
    height: Positive = 0.75
    """Length of the part that turns less and less."""
    apple: Offset = 0
    """How far the Adam's apple stands out."""
    cloth: Share = 1
    """How much of a turn clothes at the neck follow; below 1 a collar stays with the shoulders."""


class Lids(Model):
    """[lids]: how a full blink meets."""

    reach: Share = 0.79
    """Strength of the face unit at which the lids of this face meet."""
    rest: Share = 0.165
    """How much of the resting opening a blink takes back."""


class Mottle(Model):
    """[skin.mottle]: how uneven the skin's tone is."""

    patches: Share = 0.05
    """How much brightness changes in large patches."""
    grain: Share = 0.035
    """And in small ones."""
    saturation: tuple[Share, Share] = (0.12, 0.14)
    """How much less and how much more of it."""
    hue: Share = 0.008
    detail: tuple[Detail, Detail, Detail] = (5, 4, 4)
    """Finer and finer steps in patches, saturation and hue."""


class Skin(Model):
    """[skin]."""

    colour: Colour = (0.66, 0.395, 0.285)
    lips: Colour = (0.46, 0.105, 0.105)
    lip_strength: Share = 0.72
    subsurface: Share = 0.85
    relief: Share = 0.075
    """Strength of pores and lip creases."""
    mottle: Mottle = Mottle()
    flush: Colour = (0.62, 0.235, 0.18)
    """What redness turns the skin to."""
    cheeks: Share = 0.30
    """Redness of the cheeks."""
    nose: tuple[Share, Share] = (0.22, 0.20)
    """Of the nose: its sides, its tip."""
    chin: Share = 0.12
    """Of the chin."""
    forehead: Share = 0.12
    """How much yellower the forehead is."""
    ears: Share = 0.30
    """Redness of the ears, and how far they are from the middle."""
    ears_at: Length = 0.80
    lids: tuple[Share, Share] = (0.34, 0.25)
    """Darkness of the upper lid: all of it, and its outer part."""
    lids_for: Colour = (0.66, 0.395, 0.285)
    """The skin that shadows of the lids are mixed for; they change as `colour` differs from it."""
    lash_line: tuple[Share, Share] = (0.62, 0.22)
    """Darkness of the rims of the upper and the lower lid."""
    scalp: tuple[Share, Share] = (0.95, 0.95)
    """How dark hair makes the scalp, at the sides and on top."""
    stubble: Share = 0
    """How dark a shaven beard is."""


class Eyes(Model):
    """[eyes]."""

    iris: Annotated[float, Field(ge=0.2, le=0.6)] = 0.44
    """Radius of the iris, in radii of the eyeball."""
    inner: Colour = (0.060, 0.025, 0.010)
    outer: Colour = (0.026, 0.011, 0.006)


class Teeth(Model):
    """[teeth]."""

    colour: Colour = (0.74, 0.69, 0.60)
    glow: Share = 0
    """How much they shine by themselves, so that they are not dark behind the lips."""
    width: Annotated[float, Field(ge=0.5, le=1.5)] = 1.02
    """Of each tooth in its place; above 1.05 no gap is left."""
    square: tuple[Share, Share] = (0.36, 0.42)
    """Roundness of their corners, seen from the front and from above; less is squarer."""
    heights: Six = (0.100, 0.088, 0.096, 0.080, 0.074, 0.07)
    """Of the upper teeth up to the gum, from the middle."""
    jitter: Share = 0.0022
    """How far each tooth is out of line."""
    backing: tuple[Share, Offset, Offset] = (0.955, 0, -0.012)
    """The strip behind, which closes the gaps: its arch as a share of theirs, its height, depth."""
    back: Offset = -0.02
    """Shift of the arches, negative away from the lips."""
    upper: Offset = 0.022
    """How far the upper edge is below the line of the lips."""
    lower: Offset = 0.020
    """The same for the lower edge."""
    curve: Six = (0, 0, 0, 0.012, 0.016, 0.02)
    """How much higher each upper tooth is than the first, from the middle: the smile line. More
    of it where canines would hang below an open lip."""
    gather: Strength = 1.0
    """How much a wide open smile draws the arches in, so that no tooth pierces a lip."""
    narrow: tuple[Share, Share] = (0, 0.20)
    """How much narrower the arches are drawn: always, and by such a smile."""
    recede: tuple[Offset, Offset] = (0, 0.075)
    """How far back they are drawn, likewise."""


class Brows(Model):
    """[brows]: strands of each brow, and where they sit."""

    style: Literal["arched", "straight", "soft"] = "arched"
    count: Count = 560
    height: Offset = 0.170
    """Above the middle of the eye."""
    radius: Length = 0.0017
    melanin: Share = 0.60
    redness: Share = 0.25
    roughness: Share = 0.35
    variety: Share = 0.25


class Lashes(Model):
    """[lashes]: strands of each upper and lower lid."""

    upper: Count = 130
    lower: Count = 55
    length: tuple[Length, Length] = (0.050, 0.040)
    """Of an upper lash at the inner corner, and how much longer the outer ones are."""
    radius: Length = 0.0015


class CameraKeys(Model):
    """[camera]: how large the head is and where."""

    head_px: Positive = 448
    """Height of the head from chin to crown."""
    top_px: Pixel = 330
    """Row of the crown."""
    hair_room: Length = 0.09
    """How much the hair raises the crown."""
    height: Annotated[float, Field(ge=3, le=9)] = 6.0
    """Height of the camera."""


class Light(Model):
    """[light]: powers in watts of key, fill from the other side, fill from below and two rims.

    Of the lights that reach one thing alone: the inside of the mouth, and the hair from the left,
    from the right and from low in front.
    """

    strength: Positive = 1.0
    key: Positive = 1000
    fill: Positive = 210
    low: Positive = 120
    rims: tuple[Positive, Positive] = (430, 380)
    mouth: Power = 0
    hair: tuple[Power, Power, Power] = (0, 0, 0)


class Grade(Model):
    """[grade]: the last touch, the same for every picture."""

    look: str = "AgX - Medium High Contrast"
    exposure: Offset = 0.0
    gamma: Positive = 0.88
    saturation: Positive = 1.05


class RegionKeys(Model):
    """[mouth], [eyes_region]: a part of the plate that a decoder draws."""

    box: Box
    """x, y, width, height."""
    scale: Annotated[float, Field(gt=0, le=2)]
    """Pixels of a sample for each pixel of the plate."""
    oversample: Annotated[float, Field(ge=1, le=4)] = 1
    """How many times finer it is rendered; packing reduces it."""
    crop: Box
    """The part of a sample that a decoder learns: x, y, width, height in its pixels."""
    random: Count
    """Random samples beside the fixed ones."""
    talking: Count = 0
    """Samples where a talking host is most: closed lips under smiles, blends."""
    covered: bool = False
    """Whether hair or clothes hang before the face within the box; they stay as in the plate."""
    teeth: tuple[Positive, Positive, Positive] = (1, 1, 1)
    """Factors of red, green and blue (linear) for the teeth of packed samples: beside warm skin
    white looks blue."""
    folds: tuple[Box, ...] = ()
    """Boxes of a sample in which a smile folds the cheek up into the light: packing takes the
    bright line off."""

    @property
    def render_scale(self) -> float:
        """Pixels of a render for each pixel of the plate."""
        return self.scale * self.oversample

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a sample."""
        return round(self.box[2] * self.scale), round(self.box[3] * self.scale)

    @field_validator("crop")
    @classmethod
    def _by_16(cls, value: Box) -> Box:
        if value[2] % 16 or value[3] % 16 or not value[2] or not value[3]:
            raise ValueError("width and height must be multiples of 16")
        return value

    @model_validator(mode="after")
    def _fits(self) -> RegionKeys:
        (x, y, width, height), (left, top, wide, high) = self.box, self.crop
        most_wide, most_high = self.size
        if x + width > PLATE[0] or y + height > PLATE[1]:
            raise ValueError(f"box reaches outside the plate of {PLATE[0]}x{PLATE[1]}")
        if left + wide > most_wide or top + high > most_high:
            raise ValueError("crop reaches outside the samples, which are box times scale")
        if any(abs(side / self.scale - round(side / self.scale)) > 1e-6 for side in self.crop):
            raise ValueError("crop divided by scale must be whole pixels of the plate")
        return self


class Quality(Model):
    """[quality]: light paths for each pixel."""

    head: Samples = 12
    body: Samples = 4
    behind: Samples = 6
    mouth: Samples = 3
    eyes: Samples = 3
    poses: Samples = 3


class FrameKeys(Model):
    """[frame]: the part of the plate that fills a 9:16 stream."""

    x: Pixel = 120
    y: Pixel = 130
    width: Pixel = 840
    height: Pixel = 1493


MOUTH = RegionKeys(
    box=(396, 633, 288, 240), scale=2 / 3, crop=(36, 0, 144, 160), random=428, talking=493
)
EYES = RegionKeys(box=(404, 486, 272, 128), scale=1, crop=(14, 16, 256, 112), random=120)


class Host(Model):
    """A host."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    title: str = ""
    """How viewers may call the host."""
    licence: Literal["CC0-1.0"] = "CC0-1.0"
    """What is made of CC0 data by this recipe is given on as CC0."""
    shapes: Path
    """Visemes, emotions and phones, relative to this file; copied into the avatar's folder."""
    seed: Annotated[int, Field(ge=0)] = 7
    """Of the hair."""
    identity: Weights
    """MakeHuman targets and how much of each."""
    resting: dict[str, Share] = Field(default_factory=dict)
    """Blendshapes of the face when it shows nothing."""
    posture: Posture = Posture()
    neck: Neck = Neck()
    lids: Lids = Lids()
    skin: Skin = Skin()
    eyes: Eyes = Eyes()
    teeth: Teeth = Teeth()
    brows: Brows = Brows()
    lashes: Lashes = Lashes()
    hair: Hair = LongHair()
    outfit: Outfit = Jacket()
    camera: CameraKeys = CameraKeys()
    light: Light = Light()
    grade: Grade = Grade()
    mouth: RegionKeys = MOUTH
    eyes_region: RegionKeys = EYES
    quality: Quality = Quality()
    frame: FrameKeys = FrameKeys()

    @field_validator("resting")
    @classmethod
    def _blendshapes(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = [name for name in value if name not in SHAPE or name.startswith("x_")]
        if unknown:
            raise ValueError(f"no such blendshape: {', '.join(unknown)}")
        return value


_UNSEEN: dict[str, Any] = dict.fromkeys(
    ("name", "title", "licence", "shapes", "frame", "quality"), True
)
_UNSEEN |= {"grade": {"gamma", "saturation"}, "neck": {"cloth"}}
_UNSEEN |= {
    key: {"crop", "random", "talking", "covered", "teeth", "folds"}
    for key in ("mouth", "eyes_region")
}


def fingerprint(host: Host) -> str:
    """Return what raw renders depend on, as a sha256: equal ones may lie in one folder."""
    return sha256(host.model_dump_json(exclude=_UNSEEN).encode()).hexdigest()


def load_host(path: Path) -> Host:
    """Read a host's parameters.

    Raises:
        ConfigError: one problem per line, each with file, line and key.
    """
    host = load_toml(path, Host)
    return host.model_copy(update={"shapes": path.parent / host.shapes})
