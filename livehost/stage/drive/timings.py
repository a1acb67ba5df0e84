"""Phone timings to mouth shapes with co-articulation, for a whole sentence at once.

In:  phones of a sentence.   Out: `Curve`: blendshapes at any time within it.

Each viseme pulls every group of muscles towards its target with a strength that falls off before
and after it; what is shown is the weighted mean. Consonants that do not care about the lips (d, g)
hardly pull them, so that the neighbours show through; rounding reaches furthest ahead. Afterwards
closures are enforced, because a mean of open neighbours never shuts a mouth.

Source: Cohen and Massaro, Modeling coarticulation in synthetic visual speech, 1993.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from livehost.media import BLENDSHAPES, SHAPE, Phone
from livehost.stage.drive.phones import SILENCE, Segment, segments

Shapes = NDArray[np.float32]

STEP = 0.01  # seconds between points of a curve
WINDOW = 50  # points blended at once
REACH = 0.5  # seconds from which a segment is felt
MARGIN = 0.2  # seconds of curve after the last phone
CLOSED = 0.075  # a full closure: one or two ticks at 25 fps see it
SEEN = 0.065  # at least this much of it whatever the neighbours
TEETH_ON_LIP = 0.065
RAMP, RELEASE = 0.035, 0.02  # seconds into a closure and out of it: lips part with a burst
ROUND_SLOWER = 3.0  # rounded lips take longer to be flat
PURSED = 0.4  # pucker that may stay in a closure

GROUPS = ("jaw", "round", "lips", "press", "tongue")
_PREFIXES = {
    "jaw": ("jaw",),
    "round": ("mouthPucker", "mouthFunnel"),
    "lips": ("mouthSmile", "mouthStretch", "mouthUpperUp", "mouthLowerDown"),
    "tongue": ("tongueOut", "x_tongueUp"),
}
OPENERS = tuple(
    n
    for n, name in enumerate(BLENDSHAPES)
    if name.startswith(("jawOpen", "mouthUpperUp", "mouthLowerDown"))
)

# How strongly each viseme pulls [jaw, round, lips, press, tongue]; vowels pull everything by 1.
_PULL: dict[str, tuple[float, float, float, float, float]] = {
    "m": (3.0, 0.15, 3.0, 3.0, 0.2),
    "f": (2.5, 0.2, 2.5, 3.0, 0.5),
    "d": (0.8, 0.1, 0.6, 0.5, 3.0),
    "l": (0.7, 0.1, 0.6, 0.5, 3.0),
    "th": (1.0, 0.2, 0.8, 0.8, 3.0),
    "g": (0.4, 0.05, 0.3, 0.3, 0.3),
    "j": (1.5, 0.35, 1.2, 1.0, 1.0),
    "z": (1.6, 0.35, 1.2, 1.0, 1.0),
    "zh": (1.5, 0.8, 1.0, 1.0, 1.0),
}
_VOWEL = (1.0,) * len(GROUPS)
_LEAD = np.array([0.055, 0.11, 0.05, 0.035, 0.06], np.float32)  # seconds ahead of the segment
_LAG = np.array([0.055, 0.07, 0.05, 0.035, 0.055], np.float32)  # and after it


def _group_of() -> NDArray[np.intp]:
    """Return for each blendshape the index of its group; "press" takes the rest."""
    out = np.full(len(BLENDSHAPES), GROUPS.index("press"), np.intp)
    for group, prefixes in _PREFIXES.items():
        for n, name in enumerate(BLENDSHAPES):
            if name.startswith(prefixes):
                out[n] = GROUPS.index(group)
    return out


GROUP_OF = _group_of()
"""For each blendshape the index of its group."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Mouth shapes of one sentence.

    Attributes:
        points: (n, 53) float32, `STEP` seconds apart, from the sentence's first sample.
        accents: seconds at which emphasised words are.
    """

    points: Shapes
    accents: tuple[float, ...]

    def at(self, seconds: float) -> Shapes:
        """Return (53,) float32, linearly between points; at rest after the end."""
        where = max(0.0, seconds / STEP)
        index = int(where)
        if index + 1 >= len(self.points):
            return np.zeros(len(BLENDSHAPES), np.float32)
        part = np.float32(where - index)
        here, there = self.points[index], self.points[index + 1]
        return np.asarray(here + (there - here) * part, np.float32)


class Articulator:
    """Turns phones into curves for one avatar.

    Args:
        visemes: target shapes by name; must hold "sil", "m" and "f" closures if the ipa map does.
        ipa: phone to visemes.
    """

    def __init__(self, visemes: Mapping[str, Shapes], ipa: Mapping[str, tuple[str, ...]]) -> None:
        self._visemes, self._ipa = visemes, ipa

    def curve(self, phones: Sequence[Phone]) -> Curve:
        """Return the mouth of a sentence; never fails, whatever the phones are."""
        row = segments(phones, self._ipa)
        if not row:
            return Curve(np.zeros((1, len(BLENDSHAPES)), np.float32), ())
        row = [Segment(SILENCE, row[0].start - 0.3, row[0].start), *row]
        row.append(Segment(SILENCE, row[-1].end, row[-1].end + MARGIN))
        times = np.arange(0.0, row[-1].end, STEP)
        blended = self._blend(row, times)
        for viseme, least in (("f", TEETH_ON_LIP), ("m", CLOSED)):
            self._enforce(blended, row, times, viseme, least)
        accents = tuple(s.start for s in row if s.stress and self._opens(s.viseme))
        return Curve(np.clip(blended, 0, 1).astype(np.float32), accents)

    def _blend(self, row: list[Segment], times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Blend window by window: far segments do not matter, small products stay on one thread.

        (One product for a long sentence wakes BLAS's threads, which wait for each other.)
        """
        edges = np.array([(s.start, s.end) for s in row])
        targets = np.stack([self._target(s) for s in row]).astype(np.float32)  # (n, 53)
        pulls = np.array([_PULL.get(s.viseme, _VOWEL) for s in row], np.float32)  # (n, groups)
        out = np.zeros((len(times), len(BLENDSHAPES)))
        for first in range(0, len(times), WINDOW):
            here = times[first : first + WINDOW]
            near = (edges[:, 1] >= here[0] - REACH) & (edges[:, 0] <= here[-1] + REACH)
            out[first : first + WINDOW] = _weighted(edges[near], targets[near], pulls[near], here)
        return out

    def _target(self, segment: Segment) -> NDArray[np.float64]:
        """Return the target of a segment: short open vowels do not reach it, stressed ones do."""
        target = self._visemes.get(segment.viseme, self._visemes[SILENCE]).astype(np.float64)
        if target[SHAPE["jawOpen"]] > 0.2:
            reach = min(0.92, 0.55 + 2.2 * segment.length) * (1.12 if segment.stress else 1.0)
            target[list(OPENERS)] *= reach
        return target

    def _opens(self, viseme: str) -> bool:
        return bool(self._visemes.get(viseme, self._visemes[SILENCE])[SHAPE["jawOpen"]] > 0.2)

    def _enforce(
        self,
        points: NDArray[np.float64],
        row: list[Segment],
        times: NDArray[np.float64],
        viseme: str,
        least: float,
    ) -> None:
        """Replace the blend by the full `viseme` for at least `least` seconds around each one."""
        outside = np.full(len(times), np.inf)  # in ramps; 0 and below is within the closure
        for n, segment in enumerate(row):
            if segment.viseme == viseme:
                start, end = _widened(segment, row[n - 1], row[n + 1], least)
                away = np.maximum((start - times) / RAMP, (times - end) / RELEASE)
                outside = np.minimum(outside, away)
        if np.isinf(outside).all():
            return
        rounded = points[:, SHAPE["mouthPucker"]].copy()
        target = self._visemes[viseme].astype(np.float64)
        slower = np.where(GROUPS.index("round") == GROUP_OF, ROUND_SLOWER, 1.0)
        hold = _smooth(1 - outside[:, None] / slower)  # (t, 53)
        points += hold * (target - points)
        pursed = np.minimum(rounded, PURSED)  # lips may be pursed while shut: bu, mu, fu
        points[:, SHAPE["mouthPucker"]] = np.maximum(points[:, SHAPE["mouthPucker"]], pursed)


