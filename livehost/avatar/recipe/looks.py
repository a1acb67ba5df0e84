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
    """Loose strands in front of the ears."""


class NoHair(HairBase):
    """A shaven head: only the shadow of the hairline."""

    style: Literal["none"] = "none"


Hair = Annotated[LongHair | NoHair, Field(discriminator="style")]


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


Outfit = Annotated[Jacket, Field()]
