"""The settings of experiments: each [[experiment]] of the file that show.experiments names.

In:  a TOML file, the rundown.   Out: frozen plans, or ConfigError with every problem found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from livehost.brain.product import Id
from livehost.brain.script import Segment
from livehost.config import Model, load_toml
from livehost.config_actions import own
from livehost.errors import ConfigError

MOST_ARMS = 8

Deed = Literal["comment", "like", "gift", "follow", "enter", "click", "order"]
"""What viewers do, as kinds of chat messages."""


class What(StrEnum):
    """What is varied."""

    WORDING = "wording"  # of lines of a segment
    SEGMENT = "segment"  # which one of several is spoken in a round
    ORDER = "order"  # of segments in a round


class Per(StrEnum):
    """What a reward is counted by."""

    MINUTE = "minute"
    VIEWER_MINUTE = "viewer_minute"
    EXPOSURE = "exposure"


class Arm(Model):
    """[[experiment.arm]]: one of the things tried."""

    id: str = Field(pattern=r"^[\w-]{1,32}$")
    """Letters of any script."""
    wording: int | None = Field(None, ge=1)
    """what = "wording": 1 is a line's text, 2 its first variant..."""
    segment: Id | None = None
    """what = "segment": the one that is spoken; those of the other arms are left out."""
    order: tuple[Id, ...] = ()
    """what = "order": segments in the order they are spoken; all others keep their places."""


_KEYS = {What.WORDING: "wording", What.SEGMENT: "segment", What.ORDER: "order"}


class Experiment(Model):
    """[[experiment]]: what is tried, and what counts as success."""

    id: Id
    what: What
    segment: Id | None = None
    """what = "wording": whose lines."""
    lines: tuple[Id, ...] = ()
    """what = "wording": ids of its lines; empty: all that have the wordings."""
    reward: dict[Deed, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default={"click": 1.0, "order": 10.0}, min_length=1
    )
    """What viewers do that counts, and how much each time."""
    product: Id | None = None
    """Clicks and orders of this product only; None counts all."""
    per: Per = Per.MINUTE
    """minute, viewer_minute (needs the audience to be reported), or exposure: the share of
    exposures with any of it."""
    window_seconds: float = Field(60.0, ge=0, le=3600)
    """What viewers do so long after an arm has ended still counts for it."""
    least: int = Field(20, ge=5, le=1000)
    """Exposures of each arm before better ones are shown more often, or called better."""
    explore: float = Field(0.4, ge=0.05, le=1)
    """Share of choices that is spread evenly over all arms, for good."""
    seed: int = 1
    arm: tuple[Arm, ...] = Field(min_length=2, max_length=MOST_ARMS)

    @field_validator("lines", mode="before")
    @classmethod
    def _lines_by_id(cls, value: object) -> object:
        if isinstance(value, list | tuple) and any(isinstance(line, int) for line in value):
            raise ValueError('name lines by the id that they have in the rundown: ["hello"]')
        return value

    @field_validator("arm")
    @classmethod
    def _arms_have_own_ids(cls, value: tuple[Arm, ...]) -> tuple[Arm, ...]:
        return own(value, "id")

    @model_validator(mode="after")
    def _fits(self) -> Experiment:
        key = _KEYS[self.what]
        for arm in self.arm:
            if not getattr(arm, key):
                raise ValueError(f"arm {arm.id} needs {key}")
            if extra := [k for k in _KEYS.values() if k != key and getattr(arm, k)]:
                raise ValueError(f"arm {arm.id}: {extra[0]} belongs to another kind of experiment")
        if (self.what is What.WORDING) != (self.segment is not None):
            raise ValueError('segment belongs to what = "wording", which needs it')
        if len({sorted_of(arm.order) for arm in self.arm}) > 1:
            raise ValueError("order of every arm needs the same segments")
        if len({(arm.wording, arm.segment, arm.order) for arm in self.arm}) < len(self.arm):
            raise ValueError("two arms are the same")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The ids of the arms."""
        return tuple(arm.id for arm in self.arm)

    @property
    def segments(self) -> frozenset[str]:
        """The segments that it decides about."""
        if self.segment:
            return frozenset({self.segment})
        return frozenset(name for arm in self.arm for name in (arm.segment, *arm.order) if name)


def sorted_of(order: Sequence[str]) -> tuple[str, ...]:
    """Return what stands in an order, without the order."""
    return tuple(sorted(order))


class Experiments(Model):
    """The file."""

    experiment: tuple[Experiment, ...] = ()

    @field_validator("experiment")
    @classmethod
    def _have_own_ids(cls, value: tuple[Experiment, ...]) -> tuple[Experiment, ...]:
        return own(value, "id")


def load(path: Path, rundown: Sequence[Segment]) -> tuple[Experiment, ...]:
    """Read and check the file against the rundown. Raises ConfigError with every problem."""
    found = load_toml(path, Experiments).experiment
    if problems := [f"{path}: {problem}" for problem in check(found, rundown)]:
        raise ConfigError(*problems)
    return found


def check(experiments: Sequence[Experiment], rundown: Sequence[Segment]) -> Iterator[str]:
    """Yield what in the experiments does not fit the rundown, or each other."""
    segments = {segment.id: segment for segment in rundown}
    taken: dict[tuple[bool, str], str] = {}
    for experiment in experiments:
        for name in sorted(experiment.segments):
            if name not in segments:
                yield f"experiment {experiment.id}: the rundown has no segment {name}"
            key = experiment.what is What.WORDING, name
            if key in taken and taken[key] != experiment.id:
                yield (
                    f"experiment {experiment.id}: segment {name} is in {taken[key]} too; what "
                    "works could not be told apart"
                )
            taken[key] = experiment.id
        if experiment.what is What.WORDING and experiment.segment in segments:
            yield from _wordings(experiment, segments[experiment.segment])


def _wordings(experiment: Experiment, segment: Segment) -> Iterator[str]:
    most = max(arm.wording or 1 for arm in experiment.arm)
    of = f"experiment {experiment.id}: segment {segment.id}"
    lines = {line.id: line for line in segment.lines if line.id}
    for name in experiment.lines:
        if name not in lines:
            known = ", ".join(lines) or "none"
            yield f"{of} has no line with the id {name}; there are {known}"
        elif (has := 1 + len(lines[name].variants)) < most:
            yield f"{of}: line {name} has {has} wordings, not {most}; add variants"
    if not experiment.lines and all(1 + len(line.variants) < most for line in segment.lines):
        yield f"{of}: no line has {most} wordings; add variants"
