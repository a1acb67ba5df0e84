"""Styles of hair and outfits, each with its own parameters.

In:  the tables [hair] and [outfit] of a host.   Out: checked values.

Colours are linear RGB in 0..1. Lengths are in units of about 10 cm; heights "below the eyes" or
"above the eyes" move with the body.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from livehost.table import Model

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Length = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Offset = Annotated[float, Field(ge=-5, le=5, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=-1, le=1.5, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=200_000)]
Colour = tuple[Share, Share, Share]
Knot = tuple[Annotated[float, Field(ge=0, le=180)], Offset]

HAIRLINE: tuple[Knot, ...] = (
    (0, 0.66), (14, 0.655), (26, 0.63), (36, 0.565), (46, 0.47), (56, 0.345), (64, 0.21),
    (72, 0.05), (80, -0.02), (90, 0.20), (100, 0.14), (115, -0.10), (140, -0.50), (180, -0.58),
)  # fmt: skip


class Fibre(Model):
    """How hair takes light (Blender's principled hair, melanin)."""

    melanin: Share = 0.9
    """0 is white, 1 is black."""
    redness: Share = 0.28
    roughness: Share = 0.3
    variety: Share = 0.15
    """How much one hair's colour differs from the next."""


class HairBase(Model):
    """What every style has."""

    fibre: Fibre = Fibre()
    hairline: Annotated[tuple[Knot, ...], Field(min_length=2)] = HAIRLINE
    """Degrees around the head (0 is the forehead, 90 the ear, 180 the nape) and height above
    the eyes at which hair begins, mirrored."""
    ragged: tuple[Share, Share] = (0, 0)
    """How far the hairline strays from that, in large and in small steps."""
    bare: tuple[Offset, Offset, Offset, Offset] = (0.70, 0.2, -0.05, 0.62)
    """No hair on the ears: beyond this from the middle, below this above the eyes, between these
    depths."""
    baby: Count = 7_000
    """Fine short hairs that soften the hairline."""
    thin: tuple[Length, Length] = (0.0008, 0.0018)
    """Least and greatest radius of those."""
    thick: tuple[Length, Length] = (0.0032, 0.0050)
    """Least and greatest radius of the other hairs."""

    @field_validator("hairline")
    @classmethod
    def _ascending(cls, value: tuple[Knot, ...]) -> tuple[Knot, ...]:
        angles = [knot[0] for knot in value]
        if angles != sorted(set(angles)):
            raise ValueError("the angles must ascend")
        return value


class LongHair(HairBase):
    """Parted, over or behind the ears, cut at one hem below the shoulders."""

    style: Literal["long"] = "long"
    guides: Count = 2_600
    """Strands that are grown; the others follow them."""
    followers: Count = 11
    """Strands for each guide."""
    spread: Length = 0.03
    """How far the followers are from their guide."""
    part: Offset = 0.17
    """Where the parting is, to the subject's left."""
    hem: Length = 1.42
    """How far below the eyes the hair is cut."""
    framing: Count = 420
    """Loose strands in front of the ears; 0 leaves the ears free."""
    fringe: Count = 0
    """Strands over the forehead; about 1,500 for a light fringe."""
    fringe_end: Offset = 0.24
    """Height above the eyes at which the fringe ends."""


CURTAIN_HAIRLINE: tuple[Knot, ...] = (
    (0, 0.615), (14, 0.615), (26, 0.59), (36, 0.535), (46, 0.44), (56, 0.31), (64, 0.18),
    (72, 0.04), (80, -0.05), (90, 0.20), (100, 0.14), (115, -0.10), (140, -0.50), (180, -0.58),
)  # fmt: skip


class CurtainHair(HairBase):
    """Long, parted and waved, in front of and behind the shoulders; bangs open like a curtain."""

    style: Literal["curtain"]
    fibre: Fibre = Fibre(melanin=0.77, redness=0.16, roughness=0.34, variety=0.22)
    light: Fibre = Fibre(melanin=0.64, redness=0.18, roughness=0.34, variety=0.22)
    """Of a quarter of the locks."""
    hairline: Annotated[tuple[Knot, ...], Field(min_length=2)] = CURTAIN_HAIRLINE
    ragged: tuple[Share, Share] = (0.020, 0.010)
    bare: tuple[Offset, Offset, Offset, Offset] = (0.725, 0.25, -0.02, 0.52)
    baby: Count = 4_500
    thick: tuple[Length, Length] = (0.0034, 0.0052)
    strands: Annotated[int, Field(ge=500, le=200_000)] = 15_000
    neck: Count = 1_900
    """Strands beside the neck, so that no dark hole shows under the jaw."""
    part: Offset = 0.15
    """Where the parting is, to the subject's left."""
    hem: Length = 2.32
    """How far below the eyes the hair in front of the shoulders ends."""
    front: Annotated[float, Field(ge=40, le=90)] = 51
    """Degrees around the head at which the hair beside the face begins; above 60 ears show."""
    bangs: Share = 0.85
    """How many of the strands at the front of the hairline fall over the temples."""
    locks: Annotated[int, Field(ge=1, le=400)] = 190
    """Into which the strands gather."""
    pull: Share = 0.62
    """How closely."""
    wave: Length = 0.068
    """Height of the waves, which grow towards the ends."""


SHORT_HAIRLINE: tuple[Knot, ...] = (
    (0, 0.585), (10, 0.59), (20, 0.61), (28, 0.635), (36, 0.60), (44, 0.50), (52, 0.40),
    (60, 0.29), (67, 0.16), (74, -0.05), (80, -0.20), (87, -0.16), (95, 0.22), (103, 0.16),
    (116, -0.12), (140, -0.52), (180, -0.62),
)  # fmt: skip


class ShortHair(HairBase):
    """Short at the sides, longer and swept to one side on top; the ears are free."""

    style: Literal["short"]
    fibre: Fibre = Fibre(melanin=0.93, redness=0.06, roughness=0.24, variety=0.18)
    hairline: Annotated[tuple[Knot, ...], Field(min_length=2)] = SHORT_HAIRLINE
    ragged: tuple[Share, Share] = (0.030, 0.012)
    bare: tuple[Offset, Offset, Offset, Offset] = (0.725, 0.25, -0.02, 0.52)
    baby: Count = 3_500
    top: Count = 15_000
    """Places tried for strands on top."""
    sides: Count = 26_000
    """Places tried for strands at the sides and the back."""
    part: Offset = 0.46
    """Where the parting is, to the subject's left; the top is swept away from it."""
    length: Strength = 1.0
    """Of the hair on top, 1 is 3 to 5 cm."""
    fade: Strength = 1.0
    """Of the hair at the sides, likewise."""


class NoHair(HairBase):
    """A shaven head: only the shadow of the hairline."""

    style: Literal["none"] = "none"


Hair = Annotated[LongHair | CurtainHair | ShortHair | NoHair, Field(discriminator="style")]


class Jacket(Model):
    """A collarless tweed jacket, open over a round-necked top."""

    style: Literal["jacket"] = "jacket"
    inner: Colour = (0.80, 0.76, 0.72)
    """The top."""
    light: Colour = (0.74, 0.69, 0.62)
    """Light threads of the tweed."""
    dark: Colour = (0.50, 0.44, 0.38)
    """Dark threads."""
    trim: Colour = (0.018, 0.022, 0.045)
    """The edges."""
    button: Colour = (0.83, 0.58, 0.26)
    """Metal of the buttons."""
    buttons: tuple[Offset, ...] = (2.45, 1.75, 1.05, 0.35)
    """Heights of the rows of buttons."""


class BlazerBase(Model):
    """What every blazer has."""

    inner: Colour
    """The ribbed top below."""
    scoop: Length
    """How much lower its neckline is in front than at the side."""
    light: Colour
    """Light threads of the twill."""
    dark: Colour
    """Dark threads."""
    seam: Colour
    button: Colour
    buttons: tuple[Offset, ...]
    """Their heights."""
    closed: Offset
    """Height where the lapels meet."""
    shoulder: Length
    """Height of the shoulder line at the neck."""
    wide: Length
    """How far the shoulders reach."""
    folds: Strength = 1.0
    """Depth of the folds of the sleeves and the front."""


class Blazer(BlazerBase):
    """A straight blazer with notched lapels and shoulder pads over a round-necked ribbed tee."""

    style: Literal["blazer"]
    inner: Colour = (0.50, 0.47, 0.42)
    scoop: Length = 0.42
    light: Colour = (0.034, 0.040, 0.058)
    dark: Colour = (0.009, 0.011, 0.018)
    seam: Colour = (0.006, 0.007, 0.012)
    button: Colour = (0.035, 0.022, 0.015)
    """Of horn."""
    buttons: tuple[Offset, ...] = (1.35, 0.50)
    closed: Offset = 1.55
    shoulder: Length = 4.70
    wide: Length = 1.80


class Fitted(BlazerBase):
    """A fitted blazer with princess seams and soft shoulders over a ribbed top."""

    style: Literal["fitted"]
    inner: Colour = (0.72, 0.69, 0.64)
    scoop: Length = 0.62
    light: Colour = (0.50, 0.27, 0.265)
    dark: Colour = (0.34, 0.165, 0.165)
    seam: Colour = (0.19, 0.085, 0.085)
    button: Colour = (0.83, 0.62, 0.34)
    """Of metal."""
    buttons: tuple[Offset, ...] = (2.14,)
    closed: Offset = 2.30
    shoulder: Length = 4.80
    wide: Length = 1.40
    waist: Share = 0.10
    """How much each side is drawn in at the waist."""


Outfit = Annotated[Jacket | Blazer | Fitted, Field(discriminator="style")]
