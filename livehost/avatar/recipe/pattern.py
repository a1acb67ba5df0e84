"""Patterns of blazers: two cuts that differ in every measure.

In:  nothing.   Out: measures in the body's units, heights for a chin at about 5.22.

"straight" hangs from padded shoulders, "fitted" is drawn in at the waist by two princess seams.
"""

from __future__ import annotations

from dataclasses import dataclass

from livehost.avatar.recipe.tailoring import Lay

Point = tuple[float, float]
Place = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Tee:
    """A round-necked top without sleeves and the band around its neck.

    Attributes:
        neck: height of the neckline at the side, the power by which it falls to the front, how
            much higher it is at the nape.
        widths: (from this height, half the width) of the part that is sewn, highest first.
        off, thick: distance from the body, of the cloth.
        band_out, band_up: four lines across the band: distance from top and skin, height.
        band_thick: of its cloth.
    """

    neck: tuple[float, float, float]
    widths: tuple[Point, ...]
    off: float
    thick: float
    band_out: tuple[float, float, float, float]
    band_up: tuple[float, float, float, float]
    band_thick: float


@dataclass(frozen=True, slots=True)
class Shoulders:
    """A straight line from the neck to the sleeve head, and what hangs from it.

    Attributes:
        slope: how much it falls for each unit, and from where.
        round: depth from which it is rounded off to front and back.
        end: by how much and how far before the end it falls off.
        padded: widths between which the pad begins, and distances past the end where it is gone.
        head: heights and widths between which the sleeve head is full; reach past the shoulder's
            end, and how far at most.
        ease: widths between which it is smoothed, and how often.
    """

    slope: Point
    round: float
    end: Point
    padded: tuple[float, float, float, float]
    head: tuple[float, float, float, float]
    full: Point
    ease: tuple[float, float, int]


@dataclass(frozen=True, slots=True)
class Folds:
    """How deep cloth folds.

    Attributes:
        elbow: height and spread of the folds at the elbow.
        all: how much the whole sleeve folds.
        sleeve, front, crests: depth on the sleeves, of soft and of sharp folds across the front.
    """

    elbow: Point
    all: float
    sleeve: float
    front: float
    crests: float


@dataclass(frozen=True, slots=True)
class Seam:
    """A cord on the cloth: distance from its shell, radius."""

    up: float
    radius: float


@dataclass(frozen=True, slots=True)
class Pattern:
    """A blazer over a top.

    Attributes:
        off, thick: distance of the shell from the body, of the cloth.
        neck: height of the cut around the neck, and how much lower it is in front.
        gorge: height where lapel and collar meet.
        opening: half the width of the open front at the gorge, its power, and that at the hem.
        lapel_low: half the width of a lapel where it begins.
        lapel: its outer edge (x, y) above that.
        lapel_lay, lapel_seam: how it lies on the shell.
        fold, fall: first and last line of half the collar, from the nape; each ends on the cloth
            at `fold_end` and `fall_end`: x, y (of the fold: below the gorge), up.
        sleeve: x of the sleeve's seam at the shoulder, how far it runs in, its height, its length.
        princess: places (x, y) of a seam from sleeve to hem; none without.
        pocket: whether there is a breast pocket.
        button: radius.
    """

    tee: Tee
    off: float
    thick: float
    shoulders: Shoulders
    folds: Folds
    neck: Point
    gorge: float
    opening: tuple[float, float, float]
    lapel_low: float
    lapel: tuple[Point, ...]
    lapel_lay: Lay
    lapel_seam: Seam
    fold: tuple[Place, ...]
    fold_end: Place
    fall: tuple[Place, ...]
    fall_end: Place
    collar_lay: Lay
    sleeve: tuple[float, float, float, float]
    sleeve_seam: Seam
    front_seam: Seam
    princess: tuple[Point, ...]
    princess_seam: Seam
    pocket: bool
    button: float