def _weighted(
    edges: NDArray[np.float64], targets: Shapes, pulls: Shapes, times: NDArray[np.float64]
) -> Shapes:
    """Return (t, 53), the mean of (n, 53) targets by their pull at each time."""
    before = np.maximum(0, edges[:, 0] - times[:, None]).astype(np.float32)  # (t, n)
    after = np.maximum(0, times[:, None] - edges[:, 1]).astype(np.float32)
    out = np.zeros((len(times), targets.shape[1]), np.float32)
    for group in range(len(GROUPS)):
        far = (before / _LEAD[group]) ** 2 + (after / _LAG[group]) ** 2
        pull = np.exp(-np.minimum(far, 60)) * pulls[:, group]
        members = group == GROUP_OF
        out[:, members] = (pull / pull.sum(1, keepdims=True)) @ targets[:, members]
    return out


def _widened(
    segment: Segment, before: Segment, after: Segment, least: float
) -> tuple[float, float]:
    """Return up to `least` seconds, never under `SEEN`, that leave the neighbours room."""
    wanted = max(0.0, least - segment.length)
    early = min(0.65 * wanted, 0.3 * before.length)
    late = min(wanted - early, 0.2 * after.length)
    early += max(0.0, SEEN - segment.length - early - late)
    return segment.start - early, segment.end + late


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
