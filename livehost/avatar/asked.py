"""What a face may be asked for: coefficients to learn a decoder's pictures from.

In:  training coefficients, visemes and emotions of an avatar.   Out: random rows of coefficients.

Most rows are mixtures of up to three visemes under an emotion, as a talking host mixes them, and
often with lips that shut: viewers notice a shut mouth that is not. Some rows mix labelled samples;
some move a few blendshapes at will, both sides of the face mostly together. Eyes often blink: lids
are seldom shut on air, but grain on them is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

MOST_MIXED = 3
CLOSED_ODDS = 6.0  # of a viseme that shuts the lips, against 1 of any other
BLINKS = 0.15  # share of rows in which the eyes shut, half of these all the way
ASYMMETRIC = 0.15  # share of moves in which the two sides of the face differ
_SHUT = ("mouthPress", "mouthRoll", "mouthClose")
_LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
_CONJUGATE = {"eyeLookOutLeft": "eyeLookInRight", "eyeLookInLeft": "eyeLookOutRight"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Sources of rows, all (n, k) in the decoder's order of coefficients.

    Attributes:
        names: the k blendshapes.
        samples: labelled coefficients.
        visemes, emotions: the avatar's targets.
        free: share of rows in which blendshapes move at will.
    """

    names: tuple[str, ...]
    samples: F32
    visemes: F32
    emotions: F32
    free: float

    def rows(self, count: int, random: np.random.Generator) -> F32:
        """Return (count, k) float32 in 0..1."""
        rows = np.stack([self._row(random) for _ in range(count)])
        if lids := [n for n, name in enumerate(self.names) if name in _LIDS]:
            _blink(rows, lids, random)
        return np.clip(rows, 0, 1).astype(np.float32)

    def _row(self, random: np.random.Generator) -> F32:
        if random.random() < 0.25:
            row = _mixture(self.samples, random) * random.uniform(0.2, 1.05)
        else:
            row = _mixture(self.visemes, random, self._odds()) * (1.2 * random.random() ** 0.5)
            row += _mixture(self.emotions, random) * random.uniform(0, 1)
        if random.random() < self.free:
            for _ in range(random.integers(1, 5)):
                self._move(row, random)
        return np.asarray(row, np.float32)

    def _odds(self) -> F32:
        """Return (visemes,): how likely each is, in all 1."""
        shut = [n for n, name in enumerate(self.names) if name.startswith(_SHUT)]
        opened = [n for n, name in enumerate(self.names) if name == "jawOpen"]
        closed = self.visemes[:, shut].any(axis=1) & ~self.visemes[:, opened].any(axis=1)
        odds = np.where(closed, CLOSED_ODDS, 1.0)
        return np.asarray(odds / odds.sum(), np.float32)

    def _move(self, row: F32, random: np.random.Generator) -> None:
        """Add to one blendshape and its partner on the other side."""
        one = int(random.integers(len(self.names)))
        amount = random.uniform(0, 1) * random.choice([0.3, 0.6, 1.0])
        row[one] += amount
        other = partner(self.names[one])
        if other in self.names:
            same = random.random() > ASYMMETRIC
            row[self.names.index(other)] += amount if same else random.uniform(0, 1)


def _blink(rows: F32, lids: list[int], random: np.random.Generator) -> None:
    """Shut the eyes in a share of the rows, in place."""
    blinking = np.flatnonzero(random.random(len(rows)) < BLINKS)
    shut = np.minimum(random.uniform(0, 2, len(blinking)), 1)
    for lid in lids:
        rows[blinking, lid] = np.maximum(rows[blinking, lid], shut)


def partner(name: str) -> str:
    """Return the blendshape that moves along on the other side of the face, "" if none."""
    for one, other in _CONJUGATE.items():
        if name in (one, other):
            return other if name == one else one
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else ""


def _mixture(rows: F32, random: np.random.Generator, odds: F32 | None = None) -> F32:
    """Return a random convex mixture of up to `MOST_MIXED` rows."""
    count = int(random.integers(1, MOST_MIXED + 1))
    shares = random.dirichlet(np.ones(count)).astype(np.float32)
    return np.asarray(shares @ rows[random.choice(len(rows), size=count, p=odds)], np.float32)