STRAIGHT = Pattern(
    tee=Tee(
        neck=(4.80, 1.6, 0.03),
        widths=((-9, 1.45),),
        off=0.04,
        thick=0.025,
        band_out=(0.012, 0.012, 0.012, 0.022),
        band_up=(-0.05, 0, 0.062, 0.10),
        band_thick=0.03,
    ),
    off=0.11,
    thick=0.05,
    shoulders=Shoulders(
        slope=(0.24, 0.8),
        round=0.18,
        end=(3.2, 0.10),
        padded=(0.72, 0.95, 0.24, 0.02),
        head=(3.1, 4.1, 1.45, 1.75),
        full=(0.06, 0.20),
        ease=(0.9, 1.2, 5),
    ),
    folds=Folds((1.75, 0.75), 0.30, 0.036, 0.020, 0.014),
    neck=(4.80, 0.45),
    gorge=4.16,
    opening=(0.64, 0.92, 0.30),
    lapel_low=0.06,
    lapel=((0.36, 2.10), (0.66, 2.74), (0.92, 3.34), (1.08, 3.78)),
    lapel_lay=Lay(0.085, roll=0.05, belly=0.015, thick=0.040),
    lapel_seam=Seam(0.085 + 0.052, 0.0065),
    fold=((0, 5.12, -0.56), (0.46, 5.11, -0.46), (0.74, 5.02, -0.10), (0.78, 4.84, 0.34),
          (0.69, 4.48, 0.72)),
    fold_end=(0.555, 0.10, 0.03),
    fall=((0, 4.76, -0.80), (0.62, 4.74, -0.70), (1.04, 4.72, -0.12), (1.12, 4.58, 0.40),
          (1.12, 4.29, 0.70)),
    fall_end=(0.98, 3.97, 0.02),
    collar_lay=Lay(0.10, roll=0.03, belly=0.02, thick=0.04, along=70),
    sleeve=(1.70, 0.24, 4.48, 1.35),
    sleeve_seam=Seam(0.052, 0.010),
    front_seam=Seam(0.052, 0.012),
    princess=(),
    princess_seam=Seam(0, 0),
    pocket=True,
    button=0.085,
)  # fmt: skip

FITTED = Pattern(
    tee=Tee(
        neck=(4.90, 1.3, 0.02),
        widths=((3.5, 1.25), (2.7, 0.80), (-9, 0.58)),  # else it shows through the waist
        off=0.03,
        thick=0.02,
        band_out=(0.010, 0.012, 0.010, 0.020),
        band_up=(-0.05, -0.01, 0.021, 0.035),
        band_thick=0.022,
    ),
    off=0.085,
    thick=0.04,
    shoulders=Shoulders(
        slope=(0.31, 0.6),
        round=0.14,
        end=(2.2, 0.22),
        padded=(0.55, 0.80, 0.22, 0.02),
        head=(3.3, 4.2, 1.15, 1.40),
        full=(0.03, 0.08),
        ease=(0.75, 1.0, 9),
    ),
    folds=Folds((1.95, 0.70), 0.25, 0.026, 0.012, 0.010),
    neck=(4.84, 0.55),
    gorge=4.02,
    opening=(0.56, 0.95, 0.26),
    lapel_low=0.05,
    lapel=((0.30, 2.70), (0.54, 3.12), (0.76, 3.50), (0.90, 3.76)),
    lapel_lay=Lay(0.068, roll=0.045, belly=0.015, thick=0.034),
    lapel_seam=Seam(0.068 + 0.046, 0.005),
    fold=((0, 5.08, -0.54), (0.42, 5.07, -0.45), (0.68, 4.97, -0.12), (0.72, 4.78, 0.28),
          (0.62, 4.40, 0.62)),
    fold_end=(0.50, 0.10, 0.03),
    fall=((0, 4.80, -0.74), (0.56, 4.80, -0.66), (0.92, 4.74, -0.14), (0.98, 4.58, 0.34),
          (0.97, 4.24, 0.62)),
    fall_end=(0.84, 3.88, 0.02),
    collar_lay=Lay(0.085, roll=0.03, belly=0.02, thick=0.034, along=70),
    sleeve=(1.36, 0.20, 4.46, 1.15),
    sleeve_seam=Seam(0.042, 0.007),
    front_seam=Seam(0.042, 0.010),
    princess=((1.10, 3.72), (0.92, 3.45), (0.74, 3.05), (0.60, 2.5), (0.52, 1.9), (0.58, 1.0)),
    princess_seam=Seam(0.041, 0.0055),
    pocket=False,
    button=0.075,
)  # fmt: skip
